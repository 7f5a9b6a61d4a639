// Makes the connections that a core wishes for, without ever waiting for one.

import Glibc
import RESP

extension EventLoop {
    func connect(_ id: LinkID, to endpoint: Endpoint) {
        abandon(id)
        let link = Link(endpoint: endpoint, attempt: nextAttempt(), phase: .lookingUp)
        links[id] = link
        switch endpoint {
        case .unix(let path):
            let address = SocketAddress(path: path)
            tryAddresses(address.map { [$0] } ?? [], of: id, lastReason: "The path is too long")
        case .tcp(let host, let port):
            if let address = SocketAddress(literal: host, port: port) {
                tryAddresses([address], of: id, lastReason: "")
            } else {
                let lookup = Lookup(link: id, attempt: link.attempt)
                resolver.ask(HostName(host: host, port: port), for: lookup)
                deadlines.insert(.giveUpLookingUp(lookup), at: now.instant + options.lookupTimeout)
            }
        }
    }

    /// Gives up a link that is not standing yet. One that stands is a connection, and is closed as one.
    func abandon(_ id: LinkID) {
        guard let link = links[id] else { return }
        switch link.phase {
        case .connecting(let token, _, _):
            links[id] = nil
            close(token)
        case .lookingUp:
            links[id] = nil
            forgetQuestion(of: link, id)
        case .standing:
            break
        }
    }

    /// The connection of a link is gone.
    func forgetLink(_ id: LinkID?, _ token: Token) {
        guard let id, case .standing(token, _, _) = links[id]?.phase else { return }
        links[id] = nil
    }

    /// Epoll says that a socket on its way is writable, or broken.
    func finishConnecting(_ id: LinkID, _ token: Token) {
        guard case .connecting(token, let address, let rest) = links[id]?.phase else {
            preconditionFailure("a socket is connecting for no link")
        }
        do {
            try watches[token].descriptor.connectionError()
            try stand(id, token, at: address)
        } catch {
            close(token)
            tryAddresses(rest, of: id, lastReason: error.reason)
        }
    }

    func giveUpConnecting(_ lookup: Lookup) {
        guard let link = links[lookup.link], link.attempt == lookup.attempt,
            case .connecting(let token, _, let rest) = link.phase
        else { return }
        close(token)
        tryAddresses(rest, of: lookup.link, lastReason: "Connection timed out")
    }

    /// The answer may come at a bad time, or never.
    func giveUpLookingUp(_ lookup: Lookup) {
        guard let link = links[lookup.link], link.attempt == lookup.attempt,
            case .lookingUp = link.phase
        else { return }
        forgetQuestion(of: link, lookup.link)
        refuse(lookup.link, "Looking up the name took too long")
    }

    private func forgetQuestion(of link: Link, _ id: LinkID) {
        guard let name = link.name else { return }
        resolver.forget(Lookup(link: id, attempt: link.attempt), for: name)
    }

    func receive(_ answer: Result<[SocketAddress], LookupFailure>, for name: HostName) {
        for lookup in resolver.answered(name) { receive(answer, for: lookup) }
    }

    private func receive(_ answer: Result<[SocketAddress], LookupFailure>, for lookup: Lookup) {
        guard let link = links[lookup.link], link.attempt == lookup.attempt else { return }
        switch (link.phase, answer) {
        case (.lookingUp, .success(let addresses)):
            tryAddresses(addresses[...], of: lookup.link, lastReason: "The name has no address")
        case (.lookingUp, .failure(let failure)):
            refuse(lookup.link, failure.reason)
        case (.standing(let token, let peer, let wasMoved), .success(let addresses)):
            let isMoved = !addresses.contains { $0.peer.isSameHost(as: peer) }
            links[lookup.link]?.phase = .standing(token, peer: peer, isMoved: isMoved)
            lookUpLater(lookup)
            if isMoved && !wasMoved { core.hear(.moved(lookup.link), at: now) }
        case (.standing, .failure):
            // A name server that is down says nothing about the link.
            lookUpLater(lookup)
        case (.connecting, _):
            preconditionFailure("a link that is connecting asks for no name")
        }
    }

    func lookUpAgain(_ lookup: Lookup) {
        guard let link = links[lookup.link], link.attempt == lookup.attempt, let name = link.name
        else { return }
        resolver.ask(name, for: lookup)
    }

    private func lookUpLater(_ lookup: Lookup) {
        deadlines.insert(.lookUpAgain(lookup), at: now.instant + options.lookupInterval)
    }

    /// Starts to connect to the first address that can be started with; refuses when none is left.
    private func tryAddresses(
        _ addresses: ArraySlice<SocketAddress>, of id: LinkID, lastReason: String
    ) {
        var rest = addresses
        var reason = lastReason
        while let address = rest.popFirst() {
            do {
                try start(id, at: address, rest: rest)
                return
            } catch {
                reason = error.reason
            }
        }
        refuse(id, reason)
    }

    private func start(_ id: LinkID, at address: SocketAddress, rest: ArraySlice<SocketAddress>)
        throws(Errno)
    {
        let descriptor = try Descriptor.socket(family: address.family)
        if address.family != AF_UNIX { try descriptor.tuneStream(keepAlive: options.keepAlive) }
        let stands = try descriptor.connect(to: address)
        let token = try watch(descriptor, as: .connecting(id), for: .output)
        let attempt = nextAttempt()
        links[id]?.attempt = attempt
        links[id]?.phase = .connecting(token, to: address, rest: rest)
        guard stands else {
            deadlines.insert(
                .giveUpConnecting(Lookup(link: id, attempt: attempt)),
                at: now.instant + options.connectTimeout)
            return
        }
        do {
            try stand(id, token, at: address)
        } catch {
            close(token)
            throw error
        }
    }

    private func stand(_ id: LinkID, _ token: Token, at address: SocketAddress) throws(Errno) {
        // A port that nobody listens on may be the one the kernel has just lent us: TCP then connects the socket
        // with itself, and everything we say would be the answer.
        if address.family != AF_UNIX, try watches[token].descriptor.localAddress() == address.peer {
            throw Errno(ECONNREFUSED, in: "connect")
        }
        if address.family != AF_UNIX {
            // Not before: it would end attempts to connect, too, which have a time of their own.
            try watches[token].descriptor.set(userTimeout: options.userTimeout)
        }
        guard let link = links[id] else { preconditionFailure("no link is being made") }
        let connection = Connection(link: id)
        setInterest(connection.interest, of: token)
        guard watches.holds(token) else { throw Errno(ENOMEM, in: "epoll_ctl") }
        watches[token].role = .connection(connection)
        links[id]?.phase = .standing(token, peer: address.peer, isMoved: false)
        if link.name != nil { lookUpLater(Lookup(link: id, attempt: link.attempt)) }
        core.hear(.connected(id, token.connection), at: now)
    }

    private func refuse(_ id: LinkID, _ reason: String) {
        links[id] = nil
        core.hear(.refused(id, reason: reason), at: now)
    }

    private func nextAttempt() -> Int {
        lookups += 1
        return lookups
    }
}
