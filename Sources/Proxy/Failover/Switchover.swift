// A planned change of the master, step by step: which step comes next, whatever happens. What the steps do is in
// ProxyCore+Switchover.swift.
//
// The servers' own FAILOVER:
//
//     draining ──drained──▶ asking ──accepted──▶ awaiting ──adopted──▶ repointing ──▶ over
//        │                    │ refused             │ kept, late, abort
//        └────────────────────┴──▶ over             └──▶ aborting ──kept──▶ over
//
// With sentinels:
//
//     preparing ─▶ draining ─▶ pausing ─▶ levelling ─▶ asking ─▶ awaiting ──adopted──▶ over
//
// In every step the way back leads to `over`, with everything undone that was done.

struct Switchover: Equatable {
    enum Way: Equatable {
        /// The servers do it themselves.
        case servers
        /// The sentinels do it, by the priorities of the replicas; that of the target is raised before if need be.
        case sentinels(raisesPriority: Bool)
    }

    enum Phase: Hashable {
        /// The sentinels are to hear of the target's priority.
        case preparing
        /// Own writes are held, and those that were sent are waited for.
        case draining
        /// The master is told to hold what others write.
        case pausing
        /// The target is to have all that the master has.
        case levelling
        /// Whoever does it has been told, and has not answered.
        case asking
        case awaiting
        /// The master has been told to leave it; it may be too late for that.
        case aborting(because: String)
        /// The other replicas are told whom to follow.
        case repointing
        case over
    }

    enum Event: Equatable {
        case prepared
        case drained
        /// The step was carried out, or refused with these words.
        case accepted
        case refused(String)
        case level
        /// There is another master: the target, or somebody else.
        case adopted(isTarget: Bool)
        /// The master says that it is one, and that nothing is under way.
        case kept
        case lostMaster
        case lostTarget
        case repointed
        /// The time for the phase is up.
        case late
        /// An operator's word.
        case abort
    }

    enum Action: Equatable {
        case raisePriority
        case holdWrites
        case pauseMaster
        case askServer
        case askSentinels
        case abortAtServer
        case releaseWrites
        case unpauseMaster
        case restorePriority
        /// The master of before follows the new one.
        case demoteMaster
        case repoint
        case succeed
        case fail(String)
    }

    let way: Way
    private(set) var phase: Phase

    /// The first step, and what it takes.
    static func begin(_ way: Way) -> (Switchover, [Action]) {
        if case .sentinels(raisesPriority: true) = way {
            return (Switchover(way: way, phase: .preparing), [.raisePriority])
        }
        return (Switchover(way: way, phase: .draining), [.holdWrites])
    }

    mutating func hear(_ event: Event) -> [Action] {
        switch (phase, event) {
        case (.over, _): return []

        case (.preparing, .prepared): return go(to: .draining, .holdWrites)
        case (.draining, .drained):
            return way == .servers
                ? go(to: .asking, .askServer) : go(to: .pausing, .pauseMaster)
        case (.pausing, .accepted): return go(to: .levelling)
        case (.levelling, .level): return go(to: .asking, .askSentinels)
        case (.asking, .accepted): return go(to: .awaiting)
        // Nobody knows whether it was heard: what becomes of it shows.
        case (.asking, .lostMaster): return go(to: .awaiting)
        case (.repointing, .repointed), (.repointing, .late): return go(to: .over, .succeed)

        case (.asking, .adopted(true)), (.awaiting, .adopted(true)),
            (.aborting, .adopted(true)):
            guard way == .servers else {
                return go(to: .over, .demoteMaster, .unpauseMaster) + undoPriority() + [.succeed]
            }
            return go(to: .repointing, .repoint)
        case (_, .adopted) where phase != .repointing:
            return giveUp("somebody else has changed the master meanwhile")

        case (.awaiting, .kept):
            return giveUp(
                "the master has left it, as the replica did not catch up in time, or never heard of it"
            )
        case (.aborting(let reason), .kept): return giveUp(reason)
        case (.aborting(let reason), .late):
            return giveUp("\(reason); the master has not said what became of it")

        case (.preparing, .refused(let words)), (.draining, .refused(let words)),
            (.pausing, .refused(let words)), (.levelling, .refused(let words)),
            (.asking, .refused(let words)):
            return giveUp(words)
        case (.preparing, .lostMaster), (.draining, .lostMaster), (.pausing, .lostMaster),
            (.levelling, .lostMaster):
            return giveUp("the master cannot be reached any more")
        case (.preparing, .lostTarget), (.draining, .lostTarget), (.pausing, .lostTarget),
            (.levelling, .lostTarget):
            return giveUp("the replica does not answer any more")
        case (.preparing, .late):
            return giveUp("the sentinels have not noticed the replica's priority in time")
        case (.draining, .late), (.pausing, .late), (.levelling, .late):
            return giveUp("it took too long")
        case (.preparing, .abort), (.draining, .abort), (.pausing, .abort), (.levelling, .abort):
            return giveUp(Switchover.aborted)

        // Sentinels that were told cannot be told to leave it: writes wait on, or the next master would lack them.
        case (.asking, .abort), (.awaiting, .abort):
            return way == .servers ? turnBack(Switchover.aborted) : []
        case (.asking, .late), (.awaiting, .late): return turnBack("it took too long")
        // Sentinels close its connections when they promote it.
        case (.awaiting, .lostTarget) where way == .servers:
            return turnBack("the replica does not answer any more")

        // It is of a step that is over, or changes nothing: what becomes of it is waited for.
        case (.preparing, _), (.draining, _), (.pausing, _), (.levelling, _), (.asking, _),
            (.awaiting, _), (.aborting, _), (.repointing, _):
            return []
        }
    }

    /// Whether an operator's word comes too late to change anything.
    var isBeyondAbort: Bool {
        way != .servers && (phase == .asking || phase == .awaiting)
    }

    private static let aborted = "aborted by an operator"

    private mutating func go(to next: Phase, _ actions: Action...) -> [Action] {
        phase = next
        return actions
    }

    /// It may have begun.
    private mutating func turnBack(_ reason: String) -> [Action] {
        guard way == .servers else {
            return giveUp(
                "\(reason); the sentinels may carry it out yet, and the proxy follows them")
        }
        return go(to: .aborting(because: reason), .abortAtServer)
    }

    /// Everything is as before.
    private mutating func giveUp(_ reason: String) -> [Action] {
        var actions: [Action] = []
        switch phase {
        case .preparing: break
        case .draining: actions = [.releaseWrites]
        case .pausing, .levelling, .asking, .awaiting, .aborting, .repointing, .over:
            if way != .servers { actions = [.unpauseMaster] }
            actions.append(.releaseWrites)
        }
        actions += undoPriority() + [.fail(reason)]
        phase = .over
        return actions
    }

    private func undoPriority() -> [Action] {
        way == .sentinels(raisesPriority: true) ? [.restorePriority] : []
    }
}
