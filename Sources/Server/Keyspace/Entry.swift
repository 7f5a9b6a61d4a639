// How a key, its expiry and its value lie in one piece of memory.

/// What kind of value a key holds; the raw values have room for fifteen more.
package enum ValueType: UInt8, Sendable {
    case string = 0
}

/// The first eight bytes of an entry.
///
///     bits 0–3    the type of the value
///     bits 4–5    where the value is: 0 in the entry, 1 in a block of its own (2: an object, when they come)
///     bit  6      an expiry follows
///     bit  7      the key's length follows, because it needs more than 16 bits
///     bits 8–31   the clock: when or how often the key was used, as `maxmemory-policy` wants it
///     bits 32–47  the length of a value in the entry
///     bits 48–63  the length of the key
struct EntryHeader {
    static let longestShortKey = 0xFFFF

    private(set) var word: UInt64

    init(word: UInt64) {
        self.word = word
    }

    init(_ shape: EntryShape, type: ValueType, clock: UInt32) {
        word = UInt64(type.rawValue)
        word |= shape.isSeparate ? 1 << 4 : 0
        word |= shape.hasExpiry ? 1 << 6 : 0
        word |= shape.hasLongKey ? 1 << 7 : UInt64(shape.keyCount) << 48
        word |= shape.isSeparate ? 0 : UInt64(shape.valueCount) << 32
        self.clock = clock
    }

    var type: ValueType {
        guard let type = ValueType(rawValue: UInt8(truncatingIfNeeded: word & 15)) else {
            preconditionFailure("an entry of type \(word & 15)")
        }
        return type
    }

    var isSeparate: Bool { word >> 4 & 3 == 1 }
    var hasExpiry: Bool { word >> 6 & 1 == 1 }
    var hasLongKey: Bool { word >> 7 & 1 == 1 }

    var clock: UInt32 {
        get { UInt32(truncatingIfNeeded: word >> 8 & 0xFF_FFFF) }
        set { word = word & ~(0xFF_FFFF << 8) | UInt64(newValue & 0xFF_FFFF) << 8 }
    }

    /// The length of a value that is in the entry.
    var valueCount: Int {
        get { Int(truncatingIfNeeded: word >> 32 & 0xFFFF) }
        set {
            assert(newValue <= 0xFFFF && !isSeparate, "\(newValue) bytes in an entry")
            word = word & ~(0xFFFF << 32) | UInt64(newValue) << 32
        }
    }

    /// The length of a key that is not long.
    var shortKeyCount: Int { Int(truncatingIfNeeded: word >> 48) }

    /// Where the key begins: behind the header, the expiry, a long key's length and the address of a value.
    var keyOffset: Int {
        let present = (word >> 4 & 1) &+ (word >> 6 & 1) &+ (word >> 7 & 1)
        return 8 &* (1 &+ Int(truncatingIfNeeded: present))
    }
}

/// What an entry for a certain key and value must look like, and how large it is.
struct EntryShape {
    let keyCount: Int
    let valueCount: Int
    let hasExpiry: Bool
    /// Whether the value has a block of its own: if it does not fit in an item of the slab with its key.
    let isSeparate: Bool
    let byteCount: Int

    var hasLongKey: Bool { keyCount > EntryHeader.longestShortKey }

    init(keyCount: Int, valueCount: Int, hasExpiry: Bool) {
        self.keyCount = keyCount
        self.valueCount = valueCount
        self.hasExpiry = hasExpiry
        let isLong = keyCount > EntryHeader.longestShortKey
        let front = 8 + (hasExpiry ? 8 : 0) + (isLong ? 8 : 0) + keyCount
        isSeparate = front + valueCount > Slab.largest
        byteCount = front + (isSeparate ? 8 : valueCount)
    }
}

/// An entry seen through its address.
///
///     header | expiry? | long key's length? | address of the value? | key … | value …
///
/// It owns nothing and checks nothing: whoever holds one must know that the entry is alive.
@unsafe
struct Entry {
    let start: UnsafeMutableRawPointer

    init(_ slot: Slot) {
        unsafe start = UnsafeMutableRawPointer(bitPattern: slot.address).unsafelyUnwrapped
    }

    init(start: UnsafeMutableRawPointer) {
        unsafe self.start = unsafe start
    }

    var address: UInt { unsafe UInt(bitPattern: start) }

    var header: EntryHeader {
        get { unsafe EntryHeader(word: start.load(as: UInt64.self)) }
        nonmutating set { unsafe start.storeBytes(of: newValue.word, as: UInt64.self) }
    }

    var keyCount: Int {
        let header = unsafe self.header
        if !header.hasLongKey { return header.shortKeyCount }
        return unsafe start.load(fromByteOffset: header.hasExpiry ? 16 : 8, as: Int.self)
    }

    var key: UnsafeRawBufferPointer {
        unsafe UnsafeRawBufferPointer(start: start + header.keyOffset, count: keyCount)
    }

    /// The size that the entry was made for, and that a value written in place has given it since.
    var byteCount: Int {
        let header = unsafe self.header
        return unsafe header.keyOffset + keyCount + (header.isSeparate ? 0 : header.valueCount)
    }

