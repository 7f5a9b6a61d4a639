// Write concern when something goes wrong: clients and connections that are lost, other processes, another master,
// large replies. Never a reply that says more than is known, and never two.

import RESP
import TestSupport
import Testing

@testable import Proxy

@Suite struct AcknowledgementLossTests {
    private static func write(_ proxy: AcknowledgedProxy, by client: ConnectionID) {
        proxy.proxy.ask("SET", "a", "1", by: client)
        proxy.proxy.says("+OK\r\n", on: .masterWrites)
        #expect(proxy.driver.output(of: client) == "")
    }

    // MARK: The connection for questions

    /// What was asked on a connection that is lost is asked again on the next one to the same process.
    @Test func askedAgain() {
        let proxy = AcknowledgedProxy()
        let (first, second) = (proxy.driver.connect(), proxy.driver.connect())
        proxy.driver.pass(.seconds(2))
        Self.write(proxy, by: first)
        #expect(proxy.isAsked)
        Self.write(proxy, by: second)
        proxy.proxy.cut(proxy.acknowledger)
        proxy.connect()
        #expect(proxy.isAsked)
        proxy.confirm()
        #expect(proxy.driver.output(of: first) == "+OK\r\n")
        #expect(proxy.driver.output(of: second) == "+OK\r\n")
        #expect(!proxy.isAsked)
    }

    /// Another process has not the writes of the one before, however many replicas it has.
    @Test func anotherProcess() {
        let proxy = AcknowledgedProxy()
        let client = proxy.driver.connect()
        proxy.driver.pass(.seconds(2))
        Self.write(proxy, by: client)
        proxy.runID = "run-other"
        proxy.proxy.cut(proxy.acknowledger)
        proxy.connect()
        proxy.confirm()
        #expect(proxy.driver.output(of: client) == AcknowledgedProxy.stranger)
    }

    /// Who does not say which process it is confirms nothing, and that is told once.
    @Test func namelessProcess() {
        let proxy = AcknowledgedProxy()
        proxy.runID = nil
        for link in [LinkID.masterWrites, proxy.acknowledger] {
            proxy.driver.pass(.seconds(2))
            proxy.proxy.cut(link)
            proxy.connect()
        }
        let client = proxy.driver.connect()
        for _ in 0..<2 {
            Self.write(proxy, by: client)
            proxy.confirm()
            #expect(proxy.driver.output(of: client) == AcknowledgedProxy.stranger)
        }
        #expect(proxy.driver.log.count { $0.contains("does not say in INFO") } == 1)
    }

