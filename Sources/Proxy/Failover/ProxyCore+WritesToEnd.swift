// Before the master is changed no worker sends writes, and those that were sent are answered: each worker looks for
// them among its connections, and tells the first one when there are none.

import RESP

/// Worker 0 waits for this worker's writes to be answered; those behind them are held.
struct WritesToEnd: CoreMessage {
    let number: Int
}

struct WritesEnded: CoreMessage {
    let number: Int
}

extension ProxyCore {
    /// How often a worker looks.
    static let drainPace = Duration.milliseconds(2)

    func take(_ message: WritesToEnd) {
        writesToEnd = message.number
        reportDrained()
    }

    func reportDrained() {
        guard let number = writesToEnd else { return }
        // The change has ended in another way.
        guard topology.isHeld else {
            writesToEnd = nil
            return
        }
        guard !owesWrites else { return wake(at: now.instant + ProxyCore.drainPace) }
        writesToEnd = nil
        if worker == 0 {
            hear(WritesEnded(number: number), from: 0)
        } else {
            pending.wishes.append(.send(WritesEnded(number: number), to: 0))
        }
    }

    func hear(_ ended: WritesEnded, from worker: Int) {
        guard switchover?.number == ended.number else { return }
        switchover?.undrained.remove(worker)
        guard switchover?.undrained.isEmpty == true else { return }
        switchover?.drainDue = nil
        switchoverHears(.drained)
    }

    /// Whether the master owes an answer to a write on a connection that clients share. What one client has for itself
    /// may wait there for ever. Answers that replicas have not confirmed are owed too. O(tickets).
    private var owesWrites: Bool {
        if acknowledgements.replies > 0 { return true }
        return links.contains { connection in
            guard let connection, connection.server == master.index,
                connection.use == .writes || connection.use == .retired
            else { return false }
            return connection.tickets.contains { $0.kind == .write }
        }
    }
}
