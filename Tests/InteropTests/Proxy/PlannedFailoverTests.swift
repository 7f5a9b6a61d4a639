// PROXY FAILOVER with real servers, and with real sentinels that watch: under load no write is lost or done twice, and
// no client notices more than a pause.

import Foundation
import RESP
import TestSupport
import Testing

@Suite(.serialized) struct PlannedFailoverTests {
    private static let counters = 6
    private static let lines = ["timeouts: {probe_interval: 100ms}", "writes: {hold: 60s}"]

    private static func deployment() throws -> RedisDeployment? {
        Front.isDirect ? nil : try RedisDeployment.start(replicas: 2)
    }

    private static func proxy(_ deployment: RedisDeployment, threads: Int = 1) throws -> LiveServer
    {
        let proxy = try SluiceProxy.start(
            before: deployment, reads: .init(consistency: "fresh"), lines + ["threads: \(threads)"])
        #expect(try SluiceProxy.waitUntilReadsReach(deployment.replicas, through: proxy))
        return proxy
    }

    /// Every counter has what its client was told, no more and no less, and nobody was disturbed.
    private static func check(_ tally: Tally, at node: RedisNode) throws {
        #expect(tally.complaints == [])
        #expect(tally.disturbances == 0)
        let client = try node.client()
        for number in 0..<counters {
            let value = try client.run("GET", Tally.name(number)).text.flatMap(Int.init) ?? 0
            #expect(value == tally.counts(number).0)
        }
    }

    private static func follows(_ replica: RedisNode, _ master: RedisNode) -> Bool {
        wait(within: .seconds(60)) {
            let port = try? replica.information("replication", "master_port")
            let link = try? replica.information("replication", "master_link_status")
            return port == "\(master.port)" && link == "up"
        }
    }

    private static func goesOn(_ tally: Tally) -> Bool {
        let before = tally.total
        return wait(within: .seconds(60)) { tally.total > before + 100 }
    }

    /// The servers' own way, there and back, with and without a name.
    @Test(arguments: [1, 2]) func trapD1_underLoad(threads: Int) throws {
        guard let deployment = try Self.deployment() else { return }
        let proxy = try Self.proxy(deployment, threads: threads)
        let tally = Tally(counters: Self.counters) { try proxy.client() }
        #expect(Self.goesOn(tally))
        let (old, heir, other) = (
            deployment.master, deployment.replicas[1], deployment.replicas[0]
        )
        let administrator = try proxy.client()
        let reply = try administrator.run(
            "PROXY", "FAILOVER", "TO", "\(heir.endpoint)", "TIMEOUT", "30000")
        #expect(reply[key: "master"]?.text == "\(heir.endpoint)", "\(reply)")
        #expect(reply[key: "former_master"]?.text == "\(old.endpoint)")
        guard case .integer(let pause)? = reply[key: "pause_ms"] else {
            Issue.record("no pause in \(reply)")
            return
        }
        #expect(pause < 60_000)
        #expect(reply[key: "not_repointed"] == .array([]))
        #expect(Self.goesOn(tally))
        #expect(try heir.information("replication", "role") == "master")
        #expect(Self.follows(old, heir))
        #expect(Self.follows(other, heir))

        // And once more, to whoever fits: it must be one of the other two.
        #expect(
            wait(within: .seconds(60)) {
                (try? administrator.run("PROXY", "FAILOVER")[key: "former_master"]?.text)
                    == "\(heir.endpoint)"
            })
        #expect(Self.goesOn(tally))
        tally.end()
        let masters = try [old, other].filter {
            try $0.information("replication", "role") == "master"
        }
        #expect(masters.count == 1)
        try Self.check(tally, at: try #require(masters.first))
        proxy.process.kill()
    }

    /// A target that has stopped: an error in time, and everything is as before.
    @Test func stoppedTarget() throws {
        guard let deployment = try Self.deployment() else { return }
        let proxy = try Self.proxy(deployment)
        let tally = Tally(counters: Self.counters) { try proxy.client() }
        #expect(Self.goesOn(tally))
        let target = deployment.replicas[0]
        target.freeze()
        let reply = try proxy.client().run(
            "PROXY", "FAILOVER", "TO", "\(target.endpoint)", "TIMEOUT", "2000")
        #expect(reply.text?.hasPrefix("ERR ") == true, "\(reply)")
        #expect(Self.goesOn(tally))
        #expect(
            try deployment.master.information("replication", "master_failover_state")
                == "no-failover")
        target.thaw()
        #expect(Self.goesOn(tally))
        tally.end()
        #expect(try target.information("replication", "role") == "slave")
        try Self.check(tally, at: deployment.master)
        proxy.process.kill()
    }

    /// Three sentinels watch, and carry it out: afterwards they and the proxy name the same master, nothing is paused,
    /// and priorities are as they were.
    @Test(arguments: [1, 2]) func trapD1_withSentinels(threads: Int) throws {
        guard let deployment = try Self.deployment() else { return }
        let sentinels = try deployment.watched(by: 3)
        let addresses = sentinels.map { "\($0.endpoint)" }.joined(separator: ", ")
        let proxy = try SluiceProxy.start(
            backends: [
                "  sentinel: {master_name: \(RedisSentinel.masterName), addresses: [\(addresses)]}"
            ], ["reads: {consistency: fresh}", "threads: \(threads)"] + Self.lines)
        let tally = Tally(counters: Self.counters) { try proxy.client() }
        #expect(Self.goesOn(tally))
        let (old, heir, other) = (
            deployment.master, deployment.replicas[1], deployment.replicas[0]
        )
        // It may have to hear more of the replicas first.
        let administrator = try RESPClient(connectTo: proxy.endpoint, limit: .seconds(120))
        var reply = WireReply.array([])
        _ = try wait(within: .seconds(60)) {
            reply = try administrator.run("PROXY", "FAILOVER", "TO", "\(heir.endpoint)")
            return reply[key: "master"] != nil
        }
        #expect(reply[key: "master"]?.text == "\(heir.endpoint)", "\(reply)")
        #expect(Self.goesOn(tally))
        tally.end()
        for sentinel in sentinels {
            #expect(
                wait(within: .seconds(60)) {
                    let named = try? sentinel.client().run(
                        "SENTINEL", "GET-MASTER-ADDR-BY-NAME", RedisSentinel.masterName)
                    return named == .array([.bulk("127.0.0.1"), .bulk("\(heir.port)")])
                })
        }
        #expect(try heir.information("replication", "role") == "master")
        #expect(Self.follows(old, heir))
        #expect(Self.follows(other, heir))
        // A replica that is still paused would apply nothing.
        let last = try proxy.client().run("SET", "last", "x")
        #expect(last == .simple("OK"))
        for replica in [old, other] {
            #expect(
                wait(within: .seconds(60)) {
                    (try? replica.client().run("GET", "last")) == .bulk("x")
                })
        }
        for node in deployment.nodes {
            let priority = try node.client().run("CONFIG", "GET", "replica-priority")
            #expect(priority[key: "replica-priority"]?.text == "100")
        }
        try Self.check(tally, at: heir)
        proxy.process.kill()
    }
}
