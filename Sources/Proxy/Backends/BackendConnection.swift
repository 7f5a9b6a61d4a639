// One multiplexed connection to a backend: requests of many clients go out, their replies come back in order.

import RESP

/// A connection that all clients of a worker share, and its state.
///
///             ┌───────────── closed, having stood a while ─────────────┐
///             ▼                                                        │
///     ──▶ connecting ──────────────── connected ─────────────────▶ ready(id)
///             │  ▲                                                     │
///     refused │  │ tick, at the time given                             │
///             ▼  │                                                     │
///         waiting(until) ◀──────────────── closed at once ─────────────┘
///
/// Requests are queued while connecting, sent while ready, and refused while waiting.
final class BackendConnection {
    enum State {
        case connecting
        /// Once the name leads elsewhere no new requests are taken, and the connection is made anew when all that
        /// are on their way have been answered.
        case ready(ConnectionID, since: Instant, hasMoved: Bool)
        case waiting(until: Instant, reason: String)
    }

    /// Reading has stopped because the client that the next replies belong to does not take them.
    struct Stall {
        let client: ConnectionID
        let since: Instant
    }

    let link: LinkID
    let endpoint: Endpoint
    var state: State = .connecting
    var output: OutputQueue
    var tickets = TicketQueue()
    var scanner = ReplyScanner()
    /// Bytes ever queued for this connection; what of them is not in `output` any more has left.
    private(set) var queued = 0
    /// Attempts in a row that brought no steady connection.
    var refusals = 0
    var stall: Stall?
    /// Clients that are not read from until this connection takes more requests.
    var waiting: [ConnectionID] = []
    /// True while this turn's list of connections with output names it.
    var isListed = false

    init(link: LinkID, endpoint: Endpoint, pool: BlockPool) {
        self.link = link
        self.endpoint = endpoint
        output = OutputQueue(pool: pool)
    }

    /// How long a connection must have stood for its loss to be answered by connecting at once.
    static let steady = Duration.seconds(1)

    var hasMoved: Bool {
        if case .ready(_, _, hasMoved: true) = state { true } else { false }
    }

    /// Bytes that have left, in the count of `queued`.
    var sent: Int { queued - output.count }

    var id: ConnectionID? {
        if case .ready(let id, _, _) = state { id } else { nil }
    }

    /// Queues a request whose reply goes to `client`.
    func send(_ request: Request, for client: ConnectionID, lengthensTicket: Bool) {
        tickets.add(client, start: queued, lengthensLast: lengthensTicket)
        output.append(request.bytes)
        queued += request.bytes.count
    }

    /// Begins anew after the connection was lost: nothing is queued, no reply has begun.
    func reset() {
        precondition(tickets.isEmpty, "tickets of a lost connection were not settled")
        output.removeAll()
        scanner = ReplyScanner()
        queued = 0
        stall = nil
        // Its name may still be listed, but is the name of the connection that is gone.
        isListed = false
    }

    /// How long to wait after so many refusals in a row: 100 ms, doubling to a second.
    var retryDelay: Duration {
        .milliseconds(min(100 << min(refusals - 1, 4), 1000))
    }
}
