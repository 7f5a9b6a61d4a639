// Clients that listen: each has a connection of its own for its subscriptions, which is made anew elsewhere when it
// is lost.
//
// A RESP2 client that has subscribed is in a mode of its own, as at redis-server: all it may do is about
// subscriptions. A RESP3 client goes on with everything, and messages come between its replies.

import RESP

extension ProxyCore {
    /// A message is kept until it is whole, since it comes between replies; with a longer one its client is closed.
    static let longestPush = 64 << 20
    /// After how many servers that were of no use a client with no subscription yet is told so.
    static let subscriptionAttempts = 3

    func subscribe(
        _ request: Request, _ command: CommandID, of client: ClientSession
    ) -> ClientSession.Pause? {
        guard hasRightArity(request, command, of: client) else { return nil }
        guard let kind = SubscriptionKind(command) else {
            preconditionFailure("\(command) is not about subscriptions")
        }
        guard client.owed == 0 else { return .drained }
        let old = client.extras?.subscription
        guard old?.unconfirmed == nil else { return .confirmation }
        let asked = unconfirmed(request, command, kind, old)
        let isHeldByServer = old?.link != nil
        guard let words = asked.words, asked.isSubscribing || isHeldByServer else {
            confirmHere(asked, of: client)
            return nil
        }
        guard let subscription = isHeldByServer ? old : listenToServer(old, for: client) else {
            return nil
        }
        if subscription.retryAt == nil, let connection = connection(of: subscription) {
            guard hasRoom(connection) else { return .backend(connection.link) }
            if asked.names.count == request.count - 1, words.count == request.count {
                connection.output.append(request.bytes)
            } else {
                append(words, to: connection)
            }
            list(connection)
        }
        // Without a connection it is asked when there is one.
        subscription.unconfirmed = asked
        pause(client, .confirmation)
        return nil
    }

    /// What a client asks for, and how many confirmations it is to have.
    private func unconfirmed(
        _ request: Request, _ command: CommandID, _ kind: SubscriptionKind, _ old: Subscription?
    ) -> Subscription.Unconfirmed {
        var names: [[UInt8]] = []
        for index in 1..<max(1, request.count) { names.append([UInt8](copying: request[index])) }
        if names.isEmpty, kind == .channel, let old, old.hearsEvents { names = old.allChannels }
        let known = old?.names[kind.rawValue].count ?? 0
        return .init(
            kind: kind,
            isSubscribing: command == .subscribe || command == .psubscribe
                || command == .ssubscribe,
            names: names, left: names.isEmpty ? max(1, known) : names.count)
    }

    private func connection(of subscription: Subscription) -> BackendConnection? {
        subscription.link.flatMap { links[Int($0.number)] }
    }

    /// A connection for the first subscription that a server is asked for; nil, with an answer, when there is none to
    /// be had.
    private func listenToServer(_ old: Subscription?, for client: ClientSession) -> Subscription? {
        // Nobody is there any more who would read a message.
        if client.isGone {
            client.state = .closing
            return nil
        }
        let server = serverToListenTo(0)
        if server == nil, master.health.isSilent {
            reply(to: client) { $0.append(ProxyCore.nobodyToListenTo) }
            return nil
        }
        guard let connection = takePrivate(for: client, of: server ?? master) else {
            reply(to: client) { $0.append(ProxyCore.tooManyPrivate) }
            return nil
        }
        connection.isStream = true
        let subscription = old ?? Subscription()
        subscription.link = connection.link
        subscription.failures = 0
        client.rare.subscription = subscription
        return subscription
    }

    /// A request of a client that has subscribed in RESP2. Mistakes are found in the order in which redis-server finds
    /// them.
    func performSubscribed(
        _ request: Request, _ command: CommandID?, of client: ClientSession,
        _ subscription: Subscription
    ) -> Handling {
        guard let command else { return performUnknownSubscribed(request, of: client) }
        if SubscriptionKind(command) != nil {
            return .done(subscribe(request, command, of: client))
        }
        if command == .quit || command == .reset { return .commonWay }
        let row = table[command]
        if row.isContainer, request.count > 1 {
            refuseSubcommand(request, of: client)
            return .done(nil)
        }
        guard hasRightArity(request, command, of: client) else { return .done(nil) }
        guard command == .ping else {
            refuseSubscribed(row.name, of: client)
            return .done(nil)
        }
        let text = request.count > 1 ? [UInt8](copying: request[1]) : []
        reply(to: client) {
            if request.count > 2 {
                $0.append("-ERR wrong number of arguments for 'ping' command\r\n")
            } else {
                $0.append("*2\r\n$4\r\npong\r\n")
                $0.appendBulk(text.span)
            }
        }
        return .done(nil)
    }

