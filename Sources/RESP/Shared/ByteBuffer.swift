// A growing piece of memory that bytes are appended to at the end and taken from at the front.

/// Owned, growable bytes. Memory is asked for when something is appended and given back by `release`.
@safe
public struct ByteBuffer: ~Copyable {
    private var base: UnsafeMutablePointer<UInt8>?
    private var capacity = 0
    private var start = 0
    private var end = 0

    public init() {
        unsafe base = nil
    }

    deinit {
        unsafe base?.deallocate()
    }

    public var count: Int { end - start }
    public var isEmpty: Bool { end == start }
    /// What is held in memory, used or not.
    public var allocated: Int { capacity }

    public var bytes: Span<UInt8> {
        @_lifetime(borrow self)
        borrowing get {
            let waiting = unsafe UnsafeBufferPointer(
                start: base.map { unsafe UnsafePointer($0) + start }, count: count)
            return unsafe _overrideLifetime(Span(_unsafeElements: waiting), borrowing: self)
        }
    }

    public mutating func append(_ bytes: Span<UInt8>) {
        guard !bytes.isEmpty else { return }
        reserve(bytes.count)
        unsafe bytes.withUnsafeBufferPointer { source in
            unsafe (base! + end).update(from: source.baseAddress!, count: source.count)
        }
        end += bytes.count
    }

    public mutating func append(_ text: StaticString) {
        text.withUTF8Buffer { utf8 in append(unsafe Span(_unsafeElements: utf8)) }
    }

    public mutating func append(_ byte: UInt8) {
        reserve(1)
        unsafe base![end] = byte
        end += 1
    }

    /// A request of these words.
    public mutating func append(request words: [[UInt8]]) {
        func appendHeader(_ kind: UInt8, _ number: Int) {
            append(kind)
            for digit in String(number).utf8 { append(digit) }
            append("\r\n")
        }
        appendHeader(UInt8(ascii: "*"), words.count)
        for word in words {
            appendHeader(UInt8(ascii: "$"), word.count)
            append(word.span)
            append("\r\n")
        }
    }

    /// Forgets the first `count` bytes.
    public mutating func removeFirst(_ count: Int) {
        precondition(
            count >= 0 && count <= self.count, "cannot remove \(count) of \(self.count) bytes")
        start += count
        if start == end {
            start = 0
            end = 0
        }
    }

    public mutating func removeAll() {
        start = 0
        end = 0
    }

    /// Forgets everything and gives the memory back.
    public mutating func release() {
        unsafe base?.deallocate()
        unsafe base = nil
        capacity = 0
        start = 0
        end = 0
    }

    /// Gives most of the memory back when more than `limit` bytes are held and less than a quarter is used.
    public mutating func shrink(above limit: Int) {
        guard capacity > limit, count < capacity / 4 else { return }
        var smaller = ByteBuffer()
        smaller.append(bytes)
        swap(&self, &smaller)
    }

    /// Makes room for `extra` more bytes: by moving the contents to the front when half of the memory is free
    /// there, by doubling otherwise, so that appending stays O(1) per byte.
    public mutating func reserve(_ extra: Int) {
        guard capacity - end < extra else { return }
        let needed = count + extra
        if needed <= capacity / 2 {
            unsafe base!.update(from: base! + start, count: count)
        } else {
            let larger = max(needed, capacity * 2, 512)
            let memory = UnsafeMutablePointer<UInt8>.allocate(capacity: larger)
            if let base = unsafe base {
                unsafe memory.update(from: base + start, count: count)
                unsafe base.deallocate()
            }
            unsafe base = memory
            capacity = larger
        }
        end = count
        start = 0
    }
}
