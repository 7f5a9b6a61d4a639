// PROXY RESYNC with servers that the test plays: what they are told and when, who is read meanwhile, and what the
// client reads.

import RESP
import TestSupport
import Testing

@testable import Proxy

@Suite struct ResyncTests {
    private static let words = [
        "REPLICAOF NO ONE", "REPLICAOF 10.0.0.1 6379", "EXEC",
    ]

    private static func deployment(
        replicas: Int = 2, _ configure: (inout ProxyConfiguration) -> Void = { _ in }
    ) -> FreshProxy {
        FreshProxy(replicas: replicas, configure: configure)
    }

    private static func events(_ fresh: FreshProxy) -> [ProxyEvent.Kind] {
        fresh.core.operators.events.newest(.max).map(\.kind).reversed()
            .filter { [.resyncBegun, .resyncDone, .resyncFailed].contains($0) }
    }

    private static func begin(
        _ fresh: FreshProxy, _ replica: String = "replica0:6379"
    ) -> ConnectionID {
        let client = fresh.driver.connect()
        fresh.driver.command(["PROXY", "RESYNC", replica], to: client)
        return client
    }

    /// It drops what it has and copies.
    private static func copy(_ fresh: FreshProxy, _ server: Int = 1) {
        #expect(fresh.facts[server].link == "down")
        fresh.facts[server].isSyncing = true
        fresh.go(.milliseconds(100))
    }

    private static func finish(_ fresh: FreshProxy, _ server: Int = 1) {
        fresh.facts[server].link = "up"
        fresh.facts[server].isSyncing = false
        fresh.facts[server].former = nil
        fresh.facts[server].history = fresh.facts[0].history
        fresh.facts[0].copies = fresh.facts[0].copies.map { $0 + 1 }
        fresh.go(.milliseconds(100))
    }

    /// What was sent is answered first, nothing more is sent; it is told in one piece, and read again when it is whole
    /// and proved to be.
    @Test func succeeds() {
        let fresh = Self.deployment()
        let reader = fresh.driver.connect()
        #expect(fresh.ask("GET", "a", by: reader) != nil)
        let place = fresh.core.clients[reader]?.link.flatMap {
            fresh.core.links[Int($0.number)]?.server
        }
        let server = place ?? 1
        let client = Self.begin(fresh, "replica\(server - 1):6379")
        fresh.go(.milliseconds(100))
        #expect(fresh.wordsTold(to: server) == [], "a read has not been answered")
        #expect(fresh.core.servers[server].health.state == .draining)
        #expect(!fresh.core.readable.contains(server))
        fresh.answerVetoes()
        fresh.proxy.says("$1\r\n1\r\n", on: fresh.reads(of: server - 1))
        fresh.go(.milliseconds(100))
        #expect(fresh.wordsTold(to: server) == Self.words)
        // Whatever the probes see of the copy.
        #expect(fresh.core.freshness.proofs[server].look() == nil, "an old proof holds")
        Self.copy(fresh, server)
        #expect(fresh.core.servers[server].health.state == .syncing)
        for _ in 0..<20 {
            let other = fresh.driver.connect()
            #expect(fresh.ask("GET", "a", by: other) == 3 - server)
            fresh.answerVetoes()
            fresh.proxy.says("$1\r\n1\r\n", on: fresh.reads(of: 2 - server))
        }
        #expect(fresh.driver.output(of: client) == "")
        Self.finish(fresh, server)
        let reply = fresh.driver.output(of: client)
        for field in ["replica", "replica\(server - 1):6379", "reads_meanwhile", "replicas"] {
            #expect(reply.contains(Wire.bulk(field)), "\(field) in \(reply)")
        }
        #expect(fresh.core.servers[server].health.isHealthy)
        #expect(fresh.core.freshness.proofs[server].look() == nil, "an old proof holds")
        #expect(Self.events(fresh) == [.resyncBegun, .resyncDone])
        #expect(fresh.core.resync == nil)
        #expect(fresh.core.topology.withdrawn == nil)
    }

