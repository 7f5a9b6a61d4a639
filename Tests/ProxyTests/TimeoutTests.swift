// Requests that take too long, requests that may take as long as they like, and connections of a client's own.

import RESP
import TestSupport
import Testing

@testable import Proxy

@Suite struct TimeoutTests {
    private static func proxy(replicas: Int = 0) -> ProxyUnderTest {
        ProxyUnderTest(replicas: replicas) { $0.timeouts.request = .seconds(1) }
    }

    /// The time of one request passes, in steps, as a driver that is asked to would let it.
    private static func wait(_ proxy: ProxyUnderTest, _ duration: Duration = .seconds(2)) {
        for _ in 0..<10 { proxy.driver.pass(duration / 10) }
        proxy.core.checkInvariants()
    }

    /// A late request is answered so, its late reply is nobody's, and the connection goes on for the others.
    @Test func lateRequests() throws {
        let proxy = Self.proxy(replicas: 1)
        let (late, other) = (proxy.driver.connect(), proxy.driver.connect())
        proxy.ask("GET", "a", by: late)
        Self.wait(proxy)
        #expect(
            proxy.driver.output(of: late)
                == "-TIMEOUT replica replica0:6379 did not answer within 1 s\r\n")
        proxy.ask("GET", "b", by: other)
        proxy.ask("GET", "c", by: late)
        proxy.says("+a\r\n+b\r\n+c\r\n", on: .replica(0))
        #expect(proxy.driver.output(of: other) == "+b\r\n")
        #expect(proxy.driver.output(of: late) == "+c\r\n")
        #expect(!proxy.isClosed(.replica(0)))
    }

    /// Of a write it is said that it may have run. It is not sent again.
    @Test func lateWrites() throws {
        let proxy = Self.proxy()
        let client = proxy.driver.connect()
        proxy.ask("SET", "a", "1", by: client)
        #expect(proxy.sent(to: .masterWrites) == Wire.text("SET", "a", "1"))
        Self.wait(proxy)
        #expect(
            proxy.driver.output(of: client)
                == "-TIMEOUT master 127.0.0.1:6379 did not answer within 1 s; the command may have "
                + "run, or may still do so\r\n")
        #expect(proxy.sent(to: .masterWrites) == "")
        // It is not unanswered any more: what the client asks next goes its own way.
        proxy.ask("GET", "a", by: client)
        #expect(proxy.sent(to: .masterReads) == Wire.text("GET", "a"))
    }

    /// A pipeline times out as a whole, in order, with replies of the proxy's own in their places.
    @Test func latePipelines() throws {
        let proxy = Self.proxy()
        let client = proxy.driver.connect()
        proxy.driver.send(
            Wire.pipeline([["GET", "a"], ["CLIENT", "GETNAME"], ["GET", "b"]]), to: client)
        proxy.says("+a\r\n", on: .masterReads)
        Self.wait(proxy)
        let error = "-TIMEOUT master 127.0.0.1:6379 did not answer within 1 s\r\n"
        #expect(proxy.driver.output(of: client) == "+a\r\n$-1\r\n" + error)
    }

    /// Nothing is put into the middle of a reply: what its client asked behind it waits with it.
    @Test func halfAReply() throws {
        let proxy = Self.proxy()
        let (client, other) = (proxy.driver.connect(), proxy.driver.connect())
        proxy.ask("GET", "a", by: client)
        proxy.driver.pass(.milliseconds(10))
        proxy.ask("GET", "b", by: client)
        proxy.ask("GET", "c", by: other)
        proxy.says("$10\r\n1234", on: .masterReads)
        for piece in ["5", "6", "7", "890\r\n"] {
            proxy.driver.pass(.milliseconds(900))
            proxy.says(piece, on: .masterReads)
        }
        proxy.says("+b\r\n+c\r\n", on: .masterReads)
        #expect(proxy.driver.output(of: client) == "$10\r\n1234567890\r\n+b\r\n")
        #expect(proxy.driver.output(of: other).hasPrefix("-TIMEOUT "))
    }

    /// A server that falls silent in the middle of a reply is given up; who had half of it is closed.
    @Test func silenceInAReply() throws {
        let proxy = Self.proxy()
        let client = proxy.driver.connect()
        proxy.ask("GET", "a", by: client)
        proxy.says("$10\r\n123", on: .masterReads)
        Self.wait(proxy)
        #expect(proxy.isClosed(.masterReads))
        #expect(proxy.driver.closed.contains(client))
        #expect(proxy.driver.output(of: client) == "$10\r\n123")
    }

    /// A command that blocks has a connection of its own, on which it may take its time; the next that blocks gets
    /// the same one when it is free again.
    @Test func blockingCommands() throws {
        let proxy = Self.proxy()
        let (blocked, other) = (proxy.driver.connect(), proxy.driver.connect())
        proxy.ask("BLPOP", "a", "0", by: blocked)
        let own = LinkID.next(after: 0)
        proxy.connect(own)
        #expect(proxy.sent(to: own) == Wire.text("BLPOP", "a", "0"))
        proxy.ask("GET", "a", by: other)
        proxy.says("+1\r\n", on: .masterReads)
        Self.wait(proxy, .seconds(20))
        #expect(proxy.driver.output(of: blocked) == "")
        proxy.says("*2\r\n$1\r\na\r\n$1\r\nx\r\n", on: own)
        #expect(proxy.driver.output(of: blocked) == "*2\r\n$1\r\na\r\n$1\r\nx\r\n")
        proxy.ask("BLPOP", "b", "0", by: other)
        #expect(proxy.sent(to: own) == Wire.text("BLPOP", "b", "0"))
    }

    /// When its client leaves, the server must not go on waiting for it: it would pop what nobody gets.
    @Test func blockedClientsThatLeave() throws {
        let proxy = Self.proxy()
        let client = proxy.driver.connect()
        proxy.ask("BLPOP", "a", "0", by: client)
        proxy.connect(.next(after: 0))
        proxy.driver.cut(client)
        #expect(proxy.isClosed(.next(after: 0)))
        proxy.core.checkInvariants()
    }

    /// A blocked client whose connection dies is closed; the link is free once, for one.
    @Test func blockedClientsThatAreCutOff() throws {
        let proxy = Self.proxy()
        let clients = (0..<3).map { _ in proxy.driver.connect() }
        proxy.ask("BLPOP", "a", "0", by: clients[0])
        proxy.connect(.next(after: 0))
        proxy.cut(.next(after: 0))
        #expect(proxy.driver.closed.contains(clients[0]))
        proxy.ask("BLPOP", "a", "0", by: clients[1])
        proxy.ask("BLPOP", "a", "0", by: clients[2])
        #expect(Set(proxy.wishedLinks.map(\.number)).count == 2)
    }

    /// A client that wants no replies and has said its last may be done while its own connection still answers.
    @Test func silentClientsThatEnd() throws {
        let proxy = Self.proxy()
        let client = proxy.driver.connect()
        proxy.ask("CLIENT", "REPLY", "OFF", by: client)
        proxy.ask("BLPOP", "a", "0", by: client)
        proxy.connect(.next(after: 0))
        proxy.driver.end(client)
        proxy.says("*-1\r\n", on: .next(after: 0))
        #expect(proxy.driver.closed.contains(client))
        #expect(proxy.driver.output(of: client) == "")
    }

    /// On a client's own connection nothing overtakes a command that blocks, no time-out either.
    @Test func lateBehindABlockingCommand() throws {
        let proxy = Self.proxy()
        let client = proxy.driver.connect()
        proxy.ask("WATCH", "k", by: client)
        let own = LinkID.next(after: 0)
        proxy.connect(own)
        proxy.says("+OK\r\n", on: own)
        proxy.ask("BLPOP", "a", "0", by: client)
        proxy.ask("GET", "a", by: client)
        Self.wait(proxy, .seconds(20))
        #expect(proxy.driver.output(of: client) == "+OK\r\n")
        proxy.says("*-1\r\n$1\r\nx\r\n", on: own)
        #expect(proxy.driver.output(of: client) == "*-1\r\n$1\r\nx\r\n")
    }

    /// Whoever waits for its own connection to be given back is not forgotten.
    @Test func waitsForItsOwnConnection() throws {
        let proxy = Self.proxy()
        let client = proxy.driver.connect()
        proxy.driver.send(
            Wire.pipeline([
                ["WATCH", "k"], ["MULTI"], ["DISCARD"], ["SELECT", "1"], ["SELECT", "2"],
            ]),
            to: client)
        let own = LinkID.next(after: 0)
        proxy.connect(own)
        proxy.says("+OK\r\n", on: own)
        proxy.says("+OK\r\n", on: own)
        #expect(proxy.driver.output(of: client) == "+OK\r\n+OK\r\n+OK\r\n+OK\r\n+OK\r\n")
    }

    /// A connection of a client's own that falls silent in the middle of a reply is given up like a shared one.
    @Test func silenceInAReplyOfItsOwn() throws {
        let proxy = Self.proxy()
        let client = proxy.driver.connect()
        proxy.ask("BLPOP", "a", "0", by: client)
        let own = LinkID.next(after: 0)
        proxy.connect(own)
        proxy.says("*2\r\n$1\r\na", on: own)
        Self.wait(proxy, .seconds(4))
        #expect(proxy.driver.closed.contains(client))
        #expect(proxy.isClosed(own))
    }

    /// Who waits for room on a connection waits no longer than for a reply, and is told that nothing was sent.
    @Test func lateForLackOfRoom() throws {
        let proxy = ProxyUnderTest {
            $0.timeouts.request = .seconds(1)
            $0.limits.backendRequests = 1
        }
        let clients = (0..<3).map { _ in proxy.driver.connect() }
        for client in clients { proxy.ask("GET", "a", by: client) }
        proxy.ask("MULTI", by: clients[2])
        Self.wait(proxy)
        #expect(proxy.driver.output(of: clients[0]).hasPrefix("-TIMEOUT master 127.0.0.1:6379 did"))
        let full =
            "-TIMEOUT master 127.0.0.1:6379 took no more requests for 1 s; nothing was sent\r\n"
        #expect(proxy.driver.output(of: clients[1]) == full)
        #expect(proxy.driver.output(of: clients[2]) == full + "+OK\r\n")
        proxy.says("+a\r\n", on: .masterReads)
        proxy.ask("GET", "b", by: clients[1])
        proxy.says("+b\r\n", on: .masterReads)
        #expect(proxy.driver.output(of: clients[1]) == "+b\r\n")
    }

    /// EXEC that waited too long is the end of its transaction, and what comes next is not queued.
    @Test(arguments: [false, true]) func lateExec(isWatching: Bool) throws {
        let proxy = ProxyUnderTest {
            $0.timeouts.request = .seconds(1)
            $0.limits.backendRequests = 1
        }
        let (first, second) = (proxy.driver.connect(), proxy.driver.connect())
        let own = LinkID.next(after: 0)
        if isWatching {
            proxy.ask("WATCH", "k", by: second)
            proxy.connect(own)
            proxy.ask("GET", "k", by: second)
        } else {
            proxy.ask("SET", "a", "1", by: first)
        }
        for words in [["MULTI"], ["SET", "a", "2"], ["EXEC"]] {
            proxy.driver.command(words, to: second)
        }
        Self.wait(proxy, .seconds(isWatching ? 4 : 2))
        let answer = proxy.driver.output(of: second)
        #expect(
            answer.hasSuffix(
                "+OK\r\n+QUEUED\r\n-TIMEOUT master 127.0.0.1:6379 took no more requests for 1 s; nothing was sent\r\n"
            ))
        if isWatching {
            #expect(
                proxy.sent(to: own) == Wire.text("WATCH", "k") + Wire.text("UNWATCH"))
            proxy.says("+OK\r\n+OK\r\n", on: own)
        } else {
            proxy.says("+OK\r\n", on: .masterWrites)
        }
        proxy.ask("SET", "a", "3", by: second)
        #expect(proxy.sent(to: .masterWrites).hasSuffix(Wire.text("SET", "a", "3")))
        proxy.says("+OK\r\n", on: .masterWrites)
        #expect(proxy.driver.output(of: second) == "+OK\r\n")
    }

    /// Only waiting for room counts, not what a request has waited for before; and what stands behind a request that
    /// has waited too long does not wait once more.
    @Test func onlyRoomCounts() throws {
        let proxy = ProxyUnderTest {
            $0.timeouts.request = .seconds(1)
            $0.limits.backendRequests = 1
        }
        let (held, other) = (proxy.driver.connect(), proxy.driver.connect())
        proxy.ask("SET", "c", "1", by: other)
        proxy.ask("CLIENT", "PAUSE", "1500", by: proxy.driver.connect())
        proxy.driver.send(Wire.pipeline([["SET", "a", "1"], ["SET", "b", "1"]]), to: held)
        Self.wait(proxy, .milliseconds(1600))
        #expect(proxy.driver.output(of: held) == "")
        Self.wait(proxy, .milliseconds(1300))
        let late = proxy.driver.output(of: held)
        #expect(late.split(separator: "took no more requests").count == 3, "\(late)")
    }

    /// What is answered by the proxy in between is no sign of room: transactions one behind the other do not each wait.
    @Test func transactionsWithoutRoom() throws {
        let proxy = ProxyUnderTest {
            $0.timeouts.request = .seconds(1)
            $0.limits.backendRequests = 1
        }
        proxy.ask("SET", "c", "1", by: proxy.driver.connect())
        let client = proxy.driver.connect()
        let one = [["MULTI"], ["SET", "a", "1"], ["EXEC"]]
        proxy.driver.send(Wire.pipeline(one + [["CLIENT", "ID"]] + one + one), to: client)
        Self.wait(proxy, .milliseconds(1400))
        let answer = proxy.driver.output(of: client)
        #expect(answer.split(separator: "took no more requests").count == 4, "\(answer)")
        proxy.says("+OK\r\n", on: .masterWrites)
        proxy.ask("SET", "a", "3", by: client)
        #expect(
            proxy.sent(to: .masterWrites) == Wire.text("SET", "c", "1") + Wire.text("SET", "a", "3")
        )
    }

    /// A transaction streams to a server that takes something all the time.
    @Test func slowButSteadyTransaction() throws {
        let proxy = ProxyUnderTest {
            $0.limits.clientOutput = 1_000
            $0.limits.transactionBytes = 100
            $0.timeouts.request = .seconds(1)
        }
        let client = proxy.driver.connect()
        let set = ["SET", "a", String(repeating: "x", count: 172)]
        #expect(Wire.request(set).count == 200)
        proxy.driver.command(["MULTI"], to: client)
        proxy.driver.command(set, to: client)
        let own = LinkID.next(after: 0)
        proxy.connect(own)
        _ = proxy.driver.output(of: client)
        proxy.setRoom(0, of: own)
        proxy.driver.send(Wire.pipeline(Array(repeating: set, count: 40)), to: client)
        var answers = ""
        for _ in 0..<20 {
            proxy.setRoom(600, of: own)
            _ = proxy.sent(to: own)
            proxy.driver.pass(.milliseconds(100))
            answers += proxy.driver.output(of: client)
        }
        #expect(!answers.contains("TIMEOUT"))
    }

    /// An upload to a server that takes something all the time.
    @Test func slowButSteadyUpload() throws {
        let proxy = ProxyUnderTest {
            $0.limits.privateAbove = 1_000
            $0.limits.clientOutput = 1_000
            $0.timeouts.request = .seconds(1)
        }
        let client = proxy.driver.connect()
        proxy.driver.send("*3\r\n$3\r\nSET\r\n$1\r\na\r\n$20000\r\n", to: client)
        let own = LinkID.next(after: 0)
        proxy.connect(own)
        proxy.setRoom(0, of: own)
        for _ in 0..<4 { proxy.driver.send(String(repeating: "x", count: 600), to: client) }
        for _ in 0..<15 {
            guard !proxy.isClosed(own) else { break }
            proxy.setRoom(50, of: own)
            _ = proxy.sent(to: own)
            proxy.driver.pass(.milliseconds(100))
        }
        #expect(!proxy.isClosed(own))
    }

    /// What was sent without being counted as forwarded leaves its wait behind.
    @Test func scriptLoadLeavesItsWaitBehind() throws {
        let proxy = ProxyUnderTest {
            $0.timeouts.request = .seconds(1)
            $0.limits.backendRequests = 1
        }
        let (one, two) = (proxy.driver.connect(), proxy.driver.connect())
        proxy.ask("SET", "c", "1", by: one)
        proxy.driver.send(
            Wire.pipeline([["SCRIPT", "LOAD", "return 1"], ["SET", "b", "1"]]), to: two)
        for _ in 0..<8 { proxy.driver.pass(.milliseconds(100)) }
        proxy.says("+OK\r\n", on: .masterWrites)
        #expect(proxy.sent(to: .masterWrites).contains("SCRIPT"))
        proxy.ask("SET", "d", "1", by: one)
        for _ in 0..<4 { proxy.driver.pass(.milliseconds(100)) }
        _ = proxy.driver.output(of: two)
        proxy.says("$3\r\nabc\r\n", on: .masterWrites)
        let answer = proxy.driver.output(of: two)
        #expect(!answer.contains("TIMEOUT"))
    }
}
