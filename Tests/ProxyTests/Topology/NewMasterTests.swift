// What the proxy does when another server becomes the master.

import RESP
import TestSupport
import Testing

@testable import Proxy

@Suite struct NewMasterTests {
    private static func writes(of fresh: FreshProxy) -> LinkID {
        fresh.core.master.lanes[0]!.writers[0].link
    }

    /// Writes go to the new master, and reads do again when the one before is proved to have what was written.
    @Test func trapA13_switchOver() throws {
        let fresh = FreshProxy()
        let client = fresh.driver.connect()
        fresh.promote()
        #expect(fresh.core.master.index == 1)
        fresh.driver.command(["SET", "a", "1"], to: client)
        #expect(fresh.proxy.sent(to: Self.writes(of: fresh)) == Wire.text("SET", "a", "1"))
        fresh.proxy.says("+OK\r\n", on: Self.writes(of: fresh))
        #expect(fresh.driver.output(of: client) == "+OK\r\n")
        fresh.settle()
        // The new master alone is known to have it.
        fresh.driver.command(["GET", "a"], to: client)
        let masterReads = fresh.core.master.lanes[0]!.readers[0].link
        #expect(fresh.proxy.sent(to: masterReads) == Wire.text("GET", "a"))
        #expect(fresh.core.counters.readsOnMaster == 1 && fresh.core.counters.readsOnReplicas == 0)
        fresh.proxy.says("$1\r\n1\r\n", on: masterReads)
        #expect(fresh.driver.output(of: client) == "$1\r\n1\r\n")
        fresh.proxy.core.checkInvariants()
    }

    /// The master comes back as somebody's replica, with data of whatever age: nothing is asked of it on a connection
    /// that was made since, not even before INFO has told of that. What the simulation found first.
    @Test func masterThatComesBackAsAReplica() throws {
        let fresh = FreshProxy { $0.writes.hold = .zero }
        let (reader, writer) = (fresh.driver.connect(), fresh.driver.connect())
        fresh.write("SET", "a", "1", by: writer)
        for lane in fresh.core.servers[0].lanes {
            for connection in (lane?.readers ?? []) + (lane?.writers ?? []) {
                fresh.proxy.cut(connection.link)
            }
        }
        fresh.facts[0].role = "slave"
        fresh.facts[0].following = "replica0:6379"
        fresh.driver.command(["GET", "a"], to: reader)
        fresh.driver.pass(.milliseconds(200))
        fresh.proxy.connectAll()
        let asked = fresh.core.links.compactMap { $0 }.filter {
            $0.server == 0 && $0.isForClients && $0.id != nil
        }
        #expect(!asked.isEmpty)
        for connection in asked {
            let sent = fresh.proxy.sent(to: connection.link)
            #expect(sent.hasPrefix(Wire.text("ROLE")), "\(sent)")
            #expect(!sent.contains("GET"))
            fresh.answerRole(on: connection.link)
            #expect(fresh.proxy.sent(to: connection.link) == "")
        }
        #expect(fresh.core.servers[0].health.report?.role == .replica)
        fresh.promote()
        #expect(fresh.core.master.index == 1)
        #expect(fresh.place(of: ["GET", "a"]) == 1)
        fresh.proxy.core.checkInvariants()
    }

    /// The master has become a replica, over connections that stand, and nobody has taken its place: it may copy older
    /// data now, so that reads wait for the next master. What the simulation found.
    @Test(arguments: [true, false]) func trapA13_masterThatIsDeposed(isSucceeded: Bool) throws {
        let fresh = FreshProxy { $0.timeouts.request = .seconds(5) }
        let (reader, writer) = (fresh.driver.connect(), fresh.driver.connect())
        fresh.write("SET", "a", "1", by: writer)
        fresh.facts[0].role = "slave"
        fresh.facts[0].following = "10.0.0.9:6379"
        fresh.probe()
        #expect(fresh.core.master.index == 0)
        #expect(fresh.ask("GET", "a", by: reader) == nil)
        if isSucceeded {
            fresh.promote()
            #expect(fresh.core.master.index == 1)
            #expect(fresh.place(of: ["GET", "a"]) == 1)
        } else {
            for _ in 0..<6 { fresh.probe() }
            #expect(fresh.driver.output(of: reader).hasPrefix("-NOTFRESH"))
        }
        fresh.proxy.core.checkInvariants()
    }