    /// Neither a partial copy nor none at all is reported as success.
    @Test(arguments: ["partial", "none"]) func notWhole(how: String) {
        let fresh = Self.deployment()
        let client = Self.begin(fresh)
        fresh.go(.milliseconds(100))
        #expect(fresh.wordsTold(to: 1) == Self.words)
        // Its link stands again, and nobody has given a copy.
        fresh.facts[1].link = "up"
        fresh.facts[1].history = fresh.facts[0].history
        fresh.facts[1].former = how == "partial" ? ("history-of-its-own", 1) : nil
        fresh.go(.milliseconds(100))
        let reason =
            how == "partial"
            ? "its master let it go on where it was, so that it has copied nothing"
            : "it says that it has copied, and its master has given no copy since"
        #expect(
            fresh.driver.output(of: client)
                == "-ERR the resync of replica0:6379 has failed: \(reason)\r\n")
        #expect(Self.events(fresh) == [.resyncBegun, .resyncFailed])
        fresh.go(.milliseconds(100))
        #expect(fresh.core.servers[1].health.isHealthy)
        #expect(fresh.core.topology.withdrawn == nil)
    }

    /// A server that refuses is left as it was, and one that has left its master is told to follow it.
    @Test func refused() {
        let fresh = Self.deployment()
        fresh.answersWhenTold["EXEC"] = "-EXECABORT Transaction discarded\r\n"
        var client = Self.begin(fresh)
        fresh.go(.milliseconds(100))
        #expect(fresh.driver.output(of: client).contains("has failed: it refuses: EXECABORT"))
        #expect(fresh.wordsTold(to: 1) == Self.words)
        #expect(fresh.core.servers[1].health.isHealthy)
        fresh.answersWhenTold["EXEC"] = "*2\r\n+OK\r\n-ERR no\r\n"
        client = Self.begin(fresh)
        fresh.go(.milliseconds(100))
        #expect(fresh.driver.output(of: client).contains("has failed: it refuses: ERR no"))
        #expect(fresh.wordsTold(to: 1) == Self.words + ["REPLICAOF 10.0.0.1 6379"])
    }

    /// One at a time, and not beside a failover, in either order.
    @Test func oneAtATime() {
        let fresh = Self.deployment()
        fresh.facts[0].followers = ["replica0:6379", "replica1:6379"]
        fresh.probe()
        let first = Self.begin(fresh)
        fresh.go(.milliseconds(100))
        Self.copy(fresh)
        let second = Self.begin(fresh, "replica1:6379")
        #expect(
            fresh.driver.output(of: second)
                == "-ERR a resync of replica0:6379 is under way\r\n")
        fresh.driver.command(["PROXY", "FAILOVER"], to: second)
        #expect(
            fresh.driver.output(of: second)
                == "-ERR a resync of replica0:6379 is under way\r\n")
        Self.finish(fresh)
        #expect(fresh.driver.output(of: first).contains("copy_ms"))
        fresh.facts[0].failoverState = "waiting-for-sync"
        fresh.driver.command(["PROXY", "FAILOVER", "TO", "replica0:6379"], to: first)
        fresh.go(.milliseconds(100))
        fresh.driver.command(["PROXY", "RESYNC", "replica1:6379"], to: second)
        #expect(
            fresh.driver.output(of: second)
                == "-ERR a failover to replica0:6379 is under way\r\n")
    }

    /// The last replica: the master takes its reads, and the reply says so; where it may not, nothing is done.
    @Test func lastReplica() {
        let fresh = Self.deployment(replicas: 1)
        let client = Self.begin(fresh)
        fresh.go(.milliseconds(100))
        Self.copy(fresh)
        let reader = fresh.driver.connect()
        #expect(fresh.ask("GET", "a", by: reader) == 0)
        Self.finish(fresh)
        let reply = fresh.driver.output(of: client)
        #expect(reply.contains(Wire.bulk("reads_meanwhile") + Wire.bulk("master")), "\(reply)")

        let strict = Self.deployment(replicas: 1) { $0.reads.includeMaster = .never }
        let refused = Self.begin(strict)
        #expect(strict.driver.output(of: refused).contains("is the last replica that can be read"))
        #expect(strict.core.servers[1].health.isHealthy)
        #expect(strict.wordsTold(to: 1) == [])
    }

    /// The master is lost before the replica drops anything: it keeps what it has.
    @Test func lostMaster() {
        let fresh = Self.deployment()
        let reader = fresh.driver.connect()
        let place = fresh.ask("GET", "a", by: reader) ?? 1
        let client = Self.begin(fresh, "replica\(place - 1):6379")
        fresh.go(.milliseconds(100))
        fresh.lose(0)
        fresh.go(.seconds(6))
        #expect(fresh.wordsTold(to: place) == [])
        #expect(fresh.driver.output(of: client).contains("is not well any more"))
        #expect(fresh.core.servers[place].health.isHealthy)
    }

    /// It begins anew, somebody promotes it, another becomes the master, or its link never comes up.
    @Test(arguments: [
        ("restart", "it has begun anew as another process"),
        ("promotion", "somebody has made it a master"),
        ("failover", "another server has become the master meanwhile"),
        ("silence", "it has neither begun to copy nor come back for too long"),
    ]) func disturbed(how: String, reason: String) {
        let fresh = Self.deployment()
        let client = Self.begin(fresh, "replica1:6379")
        fresh.go(.milliseconds(100))
        switch how {
        case "restart":
            Self.copy(fresh, 2)
            fresh.facts[2].runID = "run-another"
        case "promotion":
            fresh.facts[2].role = "master"
            fresh.facts[2].history = "history-of-its-own"
        case "failover":
            Self.copy(fresh, 2)
            fresh.promote()
        default: break
        }
        fresh.go(how == "silence" ? .seconds(61) : .milliseconds(100))
        #expect(fresh.driver.output(of: client).hasSuffix("has failed: \(reason)\r\n"))
        #expect(fresh.core.resync == nil)
        #expect(fresh.core.topology.withdrawn == nil)
    }

    /// All workers let the replica go, and whoever was asked by another worker's client answers it.
    @Test func severalWorkers() {
        let board = TopologyBoard()
        board.withdraw(2)
        #expect(board.latest.withdrawn == 2)
        #expect(board.latest.master == 0)
        board.hold(true)
        #expect(board.latest.withdrawn == 2 && board.latest.isHeld)
        board.withdraw(nil)
        #expect(board.latest.withdrawn == nil && board.latest.isHeld)
        board.withdraw(0)
        #expect(board.latest.withdrawn == 0)
        board.crown(1)
        #expect(board.latest.withdrawn == nil && board.latest.reign == 1)

        let proxy = OperatedProxy { $0.backends.replicas = [.init(.tcp(host: "r", port: 1))] }
        let client = proxy.drivers[1].connect()
        #expect(
            proxy.ask("PROXY RESYNC r:1", on: client, of: 1)
                == "-ERR without probes nothing is known of the servers: set "
                + "'timeouts.probe_interval'\r\n")
    }
}
