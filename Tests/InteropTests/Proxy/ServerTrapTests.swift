// Traps that other proxies fell into, by their numbers: servers that lie, hang, fill up and die.

import Foundation
import RESP
import TestSupport
import Testing

@Suite(.serialized) struct ServerTrapTests {
    private func expectReads(
        _ front: Front, _ count: Int, _ why: Comment,
        sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        for _ in 0..<count {
            let reply = try front.client().run("GET", "k")
            #expect(reply == .bulk("v"), why, sourceLocation: sourceLocation)
        }
    }

    /// A front whose replicas have `k`.
    private func front(replicas: Int, _ lines: [String] = []) throws -> Front? {
        guard let front = try Front(replicas: replicas, lines) else { return nil }
        #expect(try front.client().run("SET", "k", "v") == .simple("OK"))
        try #require(try front.deployment.waitUntilReplicated())
        return front
    }

    /// Replicas that answer PING and have nothing: one that never found its master, one that is told to serve no old
    /// data, one that has found another master. No client ever reads there.
    @Test func trap06_healthChecksLie() throws {
        guard let front = try front(replicas: 3), !Front.isDirect else { return }
        let replicas = front.deployment.replicas
        // Refused with -MASTERDOWN, PING too.
        _ = try replicas[0].client().say(
            "CONFIG SET replica-serve-stale-data no; REPLICAOF 127.0.0.1 1")
        try expectReads(front, 100, "a replica that serves no old data")
        // Answers nil.
        replicas[1].kill()
        try replicas[1].empty()
        try replicas[1].restart(["--replicaof", "127.0.0.1 1"])
        try expectReads(front, 200, "a replica that never had anything")
        #expect(try replicas[1].client().run("GET", "k") == .nullBulk)

        // Both come back to their master, and get reads again.
        for replica in replicas {
            let port = "\(front.deployment.master.port)"
            _ = try replica.client().run("REPLICAOF", "127.0.0.1", port)
        }
        try #require(try front.deployment.waitUntilReplicated())
        #expect(try SluiceProxy.waitUntilReadsReach(replicas, through: front.server))
    }

    /// When the master dies its replicas go on answering.
    @Test func trap07_replicasWithoutAMaster() throws {
        guard let front = try front(replicas: 2), !Front.isDirect else { return }
        front.deployment.master.kill()
        try expectReads(front, 100, "the master is gone, the replicas are not")
        let linksAreDown = try wait {
            try front.deployment.replicas.allSatisfy {
                try $0.information("replication", "master_link_status") == "down"
            }
        }
        #expect(linksAreDown)
        try expectReads(front, 100, "the replicas know that their master is gone")
        let reply = try front.client().run("SET", "k", "w")
        #expect(reply.isError, "\(reply)")
        try front.deployment.master.restart()
        let isWritten = wait(within: .seconds(60)) {
            guard let client = try? front.client() else { return false }
            return (try? client.run("SET", "k", "x")) == .simple("OK")
        }
        #expect(isWritten)
    }

    /// A server dies in the middle of a reply: its client gets a part of the true reply and is closed; nothing is made
    /// up, and what it asked behind that is not answered on the wrong place.
    @Test func trap18_deathInTheMiddleOfAReply() throws {
        guard let front = try front(replicas: 1, ["timeouts:", "  request: 30s"]) else { return }
        let size = 64 << 20
        let long = [UInt8](repeating: UInt8(ascii: "x"), count: size)
        let master = try front.deployment.master.client()
        try master.send(RESPClient.encode([Array("SET".utf8), Array("long".utf8), long]))
        #expect(try master.readReply() == .simple("OK"))
        try #require(try front.deployment.waitUntilReplicated())

        let client = try front.client()
        try client.send(Wire.request(["GET", "long"]) + Wire.request(["ECHO", "behind"]))
        let head = Array("$\(size)\r\n".utf8)
        #expect(try client.read(count: head.count) == head)
        _ = try client.read(count: 100_000)
        for node in front.deployment.nodes { node.kill() }
        let rest = try client.readToEnd()
        #expect(rest.count + 100_000 < size, "the whole reply came from a server that was dead")
        #expect(rest.allSatisfy { $0 == UInt8(ascii: "x") })
        #expect(front.server.process.isRunning || Front.isDirect)
    }

