// One sentinel as the core knows it, and the two connections to it.

import RESP

/// A connection to a sentinel, or the time until there is one.
///
///     waiting ──due──▶ connecting ──connected──▶ standing
///        ▲                 │ refused                │ closed, too late an answer, a refusal
///        └─────────────────┴────────────────────────┘
final class SentinelLine {
    enum Use {
        case questions
        case events
    }

    enum State {
        /// Nothing is wanted of it until then; nil: until somebody wants it.
        case waiting(until: Instant?)
        case connecting(LinkID)
        case standing(LinkID, ConnectionID)
    }

    let use: Use
    unowned let peer: SentinelPeer
    var state = State.waiting(until: nil)
    /// What a sentinel says is a few kilobytes.
    var parser = ReplyParser(limit: SentinelLine.longestReply)
    var output: OutputQueue
    /// Its connection is in the list of those with output.
    var isListed = false
    /// When what it owes was asked for, the oldest first; nil when it owes nothing.
    var askedAt: Instant?
    /// Attempts in a row that came to nothing.
    var failures = 0

    static let longestReply = 1 << 20

    init(_ use: Use, of peer: SentinelPeer, pool: BlockPool) {
        self.use = use
        self.peer = peer
        output = OutputQueue(pool: pool)
    }

    var id: ConnectionID? {
        if case .standing(_, let id) = state { id } else { nil }
    }

    /// Forgets what belonged to the connection that was.
    func reset() {
        parser = ReplyParser(limit: SentinelLine.longestReply)
        output.removeAll()
        isListed = false
        askedAt = nil
    }
}

/// What is wrong with a sentinel; each kind is told once until it is well again.
enum SentinelTrouble: Equatable {
    case unreachable
    case silent
    case refuses(SentinelRefusal)
}

final class SentinelPeer {
    /// Where it is reached.
    let endpoint: Endpoint
    /// It stands in the configuration; the others were told of by sentinels.
    let isConfigured: Bool
    /// What it called itself when it last answered, or is called by who told of it.
    var id: String?
    private let pool: BlockPool
    private(set) lazy var questions = SentinelLine(.questions, of: self, pool: pool)
    /// Stands only while its answers are good.
    private(set) lazy var events = SentinelLine(.events, of: self, pool: pool)
    /// What it last said, as long as it answers.
    var testimony: SentinelTestimony?
    /// The answers of the round that is under way.
    var replies: [Reply] = []
    /// The first answer of the round is AUTH's.
    var isAuthenticating = false
    /// It is to be told to fail over: with the next round, or with the one that is under way.
    var order: SentinelOrder.Stage?
    var lastRound: Instant?
    var nextRound: Instant
    var trouble: SentinelTrouble?
    /// It takes no password, or tells no events; that was said in the log.
    var isKnownOpen = false
    var isKnownMute = false

    init(_ endpoint: Endpoint, isConfigured: Bool, id: String?, pool: BlockPool, at now: Instant) {
        self.endpoint = endpoint
        self.isConfigured = isConfigured
        self.id = id
        self.pool = pool
        nextRound = now
        questions.state = .waiting(until: now)
    }

    var lines: [SentinelLine] { [questions, events] }
}
