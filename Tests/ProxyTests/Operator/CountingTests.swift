// What a worker counts and keeps about requests that pass through it.

import RESP
import TestSupport
import Testing

@testable import Proxy

@Suite struct CountingTests {
    /// A read, a write and a command of the proxy's own: each is counted by class, by destination and in bytes.
    @Test func countsWhatPasses() {
        let proxy = ProxyUnderTest(replicas: 1)
        let client = proxy.driver.connect()
        proxy.driver.command(["GET", "k"], to: client)
        proxy.says("$1\r\nv\r\n", on: .replica(0))
        proxy.driver.command(["SET", "k", "v"], to: client)
        proxy.says("-OOM no\r\n", on: .masterWrites)
        proxy.driver.command(["CLIENT", "ID"], to: client)
        proxy.driver.command(["PROXY", "NOSUCH"], to: client)
        let counters = proxy.core.counters
        #expect(counters.reads == 1 && counters.writes == 1 && counters.others == 2)
        #expect(counters.requestsToReplicas == 1 && counters.requestsToMaster == 1)
        #expect(counters.requestsAnsweredHere == 2 && counters.replies == 2)
        #expect(counters.readsOnReplicas == 1 && counters.readsOnMaster == 0)
        #expect(counters.errors.all.map { "\(text($0.code)) \($0.count)" } == ["ERR 1", "OOM 1"])
        #expect(
            counters.clientBytesReceived
                == Wire.text("GET", "k").utf8.count + Wire.text("SET", "k", "v").utf8.count
                + Wire.text("CLIENT", "ID").utf8.count + Wire.text("PROXY", "NOSUCH").utf8.count)
        #expect(counters.clientBytesSent == proxy.driver.bytes(of: client).count)
        #expect(
            counters.backendBytesSent
                == Wire.text("GET", "k").utf8.count + Wire.text("SET", "k", "v").utf8.count)
        #expect(counters.backendBytesReceived == 16)
    }

    /// Why the master got a read.
    @Test func saysWhyTheMasterRead() {
        let alone = ProxyUnderTest()
        alone.driver.command(["GET", "k"], to: alone.driver.connect())
        #expect(alone.core.counters.readsOnMasterWithoutReplica == 1)

        let proxy = ProxyUnderTest(replicas: 1)
        let client = proxy.driver.connect()
        proxy.driver.send(Wire.pipeline([["SET", "k", "v"], ["GET", "k"]]), to: client)
        #expect(proxy.core.counters.readsOnMasterBehindOwnWrite == 1)
        proxy.cut(.replica(0))
        proxy.driver.command(["GET", "k"], to: proxy.driver.connect())
        #expect(proxy.core.counters.readsOnMasterAsFallback == 1)
    }

    /// A request that has timed out is counted, and so is the reply that comes when nobody waits for it.
    @Test func countsTimeOutsAndTombstones() {
        let proxy = ProxyUnderTest()
        let client = proxy.driver.connect()
        proxy.driver.command(["SET", "k", "v"], to: client)
        proxy.driver.pass(.seconds(12))
        #expect(proxy.driver.output(of: client).hasPrefix("-TIMEOUT"))
        #expect(proxy.core.counters.timeouts == 1)
        #expect(proxy.core.counters.errors.all.map { text($0.code) } == ["TIMEOUT"])
        #expect(proxy.core.operators.slowLog.count == 1)
        proxy.says("+OK\r\n", on: .masterWrites)
        #expect(proxy.core.counters.tombstones == 1)
        #expect(proxy.core.operators.slowLog.count == 1)
    }

    /// A request that takes as long as the configuration says is kept, with its arguments and where the time went.
    @Test func keepsSlowRequests() throws {
        let proxy = ProxyUnderTest { $0.slowlog.slowerThan = .milliseconds(10) }
        let client = proxy.driver.connect()
        proxy.driver.command(["SET", "k", "v"], to: client)
        proxy.driver.pass(.milliseconds(9))
        proxy.says("+OK\r\n", on: .masterWrites)
        #expect(proxy.core.operators.slowLog.count == 0)
        proxy.driver.send(Wire.pipeline([["SET", "k", "w"], ["SET", "k", "x"]]), to: client)
        proxy.driver.pass(.milliseconds(10))
        proxy.says("+OK\r\n", on: .masterWrites)
        #expect(proxy.core.operators.slowLog.count == 0)
        proxy.says("+OK\r\n", on: .masterWrites)
        let entry = try #require(
            proxy.core.operators.slowLog.entries.first)
        #expect(entry.arguments.map(text) == ["SET", "k", "w"])
        #expect(entry.total == 10_000 && entry.atBackend == 10_000 && entry.requests == 2)
        #expect(entry.backend == "127.0.0.1:6379" && entry.client == "127.0.0.1:50000")
    }

    /// What a request waits for here, before it is sent, is part of its time and not of the server's.
    @Test func timeInTheProxyCounts() throws {
        let proxy = ProxyUnderTest()
        let client = proxy.driver.connect()
        #expect(proxy.driver.ask("CLIENT", "PAUSE", "30", "WRITE", on: client) == "+OK\r\n")
        proxy.driver.command(["SET", "k", "v"], to: client)
        proxy.driver.pass(.milliseconds(30))
        proxy.driver.pass(.milliseconds(5))
        proxy.says("+OK\r\n", on: .masterWrites)
        let entry = try #require(
            proxy.core.operators.slowLog.entries.first)
        #expect(entry.total == 35_000 && entry.atBackend == 5_000)
    }
}
