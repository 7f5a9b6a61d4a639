// What happens to servers, as it is kept for operators: what is told, once, in which words, and how much of it.

import RESP
import TestSupport
import Testing

@testable import Proxy

@Suite struct EventTests {
    private func events(_ proxy: FreshProxy) -> [ProxyEvent] {
        proxy.core.operators.events.newest(.max).reversed()
    }

    private func kinds(_ proxy: FreshProxy, since count: Int) -> [ProxyEvent.Kind] {
        events(proxy).dropFirst(count).map(\.kind)
    }

    private func proxy() -> FreshProxy {
        let proxy = FreshProxy {
            $0.reads.maxLagBytes = 1000
        }
        proxy.probe()
        return proxy
    }

    /// The first events are that servers are there; numbers rise from 1.
    @Test func beginning() {
        let proxy = proxy()
        let events = events(proxy)
        #expect(events.map(\.number) == Array(1...events.count))
        #expect(events.allSatisfy { $0.kind == .state })
        let healthy = events.filter { $0.state == .healthy }
        #expect(Set(healthy.map(\.backend)) == ["127.0.0.1:6379", "replica0:6379"])
        #expect(healthy.allSatisfy { $0.oldState == .connecting })
    }

    /// A lag is told when it begins, with its size, and when it has ended; not in between.
    @Test func lag() throws {
        let proxy = proxy()
        let count = events(proxy).count
        proxy.facts[0].offset += 5000
        for _ in 0..<3 { proxy.probe() }
        #expect(kinds(proxy, since: count) == [.lagAlarm])
        proxy.facts[1].offset += 4900
        proxy.probe()
        #expect(kinds(proxy, since: count) == [.lagAlarm, .lagRecovery])
        let alarm = events(proxy)[count]
        #expect(alarm.oldState == .healthy && alarm.state == .lagging && alarm.role == .replica)
        #expect(alarm.lag == 5000 && alarm.offset == 100 && alarm.runID == "run-replica-0")
        #expect(alarm.reason == "it is 5000 bytes and 0 ms behind its master")
        let recovery = events(proxy)[count + 1]
        #expect(recovery.oldState == .lagging && recovery.state == .healthy)
        #expect(recovery.reason.hasPrefix("it is 100 bytes and"))
    }

    /// A lag that nobody can judge any more has not ended: its master is silent.
    @Test func lagThatIsNotJudged() {
        let proxy = proxy()
        proxy.facts[0].offset += 5000
        proxy.probe()
        let count = events(proxy).count
        proxy.core.servers[0].health.isSilent = true
        proxy.core.changed(proxy.core.servers[0])
        #expect(kinds(proxy, since: count) == [.state, .state])
        #expect(events(proxy).last?.reason.hasPrefix("nobody can say") == true)
    }

    /// The master begins another history: as another process, as itself, and with most of its keys lost.
    @Test func masters() {
        let proxy = proxy()
        proxy.facts[0].keys = 100
        proxy.probe()
        let count = events(proxy).count
        proxy.facts[0].history = "history-2"
        proxy.probe()
        #expect(kinds(proxy, since: count).filter { $0 != .state } == [.newHistory])
        proxy.facts[0].runID = "run-again"
        proxy.facts[0].keys = 50
        proxy.probe()
        #expect(kinds(proxy, since: count).filter { $0 != .state } == [.newHistory, .newHistory])
        // The same process may lose what it likes.
        proxy.facts[0].keys = 10
        proxy.probe()
        #expect(kinds(proxy, since: count).filter { $0 != .state } == [.newHistory, .newHistory])
        proxy.facts[0].runID = "run-once-more"
        proxy.facts[0].keys = 4
        proxy.probe()
        #expect(
            kinds(proxy, since: count).filter { $0 != .state } == [
                .newHistory, .newHistory, .newHistory, .emptyMaster,
            ])
        #expect(events(proxy).last?.reason.hasSuffix("with 4 keys, and had 10") == true)
        #expect(proxy.driver.log.contains { $0.hasSuffix("with 4 keys, and had 10") })
    }

    /// No more are kept than that, and the newest are given.
    @Test func bounded() {
        var log = EventLog()
        let server = BackendStatus(address: "a", role: .master, state: .healthy, since: .noon())
        for _ in 0..<300 {
            _ = log.append(ProxyEvent(.state, server, "", at: .noon()))
        }
        #expect(log.newest(.max).map(\.number) == (45...300).reversed())
        #expect(log.newest(2).map(\.number) == [300, 299])
        #expect(log.newest(0).isEmpty)
    }

    /// Every worker is asked and shows the same: what the first one has seen.
    @Test func allWorkers() {
        let proxy = OperatedProxy()
        for driver in proxy.drivers { driver.tell(.refused(LinkID(number: 0), reason: "no")) }
        #expect(proxy.cores[0].operators.events.newest(.max).map(\.state) == [.down])
        for worker in 0...1 {
            let client = proxy.drivers[worker].connect()
            let reply = proxy.ask("PROXY EVENTS", on: client, of: worker)
            #expect(reply.hasPrefix("*1\r\n*28\r\n$2\r\nid\r\n:1\r\n"))
            #expect(reply.contains("$5\r\nstate\r\n$4\r\ndown\r\n"))
            #expect(proxy.ask("PROXY EVENTS 0", on: client, of: worker) == "*0\r\n")
        }
    }
}
