// Making connections to the master, losing them, and what that means for requests on their way.

import RESP

extension ProxyCore {
    /// Closes a connection whose bytes cannot be trusted any more.
    func distrust(_ backend: BackendConnection, _ reason: String, at now: Moment) {
        guard let id = backend.id else { return }
        pending.log(.warning, "Closing the connection to master \(backend.endpoint): \(reason)")
        pending.wishes.append(.close(id))
        lose(backend, at: now)
    }

    /// The name leads elsewhere: connects anew as soon as no reply is owed on the old connection.
    func follow(_ backend: BackendConnection) {
        guard case .ready(let id, let since, _) = backend.state else { return }
        guard backend.tickets.isEmpty else {
            backend.state = .ready(id, since: since, hasMoved: true)
            return
        }
        pending.log(.notice, "Master \(backend.endpoint) has a new address: connecting anew")
        pending.wishes.append(.close(id))
        beginAnew(backend)
        backend.refusals = 0
        connect(backend)
    }

    private func beginAnew(_ backend: BackendConnection) {
        backend.reset()
        wakeThoseWaiting(for: backend)
    }

    /// A connection is gone. Requests that had begun to leave may have run, so their clients are closed, as the
    /// master itself would have closed them; the others are answered that they never left.
    func lose(_ backend: BackendConnection, at now: Moment) {
        guard case .ready(_, let since, _) = backend.state else {
            preconditionFailure("a connection was lost that did not stand")
        }
        pending.log(.warning, "Lost the connection to master \(backend.endpoint)")
        settleTickets(of: backend, sent: backend.sent, reason: "the connection was lost")
        beginAnew(backend)
        if now.instant - since >= BackendConnection.steady {
            backend.refusals = 0
            connect(backend)
        } else {
            wait(backend, reason: "it closes connections at once", at: now)
        }
    }

    func refuse(_ backend: BackendConnection, reason: String, at now: Moment) {
        guard case .connecting = backend.state else {
            preconditionFailure("link \(backend.link.number) was refused unasked")
        }
        if backend.refusals == 0 {
            pending.log(.warning, "Cannot reach master \(backend.endpoint): \(reason)")
        }
        settleTickets(of: backend, sent: 0, reason: reason)
        beginAnew(backend)
        wait(backend, reason: reason, at: now)
    }

    private func wait(_ backend: BackendConnection, reason: String, at now: Moment) {
        backend.refusals += 1
        backend.state = .waiting(until: now.instant + backend.retryDelay, reason: reason)
        scheduleWake()
    }

    private func settleTickets(of backend: BackendConnection, sent: Int, reason: String) {
        while let ticket = backend.tickets.popFirst() {
            guard let client = clients[ticket.client] else { continue }
            if ticket.start < sent {
                reader.recycle(client.cutShort())
                settle(client)
                continue
            }
            // Nothing is owed to a client that an earlier ticket has cut short.
            guard client.forwarded > client.delivered else { continue }
            for _ in 0..<ticket.replies {
                appendUnreachable(backend, reason, to: &client.output)
                client.delivered += 1
                client.releaseHeld()
            }
            if client.isPaused { resumable.append(client.id) }
            list(client)
        }
    }

    /// The reply to a request that cannot be sent.
    func appendUnreachable(
        _ backend: BackendConnection, _ reason: String, to output: inout OutputQueue
    ) {
        output.append("-ERR cannot reach the master at ")
        output.append(text: "\(backend.endpoint): \(reason); nothing was sent\r\n")
    }

    func connect(_ backend: BackendConnection) {
        backend.state = .connecting
        pending.wishes.append(.connect(backend.link, backend.endpoint))
    }

    func scheduleWake() {
        pending.wakeAt = nil
        for backend in backends {
            if case .waiting(let until, _) = backend.state { wake(at: until) }
            if let stall = backend.stall { wake(at: stall.since + configuration.limits.stall) }
        }
    }

    private func wake(at due: Instant) {
        pending.wakeAt = min(due, pending.wakeAt ?? due)
    }
}
