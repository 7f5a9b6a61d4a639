// Values that say whose they are, so that one that reaches the wrong client or comes cut is noticed.

/// A value by its description: who made it, as the how-manieth, and how long it is.
struct Payload: Hashable {
    let client: Int
    let number: Int
    let size: Int

    /// The token, then bytes of every kind that follow from it. A value shorter than its token is cut.
    var bytes: [UInt8] {
        var bytes = Array(token.utf8.prefix(size))
        bytes.reserveCapacity(size)
        var random = Random(seed: UInt64(client) << 32 | UInt64(number))
        while bytes.count < size {
            var word = random.next()
            for _ in 0..<min(8, size - bytes.count) {
                bytes.append(UInt8(truncatingIfNeeded: word))
                word >>= 8
            }
        }
        return bytes
    }

    var token: String { "client-\(client)-\(number);" }

    func matches(_ other: [UInt8]) -> Bool {
        other.count == size && other == bytes
    }
}
