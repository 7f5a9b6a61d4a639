// What the tests of the keyspace share: chance that can be repeated, and keys made of numbers.

import Server

/// A generator with a seed, so that a failure can be repeated.
struct SeededRandom: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) {
        state = seed &* 0x9E37_79B9_7F4A_7C15 | 1
    }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ mixed >> 30) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ mixed >> 27) &* 0x94D0_49BB_1331_11EB
        return mixed ^ mixed >> 31
    }
}

func bytes(_ span: Span<UInt8>) -> [UInt8] {
    span.withUnsafeBufferPointer { Array($0) }
}

func numberedKey(_ number: Int) -> [UInt8] {
    Array("key:\(number)".utf8)
}

extension Keyspace {
    func set(_ value: String, at key: String, expiry: ExpiryChange = .clear) {
        set(Array(value.utf8).span, at: Array(key.utf8).span, expiry: expiry)
    }

    func find(_ key: String) -> Place? {
        find(Array(key.utf8).span)
    }

    func text(at key: String) -> String? {
        find(key).map { String(decoding: bytes(string(of: $0)), as: UTF8.self) }
    }
}
