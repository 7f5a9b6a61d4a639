// Names as numbers: what makes looking one up cheap.

/// A name of up to 23 bytes in lower case, packed into three words with its length in the last byte. Comparing
/// two takes three comparisons, and nothing is allocated.
struct PackedName: Equatable, Sendable {
    static let longest = 23

    let low: UInt64
    let middle: UInt64
    let high: UInt64

    /// Nil when the name is longer than any that is looked for.
    @inline(__always)
    init?(_ name: Span<UInt8>) {
        let count = name.count
        let length = UInt64(truncatingIfNeeded: count) << 56
        // Nearly all names are in the first two cases.
        if count <= 8 {
            low = Self.fold(Self.pack(name, from: 0, to: count))
            middle = 0
            high = length
        } else if count <= 16 {
            low = Self.fold(Self.pack(name, from: 0, to: 8))
            middle = Self.fold(Self.pack(name, from: 8, to: count))
            high = length
        } else if count <= Self.longest {
            low = Self.fold(Self.pack(name, from: 0, to: 8))
            middle = Self.fold(Self.pack(name, from: 8, to: 16))
            high = Self.fold(Self.pack(name, from: 16, to: count)) | length
        } else {
            return nil
        }
    }

    /// A name in the source.
    init(_ name: StaticString) {
        let bytes = Array(name.description.utf8)
        guard let packed = PackedName(bytes.span) else {
            preconditionFailure("the name \(name) is too long to be packed")
        }
        self = packed
    }

    /// Spread over 64 bits, the best ones on top.
    var hash: UInt64 {
        (low ^ high) &* 0x9E37_79B9_7F4A_7C15 ^ (middle ^ high) &* 0xC2B2_AE3D_27D4_EB4F
    }

    @inline(__always)
    private static func pack(_ name: Span<UInt8>, from start: Int, to end: Int) -> UInt64 {
        var word: UInt64 = 0
        var shift: UInt64 = 0
        var index = start
        while index < end {
            word |= UInt64(name[index]) &<< shift
            shift &+= 8
            index &+= 1
        }
        return word
    }

    /// Turns A to Z into a to z, and nothing else, in all eight bytes at once: setting bit 5 everywhere would
    /// take `@` for a backtick.
    @inline(__always)
    private static func fold(_ word: UInt64) -> UInt64 {
        let sevenBits = word & 0x7F7F_7F7F_7F7F_7F7F
        // The top bit of a byte is carried into from A on, and from behind Z on.
        let fromA = sevenBits &+ 0x3F3F_3F3F_3F3F_3F3F
        let behindZ = sevenBits &+ 0x2525_2525_2525_2525
        let isUpper = (fromA ^ behindZ) & ~word & 0x8080_8080_8080_8080
        return word | isUpper &>> 2
    }
}

/// A flat table from names, and names within a container, to rows.
struct NameIndex: Sendable {
    private struct Slot {
        var name: PackedName?
        /// The row of the container plus one, or 0 for a name that stands alone.
        var container: UInt16 = 0
        var row: UInt16 = 0
    }

    private var slots: [Slot]
    private let shift: UInt64

    /// With so much room that most names are where they are looked for first.
    init(capacity: Int) {
        var bits = 4
        while 1 << bits < capacity * 4 { bits += 1 }
        slots = Array(repeating: Slot(), count: 1 << bits)
        shift = UInt64(64 - bits)
    }

    mutating func insert(_ name: PackedName, in container: CommandID? = nil, row: Int) {
        let key = Self.key(container)
        precondition(find(name, key: key) == nil, "row \(row) has the name of another")
        var place = home(name, key: key)
        while slots[place].name != nil { place = (place + 1) & (slots.count - 1) }
        slots[place] = Slot(name: name, container: key, row: UInt16(row))
    }

    @inline(__always)
    func find(_ name: Span<UInt8>, in container: CommandID? = nil) -> Int? {
        guard let packed = PackedName(name) else { return nil }
        return find(packed, key: Self.key(container))
    }

    @inline(__always)
    private func find(_ name: PackedName, key: UInt16) -> Int? {
        var place = home(name, key: key)
        while let candidate = slots[place].name {
            if candidate == name, slots[place].container == key { return Int(slots[place].row) }
            place = (place + 1) & (slots.count - 1)
        }
        return nil
    }

    @inline(__always)
    private func home(_ name: PackedName, key: UInt16) -> Int {
        let mixed = name.hash &+ UInt64(key) &* 0x9E37_79B9_7F4A_7C15
        return Int(truncatingIfNeeded: mixed &>> shift)
    }

    @inline(__always)
    private static func key(_ container: CommandID?) -> UInt16 {
        container.map { $0.rawValue + 1 } ?? 0
    }
}
