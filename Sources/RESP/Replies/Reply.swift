// A reply as a value: for control connections, tests and whatever else looks into replies. What is only passed on
// is scanned, and what a handler answers is appended to its output; neither builds one of these.

/// Any reply of RESP2 or RESP3. Bytes stay bytes: nothing says that a text is UTF-8.
public indirect enum Reply: Hashable, Sendable {
    case simple([UInt8])
    /// The whole line, its code in front: `ERR no such key`.
    case error([UInt8])
    case integer(Int)
    case bulk([UInt8])
    /// The null of RESP3, and RESP2's bulk that is not there: `_` and `$-1` mean the same.
    case null
    /// RESP2's array that is not there; kept apart since RESP2 clients are.
    case nullArray
    case array([Reply])
    case boolean(Bool)
    case double(Double)
    /// Decimal digits, perhaps behind a minus.
    case bigNumber([UInt8])
    case blobError([UInt8])
    /// The format is three bytes, such as `txt` or `mkd`.
    case verbatim(format: [UInt8], text: [UInt8])
    case map([Pair])
    case set([Reply])
    case push([Reply])
    /// A reply with what the server says about it in front.
    case attributed([Pair], Reply)

    /// A key and its value. Maps are lists of these: their order is the server's, and a key may come twice.
    public struct Pair: Hashable, Sendable {
        public var key: Reply
        public var value: Reply

        public init(_ key: Reply, _ value: Reply) {
            self.key = key
            self.value = value
        }
    }
}
