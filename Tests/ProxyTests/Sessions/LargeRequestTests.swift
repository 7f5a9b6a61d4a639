// Requests too large to be kept, of clients in every unusual state: they go where the client's other requests go.

import RESP
import TestSupport
import Testing

@testable import Proxy

@Suite struct LargeRequestTests {
    static let value = String(repeating: "v", count: 5000)
    static let set = Wire.request(["SET", "k", LargeRequestTests.value])
    static let own = LinkID.next(after: 0)

    private func proxy() -> ProxyUnderTest {
        ProxyUnderTest { $0.limits.privateAbove = 1000 }
    }

    /// Sends a large SET in pieces.
    private func sendLarge(_ proxy: ProxyUnderTest, _ client: ConnectionID) {
        var index = 0
        while index < LargeRequestTests.set.count {
            let end = min(index + 700, LargeRequestTests.set.count)
            proxy.driver.send(Array(LargeRequestTests.set[index..<end]), to: client)
            proxy.connectAll()
            proxy.core.checkInvariants()
            index = end
        }
    }

    /// Inside MULTI it is part of the transaction, on a connection that has had MULTI before.
    @Test func insideMulti() {
        let proxy = proxy()
        let client = proxy.driver.connect()
        proxy.driver.send(Wire.pipeline([["MULTI"], ["INCR", "n"]]), to: client)
        sendLarge(proxy, client)
        #expect(proxy.driver.output(of: client) == "+OK\r\n+QUEUED\r\n+QUEUED\r\n")
        proxy.driver.command(["EXEC"], to: client)
        #expect(
            proxy.sent(to: LargeRequestTests.own) == Wire.text("MULTI") + Wire.text("INCR", "n")
                + String(decoding: LargeRequestTests.set, as: UTF8.self) + Wire.text("EXEC"))
        proxy.says("+OK\r\n+QUEUED\r\n+QUEUED\r\n*2\r\n:1\r\n+OK\r\n", on: LargeRequestTests.own)
        #expect(proxy.driver.output(of: client) == "*2\r\n:1\r\n+OK\r\n")
        proxy.core.checkInvariants()
    }

    /// A transaction that has failed already swallows it, and answers as the server would.
    @Test func insideARefusedTransaction() {
        let proxy = proxy()
        let client = proxy.driver.connect()
        proxy.driver.send(Wire.pipeline([["MULTI"], ["GET"]]), to: client)
        _ = proxy.driver.output(of: client)
        sendLarge(proxy, client)
        #expect(proxy.driver.output(of: client) == "+QUEUED\r\n")
        #expect(
            proxy.driver.ask("EXEC", on: client)
                == "-EXECABORT Transaction discarded because of previous errors.\r\n")
        #expect(proxy.sent(to: .masterWrites) == "")
        #expect(proxy.core.links.count == 2)
    }

    /// The wrong number of arguments is told from the head, and the transaction fails.
    @Test func wrongArityInsideMulti() {
        let proxy = proxy()
        let client = proxy.driver.connect()
        proxy.driver.send(
            Wire.pipeline([["MULTI"], ["GET", "k", LargeRequestTests.value], ["EXEC"]]), to: client)
        #expect(
            proxy.driver.output(of: client)
                == "+OK\r\n-ERR wrong number of arguments for 'get' command\r\n-EXECABORT "
                + "Transaction discarded because of previous errors.\r\n")
    }

    /// The connection dies in the middle: QUEUED is answered, EXEC fails, nothing ran.
    @Test func connectionDiesInsideMulti() {
        let proxy = proxy()
        let client = proxy.driver.connect()
        proxy.driver.command(["MULTI"], to: client)
        proxy.driver.send(Array(LargeRequestTests.set.prefix(2000)), to: client)
        proxy.connect(LargeRequestTests.own)
        proxy.cut(LargeRequestTests.own)
        proxy.driver.send(Array(LargeRequestTests.set.dropFirst(2000)), to: client)
        #expect(proxy.driver.output(of: client) == "+OK\r\n+QUEUED\r\n")
        #expect(proxy.driver.ask("EXEC", on: client).hasPrefix("-EXECABORT "))
        proxy.core.checkInvariants()
    }

    /// Of a client that watches keys it goes over the connection that watches them.
    @Test func whileWatching() {
        let proxy = proxy()
        let client = proxy.driver.connect()
        proxy.driver.command(["WATCH", "k"], to: client)
        proxy.connect(LargeRequestTests.own)
        proxy.says("+OK\r\n", on: LargeRequestTests.own)
        _ = proxy.sent(to: LargeRequestTests.own)
        sendLarge(proxy, client)
        #expect(
            proxy.sent(to: LargeRequestTests.own)
                == String(decoding: LargeRequestTests.set, as: UTF8.self))
        proxy.says("+OK\r\n", on: LargeRequestTests.own)
        #expect(proxy.driver.output(of: client) == "+OK\r\n+OK\r\n")
        #expect(proxy.core.clients[client]?.extras?.pin?.purpose == .watch)
        proxy.driver.cut(client)
        #expect(proxy.isClosed(LargeRequestTests.own))
    }

    /// CLIENT REPLY SKIP skips the reply to it, and to nothing else.
    @Test func skipped() {
        let proxy = proxy()
        let client = proxy.driver.connect()
        proxy.driver.command(["CLIENT", "REPLY", "SKIP"], to: client)
        sendLarge(proxy, client)
        proxy.says("+OK\r\n", on: LargeRequestTests.own)
        #expect(proxy.driver.ask("CLIENT", "GETNAME", on: client) == "$-1\r\n")
        proxy.core.checkInvariants()
    }

    /// A stranger cannot send one at all.
    @Test func ofStrangers() {
        let proxy = ProxyUnderTest {
            $0.authentication = .users
            $0.limits.privateAbove = 1000
        }
        let client = proxy.driver.connect()
        sendLarge(proxy, client)
        #expect(proxy.driver.output(of: client) == "-NOAUTH Authentication required.\r\n")
        proxy.driver.send("*1\r\n$20000\r\n", to: client)
        #expect(
            proxy.driver.output(of: client)
                == "-ERR Protocol error: unauthenticated bulk length\r\n")
        #expect(proxy.driver.closed.contains(client))
    }

    /// It may take its time to arrive; from its last piece on it is a request like any other.
    @Test func lateAnswers() {
        let proxy = ProxyUnderTest {
            $0.limits.privateAbove = 1000
            $0.timeouts.request = .seconds(1)
        }
        let client = proxy.driver.connect()
        proxy.driver.send(Array(LargeRequestTests.set.prefix(2000)), to: client)
        proxy.connectAll()
        for _ in 0..<10 { proxy.driver.pass(.seconds(1)) }
        #expect(proxy.driver.output(of: client) == "")
        proxy.driver.send(Array(LargeRequestTests.set.dropFirst(2000)), to: client)
        #expect(proxy.driver.output(of: client) == "")
        for _ in 0..<10 { proxy.driver.pass(.milliseconds(200)) }
        #expect(proxy.driver.output(of: client).hasPrefix("-TIMEOUT master"))
        proxy.says("+OK\r\n", on: LargeRequestTests.own)
        #expect(proxy.driver.output(of: client) == "")
        proxy.core.checkInvariants()
    }
}
