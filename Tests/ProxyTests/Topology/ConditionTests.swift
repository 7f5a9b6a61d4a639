// What follows at each level from what may be wrong with servers: docs/conditions.md is written from what the core
// does, row by row.

import Foundation
import RESP
import TestSupport
import Testing

@testable import Proxy

@Suite struct ConditionTests {
    private static let levels = [Consistency.master, .fresh, .session, .bounded, .eventual]

    /// A proxy where all was well, with a client that has read there at this level, and then it begins.
    private static func prepare(
        _ condition: Condition, _ level: Consistency = .eventual
    ) -> (FreshProxy, ConnectionID) {
        let proxy = FreshProxy(replicas: condition.replicas) {
            $0.writes.hold = .seconds(5)
            condition.configure(&$0)
        }
        proxy.probe()
        proxy.publish()
        let client = proxy.driver.connect()
        let reply = proxy.driver.ask("PROXY", "CONSISTENCY", level.rawValue, on: client)
        #expect(reply == "+OK\r\n")
        proxy.publish()
        let place = proxy.ask("GET", "before", by: client)
        #expect((place == 0) == (level == .master), "\(level)")
        proxy.answerVetoes()
        proxy.proxy.says("$-1\r\n", on: proxy.core.servers[place ?? 0].lanes[0]!.readers[0].link)
        #expect(proxy.driver.output(of: client) == "$-1\r\n")
        condition.begin(proxy)
        return (proxy, client)
    }

    /// Where a request goes, and whether that takes longer than anybody would notice; or what is said instead.
    private static func outcome(
        _ words: [String], by client: ConnectionID, _ proxy: FreshProxy, _ answer: String?
    ) -> String {
        proxy.driver.command(words, to: client)
        for step in 0..<80 {
            let waited = step <= 10 ? "" : "waits, then "
            if let place = proxy.place(of: words) {
                let role = place == proxy.core.master.index ? "master" : "replica"
                if proxy.facts[place].isHung {
                    proxy.driver.pass(.seconds(12))
                    return waited + "\(role), then `\(short(proxy.driver.output(of: client)))`"
                }
                guard role == "master", let answer else { return waited + role }
                proxy.proxy.says(answer, on: proxy.masterWrites)
            }
            let said = proxy.driver.output(of: client)
            if said != "" { return waited + "`\(short(said))`" }
            proxy.driver.pass(.milliseconds(step < 10 ? 2 : 250))
            proxy.settle()
            deliver(proxy)
        }
        return "waits for ever"
    }

    /// What is published at the master reaches those that follow it.
    private static func deliver(_ proxy: FreshProxy) {
        let master = proxy.facts[proxy.core.master.index]
        for replica in 0..<proxy.replicas {
            let facts = proxy.facts[1 + replica]
            guard facts.role == "slave", facts.link == "up", facts.history == master.history,
                !facts.isHung, !facts.isUnreachable, !facts.isLoading
            else { continue }
            proxy.deliver(at: replica)
        }
    }

    /// An error without what differs from one server to the next.
    private static func short(_ error: String) -> String {
        let line = error.replacing("\r\n", with: "")
        let first = line.split(separator: " ")[0]
        return first == "-ERR" ? String(line.prefix { $0 != ":" }.prefix(60)) : String(first)
    }

    private static func read(_ level: Consistency, _ condition: Condition) -> String {
        let (proxy, client) = prepare(condition, level)
        let outcome = outcome(["GET", "k"], by: client, proxy, nil)
        proxy.core.checkInvariants()
        return outcome
    }

    private static func write(_ condition: Condition) -> String {
        let (proxy, client) = prepare(condition)
        return outcome(["SET", "k", "v"], by: client, proxy, condition.answer)
    }

    /// The state of the server that it is about, and what has been told since it began.
    private static func shown(_ condition: Condition) -> String {
        let before = FreshProxy(replicas: condition.replicas) { condition.configure(&$0) }
        before.probe()
        let known = before.core.operators.events.newest(1).first?.number ?? 0
        let (proxy, _) = prepare(condition)
        let health = proxy.core.servers[condition.server].health
        let role = proxy.core.servers[condition.server].role == .master ? "master" : "replica"
        let reason = health.reason.isEmpty ? "" : ": \(health.reason)"
        var kinds: [String] = []
        for event in proxy.core.operators.events.newest(64).reversed() where event.number > known {
            if !kinds.contains(event.kind.rawValue) { kinds.append(event.kind.rawValue) }
        }
        let told = kinds.isEmpty ? "" : "; told: " + kinds.map { "`\($0)`" }.joined(separator: ", ")
        return "\(role) `\(health.state.word)`\(reason)\(told)"
    }

