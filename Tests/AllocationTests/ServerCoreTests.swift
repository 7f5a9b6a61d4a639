// The budget of the server: nothing is allocated for a request on data that is there.

import RESP
import Server
import Testing

@Suite struct ServerCoreTests {
    struct Row: CustomStringConvertible {
        let arguments: [String]
        /// How many bytes each reply has.
        let reply: Int

        init(_ arguments: [String], reply: Int) {
            self.arguments = arguments
            self.reply = reply
        }

        var description: String { arguments.map { String($0.prefix(20)) }.joined(separator: " ") }
    }

    static let key = "key:000000000001"
    static let rows = [
        Row(["GET", key], reply: "$3\r\nxyz\r\n".utf8.count),
        Row(["SET", key, "abc"], reply: "+OK\r\n".utf8.count),
        Row(["SET", "large", String(repeating: "b", count: 1024)], reply: "+OK\r\n".utf8.count),
        Row(["GET", "large"], reply: "$1024\r\n".utf8.count + 1024 + 2),
        Row(["GET", "absent"], reply: "$-1\r\n".utf8.count),
        Row(["DEL", "absent"], reply: ":0\r\n".utf8.count),
        Row(["PING"], reply: "+PONG\r\n".utf8.count),
        Row(["ECHO", "abc"], reply: "$3\r\nabc\r\n".utf8.count),
        Row(["DBSIZE"], reply: ":1000\r\n".utf8.count),
    ]

    /// A thousand keys, and one client that has been served before.
    private func makeServer() -> (QuietDriver<ServerCore>, ConnectionID) {
        let driver = QuietDriver { now in
            let runID = String(repeating: "0", count: 40)
            return ServerCore(
                configuration: ServerConfiguration(),
                identity: ServerIdentity(runID: runID, startedAt: now), seed: 1, at: now)
        }
        let client = driver.connect(slot: 0)
        let large = String(repeating: "a", count: 1024)
        var fill =
            multibulk(["SET", "large", large]) + multibulk(["SET", ServerCoreTests.key, "xyz"])
        for number in 2..<1_000 { fill += multibulk(["SET", "key:\(number)", "xyz"]) }
        driver.send(fill.span, to: client)
        driver.finishTurn()
        return (driver, client)
    }

    @Test(arguments: rows, [1, 64])
    func servesWithoutAllocating(_ row: Row, depth: Int) {
        let (driver, client) = makeServer()
        let input = pipeline(depth, row.arguments)
        let before = driver.taken
        let counted = allocationsInSteadyState {
            driver.send(input.span, to: client)
            driver.finishTurn()
        }
        #expect(counted == 0)
        #expect(driver.taken - before == 200 * depth * row.reply)
    }

    /// Counting up changes how many digits there are only now and then; here all numbers have six.
    @Test func countsUpWithoutAllocating() {
        let (driver, client) = makeServer()
        let set = multibulk(["SET", "counter", "100000"])
        driver.send(set.span, to: client)
        driver.finishTurn()
        let input = pipeline(64, ["INCR", "counter"])
        let before = driver.taken
        let counted = allocationsInSteadyState {
            driver.send(input.span, to: client)
            driver.finishTurn()
        }
        #expect(counted == 0)
        #expect(driver.taken - before == 200 * 64 * ":100001\r\n".utf8.count)
    }

    /// Fifty clients with one request each in one turn of the loop.
    @Test func servesManyClientsWithoutAllocating() {
        let (driver, _) = makeServer()
        let clients = (1...50).map { driver.connect(slot: $0) }
        let input = multibulk(["GET", ServerCoreTests.key])
        let before = driver.taken
        let counted = allocationsInSteadyState {
            for client in clients { driver.send(input.span, to: client) }
            driver.finishTurn()
        }
        #expect(counted == 0)
        #expect(driver.taken - before == 200 * 50 * "$3\r\nxyz\r\n".utf8.count)
    }

    /// A request that arrives in two pieces waits in memory that is reused.
    @Test func servesSplitRequestsWithoutAllocating() {
        let (driver, client) = makeServer()
        let input = multibulk(["SET", ServerCoreTests.key, "abc"])
        let before = driver.taken
        let counted = allocationsInSteadyState {
            driver.send(input.span.extracting(0..<20), to: client)
            driver.finishTurn()
            driver.send(input.span.extracting(20..<input.count), to: client)
            driver.finishTurn()
        }
        #expect(counted == 0)
        #expect(driver.taken - before == 200 * "+OK\r\n".utf8.count)
    }
}
