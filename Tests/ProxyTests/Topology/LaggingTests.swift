// Replicas that are too far behind: not read, at whatever level, until they are well within the ceiling again.

import RESP
import TestSupport
import Testing

@testable import Proxy

@Suite struct LaggingTests {
    private func proxy(
        replicas: Int = 2, _ level: Consistency = .eventual,
        _ includeMaster: IncludeMaster = .fallback
    ) -> FreshProxy {
        let proxy = FreshProxy(replicas: replicas, isProved: level == .fresh) {
            $0.reads.consistency = level
            $0.reads.includeMaster = includeMaster
            $0.reads.maxLagBytes = 1000
            $0.reads.maxLag = .seconds(3)
        }
        proxy.probe()
        return proxy
    }

    private func state(_ server: Int, of proxy: FreshProxy) -> BackendState {
        proxy.core.servers[server].health.state
    }

    /// By bytes: it begins above the ceiling and ends within half of it, and its state is told once each time.
    @Test func bytes() {
        let proxy = proxy()
        let rows: [(behind: Int, BackendState)] = [
            (0, .healthy), (1000, .healthy), (1001, .lagging), (1000, .lagging), (501, .lagging),
            (500, .healthy), (1000, .healthy),
        ]
        for (step, (behind, expected)) in rows.enumerated() {
            for server in 0...2 { proxy.facts[server].offset = 10_000 * (step + 1) }
            proxy.facts[1].offset -= behind
            proxy.probe()
            #expect(state(1, of: proxy) == expected, "\(behind)")
            #expect(proxy.core.readable == (expected == .healthy ? [1, 2] : [2]))
            #expect(proxy.core.servers[1].lag?.bytes == behind)
        }
        #expect(proxy.driver.log.count { $0.contains("is lagging") } == 1)
        proxy.core.checkInvariants()
    }

    /// By time: one byte that does not come, for longer than the ceiling allows. An idle master makes nobody lag.
    @Test func time() {
        let proxy = proxy()
        for _ in 0..<5 { proxy.probe() }
        #expect(state(1, of: proxy) == .healthy)
        proxy.facts[0].offset += 1
        proxy.facts[2].offset += 1
        var seconds: [Int] = []
        for _ in 0..<6 {
            proxy.probe()
            if state(1, of: proxy) == .lagging {
                seconds.append(proxy.core.servers[1].lag!.milliseconds / 1000)
            }
        }
        #expect(seconds == [4, 5])
        #expect(state(2, of: proxy) == .healthy)
        proxy.facts[1].offset += 1
        proxy.probe()
        #expect(state(1, of: proxy) == .healthy)
    }

    /// At every level reads leave it; when all lag they go to the master, or to them when it may not be read.
    @Test(arguments: [Consistency.eventual, .fresh, .bounded, .session])
    func everyLevel(_ level: Consistency) {
        let proxy = proxy(replicas: 1, level)
        let client = proxy.driver.connect()
        proxy.facts[0].offset += 5000
        proxy.probe()
        #expect(proxy.core.readable == [0])
        for _ in 0..<4 { proxy.driver.pass(.milliseconds(2)) }
        #expect(proxy.ask("GET", "k", by: client) == 0)
    }

    @Test func masterMayNotBeRead() {
        let proxy = proxy(replicas: 2, .eventual, .never)
        proxy.facts[0].offset += 5000
        proxy.facts[1].offset += 5000
        proxy.probe()
        #expect(proxy.core.readable == [1])
        proxy.facts[0].offset += 5000
        proxy.probe()
        #expect(proxy.core.readable == [1, 2])
        let client = proxy.driver.connect()
        #expect(proxy.ask("GET", "k", by: client) != 0)
    }

    /// A master that is silent is no measure; when it is back the lag counts again.
    @Test func silentMaster() {
        let proxy = proxy(replicas: 1)
        proxy.facts[0].offset += 5000
        proxy.probe()
        #expect(state(1, of: proxy) == .lagging)
        proxy.core.servers[0].health.isSilent = true
        proxy.core.changed(proxy.core.servers[0])
        #expect(state(1, of: proxy) == .healthy)
        #expect(proxy.core.readable == [1])
        proxy.probe()
        #expect(state(1, of: proxy) == .lagging)
    }

    /// What belongs to another history is not compared, and neither is what a master without a backlog says.
    @Test func unknownLag() {
        let proxy = proxy(replicas: 1)
        proxy.facts[0].history = "history-2"
        proxy.facts[0].offset = 90_000
        proxy.probe()
        #expect(proxy.core.servers[1].lag == nil)
        #expect(state(1, of: proxy) == .ejected)
        proxy.facts[1].history = "history-2"
        proxy.probe()
        #expect(state(1, of: proxy) == .lagging)
        proxy.facts[0].isBacklogActive = false
        proxy.probe()
        #expect(proxy.core.servers[1].lag == nil)
        #expect(state(1, of: proxy) == .healthy)
    }
}
