// Write concern with real servers: a replica that has stopped, a served BLPOP, and a master that is killed under load.

import Foundation
import RESP
import TestSupport
import Testing

@Suite(.serialized) struct WriteConcernTests {
    private static func front(
        _ replicas: Int, _ writes: String, request: String = "10s"
    ) throws -> Front? {
        let reads = SluiceProxy.Reads(consistency: "eventual")
        guard
            let front = try Front(
                replicas: 2, reads: reads,
                [
                    "threads: 1", "timeouts: {probe_interval: 100ms, request: \(request)}",
                    "writes: {hold: 60s, ack_replicas: \(replicas), \(writes)}",
                ]), !Front.isDirect
        else { return nil }
        return front
    }

    private static func isShort(_ reply: WireReply, _ count: Int) -> Bool {
        guard case .error(let text) = reply else { return false }
        return text.hasPrefix(
            "NOTREPLICATED the write was applied, \(count) of 2 replicas confirmed: ")
    }

    /// One replica of two has stopped: a write waits, and others read meanwhile. It is answered when the replica is
    /// back.
    @Test func waitsForReplica() throws {
        guard let front = try Self.front(2, "ack_timeout: 10m", request: "20m") else { return }
        let (writer, reader) = (try front.client(), try front.client())
        #expect(try reader.run("PROXY", "CONSISTENCY", "master") == .simple("OK"))
        #expect(try writer.run("SET", "k", "1") == .simple("OK"))
        let stopped = front.deployment.replicas[1]
        stopped.freeze()
        defer { stopped.thaw() }
        try writer.send(["INCR", "k"])
        // At the master it is seen before it is acknowledged.
        #expect(wait { (try? reader.run("GET", "k")) == .bulk("2") })
        #expect(wait { (try? Self.withheld(reader)) == 1 })
        stopped.thaw()
        #expect(try writer.readReply() == .integer(2))
        #expect(try Self.withheld(reader) == 0)
    }

    private static func withheld(_ client: RESPClient) throws -> Int? {
        try client.run("PROXY", "STATUS")[key: "withheld"]?.number
    }

    /// When its time is up the answer says that the write was done, and it was done once.
    @Test func stoppedReplica() throws {
        guard let front = try Self.front(2, "ack_timeout: 3s") else { return }
        let writer = try front.client()
        #expect(wait { (try? writer.run("SET", "k", "1")) == .simple("OK") })
        let stopped = front.deployment.replicas[1]
        stopped.freeze()
        defer { stopped.thaw() }
        #expect(Self.isShort(try writer.run("INCR", "k"), 1))
        #expect(try front.deployment.master.client().run("GET", "k") == .bulk("2"))
        stopped.thaw()
        #expect(wait { (try? writer.run("SET", "k", "3")) == .simple("OK") })
    }

    /// What BLPOP was served is not acknowledged before replicas have it (trap C2), by whomever it was served.
    @Test func trapC2_servedBlocking() throws {
        guard let front = try Self.front(2, "ack_timeout: 3s") else { return }
        let (waiting, pushing) = (try front.client(), try front.client())
        try waiting.send(["BLPOP", "q", "0"])
        let master = try front.deployment.master.client()
        #expect(
            wait { (try? front.deployment.master.information("clients", "blocked_clients")) == "1" }
        )
        let stopped = front.deployment.replicas[1]
        stopped.freeze()
        defer { stopped.thaw() }
        #expect(try master.run("LPUSH", "q", "x") == .integer(1))
        #expect(Self.isShort(try waiting.readReply(), 1))
        #expect(Self.isShort(try pushing.run("SET", "other", "1"), 1))
    }

    /// The master is killed under load, and any of the replicas that confirm each write promoted: it has all that was
    /// acknowledged.
    @Test func trapC3_killedMaster() throws {
        guard let front = try Self.front(2, "ack_timeout: 3s") else { return }
        let (old, heir) = (front.deployment.master, front.deployment.replicas[0])
        let tally = Acknowledged()
        let threads = (0..<6).map { number in
            Thread {
                do { try tally.write(number, front) } catch { tally.complain("\(error)") }
            }
        }
        for thread in threads { thread.start() }
        #expect(wait { tally.total > 300 })
        old.kill()
        #expect(try heir.client().run("REPLICAOF", "NO", "ONE") == .simple("OK"))
        let other = front.deployment.replicas[1]
        _ = try other.client().run("REPLICAOF", "127.0.0.1", "\(heir.port)")
        // The new master has one replica, so that nothing more is confirmed; that writes go on is what matters.
        #expect(wait(within: .seconds(60)) { tally.refusals > 0 })
        tally.end()
        while threads.contains(where: { !$0.isFinished }) { usleep(10_000) }
        #expect(tally.complaints == [])
        let client = try heir.client()
        for number in 0..<6 {
            let value = try client.run("GET", "last-\(number)").text.flatMap(Int.init) ?? 0
            #expect(value >= tally.last(number), "an acknowledged write is lost")
        }
    }

    /// What clients were told is there, each about a key of its own.
    private final class Acknowledged: Sendable {
        // Not the standard library's Mutex: the thread sanitizer cannot look into it when threads meet there.
        private let lock = NSLock()
        nonisolated(unsafe) private var values = Array(repeating: 0, count: 6)
        nonisolated(unsafe) private var isOver = false
        nonisolated(unsafe) private var count = 0
        nonisolated(unsafe) private var short = 0
        nonisolated(unsafe) private var failures: [String] = []

        var total: Int { lock.withLock { count } }
        var refusals: Int { lock.withLock { short } }
        var complaints: [String] { lock.withLock { failures } }
        func last(_ number: Int) -> Int { lock.withLock { values[number] } }
        func end() { lock.withLock { isOver = true } }
        func complain(_ text: String) { lock.withLock { failures.append(text) } }

        func write(_ number: Int, _ front: Front) throws {
            var client = try front.client()
            var value = 0
            while !lock.withLock({ isOver }) {
                value += 1
                do {
                    switch try client.run("SET", "last-\(number)", "\(value)") {
                    case .simple: lock.withLock { (values[number], count) = (value, count + 1) }
                    case .error(let text) where text.hasPrefix("NOTREPLICATED"):
                        lock.withLock { short += 1 }
                    case .error(let text) where text.hasSuffix("nothing was sent"): usleep(10_000)
                    case let reply: complain("SET was answered by \(reply)")
                    }
                } catch {
                    // Closed: whether it was done nobody knows.
                    client = try front.client()
                }
            }
        }
    }
}
