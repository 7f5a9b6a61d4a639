// Every client gets its own replies in the order of its requests. The test plays the clients and the master.

import RESP
import TestSupport
import Testing

@testable import Proxy

@Suite struct OrderTests {
    /// Two clients' requests travel over one connection, and each reply comes back to its own client.
    @Test func repliesGoToWhoAsked() throws {
        let proxy = ProxyUnderTest()
        let (first, second) = (proxy.driver.connect(), proxy.driver.connect())
        proxy.driver.command(["GET", "a"], to: first)
        proxy.driver.command(["GET", "b"], to: second)
        proxy.driver.command(["GET", "c"], to: first)
        #expect(
            proxy.sent(to: .masterReads)
                == "*2\r\n$3\r\nGET\r\n$1\r\na\r\n*2\r\n$3\r\nGET\r\n$1\r\nb\r\n*2\r\n$3\r\nGET\r\n$1\r\nc\r\n"
        )
        proxy.says("$1\r\n1\r\n$1\r\n2\r\n$1\r\n3\r\n", on: .masterReads)
        #expect(proxy.driver.output(of: first) == "$1\r\n1\r\n$1\r\n3\r\n")
        #expect(proxy.driver.output(of: second) == "$1\r\n2\r\n")
    }

    /// However the master's bytes are cut, each client gets exactly its own.
    @Test func anySplitOfReplies() throws {
        let replies = "$5\r\nhello\r\n*2\r\n:1\r\n$-1\r\n-ERR no\r\n+OK\r\n"
        for cut in 0...replies.utf8.count {
            let proxy = ProxyUnderTest()
            let (first, second) = (proxy.driver.connect(), proxy.driver.connect())
            proxy.driver.command(["GET", "a"], to: first)
            proxy.driver.command(["MGET", "a", "b"], to: second)
            proxy.driver.command(["GET", "c"], to: second)
            proxy.driver.command(["GET", "d"], to: first)
            let bytes = [UInt8](replies.utf8)
            proxy.says(Array(bytes[..<cut]), on: .masterReads)
            proxy.says(Array(bytes[cut...]), on: .masterReads)
            #expect(proxy.driver.output(of: first) == "$5\r\nhello\r\n+OK\r\n", "cut at \(cut)")
            #expect(
                proxy.driver.output(of: second) == "*2\r\n:1\r\n$-1\r\n-ERR no\r\n", "cut at \(cut)"
            )
        }
    }

    /// A reply of the proxy's own waits for those of requests before it, and those behind wait for it.
    @Test func ownRepliesKeepTheirPlace() throws {
        let proxy = ProxyUnderTest()
        let client = proxy.driver.connect()
        for words in [
            ["GET", "a"], ["SELECT", "0"], ["CLIENT", "GETNAME"], ["GET", "b"], ["GET", "c"],
        ] {
            proxy.driver.command(words, to: client)
        }
        proxy.driver.command(["SELECT", "99"], to: client)
        #expect(proxy.driver.output(of: client) == "")
        proxy.says("$1\r\n1\r\n", on: .masterReads)
        #expect(proxy.driver.output(of: client) == "$1\r\n1\r\n+OK\r\n$-1\r\n")
        proxy.says("$1\r\n2\r\n", on: .masterReads)
        #expect(proxy.driver.output(of: client) == "$1\r\n2\r\n")
        proxy.says("$1\r\n3\r\n", on: .masterReads)
        #expect(
            proxy.driver.output(of: client)
                == "$1\r\n3\r\n-ERR DB index is out of range\r\n")
    }

    /// The replies of a client that has gone are dropped, also when its slot has a new owner.
    @Test func repliesOfGoneClients() throws {
        let proxy = ProxyUnderTest()
        let old = proxy.driver.connect(as: ConnectionID(slot: 7, generation: 1))
        proxy.driver.command(["GET", "secret"], to: old)
        proxy.driver.cut(old)
        let new = proxy.driver.connect(as: ConnectionID(slot: 7, generation: 2))
        proxy.driver.command(["GET", "mine"], to: new)
        proxy.says("$6\r\nsecret\r\n", on: .masterReads)
        #expect(proxy.driver.output(of: new) == "")
        proxy.says("$4\r\nmine\r\n", on: .masterReads)
        #expect(proxy.driver.output(of: new) == "$4\r\nmine\r\n")
    }

    /// An inline request travels as multibulk: the master never sees how it was typed.
    @Test func inlineRequestsAreRewritten() throws {
        let proxy = ProxyUnderTest()
        let client = proxy.driver.connect()
        proxy.driver.send("  set 'a b' \"c\\n\"\r\n", to: client)
        #expect(proxy.sent(to: .masterWrites) == "*3\r\n$3\r\nset\r\n$3\r\na b\r\n$2\r\nc\n\r\n")
    }

    /// A client that sends and closes its side gets its replies, then the end.
    @Test func halfClose() throws {
        let proxy = ProxyUnderTest()
        let client = proxy.driver.connect()
        proxy.driver.command(["GET", "a"], to: client)
        proxy.driver.end(client)
        #expect(!proxy.driver.closed.contains(client))
        proxy.says("$1\r\n1\r\n", on: .masterReads)
        #expect(proxy.driver.output(of: client) == "$1\r\n1\r\n")
        #expect(proxy.driver.closed.contains(client))
    }

    /// QUIT is answered after everything before it; nothing behind it is taken.
    @Test func quitComesLast() throws {
        let proxy = ProxyUnderTest()
        let client = proxy.driver.connect()
        proxy.driver.send(
            Wire.request(["GET", "a"]) + Wire.request(["QUIT"]) + Wire.request(["GET", "b"]),
            to: client)
        #expect(proxy.sent(to: .masterReads) == "*2\r\n$3\r\nGET\r\n$1\r\na\r\n")
        proxy.says("$1\r\n1\r\n", on: .masterReads)
        #expect(proxy.driver.output(of: client) == "$1\r\n1\r\n+OK\r\n")
        #expect(proxy.driver.closed.contains(client))
    }

    /// What is not RESP is answered behind what is owed, and ends the client and nobody else.
    @Test func protocolErrorsEndTheirClient() throws {
        let proxy = ProxyUnderTest()
        let (bad, good) = (proxy.driver.connect(), proxy.driver.connect())
        proxy.driver.command(["GET", "a"], to: bad)
        proxy.driver.send("*1\r\n:oops\r\n", to: bad)
        proxy.driver.command(["GET", "b"], to: good)
        proxy.says("$1\r\n1\r\n$1\r\n2\r\n", on: .masterReads)
        #expect(
            proxy.driver.output(of: bad)
                == "$1\r\n1\r\n-ERR Protocol error: expected '$', got ':'\r\n")
        #expect(proxy.driver.closed.contains(bad))
        #expect(proxy.driver.output(of: good) == "$1\r\n2\r\n")
        #expect(!proxy.driver.closed.contains(good))
    }
}
