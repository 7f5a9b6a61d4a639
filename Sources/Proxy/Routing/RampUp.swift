// A server that has come back takes a growing share of its reads: its caches are cold, and what made it go may come
// again.

import RESP

/// Since when a server that was away takes reads again.
struct RampUp {
    private(set) var since: Instant?
    private var awaySince: Instant?

    /// Whoever is away for less has not become cold.
    static let shortest = Duration.seconds(1)
    /// Shares are parts of this many.
    static let full = 256
    /// A tenth, so that a quiet server is tried soon.
    static let first = 26

    /// Its state has changed. Who is met for the first time was not away.
    mutating func note(_ state: BackendState, at now: Instant) {
        switch state {
        case .healthy:
            if let awaySince, now - awaySince >= RampUp.shortest { since = now }
            awaySince = nil
        // Who goes away for a moment goes on where it was.
        case .connecting: break
        case .loading, .syncing, .staleLink, .lagging, .draining, .ejected, .down:
            awaySince = awaySince ?? now
        }
    }

    /// The share at a moment; it rises evenly.
    func share(at now: Instant, over length: Duration) -> Int {
        guard let since, length > .zero else { return RampUp.full }
        let part = (now - since).nanoseconds * Int64(RampUp.full) / length.nanoseconds
        return Int(min(Int64(RampUp.full), max(Int64(RampUp.first), part)))
    }

    /// True when that was the end of it.
    mutating func endIfOver(at now: Instant, over length: Duration) -> Bool {
        guard let since, since + length <= now else { return false }
        self.since = nil
        return true
    }
}
