// Reads that spill to the master when there is no replica: so many at once, and the others wait for their turn.

import RESP
import TestSupport
import Testing

@testable import Proxy

@Suite struct MasterReadTests {
    /// A proxy whose only replica is gone, and clients.
    private static func proxy(
        clients: Int, replicas: Int = 1,
        _ configure: (inout ProxyConfiguration) -> Void = { _ in }
    ) -> (ProxyUnderTest, [ConnectionID]) {
        let proxy = ProxyUnderTest(replicas: replicas) {
            $0.reads.maxMasterReads = 2
            configure(&$0)
        }
        if replicas > 0 { proxy.cut(.replica(0)) }
        return (proxy, (0..<clients).map { _ in proxy.driver.connect() })
    }

    private static func ask(_ proxy: ProxyUnderTest, _ clients: [ConnectionID]) {
        for (number, client) in clients.enumerated() {
            proxy.ask("GET", "k\(number)", by: client)
        }
    }

    private static func sent(_ keys: Int...) -> String {
        keys.map { Wire.text("GET", "k\($0)") }.joined()
    }

    /// Two go out, and with each answer the one who has waited longest.
    @Test func turns() {
        let (proxy, clients) = Self.proxy(clients: 5)
        Self.ask(proxy, clients)
        #expect(proxy.sent(to: .masterReads) == Self.sent(0, 1))
        #expect(proxy.core.counters.readsHeldBack == 3)
        #expect(proxy.driver.log.count { $0.contains("reads.max_master_reads") } == 1)
        proxy.says("$1\r\na\r\n", on: .masterReads)
        #expect(proxy.sent(to: .masterReads) == Self.sent(2))
        proxy.says("$1\r\nb\r\n$1\r\nc\r\n", on: .masterReads)
        #expect(proxy.sent(to: .masterReads) == Self.sent(3, 4))
        proxy.says("$1\r\nd\r\n$1\r\ne\r\n", on: .masterReads)
        for (number, client) in clients.enumerated() {
            let value = ["a", "b", "c", "d", "e"][number]
            #expect(proxy.driver.output(of: client) == Wire.bulk(value))
        }
        #expect(proxy.core.masterQueue.isEmpty)
    }

    /// Replicas that nobody names any more have left their reads behind.
    @Test func replicaThatIsFollowedNoLonger() {
        let (proxy, _) = Self.proxy(clients: 0)
        #expect(proxy.core.isStandingIn)
        proxy.core.servers[1].isGone = true
        proxy.core.findReadable()
        #expect(proxy.core.isStandingIn)
    }

