// What a client can send that is not RESP, in redis-server's words.

/// Why the bytes of a client cannot be a request. The connection is closed after the error line is flushed.
public enum ProtocolError: Error, Hashable, Sendable {
    case tooBigInlineRequest
    case unbalancedQuotes
    case tooBigMultibulkCount
    case invalidMultibulkLength
    case unauthenticatedMultibulkLength
    case tooBigBulkCount
    case expectedDollar(got: UInt8)
    case invalidBulkLength
    case unauthenticatedBulkLength
    /// Larger in all than `RequestLimits.requestLength`. (redis-server closes the connection without a word.)
    case tooBigRequest

    /// The text behind `-ERR Protocol error: `; a byte that would break the line stands as a space.
    public func append(to output: inout OutputQueue) {
        output.append("-ERR Protocol error: ")
        switch self {
        case .expectedDollar(let byte):
            output.append("expected '$', got '")
            output.append(byte == UInt8(ascii: "\r") || byte == UInt8(ascii: "\n") ? 0x20 : byte)
            output.append("'")
        default:
            output.append(reason)
        }
        output.append("\r\n")
    }

    /// What is wrong, without the byte in question.
    public var reason: StaticString {
        switch self {
        case .tooBigInlineRequest: "too big inline request"
        case .unbalancedQuotes: "unbalanced quotes in request"
        case .tooBigMultibulkCount: "too big mbulk count string"
        case .invalidMultibulkLength: "invalid multibulk length"
        case .unauthenticatedMultibulkLength: "unauthenticated multibulk length"
        case .tooBigBulkCount: "too big bulk count string"
        case .expectedDollar: "expected $ but got something else"
        case .invalidBulkLength: "invalid bulk length"
        case .tooBigRequest: "too big request"
        case .unauthenticatedBulkLength: "unauthenticated bulk length"
        }
    }
}
