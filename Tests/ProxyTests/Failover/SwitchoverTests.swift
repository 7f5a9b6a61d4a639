// The steps of a planned change of the master: what each event leads to, in every step.

import Testing

@testable import Proxy

@Suite struct SwitchoverTests {
    private typealias Step = (Switchover.Event, Switchover.Phase, [Switchover.Action])

    private static let sentinels = Switchover.Way.sentinels(raisesPriority: true)

    /// The way to each step, when all goes well.
    private static let events: [Switchover.Phase: [Switchover.Event]] = [
        .draining: [], .asking: [.drained], .awaiting: [.drained, .accepted],
        .repointing: [.drained, .accepted, .adopted(isTarget: true)],
        .aborting(because: "it took too long"): [.drained, .accepted, .late],
    ]
    private static let eventsWithSentinels: [Switchover.Phase: [Switchover.Event]] = [
        .preparing: [], .draining: [.prepared], .pausing: [.prepared, .drained],
        .levelling: [.prepared, .drained, .accepted],
        .asking: [.prepared, .drained, .accepted, .level],
        .awaiting: [.prepared, .drained, .accepted, .level, .accepted],
    ]

    private static func reached(_ phase: Switchover.Phase, by way: Switchover.Way) -> Switchover {
        var (switchover, _) = Switchover.begin(way)
        for event in (way == .servers ? events : eventsWithSentinels)[phase]! {
            _ = switchover.hear(event)
        }
        #expect(switchover.phase == phase)
        return switchover
    }

    @Test func allGoesWell() {
        var (switchover, actions) = Switchover.begin(.servers)
        #expect(actions == [.holdWrites])
        #expect(switchover.hear(.drained) == [.askServer])
        #expect(switchover.hear(.accepted) == [])
        #expect(switchover.hear(.adopted(isTarget: true)) == [.repoint])
        #expect(switchover.hear(.repointed) == [.succeed])
        #expect(switchover.phase == .over)
        #expect(switchover.hear(.late) == [])
    }

