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
        var (low, high) = (0, points.count)
        while low < high {
            let middle = (low + high) / 2
            if points[middle].offset <= offset { low = middle + 1 } else { high = middle }
        }
        return low > 0 ? points[low - 1].sentAt : nil
    }

    /// Since when the master is known to be further than this offset; nil when it is not.
    func passed(_ offset: Int, of history: String?) -> Instant? {
        guard history == self.history, history != nil else { return nil }
        return points.first { $0.offset > offset }?.sentAt
    }
}
