// The veto: a ROLE before reads of what was written lately, on the same connection. A replica may have been pointed
// elsewhere and have copied older data since it delivered its last watermark; then the reads behind are done by the
// master, before a byte of them is passed on.

import RESP

/// What a replica says of itself in ROLE.
struct ReplicaRole: Equatable {
    /// A hash of the address that it follows.
    let following: UInt64
    let isConnected: Bool
    /// It waits for its master, and its data stands still.
    let isFrozen: Bool
    let offset: Int

    /// `*5`, `slave`, host, port, state, offset. Nil for anything else.
    init?(_ reply: Span<UInt8>) {
        var reader = FlatReader(reply)
        guard reader.header() == 5, let role = reader.bulk(), role.equalsIgnoringCase("slave"),
            let host = reader.bulk(), let port = reader.integer(), let state = reader.bulk(),
            let offset = reader.integer()
        else { return nil }
        following = ReplicaRole.hash(host: host, port: port)
        isConnected = state.equalsIgnoringCase("connected")
        isFrozen = state.equalsIgnoringCase("connect") || state.equalsIgnoringCase("connecting")
        self.offset = offset
    }

    static func hash(host: Span<UInt8>, port: Int) -> UInt64 {
        KeyHash.hash(host) &* 31 &+ UInt64(truncatingIfNeeded: port)
    }

    /// Whether what is known of the replica's data may be true still.
    func agrees(with seen: Proof.Seen) -> Bool {
        guard following == seen.master else { return false }
        return isConnected && offset >= seen.offset || isFrozen
    }
}

/// Reads an array of bulks and integers in place.
private struct FlatReader: ~Escapable {
    private let bytes: Span<UInt8>
    private var index = 0

    @_lifetime(copy bytes)
    init(_ bytes: Span<UInt8>) {
        self.bytes = bytes
    }

    mutating func header() -> Int? {
        number(behind: UInt8(ascii: "*"))
    }

    mutating func integer() -> Int? {
        number(behind: UInt8(ascii: ":"))
    }

    @_lifetime(copy self)
    mutating func bulk() -> Span<UInt8>? {
        guard let length = number(behind: UInt8(ascii: "$")), length >= 0,
            length <= bytes.count - index - 2
        else { return nil }
        let start = index
        index += length + 2
        return bytes.extracting(start..<start + length)
    }

    private mutating func number(behind kind: UInt8) -> Int? {
        guard index < bytes.count, bytes[index] == kind else { return nil }
        let start = index + 1
        while index < bytes.count, bytes[index] != UInt8(ascii: "\n") { index += 1 }
        index += 1
        guard index <= bytes.count, index - 2 >= start else { return nil }
        return Decimal.integer(bytes.extracting(start..<index - 2))
    }
}

extension ProxyCore {
    /// Asks a replica for its role before a read of what was written lately, once for all reads of a turn.
    func askForVeto(_ need: Need, on connection: BackendConnection) {
        guard let watermark = need.watermark, connection.server != master.index,
            connection.vetoedAt != now.instant, isRecent(watermark)
        else { return }
        // Another worker may have made it void since the read was sent this way: then no answer will do.
        let seen = freshness.proofs[connection.server].look() ?? .nothing
        connection.vetoedAt = now.instant
        let start = connection.output.end
        connection.output.append("*1\r\n$4\r\nROLE\r\n")
        connection.specials.append(.veto(seen))
        servers[connection.server].outstanding += 1
        leaveTicket(
            Ticket(
                client: Ticket.nobody, kind: .errand, delivery: .special, attempts: 0, replies: 1,
                start: start, since: now.instant), on: connection)
    }

    /// Whether a replica can be asked over this connection, if a read of what stands behind the watermark wants that.
    func mayAskForVeto(of watermark: Watermark, on connection: BackendConnection) -> Bool {
        !isRecent(watermark)
            || servers[connection.server].lanes[connection.lane]?.mayNotAskRole != true
    }

    /// A replica has said what it is. When what was known of it is void, or was made so meanwhile, the reads behind are
    /// done by the master.
    func judgeVeto(
        _ reply: Span<UInt8>, _ seen: Proof.Seen, on connection: BackendConnection
    ) {
        if freshness.proofs[connection.server].applied(by: connection.process) != nil,
            let role = ReplicaRole(reply), role.agrees(with: seen)
        {
            return
        }
        if reply.count > 0, reply[0] == ReplyKind.error.rawValue {
            // Nothing is known of the replica by this; but the user of this lane may not ask.
            noteUnasked(of: servers[connection.server].lanes[connection.lane], reply)
        } else {
            freshness.void(connection.server)
        }
        counters.vetoes += 1
        moveStaleReads(from: connection)
    }

    /// From now on what was written lately is read at the master by whoever is on this lane.
    private func noteUnasked(of lane: Lane?, _ reply: Span<UInt8>) {
        guard let lane, !lane.mayNotAskRole else { return }
        lane.mayNotAskRole = true
        let said = ErrorText.string(reply, upTo: 120)
        pending.log(
            .warning,
            "A user is answered '\(said)' to ROLE: what was written in the last minute is read at the master for it"
        )
    }

    /// Has the master answer all reads that wait on a connection, or nobody.
    func moveStaleReads(from connection: BackendConnection) {
        // A walk can go on nowhere else.
        let walkers = clientsThatWalk(on: connection)
        if !walkers.isEmpty { refuseStaleReads(on: connection) { walkers.contains($0) } }
        let staying = clientsThatStay(on: connection, .staleness)
        let target = lane(Int32(connection.lane), of: master).readers[0]
        // On a replica that is set aside only a token asks for anything.
        let isTagged = isSetAside(servers[connection.server])
        let isStale = { [clients] (id: ConnectionID) in
            guard let client = clients[id], !staying.contains(id) else { return false }
            return isTagged ? client.after != .nothing : client.asksForFreshness
        }
        guard configuration.reads.includeMaster != .never, !isMasterDeposed, target.isComing,
            !target.hasMoved
        else { return refuseStaleReads(on: connection, of: isStale) }
        servers[connection.server].counters.retriedAway += 1
        moveReads(from: connection, to: target, of: isStale)
    }

    /// Clients whose walks go on here, and are to show what is fresh.
    private func clientsThatWalk(on connection: BackendConnection) -> Set<ConnectionID> {
        var walkers: Set<ConnectionID> = []
        var specialsSeen = 0
        connection.tickets.visit { ticket in
            guard ticket.delivery == .special else { return }
            if case .cursor(_, begins: false) = connection.specials[specialsSeen],
                clients[ticket.client]?.asksForFreshness == true
            {
                walkers.insert(ticket.client)
            }
            specialsSeen += 1
        }
        return walkers
    }

    /// Nobody can answer these reads as they are to be answered.
    private func refuseStaleReads(
        on connection: BackendConnection, of isRefused: (ConnectionID) -> Bool
    ) {
        var refused: [Ticket] = []
        connection.tickets.update { ticket in
            guard clients[ticket.client] != nil, isRefused(ticket.client) else { return }
            refused.append(ticket)
            ticket.client = Ticket.nobody
        }
        for ticket in refused {
            guard let client = clients[ticket.client] else { continue }
            for _ in 0..<ticket.replies {
                if ticket.isWanted {
                    counters.errors.count(code: "NOTFRESH")
                    client.replies.append(ProxyCore.notFresh)
                }
                noteDelivered(1, to: client, ticket.kind)
            }
            settle(client)
        }
    }

    static let notFresh: StaticString =
        "-NOTFRESH no server can be reached that has applied the last write to what is read\r\n"
}
