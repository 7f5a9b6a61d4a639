// Writes while nobody takes them: they wait for the master to come back, or for the next one, for as long as the
// configuration allows from the moment that the master went away.
//
// What waits has not been sent to anybody. It stays with its client, of which nothing more is read, so that nothing
// overtakes it; and it ends with its client, who may have asked again elsewhere.

import RESP

/// The clients whose next request waits for a master.
struct HeldWrites {
    private(set) var bytes = 0
    private var sizes: [ConnectionID: Int] = [:]
    /// When the first of them is to be refused.
    private(set) var due: Instant?

    var isEmpty: Bool { sizes.isEmpty }
    var count: Int { sizes.count }
    func contains(_ client: ConnectionID) -> Bool { sizes[client] != nil }

    mutating func add(_ client: ConnectionID, _ size: Int, until due: Instant) {
        bytes += size - (sizes[client] ?? 0)
        sizes[client] = size
        self.due = min(self.due ?? due, due)
    }

    mutating func remove(_ client: ConnectionID) {
        bytes -= sizes.removeValue(forKey: client) ?? 0
    }

    mutating func takeAll() -> [ConnectionID] {
        defer { self = HeldWrites() }
        return Array(sizes.keys)
    }
}

extension ProxyCore {
    /// What becomes of a request that only the master may be given, when there is none that takes it.
    enum Refuge: Equatable {
        case hold(ClientSession.Pause)
        /// The client has been told.
        case refused

        var pause: ClientSession.Pause? {
            if case .hold(let pause) = self { pause } else { nil }
        }
    }

    /// Nil when the master takes it. `connection` is the one that it would go out on, if it shares one.
    func refuge(
        for request: Request, on connection: BackendConnection? = nil, of client: ClientSession
    ) -> Refuge? {
        guard let reason = reasonNotToWrite(on: connection) else { return nil }
        let hold = configuration.writes.hold
        let since = masterAwaySince ?? client.putOffAt ?? now.instant
        if client.owed > 0 { return .hold(.drained) }
        if hold == .zero || client.isGone || since + hold <= now.instant {
            refuseWrite(reason, of: client)
            return .refused
        }
        guard held.contains(client.id) || isRoomToHold(request) else {
            refuseWrite(
                "too many requests wait for a master (writes.hold_max_requests, writes.hold_max_bytes)",
                of: client)
            return .refused
        }
        held.add(client.id, request.bytes.count, until: since + hold)
        wake(at: since + hold)
        return .hold(.master)
    }

    private func reasonNotToWrite(on connection: BackendConnection?) -> String? {
        let health = master.health
        if topology.isContested || health.report?.role == .replica { return health.reason }
        if configuration.writes.hold > .zero, !health.takesWrites { return health.reason }
        if case .waiting(_, let reason)? = connection?.state { return reason }
        return nil
    }

    /// The limits are those of the whole proxy, and each worker has its share.
    private func isRoomToHold(_ request: Request) -> Bool {
        let writes = configuration.writes
        return held.count < max(1, writes.holdRequests / workers)
            && held.bytes + request.bytes.count <= max(1, writes.holdBytes / workers)
    }

    private func refuseWrite(_ reason: String, of client: ClientSession) {
        reply(to: client) {
            $0.append("-ERR cannot reach the master at ")
            $0.append(text: "\(master.endpoint): \(reason); nothing was sent\r\n")
        }
    }

    /// The master has changed, or its state has.
    func noteMaster() {
        guard master.health.takesWrites, !topology.isContested else {
            masterAwaySince = masterAwaySince ?? now.instant
            return
        }
        masterAwaySince = nil
        if !held.isEmpty { tryHeldWrites() }
    }

    /// Has those looked at again who wait for a master: they go on, wait on, or are refused.
    func tryHeldWrites() {
        for name in held.takeAll() {
            guard let client = clients[name], client.pause == .master else { continue }
            client.pause = .drained
            resumable.append(name)
        }
    }
}
