// PROXY: reading its words, and the form of its replies in both versions of the protocol.

import RESP
import TestSupport
import Testing

@testable import Proxy

@Suite struct ProxyCommandTests {
    /// Every subcommand, in any case, with what may stand behind it.
    @Test(arguments: [
        ("PROXY HELP", ProxyCommand.help), ("PROXY Audit", .audit), ("proxy status", .status),
        ("PROXY Backends", .backends),
        ("PROXY CONSISTENCY", .consistency(level: nil)),
        ("PROXY CONSISTENCY Eventual", .consistency(level: "eventual")),
        ("PROXY EXPLAIN GET k", .explain(from: 2)), ("PROXY CLIENTS", .clients),
        ("PROXY EVENTS", .events(count: 10)), ("PROXY events 3", .events(count: 3)),
        ("PROXY EVENTS -1", .events(count: .max)),
        ("PROXY SLOWLOG", .slowLog(.get(count: 10))),
        ("PROXY SLOWLOG GET", .slowLog(.get(count: 10))),
        ("PROXY SLOWLOG GET 3", .slowLog(.get(count: 3))),
        ("PROXY SLOWLOG GET -1", .slowLog(.get(count: .max))),
        ("PROXY SLOWLOG len", .slowLog(.length)), ("PROXY SLOWLOG RESET", .slowLog(.reset)),
        ("PROXY STATS", .statistics(resets: false)),
        ("PROXY STATS reset", .statistics(resets: true)),
        ("PROXY FAILOVER", .failover(.begin(to: nil, timeout: nil))),
        (
            "PROXY failover timeout 250 to a:1",
            .failover(.begin(to: .tcp(host: "a", port: 1), timeout: .milliseconds(250)))
        ),
        ("PROXY FAILOVER Abort", .failover(.abort)),
        ("PROXY RESYNC a:1", .resync(.tcp(host: "a", port: 1))),
        ("PROXY CONFIG", .configuration(pattern: nil)),
        ("PROXY CONFIG GET reads.*", .configuration(pattern: Array("reads.*".utf8))),
    ])
    func reads(line: String, expected: ProxyCommand) throws {
        #expect(try withRequest(line) { request in try ProxyCommand(request) } == expected)
    }

