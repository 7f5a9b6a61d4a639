// When no answer comes, because a connection is lost: what becomes of each request that was on it.

import RESP

extension ProxyCore {
    func settleTickets(of connection: BackendConnection, sent: Int, _ reason: String) {
        let server = servers[connection.server]
        let isBegun = !connection.scanner.isAtStart
        var isFirst = true
        var staying = clientsThatStay(on: connection, .loss, sent: sent)
        var moved: Set<ConnectionID> = []
        while let ticket = connection.tickets.popFirst() {
            let isBegun = isFirst && isBegun
            isFirst = false
            server.outstanding -= Int(ticket.replies)
            let special = ticket.delivery == .special ? connection.specials.removeFirst() : nil
            let end = connection.tickets.first?.start ?? connection.output.end
            if let step = ticket.errand { hearNothing(for: step, reason) }
            // Nothing is owed to a client that an earlier ticket has cut short.
            guard let client = clients[ticket.client], client.owed > 0 else { continue }
            if !staying.contains(client.id),
                sendElsewhere(
                    ticket, special, until: end, from: connection, of: client,
                    isFirst: moved.insert(client.id).inserted)
            {
                server.counters.retriedAway += 1
                continue
            }
            staying.insert(client.id)
            if ticket.start >= sent {
                for _ in 0..<ticket.replies {
                    if ticket.isWanted {
                        counters.errors.count(code: "ERR")
                        appendUnreachable(connection, reason, to: &client.replies)
                    }
                    noteDelivered(1, to: client, ticket.kind)
                }
            } else if case .cursor = special, !isBegun {
                if ticket.isWanted { client.replies.append(ProxyCore.cursorIsLost) }
                noteDelivered(1, to: client, ticket.kind)
            } else {
                if case .block = special, ticket.isWanted, !(isBegun && hasPassedOn(special)) {
                    appendLost(server, wasComplete: end <= sent, to: &client.replies)
                }
                reader.recycle(client.cutShort())
            }
            settle(client)
        }
    }

    /// What a client reads of a transaction before it is closed.
    private func appendLost(
        _ server: BackendServer, wasComplete: Bool, to output: inout OutputQueue
    ) {
        output.append(
            wasComplete
                ? "-ERR the transaction may have run: "
                : "-EXECABORT Transaction discarded, nothing of it ran: ")
        output.append(text: "the connection to \(server.name) was lost on its way\r\n")
    }

    /// The reply to a request that cannot be sent.
    func appendUnreachable(
        _ connection: BackendConnection, _ reason: String, to output: inout OutputQueue
    ) {
        let server = servers[connection.server]
        output.append("-ERR cannot reach the ")
        output.append(text: "\(server.role == .master ? "master" : "replica") at ")
        output.append(text: "\(server.endpoint): \(reason); nothing was sent\r\n")
    }
}
