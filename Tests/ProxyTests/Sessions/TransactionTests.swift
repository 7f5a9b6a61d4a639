// MULTI, EXEC and WATCH with servers that the test plays: what is sent, when, and what of the answers a client reads.

import RESP
import TestSupport
import Testing

@testable import Proxy

@Suite struct TransactionTests {
    static let block =
        Wire.text("MULTI") + Wire.text("SET", "a", "1") + Wire.text("GET", "a") + Wire.text("EXEC")

    /// MULTI begins; nothing is sent.
    private func begin(_ proxy: ProxyUnderTest, _ queued: [[String]] = []) -> ConnectionID {
        let client = proxy.driver.connect()
        #expect(proxy.driver.ask("MULTI", on: client) == "+OK\r\n")
        for words in queued {
            proxy.driver.command(words, to: client)
            #expect(proxy.driver.output(of: client) == "+QUEUED\r\n")
        }
        return client
    }

    /// A transaction leaves as one block, and only EXEC's answer is passed on.
    @Test func oneBlock() {
        let proxy = ProxyUnderTest()
        let client = begin(proxy, [["SET", "a", "1"], ["GET", "a"]])
        #expect(proxy.sent(to: .masterWrites) == "")
        proxy.driver.command(["EXEC"], to: client)
        #expect(proxy.sent(to: .masterWrites) == TransactionTests.block)
        for piece in ["+OK\r", "\n+QUEUED\r\n+QUE", "UED\r\n*2\r\n+OK\r\n", "$1\r\n1\r\n"] {
            proxy.says(piece, on: .masterWrites)
        }
        #expect(proxy.driver.output(of: client) == "*2\r\n+OK\r\n$1\r\n1\r\n")
        proxy.core.checkInvariants()
    }

