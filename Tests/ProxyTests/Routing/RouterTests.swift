// Which servers reads are shared among, and which of them takes the next: tables of cases.

import Testing

@testable import Proxy

@Suite struct RouterTests {
    /// What of the servers matters to a row: the master first.
    private static func servers(_ text: String) -> [ReadCandidate] {
        text.split(separator: " ").enumerated().map { number, word in
            ReadCandidate(
                server: number, isMaster: word.contains("m"),
                isHealthy: !word.contains("x") && !word.contains("l") && !word.contains("o"),
                isLagging: word.contains("l"), isOpen: word.contains("o"),
                isReturning: word.contains("u"),
                isOnTrial: word.contains("t"), isInOwnZone: !word.contains("f"))
        }
    }

    struct Row: CustomTestStringConvertible {
        /// One word for each server: `m` is the master, `r` a replica, `x` unhealthy, `l` lagging,
        /// `f` in a far zone, `u` ramping up, `o` set aside for what reads have met there, `t` on trial.
        let servers: String
        let includeMaster: IncludeMaster
        var zoneMinimum = 1
        let expected: [Int]

        var testDescription: String { "\(servers) \(includeMaster) \(zoneMinimum)" }
    }

    static let rows = [
        Row(servers: "m r r", includeMaster: .fallback, expected: [1, 2]),
        Row(servers: "m r r", includeMaster: .always, expected: [0, 1, 2]),
        Row(servers: "m r r", includeMaster: .never, expected: [1, 2]),
        Row(servers: "m rx r", includeMaster: .fallback, expected: [2]),
        Row(servers: "m rx rx", includeMaster: .fallback, expected: [0]),
        Row(servers: "m rx rx", includeMaster: .never, expected: []),
        Row(servers: "m", includeMaster: .never, expected: []),
        Row(servers: "m", includeMaster: .fallback, expected: [0]),
        Row(servers: "m", includeMaster: .always, expected: [0]),
        // With a master that is away the replicas serve; without anybody it is asked all the same, and says why not.
        Row(servers: "mx r", includeMaster: .always, expected: [1]),
        Row(servers: "mx rx", includeMaster: .always, expected: [0]),
        // Who lags is read only when there is nobody else, not even a master.
        Row(servers: "m rl r", includeMaster: .never, expected: [2]),
        Row(servers: "m rl rl", includeMaster: .fallback, expected: [0]),
        Row(servers: "m rl rl", includeMaster: .always, expected: [0]),
        Row(servers: "m rl rx rl", includeMaster: .never, expected: [1, 3]),
        Row(servers: "mx rl rx", includeMaster: .fallback, expected: [0]),
        // The own zone first, as long as enough are in it.
        Row(servers: "m rf r", includeMaster: .fallback, expected: [2]),
        Row(servers: "m rf r", includeMaster: .fallback, zoneMinimum: 2, expected: [1, 2]),
        Row(servers: "m rf rf", includeMaster: .fallback, expected: [1, 2]),
        Row(servers: "m rf rx", includeMaster: .fallback, expected: [1]),
        Row(servers: "m rf rf", includeMaster: .fallback, zoneMinimum: 0, expected: [1, 2]),
        Row(servers: "mf rf r", includeMaster: .always, expected: [0, 2]),
        // Who has just come back does not take the place of others in the zone, and is no reason to read the master.
        Row(servers: "m rf ru", includeMaster: .fallback, expected: [1, 2]),
        Row(servers: "m rf ru r", includeMaster: .fallback, expected: [2, 3]),
        Row(servers: "m rf ru r", includeMaster: .fallback, zoneMinimum: 2, expected: [1, 2, 3]),
        Row(servers: "m ru", includeMaster: .fallback, expected: [1]),
        // Who is set aside is read when there is nobody else.
        Row(servers: "m ro rx", includeMaster: .fallback, expected: [0]),
        Row(servers: "m ro r", includeMaster: .never, expected: [2]),
        Row(servers: "mx ro rx", includeMaster: .fallback, expected: [1]),
        Row(servers: "mx ro rl", includeMaster: .always, expected: [1]),
        Row(servers: "m ro rl", includeMaster: .never, expected: [1, 2]),
        // Who is on trial does not stand in for all.
        Row(servers: "m rt rx", includeMaster: .fallback, expected: [0, 1]),
        Row(servers: "m rt r", includeMaster: .fallback, expected: [1, 2]),
        Row(servers: "m rt rx", includeMaster: .never, expected: [1]),
        Row(servers: "mx rt rx", includeMaster: .fallback, expected: [1]),
    ]

    @Test(arguments: rows)
    func readable(row: Row) {
        var reads = ProxyConfiguration.Reads()
        reads.includeMaster = row.includeMaster
        reads.zoneMinimum = row.zoneMinimum
        #expect(Router(reads).readable(Self.servers(row.servers)) == row.expected)
    }

