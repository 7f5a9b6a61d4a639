// Servers that the master tells of: how many are followed, and for how long.

import RESP
import TestSupport
import Testing

@testable import Proxy

@Suite struct FoundServerTests {
    private static func proxy() -> FreshProxy {
        FreshProxy { $0.backends.discover = true }
    }

    /// No more are followed than the limit says, which is told once.
    @Test func manyServers() throws {
        let proxy = Self.proxy()
        proxy.facts[0].followers = (0..<300).map { "10.1.\($0 / 250).\($0 % 250):6379" }
        for _ in 0..<3 { proxy.probe() }
        #expect(proxy.core.servers.count == ProxyCore.mostServers)
        let told = proxy.driver.log.filter { "\($0)".contains("servers already") }
        #expect(told.count == 1)
        proxy.core.checkInvariants()
    }

    /// One that is down, and that nobody names any more, is let go of after a while; when it is named again it has the
    /// number that it had, and is followed as before.
    @Test func goneAndBack() throws {
        let proxy = Self.proxy()
        proxy.facts.append(.init(runID: "run-found", role: "slave"))
        proxy.facts[0].followers = ["10.1.0.1:6379"]
        proxy.probe()
        let found = try #require(proxy.core.servers.last)
        #expect(found.index == 2 && !found.isGone)
        #expect(proxy.core.servers[2].health.isHealthy)
        proxy.facts[0].followers = []
        for case let connection? in proxy.core.links
        where connection.server == 2 && connection.id != nil {
            proxy.proxy.cut(connection.link)
        }
        var seconds = 0
        while !found.isGone, seconds < 200 {
            seconds += 1
            proxy.driver.pass(.seconds(1))
            for link in proxy.proxy.wishedLinks {
                if proxy.core.links[Int(link.number)]?.server == 2 {
                    proxy.proxy.refuse(link)
                } else {
                    proxy.proxy.connect(link)
                }
            }
        }
        #expect((50..<80).contains(seconds), "\(seconds)")
        #expect(!proxy.core.readable.contains(2))
        proxy.core.checkInvariants()
        proxy.facts[0].followers = ["10.1.0.1:6379"]
        for _ in 0..<3 { proxy.probe() }
        #expect(proxy.core.servers.count == 3)
        #expect(!found.isGone && found.health.isHealthy)
        proxy.core.checkInvariants()
    }
}
