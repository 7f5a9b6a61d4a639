// When a replica is set aside for what reads have met there: the decisions, as tables.

import RESP
import Testing

@testable import Proxy

@Suite struct CircuitTests {
    private let limits = ProxyConfiguration.Outliers()

    private func instant(_ seconds: Int) -> Instant {
        Instant(nanoseconds: Int64(seconds) * 1_000_000_000)
    }

    /// The time doubles up to the longest.
    @Test func lengths() {
        let rows = [(1, 10), (2, 20), (3, 40), (4, 80), (5, 160), (6, 300), (7, 300), (1_000, 300)]
        for (times, seconds) in rows {
            #expect(OutlierJudge.length(times, limits) == .seconds(seconds), "\(times)")
        }
        var short = limits
        short.ejection = .seconds(400)
        #expect(OutlierJudge.length(1, short) == .seconds(300))
    }

    /// Milliseconds of each replica, and which are slow; `nil` tells nothing.
    @Test func slowness() {
        let rows: [([Int?], [Bool?])] = [
            ([1, 1, 1], [false, false, false]),
            ([1, 1, 60], [false, false, true]),
            // Less than the floor is quick, however quick the others are.
            ([1, 1, 49], [false, false, false]),
            // Five times as slow, and not a millisecond less.
            ([20, 20, 100], [false, false, true]), ([20, 20, 99], [false, false, false]),
            // Where all are slow none is.
            ([300, 400, 500], [false, false, false]),
            // Nobody to compare with, or nothing to compare.
            ([900], [nil]), ([900, nil], [nil, nil]), ([nil, 1, 900], [nil, false, true]),
            // Of two in the middle the slower one counts.
            ([1, 100, 400], [false, false, false]),
            ([], []),
        ]
        for (means, expected) in rows {
            let means = means.map { $0.map { Duration.milliseconds($0) } }
            let found = means.indices.map { OutlierJudge.isSlow($0, means, limits) }
            #expect(found == expected, "\(means)")
        }
        var off = limits
        off.latencyFactor = 0
        #expect(OutlierJudge.isSlow(1, [.milliseconds(1), .seconds(9)], off) == nil)
    }

    /// A share of the replicas, one in any case, and never the last one that may be read.
    @Test func howMany() {
        typealias Row = (
            ejected: Int, replicas: Int, others: Int, percent: Int, master: Bool, expected: Bool
        )
        let rows: [Row] = [
            (0, 1, 0, 50, true, true), (0, 1, 0, 50, false, false), (0, 2, 1, 50, true, true),
            (1, 2, 0, 50, true, false), (0, 3, 2, 50, true, true), (1, 3, 1, 50, true, false),
            (1, 4, 2, 50, true, true), (2, 4, 1, 50, true, false), (0, 4, 3, 0, true, false),
            (3, 4, 0, 100, true, true), (3, 4, 0, 100, false, false), (0, 9, 8, 10, true, true),
            (1, 9, 7, 10, true, false),
        ]
        for row in rows {
            let found = OutlierJudge.mayEject(
                row.ejected, of: row.replicas, others: row.others, percent: row.percent,
                mayUseMaster: row.master)
            #expect(found == row.expected, "\(row)")
        }
    }

    /// Failures in a row, an answer between them, and several losses at once.
    @Test func failures() {
        var circuit = Circuit()
        for _ in 1...4 { #expect(circuit.noteFailure(limits) == false) }
        #expect(circuit.noteAnswer(at: instant(0)) == false)
        for _ in 1...4 { #expect(circuit.noteFailure(limits) == false) }
        #expect(circuit.noteFailure(limits) == true)
        var off = limits
        off.failures = 0
        #expect(circuit.noteFailure(off) == false)

        var losing = Circuit()
        for connection in 0..<20 {
            #expect(losing.noteLoss(limits, at: instant(1) + .milliseconds(connection)) == false)
        }
        #expect(losing.failures == 1)
        for second in 2...4 { #expect(losing.noteLoss(limits, at: instant(second * 2)) == false) }
        #expect(losing.noteLoss(limits, at: instant(10)) == true)
    }

    /// Three slow intervals in a row; those that tell nothing do not count.
    @Test func intervals() {
        let rows: [([Bool?], Bool)] = [
            ([true, true, true], true), ([true, true, false, true], false),
            ([true, nil, true, nil, true], true), ([nil, nil, nil], false),
        ]
        for (intervals, expected) in rows {
            var circuit = Circuit()
            var isEnough = false
            for isSlow in intervals { isEnough = circuit.noteInterval(isSlow: isSlow) }
            #expect(isEnough == expected, "\(intervals)")
        }
    }

    /// What an interval tells: an average of enough answers, unless something slow was asked.
    @Test func windows() {
        var window = Circuit.Window()
        for _ in 1...4 { window.add(2_000_000) }
        #expect(window.mean == nil)
        window.add(7_000_000)
        #expect(window.mean == .milliseconds(3))
        window.isExcused = true
        #expect(window.mean == nil)
    }

    /// Open, on trial, and closed by good answers or opened again for twice as long.
    @Test func trial() {
        var circuit = Circuit()
        circuit.open(because: .failures(5), limits, at: instant(0))
        #expect(circuit.state == .open(until: instant(10)))
        #expect(circuit.beginTrial(at: instant(9)) == false)
        #expect(circuit.beginTrial(at: instant(10)) == true)
        #expect(circuit.isOnTrial && circuit.awaitsAnswers)
        for _ in 1...4 { #expect(circuit.noteAnswer(at: instant(11)) == false) }
        #expect(circuit.noteFailure(limits) == true)
        circuit.open(because: .failures(1), limits, at: instant(12))
        #expect(circuit.state == .open(until: instant(32)))
        _ = circuit.beginTrial(at: instant(32))
        for _ in 1...4 { #expect(circuit.noteAnswer(at: instant(33)) == false) }
        #expect(circuit.noteAnswer(at: instant(33)) == true)
        #expect(circuit.state == .closed && !circuit.awaitsAnswers)
        // Well for less than it was set aside: the next time is longer again.
        var soon = circuit
        soon.open(because: .failures(5), limits, at: instant(52))
        #expect(soon.lasts == .seconds(40))
        circuit.open(because: .failures(5), limits, at: instant(53))
        #expect(circuit.lasts == .seconds(10))
        #expect(circuit.openings == 3)
    }

    /// On trial after slowness a slow answer is a failure, by what its peers took then.
    @Test func relapse() {
        var circuit = Circuit()
        let cause = Circuit.Cause.slowness(own: .milliseconds(900), peers: .milliseconds(20))
        circuit.open(because: cause, limits, at: instant(0))
        _ = circuit.beginTrial(at: instant(10))
        #expect(circuit.relapse(.milliseconds(99), limits) == nil)
        #expect(
            circuit.relapse(.milliseconds(100), limits)
                == .slowness(own: .milliseconds(100), peers: .milliseconds(20)))
        var failing = Circuit()
        failing.open(because: .failures(5), limits, at: instant(0))
        _ = failing.beginTrial(at: instant(10))
        #expect(failing.relapse(.seconds(5), limits) == nil)
    }
}
