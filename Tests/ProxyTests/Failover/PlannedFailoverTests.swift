// PROXY FAILOVER with servers that the test plays: who is told what and when, what waits, and what the client reads.

import RESP
import TestSupport
import Testing

@testable import Proxy

@Suite struct PlannedFailoverTests {
    private static func deployment(
        _ configure: (inout ProxyConfiguration) -> Void = { _ in }
    ) -> FreshProxy {
        let fresh = FreshProxy(replicas: 2, isProved: false) {
            $0.writes.hold = .seconds(5)
            configure(&$0)
        }
        fresh.facts[0].followers = ["replica0:6379", "replica1:6379"]
        fresh.probe()
        return fresh
    }

    private static func finish(_ fresh: FreshProxy, heir: Int) {
        fresh.facts[heir].role = "master"
        fresh.facts[heir].former = (fresh.facts[0].history, 1_000_000)
        fresh.facts[heir].history = "history-2"
        fresh.facts[0].role = "slave"
        fresh.facts[0].following = "replica\(heir - 1):6379"
        fresh.facts[0].history = "history-2"
        fresh.go(.milliseconds(50))
    }

    private static func events(_ fresh: FreshProxy) -> [ProxyEvent.Kind] {
        fresh.core.operators.events.newest(.max).map(\.kind).reversed()
    }

    private static let fields = [
        "master", "replica0:6379", "former_master", "127.0.0.1:6379", "pause_ms",
    ]

    /// Writes that were sent are waited for, further ones wait themselves, and go to the next master; the other replica
    /// is told to follow it.
    @Test func succeeds() throws {
        let fresh = Self.deployment()
        let (writer, administrator) = (fresh.driver.connect(), fresh.driver.connect())
        fresh.driver.command(["SET", "a", "1"], to: writer)
        fresh.driver.command(
            ["PROXY", "FAILOVER", "TO", "replica0:6379", "TIMEOUT", "4000"], to: administrator)
        fresh.driver.command(["SET", "a", "2"], to: writer)
        fresh.go(.milliseconds(50))
        #expect(fresh.proxy.sent(to: fresh.masterWrites) == Wire.text("SET", "a", "1"))
        #expect(fresh.wordsTold(to: 0) == [], "a write has not been answered")
        fresh.proxy.says("+OK\r\n", on: fresh.masterWrites)
        fresh.facts[0].failoverState = "waiting-for-sync"
        fresh.go(.milliseconds(50))
        let told = fresh.wordsTold(to: 0)
        #expect(told.count == 1)
        #expect(told.first?.hasPrefix("FAILOVER TO replica0 6379 TIMEOUT 39") == true, "\(told)")
        #expect(fresh.proxy.sent(to: fresh.masterWrites) == "")
        #expect(fresh.core.held.count == 1)
        #expect(fresh.driver.output(of: administrator) == "")
        Self.finish(fresh, heir: 1)
        #expect(fresh.core.master.index == 1)
        let writes = fresh.core.master.lanes[0]!.writers[0].link
        #expect(fresh.proxy.sent(to: writes) == Wire.text("SET", "a", "2"))
        #expect(fresh.wordsTold(to: 2) == ["REPLICAOF replica0 6379"])
        #expect(fresh.wordsTold(to: 1) == [])
        let reply = fresh.driver.output(of: administrator)
        for field in Self.fields + ["repointed", "replica1:6379"] {
            #expect(reply.contains(Wire.bulk(field)), "\(field) in \(reply)")
        }
        let pause = fresh.driver.log.first { $0.contains("has taken over from") }
        #expect(pause?.contains("writes waited for 1") == true, "\(pause ?? "")")
        let happened = Self.events(fresh).filter {
            [.switchoverBegun, .newMaster, .switchoverDone].contains($0)
        }
        // Replicas are told whom to follow before it is done.
        #expect(happened == [.switchoverBegun, .newMaster, .switchoverDone])
        #expect(fresh.core.switchover == nil)
    }

