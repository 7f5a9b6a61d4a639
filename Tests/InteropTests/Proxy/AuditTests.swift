// The audit with real servers: what stock settings lead to, what others do, and who does not let itself be asked.

import RESP
import TestSupport
import Testing

@Suite(.serialized) struct AuditTests {
    private static let lines = ["audit: {interval: 200ms}", "timeouts: {probe_interval: 100ms}"]
    private static let kept = ["--save", "3600 1"]

    private static func findings(_ client: RESPClient) throws -> [String] {
        try client.run("PROXY", "AUDIT").items?.compactMap { $0[key: "finding"]?.text } ?? []
    }

    /// Whether the audit finds just this before long.
    private static func becomes(_ findings: [String], _ client: RESPClient) -> Bool {
        wait(within: .seconds(60)) { (try? Self.findings(client)) == findings }
    }

    private static func events(_ client: RESPClient) throws -> [String] {
        let events = try client.run("PROXY", "EVENTS", "-1").items ?? []
        return events.compactMap { $0[key: "event"]?.text }.filter { $0.hasPrefix("audit_") }
    }

    /// As Redis comes, with a file kept, nothing is wrong, however often they are asked.
    @Test func stockSettings() throws {
        guard let front = try Front(replicas: 2, masterArguments: Self.kept, Self.lines),
            !Front.isDirect
        else { return }
        for node in front.deployment.nodes {
            try node.resetStatistics()
            #expect(
                wait(within: .seconds(60)) {
                    (try? node.commandStatistics()["config|get"].calls >= 50) == true
                })
        }
        let client = try front.client()
        #expect(try Self.findings(client) == [])
        #expect(try Self.events(client) == [])
    }

    /// A replica that may take less than its master is found, and is forgotten when it may take as much.
    @Test func lessMemory() throws {
        let little = ["--maxmemory", "10mb", "--replica-ignore-maxmemory", "no"]
        guard
            let front = try Front(
                replicas: 1, masterArguments: Self.kept, replicaArguments: little, Self.lines),
            !Front.isDirect
        else { return }
        let (replica, client) = (front.deployment.replicas[0], try front.client())
        #expect(Self.becomes(["less_memory"], client))
        let finding = try client.run("PROXY", "AUDIT").items?.first
        #expect(finding?[key: "severity"]?.text == "warning")
        #expect(finding?[key: "backend"]?.text == "\(replica.endpoint)")
        let text = finding?[key: "text"]?.text ?? ""
        #expect(
            text.contains("maxmemory of 10MB") && text.contains("PROXY RESYNC \(replica.endpoint)"))
        #expect(try replica.client().run("CONFIG", "SET", "maxmemory", "0") == .simple("OK"))
        #expect(Self.becomes([], client))
        #expect(try Self.events(client) == ["audit_resolved", "audit_finding"])
    }

    /// Masters that keep nothing, and replicas that take writes.
    @Test func otherSettings() throws {
        guard let front = try Front(replicas: 1, Self.lines), !Front.isDirect else { return }
        let (replica, client) = (front.deployment.replicas[0], try front.client())
        #expect(Self.becomes(["keeps_nothing"], client))
        let changes = try replica.client()
        for (name, value, finding) in [
            ("replica-read-only", "no", "writable"),
            ("maxmemory-policy", "allkeys-lru", "other_policy"),
            ("set-max-intset-entries", "5", "other_encodings"), ("timeout", "3600", "closes_idle"),
            ("repl-timeout", "5", "hears_too_seldom"),
        ] {
            let former = try changes.run("CONFIG", "GET", name).items?[1].text ?? ""
            #expect(try changes.run("CONFIG", "SET", name, value) == .simple("OK"))
            #expect(Self.becomes(["keeps_nothing", finding], client), "\(name)")
            #expect(try changes.run("CONFIG", "SET", name, former) == .simple("OK"))
            #expect(Self.becomes(["keeps_nothing"], client), "\(name)")
        }
    }

    /// A server that may not be asked is said to be so, and is read all the same.
    @Test func notAllowed() throws {
        guard let front = try Front(replicas: 1, masterArguments: Self.kept, Self.lines),
            !Front.isDirect
        else { return }
        let (replica, client) = (front.deployment.replicas[0], try front.client())
        let access = try replica.client()
        #expect(try access.run("ACL", "SETUSER", "default", "-config") == .simple("OK"))
        #expect(Self.becomes(["unknown"], client))
        let text = try client.run("PROXY", "AUDIT").items?.first?[key: "text"]?.text ?? ""
        #expect(text.contains("NOPERM"), "\(text)")
        #expect(
            try SluiceProxy.waitUntilReadsReach(
                front.deployment.replicas, through: front.server))
        #expect(try access.run("ACL", "SETUSER", "default", "+config") == .simple("OK"))
        #expect(Self.becomes([], client))
    }
}