    private static func depose(_ fresh: FreshProxy) {
        fresh.facts[0].role = "slave"
        fresh.facts[0].following = "10.0.0.9:6379"
        fresh.probe()
        #expect(fresh.core.isMasterDeposed)
    }

    /// The same behind a read that it was sent before.
    @Test func trapA13_behindAnotherRead() throws {
        let fresh = FreshProxy()
        let (reader, writer) = (fresh.driver.connect(), fresh.driver.connect())
        fresh.write("SET", "a", "1", by: writer)
        #expect(fresh.ask("GET", "a", by: reader) == 0)
        Self.depose(fresh)
        #expect(fresh.ask("GET", "a", by: reader) == nil)
    }

    /// Neither what a replica may not show is read there, nor what a replica was lost with.
    @Test(arguments: [true, false]) func trapA13_movedReads(isVetoed: Bool) throws {
        let fresh = FreshProxy()
        let (reader, writer) = (fresh.driver.connect(), fresh.driver.connect())
        fresh.write("SET", "a", "1", by: writer)
        fresh.publish()
        #expect(fresh.ask("GET", "a", by: reader) == 1)
        Self.depose(fresh)
        if isVetoed {
            fresh.facts[1].following = "10.0.0.8:6379"
            fresh.answerVetoes()
            #expect(fresh.driver.output(of: reader).hasPrefix("-NOTFRESH"))
        } else {
            fresh.lose(1)
        }
        #expect(fresh.place(of: ["GET", "a"]) == nil)
        fresh.proxy.core.checkInvariants()
    }

    /// Nobody knows whether the new master has what its predecessor has answered: WAIT does not say so either.
    @Test func waitBehindAnotherMaster() throws {
        let fresh = FreshProxy(replicas: 2)
        let client = fresh.driver.connect()
        fresh.write("SET", "k", "1", by: client)
        fresh.promote()
        #expect(fresh.core.master.index == 1)
        #expect(fresh.driver.ask("WAIT", "1", "100", on: client).hasPrefix("-NOTREPLICATED "))
        fresh.proxy.core.checkInvariants()
    }

    /// Who waits for an answer of the one before to a write is closed, as it may have run and be lost; who waits for
    /// nothing stays.
    @Test func trapC5_unansweredWrites() throws {
        let fresh = FreshProxy()
        let (writer, other) = (fresh.driver.connect(), fresh.driver.connect())
        fresh.driver.command(["SET", "a", "1"], to: writer)
        _ = fresh.proxy.sent(to: fresh.masterWrites)
        fresh.promote()
        #expect(fresh.driver.closed.contains(writer))
        #expect(!fresh.driver.closed.contains(other))
        fresh.driver.command(["SET", "a", "2"], to: other)
        #expect(fresh.proxy.sent(to: Self.writes(of: fresh)) == Wire.text("SET", "a", "2"))
        fresh.proxy.core.checkInvariants()
    }

    /// The same of a write behind a large reply, on a connection that was left because of that.
    @Test func unansweredWriteBehindALargeReply() throws {
        let fresh = FreshProxy { $0.limits.replyPrivateAbove = 1_000 }
        let (reader, writer) = (fresh.driver.connect(), fresh.driver.connect())
        fresh.driver.send(Wire.pipeline([["SET", "a", "1"], ["GET", "huge"]]), to: reader)
        fresh.driver.command(["SET", "b", "1"], to: writer)
        let before = fresh.masterWrites
        _ = fresh.proxy.sent(to: before)
        fresh.proxy.says("+OK\r\n$2000\r\nxxx", on: before)
        #expect(fresh.masterWrites != before)
        fresh.promote()
        #expect(fresh.driver.closed.contains(writer))
        fresh.proxy.core.checkInvariants()
    }

