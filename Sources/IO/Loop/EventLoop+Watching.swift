// How descriptors come under the loop's watch, change what they are watched for, and leave.

import Glibc
import RESP

extension Token {
    init(_ id: ConnectionID) {
        self.init(slot: id.slot, generation: id.generation)
    }

    var connection: ConnectionID {
        ConnectionID(slot: slot, generation: generation)
    }
}

extension EventLoop {
    @discardableResult
    func watch(_ descriptor: consuming Descriptor, as role: Role, for interest: Readiness)
        throws(Errno) -> Token
    {
        let token = watches.insert(
            Watch(descriptor: descriptor, role: role, interest: interest))
        do {
            try poller.add(watches[token].descriptor, for: interest, as: token)
        } catch {
            _ = watches.remove(token)
            throw error
        }
        return token
    }

    /// Tells epoll what is wanted of a descriptor now, if that differs from what was told last.
    func setInterest(_ interest: Readiness, of token: Token) {
        guard watches[token].interest != interest else { return }
        watches[token].interest = interest
        do {
            try poller.change(watches[token].descriptor, to: interest, as: token)
        } catch {
            // Only the kernel's lack of memory can bring us here; the connection is lost, not the loop.
            log.write(.warning, "Cannot watch a descriptor: \(error)", as: role())
            close(token)
        }
    }

    /// Tells epoll what the state of a connection asks for.
    func update(_ token: Token) {
        guard case .connection(let connection) = watches[token].role else { return }
        setInterest(connection.interest, of: token)
    }

    /// Changes a connection and what is asked of epoll for it.
    func changeConnection(_ token: Token, _ change: (inout Connection) -> Void) {
        guard watches.holds(token), case .connection(var connection) = watches[token].role else {
            return
        }
        change(&connection)
        watches[token].role = .connection(connection)
        setInterest(connection.interest, of: token)
    }

    /// Ends what is watched as `token`; the core hears of it if it was a connection.
    func close(_ token: Token) {
        guard watches.holds(token) else { return }
        let watch = watches.remove(token)
        switch watch.role {
        case .connection(let connection):
            forget(connection, token)
        case .lingering:
            lingering -= 1
        case .connecting, .listener, .wakeUp, .signals:
            break
        }
    }

    /// The core has a connection no more, whether its socket lingers or not.
    private func forget(_ connection: Connection, _ token: Token) {
        if connection.link == nil { mailbox.addLoad(-1) }
        forgetLink(connection.link, token)
        core.close(token.connection, at: now)
    }

    // MARK: Closing by the core's wish

    /// Closes what the core is done with. Bytes that the peer sent and nobody read would make the kernel answer
    /// with a reset, which may overtake our last reply: then only our direction is shut, and the rest is read
    /// and thrown away for a while.
    func closeForCore(_ token: Token) {
        guard watches.holds(token), case .connection(let connection) = watches[token].role else {
            return
        }
        guard connection.reading != .ended, lingering < Limits.lingering,
            let unread = discardInput(of: token), unread > 0
        else {
            close(token)
            return
        }
        do {
            try watches[token].descriptor.finishSending()
        } catch {
            close(token)
            return
        }
        watches[token].role = .lingering(left: Limits.lingerBytes - unread)
        lingering += 1
        setInterest(.input, of: token)
        deadlines.insert(.endLingering(token), at: now.instant + Limits.lingerTime)
        forget(connection, token)
    }

    func readAndForget(_ token: Token, left: Int) {
        guard let count = discardInput(of: token) else { return }
        if count <= 0 || count >= left {
            close(token)
        } else {
            watches[token].role = .lingering(left: left - count)
        }
    }
}
