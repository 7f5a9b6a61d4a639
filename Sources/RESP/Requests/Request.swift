// One request as it stands in the input: ranges of bytes, nothing copied.

/// A stretch of bytes within one request; four gigabytes is far beyond what any limit lets in.
public struct ByteRange: Hashable, Sendable {
    public let start: UInt32
    public let end: UInt32

    @inlinable
    public init(_ start: Int, _ end: Int) {
        self.start = UInt32(start)
        self.end = UInt32(end)
    }

    @inlinable
    public var count: Int { Int(end - start) }
}

/// The arguments of one request, borrowed from the input buffer for as long as it is being handled.
public struct Request: ~Escapable {
    /// The whole request as multibulk, ready to be forwarded. (An inline request has been rewritten.)
    public let bytes: Span<UInt8>
    public let ranges: Span<ByteRange>

    @inlinable
    @_lifetime(copy bytes, copy ranges)
    public init(bytes: Span<UInt8>, ranges: Span<ByteRange>) {
        self.bytes = bytes
        self.ranges = ranges
    }

    /// How many arguments there are, the command's name among them; 0 for an empty request.
    @inlinable
    public var count: Int { ranges.count }

    @inlinable
    public subscript(_ index: Int) -> Span<UInt8> {
        @_lifetime(copy self)
        get {
            let range = ranges[index]
            return bytes.extracting(Int(range.start)..<Int(range.end))
        }
    }
}
