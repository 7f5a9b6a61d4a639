// Reads that spill to the master when the replicas go, with real servers: limited, and none is lost.

import Foundation
import RESP
import TestSupport
import Testing

@Suite(.serialized) struct SpilledReadTests {
    /// The master hangs while twelve clients read: three reads are with it, the others wait, a write goes past them,
    /// and all are answered in the end.
    @Test func limited() throws {
        let lines = ["  max_master_reads: 3", "timeouts: {probe: 60s, request: 60s}"]
        guard let front = try Front(replicas: 1, lines), !Front.isDirect else { return }
        let (master, replica) = (front.deployment.master, front.deployment.replicas[0])
        let administrator = try front.client()
        #expect(try administrator.run("SET", "k", "v") == .simple("OK"))
        replica.kill()
        let isGone = try wait {
            try administrator.run("PROXY", "BACKENDS").items?[1][key: "state"]?.text == "down"
        }
        #expect(isGone)
        let clients = try (0..<12).map { _ in try front.client() }
        let writer = try front.client()
        master.freeze()
        defer { master.thaw() }
        for client in clients { try client.send(["GET", "k"]) }
        let areHeld = try wait {
            let counters = try administrator.run("PROXY", "STATS")
            return counters[key: "reads_held_back"]?.number == 9
        }
        #expect(areHeld)
        try writer.send(["SET", "k", "w"])
        let status = try administrator.run("PROXY", "STATUS")
        #expect(status[key: "outstanding"]?.number ?? 0 >= 3)
        master.thaw()
        #expect(try writer.readReply() == .simple("OK"))
        for client in clients {
            let reply = try client.readReply()
            #expect(reply == .bulk("v") || reply == .bulk("w"))
        }
    }
}
