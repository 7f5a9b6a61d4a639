// Replies written straight into a connection's output, without a `Reply` in between and without an allocation.
// What RESP2 has no type for is written the way redis-server writes it to a RESP2 client.

extension OutputQueue {
    /// A status such as `OK`; it must hold no line end.
    public mutating func appendSimple(_ text: StaticString) {
        unsafe appendLine(ReplyKind.simple.rawValue, text.utf8Start, text.utf8CodeUnitCount)
    }

    /// An error with its code, such as `ERR no such key`; it must hold no line end.
    public mutating func appendError(_ text: StaticString) {
        unsafe appendLine(ReplyKind.error.rawValue, text.utf8Start, text.utf8CodeUnitCount)
    }

    /// A line in which a client's own bytes may stand: a line end within it becomes spaces.
    public mutating func appendLine(_ kind: ReplyKind, _ text: Span<UInt8>) {
        append(kind.rawValue)
        for index in text.indices {
            let byte = text[index]
            append(byte == 0x0D || byte == 0x0A ? 0x20 : byte)
        }
        append("\r\n")
    }

    /// For errors with details. Not for the path of a request that succeeds.
    public mutating func appendError(text: String) {
        var text = text
        text.withUTF8 { utf8 in appendLine(.error, unsafe Span(_unsafeElements: utf8)) }
    }

    public mutating func appendInteger(_ number: Int) {
        appendNumber(ReplyKind.integer.rawValue, number)
    }

    public mutating func appendBulk(_ bytes: Span<UInt8>) {
        unsafe bytes.withUnsafeBufferPointer { source in
            unsafe appendBody(ReplyKind.bulk.rawValue, source)
        }
    }

    public mutating func appendBulk(_ text: StaticString) {
        let source = unsafe UnsafeBufferPointer(
            start: text.utf8Start, count: text.utf8CodeUnitCount)
        unsafe appendBody(ReplyKind.bulk.rawValue, source)
    }

    /// For text that people read. Not for the path of a request.
    public mutating func appendBulk(text: String) {
        var text = text
        text.withUTF8 { utf8 in unsafe appendBody(ReplyKind.bulk.rawValue, utf8) }
    }

    /// A number as a bulk, as INCRBYFLOAT's relatives and CONFIG GET have it.
    public mutating func appendBulk(_ number: Int) {
        var text = InlineArray<20, UInt8>(repeating: 0)
        let start = Decimal.write(number, into: &text)
        appendBulk(text.span.extracting(start..<Decimal.longest))
    }

    /// A bulk that is not there.
    public mutating func appendNull(for version: ProtocolVersion) {
        append(version == .resp2 ? "$-1\r\n" : "_\r\n")
    }

    /// An array that is not there, such as a list that stayed empty.
    public mutating func appendNullArray(for version: ProtocolVersion) {
        append(version == .resp2 ? "*-1\r\n" : "_\r\n")
    }

    /// `count` elements follow.
    public mutating func appendArrayHeader(_ count: Int) {
        appendNumber(ReplyKind.array.rawValue, count)
    }

    /// `count` keys follow, each with its value.
    public mutating func appendMapHeader(_ count: Int, for version: ProtocolVersion) {
        switch version {
        case .resp2: appendNumber(ReplyKind.array.rawValue, count * 2)
        case .resp3: appendNumber(ReplyKind.map.rawValue, count)
        }
    }

    public mutating func appendSetHeader(_ count: Int, for version: ProtocolVersion) {
        let kind = version == .resp2 ? ReplyKind.array : .set
        appendNumber(kind.rawValue, count)
    }

    public mutating func appendPushHeader(_ count: Int, for version: ProtocolVersion) {
        let kind = version == .resp2 ? ReplyKind.array : .push
        appendNumber(kind.rawValue, count)
    }

    public mutating func appendDouble(_ number: Double, for version: ProtocolVersion) {
        let text = DoubleText(number)
        switch version {
        case .resp2: appendBulk(text.bytes)
        case .resp3: appendLine(.double, text.bytes)
        }
    }

    public mutating func appendBoolean(_ value: Bool, for version: ProtocolVersion) {
        switch version {
        case .resp2: append(value ? ":1\r\n" : ":0\r\n")
        case .resp3: append(value ? "#t\r\n" : "#f\r\n")
        }
    }

    /// Attributes of the reply that follows: `count` keys, each with its value. RESP2 has no such thing, and a
    /// handler leaves them out there.
    public mutating func appendAttributeHeader(_ count: Int) {
        appendNumber(ReplyKind.attribute.rawValue, count)
    }

    /// Text of a format named by three bytes, such as `txt`.
    public mutating func appendVerbatim(
        _ text: Span<UInt8>, format: StaticString, for version: ProtocolVersion
    ) {
        format.withUTF8Buffer { utf8 in
            appendVerbatim(text, format: unsafe Span(_unsafeElements: utf8), for: version)
        }
    }

    mutating func appendVerbatim(
        _ text: Span<UInt8>, format: Span<UInt8>, for version: ProtocolVersion
    ) {
        precondition(format.count == 3, "a format is three bytes, not \(format.count)")
        guard version == .resp3 else { return appendBulk(text) }
        appendNumber(ReplyKind.verbatim.rawValue, text.count + 4)
        append(format)
        append(UInt8(ascii: ":"))
        append(text)
        append("\r\n")
    }

    /// An error that may hold any bytes, line ends too; to RESP2 it is one line.
    public mutating func appendBlobError(_ text: Span<UInt8>, for version: ProtocolVersion) {
        guard version == .resp3 else { return appendLine(.error, text) }
        unsafe text.withUnsafeBufferPointer { source in
            unsafe appendBody(ReplyKind.blobError.rawValue, source)
        }
    }

    /// Digits beyond 64 bits; they must hold no line end.
    public mutating func appendBigNumber(_ digits: Span<UInt8>, for version: ProtocolVersion) {
        switch version {
        case .resp2: appendBulk(digits)
        case .resp3: appendLine(.bigNumber, digits)
        }
    }
}
