// Names of commands that only a server or a configuration told us, in any case and of any length.

import RESP

/// A flat table from the names of commands, and names within a container, to numbers from 0 on. What is looked up
/// is not copied; nothing is ever taken out.
struct NameTable: Sendable {
    /// All names in lower case, one behind the other; a subcommand as `container|name`.
    private var bytes: [UInt8] = []
    private var places: [Range<Int>] = []
    /// Indices in `places`, or -1.
    private var slots = [Int32](repeating: -1, count: 16)

    var count: Int { places.count }

    /// The number of a name, a new one if it has none.
    mutating func insert(_ name: Span<UInt8>) -> Int {
        let slot = slot(of: name, nil)
        if slots[slot] >= 0 { return Int(slots[slot]) }
        let start = bytes.count
        for index in 0..<name.count { bytes.append(Bytes.lowercased(name[index])) }
        places.append(start..<bytes.count)
        slots[slot] = Int32(places.count - 1)
        if places.count * 2 > slots.count { grow() }
        return places.count - 1
    }

    func find(_ name: Span<UInt8>) -> Int? {
        let number = slots[slot(of: name, nil)]
        return number >= 0 ? Int(number) : nil
    }

    /// The number of `container|name`.
    func find(_ name: Span<UInt8>, in container: Span<UInt8>) -> Int? {
        let number = slots[slot(of: container, name)]
        return number >= 0 ? Int(number) : nil
    }

    /// Where a name is, or where it would stand.
    private func slot(of first: Span<UInt8>, _ second: Span<UInt8>?) -> Int {
        var hash = NameTable.hash(first, from: NameTable.basis)
        if let second {
            hash = NameTable.mix(NameTable.bar, into: hash)
            hash = NameTable.hash(second, from: hash)
        }
        var slot = Int(truncatingIfNeeded: hash) & (slots.count - 1)
        while slots[slot] >= 0 {
            let place = places[Int(slots[slot])]
            if let second {
                let middle = place.lowerBound + first.count
                if place.count == first.count + 1 + second.count, bytes[middle] == NameTable.bar,
                    equals(first, at: place.lowerBound), equals(second, at: middle + 1)
                {
                    return slot
                }
            } else if place.count == first.count, equals(first, at: place.lowerBound) {
                return slot
            }
            slot = (slot + 1) & (slots.count - 1)
        }
        return slot
    }

    private func equals(_ name: Span<UInt8>, at start: Int) -> Bool {
        for index in 0..<name.count where bytes[start + index] != Bytes.lowercased(name[index]) {
            return false
        }
        return true
    }

    private mutating func grow() {
        slots = [Int32](repeating: -1, count: slots.count * 2)
        for number in places.indices {
            let name = bytes[places[number]]
            slots[slot(of: name.span, nil)] = Int32(number)
        }
    }

    private static let bar = UInt8(ascii: "|")
    // FNV-1a. Names come from servers and the configuration, who have no use for collisions.
    private static let basis: UInt64 = 0xCBF2_9CE4_8422_2325

    private static func mix(_ byte: UInt8, into hash: UInt64) -> UInt64 {
        (hash ^ UInt64(byte)) &* 0x100_0000_01B3
    }

    private static func hash(_ name: Span<UInt8>, from basis: UInt64) -> UInt64 {
        var hash = basis
        for index in 0..<name.count { hash = mix(Bytes.lowercased(name[index]), into: hash) }
        return hash
    }
}
