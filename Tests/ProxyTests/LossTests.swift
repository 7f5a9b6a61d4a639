// What a client may see when the master's connection dies: never a reply that is not its own, never half of one
// passed on as whole, never a request sent twice.

import RESP
import TestSupport
import Testing

@testable import Proxy

@Suite struct LossTests {
    /// A request that had left may have run: its client is closed. Others stay.
    @Test func requestsThatLeft() throws {
        let proxy = ProxyUnderTest()
        let (asking, idle) = (proxy.driver.connect(), proxy.driver.connect())
        proxy.driver.command(["INCR", "a"], to: asking)
        proxy.cut(.masterWrites)
        #expect(proxy.driver.closed.contains(asking))
        #expect(proxy.driver.output(of: asking) == "")
        #expect(!proxy.driver.closed.contains(idle))
    }

    /// A request of which no byte had left is answered so, and its client may go on.
    @Test func requestsThatNeverLeft() throws {
        let proxy = ProxyUnderTest()
        let (first, second) = (proxy.driver.connect(), proxy.driver.connect())
        // The master takes the first request whole and one byte of the second.
        let request = Wire.request(["INCR", "a"])
        proxy.driver.room[proxy.id(of: .masterWrites)] = request.count + 1
        let third = proxy.driver.connect()
        proxy.driver.command(["INCR", "a"], to: first)
        proxy.driver.command(["INCR", "a"], to: second)
        proxy.driver.command(["INCR", "a"], to: third)
        proxy.cut(.masterWrites)
        #expect(proxy.driver.closed.contains(first))
        #expect(proxy.driver.closed.contains(second))
        #expect(!proxy.driver.closed.contains(third))
        #expect(
            proxy.driver.output(of: third)
                == "-ERR cannot reach the master at 127.0.0.1:6379: the connection was lost; "
                + "nothing was sent\r\n")
    }

    /// Half a reply is never followed by anything: the client is closed.
    @Test func halfAReply() throws {
        let reply = "$5\r\nhello\r\n"
        for cut in 1..<reply.utf8.count {
            let proxy = ProxyUnderTest()
            let client = proxy.driver.connect()
            proxy.driver.command(["GET", "a"], to: client)
            proxy.says(Array(reply.utf8.prefix(cut)), on: .masterReads)
            proxy.cut(.masterReads)
            #expect(proxy.driver.closed.contains(client), "cut at \(cut)")
            #expect(
                proxy.driver.output(of: client)
                    == String(decoding: reply.utf8.prefix(cut), as: UTF8.self))
        }
    }

    /// Requests wait while the first connection is being made; when it is refused they are told why.
    @Test func beforeTheFirstConnection() throws {
        let proxy = ProxyUnderTest(isConnected: false)
        let client = proxy.driver.connect()
        proxy.driver.command(["GET", "a"], to: client)
        #expect(proxy.driver.output(of: client) == "")
        proxy.connect(.masterReads)
        #expect(proxy.sent(to: .masterReads) == "*2\r\n$3\r\nGET\r\n$1\r\na\r\n")
    }

    @Test func whileTheMasterRefuses() throws {
        let proxy = ProxyUnderTest(isConnected: false)
        let client = proxy.driver.connect()
        proxy.driver.send(Wire.request(["GET", "a"]) + Wire.request(["SELECT", "0"]), to: client)
        proxy.refuse(.masterReads)
        let error =
            "-ERR cannot reach the master at 127.0.0.1:6379: Connection refused; nothing was sent\r\n"
        #expect(proxy.driver.output(of: client) == error + "+OK\r\n")
        // Between two attempts requests are refused at once.
        proxy.driver.command(["GET", "a"], to: client)
        #expect(proxy.driver.output(of: client) == error)
        #expect(proxy.takeConnectWish(.masterReads) == nil)
        proxy.driver.pass(.milliseconds(100))
        proxy.connect(.masterReads)
        proxy.driver.command(["GET", "a"], to: client)
        #expect(proxy.sent(to: .masterReads) == "*2\r\n$3\r\nGET\r\n$1\r\na\r\n")
    }

    /// The pause between attempts grows to a second and starts anew after a steady connection.
    @Test func attemptsSlowDown() throws {
        let proxy = ProxyUnderTest(isConnected: false)
        for delay in [100, 200, 400, 800, 1000, 1000] {
            proxy.refuse(.masterReads)
            proxy.driver.pass(.milliseconds(delay - 1))
            #expect(proxy.takeConnectWish(.masterReads) == nil, "after \(delay - 1) ms")
            proxy.driver.pass(.milliseconds(1))
        }
        proxy.connect(.masterReads)
        proxy.driver.pass(.seconds(2))
        proxy.cut(.masterReads)
        proxy.connect(.masterReads)
    }

    /// What a client has been sent whole it can still read, when the master dies before the next reply.
    @Test func repliesBeforeTheLoss() throws {
        let proxy = ProxyUnderTest()
        let client = proxy.driver.connect()
        proxy.driver.room[client] = 0
        proxy.driver.send(Wire.request(["GET", "a"]) + Wire.request(["GET", "b"]), to: client)
        proxy.says("$1\r\n1\r\n", on: .masterReads)
        proxy.cut(.masterReads)
        #expect(!proxy.driver.closed.contains(client))
        proxy.driver.room[client] = nil
        proxy.driver.drain(client)
        #expect(proxy.driver.output(of: client) == "$1\r\n1\r\n")
        #expect(proxy.driver.closed.contains(client))
    }

    /// A client that is cut off in the middle of a reply gets nothing behind it, and nothing more of it is run,
    /// also when it was paused with requests that had not been looked at.
    @Test func halfAReplyToAPausedClient() throws {
        let proxy = ProxyUnderTest { $0.limits.clientRequests = 2 }
        let client = proxy.driver.connect()
        proxy.driver.room[client] = 3
        proxy.driver.send(
            Array(repeatElement(Wire.request(["INCR", "a"]), count: 5).joined()), to: client)
        #expect(proxy.isHeldBack(client))
        proxy.says("$10\r\n123", on: .masterWrites)
        proxy.cut(.masterWrites)
        proxy.driver.pass(.seconds(1))
        proxy.connect(.masterWrites)
        proxy.driver.room[client] = nil
        proxy.driver.drain(client)
        #expect(proxy.driver.output(of: client) == "$10\r\n123")
        #expect(proxy.driver.closed.contains(client))
        #expect(proxy.sent(to: .masterWrites) == "")
    }

    /// A client that has said QUIT is told about its requests that never left, and then closed.
    @Test func quitBehindRequestsThatNeverLeft() throws {
        let proxy = ProxyUnderTest()
        proxy.driver.room[proxy.id(of: .masterReads)] = 0
        let client = proxy.driver.connect()
        proxy.driver.send(Wire.request(["GET", "a"]) + Wire.request(["QUIT"]), to: client)
        proxy.cut(.masterReads)
        #expect(
            proxy.driver.output(of: client)
                == "-ERR cannot reach the master at 127.0.0.1:6379: the connection was lost; "
                + "nothing was sent\r\n+OK\r\n")
        #expect(proxy.driver.closed.contains(client))
    }

    /// A master whose name leads elsewhere is followed as soon as nothing is owed; nobody loses a request.
    @Test func masterThatMoves() throws {
        let proxy = ProxyUnderTest()
        let (first, second) = (proxy.driver.connect(), proxy.driver.connect())
        proxy.driver.command(["GET", "a"], to: first)
        proxy.driver.tell(.moved(.masterReads))
        #expect(!proxy.isClosed(.masterReads))
        // Nothing more goes there, so that it falls quiet.
        proxy.driver.send(
            Array(["b", "c", "d"].map { Wire.request(["GET", $0]) }.joined()), to: second)
        #expect(proxy.isHeldBack(second))
        _ = proxy.sent(to: .masterReads)
        proxy.says("$1\r\n1\r\n", on: .masterReads)
        #expect(proxy.sent(to: .masterReads) == "")
        #expect(proxy.isClosed(.masterReads))
        #expect(!proxy.isHeldBack(second))
        proxy.connect(.masterReads)
        let request = { (key: String) in "*2\r\n$3\r\nGET\r\n$1\r\n\(key)\r\n" }
        #expect(proxy.sent(to: .masterReads) == request("b") + request("c") + request("d"))
        proxy.says("$1\r\n2\r\n$1\r\n3\r\n$1\r\n4\r\n", on: .masterReads)
        #expect(proxy.driver.output(of: first) == "$1\r\n1\r\n")
        #expect(proxy.driver.output(of: second) == "$1\r\n2\r\n$1\r\n3\r\n$1\r\n4\r\n")
    }

    /// HTTP is not passed on: the master would close the connection of all.
    @Test func httpEndsItsClientOnly() throws {
        let proxy = ProxyUnderTest()
        let (browser, other) = (proxy.driver.connect(), proxy.driver.connect())
        proxy.driver.command(["GET", "a"], to: other)
        proxy.driver.send("POST / HTTP/1.1\r\nHost: x\r\nSET a b\r\n", to: browser)
        #expect(proxy.driver.closed == [browser])
        #expect(proxy.sent(to: .masterReads) == "*2\r\n$3\r\nGET\r\n$1\r\na\r\n")
        #expect(proxy.driver.output(of: browser) == "")
    }

    /// A master that accepts and hangs up (it is full, say) is not asked again in a tight loop.
    @Test func masterThatHangsUp() throws {
        let proxy = ProxyUnderTest()
        proxy.says("-ERR max number of clients reached\r\n", on: .masterReads)
        #expect(proxy.isClosed(.masterReads))
        #expect(proxy.takeConnectWish(.masterReads) == nil)
        #expect(proxy.driver.log.contains { $0.contains("max number of clients reached") })
        proxy.driver.pass(.milliseconds(100))
        #expect(proxy.takeConnectWish(.masterReads) != nil)
    }

    /// Bytes that are not a reply end the connection: what follows cannot be told apart any more.
    @Test func bytesThatAreNoReply() throws {
        let proxy = ProxyUnderTest()
        let client = proxy.driver.connect()
        proxy.driver.command(["GET", "a"], to: client)
        proxy.says("what?\r\n", on: .masterReads)
        #expect(proxy.isClosed(.masterReads))
        #expect(proxy.driver.closed.contains(client))
        #expect(proxy.driver.output(of: client) == "")
    }
}
