// When the master was where: by it a replica's offset says how old its data is.

import RESP

/// Where the master was found at each of the last probes. An offset means something only within one history.
struct OffsetTimeline {
    private struct Point {
        /// When the probe was sent: what it found was true then or later.
        let sentAt: Instant
        let offset: Int
    }

    /// As many as are kept: at one a second, ten minutes.
    static let most = 600

    private var points: [Point] = []
    private(set) var history: String?

    /// The master's offset as it was found last.
    var offset: Int? { points.last?.offset }

    /// A probe that was sent at this time has found the master at this offset. Another history begins anew, and so does
    /// an offset that has fallen.
    mutating func note(_ offset: Int, of history: String?, sentAt: Instant) {
        if history != self.history || offset < points.last?.offset ?? 0 {
            points.removeAll(keepingCapacity: true)
            self.history = history
        }
        points.append(Point(sentAt: sentAt, offset: offset))
        if points.count > OffsetTimeline.most { points.removeFirst() }
    }

    /// The last time at which everything that the master had is known to be within this offset: whoever has come so far
    /// has no older data. Nil when it has not reached the oldest point.
    func reached(_ offset: Int, of history: String?) -> Instant? {
        guard history == self.history, history != nil else { return nil }
        let reached = count { $0.offset <= offset }
        return reached > 0 ? points[reached - 1].sentAt : nil
    }

    /// How far behind the master a replica was when it was found there; nil when that cannot be said. Only what the
    /// master was asked no later than the replica counts: between two probes a master may write more than the ceiling
    /// allows.
    func lag(of position: ReplicaPosition) -> ReplicaLag? {
        guard let history, position.history == history, let last = points.last else { return nil }
        // Ahead of what the master said afterwards: its data is not the beginning of the master's.
        if last.offset < position.offset, last.sentAt >= position.answeredAt { return nil }
        let known = count { $0.sentAt <= position.sentAt }
        guard known > 0 else { return nil }
        let bytes = points[known - 1].offset - position.offset
        guard bytes > 0 else { return ReplicaLag.none }
        let passed = points[count { $0.offset <= position.offset }]
        return ReplicaLag(bytes: bytes, time: position.sentAt - passed.sentAt)
    }

    /// Nothing is known any more.
    mutating func forget() {
        points.removeAll(keepingCapacity: true)
        history = nil
    }

    /// So many points, from the oldest on, are as `isEarly` says; times and offsets rise.
    private func count(_ isEarly: (Point) -> Bool) -> Int {
        var (low, high) = (0, points.count)
        while low < high {
            let middle = (low + high) / 2
            if isEarly(points[middle]) { low = middle + 1 } else { high = middle }
        }
        return low
    }
}
