// PROXY RESYNC with real servers under load: no read fails, none is stale, the copy is a whole one, and the data is the
// master's afterwards.

import Foundation
import RESP
import TestSupport
import Testing

@Suite(.serialized) struct ResyncTests {
    private static let counters = 6

    private static func proxy(_ deployment: RedisDeployment, threads: Int = 1) throws -> LiveServer
    {
        let proxy = try SluiceProxy.start(
            before: deployment, reads: .init(consistency: "fresh"),
            ["timeouts: {probe_interval: 100ms}", "threads: \(threads)"])
        #expect(try SluiceProxy.waitUntilReadsReach(deployment.replicas, through: proxy))
        return proxy
    }

    private static func copies(_ node: RedisNode, _ field: String = "sync_full") throws -> Int {
        Int(try node.information("stats", field) ?? "") ?? -1
    }

    private static func digest(_ node: RedisNode) throws -> String? {
        try node.client().run("DEBUG", "DIGEST").text
    }

    /// A replica that was written to by somebody has lost keys and has others; afterwards it is its master.
    @Test(arguments: [1, 2]) func underLoad(threads: Int) throws {
        let debug = ["--enable-debug-command", "yes"]
        guard !Front.isDirect,
            let deployment = try RedisDeployment.start(
                replicas: 2, masterArguments: debug, replicaArguments: debug)
        else { return }
        let (master, replica) = (deployment.master, deployment.replicas[0])
        let fill = try master.client()
        for block in 0..<20 {
            let pairs = (0..<500).flatMap {
                ["key-\(block)-\($0)", String(repeating: "v", count: 200)]
            }
            #expect(try fill.run(["MSET"] + pairs) == .simple("OK"))
        }
        #expect(try deployment.waitUntilReplicated())
        let vandal = try replica.client()
        #expect(try vandal.run("CONFIG", "SET", "replica-read-only", "no") == .simple("OK"))
        #expect(try vandal.run("DEL", "key-0-0") == .integer(1))
        #expect(try vandal.run("SET", "stranger", "1") == .simple("OK"))
        #expect(try vandal.run("CONFIG", "SET", "replica-read-only", "yes") == .simple("OK"))

        let proxy = try Self.proxy(deployment, threads: threads)
        let tally = Tally(counters: Self.counters) { try proxy.client() }
        #expect(wait(within: .seconds(60)) { tally.total > 200 })
        let before = try Self.copies(master)
        let administrator = try proxy.client()
        for round in 1...3 {
            let reply = try administrator.run("PROXY", "RESYNC", "\(replica.endpoint)")
            #expect(reply[key: "replica"]?.text == "\(replica.endpoint)", "\(reply)")
            #expect(reply[key: "reads_meanwhile"]?.text == "replicas")
            #expect(try Self.copies(master) == before + round)
            let total = tally.total
            #expect(wait(within: .seconds(60)) { tally.total > total + 200 })
        }
        #expect(try SluiceProxy.waitUntilReadsReach(deployment.replicas, through: proxy))
        tally.end()
        #expect(tally.complaints == [])
        #expect(tally.disturbances == 0)
        #expect(try Self.copies(master, "sync_partial_ok") == 0)
        #expect(try replica.information("replication", "role") == "slave")
        #expect(try deployment.waitUntilReplicated())
        // What the proxy publishes changes offsets and no data.
        #expect(try Self.digest(replica) == Self.digest(master))
        #expect(try replica.client().run("EXISTS", "stranger") == .integer(0))
        proxy.process.kill()
    }

    /// Who is refused, in the proxy's words, and that nothing was done.
    @Test func refusals() throws {
        guard !Front.isDirect, let deployment = try RedisDeployment.start(replicas: 1) else {
            return
        }
        let proxy = try Self.proxy(deployment)
        let (master, replica) = (deployment.master, deployment.replicas[0])
        let before = try Self.copies(master)
        let client = try proxy.client()
        let own = try client.run("PROXY", "RESYNC", "\(master.endpoint)")
        #expect(own.text?.hasSuffix("is the master, which copies from nobody") == true, "\(own)")
        let unknown = try client.run("PROXY", "RESYNC", "127.0.0.1:1")
        #expect(unknown.text?.contains("is not known here") == true, "\(unknown)")
        let access = try replica.client()
        #expect(try access.run("ACL", "SETUSER", "default", "-replicaof") == .simple("OK"))
        let refused = try client.run("PROXY", "RESYNC", "\(replica.endpoint)")
        #expect(refused.text?.contains("it refuses: NOPERM") == true, "\(refused)")
        #expect(try Self.copies(master) == before)
        #expect(try replica.information("replication", "master_link_status") == "up")
        #expect(try access.run("ACL", "SETUSER", "default", "+replicaof") == .simple("OK"))
        // The last one: the master takes the reads.
        let last = try client.run("PROXY", "RESYNC", "\(replica.endpoint)")
        #expect(last[key: "reads_meanwhile"]?.text == "master", "\(last)")
        #expect(try Self.copies(master) == before + 1)
        proxy.process.kill()
    }
}
