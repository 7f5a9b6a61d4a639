// Servers that no configuration names, found by what the master and its replicas tell.

import Foundation
import RESP
import TestSupport
import Testing

@Suite(.serialized) struct DiscoveryTests {
    private static func proxy(
        _ deployment: RedisDeployment, _ backends: [String] = [], threads: Int = 1
    ) throws -> LiveServer {
        try SluiceProxy.start(
            backends: ["  master: \(deployment.master.endpoint)", "  discover: true"] + backends,
            [
                "reads: {consistency: eventual}", "timeouts: {probe_interval: 100ms}",
                "threads: \(threads)",
            ])
    }

    private static func backends(of proxy: LiveServer) throws -> String {
        text(of: try proxy.client().run("PROXY", "BACKENDS"))
    }

    private static func text(of reply: WireReply) -> String {
        switch reply {
        case .array(let parts), .map(let parts): parts.map(text).joined(separator: " ")
        default: reply.text ?? ""
        }
    }

    /// Replicas of the master, and of replicas; one that comes later; and one that is the master later on.
    @Test(arguments: [1, 2]) func replicas(threads: Int) throws {
        guard !Front.isDirect, let deployment = try RedisDeployment.start(replicas: 1) else {
            return
        }
        let first = deployment.replicas[0]
        let chained = try #require(try RedisDeployment.startReplica(of: first))
        let proxy = try Self.proxy(deployment, threads: threads)
        #expect(try SluiceProxy.waitUntilReadsReach([first, chained], through: proxy))
        let late = try #require(try RedisDeployment.startReplica(of: deployment.master))
        #expect(try SluiceProxy.waitUntilReadsReach([first, chained, late], through: proxy))
        deployment.master.kill()
        #expect(try late.client().run("REPLICAOF", "NO", "ONE") == .simple("OK"))
        _ = try first.client().run("REPLICAOF", "127.0.0.1", "\(late.port)")
        // Held until the new one is found.
        #expect(try proxy.client().run("SET", "k", "1") == .simple("OK"))
        #expect(try late.client().run("GET", "k") == .bulk("1"))
        #expect(try SluiceProxy.waitUntilReadsReach([first, chained], through: proxy))
    }

    /// A replica announces an address where nobody reaches it; the configuration knows another.
    @Test func announcedElsewhere() throws {
        guard !Front.isDirect, let deployment = try RedisDeployment.start(replicas: 0) else {
            return
        }
        let replica = try #require(
            try RedisDeployment.startReplica(
                of: deployment.master,
                ["--replica-announce-ip", "192.0.2.7", "--replica-announce-port", "7000"]))
        let proxy = try Self.proxy(
            deployment, ["  addresses: {\"192.0.2.7:7000\": \"127.0.0.1:\(replica.port)\"}"])
        #expect(try SluiceProxy.waitUntilReadsReach([replica], through: proxy))
        #expect(try !Self.backends(of: proxy).contains("192.0.2.7"))
    }

    /// A replica that the configuration names by another name than it announces is one server.
    @Test func sameServerTwice() throws {
        guard !Front.isDirect, let deployment = try RedisDeployment.start(replicas: 1) else {
            return
        }
        let replica = deployment.replicas[0]
        let proxy = try Self.proxy(deployment, ["  replicas: [\"localhost:\(replica.port)\"]"])
        #expect(try SluiceProxy.waitUntilReadsReach([replica], through: proxy))
        let deadline = ContinuousClock().now.advanced(by: .seconds(60))
        while try Self.backends(of: proxy).contains("127.0.0.1:\(replica.port)") {
            guard ContinuousClock().now < deadline else {
                Issue.record("one server is followed twice")
                return
            }
            usleep(50_000)
        }
        #expect(try Self.backends(of: proxy).contains("localhost:\(replica.port)"))
        #expect(try SluiceProxy.waitUntilReadsReach([replica], through: proxy))
    }

    /// A replica that begins to follow somebody else is not read from any more.
    @Test func strangersReplica() throws {
        guard !Front.isDirect, let deployment = try RedisDeployment.start(replicas: 1),
            let stranger = try RedisDeployment.start(replicas: 0)
        else { return }
        #expect(try stranger.master.client().run("SET", "whose", "theirs") == .simple("OK"))
        let proxy = try Self.proxy(deployment)
        let replica = deployment.replicas[0]
        #expect(try SluiceProxy.waitUntilReadsReach([replica], through: proxy))
        _ = try replica.client().run("REPLICAOF", "127.0.0.1", "\(stranger.master.port)")
        let deadline = ContinuousClock().now.advanced(by: .seconds(60))
        while try !Self.backends(of: proxy).contains("it follows another master") {
            guard ContinuousClock().now < deadline else {
                Issue.record("a stranger's replica is taken for ours")
                return
            }
            usleep(20_000)
        }
        let client = try proxy.client()
        for _ in 0..<20 { #expect(try client.run("GET", "whose") == .nullBulk) }
    }
}
