// Writes the requests: templates whose key is filled in, `key:000000000000` and so on, as redis-benchmark has them.

struct Requests {
    private let read: [UInt8]
    private let write: [UInt8]
    private let options: Options
    private var random = UInt64(0x9E37_79B9_7F4A_7C15)

    /// Where the twelve figures of the key are, in both templates.
    private static let figures = "*2\r\n$3\r\nGET\r\n$16\r\nkey:".utf8.count

    init(_ options: Options) {
        self.options = options
        let value = String(repeating: "v", count: options.size)
        read = Array("*2\r\n$3\r\nGET\r\n$16\r\nkey:000000000000\r\n".utf8)
        write = Array(
            "*3\r\n$3\r\nSET\r\n$16\r\nkey:000000000000\r\n$\(options.size)\r\n\(value)\r\n".utf8)
    }

    /// The read that each client begins with: when it is answered, everybody on the way has taken the client.
    var first: [UInt8] { read }

    /// Replaces `bytes` by the next requests.
    mutating func fill(_ bytes: inout [UInt8], count: Int) {
        bytes.removeAll(keepingCapacity: true)
        for _ in 0..<count {
            let start = bytes.count
            bytes.append(contentsOf: next(below: 100) < options.reads ? read : write)
            var key = next(below: options.keys)
            var index = start + Requests.figures + 11
            while key > 0 {
                bytes[index] = 0x30 + UInt8(key % 10)
                key /= 10
                index -= 1
            }
        }
    }

    /// The same numbers in every run (xorshift).
    private mutating func next(below limit: Int) -> Int {
        random ^= random << 13
        random ^= random >> 7
        random ^= random << 17
        return Int(random >> 33) % limit
    }
}