    /// What cannot be read is refused in redis-server's words.
    @Test(arguments: [
        ("PROXY", "ERR wrong number of arguments for 'proxy' command"),
        ("PROXY NOSUCH", "ERR unknown subcommand 'NOSUCH'. Try PROXY HELP."),
        ("PROXY AUDIT x", "ERR wrong number of arguments for 'proxy|audit' command"),
        ("PROXY RESYNC", "ERR wrong number of arguments for 'proxy|resync' command"),
        ("PROXY RESYNC a", "ERR 'a' is no address, expected host:port"),
        ("PROXY STATUS x", "ERR wrong number of arguments for 'proxy|status' command"),
        ("PROXY EXPLAIN", "ERR wrong number of arguments for 'proxy|explain' command"),
        ("PROXY CONSISTENCY a b", "ERR wrong number of arguments for 'proxy|consistency' command"),
        ("PROXY STATS x", "ERR syntax error"),
        ("PROXY EVENTS x", "ERR count should be greater than or equal to -1"),
        ("PROXY EVENTS -2", "ERR count should be greater than or equal to -1"),
        ("PROXY EVENTS 1 2", "ERR wrong number of arguments for 'proxy|events' command"),
        ("PROXY FAILOVER TO", "ERR syntax error"), ("PROXY FAILOVER FORCE", "ERR syntax error"),
        ("PROXY FAILOVER TO a:1 TO a:2", "ERR syntax error"),
        ("PROXY FAILOVER ABORT TO a:1", "ERR syntax error"),
        ("PROXY FAILOVER TO a", "ERR 'a' is no address, expected host:port"),
        ("PROXY FAILOVER TIMEOUT 0", "ERR timeout should be from 1 to 3600000 milliseconds"),
        ("PROXY CONFIG GET", "ERR wrong number of arguments for 'proxy|config' command"),
        ("PROXY CONFIG SET a", "ERR syntax error"),
        ("PROXY SLOWLOG x", "ERR unknown subcommand 'x'. Try PROXY HELP."),
        ("PROXY SLOWLOG GET x", "ERR count should be greater than or equal to -1"),
    ])
    func refuses(line: String, expected: String) {
        #expect(throws: CommandRefusal(expected)) {
            try withRequest(line) { (request: Request) throws(CommandRefusal) in
                _ = try ProxyCommand(request)
            }
        }
    }

    /// SLOWLOG's words are refused as a live redis-server refuses them.
    @Test func slowLogErrorsAreThoseOfRedis() throws {
        guard let server = try RedisServer.start() else { return }
        let client = try server.client()
        for line in [
            "SLOWLOG foo", "SLOWLOG GET x", "SLOWLOG GET -2", "SLOWLOG GET 1 2", "SLOWLOG LEN x",
            "SLOWLOG RESET x", "SLOWLOG",
        ] {
            let theirs = try client.run(line.split(separator: " ").map(String.init))
            let refusal = #expect(throws: CommandRefusal.self) {
                try withRequest(line) { (request: Request) throws(CommandRefusal) in
                    _ = try SlowLogRequest(request, at: 1)
                }
            }
            #expect(theirs == .error(refusal?.text ?? ""), "\(line)")
        }
    }

    /// HELP has the form that every HELP has: statuses, what to type at the margin, what it does indented.
    @Test(arguments: [
        ("PROXY", HelpText.proxy), ("CLIENT", HelpText.client), ("SLOWLOG", HelpText.slowLog),
    ])
    func help(name: String, lines: [String]) throws {
        let bytes = output { ProxyReplies.help(lines, to: &$0) }
        guard case .array(let replies) = try #require(reply(bytes)) else {
            return #expect(Bool(false), "no array")
        }
        #expect(replies.count == lines.count)
        let title = "\(name) <subcommand> [<arg> [value] [opt] ...]. Subcommands are:"
        #expect(replies.first == .simple(Array(title.utf8)))
        #expect(replies.suffix(2).first == .simple(Array("HELP".utf8)))
    }

    /// The same fields come as a map in RESP3 and by turns in RESP2.
    @Test func statusInBothVersions() throws {
        let status = ProxyStatus.sample()
        let three = reply(output { ProxyReplies.status(status, to: &$0, for: .resp3) })
        guard case .map(let pairs) = try #require(three) else {
            return #expect(Bool(false), "no map")
        }
        #expect(pairs.first?.key == .bulk(Array("version".utf8)))
        #expect(pairs[1] == Reply.Pair(.bulk(Array("ready".utf8)), .boolean(true)))
        let two = reply(output { ProxyReplies.status(status, to: &$0, for: .resp2) })
        guard case .array(let items) = try #require(two) else {
            return #expect(Bool(false), "no array")
        }
        #expect(items.count == 2 * pairs.count)
        #expect(items[3] == .integer(1))
        #expect(status.summary["clients"]?["connected"] == .number(3))
        #expect(status.summary["backends_by_state"] == .fields([.init("healthy", .number(3))]))
    }

    /// Every reply is one well-formed reply in both versions.
    @Test func repliesAreWhole() {
        let status = ProxyStatus.sample()
        var client = ClientLine(id: 7, address: "127.0.0.1:9", localAddress: "127.0.0.1:7379")
        client.name = Array("ann".utf8)
        let clients = [
            ProxyClient(line: client, worker: 0, consistency: "eventual"),
            ProxyClient(
                line: client, worker: 1, consistency: "eventual",
                pin: (backend: "127.0.0.1:1", reason: "WATCH")),
        ]
        let explanation = Explanation(
            command: "get", commandClass: "read", keys: [[0xFF]], consistency: "eventual",
            candidates: [
                .init(address: "127.0.0.1:2", role: .replica, qualifies: true, reason: "healthy")
            ], choice: nil, reason: "refused")
        for version in [ProtocolVersion.resp2, .resp3] {
            let replies: [[UInt8]] = [
                output { ProxyReplies.backends(status, to: &$0, for: version) },
                output { ProxyReplies.statistics(status, to: &$0, for: version) },
                output { ProxyReplies.clients(clients, to: &$0, for: version) },
                output { ProxyReplies.explanation(explanation, to: &$0, for: version) },
                output { ProxyReplies.slowLog([], to: &$0, for: version) },
                output { ProxyReplies.consistency("eventual", to: &$0) },
                output { ProxyReplies.role(to: &$0) },
            ]
            for bytes in replies { #expect(reply(bytes) != nil, "\(text(bytes))") }
        }
        #expect(
            text(output { ProxyReplies.role(to: &$0) }) == "*3\r\n$6\r\nmaster\r\n:0\r\n*0\r\n")
    }

    /// A level that is not served is refused with those that are, whatever bytes the word had.
    @Test func consistencyRefusal() {
        let bytes = output {
            ProxyReplies.refuseConsistency("fr\r\nesh", served: ["master", "eventual"], to: &$0)
        }
        #expect(
            text(bytes) == "-ERR consistency level 'fr  esh' is not served here; "
                + "one of these is: master, eventual\r\n")
    }

    /// CONFIG GET's patterns choose keys and keep their order.
    @Test func configurationByPattern() {
        let values = [("reads.balance", "weighted"), ("listen", "a"), ("reads.consistency", "b")]
            .map { (key: $0.0, value: $0.1) }
        let bytes = output {
            ProxyReplies.configuration(
                values, matching: Array("READS.*".utf8), to: &$0, for: .resp2)
        }
        #expect(
            text(bytes) == "*4\r\n$13\r\nreads.balance\r\n$8\r\nweighted\r\n"
                + "$17\r\nreads.consistency\r\n$1\r\nb\r\n")
    }
}

