// PROXY EXPLAIN names the server that the same request of the same client goes to.

import RESP
import TestSupport
import Testing

@testable import Proxy

@Suite struct ExplainTests {
    private let script = "#!lua flags=no-writes\nreturn 1"

    private var digest: String {
        String(decoding: SHA1.hexadecimal(Array(script.utf8).span), as: UTF8.self)
    }

    /// A proxy with two replicas, of which the second is set aside for SMEMBERS, a remembered script, and a user of
    /// the servers' own.
    private func proxy() -> ProxyUnderTest {
        let proxy = ProxyUnderTest(replicas: 2) {
            $0.authentication = .users
            $0.users = [
                User(name: "default", passwords: [Secret("d")]),
                User(
                    name: "ann", passwords: [Secret("a")], backendUser: "ann",
                    backendPassword: Secret("s")),
            ]
            $0.backends.replicas[1].place.tags = ["slow"]
            $0.commands = [CommandRule(name: "SMEMBERS", route: .replica(tag: "slow"))]
        }
        proxy.core.scripts.remember(Array(script.utf8).span)
        return proxy
    }

    /// The servers to which something goes out, greetings apart, when all that is wished for is connected.
    private func serversReached(in proxy: ProxyUnderTest) -> Set<Int> {
        var servers: Set<Int> = []
        while let link = proxy.wishedLinks.first {
            proxy.connect(link)
            if !proxy.core.links[Int(link.number)]!.isReady {
                _ = proxy.sent(to: link)
                proxy.says("+OK\r\n", on: link)
            }
        }
        for case let connection? in proxy.core.links
        where !proxy.sent(to: connection.link).isEmpty {
            servers.insert(connection.server)
        }
        return servers
    }

    /// The server that an explanation chooses; nil when it is none.
    private func choice(of text: String, in proxy: ProxyUnderTest) -> Int? {
        proxy.core.servers.firstIndex {
            text.contains("choice\r\n" + Wire.bulk("\($0.endpoint)"))
        }
    }

    private func cursor(of server: BackendServer) -> String { "\(server.tag.tagging(5)!)" }

    private func words(_ line: String, in proxy: ProxyUnderTest) -> [String] {
        let servers = proxy.core.servers
        return line.split(separator: " ").map { word in
            switch word {
            case "<digest>": digest
            case "<master>": cursor(of: servers[0])
            case "<replica>": cursor(of: servers[2])
            case "<gone>": "\(CursorTag(runID: Array("gone".utf8).span).tagging(5)!)"
            default: String(word)
            }
        }
    }

    /// In every state of the session: a remembered script, a cursor, a connection or a user of the client's own.
    @Test(arguments: [
        ("GET k", "", 1), ("GET k", "WATCH k", 0), ("GET k", "AUTH ann a", 1), ("SET k v", "", 0),
        ("EVALSHA <digest> 0", "", 1), ("EVALSHA other 0", "", 0),
        ("EVALSHA <digest> 0", "WATCH k", 0), ("SMEMBERS k", "", 2), ("SMEMBERS k", "WATCH k", 0),
        ("SORT k", "", 1), ("SORT k", "AUTH ann a", 0), ("SCAN 0", "", 1),
        ("SCAN 0", "WATCH k", 0), ("SCAN <master>", "", 0), ("SCAN <replica>", "", 2),
        ("SCAN <replica>", "WATCH k", 2), ("SCAN <gone>", "", nil), ("SCAN 7", "", nil),
        ("SCAN x", "", 0), ("nosuch", "", 0), ("SUBSCRIBE a", "", 0), ("BLPOP k 0", "", 0),
    ])
    func namesWhereItGoes(_ line: String, _ before: String, _ expected: Int?) {
        let proxy = proxy()
        let client = proxy.driver.connect()
        let words = words(line, in: proxy)
        _ = proxy.driver.ask("AUTH", "d", on: client)
        if !before.isEmpty {
            proxy.driver.command(before.split(separator: " ").map(String.init), to: client)
            _ = serversReached(in: proxy)
            if before.hasPrefix("WATCH") { proxy.says("+OK\r\n", on: .next(after: 2)) }
        }
        proxy.driver.command(["PROXY", "EXPLAIN"] + words, to: client)
        let text = proxy.driver.output(of: client)
        #expect(choice(of: text, in: proxy) == expected, "\(text)")
        #expect(serversReached(in: proxy).isEmpty, "an explanation sends nothing")
        proxy.driver.command(words, to: client)
        #expect(serversReached(in: proxy) == (expected.map { [$0] } ?? []))
        proxy.core.checkInvariants()
    }

    /// A client that waits for replies reads behind them where it can, and so it is explained.
    @Test(arguments: [("GET k", 1), ("SET k v", 0)])
    func behindWhatItWaitsFor(_ before: String, _ expected: Int) {
        let proxy = proxy()
        let client = proxy.driver.connect()
        _ = proxy.driver.ask("AUTH", "d", on: client)
        proxy.driver.command(before.split(separator: " ").map(String.init), to: client)
        proxy.driver.command(["PROXY", "EXPLAIN", "GET", "k"], to: client)
        proxy.says("+OK\r\n", on: expected == 0 ? .masterWrites : .replica(expected - 1))
        let text = proxy.driver.output(of: client)
        #expect(choice(of: text, in: proxy) == expected, "\(text)")
        #expect(text.contains("behind this connection's own unanswered"))
    }
}
