// The bytes that wait to be sent on one connection: a chain of blocks from a pool, filled at the tail by a core
// and taken from the head by a driver.
//
//     head ─▶ [ header │ sent │ waiting ... ] ─▶ [ header │ waiting ... │ free ] ◀─ cursor, limit
//
// A chain rather than one growing buffer: nothing is moved when it grows, a connection at rest holds no block,
// and a burst gives its memory back block by block.

/// Blocks of memory for the output of one core's connections, kept for reuse up to a limit.
@safe
public final class BlockPool {
    /// What one block holds; larger pieces of output get a block of their own size.
    public static let payload = 16 * 1024 - MemoryLayout<Block>.size

    /// Free blocks beyond this many go back to the system at once.
    public let keeps: Int
    private var free: UnsafeMutablePointer<Block>?
    private var freeCount = 0
    /// Bytes of memory in blocks that connections hold.
    public private(set) var inUse = 0

    public init(keeps: Int = 256) {
        self.keeps = keeps
        unsafe free = nil
    }

    deinit {
        while let block = unsafe free {
            unsafe free = block.pointee.next
            unsafe UnsafeMutableRawPointer(block).deallocate()
        }
    }

    @usableFromInline
    func take(room: Int) -> UnsafeMutablePointer<Block> {
        if room <= BlockPool.payload, let block = unsafe free {
            unsafe free = block.pointee.next
            freeCount -= 1
            inUse += BlockPool.payload
            unsafe block.pointee = Block(capacity: BlockPool.payload)
            return unsafe block
        }
        let capacity = max(room, BlockPool.payload)
        let memory = UnsafeMutableRawPointer.allocate(
            byteCount: MemoryLayout<Block>.size + capacity, alignment: 16)
        inUse += capacity
        return unsafe memory.initializeMemory(as: Block.self, to: Block(capacity: capacity))
    }

    @usableFromInline
    func give(_ block: UnsafeMutablePointer<Block>) {
        inUse -= unsafe block.pointee.capacity
        guard unsafe block.pointee.capacity == BlockPool.payload, freeCount < keeps else {
            unsafe UnsafeMutableRawPointer(block).deallocate()
            return
        }
        unsafe block.pointee.next = unsafe free
        unsafe free = unsafe block
        freeCount += 1
    }
}

/// What stands at the front of a block's memory; its bytes follow.
@safe
@usableFromInline
struct Block {
    @usableFromInline var next: UnsafeMutablePointer<Block>?
    @usableFromInline let capacity: Int
    /// The first byte not sent yet, and the end of what was written; the end of the tail is the queue's cursor.
    @usableFromInline var start = 0
    @usableFromInline var end = 0

    @usableFromInline
    init(capacity: Int) {
        unsafe next = nil
        self.capacity = capacity
    }
}

@safe
public struct OutputQueue: ~Copyable {
    private let pool: BlockPool
    private(set) var head: UnsafeMutablePointer<Block>?
    private var tail: UnsafeMutablePointer<Block>?
    @usableFromInline var cursor: UnsafeMutablePointer<UInt8>?
    /// Free bytes behind the cursor.
    @usableFromInline var room = 0
    @usableFromInline var waiting = 0

    public init(pool: BlockPool) {
        self.pool = pool
        unsafe head = nil
        unsafe tail = nil
        unsafe cursor = nil
    }

    deinit {
        var block = unsafe head
        while let current = unsafe block {
            unsafe block = current.pointee.next
            unsafe pool.give(current)
        }
    }

    /// How many bytes wait.
    @inlinable
    public var count: Int { waiting }

    @inlinable
    public var isEmpty: Bool { waiting == 0 }

    /// Inlinable: replies are a handful of short appends each, and a call per append was measurable.
    @inlinable
    public mutating func append(_ bytes: Span<UInt8>) {
        unsafe bytes.withUnsafeBufferPointer { source in
            guard let base = source.baseAddress else { return }
            unsafe append(base, source.count)
        }
    }