    /// A pipeline counts request by request, and another client's turn comes between.
    @Test func pipeline() {
        let (proxy, clients) = Self.proxy(clients: 2)
        let reads = (0..<4).map { ["GET", "k\($0)"] }
        proxy.driver.send(Wire.pipeline(reads), to: clients[0])
        proxy.driver.command(["GET", "k9"], to: clients[1])
        #expect(proxy.sent(to: .masterReads) == Self.sent(0, 1))
        proxy.says("$1\r\na\r\n", on: .masterReads)
        #expect(proxy.sent(to: .masterReads) == Self.sent(2))
        proxy.says("$1\r\nb\r\n", on: .masterReads)
        #expect(proxy.sent(to: .masterReads) == Self.sent(9))
        proxy.says("$1\r\nc\r\n$1\r\nx\r\n", on: .masterReads)
        #expect(proxy.sent(to: .masterReads) == Self.sent(3))
        proxy.says("$1\r\nd\r\n", on: .masterReads)
        #expect(
            proxy.driver.output(of: clients[0]) == ["a", "b", "c", "d"].map(Wire.bulk).joined())
        proxy.core.checkInvariants()
    }

    /// Writes, and reads behind their client's own write, are not held back.
    @Test func writesGoOn() {
        let (proxy, clients) = Self.proxy(clients: 4)
        Self.ask(proxy, clients.dropLast())
        proxy.driver.send(Wire.pipeline([["SET", "k", "v"], ["GET", "k"]]), to: clients[3])
        #expect(
            proxy.sent(to: .masterWrites) == Wire.text("SET", "k", "v") + Wire.text("GET", "k"))
        proxy.core.checkInvariants()
    }

    /// Walks that begin and transactions that only read are reads.
    @Test(arguments: [[["SCAN", "0"]], [["MULTI"], ["GET", "k"], ["EXEC"]]])
    func otherReads(requests: [[String]]) {
        let (proxy, clients) = Self.proxy(clients: 3)
        Self.ask(proxy, [clients[0], clients[1]])
        _ = proxy.sent(to: .masterReads)
        proxy.driver.send(Wire.pipeline(requests), to: clients[2])
        #expect(proxy.sent(to: .masterReads) == "")
        #expect(proxy.isHeldBack(clients[2]))
        proxy.says("$1\r\na\r\n", on: .masterReads)
        #expect(proxy.sent(to: .masterReads).contains(requests.last!.first!))
        proxy.core.checkInvariants()
    }

    /// Where the master's reads are nobody's replacement nothing is limited: without replicas, by the configuration, by
    /// the level, and without a limit.
    @Test(arguments: 0..<4) func everydayReads(row: Int) {
        let (proxy, clients) = Self.proxy(clients: 5, replicas: row == 0 ? 0 : 1) {
            switch row {
            case 0: break
            case 1: $0.reads.includeMaster = .always
            case 2: $0.reads.consistency = .master
            default: $0.reads.maxMasterReads = 0
            }
        }
        Self.ask(proxy, clients)
        #expect(
            proxy.sent(to: .masterReads) + proxy.sent(to: .masterWrites) == Self.sent(0, 1, 2, 3, 4)
        )
        #expect(proxy.core.counters.readsHeldBack == 0)
    }

    /// A replica that comes back takes all who wait.
    @Test func replicaComesBack() {
        let (proxy, clients) = Self.proxy(clients: 5)
        Self.ask(proxy, clients)
        proxy.driver.pass(.seconds(1))
        proxy.connectAll()
        #expect(proxy.sent(to: .replica(0)) == Self.sent(2, 3, 4))
        #expect(proxy.core.masterQueue.isEmpty)
    }

    /// The master is lost as well: whom it owed a reply is closed, and who waited is told that nothing was sent.
    @Test func masterIsLost() {
        let (proxy, clients) = Self.proxy(clients: 3)
        Self.ask(proxy, clients)
        proxy.cut(.masterReads)
        #expect(clients.prefix(2).allSatisfy(proxy.driver.closed.contains))
        let answer = proxy.driver.output(of: clients[2])
        #expect(answer.hasPrefix("-ERR cannot reach the master"), "\(answer)")
        #expect(answer.hasSuffix("; nothing was sent\r\n"))
        #expect(proxy.core.masterQueue.isEmpty)
    }

    /// It waits no longer than a request may take: then it says why, and what stands behind it does not wait anew.
    @Test func notForEver() {
        let (proxy, clients) = Self.proxy(clients: 3) { $0.timeouts.request = .seconds(8) }
        Self.ask(proxy, [clients[0], clients[1]])
        proxy.driver.pass(.seconds(1))
        proxy.driver.send(Wire.pipeline([["GET", "x"], ["GET", "y"]]), to: clients[2])
        for _ in 0..<7 { proxy.driver.pass(.seconds(1)) }
        // The two before it are answered by now, and the server still has them to do.
        #expect(proxy.driver.output(of: clients[0]).hasPrefix("-TIMEOUT"))
        #expect(proxy.driver.output(of: clients[2]) == "")
        for _ in 0..<2 { proxy.driver.pass(.seconds(1)) }
        let refusal =
            "-TIMEOUT no replica can be read from, and the master had 2 reads to answer "
            + "(reads.max_master_reads) for 8 s; nothing was sent, so ask again later\r\n"
        #expect(proxy.driver.output(of: clients[2]) == refusal + refusal)
        #expect(proxy.core.masterQueue.isEmpty)
        proxy.core.checkInvariants()
    }

    /// Who leaves is not waited for.
    @Test func clientLeaves() {
        let (proxy, clients) = Self.proxy(clients: 4)
        Self.ask(proxy, clients)
        proxy.driver.cut(clients[2])
        #expect(proxy.core.masterQueue.count == 1)
        proxy.core.checkInvariants()
        proxy.says("$1\r\na\r\n", on: .masterReads)
        #expect(proxy.sent(to: .masterReads) == Self.sent(0, 1, 3))
    }

    /// At level fresh a key that is being written is the master's alone, with replicas or without: such reads go out.
    @Test func pendingFence() {
        let fresh = FreshProxy(replicas: 1) { $0.reads.maxMasterReads = 1 }
        let (writer, first, second) = (
            fresh.driver.connect(), fresh.driver.connect(), fresh.driver.connect()
        )
        fresh.facts[1].isSyncing = true
        fresh.facts[1].link = "down"
        fresh.probe()
        #expect(fresh.core.isStandingIn)
        fresh.driver.command(["SET", "a", "1"], to: writer)
        #expect(fresh.ask("GET", "b", by: first) == 0)
        #expect(fresh.ask("GET", "c", by: second) == nil)
        #expect(fresh.proxy.isHeldBack(second))
        let third = fresh.driver.connect()
        #expect(fresh.ask("GET", "a", by: third) == 0)
    }

    /// The queue keeps its order however much of it is taken, and whoever leaves it.
    @Test func queue() {
        var queue = MasterQueue()
        func name(_ number: Int) -> ConnectionID {
            ConnectionID(slot: UInt32(number), generation: 1)
        }
        for number in 0..<300 { queue.append(name(number)) }
        for number in 0..<150 { #expect(queue.popFirst() == name(number)) }
        queue.remove(name(151))
        queue.append(name(300))
        #expect(queue.remove(where: { $0.slot % 2 == 0 }).count == 76)
        #expect(!queue.contains(name(150)) && queue.contains(name(153)))
        for number in stride(from: 153, to: 300, by: 2) {
            #expect(queue.popFirst() == name(number))
        }
        #expect(queue.popFirst() == nil && queue.isEmpty)
    }
}
