// From the master's bytes to the clients that are owed them.

import RESP

extension ProxyCore {
    func deliver(
        _ bytes: Span<UInt8>, from backend: BackendConnection, at now: Moment
    ) {
        var start = 0
        var index = 0
        var whole = 0
        while index < bytes.count {
            guard let ticket = backend.tickets.first else {
                let said = ErrorText.string(bytes.extracting(index..<bytes.count), upTo: 80)
                return distrust(backend, "it said unasked '\(said)'", at: now)
            }
            if backend.scanner.isAtStart {
                let run = backend.scanner.scanRun(
                    bytes, from: index, most: ticket.replies - whole)
                index = run.end
                whole += run.count
            }
            if whole < ticket.replies {
                guard index < bytes.count else { break }
                let outcome: ReplyScanner.Outcome
                do {
                    outcome = try backend.scanner.scan(bytes, from: index)
                } catch {
                    return distrust(backend, "it sent what is not a reply", at: now)
                }
                guard case .reply(let end) = outcome else { break }
                index = end
                whole += 1
            }
            if whole == ticket.replies {
                pass(bytes.extracting(start..<index), whole, to: ticket.client, backend, now)
                backend.tickets.settle(whole)
                start = index
                whole = 0
            }
        }
        if start < bytes.count, let ticket = backend.tickets.first {
            pass(bytes.extracting(start..<bytes.count), whole, to: ticket.client, backend, now)
            if whole > 0 { backend.tickets.settle(whole) }
        }
        if backend.hasMoved, backend.tickets.isEmpty { follow(backend) }
    }

    /// Hands bytes of replies to their client, `replies` of which end in them. Those of a client that has gone are
    /// dropped here: the generation in its id says so even when its slot has a new owner.
    private func pass(
        _ bytes: Span<UInt8>, _ replies: Int, to id: ConnectionID, _ backend: BackendConnection,
        _ now: Moment
    ) {
        guard let client = clients[id] else { return }
        client.output.append(bytes)
        client.delivered += replies
        if !client.held.isEmpty { client.releaseHeld() }
        if client.isPaused { resumable.append(id) }
        if client.output.count > 4 * configuration.limits.clientOutput {
            stall(backend, on: client, at: now)
        }
        settle(client)
    }
}