    @inlinable
    public mutating func append(_ text: StaticString) {
        unsafe append(text.utf8Start, text.utf8CodeUnitCount)
    }

    @inlinable
    public mutating func append(_ byte: UInt8) {
        if room == 0 { addBlock(room: 1) }
        unsafe cursor!.pointee = byte
        unsafe cursor! += 1
        room -= 1
        waiting += 1
    }

    /// For text that people read: INFO, errors with details. Not for the path of a request.
    public mutating func append(text: String) {
        var text = text
        text.withUTF8 { utf8 in
            guard let base = utf8.baseAddress else { return }
            unsafe append(base, utf8.count)
        }
    }

    @usableFromInline
    mutating func append(_ source: UnsafePointer<UInt8>, _ length: Int) {
        guard room >= length, let cursor = unsafe cursor else {
            unsafe appendAcross(source, length)
            return
        }
        unsafe cursor.update(from: source, count: length)
        advance(length)
    }

    /// A type byte, some text and a line end.
    mutating func appendLine(_ type: UInt8, _ source: UnsafePointer<UInt8>, _ length: Int) {
        guard room >= length + 3, let cursor = unsafe cursor else {
            append(type)
            unsafe append(source, length)
            append("\r\n")
            return
        }
        unsafe cursor.pointee = type
        unsafe (cursor + 1).update(from: source, count: length)
        unsafe OutputQueue.writeLineEnd(at: cursor + 1 + length)
        advance(length + 3)
    }

    /// A type byte, a number and a line end: an integer, or the header of something longer.
    mutating func appendNumber(_ type: UInt8, _ number: Int) {
        if room >= OutputQueue.longestHeader, let cursor = unsafe cursor {
            unsafe advance(OutputQueue.writeHeader(type, number, at: cursor))
            return
        }
        append(type)
        Decimal.append(number, to: &self)
        append("\r\n")
    }

    /// A header with the length of `source`, `source`, and a line end.
    mutating func appendBody(_ type: UInt8, _ source: UnsafeBufferPointer<UInt8>) {
        let length = source.count
        guard room >= OutputQueue.longestHeader + length + 2, let cursor = unsafe cursor else {
            appendNumber(type, length)
            if let base = source.baseAddress { unsafe append(base, length) }
            append("\r\n")
            return
        }
        let header = unsafe OutputQueue.writeHeader(type, length, at: cursor)
        if let base = source.baseAddress {
            unsafe (cursor + header).update(from: base, count: length)
        }
        unsafe OutputQueue.writeLineEnd(at: cursor + header + length)
        advance(header + length + 2)
    }

    private mutating func advance(_ length: Int) {
        unsafe cursor! += length
        room -= length
        waiting += length
    }

    /// A type byte, the longest number and a line end.
    private static let longestHeader = Decimal.longest + 3

    private static func writeLineEnd(at place: UnsafeMutablePointer<UInt8>) {
        unsafe place[0] = 0x0D
        unsafe place[1] = 0x0A
    }

    /// Writes a header at `place`, where `longestHeader` bytes are free, and returns its length.
    private static func writeHeader(
        _ type: UInt8, _ number: Int, at place: UnsafeMutablePointer<UInt8>
    ) -> Int {
        unsafe place[0] = type
        var rest = number.magnitude
        var length = Decimal.digits(of: rest) + 1
        if number < 0 {
            unsafe place[1] = UInt8(ascii: "-")
            length += 1
        }
        var index = length
        repeat {
            index -= 1
            unsafe place[index] = UInt8(truncatingIfNeeded: rest % 10) + UInt8(ascii: "0")
            rest /= 10
        } while rest > 0
        unsafe writeLineEnd(at: place + length)
        return length + 2
    }

