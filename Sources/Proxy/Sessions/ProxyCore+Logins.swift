// Who a client is: AUTH and HELLO … AUTH, by the proxy's own users or by the server's.

import RESP

/// What a client gives for who it is. The user is nil for AUTH with one argument.
struct Credentials {
    let user: [UInt8]?
    let password: [UInt8]
}

/// The answer to an AUTH that failed, held back so that guessing takes long.
struct LateAnswer {
    let client: ConnectionID
    let due: Instant
    let text: [UInt8]
}

/// Whether the master takes who has not said who it is for its default user. A connection stays what it was when it was
/// made, so that none that stands can tell.
struct Anonymity {
    /// How often a new connection is made to ask, and how long the answer counts that no password is needed.
    static let interval = Duration.seconds(2)
    static let age = Duration.seconds(6)

    /// When it is asked next; nil while it is being asked, or never is.
    var askAt: Instant?
    var until: Instant?
}

extension ProxyCore {
    private static let wrongPassword: StaticString =
        "-WRONGPASS invalid username-password pair or user is disabled.\r\n"

    /// Whether a client is somebody. Where the servers know who is who, and ask nobody for a password to begin with, a
    /// client is their default user until it says otherwise, as it would be there; and stays it, as it would there.
    func isKnown(_ client: ClientSession) -> Bool {
        if !client.isAuthenticated, let until = anonymity.until, now.instant < until {
            client.isAuthenticated = true
        }
        return client.isAuthenticated
    }

    /// Commands that are served before AUTH.
    func isForStrangers(_ command: CommandID?) -> Bool {
        switch command {
        case .auth?, .hello?, .quit?, .reset?: true
        default: false
        }
    }

    func logIn(_ request: Request, of client: ClientSession) -> ClientSession.Pause? {
        guard request.count <= 3 else {
            reply(to: client) { $0.append("-ERR syntax error\r\n") }
            return nil
        }
        let user = request.count == 3 ? [UInt8](copying: request[1]) : nil
        let password = [UInt8](copying: request[request.count - 1])
        return logIn(Credentials(user: user, password: password), then: nil, of: client)
    }

    func logIn(
        _ credentials: Credentials, then hello: Hello?, of client: ClientSession
    ) -> ClientSession.Pause? {
        guard client.owed == 0, client.held.isEmpty, client.extras?.pin?.purpose != .oneAnswer
        else {
            return .drained
        }
        switch configuration.authentication {
        case .none: return logInWithoutUsers(credentials, then: hello, of: client)
        case .users: return logInByConfiguration(credentials, then: hello, of: client)
        case .backend: return askServer(about: credentials, then: hello, of: client)
        }
    }

    /// As a redis-server that was given no password.
    private func logInWithoutUsers(
        _ credentials: Credentials, then hello: Hello?, of client: ClientSession
    ) -> ClientSession.Pause? {
        guard let user = credentials.user else {
            reply(to: client) {
                $0.append("-ERR AUTH <password> called without any password configured for the ")
                $0.append("default user. Are you sure your configuration is correct?\r\n")
            }
            return nil
        }
        guard user == Array("default".utf8) else { return fail(client, ProxyCore.wrongPassword) }
        return succeed(client, as: user, hello)
    }

    private func logInByConfiguration(
        _ credentials: Credentials, then hello: Hello?, of client: ClientSession
    ) -> ClientSession.Pause? {
        let name = credentials.user ?? Array("default".utf8)
        var found: User?
        // All users and passwords are compared, each in full: how long it takes says nothing.
        for user in configuration.users {
            let isNamed = Array(user.name.utf8) == name
            for password in user.passwords
            where ProxyCore.areEqual(password.bytes, credentials.password) && isNamed {
                found = user
            }
        }
        guard let found else { return fail(client, ProxyCore.wrongPassword) }
        let identity = found.backendPassword.map {
            Identity(user: found.backendUser.map { Array($0.utf8) }, password: $0.bytes)
        }
        guard become(identity, client) else { return nil }
        return succeed(client, as: name, hello)
    }

    /// From now on a client's requests go over connections of this user. It is told if that cannot be.
    private func become(_ identity: Identity?, _ client: ClientSession) -> Bool {
        var key = lanes[Int(client.lane)]
        guard key.identity != identity else { return true }
        // What it has for itself is another user's.
        guard client.extras?.pin == nil, client.extras?.subscription == nil else {
            reply(to: client) {
                $0.append("-ERR the user cannot be changed while keys are watched or tracked, or ")
                $0.append("channels are subscribed to; RESET first\r\n")
            }
            return false
        }
        key.identity = identity
        guard let lane = laneNumber(key) else {
            reply(to: client) { $0.append(ProxyCore.tooManyLanes) }
            return false
        }
        client.lane = lane
        return true
    }

    /// Compares in a time that depends on the length of what is guessed alone.
    static func areEqual(_ secret: [UInt8], _ guess: [UInt8]) -> Bool {
        var difference = secret.count ^ guess.count
        for index in guess.indices {
            difference |= Int(guess[index] ^ (secret.isEmpty ? 0 : secret[index % secret.count]))
        }
        return difference == 0
    }

