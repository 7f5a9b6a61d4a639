// The budget of the proxy: nothing is allocated for a request that is forwarded, nor for its reply.

import Proxy
import RESP
import Testing

@Suite struct ProxyCoreTests {
    static let requests = [
        (request: ["GET", "key:000000000001"], reply: "$3\r\nxyz\r\n"),
        (request: ["SET", "key:000000000001", "xyz"], reply: "+OK\r\n"),
        (request: ["MGET", "a", "b"], reply: "*2\r\n$1\r\nx\r\n$-1\r\n"),
    ]

    /// The connection to the server of this link.
    private static func server(_ link: UInt32) -> ConnectionID {
        ConnectionID(slot: 1_000 + link, generation: 1)
    }

    /// Where a command goes: with one master and one replica, reads over the replica's link.
    private static func serverOf(_ request: [String]) -> ConnectionID {
        server(request[0] == "SET" ? 1 : 2)
    }

    /// A proxy whose connections to a master and a replica stand; the test plays both.
    private func makeProxy(
        _ consistency: Consistency = .eventual
    ) -> QuietDriver<ProxyCore> {
        var configuration = ProxyConfiguration()
        configuration.reads.consistency = consistency
        // Nobody is asked how it is, but where that is needed for fences, once.
        configuration.timeouts.probeInterval = consistency == .fresh ? .seconds(86_400) : .zero
        configuration.backends.replicas = [.init(.tcp(host: "127.0.0.1", port: 6380))]
        let driver = QuietDriver { ProxyCore(configuration: configuration, at: $0) }
        for wish in driver.core.pending.wishes {
            if case .connect(let link, _) = wish {
                driver.core.hear(
                    .connected(link, ProxyCoreTests.server(link.number)), at: driver.now)
            }
        }
        driver.core.pending.wishes.removeAll()
        driver.finishTurn()
        if consistency == .fresh {
            // Who they are, that the master is one, and what it calls the connection.
            let name = "$11\r\nrun_id:some\r\n"
            let role = "*3\r\n$6\r\nmaster\r\n:0\r\n*0\r\n"
            driver.send([UInt8](role.utf8).span, to: ProxyCoreTests.server(0))
            driver.send([UInt8]((role + name + ":7\r\n").utf8).span, to: ProxyCoreTests.server(1))
            driver.send([UInt8](name.utf8).span, to: ProxyCoreTests.server(2))
            driver.core.pending.wishes.removeAll()
            driver.finishTurn()
        }
        return driver
    }

    @Test(arguments: requests, [(clients: 1, depth: 1), (1, 64), (50, 1), (50, 16)])
    func forwardsWithoutAllocating(
        _ row: (request: [String], reply: String), _ load: (clients: Int, depth: Int)
    ) {
        let driver = makeProxy()
        let clients = (0..<load.clients).map { driver.connect(slot: UInt32($0)) }
        let input = pipeline(load.depth, row.request)
        let replies = [UInt8](
            String(repeating: row.reply, count: load.clients * load.depth).utf8)
        let server = ProxyCoreTests.serverOf(row.request)
        let before = driver.taken
        let counted = allocationsInSteadyState {
            for client in clients { driver.send(input.span, to: client) }
            driver.finishTurn()
            driver.send(replies.span, to: server)
            driver.finishTurn()
        }
        #expect(counted == 0)
        #expect(driver.taken - before == 200 * (load.clients * input.count + replies.count))
    }

    /// At level `fresh` keys are found, fences raised, looked at and lowered: without a proof reads go to the master.
    @Test(arguments: requests, [(clients: 1, depth: 1), (1, 64), (50, 16)])
    func fencesWithoutAllocating(
        _ row: (request: [String], reply: String), _ load: (clients: Int, depth: Int)
    ) {
        let driver = makeProxy(.fresh)
        let clients = (0..<load.clients).map { driver.connect(slot: UInt32($0)) }
        let input = pipeline(load.depth, row.request)
        let replies = [UInt8](
            String(repeating: row.reply, count: load.clients * load.depth).utf8)
        let server = ProxyCoreTests.server(row.request[0] == "SET" ? 1 : 0)
        let before = driver.taken
        let counted = allocationsInSteadyState {
            for client in clients { driver.send(input.span, to: client) }
            driver.finishTurn()
            driver.send(replies.span, to: server)
            driver.finishTurn()
        }
        #expect(counted == 0)
        #expect(driver.taken - before == 200 * (load.clients * input.count + replies.count))
    }

    /// Requests and replies that are cut anywhere wait in memory that is reused, or are passed on in pieces.
    @Test func forwardsPiecesWithoutAllocating() {
        let driver = makeProxy()
        let client = driver.connect(slot: 0)
        let input = pipeline(2, ["SET", "key:000000000001", "xyz"])
        let replies = [UInt8]("+OK\r\n+OK\r\n".utf8)
        let before = driver.taken
        let counted = allocationsInSteadyState {
            driver.send(input.span.extracting(0..<60), to: client)
            driver.finishTurn()
            driver.send(input.span.extracting(60..<input.count), to: client)
            driver.finishTurn()
            driver.send(replies.span.extracting(0..<7), to: ProxyCoreTests.server(1))
            driver.finishTurn()
            driver.send(replies.span.extracting(7..<replies.count), to: ProxyCoreTests.server(1))
            driver.finishTurn()
        }
        #expect(counted == 0)
        #expect(driver.taken - before == 200 * (input.count + replies.count))
    }

    /// A client that reads and writes in turns changes its connection each time, and waits in between.
    @Test func changesConnectionsWithoutAllocating() {
        let driver = makeProxy()
        let client = driver.connect(slot: 0)
        let input = pipeline(1, ["GET", "a"]) + pipeline(1, ["SET", "a", "1"])
        let (read, written) = ([UInt8]("$-1\r\n".utf8), [UInt8]("+OK\r\n".utf8))
        let before = driver.taken
        let counted = allocationsInSteadyState {
            driver.send(input.span, to: client)
            driver.finishTurn()
            driver.send(read.span, to: ProxyCoreTests.server(2))
            driver.finishTurn()
            driver.send(written.span, to: ProxyCoreTests.server(1))
            driver.finishTurn()
        }
        #expect(counted == 0)
        #expect(driver.taken - before == 200 * (input.count + read.count + written.count))
    }
}
