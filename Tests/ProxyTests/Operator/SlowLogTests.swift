// The slow log: what it keeps, in which order, and what it never shows.

import RESP
import TestSupport
import Testing

@testable import Proxy

@Suite struct SlowLogTests {
    private func record(
        _ line: String, _ log: inout SlowLog, at seconds: Int64 = 0,
        taking total: Duration = .milliseconds(20)
    ) {
        withRequest(line) { request in
            log.record(
                request,
                .init(
                    time: .noon(seconds), total: total, atBackend: .milliseconds(5),
                    client: .ipv4(127, 0, 0, 1, port: 5000), clientName: Array("ann".utf8),
                    backend: "127.0.0.1:2"))
        }
    }

    /// The newest entries stay, however many have come; ids go on behind a reset.
    @Test(arguments: 1...4)
    func keepsTheNewest(capacity: Int) {
        var log = SlowLog(capacity: capacity, threshold: .milliseconds(10))
        for number in 0..<10 {
            record("GET \(number)", &log)
            let ids = log.entries.map(\.id)
            #expect(ids == Array((0...number).reversed().prefix(capacity)))
        }
        log.reset()
        #expect(log.entries.isEmpty)
        record("GET a", &log)
        #expect(log.entries.map(\.id) == [10])
    }

    /// What is faster than the threshold is not kept; without a threshold or without room nothing is.
    @Test func keepsTheSlowOnly() {
        var log = SlowLog(capacity: 8, threshold: .milliseconds(10))
        record("GET a", &log, taking: .microseconds(9_999))
        record("GET b", &log, taking: .milliseconds(10))
        #expect(log.entries.map(\.arguments.last) == [Array("b".utf8)])
        var never = SlowLog(capacity: 8, threshold: nil)
        record("GET a", &never, taking: .seconds(100))
        #expect(never.count == 0)
        var tiny = SlowLog(capacity: 0, threshold: .zero)
        record("GET a", &tiny)
        #expect(tiny.count == 0)
    }

    /// Workers' entries have ids of their own, and come out newest first.
    @Test func workersTogether() {
        var first = SlowLog(capacity: 4, threshold: .zero, worker: 0, of: 2)
        var second = SlowLog(capacity: 4, threshold: .zero, worker: 1, of: 2)
        record("GET a", &first, at: 1)
        record("GET b", &second, at: 2)
        record("GET c", &first, at: 3)
        record("GET d", &second, at: 3)
        let newest = SlowLog.newest(3, of: [first.entries, second.entries])
        #expect(newest.map(\.id) == [3, 2, 1])
    }

    /// Long requests are cut as redis-server cuts them.
    @Test func clipsArguments() throws {
        var log = SlowLog(capacity: 2, threshold: .zero)
        record("MSET " + (1...40).map { "k\($0)" }.joined(separator: " "), &log)
        let arguments = try #require(log.entries.first?.arguments)
        #expect(arguments.count == 32)
        #expect(text(arguments[30]) == "k30")
        #expect(text(arguments[31]) == "... (10 more arguments)")
        record("GET " + String(repeating: "x", count: 1000), &log)
        let long = String(repeating: "x", count: 128) + "... (872 more bytes)"
        #expect(log.entries.first.map { text($0.arguments[1]) } == long)
    }

    /// The same, held against a live redis-server whose every command is slow.
    @Test func clipsAsRedisDoes() throws {
        guard let server = try RedisServer.start(["--slowlog-log-slower-than", "0"]) else { return }
        let client = try server.client()
        for line in [
            "MSET " + (1...32).map { "k\($0)" }.joined(separator: " "),
            "MSET " + (1...31).map { "k\($0)" }.joined(separator: " "),
            "SET k " + String(repeating: "y", count: 128),
            "SET k " + String(repeating: "y", count: 129),
            "AUTH secret", "AUTH name secret", "HELLO 3 AUTH name secret",
        ] {
            var log = SlowLog(capacity: 2, threshold: .zero)
            record(line, &log)
            _ = try client.run(line.split(separator: " ").map(String.init))
            let entry = try client.run("SLOWLOG", "GET", "1").items?.first?.items
            let theirs = entry?[3].items?.compactMap(\.text)
            let ours = log.entries.first?.arguments.map { text($0) }
            let isSecret = line.contains("secret")
            #expect(isSecret ? ours?.count == theirs?.count : ours == theirs, "\(line)")
            if isSecret {
                #expect(ours?.dropFirst().allSatisfy { $0 == "(redacted)" } == true, "\(line)")
            }
        }
    }