    // MARK: Asking the server

    /// Says the credentials to the master on a connection that is thrown away afterwards.
    private func askServer(
        about credentials: Credentials, then hello: Hello?, of client: ClientSession
    ) -> ClientSession.Pause? {
        guard let connection = takePrivate(for: client, of: master, lane: 0) else {
            reply(to: client) { $0.append(ProxyCore.tooManyPrivate) }
            return nil
        }
        connection.owner = nil
        connection.isSoiled = true
        let errand = beginErrand(.login(credentials, hello), for: client.id, parts: 1)
        let user = credentials.user.map { [$0] } ?? []
        ask(
            [Array("AUTH".utf8)] + user + [credentials.password], part: 0, of: errand,
            on: connection)
        pause(client, .answer)
        return nil
    }

    /// The server has said whether it knows somebody.
    func finishLogin(
        _ credentials: Credentials, _ hello: Hello?, _ answer: [UInt8]?, of client: ClientSession
    ) {
        guard let answer else {
            reply(to: client) {
                $0.append("-ERR the master cannot be asked about this password now\r\n")
            }
            return answered(client)
        }
        guard answer.first == UInt8(ascii: "+") else {
            if answer.starts(with: "-WRONGPASS".utf8) {
                _ = fail(client, answer)
                return
            }
            reply(to: client) { $0.append(answer.span) }
            return answered(client)
        }
        // Before what HELLO asks for besides, which may take an answer of its own.
        answered(client)
        let identity = Identity(user: credentials.user, password: credentials.password)
        guard become(identity, client) else { return }
        let pause = succeed(client, as: credentials.user ?? Array("default".utf8), hello)
        precondition(pause == nil, "a login waits for what was answered before it began")
    }

    // MARK: Clients that do not say who they are

    /// Has the master asked about strangers from now on, if that is of use.
    func beginAskingAboutStrangers() {
        guard configuration.authentication == .backend, configuration.backends.password == nil,
            configuration.timeouts.probeInterval > .zero
        else { return }
        anonymity.askAt = now.instant
        askAboutStrangers()
    }

    /// Asks the master, when it is time, on a connection that is made for that and closed afterwards.
    func askAboutStrangers() {
        guard let askAt = anonymity.askAt, askAt <= now.instant else { return }
        anonymity.askAt = nil
        master.privateCount += 1
        let connection = makeConnection(to: master, lane: 0, .alone)
        connection.isSoiled = true
        let errand = beginErrand(.strangers, parts: 1)
        ask([Array("PING".utf8)], part: 0, of: errand, on: connection)
    }

    /// Servers look at who asks before they look at what. No answer, or one that is about something else, leaves the
    /// last one to grow old.
    func learnAboutStrangers(_ answer: [UInt8]?) {
        let askAt = now.instant + Anonymity.interval
        anonymity.askAt = askAt
        wake(at: askAt)
        guard let answer else { return }
        if answer.first == ReplyKind.simple.rawValue || answer.starts(with: "-NOPERM ".utf8)
            || Complaint(answer.span) != nil
        {
            anonymity.until = now.instant + Anonymity.age
        } else if answer.starts(with: "-NOAUTH ".utf8) {
            anonymity.until = nil
        }
    }

    // MARK: Outcomes

    private func succeed(
        _ client: ClientSession, as user: [UInt8], _ hello: Hello?
    ) -> ClientSession.Pause? {
        client.isAuthenticated = true
        client.rare.user = user
        client.rare.failedLogins = 0
        change(client, to: usualLevel(of: client))
        if let hello { return finish(hello, of: client) }
        reply(to: client) { $0.append("+OK\r\n") }
        return nil
    }

    private func fail(_ client: ClientSession, _ text: StaticString) -> ClientSession.Pause? {
        fail(client, Array(text.description.utf8))
    }

    /// Answers later, and not at all after so many failures that it must be guessing.
    private func fail(_ client: ClientSession, _ text: [UInt8]) -> ClientSession.Pause? {
        counters.authenticationFailures += 1
        client.rare.failedLogins += 1
        let due = now.instant + configuration.limits.authDelay
        lateAnswers.append(LateAnswer(client: client.id, due: due, text: text))
        wake(at: due)
        pause(client, .answer)
        return nil
    }

    func giveLateAnswers() {
        let due = lateAnswers.filter { $0.due <= now.instant }
        lateAnswers.removeAll { $0.due <= now.instant }
        for answer in due {
            guard let client = clients[answer.client] else { continue }
            reply(to: client) { $0.append(answer.text.span) }
            let failures = client.extras?.failedLogins ?? 0
            if failures >= configuration.limits.authFailures {
                pending.log(
                    .warning, "Closing client \(client.peer): \(failures) passwords were wrong")
                reader.recycle(client.cutShort())
                settle(client)
            } else {
                answered(client)
            }
        }
    }
}
