// failover.mode auto with real servers: a master that is killed or stopped is replaced, and one that only the proxy
// does not reach is not.

import Foundation
import RESP
import TestSupport
import Testing

@Suite(.serialized) struct AutomaticFailoverTests {
    private static func start(
        _ deployment: RedisDeployment, _ file: RememberedMasterTests.StateFile,
        _ backends: [String] = [], _ lines: [String] = []
    ) throws -> LiveServer {
        let replicas = deployment.replicas.map { "\($0.endpoint)" }.joined(separator: ", ")
        return try SluiceProxy.start(
            backends: ["  master: \(deployment.master.endpoint)", "  replicas: [\(replicas)]"]
                + backends,
            [
                "reads: {consistency: fresh}", "timeouts: {probe_interval: 100ms, probe: 2s}",
                "writes: {hold: 2m}",
                "failover: {mode: auto, down_after: 2s, state_file: \(file.path)}",
            ] + lines)
    }

    /// A client that counts, and knows up to where both replicas have it.
    private final class Counter: Sendable {
        private let lock = NSLock()
        nonisolated(unsafe) private var confirmed = 0
        nonisolated(unsafe) private var last = 0
        nonisolated(unsafe) private var isOver = false
        nonisolated(unsafe) private var hasEnded = false
        let name: String

        init(_ name: String, _ connect: @escaping @Sendable () throws -> RESPClient) {
            self.name = name
            Thread { [self] in
                while !lock.withLock({ isOver }) {
                    // A client that is closed begins anew.
                    do { try count(try connect()) } catch { usleep(10_000) }
                }
                lock.withLock { hasEnded = true }
            }.start()
        }

        private func count(_ client: RESPClient) throws {
            while !lock.withLock({ isOver }) {
                guard case .integer(let number) = try client.run("INCR", name) else { continue }
                lock.withLock { last = Int(number) }
                guard case .integer(2...) = try client.run("WAIT", "2", "500") else { continue }
                lock.withLock { confirmed = max(confirmed, Int(number)) }
            }
        }

        var state: (confirmed: Int, last: Int) { lock.withLock { (confirmed, last) } }

        func end() {
            lock.withLock { isOver = true }
            while !lock.withLock({ hasEnded }) { usleep(10_000) }
        }
    }

    private static func heir(of deployment: RedisDeployment) -> RedisNode? {
        deployment.replicas.first {
            (try? $0.information("replication", "role")) == "master"
        }
    }

    /// The master is killed under load: writes go on at a replica, which has all that both had confirmed; the other one
    /// follows it, and the old one is left alone when it comes back.
    @Test(arguments: [1, 2]) func killedMaster(threads: Int) throws {
        guard !Front.isDirect, let deployment = try RedisDeployment.start(replicas: 2) else {
            return
        }
        let file = try RememberedMasterTests.StateFile()
        let proxy = try Self.start(deployment, file, [], ["threads: \(threads)"])
        let counters = (0..<4).map { number in Counter("count-\(number)") { try proxy.client() } }
        #expect(wait(within: .seconds(60)) { counters.allSatisfy { $0.state.confirmed > 20 } })
        deployment.master.kill()
        let before = counters.map(\.state)
        let isPromoted = wait(within: .seconds(60)) { Self.heir(of: deployment) != nil }
        #expect(isPromoted)
        let heir = try #require(Self.heir(of: deployment))
        for (counter, state) in zip(counters, before) {
            let value = try heir.client().run("GET", counter.name).text.flatMap(Int.init) ?? 0
            #expect(value >= state.confirmed, "\(counter.name)")
        }
        #expect(
            wait(within: .seconds(60)) {
                zip(counters, before).allSatisfy { $0.state.last > $1.last + 20 }
            })
        for counter in counters { counter.end() }
        let other = try #require(deployment.replicas.first { $0.port != heir.port })
        #expect(
            wait(within: .seconds(60)) {
                (try? other.information("replication", "master_port")) == "\(heir.port)"
            })
        #expect(wait(within: .seconds(60)) { file.text.contains("\nmaster \(heir.endpoint)\n") })

        try deployment.master.restart()
        #expect(proxy.process.waitForOutput("says that it is one still", within: .seconds(60)))
        #expect(try proxy.client().run("SET", "who", "after") == .simple("OK"))
        #expect(try heir.client().run("GET", "who") == .bulk("after"))
        #expect(try deployment.master.information("replication", "role") == "master")
        #expect(try deployment.master.client().run("DBSIZE") == .integer(0))
        proxy.process.kill()
    }

    /// A master that has stopped keeps its links up: its silence counts. When it goes on, what only it has is told.
    @Test func stoppedMaster() throws {
        guard !Front.isDirect, let deployment = try RedisDeployment.start(replicas: 2) else {
            return
        }
        let file = try RememberedMasterTests.StateFile()
        let proxy = try Self.start(deployment, file)
        let client = try proxy.client()
        #expect(try client.run("SET", "who", "before") == .simple("OK"))
        #expect(try deployment.waitUntilReplicated())
        deployment.master.freeze()
        #expect(wait(within: .seconds(90)) { Self.heir(of: deployment) != nil })
        let heir = try #require(Self.heir(of: deployment))
        let isWritten = wait(within: .seconds(60)) {
            (try? proxy.client().run("SET", "who", "after")) == .simple("OK")
        }
        #expect(isWritten)
        #expect(try heir.client().run("GET", "who") == .bulk("after"))
        deployment.master.thaw()
        #expect(
            proxy.process.waitForOutput(
                "bytes of writes that the master does not have", within: .seconds(60)))
        #expect(try deployment.master.client().run("GET", "who") == .bulk("before"))
        proxy.process.kill()
    }

    /// The master lets the proxy in no longer, and everybody else: its replicas hear it, and stay what they are.
    @Test func trapD3_cutOff() throws {
        let user = ["--user", "proxy", "on", ">pears", "~*", "&*", "+@all"]
        guard !Front.isDirect,
            let deployment = try RedisDeployment.start(
                replicas: 2, masterArguments: user, replicaArguments: user)
        else { return }
        let file = try RememberedMasterTests.StateFile()
        let proxy = try Self.start(
            deployment, file, ["  username: proxy", "  password: pears"])
        #expect(try proxy.client().run("SET", "who", "before") == .simple("OK"))
        let master = try deployment.master.client()
        #expect(try master.run("ACL", "SETUSER", "proxy", "off") == .simple("OK"))
        _ = try master.run("CLIENT", "KILL", "USER", "proxy")
        #expect(
            proxy.process.waitForOutput(
                "nobody is promoted: 0 of its 2 replicas say that they do not hear it",
                within: .seconds(60)))
        // An idle master is silent for longer than that.
        #expect(
            wait(within: .seconds(60)) {
                deployment.replicas.allSatisfy {
                    let silence = try? $0.information("replication", "master_last_io_seconds_ago")
                    return silence.flatMap(Int.init).map { $0 >= 4 } == true
                }
            })
        for replica in deployment.replicas {
            #expect(try replica.information("replication", "role") == "slave")
        }
        #expect(try master.run("ACL", "SETUSER", "proxy", "on") == .simple("OK"))
        #expect(
            wait(within: .seconds(60)) {
                (try? proxy.client().run("SET", "who", "after")) == .simple("OK")
            })
        #expect(try master.run("GET", "who") == .bulk("after"))
        proxy.process.kill()
    }
}
