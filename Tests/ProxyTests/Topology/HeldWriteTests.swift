// Writes while there is no master: what waits, for how long, and what ends it.

import RESP
import TestSupport
import Testing

@testable import Proxy

@Suite struct HeldWriteTests {
    private static func proxy(
        _ configure: (inout ProxyConfiguration) -> Void = { _ in }
    ) -> ProxyUnderTest {
        ProxyUnderTest {
            $0.writes.hold = .seconds(5)
            configure(&$0)
        }
    }

    /// The master goes away: what stood for less than a second is made again after a while.
    private static func lose(_ proxy: ProxyUnderTest) {
        proxy.cut(.masterWrites)
        proxy.cut(.masterReads)
    }

    private static func comeBack(_ proxy: ProxyUnderTest) {
        for _ in 0..<20 {
            proxy.driver.pass(.milliseconds(100))
            proxy.connectAll()
        }
    }

    private static let refused = "; nothing was sent\r\n"

    /// They are refused when their time is up, not when something else comes up after that.
    @Test func theProxyWakesForThem() throws {
        let proxy = Self.proxy { $0.writes.hold = .milliseconds(300) }
        let client = proxy.driver.connect()
        Self.lose(proxy)
        proxy.driver.command(["SET", "a", "1"], to: client)
        // It is connected to anew by now, and no other attempt is due.
        proxy.driver.pass(.milliseconds(200))
        let due = try #require(proxy.core.held.due)
        #expect(try #require(proxy.core.pending.wakeAt) <= due)
    }

    /// A master that refuses more connections, for reads say, is written to over those that stand.
    @Test func masterThatRefusesMoreConnections() throws {
        let proxy = Self.proxy()
        let client = proxy.driver.connect()
        proxy.cut(.masterReads)
        proxy.driver.pass(.milliseconds(200))
        proxy.refuse(.masterReads, "max number of clients reached")
        #expect(proxy.core.master.health.state == .down)
        proxy.driver.command(["SET", "a", "1"], to: client)
        #expect(proxy.sent(to: .masterWrites) == Wire.text("SET", "a", "1"))
    }

