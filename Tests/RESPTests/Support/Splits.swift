// Every way to hand a row of bytes over: whole, byte by byte, and in two pieces at every place.

import Glibc
import TestSupport

/// The pieces of each way, named for the failure.
func splits(of bytes: [UInt8]) -> [[[UInt8]]] {
    var ways = [[bytes], bytes.map { [$0] }]
    for split in bytes.indices.dropFirst() {
        ways.append([Array(bytes[..<split]), Array(bytes[split...])])
    }
    return ways
}

extension [UInt8] {
    /// Bytes as people read them, for failures.
    var escaped: String {
        map { byte in
            switch byte {
            case 13: "\\r"
            case 10: "\\n"
            case 32...126: String(Unicode.Scalar(byte))
            default: "\\x" + String(byte / 16, radix: 16) + String(byte % 16, radix: 16)
            }
        }.joined()
    }
}

/// Changes a few bytes of an input: flipped, dropped, doubled, replaced by what means something on the wire.
func mutate(_ bytes: [UInt8], using random: inout SeededRandom) -> [UInt8] {
    let meaningful = Array("\r\n0123456789-+:$*_#,(!=%~|>?\"'\\x ".utf8) + [0, 11, 12, 255]
    var bytes = bytes
    for _ in 0..<Int.random(in: 1...3, using: &random) {
        let place = Int.random(in: 0...bytes.count, using: &random)
        switch Int.random(in: 0..<5, using: &random) {
        case 0 where place < bytes.count: bytes.remove(at: place)
        case 1 where place < bytes.count: bytes[place] = meaningful.randomElement(using: &random)!
        case 2 where place < bytes.count:
            bytes[place] ^= 1 << UInt8.random(in: 0..<8, using: &random)
        case 3: bytes = Array(bytes[..<place])
        default: bytes.insert(meaningful.randomElement(using: &random)!, at: place)
        }
    }
    return bytes
}

/// Compares as fast in a debug build as in a release build, where `==` takes a call per byte.
func isSame(_ left: [UInt8], _ right: [UInt8]) -> Bool {
    left.count == right.count && memcmp(left, right, left.count) == 0
}
