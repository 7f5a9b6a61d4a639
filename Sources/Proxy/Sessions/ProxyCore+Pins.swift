// Clients that have a connection to the master for themselves for as long as they want: while keys are watched for
// them, while their cache is told what changes, and while they watch the server work.

import RESP

extension ProxyCore {
    /// A request of a client that has a connection of its own.
    func performPinned(
        _ request: Request, _ command: CommandID?, of client: ClientSession
    ) -> Handling {
        let disposition = classifier.disposition(of: request, command)
        guard let pin = client.extras?.pin, let connection = links[Int(pin.link.number)],
            let kind = ProxyCore.kind(of: disposition, command, on: pin)
        else { return .commonWay }
        // What it changes is this client's alone, as at the server; nobody else gets the connection.
        if case .unknown = disposition { connection.isSoiled = true }
        if let pause = mayNotSend(on: connection, client) { return .done(pause) }
        if kind == .blocking, client.isGone {
            client.state = .closing
            return .done(nil)
        }
        client.extras?.pin?.isCachingSet = false
        client.extras?.pin?.isUploading = false
        send(request, as: nil, kind, on: connection, for: client)
        return .done(nil)
    }

    /// What a request is that goes out as it stands on the connection that its client has for long; nil when it goes
    /// the common way.
    static func kind(
        of disposition: Disposition, _ command: CommandID?, on pin: Pin
    ) -> Ticket.Kind? {
        guard pin.purpose != .oneAnswer else { return nil }
        switch disposition {
        case .read: return .read
        case .write, .ask, .unknown, .script, .tagged: return .write
        case .blocking: return .blocking
        case .session, .local:
            // Only the server knows what it tracks.
            let isAboutTracking = command == .clientTrackinginfo || command == .clientGetredir
            return pin.purpose == .tracking && isAboutTracking ? .read : nil
        default: return nil
        }
    }

    /// MONITOR, CLIENT TRACKING and CLIENT CACHING.
    func pinForGood(
        _ request: Request, _ command: CommandID, of client: ClientSession
    ) -> ClientSession.Pause? {
        guard hasRightArity(request, command, of: client) else { return nil }
        switch command {
        case .monitor: return monitor(request, of: client)
        case .clientTracking: return track(request, of: client)
        case .clientCaching: return setCaching(request, of: client)
        default: preconditionFailure("\(command) needs no connection of its own")
        }
    }

    // MARK: MONITOR

    private func monitor(_ request: Request, of client: ClientSession) -> ClientSession.Pause? {
        guard client.owed == 0 else { return .drained }
        // As at redis-server, a second MONITOR has no answer.
        guard client.extras?.monitor == nil else { return nil }
        if client.isGone {
            client.state = .closing
            return nil
        }
        if master.health.isSilent {
            reply(to: client) { $0.append("-ERR the master does not answer\r\n") }
            return nil
        }
        guard let connection = takePrivate(for: client, of: master) else {
            reply(to: client) { $0.append(ProxyCore.tooManyPrivate) }
            return nil
        }
        connection.isStream = true
        client.rare.monitor = connection.link
        connection.output.append(request.bytes)
        list(connection)
        pause(client, .confirmation)
        return nil
    }

    /// What MONITOR shows, or its first answer. Who may not watch needs no connection for it.
    func take(
        shown frame: Span<UInt8>, of connection: BackendConnection, for client: ClientSession
    ) {
        push(frame, to: client, from: connection)
        guard client.extras?.monitor == connection.link, !connection.isShowing else { return }
        connection.isShowing = true
        confirmed(client)
        if frame[0] == ReplyKind.error.rawValue, client.extras?.monitor == connection.link {
            client.extras?.monitor = nil
            connection.owner = nil
            discard(connection)
        }
    }

    // MARK: Tracking

