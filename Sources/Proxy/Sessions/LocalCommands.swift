// Commands about the client's own connection: who it is, what it speaks, which database it means.

import RESP

extension ProxyCore {
    func changeSession(
        _ request: Request, _ command: CommandID, of client: ClientSession
    ) -> ClientSession.Pause? {
        let row = table[command]
        if row.isContainer {
            refuseSubcommand(request, of: client)
            return nil
        }
        guard hasRightArity(request, command, of: client) else { return nil }
        switch command {
        case .quit:
            reply(to: client) { $0.append("+OK\r\n") }
            client.state = .closing
        case .select: return select(request[1], of: client)
        case .auth: return logIn(request, of: client)
        case .hello: return greet(request, of: client)
        case .reset: return reset(client)
        // What they mean at a cluster: any replica, or the one that takes the writes.
        case .readonly, .readwrite:
            let level: Consistency = command == .readonly ? .eventual : .master
            guard serves(level) else {
                refuseLevel(level.rawValue, of: client)
                return nil
            }
            // What was asked at the old level may still have to be asked elsewhere.
            if level != client.consistency, client.owed > 0 { return .drained }
            change(client, to: level)
            reply(to: client) { $0.append("+OK\r\n") }
        case .asking:
            reply(to: client) {
                $0.append("-ERR This instance has cluster support disabled\r\n")
            }
        default:
            return performClient(request, command, of: client)
        }
        return nil
    }

    /// What redis-server says of `CLIENT FOO`.
    func refuseSubcommand(_ request: Request, of client: ClientSession) {
        counters.refusedCommands += 1
        reply(to: client) {
            guard request.count > 1 else {
                $0.append("-ERR wrong number of arguments for '")
                ErrorText.appendLowercased(request[0], to: &$0)
                return $0.append("' command\r\n")
            }
            $0.append("-ERR unknown subcommand '")
            ErrorText.append(request[1], upTo: 128, to: &$0)
            $0.append("'. Try ")
            ErrorText.appendUppercased(request[0], to: &$0)
            $0.append(" HELP.\r\n")
        }
    }

    // MARK: SELECT

    private func select(
        _ database: Span<UInt8>, of client: ClientSession
    ) -> ClientSession.Pause? {
        guard let number = Decimal.integer(database) else {
            reply(to: client) { $0.append("-ERR value is not an integer or out of range\r\n") }
            return nil
        }
        guard Int32(exactly: number) != nil else {
            reply(to: client) {
                $0.append("-ERR value is out of range, value must between -2147483648 and ")
                $0.append("2147483647\r\n")
            }
            return nil
        }
        guard number >= 0, number < configuration.databases else {
            reply(to: client) { $0.append("-ERR DB index is out of range\r\n") }
            return nil
        }
        var key = lanes[Int(client.lane)]
        key.database = number
        return change(client, to: key, .select)
    }

    // MARK: Another lane

    /// Moves a client to another lane. A connection that it has for itself is changed with it, and is of no use to
    /// others then; nothing more is taken from the client until that is done, since it could run in the wrong database.
    private func change(
        _ client: ClientSession, to key: LaneKey, _ reason: SessionChange.Reason
    ) -> ClientSession.Pause? {
        let pin = client.extras?.pin
        // A question behind unanswered requests could be given up before the server has heard it.
        if pin?.purpose == .oneAnswer || pin != nil && client.owed > 0 { return .drained }
        let old = lanes[Int(client.lane)]
        guard let lane = laneNumber(key) else {
            reply(to: client) { $0.append(ProxyCore.tooManyLanes) }
            return nil
        }
        guard let pin, key != old, let connection = links[Int(pin.link.number)] else {
            client.lane = lane
            answer(reason, client)
            return nil
        }
        client.lane = lane
        connection.isSoiled = true
        let change = SessionChange(reason: reason, from: old)
        let errand = beginErrand(.change(change), for: client.id, parts: 1)
        ask(reason.words(key), part: 0, of: errand, on: connection)
        pause(client, .answer)
        return nil
    }

    /// A client's own connection has changed as the client has, or it has not.
    func finish(_ change: SessionChange, _ answer: [UInt8]?, of client: ClientSession) {
        defer { answered(client) }
        if let answer, answer.first != UInt8(ascii: "-") {
            return self.answer(change.reason, client)
        }
        guard let lane = laneNumber(change.from) else { return drop(client) }
        client.lane = lane
        reply(to: client) {
            if let answer { return $0.append(answer.span) }
            $0.append("-ERR the connection of this client's own was lost; nothing was changed\r\n")
        }
    }

