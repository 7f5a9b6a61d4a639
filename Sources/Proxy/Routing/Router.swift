// Which server a read goes to: pure functions of what is known of the servers.

import RESP

/// What the router sees of a server.
struct ReadCandidate: Equatable {
    /// Its number in the core's list.
    let server: Int
    var isMaster = false
    /// Whether its data may be read now.
    var isHealthy = true
    /// It is not, since it is too far behind, and for no other reason.
    var isLagging = false
    /// It is not, because of what reads have met there, and for no other reason.
    var isOpen = false
    /// It has come back, and does not take all of its reads yet; it is on trial.
    var isReturning = false
    var isOnTrial = false
    var isInOwnZone = true
    var weight = 1
    var outstanding = 0
    /// Moving average, nanoseconds; 0 when nothing was measured yet.
    var latency: Int64 = 0
    /// The part of its reads that it takes now.
    var share = RampUp.full
}

extension ReadCandidate {
    /// Its weight, as far as it counts now.
    fileprivate var part: Int { weight * share }
}

/// How the servers that may be read are found, and one of them.
struct Router {
    let balance: Balance
    let includeMaster: IncludeMaster
    /// Below so many healthy replicas in the own zone those of other zones are read too.
    let zoneMinimum: Int
    private(set) var turn = 0

    init(_ reads: ProxyConfiguration.Reads) {
        balance = reads.balance
        includeMaster = reads.includeMaster
        zoneMinimum = reads.zoneMinimum
    }

    /// The servers that reads are shared among, as long as nothing changes: healthy replicas, of the own zone if
    /// there are enough, with the master always, or when there is none, or never. Those that have just come back do
    /// not take the place of others yet. Where nothing else may be read, those are that reads have failed on, and,
    /// without the master, those that lag: a level that promises more than they have is kept by what it asks of each.
    func readable(_ all: [ReadCandidate]) -> [Int] {
        let healthy = all.filter { $0.isHealthy && !$0.isMaster }
        let near = healthy.filter(\.isInOwnZone)
        let settled = near.count { !$0.isReturning }
        let replicas = settled >= max(1, zoneMinimum) ? near : healthy
        var chosen = replicas.map(\.server)
        let masters = all.filter(\.isMaster).map(\.server)
        switch includeMaster {
        case .never: break
        case .always: chosen += all.filter { $0.isMaster && $0.isHealthy }.map(\.server)
        case .fallback:
            if !replicas.contains(where: { !$0.isOnTrial }) {
                chosen += all.filter { $0.isMaster && $0.isHealthy }.map(\.server)
            }
        }
        if chosen.isEmpty {
            chosen = all.filter { $0.isOpen && !$0.isMaster }.map(\.server)
            if includeMaster == .never {
                chosen += all.filter { $0.isLagging && !$0.isMaster }.map(\.server)
            } else if chosen.isEmpty {
                chosen = masters
            }
        }
        return chosen.sorted()
    }

    /// One of `count` servers that `candidate` describes; `random` is any number. Without an allocation.
    mutating func pick(
        _ count: Int, random: UInt64, candidate: (Int) -> ReadCandidate
    ) -> Int {
        precondition(count > 0, "there is no server to choose")
        if count == 1 { return 0 }
        let place = choose(count, random, candidate)
        let share = candidate(place).share
        // Who is dealt out by weight has its share in that.
        guard share < RampUp.full, balance != .weighted || share == 0,
            Int(random >> 48 & 0xFF) >= share
        else { return place }
        return Router.substitute(for: place, share, count, random, candidate)
    }

    private mutating func choose(
        _ count: Int, _ random: UInt64, _ candidate: (Int) -> ReadCandidate
    ) -> Int {
        switch balance {
        case .roundRobin:
            turn = (turn + 1) % count
            return turn
        case .leastOutstanding:
            let (first, second) = Router.two(of: count, random)
            return candidate(second).outstanding < candidate(first).outstanding ? second : first
        case .lowestLatency:
            return Router.quickest(count, random, candidate)
        case .weighted:
            return Router.weighted(count, random, candidate)
        }
    }

    /// In place of one that takes only a part of its reads: any of those that take the most.
    private static func substitute(
        for place: Int, _ share: Int, _ count: Int, _ random: UInt64,
        _ candidate: (Int) -> ReadCandidate
    ) -> Int {
        var best = place
        var bestShare = share
        let start = Int(random >> 24 % UInt64(count))
        for step in 0..<count {
            let other = (start + step) % count
            let share = candidate(other).share
            if share > bestShare {
                best = other
                bestShare = share
            }
        }
        return best
    }

    /// Two different numbers below `count`.
    static func two(of count: Int, _ random: UInt64) -> (Int, Int) {
        let first = Int(random % UInt64(count))
        let step = 1 + Int((random >> 32) % UInt64(count - 1))
        return (first, (first + step) % count)
    }

    /// The shortest expected wait: the average answer times the requests before this one. Who was never measured
    /// is tried first; one read in 64 goes to any, so that a server which became quick again is noticed.
    private static func quickest(
        _ count: Int, _ random: UInt64, _ candidate: (Int) -> ReadCandidate
    ) -> Int {
        if random >> 58 == 0 { return Int(random % UInt64(count)) }
        var best = 0
        var bestWait = Double.infinity
        for index in 0..<count {
            let seen = candidate(index)
            let wait = Double(seen.latency) * Double(seen.outstanding + 1)
            if wait < bestWait {
                best = index
                bestWait = wait
            }
        }
        return best
    }

    private static func weighted(
        _ count: Int, _ random: UInt64, _ candidate: (Int) -> ReadCandidate
    ) -> Int {
        var total = 0
        for index in 0..<count { total += candidate(index).part }
        guard total > 0 else { return Int(random % UInt64(count)) }
        var left = Int(random % UInt64(total))
        for index in 0..<count {
            left -= candidate(index).part
            if left < 0 { return index }
        }
        return count - 1
    }
}

/// Numbers by chance, from a seed: the core draws none from the system.
struct Chance {
    private var state: UInt64

    init(seed: UInt64) {
        state = seed | 1
    }

    /// xorshift64*: enough to choose among a handful of servers.
    mutating func next() -> UInt64 {
        state ^= state >> 12
        state ^= state << 25
        state ^= state >> 27
        return state &* 0x2545_F491_4F6C_DD1D
    }
}