    /// A busy server and a full one are alive: their errors reach those who asked, nobody is thrown out for good.
    @Test func trap20_errorsAreNotDeath() throws {
        guard let front = try front(replicas: 2) else { return }
        let deployment = front.deployment
        let master = try deployment.master.client()
        _ = try master.run("CONFIG", "SET", "maxmemory", "1")
        let client = try front.client()
        for _ in 0..<20 {
            #expect(try client.run("SET", "full", "v").text?.hasPrefix("OOM") == true)
            #expect(try client.run("GET", "k") == .bulk("v"))
        }
        _ = try master.run("CONFIG", "SET", "maxmemory", "0")
        #expect(try client.run("SET", "full", "v") == .simple("OK"))

        let busy = deployment.replicas[0]
        _ = try busy.client().run("CONFIG", "SET", "busy-reply-threshold", "10")
        let looping = try busy.client()
        try looping.send(["EVAL_RO", "while true do end", "0"])
        let isBusy = wait {
            (try? busy.client().run("GET", "k").text?.hasPrefix("BUSY")) == true
        }
        #expect(isBusy)
        for _ in 0..<50 {
            let reply = try client.run("GET", "k")
            let isHonest = reply == .bulk("v") || reply.text?.hasPrefix("BUSY") == true
            #expect(isHonest, "\(reply)")
        }
        _ = try busy.client().run("SCRIPT", "KILL")
        #expect(try looping.readReply().isError)
        #expect(try client.run("GET", "k") == .bulk("v"))
        if Front.isDirect { return }
        #expect(
            try SluiceProxy.waitUntilReadsReach(deployment.replicas, through: front.server))
    }

    /// A server that hangs: who waited gets an error in time, on a connection that stays; when the late replies come
    /// they reach nobody.
    @Test func trap21_timeoutsCloseNothing() throws {
        let limits = ["timeouts:", "  request: 300ms", "  probe: 30s"]
        guard let front = try front(replicas: 0, limits), !Front.isDirect else { return }
        let clients = try (0..<10).map { _ in try front.client() }
        for (index, client) in clients.enumerated() {
            #expect(try client.run("SET", "before:\(index)", "\(index)") == .simple("OK"))
        }
        let before = try front.deployment.master.information("stats", "total_connections_received")
        front.deployment.master.freeze()
        for (index, client) in clients.enumerated() {
            try client.send(Wire.request(["GET", "before:\(index)"]))
        }
        for client in clients {
            let reply = try client.readReply()
            #expect(reply.isError, "\(reply)")
        }
        front.deployment.master.thaw()
        for round in 0..<20 {
            for (index, client) in clients.enumerated() {
                let value = "\(index) in round \(round)"
                // A late reply would be taken for one of these.
                let isServed = try wait {
                    try client.run("SET", "after:\(index)", value) == .simple("OK")
                }
                #expect(isServed)
                #expect(try client.run("GET", "after:\(index)") == .bulk(value))
            }
        }
        let after = try front.deployment.master.information("stats", "total_connections_received")
        let opened = (after.flatMap { Int($0) } ?? 0) - (before.flatMap { Int($0) } ?? 0)
        // The connection that asks is one of them.
        #expect(opened < 5, "the shared connection was closed")
    }

    /// One replica hangs: after a moment everybody reads from the others.
    @Test func trap22_aServerThatHangsHoldsUpNobodyForLong() throws {
        let limits = ["timeouts:", "  request: 5s", "  probe: 200ms", "  probe_interval: 100ms"]
        guard let front = try front(replicas: 2, limits), !Front.isDirect else { return }
        front.deployment.replicas[0].freeze()
        let client = try front.client()
        let isServed = try wait(within: .seconds(60)) {
            try (0..<50).allSatisfy { _ in try client.run("GET", "k") == .bulk("v") }
        }
        #expect(isServed)
        front.deployment.replicas[0].thaw()
        #expect(
            try SluiceProxy.waitUntilReadsReach(
                front.deployment.replicas, through: front.server))
    }

    /// Three hundred clients in two protocols and three databases: a few connections to each server.
    @Test func trap23_fewConnections() throws {
        guard let front = try front(replicas: 2, ["threads: 2"]), !Front.isDirect else { return }
        let clients = try (0..<300).map { try front.client(speaking: 2 + $0 % 2) }
        for round in 0..<3 {
            for (index, client) in clients.enumerated() {
                try client.send(
                    Words.requests("SELECT \(index % 3); SET c\(index) \(round); GET c\(index)")
                        .flatMap(Wire.request))
            }
            for client in clients {
                #expect(try client.readReply() == .simple("OK"))
                #expect(try client.readReply() == .simple("OK"))
                #expect(try client.readReply() == .bulk("\(round)"))
            }
        }
        // Two workers; two protocols and three databases, with reads and writes of the master apart; and what a
        // worker asks with.
        let most = 2 * (2 * 3 * 2 + 2) + 4
        for node in front.deployment.nodes {
            let text = try node.information("clients", "connected_clients") ?? ""
            let count = try #require(Int(text))
            #expect(count <= most)
        }
        withExtendedLifetime(clients) {}
    }
}
