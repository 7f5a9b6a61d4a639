// A failover that the sentinels are told to carry out. The first worker gives the order when all is ready for it.

import RESP

/// They are to make a replica the master, which they choose by its priority.
package struct SentinelOrder: CoreMessage, Equatable {
    package let target: Endpoint

    /// How far it has come with the sentinel that was chosen for it.
    enum Stage {
        case waiting
        case sent
    }
}

/// What became of an order; nil: a sentinel has taken it, or may have.
package struct SentinelAnswer: CoreMessage, Equatable {
    package var refusal: String?
}

extension SentinelCore {
    func take(_ order: SentinelOrder) {
        guard let peer = peers.first(where: { wouldChoose(order.target, $0) }) else {
            return answer("no sentinel that answers would choose \(order.target)")
        }
        guard peer.order == nil else {
            return answer("sentinel \(peer.endpoint) has not answered the order before this one")
        }
        peer.order = .waiting
        hasten(peer)
    }

    /// Each sentinel knows the priorities by itself, and the one that is told chooses.
    private func wouldChoose(_ target: Endpoint, _ peer: SentinelPeer) -> Bool {
        guard let replicas = peer.testimony?.replicas,
            let own = replicas.first(where: { $0.endpoint == target }), !own.isDown,
            own.priority > 0
        else { return false }
        return replicas.allSatisfy {
            $0.endpoint == target || $0.priority == 0 || $0.isDown || $0.priority > own.priority
        }
    }

    func takeAnswer(toOrder reply: Reply, from peer: SentinelPeer) {
        peer.order = nil
        guard case .error(let line) = reply else { return answer(nil) }
        answer("sentinel \(peer.endpoint) refuses: \(String(decoding: line, as: UTF8.self))")
    }

    /// Its connection is gone.
    func loseOrder(of peer: SentinelPeer) {
        switch peer.order {
        case nil: return
        case .waiting?: answer("sentinel \(peer.endpoint) cannot be told")
        // It may have heard it: what becomes of it shows.
        case .sent?: answer(nil)
        }
        peer.order = nil
    }

    private func answer(_ refusal: String?) {
        pending.wishes.append(.send(SentinelAnswer(refusal: refusal), to: 0))
    }
}