    /// When the key expires, in milliseconds since 1970. Only for an entry that has an expiry.
    var expiry: Int64 {
        get { unsafe start.load(fromByteOffset: 8, as: Int64.self) }
        nonmutating set { unsafe start.storeBytes(of: newValue, toByteOffset: 8, as: Int64.self) }
    }

    /// The block with the value. Only for an entry whose value is separate.
    var block: ValueBlock {
        get {
            let offset = unsafe header.keyOffset - 8
            let start = unsafe start.load(fromByteOffset: offset, as: UnsafeMutableRawPointer.self)
            return unsafe ValueBlock(start: start)
        }
        nonmutating set {
            let offset = unsafe header.keyOffset - 8
            unsafe start.storeBytes(
                of: newValue.start, toByteOffset: offset, as: UnsafeMutableRawPointer.self)
        }
    }

    var value: UnsafeRawBufferPointer {
        let header = unsafe self.header
        if header.isSeparate { return unsafe block.bytes }
        return unsafe UnsafeRawBufferPointer(
            start: start + header.keyOffset + keyCount, count: header.valueCount)
    }

    /// Writes everything of a new entry but its value.
    func initialize(
        _ shape: EntryShape, type: ValueType, clock: UInt32, key: UnsafeRawBufferPointer
    ) {
        let header = EntryHeader(shape, type: type, clock: clock)
        unsafe self.header = header
        if shape.hasLongKey {
            let offset = shape.hasExpiry ? 16 : 8
            unsafe start.storeBytes(of: shape.keyCount, toByteOffset: offset, as: Int.self)
        }
        unsafe copy(key, to: start + header.keyOffset)
    }

    /// Replaces a value in the entry by one for which there is room.
    func writeValue(_ value: UnsafeRawBufferPointer) {
        unsafe header.valueCount = value.count
        unsafe copy(value, to: start + header.keyOffset + keyCount)
    }

    func hasKey(_ wanted: UnsafeRawBufferPointer) -> Bool {
        let header = unsafe self.header
        let count = wanted.count
        if header.hasLongKey {
            guard unsafe keyCount == count else { return false }
        } else {
            guard header.shortKeyCount == count else { return false }
        }
        guard let other = wanted.baseAddress else { return true }
        return unsafe areEqual(start + header.keyOffset, other, count)
    }
}

/// A value that is too large for its entry: its length, its room, its bytes.
@unsafe
struct ValueBlock {
    static let headerSize = 16

    let start: UnsafeMutableRawPointer

    init(start: UnsafeMutableRawPointer) {
        unsafe self.start = unsafe start
    }

    init(copying value: UnsafeRawBufferPointer) {
        unsafe start = UnsafeMutableRawPointer.allocate(
            byteCount: ValueBlock.headerSize + value.count, alignment: 8)
        unsafe start.storeBytes(of: value.count, toByteOffset: 8, as: Int.self)
        unsafe write(value)
    }

    var count: Int { unsafe start.load(as: Int.self) }
    var room: Int { unsafe start.load(fromByteOffset: 8, as: Int.self) }
    var byteCount: Int { unsafe ValueBlock.headerSize + room }

    var bytes: UnsafeRawBufferPointer {
        unsafe UnsafeRawBufferPointer(start: start + ValueBlock.headerSize, count: count)
    }

    /// Whether a value of `count` bytes fits, and leaves no more than half unused.
    func fits(_ count: Int) -> Bool {
        unsafe count <= room && count >= room / 2
    }

    func write(_ value: UnsafeRawBufferPointer) {
        unsafe start.storeBytes(of: value.count, as: Int.self)
        unsafe copy(value, to: start + ValueBlock.headerSize)
    }

    func free() {
        unsafe start.deallocate()
    }
}

/// Copies bytes that may overlap; an empty buffer may have no address.
private func copy(_ source: UnsafeRawBufferPointer, to target: UnsafeMutableRawPointer) {
    guard let start = source.baseAddress else { return }
    unsafe target.copyMemory(from: start, byteCount: source.count)
}

/// Compares by words of eight bytes, the last of which overlaps the one before: a call of `memcmp` costs more
/// than all of it for a key of ordinary length.
private func areEqual(_ left: UnsafeRawPointer, _ right: UnsafeRawPointer, _ count: Int) -> Bool {
    if count >= 8 {
        var offset = 0
        let last = count &- 8
        while offset < last {
            guard unsafe word(left, offset) == word(right, offset) else { return false }
            offset &+= 8
        }
        return unsafe word(left, last) == word(right, last)
    }
    if count >= 4 {
        return unsafe half(left, 0) == half(right, 0)
            && half(left, count &- 4) == half(right, count &- 4)
    }
    var offset = 0
    while offset < count {
        let one = unsafe left.load(fromByteOffset: offset, as: UInt8.self)
        let other = unsafe right.load(fromByteOffset: offset, as: UInt8.self)
        guard one == other else { return false }
        offset &+= 1
    }
    return true
}

@inline(__always)
private func word(_ start: UnsafeRawPointer, _ offset: Int) -> UInt64 {
    unsafe start.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
}

@inline(__always)
private func half(_ start: UnsafeRawPointer, _ offset: Int) -> UInt32 {
    unsafe start.loadUnaligned(fromByteOffset: offset, as: UInt32.self)
}