    private func answer(_ reason: SessionChange.Reason, _ client: ClientSession) {
        switch reason {
        case .select: reply(to: client) { $0.append("+OK\r\n") }
        case .hello(let hello): complete(hello, of: client)
        }
    }

    static let tooManyLanes: StaticString =
        "-ERR too many combinations of database, protocol and user are in use (limits.lanes)\r\n"

    // MARK: HELLO

    /// `HELLO [version [AUTH user password] [SETNAME name]]`.
    private func greet(_ request: Request, of client: ClientSession) -> ClientSession.Pause? {
        var version = client.version
        if request.count > 1 {
            guard let number = Decimal.integer(request[1]) else {
                reply(to: client) {
                    $0.append("-ERR Protocol version is not an integer or out of range\r\n")
                }
                return nil
            }
            guard number == 2 || number == 3 else {
                reply(to: client) { $0.append("-NOPROTO unsupported protocol version\r\n") }
                return nil
            }
            version = number == 2 ? .resp2 : .resp3
        }
        var name: [UInt8]?
        var credentials: Credentials?
        var index = 2
        while index < request.count {
            let left = request.count - 1 - index
            if request[index].equalsIgnoringCase("AUTH"), left >= 2 {
                credentials = Credentials(
                    user: [UInt8](copying: request[index + 1]),
                    password: [UInt8](copying: request[index + 2]))
                index += 3
            } else if request[index].equalsIgnoringCase("SETNAME"), left >= 1 {
                guard isAllowed(request[index + 1], of: client) else { return nil }
                name = [UInt8](copying: request[index + 1])
                index += 2
            } else {
                let option = [UInt8](copying: request[index])
                reply(to: client) {
                    $0.append("-ERR Syntax error in HELLO option '")
                    ErrorText.append(option.span, upTo: 128, to: &$0)
                    $0.append("'\r\n")
                }
                return nil
            }
        }
        let greeting = Hello(version: version, name: name)
        if let credentials { return logIn(credentials, then: greeting, of: client) }
        guard isKnown(client) else {
            reply(to: client) {
                $0.append("-NOAUTH HELLO must be called with the client already authenticated, ")
                $0.append("otherwise the HELLO AUTH <user> <pass> option can be used to ")
                $0.append("authenticate the client and select the RESP protocol version at the ")
                $0.append("same time\r\n")
            }
            return nil
        }
        return finish(greeting, of: client)
    }

    /// Makes a HELLO true and answers it.
    func finish(_ hello: Hello, of client: ClientSession) -> ClientSession.Pause? {
        if hello.version != client.version, client.extras?.subscription != nil {
            refuseHello(client)
            return nil
        }
        var key = lanes[Int(client.lane)]
        key.version = hello.version
        return change(client, to: key, .hello(hello))
    }

    private func complete(_ hello: Hello, of client: ClientSession) {
        client.version = hello.version
        if let name = hello.name { client.rare.name = name }
        let version = client.version
        let number = client.number
        reply(to: client) {
            $0.appendMapHeader(7, for: version)
            $0.appendBulk("server")
            $0.appendBulk("redis")
            $0.appendBulk("version")
            $0.appendBulk("7.0.15")
            $0.appendBulk("proto")
            $0.appendInteger(version == .resp3 ? 3 : 2)
            $0.appendBulk("id")
            $0.appendInteger(number)
            $0.appendBulk("mode")
            $0.appendBulk("standalone")
            $0.appendBulk("role")
            $0.appendBulk("master")
            $0.appendBulk("modules")
            $0.appendArrayHeader(0)
        }
    }

    private func refuseHello(_ client: ClientSession) {
        reply(to: client) {
            $0.append("-ERR the protocol cannot be changed here while the client is subscribed\r\n")
        }
    }

    // MARK: RESET

    /// Back to how a client is that has just connected. What it had for itself is closed rather than cleaned.
    private func reset(_ client: ClientSession) -> ClientSession.Pause? {
        guard client.owed == 0 else { return .drained }
        releasePrivate(of: client)
        let old = client.extras
        client.extras = nil
        // Guessing goes on where it was.
        if let old, old.failedLogins > 0 { client.rare.failedLogins = old.failedLogins }
        client.version = .resp2
        beginSession(client)
        // Replies are wanted again, but not the one to this if it was to be skipped.
        if old?.replies != .skipThis { reply(to: client) { $0.append("+RESET\r\n") } }
        return nil
    }