    /// The server gives up, or refuses: the writes go where they would have gone, and the client reads why.
    @Test(arguments: ["gives up", "refuses"]) func fails(how: String) throws {
        let fresh = Self.deployment()
        if how == "refuses" {
            fresh.answersWhenTold["FAILOVER"] = "-NOPERM no permissions to run 'failover'\r\n"
        } else {
            fresh.facts[0].failoverState = "waiting-for-sync"
        }
        let (writer, administrator) = (fresh.driver.connect(), fresh.driver.connect())
        fresh.driver.command(["PROXY", "FAILOVER"], to: administrator)
        fresh.driver.command(["SET", "a", "1"], to: writer)
        fresh.go(.milliseconds(50))
        if how == "gives up" {
            #expect(fresh.driver.output(of: administrator) == "")
            fresh.facts[0].failoverState = "no-failover"
            fresh.go(.milliseconds(50))
        }
        let reply = fresh.driver.output(of: administrator)
        let reason =
            how == "refuses"
            ? "127.0.0.1:6379 refuses: NOPERM no permissions to run 'failover'"
            : "the master has left it, as the replica did not catch up in time, or never heard of it"
        #expect(reply == "-ERR the failover to replica0:6379 has failed: \(reason)\r\n")
        #expect(fresh.proxy.sent(to: fresh.masterWrites) == Wire.text("SET", "a", "1"))
        #expect(Self.events(fresh).last == .switchoverFailed)
        #expect(fresh.core.switchover == nil)
    }

