// SELECT and HELLO: every request runs in the database, and is answered in the protocol, that its client chose last.

import RESP
import TestSupport
import Testing

@testable import Proxy

@Suite struct DatabaseTests {
    static let errors: [(String, String)] = [
        ("x", "-ERR value is not an integer or out of range\r\n"),
        ("", "-ERR value is not an integer or out of range\r\n"),
        ("-1", "-ERR DB index is out of range\r\n"), ("16", "-ERR DB index is out of range\r\n"),
        (
            "4294967296",
            "-ERR value is out of range, value must between -2147483648 and 2147483647\r\n"
        ),
    ]

    @Test(arguments: errors)
    func refused(number: String, reply: String) {
        let proxy = ProxyUnderTest()
        let client = proxy.driver.connect()
        #expect(proxy.driver.ask("SELECT", number, on: client) == reply)
    }

    /// In one pipeline, each request goes out in its database, after all before it were answered.
    @Test func pipelined() {
        let proxy = ProxyUnderTest()
        let client = proxy.driver.connect()
        proxy.driver.send(
            Wire.pipeline([
                ["SET", "k", "0"], ["SELECT", "1"], ["SET", "k", "1"], ["SELECT", "0"],
                ["GET", "k"],
            ]), to: client)
        #expect(proxy.sent(to: .masterWrites) == Wire.text("SET", "k", "0"))
        proxy.says("+OK\r\n", on: .masterWrites)
        let links = proxy.wishedLinks
        proxy.connectAll()
        #expect(proxy.sent(to: links[1]) == Wire.text("SELECT", "1"))
        proxy.says("+OK\r\n", on: links[1])
        #expect(proxy.sent(to: links[1]) == Wire.text("SET", "k", "1"))
        #expect(proxy.sent(to: .masterReads) == "")
        proxy.says("+OK\r\n", on: links[1])
        #expect(proxy.sent(to: .masterReads) == Wire.text("GET", "k"))
        #expect(proxy.driver.output(of: client) == "+OK\r\n+OK\r\n+OK\r\n+OK\r\n")
    }

    /// A server with fewer databases than the configuration says: each request reads why, and connecting goes on at
    /// its slow pace.
    @Test func tooFewDatabases() {
        let proxy = ProxyUnderTest()
        let client = proxy.driver.connect()
        proxy.driver.send(Wire.pipeline([["SELECT", "9"], ["SET", "k", "v"]]), to: client)
        let links = proxy.wishedLinks
        proxy.connectAll()
        proxy.says("-ERR DB index is out of range\r\n", on: links[1])
        let error =
            "-ERR cannot reach the master at 127.0.0.1:6379: it answered '-ERR DB index is out of "
            + "range..'; nothing was sent\r\n"
        #expect(proxy.driver.output(of: client) == "+OK\r\n" + error)
        #expect(proxy.driver.ask("SET", "k", "v", on: client) == error)
        #expect(!proxy.wishedLinks.contains(links[1]))
        var attempts = 0
        for _ in 0..<100 {
            proxy.driver.pass(.milliseconds(100))
            if proxy.wishedLinks.contains(links[1]) {
                attempts += 1
                proxy.connect(links[1])
                proxy.says("-ERR DB index is out of range\r\n", on: links[1])
            }
        }
        #expect(attempts < 15)
        #expect(proxy.driver.ask("SELECT", "0", on: client) == "+OK\r\n")
        proxy.driver.command(["SET", "k", "v"], to: client)
        proxy.says("+OK\r\n", on: .masterWrites)
        #expect(proxy.driver.output(of: client) == "+OK\r\n")
    }