    /// Requests of others that arrive between MULTI and EXEC stand before the block or behind it, never in it.
    @Test func othersStayOutside() {
        let proxy = ProxyUnderTest()
        let (client, other) = (begin(proxy, [["SET", "a", "1"]]), proxy.driver.connect())
        proxy.driver.command(["INCR", "x"], to: other)
        proxy.driver.command(["GET", "a"], to: client)
        proxy.driver.command(["EXEC"], to: client)
        proxy.driver.command(["INCR", "y"], to: other)
        let incr = Wire.text("INCR", "x")
        #expect(
            proxy.sent(to: .masterWrites) == incr + TransactionTests.block + Wire.text("INCR", "y"))
        proxy.says(":1\r\n+OK\r\n+QUEUED\r\n+QUEUED\r\n*0\r\n:2\r\n", on: .masterWrites)
        #expect(proxy.driver.output(of: other) == ":1\r\n:2\r\n")
    }

    /// A block of reads goes to a replica, and to another one when that dies.
    @Test func trapE3_readsAreRepeated() {
        let proxy = ProxyUnderTest(replicas: 2)
        let client = begin(proxy, [["GET", "a"], ["GET", "b"]])
        proxy.driver.command(["EXEC"], to: client)
        let block =
            Wire.text("MULTI") + Wire.text("GET", "a") + Wire.text("GET", "b") + Wire.text("EXEC")
        let first = [LinkID.replica(0), .replica(1)].first { proxy.sent(to: $0) == block }
        guard let first else {
            Issue.record("no replica was asked")
            return
        }
        proxy.says("+OK\r\n+QUEUED\r\n", on: first)
        proxy.cut(first)
        let second = first == .replica(0) ? LinkID.replica(1) : .replica(0)
        #expect(proxy.sent(to: second) == block)
        proxy.says("+OK\r\n+QUEUED\r\n+QUEUED\r\n*2\r\n$1\r\n1\r\n$-1\r\n", on: second)
        #expect(proxy.driver.output(of: client) == "*2\r\n$1\r\n1\r\n$-1\r\n")
    }

    /// A replica that reads its data in refuses what is queued: the block is done elsewhere, as a read would be.
    @Test func replicaThatLoads() {
        let proxy = ProxyUnderTest(replicas: 1)
        let client = begin(proxy, [["GET", "a"]])
        proxy.driver.command(["EXEC"], to: client)
        let block = Wire.text("MULTI") + Wire.text("GET", "a") + Wire.text("EXEC")
        #expect(proxy.sent(to: .replica(0)) == block)
        proxy.says("+OK\r\n-LOADING Redis is loading", on: .replica(0))
        proxy.says(" the dataset in memory\r\n-EXECABORT previous errors.\r\n", on: .replica(0))
        #expect(proxy.driver.output(of: client) == "")
        #expect(proxy.sent(to: .masterReads) == block)
        proxy.says("+OK\r\n+QUEUED\r\n*1\r\n$1\r\n1\r\n", on: .masterReads)
        #expect(proxy.driver.output(of: client) == "*1\r\n$1\r\n1\r\n")
        proxy.core.checkInvariants()
    }

    /// The client reads why the server refused a command, since it never read that command's own answer.
    @Test func reasonOfARefusal() {
        let proxy = ProxyUnderTest()
        let client = begin(proxy, [["SET", "a", "1"], ["SET", "b", "1"]])
        proxy.driver.command(["EXEC"], to: client)
        proxy.says(
            "+OK\r\n-OOM command not allowed\r\n-OOM again\r\n-EXECABORT Transaction discarded "
                + "because of previous errors.\r\n", on: .masterWrites)
        #expect(
            proxy.driver.output(of: client)
                == "-EXECABORT Transaction discarded because of: OOM command not allowed\r\n")
        proxy.driver.command(["SET", "a", "1"], to: client)
        proxy.says("+OK\r\n", on: .masterWrites)
        #expect(proxy.driver.output(of: client) == "+OK\r\n")
    }

    /// A user who may not use MULTI is told that what followed was no transaction.
    @Test func serverThatRefusesMulti() {
        let proxy = ProxyUnderTest()
        let client = begin(proxy, [["SET", "a", "1"]])
        proxy.driver.command(["EXEC"], to: client)
        proxy.says("-NOPERM multi\r\n+OK\r\n-ERR EXEC without MULTI\r\n", on: .masterWrites)
        #expect(
            proxy.driver.output(of: client)
                == "-ERR the server refused MULTI, and what followed ran by itself: NOPERM multi\r\n"
        )
    }

    /// What a client is told when the master dies, by how much of the block had left.
    @Test(arguments: [0, 20, 1000])
    func masterDies(taken: Int) {
        let proxy = ProxyUnderTest()
        let client = begin(proxy, [["SET", "a", "1"], ["GET", "a"]])
        proxy.setRoom(taken, of: .masterWrites)
        proxy.driver.command(["EXEC"], to: client)
        proxy.cut(.masterWrites)
        let reply = proxy.driver.output(of: client)
        switch taken {
        case 0:
            #expect(reply.hasPrefix("-ERR cannot reach the master"))
            #expect(reply.hasSuffix("; nothing was sent\r\n"))
        case 20: #expect(reply.hasPrefix("-EXECABORT Transaction discarded, nothing of it ran: "))
        default: #expect(reply.hasPrefix("-ERR the transaction may have run: "))
        }
        #expect(proxy.driver.closed.contains(client) == (taken > 0))
    }

    // MARK: WATCH

    /// The connection that watched serves the next client only after EXEC, and clean.
    @Test func watchedConnectionIsGivenBack() {
        let proxy = ProxyUnderTest()
        let client = proxy.driver.connect()
        let own = LinkID.next(after: 0)
        proxy.driver.command(["WATCH", "k"], to: client)
        proxy.connect(own)
        proxy.says("+OK\r\n", on: own)
        _ = proxy.sent(to: own)
        proxy.driver.send(Wire.pipeline([["MULTI"], ["SET", "k", "1"], ["EXEC"]]), to: client)
        #expect(
            proxy.sent(to: own) == Wire.text("MULTI") + Wire.text("SET", "k", "1")
                + Wire.text("EXEC"))
        proxy.says("+OK\r\n+QUEUED\r\n*-1\r\n", on: own)
        #expect(proxy.driver.output(of: client) == "+OK\r\n+OK\r\n+QUEUED\r\n*-1\r\n")
        let other = proxy.driver.connect()
        proxy.driver.command(["BLPOP", "l", "0"], to: other)
        #expect(proxy.sent(to: own) == Wire.text("BLPOP", "l", "0"))
    }

    /// What is watched ends with EXEC in any form, so that nobody else inherits it.
    @Test(arguments: [["EXEC", "x"], ["UNWATCH"], ["MULTI", "DISCARD"]])
    func watchingEnds(by words: [String]) {
        let proxy = ProxyUnderTest()
        let client = proxy.driver.connect()
        let own = LinkID.next(after: 0)
        proxy.driver.command(["WATCH", "k"], to: client)
        proxy.connect(own)
        proxy.says("+OK\r\n", on: own)
        _ = proxy.sent(to: own)
        for command in words == ["EXEC", "x"] ? [words] : words.map({ [$0] }) {
            proxy.driver.command(command, to: client)
        }
        #expect(proxy.sent(to: own) == Wire.text("UNWATCH"))
        proxy.says("+OK\r\n", on: own)
        proxy.core.checkInvariants()
        #expect(proxy.core.clients[client]?.extras?.pin == nil)
    }

    /// WAIT between WATCH and EXEC is asked on the connection that watches, which stays.
    @Test func waitWhileWatching() {
        let proxy = ProxyUnderTest()
        let client = proxy.driver.connect()
        let own = LinkID.next(after: 0)
        proxy.driver.command(["WATCH", "k"], to: client)
        proxy.connect(own)
        proxy.says("+OK\r\n", on: own)
        _ = proxy.sent(to: own)
        proxy.driver.command(["WAIT", "0", "0"], to: client)
        #expect(proxy.sent(to: own) == Wire.text("PING") + Wire.text("WAIT", "0", "0"))
        proxy.says("+PONG\r\n:0\r\n", on: own)
        #expect(proxy.driver.output(of: client) == "+OK\r\n:0\r\n")
        proxy.driver.send(Wire.pipeline([["MULTI"], ["PING"], ["EXEC"]]), to: client)
        #expect(proxy.sent(to: own) == Wire.text("MULTI") + Wire.text("PING") + Wire.text("EXEC"))
    }

    /// The connection that watched is lost: EXEC fails, and the next transaction is as any other.
    @Test(arguments: [nil, ["CLIENT", "TRACKING", "ON"]])
    func watchIsLost(tracking: [String]?) {
        let proxy = ProxyUnderTest()
        let client = proxy.driver.connect()
        let own = LinkID.next(after: 0)
        if let tracking {
            _ = proxy.driver.ask("HELLO", "3", on: client)
            proxy.driver.command(tracking, to: client)
            proxy.connectAll()
            proxy.says("%7\r\n" + String(repeating: "+x\r\n", count: 14) + "+OK\r\n", on: own)
        }
        proxy.driver.command(["WATCH", "k"], to: client)
        proxy.connectAll()
        proxy.says("+OK\r\n", on: own)
        proxy.cut(own)
        _ = proxy.driver.output(of: client)
        proxy.driver.send(Wire.pipeline([["MULTI"], ["SET", "k", "1"], ["EXEC"]]), to: client)
        #expect(
            proxy.driver.output(of: client)
                == "+OK\r\n+QUEUED\r\n-EXECABORT Transaction discarded because the connection that "
                + "watched its keys was lost.\r\n")
        proxy.core.checkInvariants()
    }

    // MARK: Too large to be kept

    private func small(_ replicas: Int = 0) -> ProxyUnderTest {
        ProxyUnderTest(replicas: replicas) {
            $0.limits.transactionBytes = 100
            $0.limits.privateAbove = 1000
        }
    }

    private static let long = String(repeating: "x", count: 100)

    /// A transaction above its limit leaves on a connection of its own as it comes, and EXEC ends it there.
    @Test func largeTransaction() {
        let proxy = small()
        let client = begin(proxy, [["SET", "a", "1"], ["SET", "b", TransactionTests.long]])
        let own = LinkID.next(after: 0)
        proxy.connect(own)
        #expect(
            proxy.sent(to: own) == Wire.text("MULTI") + Wire.text("SET", "a", "1")
                + Wire.text("SET", "b", TransactionTests.long))
        proxy.driver.command(["EXEC"], to: client)
        proxy.says("+OK\r\n+QUEUED\r\n+QUEUED\r\n*2\r\n+OK\r\n+OK\r\n", on: own)
        #expect(proxy.driver.output(of: client) == "*2\r\n+OK\r\n+OK\r\n")
        #expect(proxy.core.clients[client]?.extras?.pin == nil)
        proxy.core.checkInvariants()
    }

    /// Its connection is lost half-way: nothing that is queued later runs outside the transaction.
    @Test func largeTransactionLosesItsConnection() {
        let proxy = small()
        let client = begin(proxy, [["SET", "a", "1"], ["SET", "b", TransactionTests.long]])
        let own = LinkID.next(after: 0)
        proxy.connect(own)
        proxy.cut(own)
        for _ in 0..<3 {
            #expect(
                proxy.driver.ask("SET", "c", TransactionTests.long, on: client) == "+QUEUED\r\n")
        }
        #expect(proxy.wishedLinks == [])
        #expect(
            proxy.driver.ask("EXEC", on: client)
                == "-EXECABORT Transaction discarded because the connection that it was on was "
                + "lost.\r\n")
        #expect(proxy.sent(to: .masterWrites) == "")
        proxy.core.checkInvariants()
    }

    /// There is no connection for it: one clear error, and EXEC fails.
    @Test func noConnectionForALargeTransaction() {
        let proxy = ProxyUnderTest {
            $0.limits.transactionBytes = 100
            $0.limits.privateConnections = 0
        }
        let client = begin(proxy)
        let reply = proxy.driver.ask("SET", "a", TransactionTests.long, on: client)
        #expect(reply.hasPrefix("-ERR too many connections of their own"))
        #expect(reply.split(separator: "\r\n").count == 1)
        #expect(proxy.driver.ask("SET", "a", "1", on: client) == "+QUEUED\r\n")
        #expect(proxy.driver.ask("EXEC", on: client).hasPrefix("-EXECABORT "))
    }

    /// DISCARD of one transaction and a large one behind it: the first must be answered before the second leaves, or
    /// its connection would be given away in the middle.
    @Test func largeTransactionBehindDiscard() {
        let proxy = small()
        let client = begin(proxy, [["SET", "b", TransactionTests.long]])
        let own = LinkID.next(after: 0)
        proxy.connect(own)
        _ = proxy.sent(to: own)
        proxy.driver.send(
            Wire.pipeline([["DISCARD"], ["MULTI"], ["SET", "c", TransactionTests.long]]), to: client
        )
        #expect(proxy.sent(to: own) == Wire.text("DISCARD"))
        proxy.says("+OK\r\n+QUEUED\r\n+OK\r\n", on: own)
        #expect(proxy.driver.output(of: client) == "+OK\r\n+OK\r\n+QUEUED\r\n")
        #expect(
            proxy.sent(to: own) == Wire.text("MULTI") + Wire.text("SET", "c", TransactionTests.long)
        )
        proxy.says("+OK\r\n+QUEUED\r\n", on: own)
        #expect(proxy.core.clients[client]?.extras?.pin != nil)
        proxy.core.checkInvariants()
    }

    /// A server that takes nothing holds the client back: what is queued does not pile up.
    @Test func largeTransactionIsHeldBack() {
        let proxy = ProxyUnderTest {
            $0.limits.transactionBytes = 100
            $0.limits.clientOutput = 10_000
        }
        let client = begin(proxy, [["SET", "b", TransactionTests.long]])
        let own = LinkID.next(after: 0)
        proxy.connect(own)
        proxy.setRoom(0, of: own)
        for _ in 0..<200 where !proxy.isHeldBack(client) {
            proxy.driver.command(["SET", "b", TransactionTests.long], to: client)
        }
        #expect(proxy.isHeldBack(client))
        proxy.core.checkInvariants()
        proxy.setRoom(nil, of: own)
        #expect(!proxy.isHeldBack(client))
    }
}
