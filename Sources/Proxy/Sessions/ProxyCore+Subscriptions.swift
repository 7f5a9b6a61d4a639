// Clients that listen: each has a connection of its own for its subscriptions, which is made anew elsewhere when it
// is lost.
//
// A RESP2 client that has subscribed is in a mode of its own, as at redis-server: all it may do is about
// subscriptions. A RESP3 client goes on with everything, and messages come between its replies.

import RESP

extension ProxyCore {
    /// A message is kept until it is whole, since it comes between replies; with a longer one its client is closed.
    static let longestPush = 64 << 20

    func subscribe(
        _ request: Request, _ command: CommandID, of client: ClientSession
    ) -> ClientSession.Pause? {
        guard hasRightArity(request, command, of: client) else { return nil }
        guard let kind = SubscriptionKind(command) else {
            preconditionFailure("\(command) is not about subscriptions")
        }
        guard client.owed == 0 else { return .drained }
        let isSubscribing =
            command == .subscribe || command == .psubscribe || command == .ssubscribe
        guard let subscription = client.extras?.subscription ?? begin(isSubscribing, of: client)
        else {
            if !isSubscribing { confirmNothing(request, kind, of: client) }
            return nil
        }
        guard subscription.awaited == 0 else { return .answer }
        guard let connection = links[Int(subscription.link.number)], subscription.retryAt == nil
        else { return .answer }
        guard hasRoom(connection) else { return .backend(connection.link) }
        connection.output.append(request.bytes)
        list(connection)
        let named = request.count - 1
        subscription.awaited = named > 0 ? named : max(1, subscription.names[kind.rawValue].count)
        pause(client, .answer)
        return nil
    }

    /// A connection for the first subscription; nil, with an answer, when there is none to be had.
    private func begin(_ isSubscribing: Bool, of client: ClientSession) -> Subscription? {
        guard isSubscribing else { return nil }
        guard let connection = takePrivate(for: client, of: master) else {
            reply(to: client) { $0.append(ProxyCore.tooManyPrivate) }
            return nil
        }
        connection.isStream = true
        let subscription = Subscription(link: connection.link)
        client.rare.subscription = subscription
        return subscription
    }

    /// What redis-server says to somebody who unsubscribes from what was never subscribed to.
    private func confirmNothing(
        _ request: Request, _ kind: SubscriptionKind, of client: ClientSession
    ) {
        let version = client.version
        for index in 1..<max(request.count, 2) {
            let name = index < request.count ? [UInt8](copying: request[index]) : nil
            reply(to: client) { output in
                output.appendPushHeader(3, for: version)
                output.appendBulk(kind.unsubscribe)
                if let name {
                    output.appendBulk(name.span)
                } else {
                    output.appendNull(for: version)
                }
                output.appendInteger(0)
            }
        }
    }

    /// A request of a client that has subscribed in RESP2.
    func performSubscribed(
        _ request: Request, _ command: CommandID?, of client: ClientSession,
        _ subscription: Subscription
    ) -> Handling {
        if let command, SubscriptionKind(command) != nil {
            return .done(subscribe(request, command, of: client))
        }
        // Whether the mode is over is known only when all confirmations are there.
        guard subscription.awaited == 0 else { return .done(.answer) }
        switch command {
        case .quit?, .reset?: return .commonWay
        case .ping? where request.count <= 2:
            let text = request.count == 2 ? [UInt8](copying: request[1]) : []
            reply(to: client) {
                $0.append("*2\r\n$4\r\npong\r\n")
                $0.appendBulk(text.span)
            }
        default:
            reply(to: client) {
                $0.append("-ERR Can't execute '")
                if let command {
                    $0.append(text: table[command].name.description.lowercased())
                } else {
                    ErrorText.append(request[0], upTo: 128, to: &$0)
                }
                $0.append("': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET ")
                $0.append("are allowed in this context\r\n")
            }
        }
        return .done(nil)
    }

    // MARK: What the server says

    /// Bytes on a connection for subscriptions or MONITOR.
    func deliverStream(_ bytes: Span<UInt8>, from start: Int, of connection: BackendConnection) {
        var index = start
        let id = connection.id
        while index < bytes.count, connection.id == id {
            guard let end = takeFrame(bytes, from: index, of: connection) else { return }
            index = end
        }
    }