    /// While keys are watched the connection that watches is told, and nothing runs on it before it has agreed.
    @Test(arguments: [true, false])
    func whileWatching(isThere: Bool) {
        let proxy = ProxyUnderTest()
        let client = proxy.driver.connect()
        let own = LinkID.next(after: 0)
        proxy.driver.command(["WATCH", "k"], to: client)
        proxy.connect(own)
        proxy.says("+OK\r\n", on: own)
        _ = (proxy.sent(to: own), proxy.driver.output(of: client))
        proxy.driver.send(Wire.pipeline([["SELECT", "9"], ["GET", "k"]]), to: client)
        #expect(proxy.sent(to: own) == Wire.text("SELECT", "9"))
        let answer = isThere ? "+OK\r\n" : "-ERR DB index is out of range\r\n"
        proxy.says(answer, on: own)
        #expect(proxy.driver.output(of: client) == answer)
        #expect(proxy.sent(to: own) == Wire.text("GET", "k"))
        #expect(
            proxy.core.lanes[Int(proxy.core.clients[client]!.lane)].database == (isThere ? 9 : 0))
        // It is not what others expect, and so is not given to them.
        proxy.says("$-1\r\n", on: own)
        proxy.driver.command(["UNWATCH"], to: client)
        proxy.says("+OK\r\n", on: own)
        #expect(proxy.isClosed(own))
        proxy.core.checkInvariants()
    }

    /// The same with HELLO, and with a connection that is lost meanwhile.
    @Test func helloWhileWatching() {
        let proxy = ProxyUnderTest()
        let client = proxy.driver.connect()
        let own = LinkID.next(after: 0)
        proxy.driver.command(["WATCH", "k"], to: client)
        proxy.connect(own)
        proxy.says("+OK\r\n", on: own)
        _ = (proxy.sent(to: own), proxy.driver.output(of: client))
        proxy.driver.send(Wire.pipeline([["HELLO", "3"], ["GET", "k"]]), to: client)
        #expect(proxy.sent(to: own) == Wire.text("HELLO", "3"))
        proxy.says("%1\r\n$5\r\nproto\r\n:3\r\n", on: own)
        proxy.says("_\r\n", on: own)
        let read = proxy.driver.output(of: client)
        #expect(read.hasPrefix("%7\r\n"))
        #expect(read.hasSuffix("*0\r\n_\r\n"))
        proxy.driver.command(["HELLO", "2"], to: client)
        proxy.cut(own)
        #expect(
            proxy.driver.output(of: client)
                == "-ERR the connection of this client's own was lost; nothing was changed\r\n")
        #expect(proxy.core.clients[client]?.version == .resp3)
        proxy.core.checkInvariants()
    }

    /// RESET leads back to database 0 and RESP2, from wherever.
    @Test func reset() {
        let proxy = ProxyUnderTest()
        let client = proxy.driver.connect()
        proxy.driver.send(
            Wire.pipeline([
                ["HELLO", "3"], ["SELECT", "5"], ["MULTI"], ["RESET"], ["SET", "k", "v"],
            ]),
            to: client)
        #expect(proxy.sent(to: .masterWrites) == Wire.text("SET", "k", "v"))
        #expect(proxy.wishedLinks == [])
        #expect(proxy.driver.output(of: client).hasSuffix("+OK\r\n+OK\r\n+RESET\r\n"))
    }

    /// A lane that was closed for idleness is opened again, in its database.
    @Test func idleLane() {
        let proxy = ProxyUnderTest()
        let client = proxy.driver.connect()
        for _ in 0..<2 {
            proxy.driver.send(Wire.pipeline([["SELECT", "3"], ["SET", "k", "v"]]), to: client)
            let links = proxy.wishedLinks
            #expect(links.count == 2)
            proxy.connectAll()
            for link in links { #expect(proxy.sent(to: link) == Wire.text("SELECT", "3")) }
            for link in links { proxy.says("+OK\r\n", on: link) }
            #expect(proxy.sent(to: links[1]) == Wire.text("SET", "k", "v"))
            proxy.says("+OK\r\n", on: links[1])
            #expect(proxy.driver.output(of: client) == "+OK\r\n+OK\r\n")
            proxy.driver.pass(.seconds(61))
            #expect(links.allSatisfy { proxy.isClosed($0) })
            proxy.core.checkInvariants()
        }
    }

    /// Clients that ask for nothing are closed in time; those that have just been answered, or wait, are not.
    @Test func idleClients() {
        let proxy = ProxyUnderTest { $0.timeouts.idle = .seconds(10) }
        let (idle, answered, blocked) = (
            proxy.driver.connect(), proxy.driver.connect(), proxy.driver.connect()
        )
        proxy.driver.command(["SET", "k", "v"], to: answered)
        proxy.driver.command(["BLPOP", "l", "0"], to: blocked)
        proxy.connectAll()
        proxy.driver.pass(.seconds(5))
        proxy.says("+OK\r\n", on: .masterWrites)
        proxy.driver.pass(.seconds(6))
        #expect(proxy.driver.closed.contains(idle))
        #expect(!proxy.driver.closed.contains(answered))
        #expect(!proxy.driver.closed.contains(blocked))
    }

    /// Behind unanswered requests on a connection of its own a client is not moved: the question could be given up
    /// before the server has heard it, and the change happen after it was said that it had not.
    @Test(arguments: [["GET", "x"], ["BLPOP", "q", "0"]])
    func behindUnansweredRequests(before words: [String]) {
        let proxy = ProxyUnderTest { $0.timeouts.request = .seconds(1) }
        let client = proxy.driver.connect()
        let own = LinkID.next(after: 0)
        proxy.driver.command(["WATCH", "k"], to: client)
        proxy.connect(own)
        proxy.says("+OK\r\n", on: own)
        _ = (proxy.sent(to: own), proxy.driver.output(of: client))
        proxy.driver.send(Wire.pipeline([words, ["SELECT", "1"]]), to: client)
        #expect(proxy.sent(to: own) == String(decoding: Wire.request(words), as: UTF8.self))
        proxy.says("*-1\r\n", on: own)
        #expect(proxy.driver.output(of: client) == "*-1\r\n")
        #expect(proxy.sent(to: own) == Wire.text("SELECT", "1"))
        // A server that does not answer in time may do it later: the connection goes, and what it watched with it.
        for _ in 0..<10 { proxy.driver.pass(.milliseconds(200)) }
        #expect(
            proxy.driver.output(of: client).hasPrefix("-ERR the connection of this client's own"))
        #expect(proxy.isClosed(own))
    }

    /// The question is given up with its connection, also behind others that nobody waits for.
    @Test func behindAnUnwatch() {
        let proxy = ProxyUnderTest { $0.timeouts.request = .seconds(1) }
        let client = proxy.driver.connect()
        let own = LinkID.next(after: 0)
        proxy.driver.send(
            Wire.pipeline([["HELLO", "3"], ["CLIENT", "TRACKING", "ON"]]), to: client)
        proxy.connectAll()
        proxy.says("%0\r\n+OK\r\n", on: own)
        proxy.driver.send(
            Wire.pipeline([["WATCH", "k"], ["MULTI"], ["DISCARD"], ["SELECT", "1"]]), to: client)
        proxy.says("+OK\r\n", on: own)
        #expect(proxy.sent(to: own).hasSuffix(Wire.text("UNWATCH") + Wire.text("SELECT", "1")))
        for _ in 0..<10 { proxy.driver.pass(.milliseconds(200)) }
        #expect(proxy.isClosed(own))
    }
}