    private static func router(_ balance: Balance) -> Router {
        var reads = ProxyConfiguration.Reads()
        reads.balance = balance
        return Router(reads)
    }

    /// How often each of these servers is picked in so many turns.
    private static func picks(
        _ balance: Balance, _ candidates: [ReadCandidate], turns: Int = 6_400
    ) -> [Int] {
        var router = router(balance)
        var chance = Chance(seed: 7)
        var picks = Array(repeating: 0, count: candidates.count)
        for _ in 0..<turns {
            picks[router.pick(candidates.count, random: chance.next()) { candidates[$0] }] += 1
        }
        return picks
    }

    private static func candidates(
        outstanding: [Int] = [], latency: [Int64] = [], weight: [Int] = []
    ) -> [ReadCandidate] {
        (0..<max(outstanding.count, latency.count, weight.count)).map { number in
            ReadCandidate(
                server: number, weight: weight.isEmpty ? 1 : weight[number],
                outstanding: outstanding.isEmpty ? 0 : outstanding[number],
                latency: latency.isEmpty ? 0 : latency[number])
        }
    }

    /// One after the other.
    @Test func roundRobin() {
        #expect(
            Self.picks(.roundRobin, Self.candidates(outstanding: [9, 0, 5])) == [2133, 2134, 2133])
    }

    /// Of two by chance the one with less to do: the busiest of all is never chosen, and nobody is forgotten.
    @Test func leastOutstanding() {
        let picks = Self.picks(.leastOutstanding, Self.candidates(outstanding: [3, 9, 0, 5]))
        #expect(picks[1] == 0)
        #expect(picks[2] > picks[0] && picks[0] > picks[3] && picks[3] > 0)
        let equal = Self.picks(.leastOutstanding, Self.candidates(outstanding: [1, 1, 1]))
        #expect(equal.allSatisfy { $0 > 1_900 })
    }

    /// Every pair of two different ones comes up.
    @Test(arguments: 2...5) func pairs(count: Int) {
        var chance = Chance(seed: 1)
        var seen: Set<[Int]> = []
        for _ in 0..<2_000 {
            let (first, second) = Router.two(of: count, chance.next())
            #expect(first != second && max(first, second) < count && min(first, second) >= 0)
            seen.insert([first, second])
        }
        #expect(seen.count == count * (count - 1))
    }

    /// The shortest expected wait, where what nobody has measured is tried first; a few go to any.
    @Test func lowestLatency() {
        let quick = Self.picks(.lowestLatency, Self.candidates(latency: [1_000, 100, 500]))
        #expect(quick[1] > 6_200)
        #expect(quick[0] > 0 && quick[2] > 0)
        let unmeasured = Self.picks(.lowestLatency, Self.candidates(latency: [1_000, 0, 500]))
        #expect(unmeasured[1] > 6_200)
        let busy = Self.picks(
            .lowestLatency, Self.candidates(outstanding: [0, 20, 3], latency: [1_000, 100, 500]))
        #expect(busy[0] > 6_200)
    }

    /// However reads are dealt out, a server that takes a quarter of its reads gets a quarter of what it would, and one
    /// that takes none gets none as long as there is another. The others share the rest.
    @Test(arguments: Balance.allCases) func shares(balance: Balance) {
        let turns = 64_000
        func picks(_ shares: [Int]) -> [Int] {
            Self.picks(
                balance, shares.map { ReadCandidate(server: 0, latency: 1, share: $0) },
                turns: turns)
        }
        let alike = picks([RampUp.full, RampUp.full, RampUp.full])
        let quarter = picks([RampUp.full / 4, RampUp.full, RampUp.full])
        let whole = balance == .weighted ? turns / 9 * 4 : alike[0]
        #expect(abs(quarter[0] - whole / 4) < turns / 100, "\(quarter) \(alike)")
        #expect(quarter[1] > 0 && quarter[2] > 0)
        let none = picks([0, RampUp.full, RampUp.full])
        #expect(none[0] == 0)
        let allAlike = picks([RampUp.full / 4, RampUp.full / 4])
        #expect(allAlike.reduce(0, +) == turns)
        #expect(picks([0, 0]).reduce(0, +) == turns)
    }

    /// In proportion to the weights; without any, each alike.
    @Test func weighted() {
        let picks = Self.picks(.weighted, Self.candidates(weight: [1, 3, 0]))
        #expect(picks[2] == 0)
        #expect((1_400...1_800).contains(picks[0]))
        let none = Self.picks(.weighted, Self.candidates(weight: [0, 0]))
        #expect(none.allSatisfy { $0 > 2_900 })
    }
}
