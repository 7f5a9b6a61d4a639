// The types of reply that RESP2 and RESP3 know, by the byte that each begins with, and what can be wrong with one.

/// The type of a reply; the raw value is its first byte on the wire.
public enum ReplyKind: UInt8, CaseIterable, Sendable {
    case simple = 0x2B  // +
    case error = 0x2D  // -
    case integer = 0x3A  // :
    case bulk = 0x24  // $
    case array = 0x2A  // *
    case null = 0x5F  // _
    case boolean = 0x23  // #
    case double = 0x2C  // ,
    case bigNumber = 0x28  // (
    case blobError = 0x21  // !
    case verbatim = 0x3D  // =
    case map = 0x25  // %
    case set = 0x7E  // ~
    case attribute = 0x7C  // |
    case push = 0x3E  // >
}

/// Why the bytes of a backend cannot be a reply. Nothing that follows on the connection can be trusted.
public enum ReplyError: Error, Hashable, Sendable {
    /// No type of reply begins with this byte.
    case unknownType(UInt8)
    /// A length or count that is not a number, is negative where it must not be, or does not fit 64 bits.
    case invalidLength
    /// `$?`, `*?` and their like. The RESP3 text mentions them; no server sends them and client libraries do not
    /// read them, so one more state in every reader would serve nobody.
    case streamed
    /// A length or a bulk is not followed by a line end.
    case missingLineEnd
    /// A value that its type does not allow, such as `#x` or `:1.5`; only `ReplyParser` looks at values.
    case invalidValue(ReplyKind)
    /// Nested deeper than `ReplyParser.depth`.
    case tooDeep
    /// Longer than the parser was told to hold.
    case tooLong
}
