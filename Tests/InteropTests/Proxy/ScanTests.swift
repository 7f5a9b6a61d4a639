// Walks over keys and collections while reads are balanced over several servers: each cursor goes back to the server
// that gave it, also when it comes over another connection.

import RESP
import TestSupport
import Testing

@Suite(.serialized) struct ScanTests {
    enum Walk: String, CaseIterable {
        case scan, hscan, sscan, zscan

        /// The command for one step.
        func request(_ cursor: String) -> [String] {
            self == .scan ? ["SCAN", cursor] : [rawValue.uppercased(), "big", cursor]
        }

        /// What an element that the walk gives belongs to, one for each that is in there.
        func elements(_ items: [WireReply]) -> [String] {
            let texts = items.map { $0.text ?? "" }
            guard self == .hscan || self == .zscan else { return texts }
            return stride(from: 0, to: texts.count, by: 2).map { texts[$0] }
        }

        /// Makes 2,000 elements with requests of a hundred each.
        func fill(_ client: RESPClient) throws {
            for start in stride(from: 0, to: 2_000, by: 100) {
                let names = (start..<start + 100).map { "element:\($0)" }
                let words: [String] =
                    switch self {
                    case .scan: ["MSET"] + names.flatMap { [$0, "v"] }
                    case .hscan: ["HSET", "big"] + names.flatMap { [$0, "v"] }
                    case .sscan: ["SADD", "big"] + names
                    case .zscan: ["ZADD", "big"] + names.flatMap { ["1", $0] }
                    }
                try #require(!client.run(words).isError)
            }
        }
    }

    /// 2,000 static elements are 2,000, each walk by one client and each by a new connection for every step; several
    /// walks at a time, with other reads between their steps.
    @Test(arguments: Walk.allCases, [2, 3])
    func trap05_cursorsGoBackToTheirServer(walk: Walk, protocolVersion: Int) throws {
        let reads = SluiceProxy.Reads(balance: "round_robin", includeMaster: "always")
        guard let front = try Front(replicas: 2, reads: reads) else { return }
        _ = try front.deployment.master.client().run("FLUSHALL")
        try walk.fill(front.deployment.master.client())
        try #require(try front.deployment.waitUntilReplicated())
        let wanted = Set((0..<2_000).map { "element:\($0)" })

        let steady = try front.client(speaking: protocolVersion)
        for changesConnection in [false, true] {
            var cursors = Array(repeating: "0", count: 3)
            var found = Array(repeating: Set<String>(), count: 3)
            var isDone = Array(repeating: false, count: 3)
            var steps = 0
            while isDone.contains(false) {
                steps += 1
                try #require(steps < 20_000, "the walk does not end")
                for index in 0..<3 where !isDone[index] {
                    let client =
                        try changesConnection ? front.client(speaking: protocolVersion) : steady
                    let reply = try client.run(walk.request(cursors[index]) + ["COUNT", "40"])
                    let items = try #require(reply.items, "\(reply)")
                    cursors[index] = try #require(items[0].text)
                    // What clients take cursors for: decimal, at most 64 bits.
                    try #require(UInt64(cursors[index]) != nil, "\(cursors[index])")
                    found[index].formUnion(walk.elements(items[1].items ?? []))
                    isDone[index] = cursors[index] == "0"
                    _ = try client.run("GET", "other")
                }
            }
            for index in 0..<3 {
                #expect(found[index] == wanted, "\(found[index].count) of 2,000")
            }
        }
    }

    /// The walks begin on several servers.
    @Test func walksAreBalanced() throws {
        let reads = SluiceProxy.Reads(balance: "round_robin", includeMaster: "always")
        guard let front = try Front(replicas: 2, reads: reads), !Front.isDirect else { return }
        try front.deployment.resetStatistics()
        let client = try front.client()
        for _ in 0..<60 { _ = try client.run("SCAN", "0") }
        let counts = try front.deployment.commandStatistics().map { $0["scan"].calls }
        #expect(counts.filter { $0 > 0 }.count >= 2, "\(counts)")
        #expect(counts.reduce(0, +) == 60)
    }

    /// Some cursors are of a server that is gone: their clients are told, and never get a walk with holes.
    @Test func trap05_cursorOfALostServer() throws {
        let reads = SluiceProxy.Reads(includeMaster: "never")
        guard let front = try Front(replicas: 2, reads: reads), !Front.isDirect else { return }
        try Walk.scan.fill(front.deployment.master.client())
        try #require(try front.deployment.waitUntilReplicated())
        try front.deployment.resetStatistics()
        let client = try front.client()
        let cursor = try #require(try client.run("SCAN", "0").items?[0].text)
        try #require(cursor != "0")
        for replica in front.deployment.replicas
        where try replica.commandStatistics()["scan"].calls > 0 {
            replica.kill()
        }
        // Until the loss is noticed a request may get another error; then it is said that this server is gone.
        var last: WireReply?
        let isTold = try wait {
            guard let client = try? front.client() else { return false }
            let reply = try client.run("SCAN", cursor)
            #expect(reply.isError, "an answer from elsewhere: \(reply)")
            last = reply
            let text = reply.text ?? ""
            return text.contains("cursor") || text.contains("cannot reach the replica")
        }
        #expect(isTold, "\(last.map { "\($0)" } ?? "no reply")")
    }
}
