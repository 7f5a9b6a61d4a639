// CLIENT, as far as it is about other clients of the proxy, or about what the proxy keeps of one.

import RESP

extension ProxyCore {
    /// The subcommands that the session itself does not know.
    func administerClients(
        _ request: Request, _ command: CommandID, of client: ClientSession
    ) -> ClientSession.Pause? {
        orRefuse(client) { () throws(CommandRefusal) in
            let version = client.version
            switch command {
            case .clientList, .clientKill, .clientPause, .clientUnpause, .clientUnblock:
                guard mayOperate(client, table[command].name) else { return nil }
            default: break
            }
            switch command {
            case .clientHelp: reply(to: client) { ProxyReplies.help(HelpText.client, to: &$0) }
            case .clientInfo:
                let text = ClientLine.text(of: [line(of: client)])
                reply(to: client) { $0.appendVerbatim(text.span, format: "txt", for: version) }
            case .clientList: return inquire(.clientList(try ClientListFilter(request)), of: client)
            case .clientKill:
                let filter = try ClientKillFilter(request, isKnownUser: isKnownUser)
                return inquire(.kill(filter, caller: client.number), of: client)
            case .clientPause: return inquire(.pause(try ClientPause(request)), of: client)
            case .clientUnpause: return inquire(.unpause, of: client)
            case .clientUnblock: return inquire(.unblock(try ClientUnblock(request)), of: client)
            case .clientNoEvict, .clientNoTouch:
                let isOn = try ClientSwitch(request).isOn
                if command == .clientNoEvict { client.rare.isNeverEvicted = isOn }
                reply(to: client) { $0.appendSimple("OK") }
            case .clientGetredir:
                reply(to: client) { $0.appendInteger(client.extras?.tracking == nil ? -1 : 0) }
            case .aclWhoami:
                let user = client.extras?.user ?? Array("default".utf8)
                reply(to: client) { $0.appendBulk(user.span) }
            case .clientTrackinginfo: tellTracking(of: client)
            default:
                refuse(request, of: client, because: "it is about connections of the server")
            }
            return nil
        }
    }

    /// With users of the servers nobody here knows them all.
    private func isKnownUser(_ name: Span<UInt8>) -> Bool {
        let name = [UInt8](copying: name)
        return name == Array("default".utf8) || configuration.authentication == .backend
            || configuration.users.contains { Array($0.name.utf8) == name }
    }

    private func tellTracking(of client: ClientSession) {
        let version = client.version
        let options = client.extras?.trackingOptions
        reply(to: client) {
            $0.appendMapHeader(3, for: version)
            $0.appendBulk("flags")
            let flags = options.map { ["on"] + $0.flags } ?? ["off"]
            $0.appendSetHeader(flags.count, for: version)
            for flag in flags { $0.appendBulk(text: flag) }
            $0.appendBulk("redirect")
            $0.appendInteger(options == nil ? -1 : 0)
            $0.appendBulk("prefixes")
            // A client that is told of all keys is told so by an empty prefix.
            var prefixes = options?.prefixes ?? []
            if prefixes.isEmpty, options?.flags.contains("bcast") == true { prefixes = [[]] }
            $0.appendArrayHeader(prefixes.count)
            for prefix in prefixes { $0.appendBulk(prefix.span) }
        }
    }

    // MARK: Lines

    func line(of client: ClientSession) -> ClientLine {
        var line = ClientLine(
            id: client.number, address: "\(client.peer)", localAddress: "\(client.local)")
        line.slot = Int(client.id.slot)
        line.age = Int((now.instant - client.openedAt).components.seconds)
        line.idle = Int((now.instant - client.usedAt).components.seconds)
        line.database = lanes[Int(client.lane)].database
        line.unfinishedInput = client.unfinished?.bytes.count ?? 0
        line.unreadOutput = client.unread
        line.isRead = !client.isStopped
        line.hasOutput = !client.output.isEmpty
        line.command = client.command.map { table[$0].name.description }
        line.version = client.version
        if client.peer.family == .unix { line.flags.insert(.unixSocket) }
        if client.state != .open { line.flags.insert(.closesAfterReply) }
        if isBlocked(client) { line.flags.insert(.blocked) }
        if let extras = client.extras { add(extras, to: &line) }
        line.totalMemory = line.unfinishedInput + line.unreadOutput + line.transactionMemory
        return line
    }

    private func add(_ extras: SessionExtras, to line: inout ClientLine) {
        line.name = extras.name
        if let user = extras.user { line.user = user }
        if extras.monitor != nil { line.flags.insert(.monitor) }
        if extras.watchIsLost { line.flags.insert(.dirty) }
        if extras.isNeverEvicted { line.flags.insert(.noEvict) }
        if let transaction = extras.transaction {
            line.flags.insert(.transaction)
            line.queuedRequests = transaction.count
            line.transactionMemory = transaction.bytes.count
        }
        if let subscription = extras.subscription {
            (line.channels, line.patterns, line.shardChannels) =
                (
                    subscription.names[0].count + subscription.own(.channel),
                    subscription.names[1].count,
                    subscription.names[2].count
                )
            if !subscription.isEmpty { line.flags.insert(.subscribed) }
        }
        if let options = extras.trackingOptions {
            line.flags.insert(.tracking)
            line.redirection = 0
            if options.flags.contains("bcast") { line.flags.insert(.trackingBroadcast) }
        }
    }

    /// As PROXY CLIENTS tells of it.
    func describe(_ client: ClientSession) -> ProxyClient {
        ProxyClient(
            line: line(of: client), worker: self.worker,
            consistency: client.consistency.rawValue, pin: pinShown(of: client),
            outstanding: client.inFlight, heldMemory: client.unread)
    }

