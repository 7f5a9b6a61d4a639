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

    /// Stops reading from a client until something gives it room.
    func pause(_ client: ClientSession) {
        client.isPaused = true
        pending.wishes.append(.pause(client.id))
        let backend = backend(of: client)
        guard !hasRoom(backend), !client.isWaiting else { return }
        client.isWaiting = true
        backend.waiting.append(client.id)
    }

    /// Goes on with those that can. Who has waited for a backend comes before whoever needs it only now, and keeps
    /// its place if it must wait on: a backend that is always nearly full would otherwise serve the same ones again
    /// and again.
    func resumeClients() {
        if !woken.isEmpty {
            let blocked = resume(woken)
            woken.removeAll(keepingCapacity: true)
            for backend in backends {
                backend.waiting.insert(contentsOf: enlist(blocked, for: backend), at: 0)
            }
        }
        if !resumable.isEmpty {
            let blocked = resume(resumable)
            resumable.removeAll(keepingCapacity: true)
            for backend in backends { backend.waiting += enlist(blocked, for: backend) }
        }
    }

    /// Reads on from those that have room; returns those that a backend has none for.
    private func resume(_ paused: [ConnectionID]) -> [ClientSession] {
        var blocked: [ClientSession] = []
        for id in paused {
            guard let client = clients[id], client.isPaused else { continue }
            guard mayResume(client) else {
                if !hasMuchRoom(backend(of: client)), !client.isWaiting { blocked.append(client) }
                continue
            }
            client.isPaused = false
            pending.wishes.append(.resume(id))
            read(Span(), from: client)
        }
        return blocked
    }

    /// Marks those that wait for this backend, and names them once each.
    private func enlist(_ blocked: [ClientSession], for backend: BackendConnection)
        -> [ConnectionID]
    {
        var names: [ConnectionID] = []
        for client in blocked where self.backend(of: client) === backend && !client.isWaiting {
            client.isWaiting = true
            names.append(client.id)
        }
        return names
    }

    /// A backend has room again, or begins anew with nothing queued: whoever waited may be able to go on.
    func wakeThoseWaiting(for backend: BackendConnection) {
        for id in backend.waiting { clients[id]?.isWaiting = false }
        woken += backend.waiting
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
        let isInTheWay =
            backend.tickets.owesAnybody(but: stall.client)
            || backend.waiting.contains { $0 != stall.client }
        guard isInTheWay, let client = clients[stall.client] else {
            backend.stall = .init(client: stall.client, since: now.instant)
            return
        }
        pending.log(
            .warning, "Closing client \(client.peer): others waited behind replies it does not read"
        )
        drop(client)
    }
}
