// Whether a replica is to be made the master because the master is lost, and which: decided from what the replicas say,
// and never from the proxy's own view alone, which may be what is broken.

import RESP

/// A replica, or what is configured as one, as a witness of the master's loss and as its heir.
struct TakeoverWitness: Equatable {
    let server: Int
    /// It answers now.
    var isAnswering = true
    var isReplica = true
    /// Its history, also when it said that over a connection that is gone.
    var history: String?
    var offset: Int?
    /// Nil: it does not say.
    var priority: Int?
    /// It takes a copy, or reads one: what it has is not whole.
    var isIncomplete = false
    /// How long it has not heard the master; nil: it does not say. A link counts as up long after the last word.
    var silence: Duration?
    var isLinkUp = false
}

enum Takeover {
    enum Verdict: Equatable {
        case promote(Int)
        case wait(Reason)
    }

    enum Reason: Equatable {
        /// Nothing was ever heard of the master.
        case noHistory
        /// So many of so many replicas have not heard the master for long enough; more than half is needed.
        case tooFewWitnesses(Int, of: Int)
        /// None of them has all that a master needs.
        case noHeir
    }

    /// A master with nothing to replicate says something this often, unless it is told otherwise.
    static let usualHeartbeat = Duration.seconds(10)

    /// Whom to promote when the proxy has not reached the master for `downAfter` either. `history` is the one that was
    /// followed: who has another knows nothing of this master. On a link that is up silence means something only when
    /// it is longer than `heartbeat` by that.
    static func judge(
        _ witnesses: [TakeoverWitness], history: String?, downAfter: Duration,
        heartbeat: Duration = usualHeartbeat
    ) -> Verdict {
        guard let history else { return .wait(.noHistory) }
        // Of whom nothing is known counts as one who hears the master.
        let electors = witnesses.filter { $0.history == nil || $0.history == history }
        let voices = electors.count { elector in
            elector.isAnswering && elector.isReplica && elector.history == history
                && !elector.isIncomplete
                && elector.silence.map {
                    $0 >= downAfter + (elector.isLinkUp ? heartbeat : .zero)
                } == true
        }
        guard 2 * voices > electors.count else {
            return .wait(.tooFewWitnesses(voices, of: electors.count))
        }
        let heirs = electors.filter { elector in
            elector.isAnswering && elector.isReplica && elector.history == history
                && !elector.isIncomplete && elector.priority != 0 && elector.offset != nil
        }
        guard let heir = heirs.min(by: isBetter) else { return .wait(.noHeir) }
        return .promote(heir.server)
    }

    /// Whoever is furthest loses least.
    private static func isBetter(_ left: TakeoverWitness, _ right: TakeoverWitness) -> Bool {
        if left.offset != right.offset { return left.offset! > right.offset! }
        let (first, second) = (left.priority ?? 100, right.priority ?? 100)
        return first != second ? first < second : left.server < right.server
    }
}

extension Takeover.Reason: CustomStringConvertible {
    var description: String {
        switch self {
        case .noHistory: "nothing was ever heard of it, so that nobody can be known as its replica"
        case .tooFewWitnesses(let voices, let all):
            "\(voices) of its \(all) replicas say that they do not hear it, and more than half must"
        case .noHeir:
            "none of its replicas can be the master: they take a copy, or have replica-priority 0"
        }
    }
}
