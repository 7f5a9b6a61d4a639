// Replicas that clients' reads fail on, or wait for: set aside, tried, and taken back. Probes find nothing wrong with
// them.

import RESP
import TestSupport
import Testing

@testable import Proxy

@Suite struct OutlierTests {
    /// Each replica answers probes, as does the master; what clients ask is the test's to answer.
    private static func proxy(
        replicas: Int = 2, _ configure: (inout ProxyConfiguration) -> Void = { _ in }
    ) -> FreshProxy {
        FreshProxy(replicas: replicas, isProved: false) {
            $0.reads.consistency = .eventual
            $0.reads.balance = .roundRobin
            $0.reads.rampUp = .zero
            $0.timeouts.request = .seconds(4)
            configure(&$0)
        }
    }

    private static func state(_ server: Int, of proxy: FreshProxy) -> BackendState {
        proxy.core.servers[server].health.state
    }

    /// A read of a client of its own; where it went, nil when it is answered already.
    private static func read(_ proxy: FreshProxy, _ words: [String] = ["GET", "k"]) -> Int? {
        let client = proxy.driver.connect()
        proxy.driver.command(words, to: client)
        return proxy.place(of: words)
    }

    private static func answer(_ proxy: FreshProxy, at server: Int) {
        let link = proxy.core.servers[server].lanes[0]!.readers[0].link
        proxy.proxy.says("$-1\r\n", on: link)
    }

    /// Reads until so many have gone to server 1, which does not answer; the other does at once.
    private static func hang(_ proxy: FreshProxy, reads: Int, _ words: [String] = ["GET", "k"]) {
        var left = reads
        while left > 0 {
            guard let server = read(proxy, words) else { return }
            if server == 1 { left -= 1 } else { answer(proxy, at: server) }
        }
    }

    private static func pass(_ proxy: FreshProxy, seconds: Int) {
        pass(proxy, halfSeconds: seconds * 2)
    }

    private static func pass(_ proxy: FreshProxy, halfSeconds: Int) {
        for _ in 0..<halfSeconds {
            proxy.driver.pass(.milliseconds(500))
            proxy.settle()
        }
    }

