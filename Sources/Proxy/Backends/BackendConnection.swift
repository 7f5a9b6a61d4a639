// One connection to a backend: requests go out, their replies come back in order.

import RESP

/// A connection to a server, and its state.
///
///             ┌───────────── closed, having stood a while ──────────────────────┐
///             ▼                                                                 │
///     ──▶ connecting ── connected ──▶ greeting(id) ── understood ──▶ ready(id) ─┤
///             │  ▲                        │                                     │
///     refused │  │ tick, at the time given│ not understood                      │
///             ▼  │                        │                                     │
///         waiting(until) ◀────────────────┴───────────── closed at once ────────┘
///
/// Requests are queued while connecting and greeting, sent while ready, and refused while waiting. A connection for
/// one client alone is not made again: what loses it ends in `gone`.
final class BackendConnection {
    enum State {
        case connecting
        /// It stands, and is being told who we are and what we speak.
        case greeting(ConnectionID, since: Instant)
        /// Once the name leads elsewhere no new requests are taken, and the connection is made anew when all that
        /// are on their way have been answered.
        case ready(ConnectionID, since: Instant, hasMoved: Bool)
        case waiting(until: Instant, reason: String)
        case gone
    }

    /// Who may send on it.
    enum Use {
        /// Reads of all clients.
        case reads
        /// Writes of all clients, and the reads that follow a client's own writes.
        case writes
        /// One client, or nobody while it is kept for the next.
        case alone
        /// The proxy's own questions.
        case control
        /// The proxy's watermarks on their way to the master.
        case publisher
        /// Watermarks that a replica delivers.
        case watcher
        /// The question whether replicas have confirmed writes.
        case acknowledger
        /// Nobody any more: it closes when it owes nothing.
        case retired
    }

    /// Reading has stopped because the client that the next replies belong to does not take them.
    struct Stall {
        let client: ConnectionID
        let since: Instant
    }

    let link: LinkID
    /// The server it leads to, and the lane it belongs to, by number.
    let server: Int
    let lane: Int
    var use: Use
    var state: State = .connecting
    /// What says who we are; sent before anything else, each time it connects.
    let greeting: Greeting
    var greetingOutput: OutputQueue
    var greetingStep = 0
    var output: RetainedQueue
    var tickets = TicketQueue()
    /// For the tickets with a special delivery, in their order.
    var specials: [SpecialReply] = []
    var scanner = ReplyScanner()
    /// The beginning of an error that is not all there, or of a reply that is gathered whole.
    var gathered = ByteBuffer()
    /// The server says on it what it wants when it wants: subscriptions, MONITOR.
    var isStream = false
    /// MONITOR has been answered on it.
    var isShowing = false
    /// Its state is not that of its lane any more: nobody else may have it.
    var isSoiled = false
    /// The mark of the process at its other end in cursors, when that was asked for.
    var tag: CursorTag?
    /// What its unanswered writes have raised.
    var marks = MarkQueue()
    /// The process at its other end, and what that calls the connection, when it was asked.
    var process = ProcessMark.unknown
    var clientNumber: Int?
    /// The turn in which it was last asked for a veto.
    var vetoedAt = Instant(nanoseconds: 0)
    /// The client that has it for itself.
    var owner: ConnectionID?
    /// It was ready once, and is made anew when it is lost.
    var hasStood = false
    /// Attempts in a row that brought no steady connection.
    var refusals = 0
    var stall: Stall?
    /// Clients that are not read from until this connection takes more requests.
    var waiting: [ConnectionID] = []
    /// True while this turn's list of connections with output names it.
    var isListed = false
    /// When something was last heard on it, and last asked.
    var heardAt = Instant(nanoseconds: 0)
    var askedAt = Instant(nanoseconds: 0)

    init(link: LinkID, server: Int, lane: Int, use: Use, greeting: Greeting, pool: BlockPool) {
        self.link = link
        self.server = server
        self.lane = lane
        self.use = use
        self.greeting = greeting
        greetingOutput = OutputQueue(pool: pool)
        output = RetainedQueue(pool: pool)
        output.retains = use == .reads || use == .writes
    }

    /// How long a connection must have stood for its loss to be answered by connecting at once.
    static let steady = Duration.seconds(1)

    var isReady: Bool {
        if case .ready = state { true } else { false }
    }

    /// Whether requests of clients go over it.
    var isForClients: Bool {
        switch use {
        case .reads, .writes, .alone, .retired: true
        case .control, .publisher, .watcher, .acknowledger: false
        }
    }

    /// Whether what was asked on it is kept, and can be asked of another server.
    var mayBeAskedElsewhere: Bool {
        output.retains && (use == .reads || use == .retired)
    }

    var hasMoved: Bool {
        if case .ready(_, _, hasMoved: true) = state { true } else { false }
    }

    /// True when it may come to stand by itself, so that requests can be queued.
    var isComing: Bool {
        switch state {
        case .connecting, .greeting, .ready: true
        case .waiting, .gone: false
        }
    }

    /// It was lost, or could not be made: whether it comes to stand is not known, and what is put on it would be
    /// refused if it does not.
    var isBeingMadeAnew: Bool {
        switch state {
        case .waiting: true
        case .connecting, .greeting: hasStood
        case .ready, .gone: false
        }
    }

    var id: ConnectionID? {
        switch state {
        case .greeting(let id, _), .ready(let id, _, _): id
        case .connecting, .waiting, .gone: nil
        }
    }

    /// True while something can be written to the server at once.
    var hasOutput: Bool {
        switch state {
        case .greeting: !greetingOutput.isEmpty
        case .ready: !output.isEmpty
        case .connecting, .waiting, .gone: false
        }
    }

    /// Queues a request, under another name when one is given.
    func write(_ request: Request, as name: StaticString?) {
        guard let name else {
            output.append(request.bytes)
            return
        }
        let rest = request.count > 1 ? Int(request.ranges[0].end) + 2 : request.bytes.count
        output.appendArrayHeader(request.count)
        output.appendBulk(name)
        output.append(request.bytes.extracting(rest..<request.bytes.count))
    }

    /// Begins anew after the connection was lost: nothing is queued, no reply has begun.
    func reset() {
        precondition(tickets.isEmpty, "tickets of a lost connection were not settled")
        precondition(marks.isEmpty, "fences of a lost connection were not settled")
        process = .unknown
        clientNumber = nil
        output.removeAll()
        greetingOutput.removeAll()
        greetingStep = 0
        specials.removeAll()
        tag = nil
        scanner = ReplyScanner()
        gathered.release()
        stall = nil
        // Its name may still be listed, but is the name of the connection that is gone.
        isListed = false
    }

    /// How long to wait after so many refusals in a row: 100 ms, doubling to a second.
    var retryDelay: Duration {
        .milliseconds(min(100 << min(max(refusals, 1) - 1, 4), 1000))
    }
}
