// The digest by which servers name scripts. Nothing here is secret, and nobody is kept out by it.

/// SHA-1 as FIPS 180-4 has it.
enum SHA1 {
    /// The digest as servers write it: forty hexadecimal digits in lower case.
    static func hexadecimal(_ bytes: Span<UInt8>) -> [UInt8] {
        var digits: [UInt8] = []
        digits.reserveCapacity(40)
        for word in digest(bytes) {
            for shift in stride(from: UInt32(28), through: 0, by: -4) {
                let nibble = UInt8(word >> shift & 0xF)
                digits.append(nibble < 10 ? nibble + 0x30 : nibble + 0x57)
            }
        }
        return digits
    }

    private static func digest(_ bytes: Span<UInt8>) -> [UInt32] {
        var state: [UInt32] = [0x6745_2301, 0xEFCD_AB89, 0x98BA_DCFE, 0x1032_5476, 0xC3D2_E1F0]
        var words = [UInt32](repeating: 0, count: 80)
        let length = bytes.count
        // The message, a one bit, zeros, and its length in 64 bits, in blocks of 64 bytes.
        let blocks = (length + 9 + 63) / 64
        for block in 0..<blocks {
            for place in 0..<16 {
                var word: UInt32 = 0
                for byte in 0..<4 {
                    let value = padded(bytes, block * 64 + place * 4 + byte, blocks * 64)
                    word = word << 8 | UInt32(value)
                }
                words[place] = word
            }
            add(&words, to: &state)
        }
        return state
    }

    /// The byte at a place of the padded message.
    private static func padded(_ bytes: Span<UInt8>, _ place: Int, _ end: Int) -> UInt8 {
        if place < bytes.count { return bytes[place] }
        if place == bytes.count { return 0x80 }
        guard place >= end - 8 else { return 0 }
        let length = UInt64(bytes.count) * 8
        return UInt8(truncatingIfNeeded: length >> UInt64((end - 1 - place) * 8))
    }

    private static func add(_ words: inout [UInt32], to state: inout [UInt32]) {
        for place in 16..<80 {
            let mixed = words[place - 3] ^ words[place - 8] ^ words[place - 14] ^ words[place - 16]
            words[place] = rotated(mixed, 1)
        }
        var (a, b, c, d, e) = (state[0], state[1], state[2], state[3], state[4])
        for place in 0..<80 {
            let (mixed, constant): (UInt32, UInt32) =
                switch place {
                case ..<20: (b & c | ~b & d, 0x5A82_7999)
                case ..<40: (b ^ c ^ d, 0x6ED9_EBA1)
                case ..<60: (b & c | b & d | c & d, 0x8F1B_BCDC)
                default: (b ^ c ^ d, 0xCA62_C1D6)
                }
            let next = rotated(a, 5) &+ mixed &+ e &+ constant &+ words[place]
            (a, b, c, d, e) = (next, a, rotated(b, 30), c, d)
        }
        for (place, value) in [a, b, c, d, e].enumerated() { state[place] &+= value }
    }

    private static func rotated(_ word: UInt32, _ count: UInt32) -> UInt32 {
        word << count | word >> (32 - count)
    }
}
