// A worker with far more clients hands a new one over to the one with the fewest.
//
// The kernel deals connections out by a hash of their addresses: few of them may fall very unevenly, and of those
// that stay while others leave it knows nothing. Of a Unix socket that all workers hear, whoever wakes first takes all.

import RESP

enum Balance {
    /// So many clients more than another worker has, and so large a part of its own, a worker keeps for itself.
    ///
    /// A hand-over costs another thread's wake-up and a few system calls, once per connection. Below eight there is
    /// little to gain: clients differ more from each other. Above, an eighth is more than chance deals out unevenly
    /// once there are some hundred clients, so that there a hand-over means that something is really uneven.
    static let margin = 8
    static let part = 8

    /// The worker that takes a client which has come to `worker`, by how many each has.
    static func taker(of worker: Int, loads: [Int]) -> Int {
        guard let least = loads.indices.min(by: { loads[$0] < loads[$1] }) else { return worker }
        let surplus = loads[worker] - loads[least]
        return surplus > margin && surplus > loads[worker] / part ? least : worker
    }
}

/// A connection on its way to another loop. Whoever drops it closes it.
final class HandedOver: Sendable {
    let descriptor: Descriptor
    let peer: PeerAddress
    let local: PeerAddress
    let listener: ListenerID

    init(
        _ descriptor: consuming Descriptor, from peer: PeerAddress, to local: PeerAddress,
        through listener: ListenerID
    ) {
        self.descriptor = descriptor
        self.peer = peer
        self.local = local
        self.listener = listener
    }
}

extension EventLoop {
    /// Chooses the worker for a client that has just come, and counts it there: the next one that comes finds the
    /// count as it will be.
    func takerOfNewClient(handsOver: Bool) -> Int {
        let taker =
            handsOver && sharers > 1
            ? Balance.taker(of: worker, loads: peers.prefix(sharers).map(\.load)) : worker
        peers[taker].addLoad(1)
        return taker
    }

    /// Takes a connection that another loop accepted; it is counted as ours already.
    func welcome(_ handed: HandedOver) {
        do {
            try open(
                try handed.descriptor.duplicate(), through: handed.listener, from: handed.peer,
                to: handed.local)
        } catch {
            mailbox.addLoad(-1)
            log.write(.warning, "Taking a client from another worker: \(error)", as: role())
        }
    }
}