    /// They wait in the order in which their client has asked for them, and go out when the master is there again.
    @Test func theyWait() throws {
        let proxy = Self.proxy()
        let client = proxy.driver.connect()
        Self.lose(proxy)
        proxy.driver.send(Wire.pipeline([["SET", "a", "1"], ["SET", "a", "2"]]), to: client)
        proxy.driver.pass(.milliseconds(50))
        #expect(proxy.driver.output(of: client) == "")
        proxy.core.checkInvariants()
        Self.comeBack(proxy)
        #expect(
            proxy.sent(to: .masterWrites) == Wire.text("SET", "a", "1") + Wire.text("SET", "a", "2")
        )
        proxy.says("+OK\r\n+OK\r\n", on: .masterWrites)
        #expect(proxy.driver.output(of: client) == "+OK\r\n+OK\r\n")
        #expect(proxy.core.held.isEmpty)
    }

    /// One connection of several was lost a moment ago, and is being made anew: the master is there, but what is asked
    /// now waits too, as the connection may not come.
    @Test func whileConnectingAnew() throws {
        let proxy = Self.proxy { $0.backends.connections = 2 }
        let client = proxy.driver.connect()
        let writers = proxy.core.master.lanes[0]!.writers
        let own = writers[proxy.core.connectionNumber(of: try #require(proxy.core.clients[client]))]
        proxy.driver.pass(.seconds(2))
        proxy.cut(own.link)
        #expect(proxy.core.master.health.isHealthy)
        proxy.driver.command(["SET", "a", "1"], to: client)
        #expect(proxy.core.held.count == 1)
        proxy.refuse(own.link, "no")
        #expect(proxy.driver.output(of: client) == "")
        Self.comeBack(proxy)
        #expect(proxy.sent(to: own.link) == Wire.text("SET", "a", "1"))
        proxy.core.checkInvariants()
    }

    /// The time counts from when the master went away: then all are refused at once, and so is what comes later.
    @Test func notForEver() throws {
        let proxy = Self.proxy()
        let client = proxy.driver.connect()
        Self.lose(proxy)
        proxy.driver.send(Wire.pipeline([["SET", "a", "1"], ["SET", "a", "2"]]), to: client)
        for _ in 0..<49 {
            proxy.driver.pass(.milliseconds(100))
            while let link = proxy.wishedLinks.first { proxy.refuse(link, "no") }
        }
        #expect(proxy.driver.output(of: client) == "")
        proxy.driver.pass(.milliseconds(200))
        while let link = proxy.wishedLinks.first { proxy.refuse(link, "no") }
        let answer = proxy.driver.output(of: client)
        #expect(answer.split(separator: "nothing was sent").count == 3, "\(answer)")
        #expect(proxy.driver.ask("SET", "a", "3", on: client).hasSuffix(Self.refused))
        #expect(proxy.core.held.isEmpty)
        proxy.core.checkInvariants()
    }

    /// Everything that only a master may be given waits as well.
    @Test(arguments: [
        [["BLPOP", "l", "0"]], [["WATCH", "k"]], [["MULTI"], ["SET", "a", "1"], ["EXEC"]],
        [["WAIT", "1", "0"]], [["PUBLISH", "c", "x"]],
    ])
    func othersWaitToo(requests: [[String]]) throws {
        let proxy = Self.proxy()
        let client = proxy.driver.connect()
        Self.lose(proxy)
        proxy.driver.send(Wire.pipeline(requests), to: client)
        proxy.driver.pass(.milliseconds(50))
        #expect(proxy.core.held.count == 1)
        #expect(!proxy.driver.output(of: client).contains("-"))
        Self.comeBack(proxy)
        #expect(proxy.core.held.isEmpty)
        let last = String(decoding: Wire.pipeline([requests.last!]), as: UTF8.self)
        #expect(
            proxy.core.links.compactMap { $0 }.contains {
                $0.id != nil && proxy.sent(to: $0.link).hasSuffix(last)
            })
        proxy.core.checkInvariants()
    }

    /// A held write dies with its client: whoever hangs up may have asked again elsewhere.
    @Test(arguments: [0, 1, 2]) func trapC5_diesWithItsClient(how: Int) throws {
        let proxy = Self.proxy()
        let client = proxy.driver.connect()
        Self.lose(proxy)
        proxy.driver.command(["SET", "a", "1"], to: client)
        #expect(proxy.core.held.count == 1)
        switch how {
        case 0: proxy.driver.end(client)
        case 1: proxy.driver.cut(client)
        default: proxy.driver.tell(.hungUp(client))
        }
        #expect(proxy.core.held.isEmpty)
        Self.comeBack(proxy)
        #expect(proxy.sent(to: .masterWrites) == "")
        proxy.core.checkInvariants()
    }

    /// Beyond the limits a write is refused at once, and says which limits these are.
    @Test(arguments: [true, false]) func limits(ofRequests: Bool) throws {
        let proxy = Self.proxy {
            if ofRequests { $0.writes.holdRequests = 1 } else { $0.writes.holdBytes = 40 }
        }
        let clients = [proxy.driver.connect(), proxy.driver.connect()]
        Self.lose(proxy)
        for client in clients { proxy.driver.command(["SET", "a", "1"], to: client) }
        #expect(proxy.driver.output(of: clients[0]) == "")
        #expect(proxy.driver.output(of: clients[1]).contains("writes.hold_max_requests"))
        #expect(proxy.core.held.count == 1)
    }

    /// What hangs is away too: a write is not given to who may never answer.
    @Test func silentMaster() throws {
        let proxy = Self.proxy {
            $0.timeouts.probeInterval = .seconds(1)
            $0.timeouts.probe = .milliseconds(500)
        }
        let client = proxy.driver.connect()
        for _ in 0..<20 {
            proxy.driver.pass(.milliseconds(100))
            proxy.connectAll()
        }
        _ = proxy.sent(to: .masterWrites)
        #expect(proxy.core.master.health.isSilent)
        proxy.driver.command(["SET", "a", "1"], to: client)
        #expect(proxy.sent(to: .masterWrites) == "")
        #expect(proxy.core.held.count == 1)
    }
}
