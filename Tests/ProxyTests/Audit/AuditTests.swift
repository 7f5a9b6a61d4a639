// The audit with servers that the test plays: whom it asks and when, what is told once, and what is listed.

import RESP
import TestSupport
import Testing

@testable import Proxy

@Suite struct AuditTests {
    private static let little = (name: "maxmemory", value: "1000")

    private static func probe(_ fresh: FreshProxy, times: Int) {
        for _ in 0..<times { fresh.probe() }
    }

    private static func told(_ fresh: FreshProxy, _ text: String) -> Int {
        fresh.driver.log.count { $0.contains(text) }
    }

    private static func deployment(
        replicas: Int = 1, interval: Duration = .seconds(5),
        _ configure: (inout [FreshProxy.Facts]) -> Void = { _ in }
    ) -> FreshProxy {
        var facts = [FreshProxy.Facts(runID: "run-master", role: "master")]
        for number in 0..<replicas {
            facts.append(FreshProxy.Facts(runID: "run-replica-\(number)", role: "slave"))
        }
        for index in facts.indices { facts[index].settings["maxmemory*"] = ("maxmemory", "0") }
        configure(&facts)
        return FreshProxy(replicas: replicas, isProved: false, facts: facts) {
            $0.audit.interval = interval
        }
    }

    /// All are asked at once, and again when the time is up or one of them is another process; an interval of 0 asks
    /// nobody.
    @Test func asks() {
        let all = ServerSettings.questions.count
        let fresh = Self.deployment()
        #expect(fresh.settingsAsked == [0: all, 1: all])
        Self.probe(fresh, times: 4)
        #expect(fresh.settingsAsked == [0: all, 1: all])
        Self.probe(fresh, times: 2)
        #expect(fresh.settingsAsked == [0: 2 * all, 1: 2 * all])
        fresh.facts[1].runID = "run-another"
        Self.probe(fresh, times: 1)
        #expect(fresh.settingsAsked == [0: 2 * all, 1: 3 * all])

        let idle = Self.deployment(interval: .zero)
        Self.probe(idle, times: 6)
        #expect(idle.settingsAsked == [:])
        let client = idle.driver.connect()
        idle.driver.command(["PROXY", "AUDIT"], to: client)
        #expect(
            idle.driver.output(of: client) == "-ERR the audit is off: audit.interval is 0\r\n")
    }

    /// The first worker asks for all.
    @Test(arguments: [0, 1]) func oneWorkerAsks(worker: Int) {
        let fresh = FreshProxy(isProved: false, worker: worker) { $0.audit.interval = .seconds(5) }
        Self.probe(fresh, times: 3)
        #expect(fresh.core.servers[1].health.isHealthy)
        #expect(fresh.settingsAsked.isEmpty == (worker != 0))
    }

    /// What is found is told once, by the log, an event and both lists; that it is over is told too.
    @Test func tellsOnce() {
        let fresh = Self.deployment { $0[1].settings["maxmemory*"] = Self.little }
        Self.probe(fresh, times: 20)
        #expect(Self.told(fresh, "replica replica0:6379 has a maxmemory of 1000") == 1)
        let client = fresh.driver.connect()
        fresh.driver.command(["PROXY", "AUDIT"], to: client)
        let reply = fresh.driver.output(of: client)
        for word in ["less_memory", "warning", "replica0:6379"] {
            #expect(reply.contains(Wire.bulk(word)), "\(word) in \(reply)")
        }
        guard case .list(let listed)? = fresh.core.status().report["audit"] else {
            Issue.record("no audit")
            return
        }
        #expect(listed.count == 1)
        #expect(listed[0]["finding"] == .text("less_memory"))
        let since = listed[0]["since"]

        // Another value of it is news, and no other finding.
        fresh.facts[1].settings["maxmemory*"] = ("maxmemory", "2000")
        Self.probe(fresh, times: 6)
        #expect(Self.told(fresh, "replica replica0:6379 has a maxmemory of 2000") == 1)
        #expect(fresh.core.audit.findings.map(\.report)[0]["since"] == since)
        #expect(Self.told(fresh, "is not found any more") == 0)

        fresh.facts[1].settings["maxmemory*"] = ("maxmemory", "0")
        Self.probe(fresh, times: 20)
        #expect(Self.told(fresh, "is not found any more to be wrong: less_memory") == 1)
        #expect(fresh.core.audit.findings == [])
        let kinds = fresh.core.operators.events.newest(.max).map(\.kind).reversed()
        #expect(
            kinds.filter { [.auditFinding, .auditResolved].contains($0) }
                == [.auditFinding, .auditFinding, .auditResolved])
        fresh.driver.command(["PROXY", "AUDIT"], to: client)
        #expect(fresh.driver.output(of: client) == "*0\r\n")
    }

    /// A server that does not let itself be asked is told of once, and all else goes on.
    @Test(arguments: [
        "-NOPERM this user has no permissions to run the 'config|get' command\r\n",
        "-ERR unknown command 'CONFIG', with args beginning with: 'GET' 'maxmemory*' \r\n",
    ]) func refused(answer: String) {
        let fresh = Self.deployment(replicas: 2) {
            $0[1].refusesSettings = answer
            $0[2].settings["maxmemory*"] = Self.little
        }
        Self.probe(fresh, times: 20)
        let reason = answer.dropFirst().dropLast(2)
        let text = "replica replica0:6379 does not tell its configuration, which is not compared: "
        #expect(Self.told(fresh, text + reason) == 1)
        #expect(Self.told(fresh, "replica replica1:6379 has a maxmemory of 1000") == 1)
        #expect(fresh.core.servers[1].health.isHealthy)
        fresh.facts[1].refusesSettings = nil
        Self.probe(fresh, times: 6)
        #expect(fresh.core.audit.findings.map(\.finding.kind) == ["less_memory"])
    }

    /// What is known stands while a replica is away, and goes with a connection only until it is asked again.
    @Test func lostReplica() {
        let fresh = Self.deployment { $0[1].settings["maxmemory*"] = Self.little }
        #expect(fresh.core.audit.findings.count == 1)
        fresh.lose(1)
        Self.probe(fresh, times: 6)
        #expect(fresh.core.audit.findings.count == 1)
        fresh.comeBack(1)
        fresh.facts[1].settings["maxmemory*"] = ("maxmemory", "0")
        Self.probe(fresh, times: 8)
        #expect(fresh.core.audit.findings == [])
    }

    /// After a failover the servers are compared with the next master.
    @Test func anotherMaster() {
        let fresh = Self.deployment {
            $0[0].settings["maxmemory*"] = ("maxmemory", "1000")
            $0[1].settings["maxmemory*"] = ("maxmemory", "2000")
        }
        #expect(fresh.core.audit.findings == [])
        fresh.promote()
        #expect(fresh.core.master.index == 1)
        Self.probe(fresh, times: 6)
        #expect(
            fresh.core.audit.findings.map(\.finding) == [
                .lessMemory(
                    replica: "127.0.0.1:6379", own: 1000, masters: 2000, ignoresIt: nil)
            ])
    }

    /// What the first worker finds is in everybody's answer.
    @Test func merged() {
        let core = ProxyCore(
            configuration: ProxyConfiguration(), worker: 1, workers: 2, at: HandDriver.start)
        var other = core.status()
        var first = core.status()
        first.findings = [
            OpenFinding(finding: .writable(replica: "r:1"), since: HandDriver.start.wall)
        ]
        other.merge(first)
        #expect(other.findings.count == 1)
    }
}