    /// A client with a connection of its own to the one before loses it: its transaction has not run.
    @Test func pinnedClients() throws {
        let fresh = FreshProxy()
        let client = fresh.driver.connect()
        fresh.driver.command(["WATCH", "k"], to: client)
        fresh.settle()
        let own = try #require(fresh.core.links.compactMap { $0 }.first { $0.use == .alone })
        fresh.proxy.says("+OK\r\n", on: own.link)
        #expect(fresh.driver.output(of: client) == "+OK\r\n")
        fresh.promote()
        for words in [["MULTI"], ["SET", "k", "1"], ["EXEC"]] {
            fresh.driver.command(words, to: client)
        }
        #expect(
            fresh.driver.output(of: client)
                == "+OK\r\n+QUEUED\r\n-EXECABORT Transaction discarded because the connection that "
                + "watched its keys was lost.\r\n")
        fresh.proxy.core.checkInvariants()
    }

    /// A write that is refused since its server is a replica by now waits for the next master, with what its client has
    /// asked for behind it; another one that gets the same answer is passed on.
    @Test func trapC4_refusedWrite() throws {
        let fresh = FreshProxy { $0.writes.hold = .seconds(10) }
        let client = fresh.driver.connect()
        fresh.driver.command(["SET", "a", "1"], to: client)
        _ = fresh.proxy.sent(to: fresh.masterWrites)
        let refusal = "-READONLY You can't write against a read only replica.\r\n"
        fresh.proxy.says(refusal, on: fresh.masterWrites)
        #expect(fresh.driver.output(of: client) == "")
        fresh.driver.command(["SET", "a", "2"], to: client)
        #expect(fresh.proxy.sent(to: fresh.masterWrites) == "")
        fresh.proxy.core.checkInvariants()
        fresh.promote()
        let writes = Self.writes(of: fresh)
        #expect(fresh.core.master.index == 1)
        #expect(
            fresh.proxy.sent(to: writes) == Wire.text("SET", "a", "1") + Wire.text("SET", "a", "2"))
        fresh.proxy.says("+OK\r\n+OK\r\n", on: writes)
        #expect(fresh.driver.output(of: client) == "+OK\r\n+OK\r\n")
        fresh.proxy.core.checkInvariants()
    }

    /// C4: what a script answers is worded by its author, and says nothing of what it did nor of the server.
    @Test func trapC4_scriptThatSaysReadOnly() throws {
        let fresh = FreshProxy { $0.writes.hold = .seconds(10) }
        let client = fresh.driver.connect()
        let script = [
            "EVAL", "redis.call('incr','n'); return redis.error_reply('READONLY frozen')", "0",
        ]
        fresh.driver.command(script, to: client)
        _ = fresh.proxy.sent(to: fresh.masterWrites)
        fresh.proxy.says("-READONLY frozen\r\n", on: fresh.masterWrites)
        #expect(fresh.driver.output(of: client) == "-READONLY frozen\r\n")
        #expect(fresh.core.masterAwaySince == nil)
        #expect(fresh.core.servers[0].health.report?.role == .master)
        fresh.probe()
        #expect(!fresh.proxy.sent(to: fresh.masterWrites).contains("EVAL"))
        fresh.proxy.core.checkInvariants()
    }

    /// A new reign that is found out when a client connects: those go on whom that wakes, at once.
    @Test func foundOutByANewcomer() throws {
        let fresh = FreshProxy { $0.limits.backendRequests = 1 }
        let (first, second) = (fresh.driver.connect(), fresh.driver.connect())
        fresh.driver.command(["SET", "a", "1"], to: first)
        fresh.driver.command(["SET", "b", "1"], to: second)
        #expect(fresh.proxy.isHeldBack(second))
        fresh.core.board.crown(1)
        // Told by hand, as the driver's next call would wake them too.
        let id = fresh.driver.newID()
        fresh.core.open(
            id, through: .clients, from: .ipv4(127, 0, 0, 1, port: 50_000),
            to: .ipv4(127, 0, 0, 1, port: 6379), at: fresh.driver.now)
        #expect(fresh.core.topology.master == 1)
        #expect(fresh.core.woken.isEmpty)
        fresh.core.checkInvariants()
    }

    /// A circuit that was open says nothing of a master.
    @Test func ejectedReplicaIsPromoted() throws {
        let fresh = FreshProxy()
        fresh.core.servers[1].circuit.open(
            because: .failures(5), fresh.core.configuration.outliers,
            at: fresh.core.now.instant)
        fresh.promote()
        #expect(fresh.core.master.index == 1)
        #expect(fresh.core.master.circuit.state == .closed)
    }

    /// A write that CLIENT REPLY came behind is not given back: done anew, it would be taken for what came later.
    @Test(arguments: ["OFF", "SKIP"]) func refusedBeforeClientReply(_ mode: String) throws {
        let fresh = FreshProxy { $0.writes.hold = .seconds(10) }
        let client = fresh.driver.connect()
        let refusal = "-READONLY You can't write against a read only replica.\r\n"
        fresh.driver.send(
            Wire.pipeline([["SET", "a", "1"], ["CLIENT", "REPLY", mode]]), to: client)
        fresh.proxy.says(refusal, on: fresh.masterWrites)
        #expect(fresh.driver.output(of: client) == refusal)
        #expect(fresh.core.held.isEmpty)
        fresh.proxy.core.checkInvariants()
    }

    /// A server that refuses writes, and says that it is the master all the same, is believed once.
    @Test func refusedForGood() throws {
        let fresh = FreshProxy { $0.writes.hold = .seconds(10) }
        let client = fresh.driver.connect()
        let refusal = "-READONLY You can't write against a read only replica.\r\n"
        fresh.driver.command(["SET", "a", "1"], to: client)
        fresh.proxy.says(refusal, on: fresh.masterWrites)
        fresh.settle()
        #expect(fresh.proxy.sent(to: fresh.masterWrites).hasSuffix(Wire.text("SET", "a", "1")))
        fresh.proxy.says(refusal, on: fresh.masterWrites)
        #expect(fresh.driver.output(of: client) == refusal)
        fresh.proxy.core.checkInvariants()
    }

    /// Watermarks of the reign before prove nothing: who publishes them has not heard of the new master.
    @Test func lateWatermarks() throws {
        let fresh = FreshProxy(replicas: 2)
        let before = fresh.core.watermarks.channel
        fresh.promote()
        #expect(fresh.core.watermarks.channel != before)
        fresh.facts[2].following = "replica0:6379"
        fresh.settle()
        let watcher = try #require(fresh.core.servers[2].watcher)
        let number = "\(fresh.core.freshness.last.number)"
        fresh.proxy.says(
            "*3\r\n" + Wire.bulk("message") + Wire.bulk(String(decoding: before, as: UTF8.self))
                + Wire.bulk(number), on: watcher.link)
        #expect(fresh.core.freshness.proofs[2].look() == nil)
    }

    /// Two were promoted: nobody is written to until one of them is gone.
    @Test func twoHeirs() throws {
        let fresh = FreshProxy(replicas: 2)
        fresh.facts[2].role = "master"
        fresh.facts[2].former = (fresh.facts[0].history, 1_000_000)
        fresh.facts[2].history = "history-3"
        fresh.promote()
        #expect(fresh.core.topology.isContested)
        #expect(!fresh.core.master.health.isHealthy)
        fresh.facts[2] = .init(
            runID: "run-replica-1", role: "slave", history: "history-2", following: "replica0:6379")
        for _ in 0..<3 {
            fresh.driver.pass(.seconds(1))
            fresh.settle()
        }
        #expect(fresh.core.master.index == 1)
        #expect(!fresh.core.topology.isContested)
    }
}