    /// Five reads time out: it is set aside for ten seconds, tried with one read at a time, and taken back.
    @Test func timeOuts() throws {
        let proxy = Self.proxy()
        Self.hang(proxy, reads: 5)
        Self.pass(proxy, seconds: 5)
        #expect(Self.state(1, of: proxy) == .ejected)
        #expect(
            proxy.core.servers[1].health.reason
                == "5 reads in a row failed: it is not read for 10 s")
        #expect(proxy.core.readable == [2])
        let event = try #require(proxy.core.operators.events.newest(1).first)
        #expect(event.kind == .state && event.state == .ejected && event.oldState == .healthy)
        // What it owed is dropped with its connection when it is tried.
        let before = proxy.reads(of: 0)
        Self.pass(proxy, seconds: 12)
        #expect(Self.state(1, of: proxy) == .healthy)
        #expect(proxy.core.servers[1].health.reason.hasPrefix("on trial"))
        #expect(proxy.proxy.driver.closed.contains { $0.slot == 1000 + before.number })
        var tried = 0
        for _ in 0..<10 where Self.read(proxy) == 1 { tried += 1 }
        #expect(tried == 1)
        for _ in 0..<10 {
            Self.answer(proxy, at: 2)
            if proxy.core.servers[2].outstanding == 0 { break }
        }
        Self.answer(proxy, at: 1)
        for _ in 0..<4 {
            while Self.read(proxy) != 1 { Self.answer(proxy, at: 2) }
            Self.answer(proxy, at: 1)
        }
        #expect(proxy.core.servers[1].circuit.state == .closed)
        #expect(proxy.core.servers[1].health.reason == "")
        proxy.core.checkInvariants()
    }

    /// What may take long proves nothing, and neither does what waits with it.
    @Test func slowRequestsProveNothing() {
        let proxy = Self.proxy()
        Self.hang(proxy, reads: 1, ["KEYS", "*"])
        Self.hang(proxy, reads: 10)
        Self.pass(proxy, seconds: 6)
        #expect(Self.state(1, of: proxy) == .healthy)
        #expect(proxy.core.servers[1].circuit.failures == 0)
    }

    /// Fewer than five, or an answer between them, are no reason.
    @Test func answersBetween() {
        let proxy = Self.proxy()
        Self.hang(proxy, reads: 4)
        Self.pass(proxy, seconds: 5)
        #expect(proxy.core.servers[1].circuit.failures == 4)
        Self.hang(proxy, reads: 1)
        for _ in 0..<5 { Self.answer(proxy, at: 1) }
        #expect(proxy.core.servers[1].circuit.failures == 0)
        #expect(Self.state(1, of: proxy) == .healthy)
    }

    /// A server that takes a read, and then closes the connection, again and again.
    @Test func losses() {
        let proxy = Self.proxy()
        var seconds = 0
        while Self.state(1, of: proxy) != .ejected, seconds < 60 {
            seconds += 1
            if Self.state(1, of: proxy) == .healthy {
                Self.hang(proxy, reads: 1)
                proxy.proxy.cut(proxy.reads(of: 0))
                #expect(proxy.place(of: ["GET", "k"]) == 2)
                Self.answer(proxy, at: 2)
            }
            Self.pass(proxy, seconds: 2)
        }
        #expect(Self.state(1, of: proxy) == .ejected)
        #expect(proxy.core.servers[1].counters.losses == 5)
        proxy.core.checkInvariants()
    }

    /// Of two replicas one is set aside at most, however both fail, and of one all; where the master may not be read
    /// the last one stays.
    @Test(arguments: [(1, true, 1), (1, false, 0), (2, true, 1), (4, true, 2)])
    func howMany(replicas: Int, mayReadMaster: Bool, expected: Int) {
        let proxy = Self.proxy(replicas: replicas) {
            $0.reads.includeMaster = mayReadMaster ? .fallback : .never
        }
        for _ in 0..<8 * replicas { _ = Self.read(proxy) }
        Self.pass(proxy, seconds: 6)
        #expect(proxy.core.replicas.count { $0.circuit.isOpen } == expected)
        #expect(!proxy.core.readable.isEmpty)
    }

    /// Another process has done nothing wrong yet.
    @Test func anotherProcess() {
        let proxy = Self.proxy()
        Self.hang(proxy, reads: 5)
        Self.pass(proxy, seconds: 5)
        #expect(proxy.core.servers[1].circuit.isOpen)
        proxy.facts[1].runID = "another"
        proxy.probe()
        #expect(Self.state(1, of: proxy) == .healthy)
        #expect(proxy.core.servers[1].circuit == Circuit())
    }

    /// A second in which each replica answers so many reads, each after so many milliseconds.
    private static func second(
        _ proxy: FreshProxy, _ delays: [Int], _ words: [String] = ["GET", "k"]
    ) {
        for _ in 0..<6 { round(proxy, delays, words) }
        proxy.probe()
    }

    private static func round(
        _ proxy: FreshProxy, _ delays: [Int], _ words: [String] = ["GET", "k"]
    ) {
        for _ in delays { _ = read(proxy, words) }
        var passed = 0
        for (server, delay) in delays.enumerated().sorted(by: { $0.element < $1.element }) {
            proxy.driver.pass(.milliseconds(delay - passed))
            passed = delay
            answer(proxy, at: server + 1)
        }
    }

    /// One that answers much more slowly than its peers is set aside when it has done so for three seconds.
    @Test func slowReplica() {
        let proxy = Self.proxy(replicas: 3)
        // From here on servers are asked once in a second.
        proxy.probe()
        Self.second(proxy, [2, 2, 80])
        Self.second(proxy, [2, 2, 80])
        #expect(Self.state(3, of: proxy) == .healthy)
        Self.second(proxy, [2, 2, 80])
        #expect(Self.state(3, of: proxy) == .ejected)
        #expect(
            proxy.core.servers[3].health.reason
                == "it answers in 80 ms, and its peers in 2 ms: it is not read for 10 s")
        Self.pass(proxy, seconds: 11)
        // One slow answer on trial is enough.
        while Self.read(proxy) != 3 {}
        proxy.driver.pass(.milliseconds(80))
        Self.answer(proxy, at: 3)
        #expect(Self.state(3, of: proxy) == .ejected)
        #expect(proxy.core.servers[3].circuit.lasts == .seconds(20))
        proxy.core.checkInvariants()
    }

    /// Slow together, or slow because of what was asked: nobody is set aside.
    @Test func slowForAReason() {
        let proxy = Self.proxy(replicas: 3)
        proxy.probe()
        for _ in 0..<4 { Self.second(proxy, [90, 95, 99]) }
        for _ in 0..<4 { Self.second(proxy, [2, 2, 80], ["HGETALL", "k"]) }
        #expect(proxy.core.readable == [1, 2, 3])
    }

    /// One that is set aside is read all the same when the others and the master go; and is not set aside when it is
    /// the last.
    @Test(arguments: [true, false]) func lastOne(isSetAsideBefore: Bool) {
        let proxy = Self.proxy()
        if isSetAsideBefore {
            Self.hang(proxy, reads: 5)
            Self.pass(proxy, seconds: 5)
            #expect(proxy.core.readable == [2])
        }
        proxy.lose(0)
        proxy.lose(2)
        Self.pass(proxy, seconds: 2)
        #expect(proxy.core.readable == [1])
        guard !isSetAsideBefore else { return }
        Self.hang(proxy, reads: 6)
        Self.pass(proxy, seconds: 6)
        #expect(!proxy.core.servers[1].circuit.isOpen)
        #expect(proxy.core.readable == [1])
    }

    /// A server that is followed no longer is not waited for.
    @Test func goneMeanwhile() throws {
        let proxy = Self.proxy()
        let server = proxy.core.servers[1]
        server.circuit.open(
            because: .failures(5), proxy.core.configuration.outliers, at: proxy.core.now.instant)
        server.isGone = true
        Self.pass(proxy, seconds: 30)
        proxy.core.scheduleWake()
        #expect(try #require(proxy.core.pending.wakeAt) > proxy.core.now.instant)
    }

    /// Replicas are compared once in an interval, however often they are looked after: while the master is looked for
    /// that is more often.
    @Test func intervalsAreWhole() {
        let proxy = Self.proxy(replicas: 3)
        proxy.probe()
        // Enough answers for a mean each time, and all of it within one interval.
        for _ in 0..<4 {
            for _ in 0..<15 { _ = Self.read(proxy) }
            proxy.driver.pass(.milliseconds(2))
            for server in 1...2 { for _ in 0..<5 { Self.answer(proxy, at: server) } }
            proxy.driver.pass(.milliseconds(60))
            for _ in 0..<5 { Self.answer(proxy, at: 3) }
            proxy.core.compareReplicas()
        }
        #expect(!proxy.core.servers[3].circuit.isOpen)
    }

    /// A read that was asked elsewhere before took part of its time there.
    @Test func movedReads() {
        let proxy = Self.proxy()
        Self.hang(proxy, reads: 1)
        let before = proxy.core.servers[2].circuit.window
        proxy.driver.pass(.milliseconds(900))
        proxy.proxy.cut(proxy.reads(of: 0))
        #expect(proxy.place(of: ["GET", "k"]) == 2)
        Self.answer(proxy, at: 2)
        #expect(proxy.core.servers[2].circuit.window == before)
    }

    /// What stands behind half a reply has not failed.
    @Test func behindHalfAReply() {
        let proxy = Self.proxy()
        Self.hang(proxy, reads: 6)
        let link = proxy.reads(of: 0)
        proxy.proxy.says("$5000\r\n", on: link)
        for _ in 0..<10 {
            Self.pass(proxy, halfSeconds: 1)
            proxy.proxy.says("x", on: link)
        }
        #expect(proxy.core.counters.timeouts == 5)
        #expect(proxy.core.servers[1].circuit.failures == 0)
        #expect(!proxy.core.servers[1].circuit.isOpen)
    }

    /// Answers to what is slow by nature say nothing of the pace, and end a trial.
    @Test func trialOfSlowRequests() {
        let proxy = Self.proxy()
        Self.hang(proxy, reads: 5)
        Self.pass(proxy, seconds: 16)
        #expect(proxy.core.servers[1].circuit.isOnTrial)
        for _ in 0..<20 {
            guard let server = Self.read(proxy, ["HGETALL", "k"]) else { continue }
            proxy.driver.pass(.milliseconds(80))
            Self.answer(proxy, at: server)
        }
        #expect(!proxy.core.servers[1].circuit.isOnTrial)
    }

    /// Nothing is judged where the limits are off.
    @Test func off() {
        let proxy = Self.proxy(replicas: 3) {
            $0.outliers.failures = 0
            $0.outliers.latencyFactor = 0
        }
        for _ in 0..<4 { Self.second(proxy, [2, 2, 80]) }
        Self.hang(proxy, reads: 9)
        Self.pass(proxy, seconds: 5)
        #expect(proxy.core.readable == [1, 2, 3])
    }
}
