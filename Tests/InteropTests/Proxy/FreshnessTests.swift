// Level `fresh` with real servers: replicas that fall behind, and no read older than what was acknowledged before it.

import Foundation
import RESP
import TestSupport
import Testing

@Suite(.serialized) struct FreshnessTests {
    /// Versions of keys, as far as their writers have been told that they are there.
    private final class Ledger: Sendable {
        // Not the standard library's Mutex: the thread sanitizer cannot look into it when threads meet there.
        private let lock = NSLock()
        nonisolated(unsafe) private var versions: [Int]
        nonisolated(unsafe) private(set) var reads = 0
        nonisolated(unsafe) private(set) var stale = 0
        nonisolated(unsafe) private var failures: [String] = []

        init(keys: Int) { versions = Array(repeating: 0, count: keys) }

        var complaints: [String] { lock.withLock { failures } }

        func version(of key: Int) -> Int { lock.withLock { versions[key] } }

        func acknowledge(_ version: Int, of key: Int) {
            lock.withLock { versions[key] = version }
        }

        func note(read version: Int, atLeast expected: Int) {
            lock.withLock {
                reads += 1
                if version < expected { stale += 1 }
            }
        }

        func fail(_ reason: String) { lock.withLock { failures.append(reason) } }
    }

    private static let clients = 8
    private static let keys = 80

    private var seconds: Double {
        ProcessInfo.processInfo.environment["SLUICE_FRESH_SECONDS"].flatMap(Double.init) ?? 5
    }

    /// Each client writes its own keys, one request in ten, and reads everybody's.
    private func run(_ front: Front, _ ledger: Ledger, until end: ContinuousClock.Instant) {
        let seed = UInt64.random(in: 0...(.max))
        let group = DispatchGroup()
        for number in 0..<FreshnessTests.clients {
            let thread = Thread {
                defer { group.leave() }
                do {
                    var random = SeededRandom(seed: seed &+ UInt64(number))
                    let client = try front.client()
                    var version = 0
                    while ContinuousClock().now < end {
                        if random.next() % 10 == 0 {
                            let own = FreshnessTests.keys / FreshnessTests.clients
                            let key = number * own + Int(random.next() % UInt64(own))
                            version += 1
                            guard try client.run("SET", "k\(key)", "\(version)") == .simple("OK")
                            else { return ledger.fail("a SET has failed") }
                            ledger.acknowledge(version, of: key)
                        } else {
                            let key = Int(random.next() % UInt64(FreshnessTests.keys))
                            let expected = ledger.version(of: key)
                            let reply = try client.run("GET", "k\(key)")
                            if case .error(let text) = reply { return ledger.fail("\(text)") }
                            ledger.note(read: reply.text.flatMap(Int.init) ?? 0, atLeast: expected)
                        }
                    }
                } catch {
                    ledger.fail("\(error)")
                }
            }
            group.enter()
            thread.start()
        }
        group.wait()
    }

    /// Replicas stop applying what the master sends, in turns, and catch up again, while clients write and read.
    private func measure(consistency: String, threads: Int) throws -> (Ledger, onReplicas: Int)? {
        let reads = SluiceProxy.Reads(consistency: consistency)
        guard let front = try Front(replicas: 2, reads: reads, ["threads: \(threads)"]),
            !Front.isDirect
        else { return nil }
        let ledger = Ledger(keys: FreshnessTests.keys)
        let end = ContinuousClock().now.advanced(by: .seconds(seconds))
        for replica in front.deployment.replicas { try replica.resetStatistics() }
        let stopping = Thread {
            var turn = 0
            while ContinuousClock().now < end {
                let replica = front.deployment.replicas[turn % 2]
                try? replica.pauseReplication()
                usleep(150_000)
                try? replica.resumeReplication()
                usleep(100_000)
                turn += 1
            }
        }
        stopping.start()
        run(front, ledger, until: end)
        while !stopping.isFinished { usleep(10_000) }
        var onReplicas = 0
        for replica in front.deployment.replicas {
            onReplicas += try replica.commandStatistics()["get"].calls
        }
        return (ledger, onReplicas)
    }

    @Test(arguments: [1, 2]) func noReadIsStale(threads: Int) throws {
        guard let (ledger, onReplicas) = try measure(consistency: "fresh", threads: threads) else {
            return
        }
        #expect(ledger.complaints == [])
        #expect(ledger.stale == 0)
        #expect(ledger.reads > 0)
        // It is not the master that has answered all of them.
        #expect(onReplicas * 4 > ledger.reads, "\(onReplicas) of \(ledger.reads) reads")
    }

    /// The same with reads from any replica: were nothing stale there, the test above would show nothing.
    @Test func theTestCanFail() throws {
        guard let (ledger, _) = try measure(consistency: "eventual", threads: 1) else { return }
        #expect(ledger.stale > 0)
    }

    /// A client at level session reads its own last write, however far behind the replicas are.
    @Test func sessionsReadTheirOwnWrites() throws {
        let reads = SluiceProxy.Reads(consistency: "session")
        guard let front = try Front(replicas: 2, reads: reads), !Front.isDirect else { return }
        let client = try front.client()
        for round in 0..<200 {
            if round % 20 == 10 {
                for replica in front.deployment.replicas { try replica.pauseReplication() }
            }
            #expect(try client.run("SET", "own", "\(round)") == .simple("OK"))
            #expect(try client.run("GET", "own") == .bulk("\(round)"))
            if round % 20 == 15 {
                for replica in front.deployment.replicas { try replica.resumeReplication() }
            }
        }
    }

    /// A replica that was killed under load costs no read.
    @Test func killedReplica() throws {
        let reads = SluiceProxy.Reads(consistency: "fresh")
        guard let front = try Front(replicas: 2, reads: reads), !Front.isDirect else { return }
        let ledger = Ledger(keys: FreshnessTests.keys)
        let end = ContinuousClock().now.advanced(by: .seconds(seconds))
        let killing = Thread {
            let replica = front.deployment.replicas[0]
            while ContinuousClock().now < end {
                usleep(700_000)
                replica.kill()
                usleep(300_000)
                try? replica.restart()
            }
        }
        killing.start()
        run(front, ledger, until: end)
        while !killing.isFinished { usleep(10_000) }
        #expect(ledger.complaints == [])
        #expect(ledger.stale == 0)
        #expect(ledger.reads > 0)
    }
}
