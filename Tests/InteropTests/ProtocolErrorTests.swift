// What is not RESP, or only just: sent to a live redis-server, to the library and to our server. Equal bytes come
// back, and the connection is closed or goes on alike.

import RESP
import TestSupport
import Testing

@Suite(.serialized) struct ProtocolErrorTests {
    private static let line = String(repeating: "1", count: 65_536)

    /// Every command in here is PING or ECHO, so that the library can answer too.
    static let rows: [String] = [
        // Counts.
        "*-5\r\nPING\r\n", "*0\r\nPING\r\n", "*-1\r\n*1\r\n$4\r\nPING\r\n",
        "*-9223372036854775808\r\nPING\r\n", "*-9223372036854775809\r\nPING\r\n",
        "*\r\n", "*a\r\n", "* 1\r\n", "*1 \r\n", "*+1\r\n", "*01\r\n", "*-0\r\n", "*-01\r\n",
        "*2147483647\r\n", "*2147483648\r\n", "*9223372036854775807\r\n",
        "*9223372036854775808\r\n", "*18446744073709551617\r\n", "*1\rX$4\r\nPING\r\n",
        // Lengths.
        "*1\r\n$-1\r\n", "*1\r\n$-9223372036854775808\r\n", "*1\r\n$\r\n", "*1\r\n$a\r\n",
        "*1\r\n$04\r\nPING\r\n", "*1\r\n$4 \r\nPING\r\n", "*1\r\n$536870912\r\n",
        "*1\r\n$536870913\r\n", "*1\r\n$9223372036854775807\r\n",
        "*1\r\n$9223372036854775808\r\n", "*1\r\n$4\rXPINGXXPING\r\n",
        "*2\r\n$4\r\nECHO\r\n$0\r\n\r\n",
        // What stands where a length should.
        "*1\r\nPING\r\n", "*1\r\n\r\n", "*1\r\n\n\r\n", "*1\r\n\u{1}\r\n", "*1\r\n*1\r\n",
        "*3\r\n$4\r\nECHO\r\n:1\r\n", "*1\r\nwait for the end of this",
        // Requests before and behind an error.
        "PING\r\n*1\r\n$4\r\nPING\r\n*x\r\nPING\r\n",
        // Inline requests.
        "\r\n\n  \r\nPING\n", "PING\rPING\r\n", "\u{B}\u{C}PING\r\n", "ECHO a\u{B}b\u{C}\r\n",
        "ECHO \"a\"\u{B}\r\n", "ECHO \"\\x41\\x4\\xg0\\n\\r\\t\\b\\a\\q\\\"\\\\\"\r\n",
        "ECHO 'a\\'b\\n'\r\n", "ECHO ''\r\n", "ECHO fo\"o b\"\r\n", "ECHO fo'o b'\r\n",
        "ECHO \"a\r\n", "ECHO 'a\r\n", "ECHO \"a\"b\r\n", "ECHO 'a'b\r\n", "ECHO \"a\\\"\r\n",
        "\"\r\n", "ECHO wait",
        // Lines that are too long.
        line, line + "1", "*" + line, "*" + line.dropLast(), "*1\r\n$" + line,
        "*1\r\n$" + line.dropLast(), "*1\r\n" + line, "*1\r\n1" + line,
    ]

    /// Sent before authenticating to a server that wants a password; none is complete, since PING is not allowed.
    static let unauthenticated: [String] = [
        "*10\r\n", "*11\r\n", "*-5\r\n", "*2147483648\r\n", "*1\r\n$16384\r\n",
        "*1\r\n$16385\r\n", "*1\r\n$536870913\r\n", line, line + "1",
    ]

    /// Where we differ: what redis-server answers, what we answer, and why.
    static let differences: [(bytes: String, redis: String, ours: String, reason: String)] = [
        (
            "ECHO a\0b\r\n", "", "$3\r\na\0b\r\n",
            "it looks for line ends with strchr, and behind a NUL it never finds one"
        ),
        (
            "*1\r\n\0\r\n", "", "-ERR Protocol error: expected '$', got '\0'\r\n",
            "the same, where a length should stand"
        ),
        (
            "ECHO " + line + "\r\n", "$65536\r\n" + line + "\r\n",
            "-ERR Protocol error: too big inline request\r\n",
            "it judges a line only while its end is missing, so that it depends on how bytes arrive"
        ),
    ]

    @Test func redisServerAnswersAsTheLibrary() throws {
        guard let server = try RedisServer.start() else { return }
        for row in Self.rows {
            let expected = Self.answer(row)
            let answer = try Self.ask(server, row, expectingClose: expected.closes)
            #expect(answer == expected.text, "after \(row.prefix(60).debugDescription)")
        }
    }

    @Test func redisServerLimitsWhoHasNotAuthenticated() throws {
        guard let server = try RedisServer.start(["--requirepass", "secret"]) else { return }
        for row in Self.unauthenticated {
            let expected = Self.answer(row, isAuthenticated: false)
            let answer = try Self.ask(server, row, expectingClose: expected.closes)
            #expect(answer == expected.text, "after \(row.prefix(60).debugDescription)")
        }
    }

    /// Each difference is still one, and is the one that is written down.
    @Test func differsWhereItSaysSo() throws {
        guard let server = try RedisServer.start() else { return }
        for row in Self.differences {
            #expect(Self.answer(row.bytes).text == row.ours, "\(row.reason)")
            let answer = try Self.ask(server, row.bytes, expectingClose: false)
            #expect(answer == row.redis, "\(row.reason)")
        }
    }

    @Test func ourServerAnswersAsTheLibrary() throws {
        let server = try SluiceServer.start()
        for row in Self.rows + Self.differences.map(\.bytes) {
            let expected = Self.answer(row)
            let answer = try Self.ask(server, row, expectingClose: expected.closes)
            #expect(answer == expected.text, "after \(row.prefix(60).debugDescription)")
        }
    }

    /// Everything a server sends until the connection ends. When it is expected to close, we do not close first.
    private static func ask(
        _ server: LiveServer, _ row: String, expectingClose: Bool
    ) throws -> String {
        let client = try server.client()
        try client.send(Array(row.utf8))
        if !expectingClose { client.closeSending() }
        return String(decoding: try client.readToEnd(), as: UTF8.self)
    }

    /// What the library makes of some bytes, with PING and ECHO answered.
    private static func answer(
        _ row: String, isAuthenticated: Bool = true
    ) -> (text: String, closes: Bool) {
        let bytes = Array(row.utf8)
        var limits = RequestLimits()
        limits.isAuthenticated = isAuthenticated
        var output = OutputQueue(pool: BlockPool())
        var parser = RequestParser()
        var start = 0
        var closes = false
        do throws(ProtocolError) {
            while case .request(let end) = try parser.parse(
                bytes.span, from: start, limits: limits)
            {
                let request = parser.request(in: bytes.span.extracting(start..<end))
                start = end
                if request.count == 1 { output.appendSimple("PONG") }
                if request.count == 2 { output.appendBulk(request[1]) }
            }
        } catch {
            error.append(to: &output)
            closes = true
        }
        var text: [UInt8] = []
        while !output.isEmpty {
            output.drain { pieces in
                text += pieces[0].withUnsafeBufferPointer { Array($0) }
                return pieces[0].count
            }
        }
        return (String(decoding: text, as: UTF8.self), closes)
    }
}
