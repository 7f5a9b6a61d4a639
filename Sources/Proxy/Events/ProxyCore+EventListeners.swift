// Clients that listen to the proxy's events. No server knows of that: the proxy confirms it, counts it, and sends the
// messages, so that they come when no server can be reached.
//
//     SUBSCRIBE a __sluice__:events b ──▶ the server is asked for a and b
//     a: 1 ◀── the server     events: 2 ◀── the proxy, in its turn     b: 2, shown as 3 ◀── the server

import RESP

extension ProxyCore {
    // MARK: Confirming

    /// Confirms a request for which no server is asked: all that it names is the proxy's own, or nothing is subscribed
    /// to at a server.
    func confirmHere(_ asked: Subscription.Unconfirmed, of client: ClientSession) {
        let subscription = client.extras?.subscription ?? Subscription()
        if asked.names.isEmpty { confirm(nil, asked, subscription, of: client) }
        for name in asked.names {
            if asked.isOwn(name) { subscription.hearsEvents = asked.isSubscribing }
            confirm(name, asked, subscription, of: client)
        }
        if subscription.isEmpty {
            client.extras?.subscription = nil
        } else {
            client.rare.subscription = subscription
        }
    }

    /// Confirms what is the proxy's own and has its turn. What stands behind something that a server has not confirmed
    /// waits: the server may refuse the request.
    func confirmOwn(_ subscription: Subscription, of client: ClientSession) {
        while let asked = subscription.unconfirmed, let name = asked.next, asked.isOwn(name) {
            subscription.hearsEvents = asked.isSubscribing
            subscription.noteConfirmed()
            confirm(name, asked, subscription, of: client)
        }
    }

    private func confirm(
        _ name: [UInt8]?, _ asked: Subscription.Unconfirmed, _ subscription: Subscription,
        of client: ClientSession
    ) {
        let version = client.version
        reply(to: client) { output in
            output.appendPushHeader(3, for: version)
            output.appendBulk(asked.isSubscribing ? asked.kind.subscribe : asked.kind.unsubscribe)
            if let name {
                output.appendBulk(name.span)
            } else {
                output.appendNull(for: version)
            }
            output.appendInteger(subscription.count(asked.kind))
        }
    }

    /// Hands on what a server says to one who listens; the count in a confirmation is the client's, not the server's.
    func pass(
        _ frame: Span<UInt8>, _ subscription: Subscription, to client: ClientSession,
        from connection: BackendConnection
    ) {
        guard subscription.hearsEvents, let counted = ConfirmedCount(frame),
            subscription.own(counted.kind) > 0
        else { return push(frame, to: client, from: connection) }
        var raised = [UInt8](copying: frame.extracting(0..<counted.start))
        raised += "\(counted.count + subscription.own(counted.kind))\r\n".utf8
        push(raised.span, to: client, from: connection)
    }

    // MARK: Telling

    /// Tells an event to those of this worker's clients who listen.
    func deliver(_ event: ProxyEvent) {
        var line: [UInt8]?
        for client in Array(clients.all)
        where client.extras?.subscription?.hearsEvents == true && client.state == .open {
            let text = line ?? JSONWriter.line(event.report)
            line = text
            let unread = client.unread + (client.extras?.deferred.count ?? 0)
            guard unread <= configuration.limits.clientOutput else {
                pending.log(
                    .warning, "Closing client \(client.peer): it does not read its messages")
                drop(client)
                continue
            }
            let parts = [Array("message".utf8), Array(OwnChannels.events.description.utf8), text]
            var frame = Array((client.version == .resp3 ? ">3\r\n" : "*3\r\n").utf8)
            for part in parts { frame += "$\(part.count)\r\n".utf8 + part + "\r\n".utf8 }
            push(frame.span, to: client, from: nil)
        }
    }
}

/// Where a confirmation says how many subscriptions there are.
private struct ConfirmedCount {
    let kind: SubscriptionKind
    let count: Int
    /// The place of the first digit; behind the number the frame ends.
    let start: Int

    /// Nil when the frame is none.
    init?(_ frame: Span<UInt8>) {
        switch SubscriptionFrame(frame) {
        case .subscribed(let kind, _), .unsubscribed(let kind, _): self.kind = kind
        case .other: return nil
        }
        var start = frame.count - 2
        while start > 0, frame[start - 1] != UInt8(ascii: ":") { start -= 1 }
        guard start > 0, let count = Decimal.integer(frame.extracting(start..<frame.count - 2))
        else { return nil }
        self.start = start
        self.count = count
    }
}