    /// What a client may do before it says who it is.
    func beginSession(_ client: ClientSession) {
        client.lane = 0
        client.isAuthenticated = configuration.authentication == .none
        change(client, to: usualLevel(of: client))
        client.after = .nothing
    }

    /// How fresh a client's reads are to be unless it says otherwise: as its user, or else its listener has it.
    func usualLevel(of client: ClientSession) -> Consistency {
        let listener = configuration.level(ofListener: client.listener)
        guard configuration.authentication == .users, let name = client.extras?.user else {
            return listener
        }
        return configuration.users.first { Array($0.name.utf8) == name }?.consistency ?? listener
    }

    // MARK: CLIENT

    /// Answers only when it is not.
    private func isAllowed(_ name: Span<UInt8>, of client: ClientSession) -> Bool {
        guard name.count <= ClientSession.longestName else {
            reply(to: client) {
                $0.append("-ERR Client names cannot be longer than ")
                Decimal.append(ClientSession.longestName, to: &$0)
                $0.append(" bytes here\r\n")
            }
            return false
        }
        guard ClientName.isValid(name) else {
            reply(to: client) { $0.append(ClientName.refusal) }
            return false
        }
        return true
    }

    private func performClient(
        _ request: Request, _ command: CommandID, of client: ClientSession
    ) -> ClientSession.Pause? {
        switch command {
        case .clientID:
            let number = client.number
            reply(to: client) { $0.appendInteger(number) }
        case .clientGetname:
            let name = client.extras?.name ?? []
            let version = client.version
            reply(to: client) { output in
                if name.isEmpty {
                    output.appendNull(for: version)
                } else {
                    output.appendBulk(name.span)
                }
            }
        case .clientSetname:
            guard isAllowed(request[2], of: client) else { return nil }
            client.rare.name = [UInt8](copying: request[2])
            reply(to: client) { $0.append("+OK\r\n") }
        case .clientSetinfo: setInfo(request, of: client)
        case .clientReply: setReplies(request, of: client)
        default: return administerClients(request, command, of: client)
        }
        return nil
    }

    /// `CLIENT SETINFO LIB-NAME|LIB-VER text`, which came with 7.2 and which libraries send unasked.
    private func setInfo(_ request: Request, of client: ClientSession) {
        let isName = request[2].equalsIgnoringCase("LIB-NAME")
        guard isName || request[2].equalsIgnoringCase("LIB-VER") else {
            let option = [UInt8](copying: request[2])
            return reply(to: client) {
                $0.append("-ERR Unrecognized option '")
                ErrorText.append(option.span, upTo: 128, to: &$0)
                $0.append("'\r\n")
            }
        }
        let text = request[3]
        guard text.count <= ClientSession.longestName, ClientName.isValid(text) else {
            return reply(to: client) {
                $0.append(isName ? "-ERR lib-name" : "-ERR lib-ver")
                $0.append(" cannot contain spaces, newlines or special characters.\r\n")
            }
        }
        if isName {
            client.rare.libraryName = [UInt8](copying: text)
        } else {
            client.rare.libraryVersion = [UInt8](copying: text)
        }
        reply(to: client) { $0.append("+OK\r\n") }
    }

    /// `CLIENT REPLY ON|OFF|SKIP`; only ON is answered.
    private func setReplies(_ request: Request, of client: ClientSession) {
        do {
            switch try ClientReplyMode(request) {
            case .on:
                client.extras?.replies = .on
                reply(to: client) { $0.append("+OK\r\n") }
            case .off: client.rare.replies = .off
            case .skip: if client.extras?.replies != .off { client.rare.replies = .skipNext }
            }
        } catch {
            reply(to: client) { $0.append(error) }
        }
    }
}

/// What a HELLO asks for, credentials apart.
struct Hello {
    let version: ProtocolVersion
    let name: [UInt8]?
}

/// A change that a client's own connection has to make too.
struct SessionChange {
    enum Reason {
        case select
        case hello(Hello)

        /// What the server is told.
        func words(_ key: LaneKey) -> [[UInt8]] {
            switch self {
            case .select: [Array("SELECT".utf8), Array(String(key.database).utf8)]
            case .hello: [Array("HELLO".utf8), Array((key.version == .resp3 ? "3" : "2").utf8)]
            }
        }
    }

    let reason: Reason
    /// What the client was before.
    let from: LaneKey
}
