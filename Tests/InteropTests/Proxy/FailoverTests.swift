// Another server becomes the master, with real servers: writes wait for it, none that was acknowledged is lost, and who
// comes back as a master of old gets nothing.

import Foundation
import RESP
import TestSupport
import Testing

@Suite(.serialized) struct FailoverTests {
    private static func front(threads: Int) throws -> Front? {
        let reads = SluiceProxy.Reads(consistency: "fresh")
        guard
            let front = try Front(
                replicas: 2, reads: reads,
                ["threads: \(threads)", "timeouts: {probe_interval: 100ms}", "writes: {hold: 60s}"]),
            !Front.isDirect
        else { return nil }
        return front
    }

    private static func promote(_ node: RedisNode, following others: [RedisNode]) throws {
        #expect(try node.client().run("REPLICAOF", "NO", "ONE") == .simple("OK"))
        for other in others { try follow(other, node) }
    }

    private static func follow(_ node: RedisNode, _ master: RedisNode) throws {
        let reply = try node.client().run("REPLICAOF", "127.0.0.1", "\(master.port)")
        #expect(reply.text?.hasPrefix("OK") == true)
    }

    private static func waitUntil(_ what: String, _ isTrue: () throws -> Bool) throws {
        let deadline = ContinuousClock().now.advanced(by: .seconds(60))
        while ContinuousClock().now < deadline {
            if try isTrue() { return }
            usleep(20_000)
        }
        Issue.record("it never came to pass that \(what)")
    }

    /// Waits until a replica has all that its master has written.
    private static func waitUntilLevel(_ replica: RedisNode, _ master: RedisNode) throws {
        try waitUntil("the replica has caught up") {
            try replica.information("replication", "slave_repl_offset")
                == master.information("replication", "master_repl_offset")
        }
    }

    /// The master is killed and a replica promoted: what is written in between waits, and is then with the new one.
    @Test(arguments: [1, 2]) func killedMaster(threads: Int) throws {
        guard let front = try Self.front(threads: threads) else { return }
        let (old, heir, other) = (
            front.deployment.master, front.deployment.replicas[0], front.deployment.replicas[1]
        )
        var clients = try (0..<8).map { _ in try front.client() }
        for client in clients { #expect(try client.run("INCR", "n").isNumber) }
        try Self.waitUntilLevel(heir, old)
        old.kill()
        for client in clients { try client.send(Wire.request(["INCR", "n"])) }
        try Self.promote(heir, following: [other])
        var unknown = 0
        for number in clients.indices {
            unknown += try Self.finishCounting(&clients[number]) { try front.client() }
        }
        let after = try #require(try clients[0].run("GET", "n").text.flatMap(Int.init))
        #expect(16...16 + unknown ~= after)
        #expect(try heir.client().run("GET", "n") == .bulk("\(after)"))

        // It comes back as the master of old, with data of its own, and nobody writes there.
        try old.restart()
        for client in clients { #expect(try client.run("INCR", "n").isNumber) }
        usleep(500_000)
        for client in clients { #expect(try client.run("INCR", "n").isNumber) }
        #expect(try heir.client().run("GET", "n") == .bulk("\(after + 16)"))
        #expect(try old.client().run("GET", "n") != .bulk("\(after + 16)"))

        // Now it follows, and takes reads like any other replica.
        try Self.follow(old, heir)
        try old.resetStatistics()
        let reader = try front.client()
        try Self.waitUntil("the master of old is read from") {
            #expect(try reader.run("GET", "n") == .bulk("\(after + 16)"))
            return try old.commandStatistics()["get"].calls > 0
        }
    }

    /// Reads the answer to an INCR until it was done. What was refused was not sent, and who was closed cannot know, as
    /// the request may have reached a server that was dying. Both ask again. Returns how often nobody can know.
    static func finishCounting(
        _ client: inout RESPClient, anew connect: () throws -> RESPClient
    ) throws -> Int {
        var unknown = 0
        while true {
            do {
                let reply = try client.readReply()
                if case .integer = reply { return unknown }
                guard reply.text?.hasSuffix("; nothing was sent") == true else {
                    Issue.record("INCR was answered by \(reply)")
                    return unknown
                }
            } catch {
                unknown += 1
                client = try connect()
            }
            try client.send(Wire.request(["INCR", "n"]))
        }
    }

    /// The server's own FAILOVER under load: no acknowledged write is lost, none is done twice, and no read is stale.
    @Test(arguments: [1, 2]) func failoverUnderLoad(threads: Int) throws {
        guard let front = try Self.front(threads: threads) else { return }
        let (old, heir) = (front.deployment.master, front.deployment.replicas[0])
        let tally = Tally(counters: 6) { try front.client() }
        usleep(300_000)
        let reply = try old.client().run(
            "FAILOVER", "TO", "127.0.0.1", "\(heir.port)", "TIMEOUT", "30000")
        #expect(reply == .simple("OK"))
        try Self.waitUntil("the replica is the master") {
            try heir.information("replication", "role") == "master"
        }
        let before = tally.total
        try Self.waitUntil("writes go on") { tally.total > before + 100 }
        tally.end()
        #expect(tally.complaints == [])
        let client = try heir.client()
        for number in 0..<6 {
            let value = try client.run("GET", "count-\(number)").text.flatMap(Int.init) ?? 0
            let (done, unknown) = tally.counts(number)
            #expect(done <= value && value <= done + unknown, "\(done), \(unknown), \(value)")
        }
    }
}

extension WireReply {
    fileprivate var isNumber: Bool {
        if case .integer = self { true } else { false }
    }
}
