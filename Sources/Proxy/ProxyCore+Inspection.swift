// What tests ask a worker about itself: how much it holds, and whether it is sound. Not called in production.

import RESP

extension ProxyCore {
    /// Memory of output that waits, and of input that waits for more or for its turn.
    package var bytesHeld: Int {
        var bytes = pool.inUse
        for client in clients.all {
            bytes += client.unfinished?.bytes.allocated ?? 0
            for reply in client.held { bytes += reply.bytes.count }
        }
        return bytes
    }

    /// What `bytesHeld` stays below, by the limits, when no request and no reply is longer than `longest`.
    package func mostBytesHeld(clients: Int, longest: Int) -> Int {
        // A queue holds up to a block more than its bytes at each end, and a core is handed 64 kB at a time.
        let slack = 2 * BlockPool.payload + 65_536
        let limits = configuration.limits
        let held = limits.clientRequests * 256
        let client = 4 * limits.clientOutput + held + 4 * longest + 4 * slack
        return clients * client + backends.count * (limits.backendOutput + slack)
    }

    /// Replies that a backend still owes, and replies that clients still wait for.
    package var requestsWaiting: Int {
        var waiting = 0
        for backend in backends { waiting += backend.tickets.replies }
        for client in clients.all { waiting += client.inFlight }
        return waiting
    }

    /// Traps when a ticket and what its client waits for do not agree.
    package func checkInvariants() {
        for backend in backends { check(backend) }
        for client in clients.all { check(client) }
    }

    private func check(_ backend: BackendConnection) {
        var replies = 0
        var start = 0
        backend.tickets.visit { ticket in
            precondition(ticket.replies > 0, "a ticket waits for nothing")
            precondition(ticket.start >= start, "tickets are not in the order of their requests")
            replies += ticket.replies
            start = ticket.start
        }
        precondition(replies == backend.tickets.replies, "the count of replies owed is wrong")
        precondition(start <= backend.queued, "a ticket begins behind what was queued")
        precondition(backend.sent >= 0, "more was sent than queued")
        if case .waiting = backend.state {
            precondition(backend.tickets.isEmpty, "tickets wait for a connection that is gone")
            precondition(backend.output.isEmpty, "requests wait for a connection that is gone")
        }
        if backend.stall != nil {
            precondition(backend.id != nil, "a connection is stalled that does not stand")
        }
    }

    private func check(_ client: ClientSession) {
        precondition(client.delivered <= client.forwarded, "more was answered than asked")
        var owed = 0
        for backend in backends {
            backend.tickets.visit { if $0.client == client.id { owed += $0.replies } }
        }
        precondition(owed == client.forwarded - client.delivered, "tickets and client disagree")
        precondition(
            client.inFlight <= configuration.limits.clientRequests,
            "more requests of a client are in flight than its limit")
        if client.isPaused, client.inFlight == 0, client.output.isEmpty {
            precondition(
                backend(of: client).waiting.contains(client.id),
                "nothing will wake a paused client")
        }
        precondition(
            client.state != .closing || (client.unfinished == nil && !client.isPaused),
            "a client that is being closed is still read")
        var last = client.delivered
        for reply in client.held {
            precondition(reply.position > client.delivered, "a held reply missed its turn")
            precondition(reply.position >= last, "held replies are out of order")
            precondition(reply.position <= client.forwarded, "a held reply waits for nothing")
            last = reply.position
        }
    }
}