    private static var table: String {
        var lines = [
            "| What is wrong | "
                + levels.map { "`\($0.rawValue)`" }.joined(separator: " | ")
                + " | a write | an operator sees |",
            "|---|" + String(repeating: "---|", count: levels.count + 2),
        ]
        for condition in Condition.all {
            let reads = levels.map { read($0, condition) }
            let name = condition.name + (condition.remark.isEmpty ? "" : ". " + condition.remark)
            lines.append(
                "| \(name) | \(reads.joined(separator: " | ")) | \(write(condition)) | \(shown(condition)) |"
            )
        }
        return lines.joined(separator: "\n") + "\n"
    }

    private static let mark = "<!-- what follows is written by ConditionTests -->\n"

    /// The table is what the core does; SLUICE_WRITE_DOCS=1 writes it anew.
    @Test func documentIsCurrent() throws {
        let file = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().deletingLastPathComponent()
            .appending(path: "docs/conditions.md")
        let written = try String(contentsOf: file, encoding: .utf8)
        let head = try #require(written.range(of: Self.mark), "the mark is missing")
        let text = written[..<head.upperBound] + "\n" + Self.table
        if ProcessInfo.processInfo.environment["SLUICE_WRITE_DOCS"] == "1" {
            try Data(text.utf8).write(to: file)
        } else {
            #expect(written == text, "docs/conditions.md is old; run with SLUICE_WRITE_DOCS=1")
        }
    }

    /// Whatever is wrong with one replica, another that is well takes the reads of every level but `master`.
    @Test(
        arguments: Condition.all.filter { $0.server == 1 && $0.replicas == 1 }.map(\.name)
            .dropFirst())
    func anotherReplica(name: String) throws {
        var condition = try #require(Condition.all.first { $0.name == name })
        condition.replicas = 2
        let begin = condition.begin
        for level in Self.levels where level != .master {
            condition.configure = { [configure = condition.configure] in
                $0.reads.balance = .roundRobin
                $0.outliers.failures = 2
                configure(&$0)
            }
            condition.begin = { proxy in
                if name.contains("too far behind") { proxy.facts[2].offset += 100_000_000 }
                begin(proxy)
            }
            let (proxy, client) = Self.prepare(condition, level)
            #expect(proxy.core.readable == [2], "\(level)")
            #expect(Self.outcome(["GET", "k"], by: client, proxy, nil) == "replica", "\(level)")
        }
    }

    /// A write was acknowledged that the promoted replica never got. Its key is read at the new master only, and then
    /// at a replica that follows that: what the surviving history lost is lost for all alike, and no read waits for it.
    @Test(arguments: [Consistency.fresh, .session, .bounded])
    func promotedBelowAFence(level: Consistency) {
        let proxy = FreshProxy(replicas: 2)
        proxy.probe()
        let client = proxy.driver.connect()
        _ = proxy.driver.ask("PROXY", "CONSISTENCY", level.rawValue, on: client)
        proxy.write("SET", "k", "v", by: client)
        // Published, and delivered by neither replica.
        proxy.publish(isDelivered: false)
        let fence = proxy.core.freshness.last
        proxy.facts[1].role = "master"
        proxy.facts[1].former = ("history-1", 50)
        proxy.facts[1].history = "history-2"
        proxy.facts[2].history = "history-2"
        proxy.facts[2].following = "replica0:6379"
        proxy.facts[0].isUnreachable = true
        for connection in proxy.core.links.compactMap({ $0 })
        where connection.server == 0 && connection.id != nil {
            proxy.proxy.cut(connection.link)
        }
        for _ in 0..<12 {
            proxy.driver.pass(.milliseconds(250))
            proxy.settle()
        }
        #expect(proxy.core.master.index == 1)
        proxy.driver.command(["GET", "k"], to: client)
        for _ in 0..<8 where proxy.core.clients[client]?.pause != nil {
            proxy.driver.pass(.milliseconds(2))
        }
        let first = proxy.place(of: ["GET", "k"])
        #expect(first == (level == .bounded ? 2 : 1))
        proxy.proxy.says("$-1\r\n", on: proxy.core.servers[first ?? 1].lanes[0]!.readers[0].link)
        #expect(proxy.driver.output(of: client) == "$-1\r\n")
        // A watermark of the new master stands behind every fence that was given out before.
        proxy.driver.pass(.seconds(1))
        proxy.settle()
        proxy.driver.pass(.milliseconds(2))
        proxy.settle()
        #expect(proxy.published.last.map { $0 > fence.number } == true)
        proxy.deliver(at: 1)
        #expect(proxy.ask("GET", "k", by: client) == 2)
        proxy.answerVetoes()
        proxy.core.checkInvariants()
    }
}
