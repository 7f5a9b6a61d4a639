// The path of a request's bytes before and after a core: reading requests, and queueing output.

import RESP
import Testing

@Suite struct ParserTests {
    static let requests = [
        ["GET", "key:000000000001"],
        ["SET", "key:000000000001", "xyz"],
        ["MGET", "a", "b", "c", "d", "e", "f", "g", "h"],
    ]

    @Test(arguments: requests, [1, 64])
    func readsRequestsWithoutAllocating(_ arguments: [String], depth: Int) {
        let reader = RequestReader()
        let input = pipeline(depth, arguments)
        var seen = 0
        let counted = allocationsInSteadyState {
            _ = try? reader.read(input.span, after: nil, limits: RequestLimits()) { request in
                seen += request.count
                return .goOn
            }
        }
        #expect(counted == 0)
        #expect(seen == 200 * depth * arguments.count)
    }

    /// A request whose bytes come in two pieces is kept in between, in memory that is reused.
    @Test func readsSplitRequestsWithoutAllocating() {
        let reader = RequestReader()
        let input = pipeline(16, ["SET", "key:000000000001", "xyz"])
        var seen = 0
        let counted = allocationsInSteadyState {
            let count = { (_: Request) -> RequestReader.Verdict in
                seen += 1
                return .goOn
            }
            let limits = RequestLimits()
            let kept = try? reader.read(
                input.span.extracting(0..<50), after: nil, limits: limits, handle: count)
            _ = try? reader.read(
                input.span.extracting(50..<input.count), after: kept, limits: limits, handle: count)
        }
        #expect(counted == 0)
        #expect(seen == 200 * 16)
    }

    /// A request that is handed over in parts is not kept: head, two middles and tail, straight from what was read.
    @Test func readsPartsWithoutAllocating() {
        let reader = RequestReader()
        let input = multibulk(["SET", "key", String(repeating: "a", count: 100_000)])
        var limits = RequestLimits()
        limits.streamAbove = 1_000
        var seen = 0
        let counted = allocationsInSteadyState {
            var kept: UnfinishedRequest?
            for start in stride(from: 0, to: input.count, by: 30_000) {
                let piece = input.span.extracting(start..<min(start + 30_000, input.count))
                kept = try? reader.read(piece, after: kept, limits: limits) { request in
                    seen += request.bytes.count
                    return .goOn
                }
            }
        }
        #expect(counted == 0)
        #expect(seen == 200 * input.count)
    }

    /// Requests typed by people may allocate: one piece of memory for the words, and an array that grows twice.
    @Test func readsInlineRequestsWithFewAllocations() {
        let reader = RequestReader()
        let input = Array("set key \"a value\"\r\n".utf8)
        var seen = 0
        let counted = allocationsInSteadyState {
            _ = try? reader.read(input.span, after: nil, limits: RequestLimits()) { request in
                seen += request.count
                return .goOn
            }
        }
        #expect(counted <= 3 * 100)
        #expect(seen == 200 * 3)
    }

    /// Replies of a turn are written to a chain of blocks and taken by the driver; the blocks go round.
    @Test(arguments: [1, 64, 10_000])
    func queuesOutputWithoutAllocating(_ replies: Int) {
        let pool = BlockPool()
        var queue = OutputQueue(pool: pool)
        var taken = 0
        let counted = allocationsInSteadyState {
            for number in 0..<replies {
                queue.append("$")
                Decimal.append(number, to: &queue)
                queue.append("\r\n")
            }
            while !queue.isEmpty {
                queue.drain { pieces in
                    taken += pieces.total
                    return pieces.total
                }
            }
        }
        #expect(counted == 0)
        #expect(taken >= 200 * replies * 4)
        #expect(pool.inUse == 0)
    }

    /// The same when what was taken is kept until the replies have come, a turn later.
    @Test(arguments: [1, 64, 10_000])
    func retainsOutputWithoutAllocating(_ requests: Int) {
        let pool = BlockPool()
        var queue = RetainedQueue(pool: pool)
        let request = Array("*2\r\n$3\r\nGET\r\n$1\r\nk\r\n".utf8)
        let counted = allocationsInSteadyState {
            let sentBefore = queue.sent
            for _ in 0..<requests { queue.append(request.span) }
            while !queue.isEmpty { queue.drain { $0.total } }
            queue.release(upTo: sentBefore)
        }
        #expect(counted == 0)
        let held = queue.held
        #expect(held == requests * request.count)
        queue.release(upTo: queue.sent)
        #expect(pool.inUse == 0)
    }
}
