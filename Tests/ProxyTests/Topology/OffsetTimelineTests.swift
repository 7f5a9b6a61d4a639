// How old a replica's data is, by where the master was when.

import RESP
import Testing

@testable import Proxy

@Suite struct OffsetTimelineTests {
    private func at(_ seconds: Int64) -> Instant { Instant(nanoseconds: seconds * 1_000_000_000) }

    @Test func reached() {
        var timeline = OffsetTimeline()
        #expect(timeline.reached(0, of: "a") == nil)
        for (second, offset) in [(1, 100), (2, 100), (3, 250), (4, 400)] {
            timeline.note(offset, of: "a", sentAt: at(Int64(second)))
        }
        let rows: [(offset: Int, reached: Int64?)] = [
            (99, nil), (100, 2), (249, 2), (250, 3), (399, 3), (400, 4), (999, 4),
        ]
        for row in rows {
            #expect(timeline.reached(row.offset, of: "a") == row.reached.map(at), "\(row.offset)")
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

/// How far behind a replica is, wherever and whenever it was found.
@Suite struct ReplicaLagTests {
    private func at(_ seconds: Double) -> Instant {
        Instant(nanoseconds: Int64(seconds * 1_000_000_000))
    }

    private var timeline: OffsetTimeline {
        var timeline = OffsetTimeline()
        for (second, offset) in [(1, 100), (2, 100), (3, 250), (4, 400)] {
            timeline.note(offset, of: "a", sentAt: at(Double(second)))
        }
        return timeline
    }

    private func position(
        _ offset: Int, of history: String? = "a", asked: Double, answered: Double? = nil
    ) -> ReplicaPosition {
        ReplicaPosition(
            offset: offset, history: history, sentAt: at(asked),
            answeredAt: at(answered ?? asked + 0.1))
    }

    @Test func lags() {
        let rows: [(ReplicaPosition, bytes: Int?, seconds: Double)] = [
            // It has all that the master had, or more: the master was asked a little earlier.
            (position(400, asked: 4), 0, 0), (position(420, asked: 4), 0, 0),
            // Behind since the master was found further, not since it was last found where the replica is.
            (position(399, asked: 4), 1, 0), (position(250, asked: 4), 150, 0),
            (position(249, asked: 4), 151, 1), (position(100, asked: 4.5), 300, 1.5),
            (position(99, asked: 4), 301, 3), (position(0, asked: 9), 400, 8),
            // What the master said later is no measure for what the replica had before.
            (position(100, asked: 3), 150, 0), (position(100, asked: 2.9), 0, 0),
            (position(50, asked: 1), 50, 0),
            // The master was not asked before.
            (position(50, asked: 0.5), nil, 0),
            // Another history, or none that is known.
            (position(400, of: "b", asked: 4), nil, 0), (position(400, of: nil, asked: 4), nil, 0),
            // It was found where the master is not yet, as the master said afterwards.
            (position(401, asked: 3.5, answered: 4), nil, 0),
            (position(401, asked: 3.5, answered: 4.1), 0, 0),
        ]
        for (position, bytes, seconds) in rows {
            let lag = timeline.lag(of: position)
            #expect(lag?.bytes == bytes, "\(position)")
            if bytes != nil { #expect(lag?.time == .seconds(seconds), "\(position)") }
        }
    }

    /// What was measured in a history that is over, or forgotten, says nothing.
    @Test func unknown() {
        var timeline = timeline
        timeline.note(100, of: "a", sentAt: at(5))
        #expect(timeline.lag(of: position(400, asked: 4)) == nil)
        #expect(timeline.lag(of: position(60, asked: 5))?.bytes == 40)
        timeline.note(900, of: "b", sentAt: at(6))
        #expect(timeline.lag(of: position(60, asked: 6)) == nil)
        #expect(timeline.lag(of: position(60, of: "b", asked: 6))?.bytes == 840)
        timeline.forget()
        #expect(timeline.lag(of: position(60, of: "b", asked: 6)) == nil)
        #expect(timeline.lag(of: position(60, of: nil, asked: 6)) == nil)
        #expect(timeline.offset == nil)
    }

    /// Begins above the ceiling, ends within half of it, in both measures.
    @Test func ceiling() {
        let ceiling = LagCeiling(bytes: 1000, time: .seconds(10))
        let rows: [(bytes: Int, seconds: Int, begins: Bool, stays: Bool)] = [
            (0, 0, false, false), (1000, 10, false, true), (1001, 0, true, true),
            (0, 11, true, true), (500, 5, false, false), (501, 0, false, true),
            (0, 6, false, true),
        ]
        for row in rows {
            let lag = ReplicaLag(bytes: row.bytes, time: .seconds(row.seconds))
            #expect(ceiling.isExceeded(by: lag, isLagging: false) == row.begins, "\(row)")
            #expect(ceiling.isExceeded(by: lag, isLagging: true) == row.stays, "\(row)")
        }
    }
}