    /// The same for a command that the table does not have.
    private func performUnknownSubscribed(
        _ request: Request, of client: ClientSession
    ) -> Handling {
        switch classifier.disposition(of: request, nil) {
        case .close: return .commonWay
        case .ask where classifier.learnt?.has(request[0]) == false,
            .unknown where classifier.learnt != nil:
            reply(to: client) { TransactionRefusal.unknownCommand.write(request, to: &$0) }
        default:
            let name = [UInt8](copying: request[0])
            reply(to: client) {
                $0.append("-ERR Can't execute '")
                ErrorText.appendLowercased(name.span, to: &$0)
                $0.append(ProxyCore.allowedWhenSubscribed)
            }
        }
        return .done(nil)
    }

    private func refuseSubscribed(_ name: StaticString, of client: ClientSession) {
        reply(to: client) {
            // Whatever refuses EXEC is told as the end of a transaction, if there was one or not.
            $0.append(
                name.description == "exec"
                    ? "-EXECABORT Transaction discarded because of: Can't execute '"
                    : "-ERR Can't execute '")
            $0.append(name)
            $0.append(ProxyCore.allowedWhenSubscribed)
        }
    }

    private static let allowedWhenSubscribed: StaticString =
        "': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in this context\r\n"

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
            if connection.gathered.count <= ProxyCore.longestPush { return bytes.count }
            let name = servers[connection.server].name
            pending.log(
                .warning,
                "\(name) sent a message longer than \(ProxyCore.longestPush) bytes: closing its client"
            )
            if let client = connection.owner.flatMap({ clients[$0] }) { drop(client) }
            if connection.id != nil { distrust(connection, "a message on it is too long") }
            return nil
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
        if connection.use == .watcher { return hearWatermark(frame, on: connection) }
        guard let owner = connection.owner, let client = clients[owner] else { return }
        guard let subscription = client.extras?.subscription, subscription.retryAt == nil,
            subscription.link == connection.link
        else { return take(shown: frame, of: connection, for: client) }
        let wasAwaited = subscription.unconfirmed != nil
        switch SubscriptionFrame(frame) {
        case .other:
            if frame[0] == ReplyKind.error.rawValue {
                return take(refusal: frame, subscription, of: client, from: connection)
            }
            let hasPatterns = !subscription.names[SubscriptionKind.pattern.rawValue].isEmpty
            if hasPatterns, OwnChannels.isHeard(in: frame) { return }
        case .subscribed(let kind, let name):
            if subscription.repeated == 0 { confirmOwn(subscription, of: client) }
            subscription.names[kind.rawValue].insert(name)
            guard subscription.repeated == 0 else {
                subscription.repeated -= 1
                subscription.failures = 0
                return
            }
            subscription.noteConfirmed()
        case .unsubscribed(let kind, let name):
            confirmOwn(subscription, of: client)
            if let name { subscription.names[kind.rawValue].remove(name) }
            subscription.noteConfirmed()
        }
        pass(frame, subscription, to: client, from: connection)
        confirmOwn(subscription, of: client)
        // Pushing may have closed a client that is done.
        guard wasAwaited, subscription.unconfirmed == nil, clients[client.id] != nil else { return }
        settleSubscription(subscription, of: client)
    }

    /// An error: of a repetition the client knows nothing, so that another server is asked.
    private func take(
        refusal frame: Span<UInt8>, _ subscription: Subscription, of client: ClientSession,
        from connection: BackendConnection
    ) {
        guard subscription.repeated == 0, subscription.unconfirmed != nil else {
            let said = ErrorText.string(frame, upTo: 120)
            return distrust(connection, "it answered '\(said)' to a repeated subscription")
        }
        subscription.unconfirmed = nil
        push(frame, to: client, from: connection)
        if clients[client.id] != nil { settleSubscription(subscription, of: client) }
    }

    /// All confirmations are there: the client goes on, and without a subscription it needs no connection.
    private func settleSubscription(_ subscription: Subscription, of client: ClientSession) {
        if subscription.isEmptyAtServer {
            if let connection = connection(of: subscription) {
                connection.owner = nil
                discard(connection)
            }
            subscription.link = nil
        }
        if subscription.isEmpty { client.extras?.subscription = nil }
        confirmed(client)
    }

    /// The answer has come that a client was waiting for.
    func answered(_ client: ClientSession) {
        lift(.answer, of: client)
    }

    /// A server has said all that a client was waiting for on its connection for listening. Messages come at any time:
    /// who waits for something else goes on waiting.
    func confirmed(_ client: ClientSession) {
        lift(.confirmation, of: client)
    }

    private func lift(_ pause: ClientSession.Pause, of client: ClientSession) {
        guard client.pause == pause else { return }
        client.pause = .drained
        resumable.append(client.id)
    }

    // MARK: Making the connection anew

    /// The connection with a client's subscriptions is gone.
    func lostSubscription(_ subscription: Subscription, of client: ClientSession) {
        guard client.state == .open else {
            client.extras?.subscription = nil
            return drop(client)
        }
        if client.output.count > configuration.limits.clientOutput {
            // The server would not keep what its client does not read; to go on as if nothing were missing would hide
            // it.
            pending.log(.warning, "Closing client \(client.peer): it does not read its messages")
            return drop(client)
        }
        subscription.repeated = 0
        retry(subscription, of: client, ProxyCore.nobodyToListenTo)
    }

    /// It is made again soon, perhaps elsewhere. A client that has subscribed to nothing yet is told so in the end.
    private func retry(
        _ subscription: Subscription, of client: ClientSession, _ refusal: StaticString
    ) {
        subscription.failures += 1
        if subscription.isEmptyAtServer,
            serverToListenTo(0) == nil
                || subscription.failures >= ProxyCore.subscriptionAttempts
        {
            subscription.unconfirmed = nil
            subscription.link = nil
            if subscription.isEmpty { client.extras?.subscription = nil }
            reply(to: client) { $0.append(refusal) }
            return confirmed(client)
        }
        subscription.retryAt = now.instant + ProxyCore.subscriptionDelay
        subscriptionsToRetry.append(client.id)
        wake(at: now.instant + ProxyCore.subscriptionDelay)
    }

    private static let nobodyToListenTo: StaticString =
        "-ERR no server can be reached to subscribe at; nothing is subscribed\r\n"
    private static let subscriptionDelay = Duration.milliseconds(100)

    /// Subscribes again where a server can be reached: the master, or while it is away a replica, to which the
    /// master's messages come too.
    func retrySubscriptions() {
        let names = subscriptionsToRetry
        subscriptionsToRetry.removeAll(keepingCapacity: true)
        for name in names {
            guard let client = clients[name], let subscription = client.extras?.subscription,
                let due = subscription.retryAt
            else { continue }
            guard due <= now.instant, let server = serverToListenTo(subscription.failures - 1)
            else {
                subscriptionsToRetry.append(name)
                continue
            }
            guard let connection = takePrivate(for: client, of: server) else {
                retry(subscription, of: client, ProxyCore.tooManyPrivate)
                continue
            }
            connection.isStream = true
            subscription.link = connection.link
            subscription.retryAt = nil
            for words in subscription.repetition {
                append(words, to: connection)
                subscription.repeated += words.count - 1
            }
            if let rest = subscription.rest { append(rest, to: connection) }
            list(connection)
        }
        if !subscriptionsToRetry.isEmpty { wake(at: now.instant + ProxyCore.subscriptionDelay) }
    }

    private func append(_ words: [[UInt8]], to connection: BackendConnection) {
        connection.output.appendArrayHeader(words.count)
        for word in words { connection.output.appendBulk(word.span) }
    }

    /// The master, as long as it is well; after so many failures in a row another one's turn may have come.
    func serverToListenTo(_ failures: Int) -> BackendServer? {
        let healthy = servers.filter(\.health.isHealthy)
        return healthy.isEmpty ? nil : healthy[max(0, failures) % healthy.count]
    }

    /// Messages do not come any more, or come late: who listens there listens elsewhere, and who waits there for the
    /// answer to MONITOR is closed.
    func leaveStreams(at server: BackendServer) {
        for connection in links {
            guard let connection, connection.server == server.index, connection.isStream,
                let client = connection.owner.flatMap({ clients[$0] }), let id = connection.id,
                client.extras?.subscription?.link == connection.link || !connection.isShowing
            else { continue }
            pending.wishes.append(.close(id))
            lose(connection)
        }
    }
}
