// What a server appends for each type, for either version of the protocol, wherever the block of output ends.

import RESP
import Testing

/// Everything that waits in a queue.
func contents(_ queue: inout OutputQueue) -> [UInt8] {
    var bytes: [UInt8] = []
    while !queue.isEmpty {
        queue.drain { pieces in
            for index in 0..<pieces.count { bytes += copy(pieces[index]) }
            return pieces.total
        }
    }
    return bytes
}

@Suite struct AppendersTests {
    typealias Append = @Sendable (inout OutputQueue, ProtocolVersion) -> Void

    static let rows: [(name: String, append: Append, resp2: String, resp3: String)] = [
        (
            "simple",
            {
                $0.appendSimple("OK")
                _ = $1
            }, "+OK\r\n", "+OK\r\n"
        ),
        (
            "error",
            {
                $0.appendError("ERR x")
                _ = $1
            }, "-ERR x\r\n", "-ERR x\r\n"
        ),
        (
            "error text",
            {
                $0.appendError(text: "ERR a\r\nb")
                _ = $1
            }, "-ERR a  b\r\n", "-ERR a  b\r\n"
        ),
        (
            "zero",
            {
                $0.appendInteger(0)
                _ = $1
            }, ":0\r\n", ":0\r\n"
        ),
        (
            "nine",
            {
                $0.appendInteger(9)
                _ = $1
            }, ":9\r\n", ":9\r\n"
        ),
        (
            "ten",
            {
                $0.appendInteger(10)
                _ = $1
            }, ":10\r\n", ":10\r\n"
        ),
        (
            "minus",
            {
                $0.appendInteger(-123_456)
                _ = $1
            }, ":-123456\r\n", ":-123456\r\n"
        ),
        (
            "least",
            {
                $0.appendInteger(.min)
                _ = $1
            }, ":-9223372036854775808\r\n", ":-9223372036854775808\r\n"
        ),
        (
            "bulk",
            {
                $0.appendBulk("hello")
                _ = $1
            }, "$5\r\nhello\r\n", "$5\r\nhello\r\n"
        ),
        (
            "empty bulk",
            {
                $0.appendBulk("")
                _ = $1
            }, "$0\r\n\r\n", "$0\r\n\r\n"
        ),
        (
            "number bulk",
            {
                $0.appendBulk(-70)
                _ = $1
            }, "$3\r\n-70\r\n", "$3\r\n-70\r\n"
        ),
        (
            "text bulk",
            {
                $0.appendBulk(text: "0123456789")
                _ = $1
            }, "$10\r\n0123456789\r\n", "$10\r\n0123456789\r\n"
        ),
        ("null", { $0.appendNull(for: $1) }, "$-1\r\n", "_\r\n"),
        ("null array", { $0.appendNullArray(for: $1) }, "*-1\r\n", "_\r\n"),
        (
            "array",
            {
                $0.appendArrayHeader(1234)
                _ = $1
            }, "*1234\r\n", "*1234\r\n"
        ),
        ("map", { $0.appendMapHeader(3, for: $1) }, "*6\r\n", "%3\r\n"),
        ("set", { $0.appendSetHeader(3, for: $1) }, "*3\r\n", "~3\r\n"),
        ("push", { $0.appendPushHeader(3, for: $1) }, "*3\r\n", ">3\r\n"),
        ("double", { $0.appendDouble(1.5, for: $1) }, "$3\r\n1.5\r\n", ",1.5\r\n"),
        ("infinite", { $0.appendDouble(-.infinity, for: $1) }, "$4\r\n-inf\r\n", ",-inf\r\n"),
        ("true", { $0.appendBoolean(true, for: $1) }, ":1\r\n", "#t\r\n"),
        ("false", { $0.appendBoolean(false, for: $1) }, ":0\r\n", "#f\r\n"),
        (
            "verbatim", { $0.appendVerbatim([0x61, 0x62].span, format: "txt", for: $1) },
            "$2\r\nab\r\n", "=6\r\ntxt:ab\r\n"
        ),
        (
            "big number", { $0.appendBigNumber([0x31, 0x32].span, for: $1) }, "$2\r\n12\r\n",
            "(12\r\n"
        ),
    ]

    @Test(arguments: rows)
    func append(name: String, append: Append, resp2: String, resp3: String) {
        let pool = BlockPool()
        for (version, expected) in [(ProtocolVersion.resp2, resp2), (.resp3, resp3)] {
            // Every place that a block can end within the reply and the room that a header asks for.
            for room in 0..<64 {
                var output = OutputQueue(pool: pool)
                let filler = [UInt8](repeating: 0x2E, count: BlockPool.payload - room)
                output.append(filler.span)
                append(&output, version)
                let written = contents(&output).dropFirst(filler.count)
                #expect(String(decoding: written, as: UTF8.self) == expected)
            }
        }
    }
}
