// From `Reply` values to bytes, for either version of the protocol.

/// Writes replies for the version that a connection speaks. What RESP2 has no type for is written as redis-server
/// writes it to a RESP2 client.
public struct ReplyWriter: Sendable {
    public let version: ProtocolVersion

    public init(for version: ProtocolVersion) {
        self.version = version
    }

    public func write(_ reply: Reply, to output: inout OutputQueue) {
        switch reply {
        case .simple(let text): output.appendLine(.simple, text.span)
        case .error(let text): output.appendLine(.error, text.span)
        case .integer(let number): output.appendInteger(number)
        case .bulk(let bytes): output.appendBulk(bytes.span)
        case .null: output.appendNull(for: version)
        case .nullArray: output.appendNullArray(for: version)
        case .boolean(let value): output.appendBoolean(value, for: version)
        case .double(let number): output.appendDouble(number, for: version)
        case .bigNumber(let digits): output.appendBigNumber(digits.span, for: version)
        case .blobError(let text): output.appendBlobError(text.span, for: version)
        case .verbatim(let format, let text):
            output.appendVerbatim(text.span, format: format.span, for: version)
        case .array(let elements):
            output.appendArrayHeader(elements.count)
            write(elements, to: &output)
        case .set(let elements):
            output.appendSetHeader(elements.count, for: version)
            write(elements, to: &output)
        case .push(let elements):
            output.appendPushHeader(elements.count, for: version)
            write(elements, to: &output)
        case .map(let pairs):
            output.appendMapHeader(pairs.count, for: version)
            write(pairs, to: &output)
        case .attributed(let attributes, let reply):
            if version == .resp3 {
                output.appendAttributeHeader(attributes.count)
                write(attributes, to: &output)
            }
            write(reply, to: &output)
        }
    }

    private func write(_ elements: [Reply], to output: inout OutputQueue) {
        for element in elements { write(element, to: &output) }
    }

    private func write(_ pairs: [Reply.Pair], to output: inout OutputQueue) {
        for pair in pairs {
            write(pair.key, to: &output)
            write(pair.value, to: &output)
        }
    }
}
