// Commands about the client's own connection.

import RESP

extension ServerCore {
    func ping(_ request: Request, _ client: ClientSession) {
        switch request.count {
        case 1: client.output.append("+PONG\r\n")
        case 2: client.output.appendBulk(request[1])
        default: client.output.append("-ERR wrong number of arguments for 'ping' command\r\n")
        }
    }

    func select(_ request: Request, _ client: ClientSession) {
        guard let index = Decimal.integer(request[1]) else {
            return client.output.append("-ERR value is not an integer or out of range\r\n")
        }
        guard Int32(exactly: index) != nil else {
            return client.output.append(
                """
                -ERR value is out of range, value must between -2147483648 and 2147483647\r\n
                """)
        }
        guard index >= 0, index < databases.count else {
            return client.output.append("-ERR DB index is out of range\r\n")
        }
        client.database = index
        client.output.append("+OK\r\n")
    }

    func quit(_ client: ClientSession) {
        client.output.append("+OK\r\n")
        client.state = .closing
    }

    func getName(_ client: ClientSession) {
        let name = client.name
        if name.isEmpty {
            client.output.appendNull(for: client.version)
        } else {
            client.output.appendBulk(name.span)
        }
    }

    func setName(_ name: Span<UInt8>, _ client: ClientSession) {
        guard ClientName.isValid(name) else { return client.output.append(ClientName.refusal) }
        client.name = [UInt8](copying: name)
        client.output.append("+OK\r\n")
    }

    /// `AUTH [default] password`.
    func authenticate(_ request: Request, _ client: ClientSession) {
        guard request.count <= 3 else { return client.output.append("-ERR syntax error\r\n") }
        if request.count == 2, configuration.password == nil {
            return client.output.append(
                """
                -ERR AUTH <password> called without any password configured for the default user. \
                Are you sure your configuration is correct?\r\n
                """)
        }
        if logIn(
            user: request.count == 3 ? request[1] : nil, password: request[request.count - 1],
            client)
        {
            client.output.append("+OK\r\n")
        }
    }

    /// Answers only when it fails.
    private func logIn(
        user: Span<UInt8>?, password: Span<UInt8>, _ client: ClientSession
    ) -> Bool {
        let isDefaultUser = user?.equals([UInt8]("default".utf8).span) ?? true
        let matches = configuration.password.map { $0.span.equalsInConstantTime(password) } ?? true
        guard isDefaultUser, matches else {
            client.output.append(
                "-WRONGPASS invalid username-password pair or user is disabled.\r\n")
            return false
        }
        client.isAuthenticated = true
        return true
    }

    /// `HELLO [version [AUTH user password] [SETNAME name]]`: nothing changes unless all of it is right.
    func hello(_ request: Request, _ client: ClientSession) {
        var version = client.version
        if request.count > 1 {
            guard let number = Decimal.integer(request[1]) else {
                return client.output.append(
                    "-ERR Protocol version is not an integer or out of range\r\n")
            }
            guard let known = UInt8(exactly: number).flatMap(ProtocolVersion.init(rawValue:)) else {
                return client.output.append("-NOPROTO unsupported protocol version\r\n")
            }
            version = known
        }

        var nameIndex: Int?
        var userIndex: Int?
        var index = 2
        while index < request.count {
            let option = request[index]
            let more = request.count - index - 1
            if more >= 2, option.equalsIgnoringCase("AUTH") {
                userIndex = index + 1
                index += 3
            } else if more >= 1, option.equalsIgnoringCase("SETNAME") {
                guard ClientName.isValid(request[index + 1]) else {
                    return client.output.append(ClientName.refusal)
                }
                nameIndex = index + 1
                index += 2
            } else {
                client.output.append("-ERR Syntax error in HELLO option '")
                ErrorText.append(option, upTo: 128, to: &client.output)
                return client.output.append("'\r\n")
            }
        }
        if let userIndex,
            !logIn(user: request[userIndex], password: request[userIndex + 1], client)
        {
            return
        }
        guard client.isAuthenticated else {
            return client.output.append(
                """
                -NOAUTH HELLO must be called with the client already authenticated, otherwise the \
                HELLO AUTH <user> <pass> option can be used to authenticate the client and \
                select the RESP protocol version at the same time\r\n
                """)
        }
        if let nameIndex { client.name = [UInt8](copying: request[nameIndex]) }
        client.version = version
        greet(client)
    }

    private func greet(_ client: ClientSession) {
        client.output.appendMapHeader(7, for: client.version)
        appendPair("server", "redis", client)
        appendPair("version", "7.0.15", client)
        client.output.append("$5\r\nproto\r\n")
        client.output.appendInteger(Int(client.version.rawValue))
        client.output.append("$2\r\nid\r\n")
        client.output.appendInteger(client.number)
        appendPair("mode", "standalone", client)
        appendPair("role", "master", client)
        client.output.append("$7\r\nmodules\r\n")
        client.output.appendArrayHeader(0)
    }

    private func appendPair(_ key: StaticString, _ value: StaticString, _ client: ClientSession) {
        client.output.appendBulk(key)
        client.output.appendBulk(value)
    }
}
