// Commands about the client's own connection, which the proxy answers itself.

import RESP

extension ProxyCore {
    func answer(_ request: Request, _ command: CommandID, of client: ClientSession) {
        let row = table[command]
        guard row.accepts(argumentCount: request.count) else {
            return reply(to: client) {
                $0.append("-ERR wrong number of arguments for '")
                $0.append(row.name)
                $0.append("' command\r\n")
            }
        }
        switch command {
        case .quit:
            reply(to: client) { $0.append("+OK\r\n") }
            client.state = .closing
        case .select:
            select(request[1], of: client)
        case .hello:
            hello(request, of: client)
        case .clientID:
            reply(to: client) {
                $0.append(UInt8(ascii: ":"))
                Decimal.append(client.number, to: &$0)
                $0.append("\r\n")
            }
        case .clientGetname:
            let name = client.name
            reply(to: client) { output in
                if name.isEmpty {
                    output.appendNull(for: .resp2)
                } else {
                    output.appendBulk(name.span)
                }
            }
        case .clientSetname:
            setName(request[2], of: client)
        case .clientSetinfo:
            reply(to: client) { $0.append("+OK\r\n") }
        default:
            reply(to: client) {
                $0.append("-ERR '")
                $0.append(row.name)
                $0.append(
                    "' is not served by this proxy: it is about connections of the server\r\n")
            }
        }
    }

    /// Clients share connections, which stay in database 0.
    private func select(_ database: Span<UInt8>, of client: ClientSession) {
        reply(to: client) {
            switch Decimal.integer(database) {
            case nil: $0.append("-ERR value is not an integer or out of range\r\n")
            case 0?: $0.append("+OK\r\n")
            default: $0.append("-ERR this proxy serves database 0 only\r\n")
            }
        }
    }

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

    private func setName(_ name: Span<UInt8>, of client: ClientSession) {
        guard isAllowed(name, of: client) else { return }
        client.name = [UInt8](copying: name)
        reply(to: client) { $0.append("+OK\r\n") }
    }

    /// `HELLO [2 [SETNAME name]]`. The shared connections speak RESP2, so that is what clients get.
    private func hello(_ request: Request, of client: ClientSession) {
        if request.count > 1 {
            guard let version = Decimal.integer(request[1]) else {
                return reply(to: client) {
                    $0.append("-ERR Protocol version is not an integer or out of range\r\n")
                }
            }
            guard version == 2 else {
                return reply(to: client) { $0.append("-NOPROTO unsupported protocol version\r\n") }
            }
        }
        var index = 2
        var name: [UInt8]?
        while index < request.count {
            guard request[index].equalsIgnoringCase("SETNAME"), index + 1 < request.count else {
                let option = [UInt8](copying: request[index])
                return reply(to: client) {
                    $0.append("-ERR Syntax error in HELLO option '")
                    ErrorText.append(option.span, upTo: 128, to: &$0)
                    $0.append("'\r\n")
                }
            }
            guard isAllowed(request[index + 1], of: client) else { return }
            name = [UInt8](copying: request[index + 1])
            index += 2
        }
        if let name { client.name = name }
        reply(to: client) {
            $0.append("*14\r\n$6\r\nserver\r\n$5\r\nredis\r\n$7\r\nversion\r\n$6\r\n7.0.15\r\n")
            $0.append("$5\r\nproto\r\n:2\r\n$2\r\nid\r\n:")
            Decimal.append(client.number, to: &$0)
            $0.append("\r\n$4\r\nmode\r\n$10\r\nstandalone\r\n$4\r\nrole\r\n$6\r\nmaster\r\n")
            $0.append("$7\r\nmodules\r\n*0\r\n")
        }
    }
}
