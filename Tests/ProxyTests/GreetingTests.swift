// What is said on each connection to a server before any request, and what happens when it is not understood.

import RESP
import TestSupport
import Testing

@testable import Proxy

@Suite struct GreetingTests {
    private static func proxy(user: String? = nil) -> ProxyUnderTest {
        ProxyUnderTest(isConnected: false) {
            $0.backends.username = user
            $0.backends.password = Secret([UInt8]("secret".utf8))
        }
    }

    /// Requests wait until the server has taken us for who we are, however its answers are cut.
    @Test func requestsWaitForTheAnswer() throws {
        let answers = [UInt8]("+OK\r\n$1\r\n1\r\n".utf8)
        for cut in 0...5 {
            let proxy = Self.proxy(user: "sluice")
            let client = proxy.driver.connect()
            proxy.ask("GET", "a", by: client)
            proxy.connect(.masterReads)
            #expect(proxy.sent(to: .masterReads) == Wire.text("AUTH", "sluice", "secret"))
            proxy.says(Array(answers[..<cut]), on: .masterReads)
            if cut < 5 { #expect(proxy.sent(to: .masterReads) == "") }
            proxy.says(Array(answers[cut..<5]), on: .masterReads)
            #expect(proxy.sent(to: .masterReads) == Wire.text("GET", "a"))
            proxy.says(Array(answers[5...]), on: .masterReads)
            #expect(proxy.driver.output(of: client) == "$1\r\n1\r\n")
        }
    }

    /// RESP3 and another database are said on connections of their own, after who we are.
    @Test func lanesAreGreeted() throws {
        let proxy = Self.proxy()
        proxy.connectAll()
        for link in [LinkID.masterReads, .masterWrites] {
            #expect(proxy.sent(to: link) == Wire.text("AUTH", "secret"))
            proxy.says("+OK\r\n", on: link)
        }
        let client = proxy.driver.connect()
        proxy.ask("HELLO", "3", by: client)
        proxy.ask("SELECT", "5", by: client)
        #expect(proxy.driver.output(of: client).hasSuffix("+OK\r\n"))
        proxy.ask("GET", "a", by: client)
        proxy.connectAll()
        let reads = LinkID.next(after: 0)
        #expect(
            proxy.sent(to: reads)
                == Wire.text("AUTH", "secret") + Wire.text("HELLO", "3") + Wire.text("SELECT", "5"))
        proxy.says("+OK\r\n%1\r\n+proto\r\n:3\r\n+OK\r\n", on: reads)
        #expect(proxy.sent(to: reads) == Wire.text("GET", "a"))
        proxy.says("_\r\n", on: reads)
        #expect(proxy.driver.output(of: client) == "_\r\n")
    }

    /// A server that does not take us is no server: what waited is answered so, and it is asked again later.
    @Test func refusedGreeting() throws {
        let proxy = Self.proxy()
        let client = proxy.driver.connect()
        proxy.ask("GET", "a", by: client)
        proxy.connect(.masterReads)
        let refused = proxy.id(of: .masterReads)
        proxy.says("-WRONGPASS invalid username-password pair\r\n", on: .masterReads)
        let answer = proxy.driver.output(of: client)
        #expect(answer.contains("WRONGPASS") && answer.hasSuffix("; nothing was sent\r\n"))
        #expect(proxy.driver.closed.contains(refused))
        #expect(!proxy.driver.log.contains { $0.contains("secret") })
        #expect(proxy.takeConnectWish(.masterReads) == nil)
        proxy.driver.pass(.milliseconds(100))
        proxy.connect(.masterReads)
        #expect(proxy.sent(to: .masterReads) == Wire.text("AUTH", "secret"))
    }
}
