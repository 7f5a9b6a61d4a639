// Takes new connections, a bounded number per turn, and rests when there are no descriptors left.

import Glibc
import RESP

/// A listener in a loop.
struct ListenerSeat {
    let listener: Listener
    /// What the core knows it as.
    let id: ListenerID
    /// Whether other loops may be given what comes in here.
    let handsOver: Bool
    let token: Token
    /// A lack is logged once, until a whole round of accepting did not meet it: where each client that leaves makes
    /// room for one that waits, there would be a line for each.
    var isStarved = false
}

extension EventLoop {
    /// Accepts what comes in at a listener from now on, and tells the core that it came through `id`: this core, or
    /// that of a peer with far fewer clients if the listener `handsOver`.
    package func listen(
        on listener: Listener, as id: ListenerID = .clients, handsOver: Bool = true
    ) throws(Errno) {
        let token = try watch(
            try listener.descriptor.duplicate(), as: .listener(listeners.count), for: .input)
        listeners.append(
            ListenerSeat(listener: listener, id: id, handsOver: handsOver, token: token))
    }

    func accept(at seat: Int, _ token: Token) {
        for _ in 0..<Limits.acceptsPerTurn {
            do {
                guard let accepted = try watches[token].descriptor.accept() else { break }
                try welcome(accepted, at: listeners[seat])
            } catch {
                if isStarvation(error.code) {
                    rest(seat, error)
                    return
                }
                // The peer left before it was accepted, or the network lost it: nothing of ours is wrong.
            }
        }
        listeners[seat].isStarved = false
    }

    func acceptAgain(at seat: Int) {
        setInterest(.input, of: listeners[seat].token)
    }

    private func welcome(_ accepted: consuming Accepted, at seat: ListenerSeat) throws(Errno) {
        let peer = accepted.peer
        let local = seat.listener.isUnix ? .unix : try accepted.descriptor.localAddress()
        let taker = takerOfNewClient(handsOver: seat.handsOver)
        guard taker == worker else {
            let handed = HandedOver(
                accepted.takeDescriptor(), from: peer, to: local, through: seat.id)
            peers[taker].leave(.accepted(handed))
            return
        }
        do {
            try open(accepted.takeDescriptor(), through: seat.id, from: peer, to: local)
        } catch {
            mailbox.addLoad(-1)
            throw error
        }
    }

    /// Takes a client's connection under watch, and tells the core.
    func open(
        _ descriptor: consuming Descriptor, through listener: ListenerID, from peer: PeerAddress,
        to local: PeerAddress
    ) throws(Errno) {
        let connection = Connection()
        let token = try watch(descriptor, as: .connection(connection), for: connection.interest)
        core.open(token.connection, through: listener, from: peer, to: local, at: now)
    }

    /// Whether the next client would fare no better. No space is what epoll says when the user of this process
    /// watches as much as the system allows (fs.epoll.max_user_watches); that client is closed already.
    private func isStarvation(_ code: Int32) -> Bool {
        switch code {
        case EMFILE, ENFILE, ENOBUFS, ENOMEM, ENOSPC: true
        default: false
        }
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
