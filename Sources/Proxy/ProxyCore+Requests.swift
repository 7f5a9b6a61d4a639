// From a client's bytes to the master, or to an answer of the proxy's own.

import RESP

extension ProxyCore {
    func read(_ bytes: Span<UInt8>, from client: ClientSession) {
        precondition(client.state != .closing, "nothing more is taken from a client being closed")
        do {
            client.unfinished = try reader.read(
                bytes, after: client.unfinished, limits: requestLimits
            ) {
                handle($0, of: client)
            }
        } catch {
            client.unfinished = nil
            reply(to: client) { error.append(to: &$0) }
            client.state = .closing
        }
        settle(client)
    }

    private func handle(_ request: Request, of client: ClientSession) -> RequestReader.Verdict {
        let command = table.find(request)
        switch Service(classifier.disposition(of: request, command), command) {
        case .forward:
            guard hasRoom(backend(of: client)) else {
                pause(client)
                return .notYet
            }
            forward(request, of: client)
        case .local:
            answer(request, command!, of: client)
        case .refuse(let reason):
            refuse(request, of: client, because: reason)
        case .close:
            pending.log(.warning, CrossProtocol.warning(about: client.peer))
            client.state = .closing
        }
        if client.state == .closing { return .drop }
        guard mayGoOn(client) else {
            pause(client)
            return .wait
        }
        return .goOn
    }

    private func forward(_ request: Request, of client: ClientSession) {
        let backend = backend(of: client)
        if case .waiting(_, let reason) = backend.state {
            return reply(to: client) { appendUnreachable(backend, reason, to: &$0) }
        }
        backend.send(request, for: client.id, lengthensTicket: client.held.isEmpty)
        client.forwarded += 1
        list(backend)
    }

    private func refuse(_ request: Request, of client: ClientSession, because reason: StaticString)
    {
        reply(to: client) {
            $0.append("-ERR '")
            ErrorText.append(request[0], upTo: 128, to: &$0)
            $0.append("' is not served by this proxy: ")
            $0.append(reason)
            $0.append("\r\n")
        }
    }

    /// All requests of a client go over one connection, as long as it lives.
    func backend(of client: ClientSession) -> BackendConnection {
        backends[Int(client.id.slot) % backends.count]
    }
}

/// What a proxy with one master, and no connections but shared ones, does with a disposition.
private enum Service {
    case forward
    case local
    case refuse(StaticString)
    case close

    init(_ disposition: Disposition, _ command: CommandID?) {
        switch disposition {
        case .read, .write, .ask, .tagged, .scan, .script, .scriptAdmin, .local, .own:
            self = .forward
        case .session: self = .init(session: command)
        case .blocking, .waiting:
            self = .refuse("blocking commands need a connection of their own")
        case .transaction: self = .refuse("transactions need a connection of their own")
        case .subscription: self = .refuse("subscriptions need a connection of their own")
        case .pinning:
            if command == .monitor {
                self = .refuse(Refusal.replication.reason)
            } else {
                self = .local
            }
        case .refuse(let refusal): self = .refuse(refusal.reason)
        case .close: self = .close
        }
    }

    private init(session command: CommandID?) {
        switch command {
        case .auth?, .reset?, .readonly?, .readwrite?, .asking?:
            self = .refuse("it changes the state of a connection that clients share here")
        case .aclWhoami?: self = .forward
        default: self = .local
        }
    }
}
