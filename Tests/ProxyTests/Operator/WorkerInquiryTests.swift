// Operators ask one worker and hear of all.

import RESP
import TestSupport
import Testing

@testable import Proxy

@Suite struct WorkerInquiryTests {
    /// CLIENT LIST shows the clients of both workers, by rising id.
    @Test func listsClientsOfAllWorkers() throws {
        let proxy = OperatedProxy()
        let first = proxy.drivers[0].connect()
        _ = proxy.drivers[1].connect(from: .ipv4(127, 0, 0, 1, port: 50_001))
        let list = proxy.ask("CLIENT LIST", on: first)
        let lines = list.split(whereSeparator: \.isNewline).filter { $0.hasPrefix("id=") }
        try #require(lines.map { $0.prefix(5) } == ["id=1 ", "id=2 "])
        #expect(lines[0].contains("cmd=client|list"))
        #expect(lines[1].contains("addr=127.0.0.1:50001"))
    }

    /// Until the other worker has answered, nothing that the client asks next overtakes the answer.
    @Test func nothingOvertakesAnInquiry() {
        let proxy = OperatedProxy()
        let client = proxy.drivers[0].connect()
        proxy.drivers[0].command(["SLOWLOG", "LEN"], to: client)
        proxy.drivers[0].command(["CLIENT", "ID"], to: client)
        #expect(proxy.drivers[0].output(of: client) == "")
        proxy.relay()
        #expect(proxy.drivers[0].output(of: client) == ":0\r\n:1\r\n")
    }

    /// A worker that does not answer is not waited for for ever, and what it says later is not heard.
    @Test func aSilentWorkerIsReported() {
        let proxy = OperatedProxy()
        let client = proxy.drivers[0].connect()
        proxy.drivers[0].command(["CLIENT", "LIST"], to: client)
        proxy.drivers[0].pass(.milliseconds(999))
        #expect(proxy.drivers[0].output(of: client) == "")
        proxy.drivers[0].pass(.milliseconds(1))
        #expect(
            proxy.drivers[0].output(of: client)
                == "-ERR worker 1 of the proxy has not answered in time\r\n")
        proxy.relay()
        #expect(proxy.drivers[0].ask("CLIENT", "ID", on: client) == ":1\r\n")
    }

    /// A client that leaves while it waits is nobody's any more.
    @Test func theAskerMayLeave() {
        let proxy = OperatedProxy()
        let client = proxy.drivers[0].connect()
        proxy.drivers[0].command(["PROXY", "STATUS"], to: client)
        proxy.drivers[0].cut(client)
        proxy.relay()
        #expect(proxy.cores[0].errands.isEmpty)
    }

    /// CLIENT KILL closes clients of other workers, counts them all, and spares who asks.
    @Test func killsClientsOfAllWorkers() {
        let proxy = OperatedProxy()
        let caller = proxy.drivers[0].connect()
        let near = proxy.drivers[0].connect()
        let far = proxy.drivers[1].connect()
        #expect(proxy.ask("CLIENT KILL TYPE normal", on: caller) == ":2\r\n")
        #expect(proxy.drivers[0].closed.contains(near))
        #expect(proxy.drivers[1].closed.contains(far))
        #expect(!proxy.drivers[0].closed.contains(caller))
    }

    /// Who kills itself reads the answer and is closed then.
    @Test(arguments: [1, 2]) func killsItself(workers: Int) {
        let proxy = OperatedProxy(workers: workers)
        let client = proxy.drivers[0].connect()
        #expect(proxy.ask("CLIENT KILL ID 1 SKIPME no", on: client) == ":1\r\n")
        #expect(proxy.drivers[0].closed.contains(client))
        let other = proxy.drivers[0].connect(from: .ipv4(127, 0, 0, 1, port: 7))
        #expect(proxy.ask("CLIENT KILL 127.0.0.1:8", on: other) == "-ERR No such client\r\n")
        #expect(proxy.ask("CLIENT KILL 127.0.0.1:7", on: other) == "+OK\r\n")
        #expect(proxy.drivers[0].closed.contains(other))
    }

    /// CLIENT PAUSE holds back the clients of every worker, CLIENT UNPAUSE lets them all go on.
    @Test func pausesAllWorkers() {
        let proxy = OperatedProxy()
        let (near, far) = (proxy.drivers[0].connect(), proxy.drivers[1].connect())
        #expect(proxy.ask("CLIENT PAUSE 10000", on: near) == "+OK\r\n")
        #expect(proxy.ask("CLIENT ID", on: far, of: 1) == "")
        #expect(proxy.ask("CLIENT UNPAUSE", on: near) == "+OK\r\n")
        #expect(proxy.drivers[1].output(of: far) == ":2\r\n")
    }

    /// PROXY STATS adds up all workers, and RESET sets all to zero.
    @Test func addsUpCounters() {
        let proxy = OperatedProxy()
        let near = proxy.drivers[0].connect()
        _ = proxy.drivers[1].connect()
        #expect(
            proxy.ask("PROXY STATS", on: near).contains("connections_received\r\n:2\r\n"))
        #expect(proxy.ask("PROXY STATS RESET", on: near) == "+OK\r\n")
        #expect(proxy.cores[1].counters == ProxyCounters())
        #expect(
            proxy.ask("PROXY STATS", on: near).contains("connections_received\r\n:0\r\n"))
    }
}