    /// Secrets never enter, misspelt subcommands of what may carry them included.
    @Test(arguments: [
        ("AUTH s3cret", "AUTH (redacted)"),
        ("auth ann s3cret", "auth (redacted) (redacted)"),
        ("HELLO 3 AUTH ann s3cret", "HELLO (redacted) (redacted) (redacted) (redacted)"),
        ("ACL SETUSER ann >s3cret", "ACL SETUSER (redacted) (redacted)"),
        ("ACL SETUSR ann >s3cret", "ACL (redacted) (redacted) (redacted)"),
        ("CONFIG SET requirepass s3cret", "CONFIG SET (redacted) (redacted)"),
        ("CONFIG GET maxmemory", "CONFIG GET maxmemory"),
        (
            "MIGRATE h 1 k 0 9 AUTH s3cret",
            "MIGRATE" + String(repeating: " (redacted)", count: 7)
        ),
        ("MODULE LOAD m s3cret", "MODULE LOAD (redacted) (redacted)"),
        (
            "SENTINEL SET m auth-pass s3cret",
            "SENTINEL" + String(repeating: " (redacted)", count: 4)
        ),
        ("GET k", "GET k"),
    ])
    func neverShowsSecrets(line: String, expected: String) {
        var log = SlowLog(capacity: 1, threshold: .zero)
        record(line, &log)
        let shown = log.entries.first?.arguments.map { text($0) }.joined(separator: " ")
        #expect(shown == expected)
    }

    /// From the first bytes of a request as much is shown as they hold; all of them show what the request does.
    @Test(arguments: ["SET key value", "ACL SETUSER ann >s3cret", "AUTH s3cret", "DEL a b c d"])
    func fromTheWire(line: String) throws {
        let words = line.split(separator: " ").map { Array($0.utf8) }
        let wire = RESPClient.encode(words)
        let whole = withRequest(words) { ClippedArguments.make($0) }
        for count in 0...wire.count {
            let shown = ClippedArguments.make(wire: wire.span.extracting(0..<count))
            #expect(shown.count <= whole.count + 1 && !shown.isEmpty)
            #expect(!shown.contains { text($0).contains("s3") }, "\(count) bytes")
            if count >= wire.count - 2 { #expect(shown == whole) }
        }
    }

    /// What is cut says how much is missing.
    @Test(arguments: [
        ("", "(redacted)"), ("*3\r", "(redacted)"), ("*3\r\n", "... (3 more arguments)"),
        ("*3\r\n$3\r\nSE", "(redacted) ... (2 more arguments)"),
        ("*3\r\n$3\r\nSET\r\n$3", "SET ... (2 more arguments)"),
        ("*3\r\n$3\r\nSET\r\n$300\r\nkey", "SET key... (297 more bytes) ... (1 more arguments)"),
        ("*2\r\n$3\r\nACL\r\n$7\r\nSETU", "ACL (redacted)"),
        ("*x\r\n", "(redacted)"), ("*-1\r\n", "(redacted)"),
        ("*1\r\n:1\r\n", "... (1 more arguments)"),
    ])
    func cutOnTheWire(wire: String, expected: String) {
        let wire = Array(wire.utf8)
        let shown = ClippedArguments.make(wire: wire.span).map { text($0) }
        #expect(shown.joined(separator: " ") == expected)
    }

    /// SLOWLOG GET is answered in redis-server's six elements.
    @Test func replyAsRedisHasIt() {
        var log = SlowLog(capacity: 1, threshold: .zero)
        record("GET k", &log)
        #expect(
            text(output { $0.append(log.entries) })
                == "*1\r\n*6\r\n:0\r\n:1772366400\r\n:20000\r\n*2\r\n$3\r\nGET\r\n$1\r\nk\r\n"
                + "$14\r\n127.0.0.1:5000\r\n$3\r\nann\r\n")
    }
}
