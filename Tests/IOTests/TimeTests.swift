// What waits for time: ticks in order, never early, and no spinning in between.

import Foundation
import IO
import RESP
import Testing

@Suite(.timeLimit(.minutes(2)))
struct TimeTests {
    /// A core that asks for its next tick in each tick gets them in order and none before its time.
    @Test func ticksComeInOrderAndNotEarly() throws {
        let start = SystemClock.instant()
        let times = [5, 6, 40, 41, 120].map { start + .milliseconds($0) }
        let loop = try RunningLoop { core in
            var waiting = times[...]
            core.wake(at: waiting.first)
            core.onTick = { core, now in
                while let next = waiting.first, next <= now.instant {
                    core.journal.add(.note("\(next.nanoseconds)"))
                    waiting = waiting.dropFirst()
                }
                core.wake(at: waiting.first)
            }
        }
        try loop.journal.waitFor(.note("\(times[4].nanoseconds)"))
        let done = loop.journal.all.compactMap { entry -> String? in
            if case .note(let text) = entry { text } else { nil }
        }
        #expect(done == times.map { "\($0.nanoseconds)" })
        let first = loop.journal.all.compactMap { entry -> Instant? in
            if case .ticked(let time) = entry { time } else { nil }
        }.first
        #expect(try #require(first) >= times[0])
    }

    /// A core that never takes its alarm back is ticked once for it.
    @Test func anAlarmRingsOnce() throws {
        let loop = try RunningLoop { core in core.wake(at: Instant(nanoseconds: 1)) }
        try loop.journal.wait(for: "tick") { entries in entries.isEmpty ? nil : () }
        #expect(loop.looksWhileIdle() < 100)
        #expect(loop.journal.count { if case .ticked = $0 { true } else { false } } == 1)
    }

    /// An alarm that was taken back does not ring. The taking back waits in the mailbox before the loop runs, so
    /// that no other thread has to be quick: the loop learns of the alarm, and in its first turn that there is none.
    @Test func anAlarmThatWasTakenBackIsSilent() throws {
        let loop = try RunningLoop { core in
            core.wake(at: SystemClock.instant() + .seconds(3))
        } prepare: { loop in
            loop.mailbox.post { core, _ in
                core.pending.wakeAt = nil
                (core as? ScriptedCore)?.journal.add(.note("told"))
            }
        }
        try loop.journal.waitFor(.note("told"))
        let past = SystemClock.instant() + .seconds(3)
        try waitUntil("the alarm's time") { SystemClock.instant() > past ? () : nil }
        // Two turns behind its time; the second begins after everything that the first did.
        for note in ["one turn", "another turn"] {
            loop.tell { core in core.journal.add(.note(note)) }
            try loop.journal.waitFor(.note(note))
        }
        #expect(loop.journal.all == ["told", "one turn", "another turn"].map { .note($0) })
    }

    @Test(
        arguments: [
            (nil, nil, -1), (0, nil, 0), (nil, 0, 0), (-5, 7_000_000, 0), (1, nil, 1),
            (999_999, nil, 1), (1_000_000, nil, 1), (1_000_001, nil, 2), (9_000_000, 2_500_000, 3),
            (Int64.max - 1_000, nil, 3_600_000),
        ] as [(Int64?, Int64?, Int32)])
    func sleepsAreRoundedUp(one: Int64?, other: Int64?, milliseconds: Int32) {
        let now = Instant(nanoseconds: 1_000)
        let at = { (wait: Int64?) in wait.map { Instant(nanoseconds: 1_000 + $0) } }
        #expect(Patience.milliseconds(until: at(one), at(other), at: now) == milliseconds)
    }
}
