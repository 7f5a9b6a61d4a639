// Requests and replies too large to be kept: they pass in pieces, nobody else waits behind them, and whoever dies in
// the middle of one ends that one alone. The limits are small here, so that a kilobyte is huge.

import RESP
import TestSupport
import Testing

@testable import Proxy

@Suite struct HugeTests {
    private static let get = Wire.text("GET", "a")
    private static let value = String(repeating: "x", count: 2_000)
    /// What a reader that takes nothing may cost, and what a single read hands over at most.
    private static let output = 1_000

    private static func proxy(
        replicas: Int = 0, configure: (inout ProxyConfiguration) -> Void = { _ in }
    ) -> ProxyUnderTest {
        ProxyUnderTest(replicas: replicas) {
            $0.limits.privateAbove = 1_000
            $0.limits.replyPrivateAbove = 1_000
            $0.limits.clientOutput = output
            configure(&$0)
        }
    }

    /// The head of a reply that is announced to be huge, with a bit of it.
    private static let beginning = "$2000\r\nxxx"
    private static let rest = String(repeating: "x", count: 1_997) + "\r\n"

    // MARK: Replies

    /// Reads that wait behind a huge reply are asked again on the fresh connection, and new ones go there too; the
    /// old connection closes when the huge reply has been passed on, although it owes answers that nobody wants.
    @Test func trapC6_nobodyWaitsBehindAHugeReply() throws {
        let proxy = HugeTests.proxy()
        let clients = (0..<4).map { _ in proxy.driver.connect() }
        proxy.driver.command(["GET", "huge"], to: clients[0])
        for client in clients[1...2] { proxy.driver.command(["GET", "a"], to: client) }
        proxy.driver.command(["GET", "b"], to: clients[2])
        _ = proxy.sent(to: .masterReads)
        proxy.says(HugeTests.beginning, on: .masterReads)
        let fresh = LinkID.next(after: 0)
        proxy.connect(fresh)
        proxy.driver.command(["GET", "a"], to: clients[3])
        #expect(
            proxy.sent(to: fresh) == HugeTests.get + HugeTests.get + Wire.text("GET", "b")
                + HugeTests.get)
        proxy.core.checkInvariants()
        proxy.says("$1\r\n1\r\n$1\r\n2\r\n$1\r\n3\r\n$1\r\n4\r\n", on: fresh)
        #expect(proxy.driver.output(of: clients[1]) == "$1\r\n1\r\n")
        #expect(proxy.driver.output(of: clients[2]) == "$1\r\n2\r\n$1\r\n3\r\n")
        #expect(proxy.driver.output(of: clients[3]) == "$1\r\n4\r\n")
        #expect(!proxy.isClosed(.masterReads))
        proxy.says(HugeTests.rest, on: .masterReads)
        #expect(proxy.isClosed(.masterReads))
        #expect(proxy.driver.output(of: clients[0]) == Wire.bulk(HugeTests.value))
        proxy.core.checkInvariants()
    }

    /// A client's own requests behind its huge reply stay where they are: its replies come in order.
    @Test func itsOwnRequestsStay() throws {
        let proxy = HugeTests.proxy()
        let client = proxy.driver.connect()
        for key in ["huge", "a"] { proxy.driver.command(["GET", key], to: client) }
        proxy.says(HugeTests.beginning, on: .masterReads)
        proxy.connect(.next(after: 0))
        #expect(proxy.sent(to: .next(after: 0)) == "")
        proxy.says(HugeTests.rest + "$1\r\n1\r\n", on: .masterReads)
        #expect(proxy.driver.output(of: client) == Wire.bulk(HugeTests.value) + "$1\r\n1\r\n")
        #expect(proxy.isClosed(.masterReads))
    }

    /// A write that was sent is never sent again, whatever stands before it: its reply is waited for.
    @Test func writesStay() throws {
        let proxy = HugeTests.proxy()
        let (one, two) = (proxy.driver.connect(), proxy.driver.connect())
        proxy.driver.command(["GETSET", "huge", "b"], to: one)
        proxy.driver.command(["INCR", "a"], to: two)
        proxy.says(HugeTests.beginning, on: .masterWrites)
        proxy.connect(.next(after: 0))
        #expect(proxy.sent(to: .next(after: 0)) == "")
        proxy.driver.cut(one)
        #expect(!proxy.isClosed(.masterWrites))
        proxy.says(HugeTests.rest + ":1\r\n", on: .masterWrites)
        #expect(proxy.driver.output(of: two) == ":1\r\n")
        #expect(proxy.isClosed(.masterWrites))
    }

    /// Several clients fetch huge values at once: each gets its own, whole. The server is asked for each twice at most,
    /// since it makes the whole reply each time.
    @Test func severalAtOnce() throws {
        let proxy = HugeTests.proxy()
        let clients = (0..<3).map { _ in proxy.driver.connect() }
        for client in clients { proxy.driver.command(["GET", "a"], to: client) }
        proxy.says(HugeTests.beginning, on: .masterReads)
        let second = proxy.wishedLinks[0]
        proxy.connect(second)
        proxy.says(HugeTests.rest, on: .masterReads)
        #expect(proxy.isClosed(.masterReads))
        #expect(proxy.sent(to: second) == HugeTests.get + HugeTests.get)
        proxy.says(HugeTests.beginning, on: second)
        let third = proxy.wishedLinks[0]
        proxy.connect(third)
        proxy.says(HugeTests.rest + HugeTests.beginning, on: second)
        #expect(proxy.sent(to: third) == "")
        #expect(!proxy.isClosed(second))
        proxy.says(HugeTests.rest, on: second)
        #expect(proxy.isClosed(second))
        for client in clients {
            #expect(proxy.driver.output(of: client) == Wire.bulk(HugeTests.value))
        }
        proxy.core.checkInvariants()
    }

    /// A huge EXEC, whose reply is not passed on as it comes, makes way for others as well.
    @Test func hugeExec() throws {
        let proxy = HugeTests.proxy()
        let (one, two) = (proxy.driver.connect(), proxy.driver.connect())
        for words in [["MULTI"], ["GET", "huge"], ["EXEC"]] { proxy.driver.command(words, to: one) }
        proxy.driver.command(["GET", "a"], to: two)
        proxy.says("+OK\r\n+QUEUED\r\n*1\r\n" + HugeTests.beginning, on: .masterReads)
        proxy.connect(.next(after: 0))
        #expect(proxy.sent(to: .next(after: 0)) == HugeTests.get)
        proxy.says(HugeTests.rest, on: .masterReads)
        #expect(proxy.isClosed(.masterReads))
        #expect(
            proxy.driver.output(of: one)
                == "+OK\r\n+QUEUED\r\n*1\r\n" + Wire.bulk(HugeTests.value))
    }

    /// Who reads a huge reply slowly may do so for as long as it likes: the server is not read from meanwhile, nobody
    /// waits behind, and the pause is not taken for the server's silence.
    @Test func trapC6_slowReader() throws {
        let proxy = HugeTests.proxy { $0.limits.clientOutput = 100 }
        let (slow, other) = (proxy.driver.connect(), proxy.driver.connect())
        proxy.driver.room[slow] = 0
        proxy.driver.command(["GET", "huge"], to: slow)
        proxy.driver.command(["GET", "a"], to: other)
        proxy.says("$2000\r\n" + String(repeating: "x", count: 1_000), on: .masterReads)
        #expect(proxy.isPaused(.masterReads))
        let fresh = LinkID.next(after: 0)
        proxy.connect(fresh)
        proxy.says("$1\r\n1\r\n", on: fresh)
        #expect(proxy.driver.output(of: other) == "$1\r\n1\r\n")
        for _ in 0..<30 { proxy.driver.pass(.seconds(1)) }
        #expect(!proxy.driver.closed.contains(slow))
        proxy.driver.room[slow] = nil
        proxy.driver.drain(slow)
        #expect(!proxy.isPaused(.masterReads))
        proxy.driver.pass(.seconds(2))
        #expect(!proxy.isClosed(.masterReads))
        proxy.says(String(repeating: "x", count: 1_000) + "\r\n", on: .masterReads)
        #expect(proxy.driver.output(of: slow) == Wire.bulk(HugeTests.value))
    }

    /// A client that goes in the middle of a huge reply: the rest is not even read.
    @Test func readerThatDies() throws {
        let proxy = HugeTests.proxy()
        let (one, two) = (proxy.driver.connect(), proxy.driver.connect())
        proxy.driver.command(["GET", "huge"], to: one)
        proxy.driver.command(["GET", "a"], to: two)
        proxy.says(HugeTests.beginning, on: .masterReads)
        proxy.driver.cut(one)
        #expect(proxy.isClosed(.masterReads))
        proxy.connect(.next(after: 0))
        proxy.says("$1\r\n1\r\n", on: .next(after: 0))
        #expect(proxy.driver.output(of: two) == "$1\r\n1\r\n")
        proxy.core.checkInvariants()
    }

    /// A server that goes in the middle of one: its client is closed, as half a reply cannot be mended. Those whose
    /// reads were moved do not notice.
    @Test func serverThatDiesInAReply() throws {
        let proxy = HugeTests.proxy()
        let (one, two) = (proxy.driver.connect(), proxy.driver.connect())
        proxy.driver.command(["GET", "huge"], to: one)
        proxy.driver.command(["GET", "a"], to: two)
        proxy.says(HugeTests.beginning, on: .masterReads)
        proxy.connect(.next(after: 0))
        proxy.cut(.masterReads)
        #expect(proxy.driver.closed == [one, proxy.id(of: .masterReads)])
        proxy.says("$1\r\n1\r\n", on: .next(after: 0))
        #expect(proxy.driver.output(of: two) == "$1\r\n1\r\n")
        #expect(proxy.wishedLinks.isEmpty)
        proxy.core.checkInvariants()
    }

    // MARK: Requests

    private static let head = "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$2000\r\n"
    private static let set = head + value + "\r\n"

    /// A huge request goes over a connection of its own as it comes; that is kept for the next when it is answered.
    @Test func trapC6_slowUploader() throws {
        let proxy = HugeTests.proxy()
        let (one, two) = (proxy.driver.connect(), proxy.driver.connect())
        let own = LinkID.next(after: 0)
        proxy.driver.send(HugeTests.head, to: one)
        proxy.connect(own)
        var sent = proxy.sent(to: own)
        for _ in 0..<20 {
            proxy.driver.send(String(repeating: "x", count: 100), to: one)
            proxy.driver.pass(.seconds(1))
            #expect(proxy.core.bytesHeld < 20_000)
            sent += proxy.sent(to: own)
        }
        proxy.driver.command(["SET", "a", "1"], to: two)
        #expect(proxy.sent(to: .masterWrites) == Wire.text("SET", "a", "1"))
        proxy.driver.send("\r\n", to: one)
        #expect(sent + proxy.sent(to: own) == HugeTests.set)
        proxy.says("+OK\r\n", on: own)
        #expect(proxy.driver.output(of: one) == "+OK\r\n")
        proxy.driver.send(HugeTests.head + "x", to: two)
        #expect(proxy.isHeldBack(two))
        proxy.says("+OK\r\n", on: .masterWrites)
        #expect(!proxy.isHeldBack(two))
        proxy.driver.send(String(HugeTests.value.dropFirst()) + "\r\n", to: two)
        #expect(proxy.sent(to: own) == HugeTests.set)
        #expect(proxy.wishedLinks.isEmpty)
        proxy.core.checkInvariants()
    }

    /// A server that takes nothing stops the client that sends to it.
    @Test func uploadToASlowServer() throws {
        let proxy = HugeTests.proxy { $0.limits.clientOutput = 100 }
        let client = proxy.driver.connect()
        proxy.driver.send(HugeTests.head, to: client)
        let own = LinkID.next(after: 0)
        proxy.connect(own)
        proxy.setRoom(0, of: own)
        for _ in 0..<4 { proxy.driver.send(String(repeating: "x", count: 500), to: client) }
        #expect(proxy.driver.paused.contains(client))
        proxy.setRoom(nil, of: own)
        #expect(!proxy.driver.paused.contains(client))
        proxy.driver.send("\r\n", to: client)
        #expect(proxy.sent(to: own).hasSuffix(HugeTests.value + "\r\n"))
    }

    /// A server that takes nothing for too long: half of the request is there and will never run, but its client cannot
    /// know how much of it was taken.
    @Test func uploadToAServerThatHangs() throws {
        let proxy = HugeTests.proxy {
            $0.limits.clientOutput = 100
            $0.timeouts.request = .seconds(1)
        }
        let client = proxy.driver.connect()
        proxy.driver.send(HugeTests.head, to: client)
        let own = LinkID.next(after: 0)
        proxy.connect(own)
        proxy.setRoom(0, of: own)
        for _ in 0..<3 { proxy.driver.send(String(repeating: "x", count: 500), to: client) }
        for _ in 0..<8 { proxy.driver.pass(.milliseconds(100)) }
        #expect(!proxy.isClosed(own))
        for _ in 0..<4 { proxy.driver.pass(.milliseconds(100)) }
        #expect(proxy.isClosed(own))
        #expect(proxy.driver.closed.contains(client))
        proxy.core.checkInvariants()
    }

    /// The same inside MULTI, where what was queued has not run: the transaction fails, and its client goes on.
    @Test func hugeRequestInATransactionThatHangs() throws {
        let proxy = HugeTests.proxy {
            $0.limits.clientOutput = 100
            $0.limits.transactionBytes = 100
            $0.limits.backendOutput = 100
            $0.timeouts.request = .seconds(1)
        }
        let client = proxy.driver.connect()
        proxy.driver.command(["MULTI"], to: client)
        let own = LinkID.next(after: 0)
        proxy.driver.command(["SET", "a", String(repeating: "x", count: 200)], to: client)
        proxy.connect(own)
        proxy.setRoom(0, of: own)
        proxy.driver.command(["SET", "b", String(repeating: "x", count: 200)], to: client)
        proxy.driver.send(HugeTests.set, to: client)
        for _ in 0..<13 { proxy.driver.pass(.milliseconds(100)) }
        let answer = proxy.driver.output(of: client)
        #expect(answer.hasPrefix("+OK\r\n+QUEUED\r\n+QUEUED\r\n-TIMEOUT master"), "\(answer)")
        #expect(proxy.driver.ask("EXEC", on: client).hasPrefix("-EXECABORT "))
        proxy.core.checkInvariants()
    }

    /// Who dies in the middle of a huge request takes that connection along, and the server forgets the request.
    @Test(arguments: [true, false])
    func uploaderThatDies(ends: Bool) throws {
        let proxy = HugeTests.proxy()
        let client = proxy.driver.connect()
        proxy.driver.send(HugeTests.head + "xxx", to: client)
        let own = LinkID.next(after: 0)
        proxy.connect(own)
        if ends { proxy.driver.end(client) } else { proxy.driver.cut(client) }
        #expect(proxy.isClosed(own))
        #expect(proxy.driver.closed.contains(client))
        proxy.core.checkInvariants()
    }

    /// A server that dies in the middle of a huge request: its client is closed, since the request may have come whole
    /// for all that it can know.
    @Test func serverThatDiesInAnUpload() throws {
        let proxy = HugeTests.proxy()
        let client = proxy.driver.connect()
        proxy.driver.send(HugeTests.head + "xxx", to: client)
        proxy.connect(.next(after: 0))
        proxy.cut(.next(after: 0))
        #expect(proxy.driver.closed.contains(client))
        #expect(proxy.driver.output(of: client) == "")
        proxy.core.checkInvariants()
    }

    /// A server that cannot be reached: the request is answered, read to its end and forgotten.
    @Test func uploadToNobody() throws {
        let proxy = HugeTests.proxy()
        let client = proxy.driver.connect()
        proxy.driver.send(HugeTests.head + "xxx", to: client)
        proxy.refuse(.next(after: 0), "no")
        proxy.driver.send(String(repeating: "x", count: 1_997) + "\r\n", to: client)
        #expect(
            proxy.driver.ask("ECHO", "a", on: client)
                == "-ERR cannot reach the master at 127.0.0.1:6379: no; nothing was sent\r\n")
        proxy.core.checkInvariants()
    }

    /// In MULTI a huge request is queued like any other.
    @Test func uploadInATransaction() throws {
        let proxy = HugeTests.proxy { $0.limits.transactionBytes = 10_000 }
        let client = proxy.driver.connect()
        proxy.driver.send("*1\r\n$5\r\nMULTI\r\n" + HugeTests.set, to: client)
        #expect(proxy.driver.output(of: client) == "+OK\r\n+QUEUED\r\n")
        #expect(proxy.wishedLinks.isEmpty)
        proxy.driver.command(["EXEC"], to: client)
        #expect(
            proxy.sent(to: .masterWrites) == Wire.text("MULTI") + HugeTests.set + Wire.text("EXEC"))
    }

    /// Where keys are watched a huge request goes over the connection that watches them.
    @Test func uploadWhileWatching() throws {
        let proxy = HugeTests.proxy()
        let client = proxy.driver.connect()
        proxy.driver.command(["WATCH", "k"], to: client)
        let own = LinkID.next(after: 0)
        proxy.connect(own)
        proxy.says("+OK\r\n", on: own)
        proxy.driver.send(HugeTests.set, to: client)
        #expect(proxy.sent(to: own) == Wire.text("WATCH", "k") + HugeTests.set)
        #expect(proxy.wishedLinks.isEmpty)
        proxy.says("+OK\r\n", on: own)
        proxy.driver.command(["UNWATCH"], to: client)
        #expect(proxy.sent(to: own) == Wire.text("UNWATCH"))
        proxy.core.checkInvariants()
    }

    /// Nothing huge of a client that has not said who it is reaches a server.
    @Test func uploadOfAStranger() throws {
        let proxy = HugeTests.proxy { $0.authentication = .users }
        let client = proxy.driver.connect()
        proxy.driver.send(HugeTests.set, to: client)
        #expect(proxy.driver.output(of: client) == "-NOAUTH Authentication required.\r\n")
        #expect(proxy.wishedLinks.isEmpty)
    }
}