    /// What a server says by itself goes, frame by frame, to the client that has the connection for itself. Returns
    /// where the frame ends, or nil when the connection is gone.
    func takeFrame(
        _ bytes: Span<UInt8>, from start: Int, of connection: BackendConnection
    ) -> Int? {
        let outcome: ReplyScanner.Outcome
        do {
            outcome = try connection.scanner.scan(bytes, from: start)
        } catch {
            distrust(connection, "it sent what is not a reply")
            return nil
        }
        guard case .reply(let end) = outcome else {
            connection.gathered.append(bytes.extracting(start..<bytes.count))
            guard connection.gathered.count <= ProxyCore.longestPush else {
                distrust(connection, "it sent a message longer than \(ProxyCore.longestPush) bytes")
                return nil
            }
            return bytes.count
        }
        if connection.gathered.isEmpty {
            take(frame: bytes.extracting(start..<end), of: connection)
        } else {
            connection.gathered.append(bytes.extracting(start..<end))
            var frame = ByteBuffer()
            swap(&frame, &connection.gathered)
            take(frame: frame.bytes, of: connection)
        }
        return end
    }

    private func take(frame: Span<UInt8>, of connection: BackendConnection) {
        guard let owner = connection.owner, let client = clients[owner] else { return }
        guard let subscription = client.extras?.subscription,
            subscription.link == connection.link
        else { return push(frame, to: client, from: connection) }
        switch SubscriptionFrame(frame) {
        case .other:
            if frame[0] == ReplyKind.error.rawValue {
                subscription.awaited = 0
                subscription.repeated = 0
            }
        case .subscribed(let kind, let name):
            subscription.names[kind.rawValue].insert(name)
            guard subscription.repeated == 0 else {
                subscription.repeated -= 1
                return
            }
            subscription.awaited = max(0, subscription.awaited - 1)
        case .unsubscribed(let kind, let name):
            if let name { subscription.names[kind.rawValue].remove(name) }
            subscription.awaited = max(0, subscription.awaited - 1)
        }
        push(frame, to: client, from: connection)
        if subscription.awaited == 0 { settleSubscription(subscription, of: client) }
    }

    /// All confirmations are there: the client goes on, and without a subscription it needs no connection.
    private func settleSubscription(_ subscription: Subscription, of client: ClientSession) {
        if subscription.isEmpty {
            client.extras?.subscription = nil
            if let connection = links[Int(subscription.link.number)] {
                connection.owner = nil
                discard(connection)
            }
        }
        answered(client)
    }

    /// The answer has come that a client was waiting for.
    func answered(_ client: ClientSession) {
        if client.pause == .answer {
            client.pause = .drained
            resumable.append(client.id)
        }
    }

    // MARK: Making the connection anew

    /// The connection with a client's subscriptions is gone.
    func lostSubscription(_ subscription: Subscription, of client: ClientSession) {
        guard client.state == .open else { return }
        if subscription.isEmpty {
            // Nothing was confirmed yet, so nobody can tell what was: the client begins anew.
            return drop(client)
        }
        subscription.awaited = 0
        subscription.retryAt = now.instant + .milliseconds(100)
        if client.pause == .answer { answered(client) }
        subscriptionsToRetry.append(client.id)
        wake(at: now.instant + .milliseconds(100))
    }

    /// Subscribes again where a server can be reached: the master, or while it is away a replica, to which the
    /// master's messages come too.
    func retrySubscriptions() {
        let names = subscriptionsToRetry
        subscriptionsToRetry.removeAll(keepingCapacity: true)
        for name in names {
            guard let client = clients[name], let subscription = client.extras?.subscription,
                let due = subscription.retryAt
            else { continue }
            guard due <= now.instant, let server = serverToListenTo(),
                let connection = takePrivate(for: client, of: server)
            else {
                subscriptionsToRetry.append(name)
                continue
            }
            connection.isStream = true
            subscription.link = connection.link
            subscription.retryAt = nil
            for words in subscription.requests {
                connection.output.appendArrayHeader(words.count)
                for word in words { connection.output.appendBulk(word.span) }
                subscription.repeated += words.count - 1
            }
            list(connection)
            if client.pause != nil { resumable.append(client.id) }
        }
        if !subscriptionsToRetry.isEmpty { wake(at: now.instant + .milliseconds(100)) }
    }

    private func serverToListenTo() -> BackendServer? {
        if master.health.isHealthy { return master }
        return servers.first { $0.health.isHealthy }
    }
}
