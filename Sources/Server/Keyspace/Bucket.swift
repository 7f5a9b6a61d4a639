// One cache line of the hash table: seven slots, and a word that says what is in them.

/// Where an entry is, and sixteen bits of its key's hash.
///
/// The hash bits are those that decide a split (`HashTable.grow`), so that splitting a bucket reads this cache
/// line and no entry.
struct Slot {
    /// The hash bits kept here: 12 to 27, enough to split 4,096 to 268 million buckets.
    static let hashBits = 12..<28

    private(set) var word: UInt64

    static let empty = Slot(address: 0, hash: 0)

    init(address: UInt, hash: UInt64) {
        word = UInt64(address) | (hash >> UInt64(Slot.hashBits.lowerBound)) << 48
    }

    var address: UInt { UInt(truncatingIfNeeded: word & (1 << 48 - 1)) }

    /// The bit of the key's hash at `position`, which must be one of `hashBits`.
    func hashBit(_ position: Int) -> Bool {
        assert(Slot.hashBits.contains(position), "bit \(position) is not kept")
        return word >> UInt64(48 + position - Slot.hashBits.lowerBound) & 1 == 1
    }

    /// The same key at another address.
    func moved(to address: UInt) -> Slot {
        var slot = self
        slot.word = word & ~(1 << 48 - 1) | UInt64(address)
        return slot
    }
}

/// A bucket of up to seven entries.
///
///     word 0   bytes 0…6: a tag per slot, the top byte of its hash, zero when the slot is empty
///              byte 7:    flags: bit 0, slot 6 leads to a further bucket; the others are free
///     words 1…7           slots
///
/// Entries fill the slots from the first on, without gaps. When an eighth comes, slot 6 becomes the way to a
/// further bucket of the same make; it is folded back as soon as seven are left. So a further bucket holds two
/// or more.
///
/// A free flag of the first bucket of a chain is the place for a snapshot's "saved in this epoch". A split copies
/// the word's flags to both halves; a merge, or a move of an entry to another bucket, saves what is unsaved first.
struct Bucket {
    static let capacity = 7
    private static let tagBytes: UInt64 = 0x00FF_FFFF_FFFF_FFFF
    private static let lowBits: UInt64 = 0x007F_7F7F_7F7F_7F7F
    private static let ones: UInt64 = 0x0001_0101_0101_0101
    private static let linked: UInt64 = 1 << 56

    private var meta: UInt64 = 0
    private var slots = InlineArray<7, Slot>(repeating: .empty)

    /// The tag of a hash; never zero, which means empty.
    static func tag(of hash: UInt64) -> UInt8 {
        let top = UInt8(truncatingIfNeeded: hash >> 56)
        return top == 0 ? 1 : top
    }

    /// Entries in this bucket itself.
    var count: Int { (71 &- (meta & Bucket.tagBytes).leadingZeroBitCount) >> 3 }

    /// The address of the further bucket, if there is one.
    var next: UInt? { meta & Bucket.linked == 0 ? nil : slots[6].address }

    subscript(index: Int) -> Slot {
        assert(index < count, "slot \(index) of \(count)")
        return slots[index]
    }

    func tag(_ index: Int) -> UInt8 {
        UInt8(truncatingIfNeeded: meta >> UInt64(8 * index))
    }

    /// The slots with this tag: bit 7 of byte *i* is set for slot *i*, and no other bit anywhere.
    func matches(_ tag: UInt8) -> UInt64 {
        let difference = meta ^ (Bucket.ones &* UInt64(tag))
        // A byte is zero if neither its top bit is set nor a carry from its other bits reaches it.
        let nonzero = (difference & Bucket.lowBits) &+ Bucket.lowBits | difference
        return ~nonzero & (Bucket.ones << 7)
    }

    /// Adds an entry behind the others; there must be room.
    mutating func append(_ slot: Slot, tag: UInt8) {
        let index = count
        precondition(index < Bucket.capacity && next == nil, "no room in the bucket")
        slots[index] = slot
        meta |= UInt64(tag) << UInt64(8 * index)
    }

    /// Puts an entry in the place of another.
    mutating func replace(_ index: Int, with slot: Slot, tag: UInt8) {
        precondition(index < count, "slot \(index) of \(count)")
        slots[index] = slot
        let shift = UInt64(8 * index)
        meta = meta & ~(0xFF << shift) | UInt64(tag) << shift
    }

    mutating func removeLast() -> (slot: Slot, tag: UInt8) {
        let index = count - 1
        precondition(index >= 0, "the bucket is empty")
        let last = (slots[index], tag(index))
        slots[index] = .empty
        meta &= ~(0xFF << UInt64(8 * index))
        return last
    }

    /// Makes the last slot, which must be empty, the way to a further bucket.
    mutating func link(_ address: UInt) {
        precondition(count == Bucket.capacity - 1 && next == nil, "the last slot is taken")
        slots[6] = Slot(address: address, hash: 0)
        meta |= Bucket.linked
    }

    mutating func unlink() {
        precondition(next != nil, "there is no further bucket")
        slots[6] = .empty
        meta &= ~Bucket.linked
    }
}