    @Test(arguments: [true, false]) func allGoesWellWithSentinels(raisesPriority: Bool) {
        var (switchover, actions) = Switchover.begin(.sentinels(raisesPriority: raisesPriority))
        if raisesPriority {
            #expect(actions == [.raisePriority])
            #expect(switchover.hear(.accepted) == [])
            actions = switchover.hear(.prepared)
        }
        #expect(actions == [.holdWrites])
        #expect(switchover.hear(.drained) == [.pauseMaster])
        #expect(switchover.hear(.accepted) == [])
        #expect(switchover.hear(.level) == [.askSentinels])
        #expect(switchover.hear(.accepted) == [])
        let undone: [Switchover.Action] = raisesPriority ? [.restorePriority] : []
        #expect(
            switchover.hear(.adopted(isTarget: true))
                == [.demoteMaster, .unpauseMaster] + undone + [.succeed])
        #expect(switchover.phase == .over)
    }

    /// The server's own way: what ends it, and what is undone then.
    @Test(arguments: [
        (Switchover.Phase.draining, Switchover.Event.late, "it took too long"),
        (.draining, .abort, "aborted by an operator"),
        (.draining, .lostMaster, "the master cannot be reached any more"),
        (.draining, .lostTarget, "the replica does not answer any more"),
        (.draining, .adopted(isTarget: false), "somebody else has changed the master meanwhile"),
        (.draining, .adopted(isTarget: true), "somebody else has changed the master meanwhile"),
        (.asking, .refused("NOPERM"), "NOPERM"),
        (
            .awaiting, .kept,
            "the master has left it, as the replica did not catch up in time, or never heard of it"
        ),
        (.awaiting, .adopted(isTarget: false), "somebody else has changed the master meanwhile"),
        (.aborting(because: "it took too long"), .kept, "it took too long"),
        (
            .aborting(because: "it took too long"), .late,
            "it took too long; the master has not said what became of it"
        ),
    ])
    func ends(phase: Switchover.Phase, event: Switchover.Event, reason: String) {
        var switchover = Self.reached(phase, by: .servers)
        #expect(switchover.hear(event) == [.releaseWrites, .fail(reason)])
        #expect(switchover.phase == .over)
    }

    /// Once the server has been told, it is told to leave it, and writes wait until it says what became of that.
    @Test(arguments: [
        (Switchover.Phase.asking, Switchover.Event.late, "it took too long"),
        (.asking, .abort, "aborted by an operator"), (.awaiting, .late, "it took too long"),
        (.awaiting, .abort, "aborted by an operator"),
        (.awaiting, .lostTarget, "the replica does not answer any more"),
    ])
    func turnsBack(phase: Switchover.Phase, event: Switchover.Event, reason: String) {
        var switchover = Self.reached(phase, by: .servers)
        #expect(switchover.hear(event) == [.abortAtServer])
        #expect(switchover.phase == .aborting(because: reason))
        // It was too late for that.
        var tooLate = switchover
        #expect(tooLate.hear(.adopted(isTarget: true)) == [.repoint])
        #expect(switchover.hear(.kept) == [.releaseWrites, .fail(reason)])
    }

    /// A connection that dies with the word on it leaves open whether it was heard.
    @Test func lostWhileAsking() {
        var switchover = Self.reached(.asking, by: .servers)
        #expect(switchover.hear(.lostMaster) == [])
        #expect(switchover.phase == .awaiting)
        #expect(switchover.hear(.lostMaster) == [])
        #expect(switchover.phase == .awaiting)
    }

    /// Replicas that do not answer are not waited for any longer.
    @Test func lateSiblings() {
        var switchover = Self.reached(.repointing, by: .servers)
        #expect(switchover.hear(.lostTarget) == [])
        #expect(switchover.hear(.abort) == [])
        #expect(switchover.hear(.late) == [.succeed])
    }

    /// Sentinels that were told cannot be told to leave it: writes wait on, and whoever asks hears that it is too late.
    @Test(arguments: [Switchover.Phase.asking, .awaiting])
    func tooLateToAbort(phase: Switchover.Phase) {
        var switchover = Self.reached(phase, by: Self.sentinels)
        #expect(switchover.isBeyondAbort)
        #expect(switchover.hear(.abort) == [])
        #expect(switchover.phase == phase)
        #expect(!Self.reached(phase, by: .servers).isBeyondAbort)
    }

    /// With sentinels: before writes are held only the priority is undone, then the hold, then the master's pause too.
    @Test(arguments: [
        (Switchover.Phase.preparing, Switchover.Event.late, 0),
        (.preparing, .refused("NOPERM"), 0), (.preparing, .abort, 0), (.preparing, .lostTarget, 0),
        (.draining, .lostMaster, 1), (.draining, .abort, 1), (.pausing, .refused("NOPERM"), 2),
        (.pausing, .lostMaster, 2), (.levelling, .late, 2), (.levelling, .lostTarget, 2),
        (.levelling, .abort, 2), (.asking, .refused("NOGOODSLAVE"), 2), (.awaiting, .late, 2),
        (.awaiting, .adopted(isTarget: false), 2),
    ])
    func undoes(phase: Switchover.Phase, event: Switchover.Event, how: Int) {
        var switchover = Self.reached(phase, by: Self.sentinels)
        let actions = switchover.hear(event)
        let undone: [[Switchover.Action]] = [
            [.restorePriority], [.releaseWrites, .restorePriority],
            [.unpauseMaster, .releaseWrites, .restorePriority],
        ]
        #expect(Array(actions.dropLast()) == undone[how])
        guard case .fail? = actions.last else {
            Issue.record("\(actions)")
            return
        }
        #expect(switchover.phase == .over)
    }

    /// Sentinels close the target's connections when they promote it.
    @Test func targetThatIsPromoted() {
        var switchover = Self.reached(.awaiting, by: Self.sentinels)
        #expect(switchover.hear(.lostTarget) == [])
        #expect(switchover.phase == .awaiting)
    }
}