    /// A master that cannot be asked is waited for no longer than replicas would be.
    @Test func nobodyToAsk() {
        let proxy = AcknowledgedProxy()
        let client = proxy.driver.connect()
        proxy.driver.pass(.seconds(2))
        Self.write(proxy, by: client)
        proxy.proxy.cut(proxy.acknowledger)
        proxy.proxy.refuse(proxy.acknowledger, "refused")
        proxy.driver.pass(.milliseconds(990))
        proxy.proxy.refuse(proxy.acknowledger, "refused")
        #expect(proxy.driver.output(of: client) == "")
        proxy.driver.pass(.milliseconds(10))
        #expect(
            proxy.driver.output(of: client)
                == AcknowledgedProxy.short(
                    0, "there is no connection to ask the master over, refused"))
        proxy.core.checkInvariants()
    }

    /// A master that says nothing any more is given up; the time of a request has no say in what was answered.
    @Test func silentMaster() {
        let proxy = AcknowledgedProxy { $0.timeouts.request = .seconds(5) }
        let client = proxy.driver.connect()
        proxy.driver.pass(.seconds(2))
        Self.write(proxy, by: client)
        let before = proxy.proxy.id(of: proxy.acknowledger)
        for _ in 0..<59 { proxy.driver.pass(.milliseconds(100)) }
        #expect(proxy.driver.output(of: client) == "")
        proxy.driver.pass(.milliseconds(100))
        #expect(
            proxy.driver.output(of: client)
                == AcknowledgedProxy.short(0, "the master does not answer"))
        #expect(proxy.driver.closed.contains(before))
        proxy.core.checkInvariants()
        // It goes on with the next.
        proxy.connect()
        Self.write(proxy, by: client)
        #expect(proxy.isAsked)
        proxy.confirm()
        #expect(proxy.driver.output(of: client) == "+OK\r\n")
    }

    /// The connection of the writes is lost after they were answered: they may be confirmed all the same.
    @Test func lostWriter() {
        let proxy = AcknowledgedProxy()
        let client = proxy.driver.connect()
        Self.write(proxy, by: client)
        proxy.proxy.cut(.masterWrites)
        proxy.confirm()
        #expect(proxy.driver.output(of: client) == "+OK\r\n")
    }

    // MARK: Another master

    /// What the one before has done may be lost with it.
    @Test func anotherMaster() {
        let fresh = FreshProxy { $0.writes.ackReplicas = 1 }
        let client = fresh.driver.connect()
        fresh.driver.command(["SET", "a", "1"], to: client)
        #expect(fresh.place(of: ["SET", "a", "1"]) == 0)
        fresh.proxy.says("+OK\r\n", on: fresh.masterWrites)
        fresh.promote()
        #expect(fresh.core.master.index == 1)
        #expect(
            fresh.driver.output(of: client)
                == "-NOTREPLICATED the write was applied, 0 of 1 replicas confirmed: another master has taken over,"
                + " which may not have it; do not repeat it\r\n")
        fresh.core.checkInvariants()
        // The new one is asked about what it does.
        fresh.driver.command(["SET", "a", "2"], to: client)
        let writes = fresh.core.master.lanes[0]!.writers[0].link
        fresh.proxy.says("+OK\r\n", on: writes)
        let acknowledger = fresh.core.master.acknowledger!.link
        #expect(
            fresh.proxy.sent(to: acknowledger) == Wire.text("PING")
                + Wire.text("WAIT", "1", "1000"))
        fresh.proxy.says("+PONG\r\n:1\r\n", on: acknowledger)
        #expect(fresh.driver.output(of: client) == "+OK\r\n")
    }

    /// What it said as a replica is no history of the master's: other workers may learn of it late.
    @Test func firstWordsOfAPromotedOne() throws {
        let fresh = FreshProxy { $0.writes.ackReplicas = 1 }
        let client = fresh.driver.connect()
        fresh.driver.command(["SET", "a", "1"], to: client)
        #expect(fresh.place(of: ["SET", "a", "1"]) == 0)
        fresh.proxy.says("+OK\r\n", on: fresh.masterWrites)
        let master = fresh.core.master
        let report = try #require(master.health.report)
        var old = report
        old.role = .replica
        old.replicationID = "history-0"
        fresh.core.noteStrength(old, report, of: master)
        #expect(fresh.core.acknowledgements.replies == 1)
        #expect(fresh.driver.output(of: client) == "")
    }

    /// The same process under another history has lost what it had.
    @Test func anotherHistory() {
        let fresh = FreshProxy { $0.writes.ackReplicas = 1 }
        let client = fresh.driver.connect()
        fresh.driver.command(["SET", "a", "1"], to: client)
        #expect(fresh.place(of: ["SET", "a", "1"]) == 0)
        fresh.proxy.says("+OK\r\n", on: fresh.masterWrites)
        fresh.facts[0].history = "history-2"
        fresh.probe()
        #expect(fresh.driver.output(of: client).contains("the master's history has changed"))
        fresh.core.checkInvariants()
    }

    /// Operators are told what a confirmation is worth, when it is known and when it changes.
    @Test func strength() {
        let fresh = FreshProxy {
            $0.writes.ackReplicas = 1
            $0.audit.interval = .seconds(60)
        }
        func told(_ text: String) -> Int { fresh.driver.log.count { $0.contains(text) } }
        #expect(told("has 0 of the 1 replicas") == 1)
        fresh.facts[0].followers = ["replica0:6379"]
        fresh.probe()
        fresh.probe()
        #expect(told("has the 1 replicas that confirm each write") == 1)
        fresh.facts[0].followers.append("replica1:6379")
        fresh.probe()
        #expect(told("may be replaced by any of 2 replicas, and any 1 of them confirm") == 1)
    }

    // MARK: Clients

    /// Who goes takes what was withheld along, and who has ended gets it before it is closed.
    @Test func clientsThatGo() {
        let proxy = AcknowledgedProxy()
        let (gone, ended, other) = (
            proxy.driver.connect(), proxy.driver.connect(), proxy.driver.connect()
        )
        Self.write(proxy, by: gone)
        Self.write(proxy, by: ended)
        Self.write(proxy, by: other)
        proxy.driver.cut(gone)
        proxy.driver.end(ended)
        proxy.core.checkInvariants()
        #expect(!proxy.driver.closed.contains(ended))
        proxy.confirm()
        proxy.confirm()
        #expect(proxy.driver.output(of: ended) == "+OK\r\n")
        #expect(proxy.driver.closed.contains(ended))
        #expect(proxy.driver.output(of: other) == "+OK\r\n")
        proxy.core.checkInvariants()
    }

    /// A write of unknown fate closes its client when what was answered before is confirmed or not.
    @Test func unknownFateBehind() {
        let proxy = AcknowledgedProxy()
        let client = proxy.driver.connect()
        proxy.driver.send(Wire.pipeline([["SET", "a", "1"], ["EVAL", "x", "0"]]), to: client)
        proxy.proxy.says("+OK\r\n*2\r\n:1\r\n", on: .masterWrites)
        proxy.proxy.cut(.masterWrites)
        #expect(!proxy.driver.closed.contains(client))
        proxy.confirm()
        #expect(proxy.driver.output(of: client) == "+OK\r\n")
        #expect(proxy.driver.closed.contains(client))
    }

    // MARK: Large replies

    /// More than a client may have waiting is not read from the server before the answer is there; then it flows.
    @Test func largeReply() {
        let proxy = AcknowledgedProxy {
            $0.limits.clientOutput = 4096
            $0.limits.stall = .milliseconds(100)
        }
        let (client, other) = (proxy.driver.connect(), proxy.driver.connect())
        proxy.proxy.ask("EVAL", "x", "0", by: client)
        proxy.proxy.ask("SET", "b", "1", by: other)
        let half = String(repeating: "x", count: 20_000)
        proxy.proxy.says("$40000\r\n" + half, on: .masterWrites)
        #expect(proxy.isAsked)
        #expect(proxy.proxy.isPaused(.masterWrites))
        // It is not slow: others wait behind it until the replicas have answered.
        proxy.driver.pass(.milliseconds(200))
        proxy.driver.pass(.milliseconds(200))
        #expect(!proxy.driver.closed.contains(client))
        proxy.confirm()
        #expect(proxy.driver.output(of: client) == "$40000\r\n" + half)
        #expect(!proxy.proxy.isPaused(.masterWrites))
        proxy.proxy.says(half + "\r\n+OK\r\n", on: .masterWrites)
        #expect(proxy.driver.output(of: client) == half + "\r\n")
        #expect(proxy.driver.output(of: other) == "")
        proxy.confirm()
        #expect(proxy.driver.output(of: other) == "+OK\r\n")
    }

    /// Replies in two pieces, cut anywhere, with the answer between them: all come whole and in order, or errors in
    /// their places.
    @Test(arguments: [1, 2]) func cutAnywhere(confirmed: Int) {
        let replies = [
            "$3\r\nold\r\n", ":7\r\n", "*2\r\n:1\r\n+x\r\n", "-ERR no\r\n", "$2\r\nab\r\n",
        ]
        let all = replies.joined()
        let requests = [
            ["SET", "a", "1", "GET"], ["INCR", "n"], ["EVAL", "x", "0"], ["INCR", "s"],
            ["GET", "g"],
        ]
        let short = AcknowledgedProxy.short(confirmed)
        let expected =
            confirmed == 2
            ? all : short + short + short + replies[3] + replies[4]
        for cut in 0...all.utf8.count {
            let proxy = AcknowledgedProxy()
            let client = proxy.driver.connect()
            proxy.driver.send(Wire.pipeline(requests), to: client)
            let bytes = Array(all.utf8)
            proxy.proxy.says(Array(bytes[..<cut]), on: .masterWrites)
            if proxy.isAsked { proxy.confirm(confirmed) }
            proxy.proxy.says(Array(bytes[cut...]), on: .masterWrites)
            if proxy.isAsked { proxy.confirm(confirmed) }
            #expect(proxy.driver.output(of: client) == expected, "cut at \(cut)")
            #expect(proxy.core.clients[client]?.inFlight == 0)
        }
    }
}
