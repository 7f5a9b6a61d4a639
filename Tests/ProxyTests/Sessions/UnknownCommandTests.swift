// Commands that neither the table nor the master's COMMAND has, and which may change the state of their connection.

import RESP
import TestSupport
import Testing

@testable import Proxy

@Suite struct UnknownCommandTests {
    private let link = LinkID.next(after: 0)
    private let choose = Wire.text("chooseDb", "1")

    /// It goes out when everything before it has been answered, on a connection that is closed afterwards; what follows
    /// waits and goes the common way.
    @Test func inItsTurn() {
        let proxy = ProxyUnderTest()
        let client = proxy.driver.connect()
        proxy.driver.send(
            Wire.pipeline([
                ["SET", "a", "1"], ["chooseDb", "1"], ["SET", "b", "2"], ["GET", "b"],
                ["CLIENT", "ID"],
            ]), to: client)
        #expect(proxy.wishedLinks.isEmpty)
        proxy.says("+OK\r\n", on: .masterWrites)
        proxy.connectAll()
        #expect(proxy.sent(to: link) == choose)
        #expect(proxy.sent(to: .masterWrites) == Wire.text("SET", "a", "1"))
        proxy.says("+OK\r\n", on: link)
        #expect(proxy.isClosed(link))
        #expect(proxy.core.master.spares.isEmpty)
        #expect(
            proxy.sent(to: .masterWrites) == Wire.text("SET", "b", "2") + Wire.text("GET", "b"))
        proxy.says("+OK\r\n$1\r\n2\r\n", on: .masterWrites)
        #expect(proxy.driver.output(of: client) == "+OK\r\n+OK\r\n+OK\r\n$1\r\n2\r\n:1\r\n")
        proxy.core.checkInvariants()
    }

    /// A server that answers it more than once, as SUBSCRIBE under another name, takes nobody else's place.
    @Test func moreRepliesThanOne() {
        let proxy = ProxyUnderTest()
        let client = proxy.driver.connect()
        proxy.driver.send(Wire.pipeline([["listen", "a", "b"], ["GET", "k"]]), to: client)
        proxy.connectAll()
        let reply = "*3\r\n$9\r\nsubscribe\r\n$1\r\na\r\n:1\r\n"
        proxy.says(reply + reply, on: link)
        proxy.says("$1\r\nv\r\n", on: .masterReads)
        #expect(proxy.driver.output(of: client) == reply + "$1\r\nv\r\n")
        #expect(proxy.isClosed(link))
        proxy.core.checkInvariants()
    }

    /// CLIENT REPLY keeps its answer from the client, and a client that has sent its last byte still gets it.
    @Test func silentOrEnded() {
        let proxy = ProxyUnderTest()
        let client = proxy.driver.connect()
        proxy.driver.send(
            Wire.pipeline([["CLIENT", "REPLY", "SKIP"], ["nosuch"], ["nosuch"]]), to: client)
        proxy.driver.end(client)
        proxy.connectAll()
        proxy.says("-ERR 1\r\n", on: link)
        proxy.connectAll()
        proxy.says("-ERR 2\r\n", on: link)
        #expect(proxy.driver.output(of: client) == "-ERR 2\r\n")
        #expect(proxy.driver.closed.contains(client))
        proxy.core.checkInvariants()
    }

    /// One that is not answered in time, BLPOP under another name perhaps, takes its connection with it: the client
    /// goes on.
    @Test func takesTooLong() {
        let proxy = ProxyUnderTest { $0.timeouts.request = .seconds(1) }
        let client = proxy.driver.connect()
        proxy.driver.send(Wire.pipeline([["pop", "q", "0"], ["SET", "a", "1"]]), to: client)
        proxy.connectAll()
        for _ in 0..<9 { proxy.driver.pass(.milliseconds(125)) }
        #expect(proxy.driver.output(of: client).hasPrefix("-TIMEOUT master"))
        #expect(proxy.isClosed(link))
        #expect(proxy.sent(to: .masterWrites) == Wire.text("SET", "a", "1"))
        proxy.core.checkInvariants()
    }

    /// Its connection is lost: it may have run, as any write.
    @Test func lost() {
        let proxy = ProxyUnderTest()
        let client = proxy.driver.connect()
        proxy.driver.command(["nosuch"], to: client)
        proxy.connectAll()
        proxy.cut(link)
        #expect(proxy.driver.closed.contains(client))
        proxy.core.checkInvariants()
    }

    /// A client that has a connection of its own sends it there, as it would at the server. Nobody else gets that
    /// connection, and what comes behind EXEC waits to leave it.
    @Test func onAConnectionOfItsOwn() {
        let proxy = ProxyUnderTest()
        let client = proxy.driver.connect()
        proxy.driver.command(["WATCH", "k"], to: client)
        proxy.connectAll()
        proxy.says("+OK\r\n", on: link)
        proxy.driver.send(
            Wire.pipeline([["chooseDb", "1"], ["GET", "k"], ["MULTI"], ["EXEC"], ["GET", "k"]]),
            to: client)
        let block = Wire.text("MULTI") + Wire.text("EXEC")
        #expect(
            proxy.sent(to: link)
                == Wire.text("WATCH", "k") + choose + Wire.text("GET", "k") + block)
        proxy.says("+OK\r\n$-1\r\n+OK\r\n*0\r\n", on: link)
        #expect(proxy.isClosed(link))
        #expect(proxy.sent(to: .masterReads) == Wire.text("GET", "k"))
        proxy.core.checkInvariants()
    }

    /// Inside MULTI the server says whether it can be queued; the connection is not used again.
    @Test func insideMulti() {
        let proxy = ProxyUnderTest()
        let client = proxy.driver.connect()
        proxy.driver.send(
            Wire.pipeline([["MULTI"], ["chooseDb", "1"], ["EXEC"], ["GET", "k"]]), to: client)
        proxy.connectAll()
        #expect(proxy.sent(to: link) == Wire.text("MULTI") + choose + Wire.text("EXEC"))
        proxy.says("+OK\r\n+QUEUED\r\n*1\r\n+OK\r\n", on: link)
        #expect(proxy.isClosed(link))
        #expect(proxy.core.master.spares.isEmpty)
        #expect(proxy.sent(to: .masterReads) == Wire.text("GET", "k"))
        proxy.core.checkInvariants()
    }

    /// A large one is passed on in pieces, and its connection closed as well.
    @Test func large() {
        let proxy = ProxyUnderTest { $0.limits.privateAbove = 100 }
        let client = proxy.driver.connect()
        let large = Wire.text("nosuch", String(repeating: "v", count: 1_000))
        proxy.driver.send(large, to: client)
        proxy.connectAll()
        #expect(proxy.sent(to: link) == large)
        proxy.says("-ERR unknown\r\n", on: link)
        #expect(proxy.driver.output(of: client) == "-ERR unknown\r\n")
        #expect(proxy.isClosed(link))
        proxy.core.checkInvariants()
    }

    /// A rule of the configuration vouches for a command: it shares connections.
    @Test func vouchedFor() {
        let proxy = ProxyUnderTest {
            $0.commands = [CommandRule(name: "JSON.SET", route: .master)]
        }
        let client = proxy.driver.connect()
        proxy.driver.command(["JSON.SET", "k"], to: client)
        #expect(proxy.sent(to: .masterWrites) == Wire.text("JSON.SET", "k"))
    }
}
