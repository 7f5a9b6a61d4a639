// failover.mode auto with servers that the test plays: who is told to be the master, when, and what becomes of the
// rest.

import RESP
import TestSupport
import Testing

@testable import Proxy

@Suite struct AutomaticFailoverTests {
    private static func deployment(
        _ configure: (inout ProxyConfiguration) -> Void = { _ in }
    ) -> FreshProxy {
        let fresh = FreshProxy(replicas: 2, isProved: false) {
            $0.writes.hold = .seconds(60)
            $0.failover.mode = .auto
            $0.failover.downAfter = .seconds(3)
            configure(&$0)
        }
        fresh.facts[0].followers = ["replica0:6379", "replica1:6379"]
        fresh.facts[1].offset = 90
        fresh.probe()
        return fresh
    }

    private static func loseMaster(_ fresh: FreshProxy, isNoticed: Bool = true) {
        fresh.lose(0)
        for number in 1...2 where isNoticed {
            fresh.facts[number].link = "down"
            fresh.facts[number].silence = 10
        }
    }

    private static func promote(_ fresh: FreshProxy) {
        fresh.facts[2].role = "master"
        fresh.facts[2].former = (fresh.facts[0].history, 101)
        fresh.facts[2].history = "history-2"
        fresh.go(.seconds(1), by: .milliseconds(100))
    }

    /// The one that is furthest is promoted, not before the time is up; what waited goes there, and the other follows
    /// it.
    @Test func promotes() throws {
        let fresh = Self.deployment()
        let client = fresh.driver.connect()
        Self.loseMaster(fresh)
        fresh.driver.command(["SET", "a", "1"], to: client)
        fresh.go(.milliseconds(2_500), by: .milliseconds(100))
        #expect(fresh.wordsTold(to: 2) == [])
        fresh.go(.seconds(1), by: .milliseconds(100))
        #expect(fresh.wordsTold(to: 2) == ["REPLICAOF NO ONE"])
        #expect(fresh.wordsTold(to: 1) == [])
        Self.promote(fresh)
        #expect(fresh.core.master.index == 2)
        let writes = fresh.core.master.lanes[0]!.writers[0].link
        #expect(fresh.proxy.sent(to: writes) == Wire.text("SET", "a", "1"))
        #expect(fresh.wordsTold(to: 1) == ["REPLICAOF replica1 6379"])
        #expect(fresh.wordsTold(to: 2) == [])
        let kinds = fresh.core.operators.events.newest(.max).map(\.kind)
        #expect(kinds.contains(.promotion))
    }

    /// It does not become a master: after a while the choice is made again.
    @Test func heirThatDoesNot() throws {
        let fresh = Self.deployment()
        Self.loseMaster(fresh)
        fresh.go(.seconds(4), by: .milliseconds(100))
        #expect(fresh.wordsTold(to: 2) == ["REPLICAOF NO ONE"])
        fresh.lose(2)
        fresh.facts[2].offset = 80
        fresh.go(.seconds(6), by: .milliseconds(100))
        // One of two is no majority.
        #expect(fresh.wordsTold(to: 1) == [])
        fresh.comeBack(2)
        fresh.go(.seconds(3), by: .milliseconds(100))
        #expect(fresh.wordsTold(to: 1) == ["REPLICAOF NO ONE"])
    }

    /// The proxy alone does not reach the master: its replicas do, and nobody is promoted. That is told once.
    @Test(arguments: [0, 12, nil]) func trapD3_cutOff(silence: Int?) throws {
        let fresh = Self.deployment()
        for number in 1...2 { fresh.facts[number].silence = silence }
        Self.loseMaster(fresh, isNoticed: false)
        fresh.go(.seconds(20), by: .milliseconds(100))
        #expect(fresh.wordsTold(to: 1) + fresh.wordsTold(to: 2) == [])
        let told = fresh.driver.log.filter { $0.contains("nobody is promoted") }
        #expect(told.count == 1)
        #expect(told.first?.contains("0 of its 2 replicas") == true, "\(told)")
    }

    /// A master that has stopped keeps its links up: that it says nothing counts when it should have said something.
    /// How often it should is asked of it.
    @Test(arguments: [
        ("10", 13, true), ("20", 13, false), ("1", 4, true), ("no number", 12, false),
    ])
    func stoppedMaster(heartbeat: String, silence: Int, isPromoted: Bool) throws {
        let fresh = Self.deployment()
        fresh.heartbeat = heartbeat
        fresh.lose(0)
        fresh.comeBack(0)
        fresh.go(.seconds(2), by: .milliseconds(100))
        Self.loseMaster(fresh, isNoticed: false)
        for number in 1...2 { fresh.facts[number].silence = silence }
        fresh.go(.seconds(4), by: .milliseconds(100))
        #expect(fresh.wordsTold(to: 2) == (isPromoted ? ["REPLICAOF NO ONE"] : []))
    }

    /// The replicas alone do not hear the master: the proxy does, and it stays.
    @Test func masterIsThere() throws {
        let fresh = Self.deployment()
        for number in 1...2 {
            fresh.facts[number].link = "down"
            fresh.facts[number].silence = 60
        }
        fresh.go(.seconds(10), by: .milliseconds(100))
        #expect(fresh.wordsTold(to: 1) + fresh.wordsTold(to: 2) == [])
    }

