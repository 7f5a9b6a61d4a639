// INFO through the proxy: its sections, and that a client finds in it what it looks for.

import RESP
import TestSupport
import Testing

@testable import Proxy

@Suite struct InfoTests {
    private func titles(_ line: String) -> [String] {
        let selection = withRequest(line) { InfoSelection($0) }
        return text(InfoText(.sample()).text(selection)).components(lineStart: "# ")
    }

    /// The sections that a live redis-server shows for the same words, and ours behind them.
    @Test func sectionsAreThoseOfRedis() throws {
        guard let server = try RedisServer.start() else { return }
        let client = try server.client()
        for line in [
            "INFO", "INFO default", "INFO all", "INFO everything", "INFO server", "INFO CPU Server",
            "INFO nosuch", "INFO nosuch clients", "INFO modules", "INFO commandstats",
            "INFO keyspace", "INFO default commandstats", "INFO all server",
        ] {
            let reply = try client.run(line.split(separator: " ").map(String.init))
            let theirs = try #require(reply.text).components(lineStart: "# ")
            #expect(titles(line).filter { $0 != "Sluice" } == theirs, "\(line)")
        }
        #expect(titles("INFO").last == "Sluice")
        #expect(titles("INFO sluice") == ["Sluice"])
    }

    /// Every field that we share with redis-server has its name, and stands in its section and order.
    @Test func fieldsAreThoseOfRedis() throws {
        guard let server = try RedisServer.start() else { return }
        let client = try server.client()
        for section in InfoSection.allCases where section != .sluice && section != .errorstats {
            let theirs = try #require(client.run("INFO", section.rawValue).text).fieldNames
            let selection = withRequest("INFO \(section.rawValue)") { InfoSelection($0) }
            let ours = text(InfoText(.sample()).text(selection)).fieldNames
            #expect(ours == theirs.filter(ours.contains), "\(section)")
        }
    }

    /// What a client checks before it uses a server is there and says that it may.
    @Test func clientsAreContent() {
        let selection = withRequest("INFO") { InfoSelection($0) }
        let info = text(InfoText(.sample()).text(selection))
        for line in [
            "redis_version:7.0.15", "redis_mode:standalone", "role:master", "connected_slaves:0",
            "loading:0", "cluster_enabled:0", "process_id:4711", "tcp_port:7379",
            "used_memory:10485760", "used_memory_human:10.00M", "connected_clients:3",
            "total_commands_processed:100", "errorstat_ERR:count=1", "used_cpu_user:1.234000",
            "reads_on_replicas_percent:85", "backends_healthy:3",
        ] { #expect(info.contains("\r\n\(line)\r\n"), "\(line)") }
        #expect(info.contains("\r\nbackend1:address=127.0.0.1:2,role=replica,state=healthy,"))
        #expect(info.hasPrefix("# Server\r\n"))
        #expect(info.hasSuffix("\r\n"))
    }

    /// While the master loads, clients are told to wait as they would be by the master itself.
    @Test func loadingIsTold() {
        var status = ProxyStatus.sample()
        status.backends[0].state = .loading
        let selection = withRequest("INFO persistence") { InfoSelection($0) }
        #expect(text(InfoText(status).text(selection)).contains("\r\nloading:1\r\n"))
    }

    /// The keyspace is the master's, and nothing of its reply but lines about databases gets in.
    @Test(arguments: [
        ("", ""), ("# Keyspace\r\n", ""),
        ("# Keyspace\r\ndb0:keys=1,expires=0,avg_ttl=0\r\n", "db0:keys=1,expires=0,avg_ttl=0\r\n"),
        ("db0:keys=1\ndb15:keys=2\n", "db0:keys=1\r\ndb15:keys=2\r\n"),
        ("role:slave\r\ndbx:keys=1\r\ndb:1\r\ndb1\r\ndb2:keys=3", "db2:keys=3\r\n"),
    ])
    func keyspace(reply: String, expected: String) {
        let selection = withRequest("INFO keyspace") { InfoSelection($0) }
        #expect(selection.needsKeyspace)
        let info = InfoText(.sample(), keyspace: Array(reply.utf8))
        #expect(text(info.text(selection)) == "# Keyspace\r\n" + expected)
    }

    /// A reply without end does not become ours.
    @Test func keyspaceIsBounded() {
        let lines = Array(String(repeating: "db0:keys=1\r\n", count: 100_000).utf8)
        #expect(InfoText.databaseLines(lines).count <= InfoText.longestKeyspace + 2)
    }

    /// Only sections that show it ask the master.
    @Test func keyspaceIsAskedForWhenShown() {
        for (line, needs) in [("INFO", true), ("INFO all", true), ("INFO server", false)] {
            #expect(withRequest(line) { InfoSelection($0) }.needsKeyspace == needs)
        }
    }

    /// INFO is a bulk to RESP2 and verbatim text to RESP3, empty for sections that do not exist.
    @Test func reply() {
        let none = withRequest("INFO nosuch") { InfoSelection($0) }
        let info = InfoText(.sample())
        #expect(text(output { info.reply(none, to: &$0, for: .resp2) }) == "$0\r\n\r\n")
        #expect(text(output { info.reply(none, to: &$0, for: .resp3) }) == "=4\r\ntxt:\r\n")
    }

    /// Names from the configuration cannot make a second field or line.
    @Test func backendsAreOneLineEach() {
        var status = ProxyStatus.sample()
        status.backends[0].zone = "a,state=down\r\nrole:slave"
        let selection = withRequest("INFO sluice") { InfoSelection($0) }
        let info = text(InfoText(status).text(selection))
        #expect(info.contains("zone=a_state=down_role:slave,weight=1"))
    }

    /// Sizes as redis-server writes them.
    @Test(arguments: [
        (0, "0B"), (1023, "1023B"), (1024, "1.00K"), (916_328, "894.85K"), (1 << 20, "1.00M"),
        (25_276_514_304, "23.54G"), (1 << 50, "1024.00T"),
    ])
    func sizes(bytes: Int, expected: String) {
        #expect(InfoText.human(bytes) == expected)
    }
}

extension String {
    fileprivate var lines: [String] {
        split(whereSeparator: \.isNewline).map(String.init)
    }

    /// What stands behind `start` in the lines that begin with it.
    fileprivate func components(lineStart start: String) -> [String] {
        lines.filter { $0.hasPrefix(start) }.map { String($0.dropFirst(start.count)) }
    }

    fileprivate var fieldNames: [String] {
        lines.filter { !$0.hasPrefix("#") }.map { String($0.prefix { $0 != ":" }) }
    }
}