@Suite struct GlobPatternTests {
    static let rows: [(pattern: String, text: String)] = [
        ("*", ""), ("*", "abc"), ("", ""), ("a*c", "abbbc"), ("a*c", "abbb"), ("a?c", "abc"),
        ("a?c", "ac"), ("[abc]x", "bx"), ("[^abc]x", "bx"), ("[a-c]", "b"), ("[c-a]", "b"),
        ("[a-c]", "d"), ("\\*", "*"), ("\\*", "a"), ("a\\", "a\\"), ("[\\]]", "]"), ("[ab", "b"),
        ("[", "["), ("a**b", "ab"), ("*ab", "aab"), ("*a*b*", "xxaxxbxx"), ("a", "A"), ("a*", ""),
        ("[^", "a"), ("?", ""), ("[a-", "-"), ("a[b]c", "abc"),
    ]

    /// Every row fits, or does not, as it does for a live redis-server's KEYS.
    @Test func fitsAsRedisDoes() throws {
        guard let server = try RedisServer.start() else { return }
        let client = try server.client()
        for row in GlobPatternTests.rows {
            _ = try client.run("FLUSHALL")
            _ = try client.run("SET", row.text, "1")
            let theirs = try client.run("KEYS", row.pattern).items?.count == 1
            let ours = GlobPattern(Array(row.pattern.utf8)).matches(Array(row.text.utf8))
            #expect(ours == theirs, "\(row.pattern) over \(row.text)")
        }
    }

    /// A pattern of many stars costs its length times the text's: this one would never end if every star were tried.
    @Test func hostilePatternsEnd() {
        let pattern = Array(String(repeating: "a*", count: 64).utf8) + Array("b".utf8)
        #expect(!GlobPattern(pattern).matches([UInt8](repeating: 0x61, count: 10_000)))
    }
}