    /// It is there after all before the promoted one has said that it is a master: that one follows it again, or it
    /// would be taken for the heir one day.
    @Test func masterComesBackInTime() throws {
        let fresh = Self.deployment()
        Self.loseMaster(fresh)
        fresh.go(.milliseconds(3_500), by: .milliseconds(100))
        #expect(fresh.wordsTold(to: 2) == ["REPLICAOF NO ONE"])
        fresh.comeBack(0)
        for number in 1...2 {
            fresh.facts[number].link = "up"
            fresh.facts[number].silence = 0
        }
        fresh.go(.seconds(3), by: .milliseconds(100))
        #expect(fresh.core.master.index == 0)
        #expect(fresh.wordsTold(to: 2) == ["REPLICAOF 10.0.0.1 6379"])
    }

    @Test func offUnlessAskedFor() throws {
        let fresh = Self.deployment { $0.failover.mode = .off }
        Self.loseMaster(fresh)
        fresh.go(.seconds(20), by: .milliseconds(100))
        #expect(fresh.wordsTold(to: 1) + fresh.wordsTold(to: 2) == [])
    }

    /// A replica that was away is told whom to follow when it is back, once it says that it still follows the old one.
    @Test func straggler() throws {
        let fresh = Self.deployment()
        Self.loseMaster(fresh)
        fresh.go(.seconds(4), by: .milliseconds(100))
        fresh.lose(1)
        Self.promote(fresh)
        #expect(fresh.core.master.index == 2)
        #expect(fresh.wordsTold(to: 1) == [])
        fresh.comeBack(1)
        fresh.go(.seconds(3), by: .milliseconds(100))
        #expect(fresh.wordsTold(to: 1) == ["REPLICAOF replica1 6379"])
        fresh.facts[1].history = "history-2"
        fresh.facts[1].following = "replica1:6379"
        fresh.go(.seconds(10), by: .milliseconds(100))
        #expect(fresh.wordsTold(to: 1) == [])
    }

    /// A replica that was away, and comes back with more than was promoted, is told nothing either, unless the
    /// configuration says so.
    @Test(arguments: [true, false]) func trapD3_stragglerWithMore(rejoins: Bool) throws {
        let fresh = Self.deployment { $0.failover.rejoins = rejoins }
        Self.loseMaster(fresh)
        fresh.go(.seconds(4), by: .milliseconds(100))
        fresh.lose(1)
        fresh.facts[1].offset = 150
        Self.promote(fresh)
        #expect(fresh.core.master.index == 2)
        fresh.comeBack(1)
        fresh.go(.seconds(10), by: .milliseconds(100))
        let words = "REPLICAOF replica1 6379"
        let told = fresh.wordsTold(to: 1)
        #expect(rejoins ? told.count == 2 && told.allSatisfy { $0 == words } : told.isEmpty)
        let reasons = Self.fencing(fresh)
        #expect(reasons.count == 1)
        #expect(reasons[0].contains("It has 50 bytes of writes that the master does not have"))
    }

    /// With failover.rejoin the old master is told to follow, again if it does not, and what that costs is told once.
    @Test func rejoins() throws {
        let fresh = Self.deployment { $0.failover.rejoins = true }
        Self.loseMaster(fresh)
        fresh.go(.seconds(4), by: .milliseconds(100))
        Self.promote(fresh)
        fresh.facts[0].offset = 150
        fresh.comeBack(0)
        fresh.go(.seconds(10), by: .milliseconds(100))
        let words = "REPLICAOF replica1 6379"
        let told = fresh.wordsTold(to: 0)
        #expect(told.count == 2 && told.allSatisfy { $0 == words }, "\(told)")
        fresh.facts[0].role = "slave"
        fresh.facts[0].history = "history-2"
        fresh.facts[0].following = "replica1:6379"
        fresh.go(.seconds(10), by: .milliseconds(100))
        #expect(fresh.wordsTold(to: 0) == [])
        #expect(Self.fencing(fresh).count == 1)
        #expect(Self.fencing(fresh)[0].contains("It is told \(words) (failover.rejoin)"))
    }

    private static func fencing(_ fresh: FreshProxy) -> [String] {
        fresh.core.operators.events.newest(.max).filter { $0.kind == .fencedMaster }.map(\.reason)
    }

    /// The old master comes back: it is not written to and told nothing, and what only it has is told once.
    @Test(arguments: [true, false]) func trapD3_fenced(isSameProcess: Bool) throws {
        let fresh = Self.deployment()
        Self.loseMaster(fresh)
        fresh.go(.seconds(4), by: .milliseconds(100))
        Self.promote(fresh)
        fresh.facts[0].offset = 150
        if !isSameProcess {
            fresh.facts[0].runID = "run-again"
            fresh.facts[0].history = "history-3"
        }
        fresh.comeBack(0)
        fresh.go(.seconds(10), by: .milliseconds(100))
        #expect(fresh.core.master.index == 2)
        #expect(fresh.wordsTold(to: 0) == [])
        let told = Self.fencing(fresh)
        #expect(told.count == 1)
        let reason = try #require(told.first)
        #expect(
            reason.contains(
                isSameProcess ? "It has 50 bytes of writes" : "It has begun another history"),
            "\(reason)")
        #expect(reason.contains("REPLICAOF replica1 6379, said to it"))
        let client = fresh.driver.connect()
        #expect(fresh.ask("SET", "a", "1", by: client) == 2)
    }
}
