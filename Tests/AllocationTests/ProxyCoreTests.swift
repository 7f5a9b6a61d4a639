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

    private static let master = ConnectionID(slot: 1_000, generation: 1)

    /// A proxy whose one connection to the master stands; the test plays the master.
    private func makeProxy() -> QuietDriver<ProxyCore> {
        let driver = QuietDriver { _ in ProxyCore(configuration: ProxyConfiguration()) }
        for wish in driver.core.pending.wishes {
            if case .connect(let link, _) = wish {
                driver.core.hear(.connected(link, ProxyCoreTests.master), at: driver.now)
            }
        }
        driver.core.pending.wishes.removeAll()
        driver.finishTurn()
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
        let before = driver.taken
        let counted = allocationsInSteadyState {
            for client in clients { driver.send(input.span, to: client) }
            driver.finishTurn()
            driver.send(replies.span, to: ProxyCoreTests.master)
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
            driver.send(replies.span.extracting(0..<7), to: ProxyCoreTests.master)
            driver.finishTurn()
            driver.send(replies.span.extracting(7..<replies.count), to: ProxyCoreTests.master)
            driver.finishTurn()
        }
        #expect(counted == 0)
        #expect(driver.taken - before == 200 * (input.count + replies.count))
    }
}
