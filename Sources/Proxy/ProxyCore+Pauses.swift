// Who is not read from for a while: clients that ask too much, and the master while a client does not take its
// replies.

import RESP

extension ProxyCore {
    func mayGoOn(_ client: ClientSession) -> Bool {
        client.inFlight < configuration.limits.clientRequests
            && client.unread < configuration.limits.clientOutput
            && hasRoom(backend(of: client))
    }

    func hasRoom(_ backend: BackendConnection) -> Bool {
        backend.output.count < configuration.limits.backendOutput && !backend.hasMoved
    }

    func resumeClients() {
        while let id = resumable.popLast() {
            guard let client = clients[id], client.isPaused else { continue }
            guard mayResume(client) else {
                let backend = backend(of: client)
                if !hasMuchRoom(backend) { backend.waiting.append(id) }
                continue
            }
            client.isPaused = false
            pending.wishes.append(.resume(id))
            read(Span(), from: client)
        }
    }

    /// A backend has room again, or begins anew with nothing queued: whoever waited may be able to go on.
    func wakeThoseWaiting(for backend: BackendConnection) {
        resumable += backend.waiting
        backend.waiting.removeAll(keepingCapacity: true)
    }

    /// Well below each limit, so that a pause is worth its two system calls.
    private func mayResume(_ client: ClientSession) -> Bool {
        client.inFlight <= configuration.limits.clientRequests / 2
            && client.unread <= configuration.limits.clientOutput / 2
            && hasMuchRoom(backend(of: client))
    }

    func hasMuchRoom(_ backend: BackendConnection) -> Bool {
        backend.output.count <= configuration.limits.backendOutput / 2 && !backend.hasMoved
    }

    // MARK: A client that does not take its replies

    /// Stops reading from a backend until `client` has taken what it was sent: its replies may be larger than
    /// memory, and those of others behind them cannot pass.
    func stall(_ backend: BackendConnection, on client: ClientSession, at now: Moment) {
        guard backend.stall == nil, let id = backend.id else { return }
        backend.stall = .init(client: client.id, since: now.instant)
        pending.wishes.append(.pause(id))
        scheduleWake()
    }

    func endStall(of backend: BackendConnection, on client: ConnectionID) {
        guard backend.stall?.client == client, let id = backend.id else { return }
        backend.stall = nil
        pending.wishes.append(.resume(id))
        scheduleWake()
    }

    /// The time is up: the slow client is closed if others wait behind it, and may go on being slow if not.
    func breakStall(
        _ stall: BackendConnection.Stall, of backend: BackendConnection, at now: Moment
    ) {
        guard backend.tickets.owesAnybody(but: stall.client), let client = clients[stall.client]
        else {
            backend.stall = .init(client: stall.client, since: now.instant)
            return
        }
        pending.log(
            .warning, "Closing client \(client.peer): others waited behind replies it does not read"
        )
        drop(client)
    }
}
