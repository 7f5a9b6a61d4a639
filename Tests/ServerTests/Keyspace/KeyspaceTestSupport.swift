// What the tests of the keyspace share: keys made of numbers.

import Server

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