    /// Too late, or told to end: the server is told to leave it, and writes go on when it says that it has.
    @Test(arguments: [true, false]) func turnsBack(isAborted: Bool) throws {
        let fresh = Self.deployment()
        fresh.facts[0].failoverState = "waiting-for-sync"
        let (writer, administrator) = (fresh.driver.connect(), fresh.driver.connect())
        fresh.driver.command(["PROXY", "FAILOVER", "TIMEOUT", "1000"], to: administrator)
        fresh.driver.command(["SET", "a", "1"], to: writer)
        fresh.go(.milliseconds(50))
        _ = fresh.wordsTold(to: 0)
        if isAborted {
            let other = fresh.driver.connect()
            #expect(
                fresh.driver.ask("PROXY", "FAILOVER", on: other).hasPrefix("-ERR a failover to"))
            #expect(fresh.driver.ask("PROXY", "FAILOVER", "ABORT", on: other) == "+OK\r\n")
        } else {
            fresh.go(.milliseconds(1_600))
        }
        fresh.go(.milliseconds(50))
        #expect(fresh.wordsTold(to: 0) == ["FAILOVER ABORT"])
        #expect(fresh.driver.output(of: administrator) == "")
        #expect(fresh.proxy.sent(to: fresh.masterWrites) == "")
        fresh.facts[0].failoverState = "no-failover"
        fresh.go(.milliseconds(50))
        let reason = isAborted ? "aborted by an operator" : "it took too long"
        #expect(
            fresh.driver.output(of: administrator)
                == "-ERR the failover to replica0:6379 has failed: \(reason)\r\n")
        #expect(fresh.proxy.sent(to: fresh.masterWrites) == Wire.text("SET", "a", "1"))
        #expect(
            fresh.driver.ask("PROXY", "FAILOVER", "ABORT", on: administrator)
                == "-ERR no failover is under way\r\n")
    }

    /// Whatever becomes of it: no write waits for longer than `writes.hold`.
    @Test func neverTooLong() throws {
        let fresh = Self.deployment { $0.writes.hold = .seconds(2) }
        fresh.facts[0].failoverState = "waiting-for-sync"
        let (writer, administrator) = (fresh.driver.connect(), fresh.driver.connect())
        fresh.driver.command(["PROXY", "FAILOVER", "TIMEOUT", "60000"], to: administrator)
        fresh.driver.command(["SET", "a", "1"], to: writer)
        fresh.go(.milliseconds(1_900))
        #expect(fresh.driver.output(of: writer) == "")
        fresh.go(.milliseconds(200))
        #expect(
            fresh.driver.output(of: writer)
                == "-ERR cannot reach the master at 127.0.0.1:6379: it is being replaced by another (PROXY FAILOVER); "
                + "nothing was sent\r\n")
        // It goes on all the same.
        Self.finish(fresh, heir: 1)
        #expect(fresh.driver.output(of: administrator).contains("replica0:6379"))
    }

    /// Who has asked may leave.
    @Test func askerLeaves() throws {
        let fresh = Self.deployment()
        fresh.facts[0].failoverState = "waiting-for-sync"
        let administrator = fresh.driver.connect()
        fresh.driver.command(["PROXY", "FAILOVER"], to: administrator)
        fresh.go(.milliseconds(50))
        fresh.driver.cut(administrator)
        Self.finish(fresh, heir: 1)
        #expect(fresh.core.master.index == 1)
        #expect(Self.events(fresh).contains(.switchoverDone))
    }

    /// The master dies in the middle: whoever is promoted is followed, and if it is the target that is what was wanted.
    @Test func masterDies() throws {
        let fresh = Self.deployment()
        fresh.facts[0].failoverState = "failover-in-progress"
        let administrator = fresh.driver.connect()
        fresh.driver.command(["PROXY", "FAILOVER"], to: administrator)
        fresh.go(.milliseconds(50))
        let link = try #require(fresh.core.servers[0].control).link
        fresh.proxy.cut(link)
        Self.finish(fresh, heir: 1)
        #expect(fresh.core.master.index == 1)
        #expect(fresh.driver.output(of: administrator).contains("pause_ms"))
    }

    /// The connection is lost with the word on it, and the master was never told: writes go on as soon as it says so.
    @Test func wordThatIsLost() throws {
        let fresh = Self.deployment()
        fresh.answersWhenTold["FAILOVER"] = .some(nil)
        let (writer, administrator) = (fresh.driver.connect(), fresh.driver.connect())
        fresh.driver.command(["PROXY", "FAILOVER"], to: administrator)
        fresh.driver.command(["SET", "a", "1"], to: writer)
        fresh.go(.milliseconds(50))
        #expect(fresh.wordsTold(to: 0).count == 1)
        #expect(fresh.proxy.sent(to: fresh.masterWrites) == "")
        fresh.proxy.cut(try #require(fresh.core.servers[0].control).link)
        fresh.go(.milliseconds(500))
        #expect(fresh.driver.output(of: administrator).contains("or never heard of it"))
        #expect(fresh.proxy.sent(to: fresh.masterWrites) == Wire.text("SET", "a", "1"))
    }

    /// A write that hangs is not waited for: the server's own pause meets it.
    @Test func writeThatHangs() throws {
        let fresh = Self.deployment()
        let (writer, administrator) = (fresh.driver.connect(), fresh.driver.connect())
        fresh.driver.command(["SET", "a", "1"], to: writer)
        fresh.driver.command(["PROXY", "FAILOVER"], to: administrator)
        fresh.go(.milliseconds(900))
        #expect(fresh.wordsTold(to: 0) == [])
        fresh.facts[0].failoverState = "waiting-for-sync"
        fresh.go(.milliseconds(200))
        #expect(fresh.wordsTold(to: 0).count == 1)
        #expect(fresh.core.switchover != nil)
        // Its time is not asked for again and again.
        fresh.core.scheduleWake()
        #expect(try #require(fresh.core.pending.wakeAt) > fresh.core.now.instant)
    }

    /// What replicas have not confirmed is waited for too, or its clients would be told that it may be lost.
    @Test func withheldReplies() throws {
        let fresh = Self.deployment { $0.writes.ackReplicas = 1 }
        let (writer, administrator) = (fresh.driver.connect(), fresh.driver.connect())
        fresh.driver.command(["SET", "a", "1"], to: writer)
        fresh.proxy.says("+OK\r\n", on: fresh.masterWrites)
        #expect(fresh.core.acknowledgements.replies == 1)
        fresh.driver.command(["PROXY", "FAILOVER"], to: administrator)
        fresh.go(.milliseconds(50))
        #expect(fresh.wordsTold(to: 0) == [])
        let acknowledger = try #require(fresh.core.master.acknowledger).link
        fresh.proxy.says("+PONG\r\n:1\r\n", on: acknowledger)
        #expect(fresh.driver.output(of: writer) == "+OK\r\n")
        fresh.go(.milliseconds(50))
        #expect(fresh.wordsTold(to: 0).count == 1)
    }

    /// Two workers: the one that is asked hands it on, and each waits for its own writes.
    @Test func twoWorkers() throws {
        let proxy = OperatedProxy(workers: 2)
        let client = proxy.drivers[1].connect()
        #expect(
            proxy.ask("PROXY FAILOVER", on: client, of: 1)
                == "-ERR without probes nothing is known of the servers: set 'timeouts.probe_interval'\r\n"
        )
        #expect(
            proxy.ask("PROXY FAILOVER ABORT", on: client, of: 1)
                == "-ERR no failover is under way\r\n")
    }
}
