// PROXY RESYNC, step by step: what follows from each event, and what is undone when a step fails.
//
//     counting ──counted──▶ draining ──drained──▶ telling ──accepted──▶ copying ──whole──▶ recounting ──▶ over
//                               │                     │                    │                   │
//                               └── any failure: reads go there again as soon as the replica is well ──▶ over

import RESP

/// One replica that is to copy its master's data anew: a value that is told what happens, and says what to do.
struct Resync: Equatable {
    enum Phase: Equatable {
        /// The master is asked how many copies it has given.
        case counting
        /// Nobody sends it reads any more; those that were sent are answered.
        case draining
        /// It is told to begin anew.
        case telling
        case copying
        /// It says that it is whole; the master is asked again.
        case recounting
        case over
    }

    enum Event: Equatable {
        /// So many full copies the master has given; nil: it does not say.
        case counted(Int?)
        case drained
        case accepted
        case refused(String)
        /// It does not begin anew, having been told to leave its master: it is to follow it again.
        case abandoned(String)
        /// The connection over which something was asked is lost.
        case lost
        /// It follows its master, and has a whole copy, or only what it had before and what was missing.
        case follows(isWhole: Bool)
        /// It, or its master, is not what it was.
        case changed(String)
        /// It has been neither well nor at work for too long.
        case late
    }

    enum Action: Equatable {
        case count
        case withdraw
        case tell
        case followAgain
        case release
        case succeed
        case fail(String)
    }

    private(set) var phase = Phase.counting
    /// What the master had counted before.
    private(set) var copies: Int?

    static func begin() -> (Resync, [Action]) { (Resync(), [.count]) }

    mutating func hear(_ event: Event) -> [Action] {
        switch (phase, event) {
        case (.over, _): return []

        case (.counting, .counted(let count)):
            copies = count
            phase = .draining
            return [.withdraw]
        case (.draining, .drained):
            phase = .telling
            return [.tell]
        case (.telling, .accepted):
            phase = .copying
            return []
        case (.copying, .follows(isWhole: true)):
            phase = .recounting
            return [.count]
        case (.recounting, .counted(let count)):
            if let before = copies, let count, count <= before {
                return giveUp("it says that it has copied, and its master has given no copy since")
            }
            phase = .over
            return [.release, .succeed]

        case (.copying, .follows(isWhole: false)):
            return giveUp("its master let it go on where it was, so that it has copied nothing")
        case (.telling, .abandoned(let reason)):
            phase = .over
            return [.followAgain, .release, .fail(reason)]
        case (.telling, .lost):
            return giveUp(
                "the connection was lost, and nobody knows whether it was told: its state shows")
        case (.counting, .lost), (.recounting, .lost):
            return giveUp("its master cannot be asked how many copies it has given")
        case (_, .refused(let reason)), (_, .changed(let reason)): return giveUp(reason)
        case (_, .late):
            return giveUp("it has neither begun to copy nor come back for too long")

        // It is of a step that is over.
        case (_, .counted), (_, .drained), (_, .accepted), (_, .abandoned), (_, .lost),
            (_, .follows):
            return []
        }
    }

    private mutating func giveUp(_ reason: String) -> [Action] {
        defer { phase = .over }
        return phase == .counting ? [.fail(reason)] : [.release, .fail(reason)]
    }
}
