// A thousand clients while backends are killed and come back: no reply reaches the wrong request, no write is done
// twice, and what was acknowledged stays.

import Foundation
import Glibc
import RESP
import TestSupport
import Testing

@Suite(.serialized) struct ChaosTests {
    /// Kills and restarts nodes at random until it is told to stop; then all of them run.
    final class Killer: Sendable {
        private let deployment: RedisDeployment
        private let lock = NSLock()
        nonisolated(unsafe) private var isStopping = false
        nonisolated(unsafe) private var kills = (master: 0, replicas: 0)
        nonisolated(unsafe) private var failure: String?
        private let done = DispatchSemaphore(value: 0)

        init(_ deployment: RedisDeployment, seed: UInt64) {
            self.deployment = deployment
            Thread.detachNewThread { [self] in
                run(seed: seed)
                done.signal()
            }
        }

        private func run(seed: UInt64) {
            var random = SeededRandom(seed: seed)
            func rest(_ milliseconds: ClosedRange<Int>) {
                usleep(UInt32(Int.random(in: milliseconds, using: &random)) * 1_000)
            }
            do {
                while !lock.withLock({ isStopping }) {
                    let hitsMaster = Int.random(in: 0..<4, using: &random) == 0
                    let node =
                        hitsMaster
                        ? deployment.master : deployment.replicas.randomElement(using: &random)!
                    node.kill()
                    lock.withLock {
                        if hitsMaster { kills.master += 1 } else { kills.replicas += 1 }
                    }
                    rest(20...500)
                    try node.restart()
                    rest(100...900)
                }
            } catch {
                lock.withLock { failure = "\(error)" }
            }
        }

        /// How often it struck; nil, with an issue recorded, when a server did not come back.
        func stop() -> (master: Int, replicas: Int)? {
            lock.withLock { isStopping = true }
            done.wait()
            return lock.withLock {
                if let failure { Issue.record("a server did not come back: \(failure)") }
                return failure == nil ? kills : nil
            }
        }
    }

    static let seconds =
        ProcessInfo.processInfo.environment["SLUICE_CHAOS_SECONDS"].flatMap(Int.init) ?? 15

    /// Every INCR counted lies between acknowledged and acknowledged + uncertain; every reply is one that its
    /// request can have; the last acknowledged SET of each key, or a later one, is there in the end. The master
    /// syncs its log before it answers, so that a crash of it loses nothing that it said.
    @Test func trap19_nothingIsMixedUpOrDoneTwice() throws {
        try Crowd.raiseDescriptorLimit()
        let logged = ["--appendonly", "yes", "--appendfsync", "always"]
        guard let front = try Front(replicas: 2, masterArguments: logged) else { return }
        let deployment = front.deployment
        try Crowd.prepare(deployment)

        var random = SeededRandom.announced()
        let killer = Killer(deployment, seed: random.next())
        var crowd = Crowd(
            count: 1_000, port: front.server.port, seed: random.next(), pause: 0..<300)
        let isAnswered = crowd.run(for: .seconds(Self.seconds))
        let kills = try #require(killer.stop())
        let record = crowd.record
        print(
            """
            chaos: \(kills.master) kills of the master, \(kills.replicas) of replicas; \
            \(record.sent) requests, \(record.failed) failed, \(record.connectionsLost) connections \
            lost, \(record.staleReads) stale reads; errors: \(record.errors)
            """)
        #expect(isAnswered, "somebody waits for an answer for ever")
        #expect(record.violationCount == 0, "\(record.violations.joined(separator: "\n"))")
        #expect(kills.master + kills.replicas > 2)
        #expect(record.answered > 1_000)
        #expect(front.server.process.isRunning || Front.isDirect)
        try audit(crowd, deployment)
        try expectRecovery(front)
    }

    /// What the master has in the end, asked of it directly.
    private func audit(_ crowd: Crowd, _ deployment: RedisDeployment) throws {
        let client = try deployment.master.client()
        for counter in 0..<CrowdKeys.counters {
            let reply = try client.run("GET", CrowdKeys.counter(counter))
            let value = Int(reply.text ?? "0") ?? -1
            let acknowledged = crowd.record.counted[counter].count
            let most = acknowledged + crowd.record.uncertain[counter]
            #expect((acknowledged...most).contains(value), "counter \(counter)")
        }
        for member in crowd.members {
            for key in 0..<CrowdKeys.ownCount where member.acknowledged[key] > 0 {
                let text = try client.run("GET", CrowdKeys.own(member.number, key)).text ?? ""
                let version = CrowdKeys.version(text, of: member.number, key) ?? -1
                #expect(
                    (member.acknowledged[key]...member.sent[key]).contains(version),
                    "client \(member.number), key \(key): \(text)")
            }
        }
    }

    /// Once all is well again, everybody is served by all.
    private func expectRecovery(_ front: Front) throws {
        #expect(try front.deployment.waitUntilReplicated())
        let isWritten = wait(within: .seconds(60)) {
            guard let client = try? front.client() else { return false }
            return (try? client.run("SET", "after", "all")) == .simple("OK")
        }
        #expect(isWritten)
        if Front.isDirect { return }
        let isReached = try SluiceProxy.waitUntilReadsReach(
            front.deployment.replicas, through: front.server)
        #expect(isReached, "a replica that came back gets no reads")
    }
}
