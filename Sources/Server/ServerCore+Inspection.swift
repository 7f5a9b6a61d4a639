// What tests ask the server about itself: how much it holds, and whether it is sound. Not called in production.

import RESP

extension ServerCore {
    /// Memory of output that waits, and of input that waits for more or for its turn.
    package var bytesHeld: Int {
        var bytes = pool.inUse
        for client in clients.all { bytes += client.unfinished?.bytes.allocated ?? 0 }
        return bytes
    }

    /// What `bytesHeld` stays below, by the limits, when no request and no reply is longer than `longest`.
    package func mostBytesHeld(clients: Int, longest: Int) -> Int {
        // A queue holds up to a block more than its bytes at each end, and a core is handed 64 kB at a time.
        let slack = 2 * BlockPool.payload + 65_536
        return clients * (limits.clientOutput + 4 * longest + 4 * slack)
    }

    /// Traps when a session is in a state that it cannot be in.
    package func checkInvariants() {
        for client in clients.all {
            precondition(
                !client.isDone || client.isListed, "a client that is done was not closed")
            precondition(
                client.state != .closing || client.unfinished == nil,
                "a client that is being closed still has input")
        }
    }
}
