// The proxy behind real sentinels: it learns from them who its servers are, and follows the failover that they carry
// out.

import Foundation
import RESP
import TestSupport
import Testing

@Suite(.serialized) struct SentinelFailoverTests {
    private static func proxy(
        _ sentinels: [RedisSentinel], threads: Int, hold: String = "2m"
    ) throws -> LiveServer {
        let addresses = sentinels.map { "\($0.endpoint)" }.joined(separator: ", ")
        return try SluiceProxy.start(
            backends: [
                "  sentinel: {master_name: \(RedisSentinel.masterName), addresses: [\(addresses)]}"
            ],
            [
                "reads: {consistency: fresh}", "timeouts: {probe_interval: 100ms}",
                "writes: {hold: \(hold)}", "threads: \(threads)",
            ])
    }

    private static func isNumber(_ reply: WireReply) -> Bool {
        if case .integer = reply { true } else { false }
    }

    /// The master is killed: the sentinels promote a replica, and what was written meanwhile is with that. When the old
    /// one comes back it is made a replica, and takes reads.
    @Test(arguments: [1, 2]) func killedMaster(threads: Int) throws {
        guard !Front.isDirect, let deployment = try RedisDeployment.start(replicas: 2) else {
            return
        }
        let fast = ["sentinel down-after-milliseconds \(RedisSentinel.masterName) 2000"]
        let sentinels = try deployment.watched(by: 3, lines: fast)
        let proxy = try Self.proxy(sentinels, threads: threads)
        var clients = try (0..<8).map { _ in try proxy.client() }
        for client in clients { #expect(Self.isNumber(try client.run("INCR", "n"))) }
        #expect(try SluiceProxy.waitUntilReadsReach(deployment.replicas, through: proxy))
        // A replica that is promoted has what was acknowledged; else it would be lost with the master.
        #expect(try deployment.waitUntilReplicated())
        deployment.master.kill()
        for client in clients { try client.send(Wire.request(["INCR", "n"])) }
        var unknown = 0
        for number in clients.indices {
            unknown += try FailoverTests.finishCounting(&clients[number]) { try proxy.client() }
        }
        let after = try #require(try clients[0].run("GET", "n").text.flatMap(Int.init))
        #expect(16...16 + unknown ~= after)
        let heirs = try deployment.replicas.filter {
            try $0.information("replication", "role") == "master"
        }
        #expect(heirs.count == 1)
        #expect(try heirs[0].client().run("GET", "n") == .bulk("\(after)"))
        try deployment.master.restart()
        #expect(try SluiceProxy.waitUntilReadsReach([deployment.master], through: proxy))
        #expect(try deployment.master.information("replication", "role") == "slave")
        #expect(try clients[0].run("GET", "n") == .bulk("\(after)"))
    }

    /// Without a sentinel that answers nobody is written to, and the error says why.
    @Test func noSentinel() throws {
        guard !Front.isDirect, let deployment = try RedisDeployment.start(replicas: 0) else {
            return
        }
        let sentinels = try deployment.watched(by: 1)
        sentinels[0].kill()
        let proxy = try Self.proxy(sentinels, threads: 1, hold: "1s")
        let client = try proxy.client()
        let reply = try client.run("SET", "k", "1")
        #expect(
            reply.text
                == "ERR cannot reach the master: no majority of the sentinels has named one yet; nothing was sent"
        )
        try sentinels[0].restart()
        let deadline = ContinuousClock().now.advanced(by: .seconds(60))
        while try client.run("SET", "k", "1") != .simple("OK") {
            guard ContinuousClock().now < deadline else {
                Issue.record("the sentinel was never heard")
                return
            }
            usleep(50_000)
        }
    }
}
