// Where reads go: to replicas, to the master, behind the client's own writes; and what waits for what.

import Foundation
import RESP
import TestSupport
import Testing

@testable import Proxy

@Suite struct ReadTests {
    private static let get = Wire.text("GET", "a")

    /// Reads are dealt out among the replicas; writes go to the master, and to nobody else.
    @Test func readsGoToReplicas() throws {
        let proxy = ProxyUnderTest(replicas: 2) { $0.reads.balance = .roundRobin }
        let clients = (0..<4).map { _ in proxy.driver.connect() }
        for client in clients { proxy.ask("GET", "a", by: client) }
        #expect(proxy.sent(to: .replica(0)) == Self.get + Self.get)
        #expect(proxy.sent(to: .replica(1)) == Self.get + Self.get)
        for replica in 0..<2 { proxy.says("+1\r\n+2\r\n", on: .replica(replica)) }
        for client in clients { proxy.ask("SET", "a", "1", by: client) }
        #expect(
            proxy.sent(to: .masterWrites).utf8.count == 4 * Wire.request(["SET", "a", "1"]).count)
        for link in [LinkID.masterReads, .replica(0), .replica(1)] {
            #expect(proxy.sent(to: link) == "")
        }
    }

    /// A client's pipeline of reads stays on one replica, so that its replies come in order by themselves.
    @Test func aPipelineStaysTogether() throws {
        let proxy = ProxyUnderTest(replicas: 2) { $0.reads.balance = .roundRobin }
        let client = proxy.driver.connect()
        for _ in 0..<3 { proxy.ask("GET", "a", by: client) }
        let sent = (0..<2).map { proxy.sent(to: .replica($0)) }
        #expect(sent.sorted() == ["", Self.get + Self.get + Self.get])
    }

    /// While no replica can be read the master is, or it is said that nobody can.
    @Test(arguments: [(IncludeMaster.fallback, true), (.always, true), (.never, false)])
    func withoutReplicas(includeMaster: IncludeMaster, isServed: Bool) throws {
        let proxy = ProxyUnderTest(replicas: 1, isConnected: false) {
            $0.reads.includeMaster = includeMaster
        }
        for link in [LinkID.masterReads, .masterWrites] { proxy.connect(link) }
        let client = proxy.driver.connect()
        proxy.ask("GET", "a", by: client)
        if isServed {
            #expect(proxy.sent(to: .masterReads) == Self.get)
        } else {
            #expect(
                proxy.driver.output(of: client)
                    == "-ERR no replica can be read from now, and reads.include_master is never; "
                    + "nothing was sent\r\n")
        }
        proxy.connect(.replica(0))
        let other = proxy.driver.connect()
        proxy.ask("GET", "b", by: other)
        if includeMaster != .always {
            #expect(proxy.sent(to: .replica(0)) == Wire.text("GET", "b"))
        }
    }

    /// A read behind an unanswered write of its client follows it to the master; a later one does not.
    @Test func trapA12_readsFollowTheirOwnWrites() throws {
        let proxy = ProxyUnderTest(replicas: 1)
        let client = proxy.driver.connect()
        proxy.ask("SET", "a", "1", by: client)
        proxy.ask("GET", "a", by: client)
        #expect(proxy.sent(to: .masterWrites) == Wire.text("SET", "a", "1") + Self.get)
        #expect(proxy.sent(to: .replica(0)) == "")
        proxy.says("+OK\r\n$1\r\n1\r\n", on: .masterWrites)
        #expect(proxy.driver.output(of: client) == "+OK\r\n$1\r\n1\r\n")
        proxy.ask("GET", "a", by: client)
        #expect(proxy.sent(to: .replica(0)) == Self.get)
    }

    /// A read of another client is not behind a write that the master does not take, nor behind its slow answer.
    @Test(arguments: [0, 1]) func trapC7_readsAreNotBehindWrites(replicas: Int) throws {
        let proxy = ProxyUnderTest(replicas: replicas)
        let (writer, reader) = (proxy.driver.connect(), proxy.driver.connect())
        proxy.setRoom(0, of: .masterWrites)
        proxy.ask("SET", "a", "1", by: writer)
        proxy.ask("GET", "a", by: reader)
        let link = replicas == 0 ? LinkID.masterReads : .replica(0)
        #expect(proxy.sent(to: link) == Self.get)
        proxy.says("$-1\r\n", on: link)
        #expect(proxy.driver.output(of: reader) == "$-1\r\n")
        #expect(proxy.driver.output(of: writer) == "")
    }

    /// Reads that replicas refuse as they stand go to the master in the form that replicas take: one of them may have
    /// to do it in the end.
    @Test(arguments: [
        (["SORT", "k"], ["SORT_RO", "k"]), (["GETEX", "k"], ["GET", "k"]),
        (["BITFIELD", "k", "GET", "u8", "0"], ["BITFIELD_RO", "k", "GET", "u8", "0"]),
    ])
    func readFormsAtTheMaster(words: [String], form: [String]) throws {
        let proxy = ProxyUnderTest(replicas: 1) { $0.reads.includeMaster = .always }
        proxy.core.servers[1].health.isSilent = true
        proxy.core.changed(proxy.core.servers[1])
        let client = proxy.driver.connect()
        proxy.driver.command(words, to: client)
        let text = String(decoding: Wire.request(form), as: UTF8.self)
        #expect(proxy.sent(to: .masterReads) == text)
        proxy.core.servers[1].health.isSilent = false
        proxy.core.changed(proxy.core.servers[1])
        proxy.cut(.masterReads)
        #expect(proxy.sent(to: .replica(0)) == text)
    }

    /// A request that goes out on another connection waits until everything before it is answered, and no longer.
    @Test func trapA12_nothingOvertakes() throws {
        let proxy = ProxyUnderTest(replicas: 1)
        let client = proxy.driver.connect()
        proxy.driver.send(
            Wire.pipeline([["GET", "a"], ["GET", "b"], ["SET", "a", "1"], ["GET", "c"]]),
            to: client)
        #expect(proxy.sent(to: .replica(0)) == Self.get + Wire.text("GET", "b"))
        #expect(proxy.sent(to: .masterWrites) == "")
        proxy.says("+1\r\n", on: .replica(0))
        #expect(proxy.sent(to: .masterWrites) == "")
        proxy.says("+2\r\n", on: .replica(0))
        #expect(
            proxy.sent(to: .masterWrites) == Wire.text("SET", "a", "1") + Wire.text("GET", "c"))
        proxy.says("+3\r\n+4\r\n", on: .masterWrites)
        #expect(proxy.driver.output(of: client) == "+1\r\n+2\r\n+3\r\n+4\r\n")
    }

    /// A database is a lane of its own: what comes behind a SELECT goes there, also behind an unanswered write.
    @Test func databasesAreLanes() throws {
        let proxy = ProxyUnderTest()
        let client = proxy.driver.connect()
        proxy.driver.send(
            Wire.pipeline([["SET", "a", "1"], ["SELECT", "1"], ["GET", "a"]]), to: client)
        #expect(proxy.sent(to: .masterWrites) == Wire.text("SET", "a", "1"))
        proxy.says("+OK\r\n", on: .masterWrites)
        #expect(proxy.driver.output(of: client) == "+OK\r\n+OK\r\n")
        let reads = LinkID.next(after: 0)
        proxy.connectAll()
        #expect(proxy.sent(to: reads) == Wire.text("SELECT", "1"))
        proxy.says("+OK\r\n", on: reads)
        #expect(proxy.sent(to: reads) == Self.get)
        proxy.says("$-1\r\n", on: reads)
        #expect(proxy.driver.output(of: client) == "$-1\r\n")
    }

    /// A replica that has stopped answering is left as soon as that is known: reads on their way to it are done by
    /// another server, and what it says of them later is dropped.
    @Test func readsLeaveAServerThatDoesNotAnswer() throws {
        let proxy = ProxyUnderTest(replicas: 2)
        let clients = (0..<8).map { _ in proxy.driver.connect() }
        for (number, client) in clients.enumerated() { proxy.ask("GET", "\(number)", by: client) }
        let asked = (0..<2).map { proxy.sent(to: .replica($0)) }
        let (slow, other) = asked[0].isEmpty ? (1, 0) : (0, 1)
        proxy.core.servers[1 + slow].health.isSilent = true
        proxy.core.changed(proxy.core.servers[1 + slow])
        proxy.driver.pass(.milliseconds(1))
        #expect(proxy.sent(to: .replica(other)) == asked[slow])
        let count = { (text: String) in text.components(separatedBy: "*2").count - 1 }
        proxy.says(String(repeating: "+old\r\n", count: count(asked[slow])), on: .replica(slow))
        #expect(clients.allSatisfy { proxy.driver.output(of: $0) == "" })
        proxy.says(String(repeating: "+new\r\n", count: 8), on: .replica(other))
        #expect(clients.allSatisfy { proxy.driver.output(of: $0) == "+new\r\n" })
    }

    /// Valkey's CLIENT CAPA would have replicas redirect reads: no shared connection ever says it.
    @Test func trap17_noRedirects() throws {
        let proxy = ProxyUnderTest(replicas: 1)
        let client = proxy.driver.connect()
        #expect(
            proxy.driver.ask("CLIENT", "CAPA", "redirect", on: client).hasPrefix(
                "-ERR 'CLIENT' is not served by this proxy"))
        for link in [LinkID.masterReads, .masterWrites, .replica(0)] {
            #expect(proxy.sent(to: link) == "")
        }
    }

    /// What keeps one server from answering would keep the next one: requests that can take long stay where they are,
    /// and none is moved twice for such a reason, lest one slow read stop all servers and in the end the master.
    @Test func trap30_slowReadsStayWhereTheyAre() throws {
        let proxy = ProxyUnderTest(replicas: 2)
        let slow = (0..<4).map { _ in proxy.driver.connect() }
        let quick = (0..<8).map { _ in proxy.driver.connect() }
        // One client's pipeline is one ticket, and the server may be at its end.
        proxy.driver.send(Wire.pipeline([["GET", "a"], ["KEYS", "*"]]), to: slow[0])
        for client in slow.dropFirst() { proxy.ask("KEYS", "*", by: client) }
        for client in quick { proxy.ask("GET", "b", by: client) }
        let sent = (0..<2).map { proxy.sent(to: .replica($0)) }
        let count = { (text: String) in text.split(separator: Wire.text("GET", "b")).count }
        #expect(count(sent[0]) + count(sent[1]) > 0)
        for number in 0..<2 {
            let server = proxy.core.servers[1 + number]
            server.health.isSilent = true
            proxy.core.changed(server)
            proxy.driver.pass(.milliseconds(1))
        }
        // What is quick is done elsewhere, once; what was moved for silence is not moved again.
        let moved = proxy.sent(to: .replica(1)) + proxy.sent(to: .masterReads)
        #expect(!moved.contains("KEYS"))
        #expect(moved.contains(Wire.text("GET", "b")))
        #expect(proxy.sent(to: .replica(0)) == "")
        proxy.core.checkInvariants()
    }

    /// What is kept from ordinary servers goes to none of them when the one set aside for it is busy.
    @Test func trap30_whatIsSetAsideStaysAside() throws {
        let proxy = ProxyUnderTest(replicas: 2) {
            $0.backends.replicas[0].place.tags = ["slow"]
            $0.commands = [CommandRule(name: "KEYS", route: .replica(tag: "slow"))]
        }
        let clients = (0..<3).map { _ in proxy.driver.connect() }
        for client in clients { proxy.ask("KEYS", "*", by: client) }
        let server = proxy.core.servers[1]
        server.health.isSilent = true
        proxy.core.changed(server)
        proxy.driver.pass(.milliseconds(1))
        #expect(proxy.sent(to: .replica(1)) == "")
        #expect(proxy.sent(to: .masterReads) == "")
        proxy.says(String(repeating: "*0\r\n", count: 3), on: .replica(0))
        #expect(clients.allSatisfy { proxy.driver.output(of: $0) == "*0\r\n" })
    }

    /// Which requests may be sent again, and why.
    @Test func whatMayBeMoved() {
        typealias Change = (inout MoveEvidence) -> Void
        let rows: [(Change, loss: Bool, complaint: Bool, silence: Bool, large: Bool)] = [
            ({ _ in }, true, true, true, true),
            ({ $0.kind = .write }, false, false, false, false),
            ({ $0.kind = .blocking }, false, false, false, false),
            ({ $0.isBound = true }, false, false, false, false),
            ({ $0.isPassedOn = true }, false, false, false, false),
            ({ $0.attempts = 1 }, true, true, false, false),
            ({ $0.attempts = 2 }, false, false, false, false),
            ({ $0.mayBeTheCause = true }, true, true, false, true),
            (
                {
                    $0.attempts = 9
                    $0.wasSent = false
                }, true, true, true, true
            ),
            (
                {
                    $0.kind = .write
                    $0.wasSent = false
                }, false, false, false, false
            ),
        ]
        for (number, row) in rows.enumerated() {
            var evidence = MoveEvidence()
            row.0(&evidence)
            let may = [.loss, .complaint, .silence, .largeReply].map(evidence.mayMove)
            #expect(may == [row.loss, row.complaint, row.silence, row.large], "row \(number)")
        }
    }

    /// A large reply must not hold up others: new requests get a fresh connection, reads that were behind it are asked
    /// again there, and the old one closes when it has answered what it was asked.
    @Test func largeRepliesRetireTheirConnection() throws {
        let proxy = ProxyUnderTest(replicas: 1) { $0.limits.replyPrivateAbove = 1_000 }
        let clients = (0..<3).map { _ in proxy.driver.connect() }
        proxy.ask("GET", "big", by: clients[0])
        proxy.ask("GET", "a", by: clients[1])
        proxy.says("$5000\r\n" + String(repeating: "x", count: 2_000), on: .replica(0))
        let fresh = LinkID.next(after: 1)
        proxy.connect(fresh)
        proxy.ask("GET", "c", by: clients[2])
        #expect(proxy.sent(to: fresh) == Wire.text("GET", "a") + Wire.text("GET", "c"))
        proxy.says("+a\r\n+c\r\n", on: fresh)
        #expect(proxy.driver.output(of: clients[1]) == "+a\r\n")
        #expect(proxy.driver.output(of: clients[2]) == "+c\r\n")
        proxy.says(String(repeating: "x", count: 3_000) + "\r\n", on: .replica(0))
        // Nobody waits for what it would still answer.
        #expect(proxy.isClosed(.replica(0)))
        #expect(proxy.driver.output(of: clients[0]).utf8.count == 5_000 + 9)
        #expect(proxy.driver.output(of: clients[1]) == "")
    }

    /// What a server says unasked between replies changes nothing for anybody, however the bytes are cut.
    @Test func pushesAreNobodys() throws {
        let replies = [UInt8]("+1\r\n>2\r\n$3\r\nfoo\r\n$3\r\nbar\r\n+2\r\n>1\r\n+x\r\n+3\r\n".utf8)
        for cut in 0...replies.count {
            let proxy = ProxyUnderTest(replicas: 1)
            let (first, second) = (proxy.driver.connect(), proxy.driver.connect())
            proxy.ask("GET", "a", by: first)
            proxy.ask("GET", "b", by: second)
            proxy.ask("GET", "c", by: first)
            proxy.says(Array(replies[..<cut]), on: .replica(0))
            proxy.says(Array(replies[cut...]), on: .replica(0))
            #expect(proxy.driver.output(of: first) == "+1\r\n+3\r\n", "cut at \(cut)")
            #expect(proxy.driver.output(of: second) == "+2\r\n", "cut at \(cut)")
            #expect(!proxy.isClosed(.replica(0)))
        }
    }
}
