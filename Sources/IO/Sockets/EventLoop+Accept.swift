// Takes new connections, a bounded number per turn, and rests when there are no descriptors left.

import Glibc
import RESP

/// A listener in a loop.
struct ListenerSeat {
    let listener: Listener
    let token: Token
    /// The lack of descriptors is logged once, until a connection can be accepted again.
    var isStarved = false
}

extension EventLoop {
    /// Accepts what comes in at a listener from now on.
    package func listen(on listener: Listener) throws(Errno) {
        let token = try watch(
            try listener.descriptor.duplicate(), as: .listener(listeners.count), for: .input)
        listeners.append(ListenerSeat(listener: listener, token: token))
    }

    func accept(at seat: Int, _ token: Token) {
        for _ in 0..<Limits.acceptsPerTurn {
            do {
                guard let accepted = try watches[token].descriptor.accept() else { return }
                listeners[seat].isStarved = false
                try welcome(accepted, at: listeners[seat].listener)
            } catch {
                if isStarvation(error.code) {
                    rest(seat, error)
                    return
                }
                // The peer left before it was accepted, or the network lost it: nothing of ours is wrong.
            }
        }
    }

    func acceptAgain(at seat: Int) {
        setInterest(.input, of: listeners[seat].token)
    }

    private func welcome(_ accepted: consuming Accepted, at listener: Listener) throws(Errno) {
        let peer = accepted.peer
        let local = listener.isUnix ? .unix : try accepted.descriptor.localAddress()
        let connection = Connection()
        let token = try watch(
            accepted.takeDescriptor(), as: .connection(connection), for: connection.interest)
        core.open(token.connection, from: peer, to: local, at: now)
    }

    private func isStarvation(_ code: Int32) -> Bool {
        code == EMFILE || code == ENFILE || code == ENOBUFS || code == ENOMEM
    }

    /// Stops listening for a moment: the waiting connections would wake the loop again and again for nothing.
    private func rest(_ seat: Int, _ error: Errno) {
        if !listeners[seat].isStarved {
            listeners[seat].isStarved = true
            log.write(.warning, "Accepting client connection: \(error)", as: role())
        }
        setInterest([], of: listeners[seat].token)
        deadlines.insert(.acceptAgain(seat), at: now.instant + Limits.acceptRest)
    }
}
