// One multiplexed connection to a backend: requests of many clients go out, their replies come back in order.

import RESP

/// A connection that all clients of a worker share, and its state.
///
///             ┌───────────────── closed ──────────────────┐
///             ▼                                           │
///     ──▶ connecting ──── connected ────────────────▶ ready(id)
///             │  ▲
///     refused │  │ tick, at the time given
///             ▼  │
///         waiting(until)
///
/// Requests are queued while connecting, sent while ready, and refused while waiting.
final class BackendConnection {
    enum State {
        case connecting
        case ready(ConnectionID)
        case waiting(until: Instant, reason: String)
    }

    let link: LinkID
    let endpoint: Endpoint
    var state: State = .connecting
    var output: OutputQueue
    var tickets = TicketQueue()
    var scanner = ReplyScanner()
    /// Bytes ever queued for this connection; what of them is not in `output` any more has left.
    private(set) var queued = 0
    /// Attempts in a row that were refused.
    var refusals = 0
    /// True while this turn's list of connections with output names it.
    var isListed = false

    init(link: LinkID, endpoint: Endpoint, pool: BlockPool) {
        self.link = link
        self.endpoint = endpoint
        output = OutputQueue(pool: pool)
    }

    /// Bytes that have left, in the count of `queued`.
    var sent: Int { queued - output.count }

    var id: ConnectionID? {
        if case .ready(let id) = state { id } else { nil }
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
    }

    /// How long to wait after so many refusals in a row: 100 ms, doubling to a second.
    var retryDelay: Duration {
        .milliseconds(min(100 << min(refusals - 1, 4), 1000))
    }
}
