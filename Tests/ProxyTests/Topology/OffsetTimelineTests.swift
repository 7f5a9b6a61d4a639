// How old a replica's data is, by where the master was when.

import RESP
import Testing

@testable import Proxy

@Suite struct OffsetTimelineTests {
    private func at(_ seconds: Int64) -> Instant { Instant(nanoseconds: seconds * 1_000_000_000) }

    @Test func reachedAndPassed() {
        var timeline = OffsetTimeline()
        #expect(timeline.reached(0, of: "a") == nil)
        for (second, offset) in [(1, 100), (2, 100), (3, 250), (4, 400)] {
            timeline.note(offset, of: "a", sentAt: at(Int64(second)))
        }
        let rows: [(offset: Int, reached: Int64?, passed: Int64?)] = [
            (99, nil, 1), (100, 2, 3), (249, 2, 3), (250, 3, 4), (399, 3, 4), (400, 4, nil),
            (999, 4, nil),
        ]
        for row in rows {
            #expect(timeline.reached(row.offset, of: "a") == row.reached.map(at), "\(row.offset)")
            #expect(timeline.passed(row.offset, of: "a") == row.passed.map(at), "\(row.offset)")
        }
        #expect(timeline.reached(400, of: "b") == nil)
        #expect(timeline.reached(400, of: nil) == nil)
    }

    /// Another history, or an offset that has fallen, says nothing of what was before.
    @Test func beginsAnew() {
        var timeline = OffsetTimeline()
        timeline.note(400, of: "a", sentAt: at(1))
        timeline.note(100, of: "a", sentAt: at(2))
        #expect(timeline.reached(400, of: "a") == at(2))
        #expect(timeline.reached(99, of: "a") == nil)
        timeline.note(900, of: "b", sentAt: at(3))
        #expect(timeline.reached(400, of: "a") == nil)
        #expect(timeline.offset == 900)
    }

    @Test func isBounded() {
        var timeline = OffsetTimeline()
        for second in 0..<1000 { timeline.note(second, of: "a", sentAt: at(Int64(second))) }
        #expect(timeline.reached(1000 - OffsetTimeline.most - 1, of: "a") == nil)
        #expect(timeline.reached(1000 - OffsetTimeline.most, of: "a") != nil)
    }
}