    /// Fills the tail, and puts the rest into one new block that is large enough.
    @inline(never)
    private mutating func appendAcross(_ source: UnsafePointer<UInt8>, _ length: Int) {
        if length == 0 { return }
        let first = room
        if first > 0 { unsafe append(source, first) }
        addBlock(room: length - first)
        unsafe append(source + first, length - first)
    }

    @usableFromInline
    mutating func addBlock(room wanted: Int) {
        let block = unsafe pool.take(room: wanted)
        if let tail = unsafe tail {
            unsafe tail.pointee.end = tail.pointee.capacity - room
            unsafe tail.pointee.next = unsafe block
        } else {
            unsafe head = unsafe block
        }
        unsafe tail = unsafe block
        unsafe cursor = OutputQueue.bytes(of: block)
        room = unsafe block.pointee.capacity
    }

    /// Offers what waits, oldest first, and forgets as many bytes as `write` says it took.
    public mutating func drain(into write: (borrowing OutputPieces) -> Int) {
        guard let head = unsafe head else { return }
        let pieces = unsafe pieces(from: head, offset: head.pointee.start)
        let taken = write(pieces)
        precondition(taken >= 0 && taken <= pieces.total, "took \(taken) of \(pieces.total) bytes")
        removeFirst(taken)
    }

    /// What stands from a place in one of the chain's blocks on, as much as one write is worth.
    func pieces(from first: UnsafeMutablePointer<Block>, offset: Int) -> OutputPieces {
        var pieces = OutputPieces()
        var start = offset
        var block = unsafe Optional(first)
        while let current = unsafe block, pieces.count < OutputPieces.most {
            let length = unsafe end(of: current) - start
            unsafe pieces.add(OutputQueue.bytes(of: current) + start, count: length)
            unsafe block = current.pointee.next
            // Only the first block has been taken from.
            start = 0
        }
        return pieces
    }

    /// Behind the last byte written into one of the chain's blocks.
    func end(of block: UnsafeMutablePointer<Block>) -> Int {
        unsafe block == tail ? block.pointee.capacity - room : block.pointee.end
    }

    /// Forgets everything that waits.
    public mutating func removeAll() {
        removeFirst(count)
    }

    mutating func removeFirst(_ number: Int) {
        waiting -= number
        var left = number
        while let block = unsafe head {
            let isTail = unsafe block == tail
            let unsent = unsafe end(of: block) - block.pointee.start
            if left < unsent {
                unsafe block.pointee.start += left
                return
            }
            left -= unsent
            unsafe head = block.pointee.next
            unsafe pool.give(block)
            if isTail {
                unsafe tail = nil
                unsafe cursor = nil
                room = 0
                return
            }
        }
    }

    static func bytes(of block: UnsafeMutablePointer<Block>) -> UnsafeMutablePointer<UInt8> {
        unsafe UnsafeMutableRawPointer(block + 1).assumingMemoryBound(to: UInt8.self)
    }
}

/// The front of an output queue, lent to a driver for one write.
@safe
public struct OutputPieces: ~Copyable {
    /// As many as one `writev` is worth; more wait for the next write.
    public static let most = 16

    private var pieces: InlineArray<16, UnsafeBufferPointer<UInt8>>
    public private(set) var count = 0
    /// Bytes in all pieces together.
    public private(set) var total = 0

    init() {
        unsafe pieces = .init(repeating: UnsafeBufferPointer(start: nil, count: 0))
    }

    mutating func add(_ start: UnsafeMutablePointer<UInt8>, count length: Int) {
        unsafe pieces[count] = UnsafeBufferPointer(start: start, count: length)
        count += 1
        total += length
    }

    public subscript(_ index: Int) -> Span<UInt8> {
        @_lifetime(borrow self)
        borrowing get {
            precondition(index >= 0 && index < count, "piece \(index) of \(count)")
            let piece = unsafe pieces[index]
            return unsafe _overrideLifetime(Span(_unsafeElements: piece), borrowing: self)
        }
    }
}