    private func track(_ request: Request, of client: ClientSession) -> ClientSession.Pause? {
        guard client.owed == 0 else { return .drained }
        let isOn = request[2].equalsIgnoringCase("ON")
        for index in 3..<max(3, request.count)
        where request[index].equalsIgnoringCase("REDIRECT") {
            refuse(
                request, of: client,
                because: "REDIRECT names connections of the server; use RESP3 (HELLO 3)")
            return nil
        }
        if isOn, client.version == .resp2 {
            // What redis-server answers would be untrue here, since nobody can be redirected to.
            refuse(
                request, of: client,
                because:
                    "invalidations need RESP3 (HELLO 3), or BCAST on a connection to the server")
            return nil
        }
        let connection: BackendConnection
        if let pin = client.extras?.pin, let own = links[Int(pin.link.number)] {
            connection = own
        } else if !isOn, request[2].equalsIgnoringCase("OFF"), request.count == 3 {
            reply(to: client) { $0.append("+OK\r\n") }
            return nil
        } else {
            if let refuge = refuge(for: request, of: client) { return refuge.pause }
            guard let own = takePrivate(for: client, of: master) else {
                reply(to: client) { $0.append(ProxyCore.tooManyPrivate) }
                return nil
            }
            connection = own
            client.rare.pin = Pin(link: connection.link, purpose: .oneAnswer)
        }
        let words = request.words
        let errand = beginErrand(
            .tracking(isOn ? words : nil, isAnew: false), for: client.id, parts: 1)
        ask(words, part: 0, of: errand, on: connection)
        pause(client, .answer)
        return nil
    }

    /// The server has answered CLIENT TRACKING: only now it is known what it does, for it refuses much.
    func finishTracking(
        _ words: [[UInt8]]?, isAnew: Bool, _ answer: [UInt8]?, of client: ClientSession
    ) {
        let isDone = answer?.first == UInt8(ascii: "+")
        // A client that believes itself tracked, and is not, would read old values from its cache for ever.
        if isAnew { return isDone ? () : drop(client) }
        // Whether keys are tracked any more nobody knows, and a cache that is not told would grow old.
        if words == nil, answer == nil, client.extras?.tracking != nil { return drop(client) }
        if isDone, let pin = client.extras?.pin {
            client.extras?.tracking = words
            client.extras?.pin?.purpose =
                words != nil ? .tracking : pin.isWatching ? .watch : .oneAnswer
        }
        // Nobody knows what it does on a connection on which it did not say.
        if answer == nil, let pin = client.extras?.pin {
            links[Int(pin.link.number)]?.isSoiled = true
        }
        reply(to: client) {
            if let answer {
                $0.append(answer.span)
            } else {
                $0.append("-ERR the master did not answer: tracking is as it was\r\n")
            }
        }
        answered(client)
    }

    private func setCaching(_ request: Request, of client: ClientSession) -> ClientSession.Pause? {
        guard let pin = client.extras?.pin, pin.purpose == .tracking,
            let connection = links[Int(pin.link.number)]
        else {
            reply(to: client) {
                $0.append("-ERR CLIENT CACHING can be called only when the client is in tracking ")
                $0.append("mode with OPTIN or OPTOUT mode enabled\r\n")
            }
            return nil
        }
        if let pause = mayNotSend(on: connection, client) { return pause }
        client.extras?.pin?.isCachingSet = true
        send(request, as: nil, .write, on: connection, for: client)
        return nil
    }

    /// The connection is gone on which a client's keys were tracked: all that it caches is void, and it is tracked
    /// anew on another.
    func lostTracking(_ pin: Pin, of client: ClientSession) {
        guard client.state == .open, let words = client.extras?.tracking else { return }
        // The next request would not be cached as it was announced.
        if pin.isCachingSet { return drop(client) }
        guard let connection = takePrivate(for: client, of: master) else { return drop(client) }
        if client.version == .resp3 {
            let invalidateAll = Array(">2\r\n$10\r\ninvalidate\r\n_\r\n".utf8)
            push(invalidateAll.span, to: client, from: nil)
        }
        client.rare.pin = Pin(link: connection.link, purpose: .tracking)
        let errand = beginErrand(.tracking(words, isAnew: true), for: client.id, parts: 1)
        ask(words, part: 0, of: errand, on: connection)
    }

    // MARK: Between replies

    /// Gives a client what it did not ask for: at once, or behind the reply that it has half of.
    func push(
        _ bytes: Span<UInt8>, to client: ClientSession, from connection: BackendConnection?
    ) {
        if client.isMidReply {
            client.rare.deferred.append(bytes)
        } else {
            client.replies.append(bytes)
        }
        let kept = client.untaken + (client.extras?.deferred.count ?? 0)
        if let connection, kept > 4 * configuration.limits.clientOutput {
            stall(connection, on: client)
        }
        settle(client)
    }
}
