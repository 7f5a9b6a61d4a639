// What is kept of a reply that is compared with another: not its bytes.

import RESP

/// A digest of the bytes of one reply, taken while they pass; where they are cut makes no difference.
struct ReplyDigest: Equatable {
    private(set) var count = 0
    private var hash: UInt64 = 0xCBF2_9CE4_8422_2325
    /// The first eight bytes, the last of them lowest.
    private var start: UInt64 = 0

    /// More bytes than this are counted only: such a reply is not compared.
    static let most = 16 << 10

    mutating func add(_ bytes: Span<UInt8>) {
        if count + bytes.count <= ReplyDigest.most {
            for index in 0..<bytes.count {
                if count + index < 8 { start = start << 8 | UInt64(bytes[index]) }
                hash = (hash ^ UInt64(bytes[index])) &* 0x0000_0100_0000_01B3
            }
        }
        count += bytes.count
    }

    var isTooLong: Bool { count > ReplyDigest.most }

    /// Whether it is what a command answers whose key, field or element is not there.
    var saysNothing: Bool {
        count < 8 && ReplyDigest.nothings.contains { $0.count == count && $0.start == start }
    }

    private static let nothings = [
        "$-1\r\n", "*-1\r\n", "_\r\n", ":0\r\n", "*0\r\n", "$0\r\n\r\n", "+none\r\n",
    ].map { text in
        var digest = ReplyDigest()
        digest.add(Array(text.utf8).span)
        return digest
    }
}
