// When watermarks were given out: by it a fence says how long ago the last write of its keys was.

import RESP

/// The last of them with their times, ten milliseconds apart: a ring.
struct WatermarkTimes {
    private struct Entry {
        var watermark = Watermark.none
        var at = Instant(nanoseconds: 0)
    }

    private var ring: [Entry]
    private var count = 0
    private var begunAt = Instant(nanoseconds: .min / 2)
    /// Numbers are given out for writes alone, each as soon as the one before is that old.
    private let arePublished: Bool

    static let pace = Duration.milliseconds(10)

    /// Keeps so many; a power of two.
    init(capacity: Int, arePublished: Bool = true) {
        precondition(capacity & (capacity - 1) == 0, "\(capacity) is not a power of two")
        ring = Array(repeating: Entry(), count: capacity)
        self.arePublished = arePublished
    }

    func isDue(at now: Instant) -> Bool { begunAt + WatermarkTimes.pace <= now }

    /// This one, and all before it, have been given out by now.
    mutating func note(_ watermark: Watermark, at now: Instant) {
        if isDue(at: now) {
            begunAt = now
            count += 1
        }
        ring[(count - 1) & (ring.count - 1)] = Entry(watermark: watermark, at: now)
    }

    /// By when the writes behind a watermark had been answered; nil when that is not known. O(n).
    func passed(_ watermark: Watermark) -> Instant? {
        guard count > 0, watermark > .none else { return nil }
        let oldest = max(0, count - ring.count)
        var found: Instant?
        var place = count - 1
        while place >= oldest {
            let entry = ring[place & (ring.count - 1)]
            guard entry.watermark >= watermark else { break }
            found = entry.at
            place -= 1
        }
        let last = ring[(count - 1) & (ring.count - 1)]
        if found == nil, !arePublished, last.watermark.number + 1 == watermark.number {
            return last.at + WatermarkTimes.pace
        }
        return found
    }
}
