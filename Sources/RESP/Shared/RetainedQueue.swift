// The output of one connection that is kept beyond its sending, until what it asked for has come: lest a connection
// that dies take with it what could be asked elsewhere.
//
//     0          released          sent            end
//     ├─ forgotten ──┼── taken, kept ──┼── waiting ──┤
//
// The bytes stand in the same chain of blocks that an output queue has; what differs is where a driver's write begins.

/// Waiting output, and behind the driver's back what it has taken already. Places in it are counts of all bytes ever
/// appended since the queue was made or emptied.
@safe
public struct RetainedQueue: ~Copyable {
    /// Everything that is not released.
    @usableFromInline var kept: OutputQueue
    /// How many bytes the driver has taken.
    public private(set) var sent = 0
    /// How many bytes are forgotten.
    public private(set) var released = 0
    /// Where what was taken last ends: a block of the chain, and the place in it. Nil while nothing taken is held, for
    /// then the driver's bytes begin with the chain.
    private var lastTaken: UnsafeMutablePointer<Block>?
    private var endOfTaken = 0

    /// False for a connection whose requests are never sent again: what is taken is released at once. Taken bytes that
    /// are held when it becomes false are released too.
    public var retains = true {
        didSet {
            if !retains { release(upTo: sent) }
        }
    }

    public init(pool: BlockPool) {
        kept = OutputQueue(pool: pool)
        unsafe lastTaken = nil
    }

    /// How many bytes were ever appended.
    @inlinable
    public var end: Int { released + kept.count }

    @inlinable
    public var unsent: Int { end - sent }

    /// Bytes that take memory, sent or not.
    @inlinable
    public var held: Int { kept.count }

    /// True when nothing waits for the driver; there may be bytes held.
    @inlinable
    public var isEmpty: Bool { unsent == 0 }

    @inlinable
    public mutating func append(_ bytes: Span<UInt8>) {
        kept.append(bytes)
    }

    @inlinable
    public mutating func append(_ text: StaticString) {
        kept.append(text)
    }

    @inlinable
    public mutating func append(_ byte: UInt8) {
        kept.append(byte)
    }

    /// The header of a request of `count` arguments, which are appended as bulks.
    public mutating func appendArrayHeader(_ count: Int) {
        kept.appendArrayHeader(count)
    }

    public mutating func appendBulk(_ bytes: Span<UInt8>) {
        kept.appendBulk(bytes)
    }

    public mutating func appendBulk(_ text: StaticString) {
        kept.appendBulk(text)
    }

    /// A number as an argument.
    public mutating func appendBulk(_ number: Int) {
        kept.appendBulk(number)
    }

    /// Offers what waits, oldest first. What `write` says it took is kept until it is released.
    public mutating func drain(into write: (borrowing OutputPieces) -> Int) {
        guard unsent > 0, let place = unsafe firstUnsent() else { return }
        let pieces = unsafe kept.pieces(from: place.block, offset: place.offset)
        let taken = write(pieces)
        precondition(taken >= 0 && taken <= pieces.total, "took \(taken) of \(pieces.total) bytes")
        if taken == 0 { return }
        sent += taken
        if retains {
            unsafe noteTaken(taken, from: place)
        } else {
            release(upTo: sent)
        }
    }

    /// Forgets everything before `position`; earlier positions than one before are passed over. Nothing can be released
    /// that was not sent.
    public mutating func release(upTo position: Int) {
        precondition(position <= sent, "released up to \(position), but sent up to \(sent)")
        guard position > released else { return }
        kept.removeFirst(position - released)
        released = position
        // From here on the driver's bytes begin with the chain, and the block may be another's by now.
        if released == sent { unsafe lastTaken = nil }
    }

    /// Hands over the held bytes between two positions, in pieces and in order, to be sent again.
    public func withBytes(from start: Int, to end: Int, _ body: (Span<UInt8>) -> Void) {
        precondition(start >= released, "\(start) is released, which is up to \(released)")
        precondition(start <= end && end <= self.end, "no bytes from \(start) to \(end)")
        guard start < end, var block = unsafe kept.head else { return }
        var toSkip = start - released
        var left = end - start
        var offset = unsafe block.pointee.start
        while unsafe kept.end(of: block) - offset <= toSkip {
            unsafe toSkip -= kept.end(of: block) - offset
            unsafe block = block.pointee.next!
            offset = 0
        }
        offset += toSkip
        while true {
            let count = unsafe min(left, kept.end(of: block) - offset)
            unsafe body(Span(_unsafeStart: OutputQueue.bytes(of: block) + offset, count: count))
            left -= count
            if left == 0 { return }
            unsafe block = block.pointee.next!
            offset = 0
        }
    }

    /// Appends the held bytes between two positions to a buffer.
    public func copy(from start: Int, to end: Int, into buffer: inout ByteBuffer) {
        buffer.reserve(end - start)
        withBytes(from: start, to: end) { buffer.append($0) }
    }

    /// Forgets everything, sent or not; positions begin at 0 again.
    public mutating func removeAll() {
        kept.removeAll()
        sent = 0
        released = 0
        unsafe lastTaken = nil
    }

    private typealias Place = (block: UnsafeMutablePointer<Block>, offset: Int)

    /// Where the driver's bytes begin. Only asked when there are any.
    private func firstUnsent() -> Place? {
        guard let block = unsafe lastTaken else {
            return unsafe kept.head.map { unsafe ($0, $0.pointee.start) }
        }
        if unsafe endOfTaken == kept.end(of: block), let next = unsafe block.pointee.next {
            return unsafe (next, 0)
        }
        return unsafe (block, endOfTaken)
    }

    /// Notes where the last of `count` bytes stands, which begin at `place`.
    private mutating func noteTaken(_ count: Int, from place: Place) {
        var (block, offset) = unsafe place
        var left = count
        while unsafe left > kept.end(of: block) - offset {
            unsafe left -= kept.end(of: block) - offset
            unsafe block = block.pointee.next!
            offset = 0
        }
        unsafe lastTaken = block
        endOfTaken = offset + left
    }
}
