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
///
/// One that is too big to be gathered comes in parts: a head, any number of middles, a tail. Their `bytes`, one after
/// the other, are the request.
public struct Request: ~Escapable {
    /// What of a request is at hand.
    public enum Part: UInt8, Sendable {
        case whole
        /// It begins, with the arguments that are complete: the command's name at least.
        case head
        /// It goes on. No arguments are told from here on.
        case middle
        /// Its last bytes.
        case tail
    }

    /// The part of the request as multibulk, ready to be forwarded. (An inline request has been rewritten.)
    public let bytes: Span<UInt8>
    public let ranges: Span<ByteRange>
    public let part: Part
    /// How many arguments a whole request has, or a head's request will have; 0 for a middle and a tail.
    public let announced: Int

    @inlinable
    @_lifetime(copy bytes, copy ranges)
    public init(bytes: Span<UInt8>, ranges: Span<ByteRange>) {
        self.bytes = bytes
        self.ranges = ranges
        part = .whole
        announced = ranges.count
    }

    @_lifetime(copy bytes, copy ranges)
    init(_ part: Part, bytes: Span<UInt8>, ranges: Span<ByteRange>, announced: Int) {
        self.bytes = bytes
        self.ranges = ranges
        self.part = part
        self.announced = announced
    }

    /// How many arguments are at hand, the command's name among them; 0 for an empty request.
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

    /// The arguments, for what is rare and outlives the read.
    public var words: [[UInt8]] {
        var words: [[UInt8]] = []
        words.reserveCapacity(count)
        for index in 0..<count { words.append([UInt8](copying: self[index])) }
        return words
    }
}