    private func pinShown(of client: ClientSession) -> (backend: String, reason: String)? {
        guard let extras = client.extras else { return nil }
        let link: LinkID
        let reason: String
        if let pin = extras.pin {
            link = pin.link
            reason = pin.purpose.word
        } else if let own = extras.subscription?.link {
            link = own
            reason = "subscriptions"
        } else {
            return nil
        }
        guard Int(link.number) < links.count, let connection = links[Int(link.number)] else {
            return nil
        }
        return ("\(servers[connection.server].endpoint)", reason)
    }

    // MARK: KILL

    /// Closes those that fit, and says how many there are. The caller is counted, and closed when it has been told.
    func kill(_ filter: ClientKillFilter, caller: Int) -> Int {
        var count = 0
        for client in Array(clients.all) where filter.matches(line(of: client), caller: caller) {
            count += 1
            if client.number != caller { drop(client) }
        }
        return count
    }

    // MARK: PAUSE

    /// A new pause prolongs and widens one that lasts, as at redis-server; it never makes it less.
    func begin(_ pause: ClientPause) {
        let until = now.instant + pause.duration
        if let old = operators.clientPause, old.until > now.instant {
            let mode: ClientPause.Mode = old.mode == .all || pause.mode == .all ? .all : .writes
            operators.clientPause = (max(until, old.until), mode)
        } else {
            operators.clientPause = (until, pause.mode)
        }
        if let clientPause = operators.clientPause { wake(at: clientPause.until) }
    }

    func endClientPause() {
        guard operators.clientPause != nil else { return }
        operators.clientPause = nil
        for client in clients.all where client.pause == .held { resumable.append(client.id) }
    }

    /// Whether CLIENT PAUSE holds a request back. What ends the pause, or looks at it, goes on.
    func isHeldBack(_ request: Request, _ command: CommandID?, of client: ClientSession) -> Bool {
        guard let pause = operators.clientPause, pause.until > now.instant else { return false }
        switch command {
        case .clientUnpause?, .quit?: return false
        case nil where request[0].equalsIgnoringCase("PROXY"): return false
        default: break
        }
        return pause.mode == .all || mayWrite(request, command, of: client)
    }

    /// Between MULTI and EXEC nothing is written.
    private func mayWrite(
        _ request: Request, _ command: CommandID?, of client: ClientSession
    ) -> Bool {
        if let transaction = client.extras?.transaction {
            return command == .exec && !transaction.onlyReads
        }
        // What nobody knows may be anything.
        guard let command else { return true }
        let flags = table[command].flags
        return flags.contains(.write) || flags.contains(.mayReplicate)
    }

    // MARK: UNBLOCK

    /// Whether a client waits in a blocking command, or for the end of a pause.
    func isBlocked(_ client: ClientSession) -> Bool {
        client.pause == .held || blockingConnection(of: client) != nil
    }

    /// The connection on which a client waits in a blocking command, and for nothing else.
    private func blockingConnection(of client: ClientSession) -> BackendConnection? {
        guard let extras = client.extras, let pin = extras.pin, pin.purpose == .oneAnswer,
            extras.upload == nil, let command = client.command, mayBlock(command), client.owed == 1
        else { return nil }
        return links[Int(pin.link.number)]
    }

    /// WAIT has no such flag, as it waits for nobody's data.
    private func mayBlock(_ command: CommandID) -> Bool {
        command == .wait || command == .waitaof || table[command].flags.contains(.blocking)
    }

    /// Ends the wait of a client of this worker. The server forgets it, since its connection is closed; an element
    /// that it hands over at this very moment is lost, as it is when a client leaves.
    func unblock(_ unblock: ClientUnblock) -> Bool {
        guard let client = clients.all.first(where: { $0.number == unblock.id }),
            let connection = blockingConnection(of: client), !client.isMidReply
        else { return false }
        var isWanted = false
        connection.tickets.visit { if $0.client == client.id { isWanted = $0.isWanted } }
        forgetTickets(of: connection)
        if unblock.reason == .error { counters.errors.count(code: "UNBLOCKED") }
        if isWanted { appendUnblocked(client, unblock.reason) }
        noteDelivered(1, to: client, .blocking)
        discard(connection)
        settle(client)
        return true
    }

    private func appendUnblocked(_ client: ClientSession, _ reason: ClientUnblock.Reason) {
        switch reason {
        case .error: client.replies.appendError(ClientUnblock.error)
        // How many replicas have confirmed is known to the server alone.
        case .timeout where client.command == .wait: client.replies.appendInteger(0)
        case .timeout: client.replies.appendNullArray(for: client.version)
        }
    }
}

extension Pin.Purpose {
    /// Why a client has a connection of its own.
    var word: String {
        switch self {
        case .oneAnswer: "one answer"
        case .watch: "WATCH"
        case .transaction: "a large transaction"
        case .tracking: "tracking"
        }
    }
}

/// What a client has asked for by CLIENT TRACKING ON.
struct TrackingOptions {
    /// In redis-server's order.
    var flags: [String] = []
    var prefixes: [[UInt8]] = []

    /// Takes the words of the request that the server accepted.
    init(_ words: [[UInt8]]) {
        var wanted: [String] = []
        var index = 3
        while index < words.count {
            let word = String(decoding: words[index], as: UTF8.self).lowercased()
            if word == "prefix", index + 1 < words.count {
                prefixes.append(words[index + 1])
                index += 1
            } else {
                wanted.append(word)
            }
            index += 1
        }
        flags = ["bcast", "optin", "optout", "noloop"].filter(wanted.contains)
    }
}

extension SessionExtras {
    /// Nil while nothing is tracked.
    var trackingOptions: TrackingOptions? {
        tracking.map(TrackingOptions.init)
    }
}
