// From a request to its handler.

import RESP

extension ServerCore {
    func execute(_ request: Request, for client: ClientSession) {
        statistics.commands += 1
        switch Admission.verdict(on: request, isAuthenticated: client.isAuthenticated, in: table) {
        case .run(let id):
            if !perform(id, request, for: client) { refuseUnserved(id, request, for: client) }
        case .unknownCommand:
            refuseUnknown(request, for: client)
        case .crossProtocol:
            pending.log(.warning, CrossProtocol.warning(about: client.peer))
            client.state = .closing
        case .unknownSubcommand:
            refuseSubcommand(request, for: client)
        case .wrongArity(let id):
            client.output.append("-ERR wrong number of arguments for '")
            client.output.append(table[id].name)
            client.output.append("' command\r\n")
        case .authenticationRequired:
            client.output.append("-NOAUTH Authentication required.\r\n")
        }
    }

    /// Binds each command to its handler. False for what this server does not serve.
    private func perform(
        _ id: CommandID, _ request: Request, for client: ClientSession
    ) -> Bool {
        switch id {
        case .get: get(request, client)
        case .set: set(request, client)
        case .incr: increment(request[1], by: 1, client)
        case .del: delete(request, client)
        case .dbsize: client.output.appendInteger(databases[client.database].count)
        case .ping: ping(request, client)
        case .echo: client.output.appendBulk(request[1])
        case .select: select(request, client)
        case .quit: quit(client)
        case .auth: authenticate(request, client)
        case .hello: hello(request, client)
        case .clientID: client.output.appendInteger(client.number)
        case .clientGetname: getName(client)
        case .clientSetname: setName(request[2], client)
        case .command: describeCommands(client)
        case .commandCount: countCommands(client)
        case .commandInfo: describeCommands(named: request, client)
        case .commandDocs: documentCommands(request, client)
        case .commandGetkeys: getKeys(request, client)
        case .info: info(request, client)
        case .shutdown: shutDown(request, client)
        default: return false
        }
        return true
    }

    /// A command that redis-server has and this server has not: clients are to see that it is not there.
    private func refuseUnserved(
        _ id: CommandID, _ request: Request, for client: ClientSession
    ) {
        if table[id].parent == nil {
            refuseUnknown(request, for: client)
        } else {
            refuseSubcommand(request, for: client)
        }
    }

    private func refuseUnknown(_ request: Request, for client: ClientSession) {
        client.output.append("-ERR unknown command '")
        ErrorText.append(request[0], upTo: 128, to: &client.output)
        client.output.append("', with args beginning with: ")
        var room = 128
        var index = 1
        while index < request.count, room > 0 {
            client.output.append("'")
            let before = client.output.count
            ErrorText.append(request[index], upTo: room, to: &client.output)
            room -= client.output.count - before + 3
            client.output.append("' ")
            index += 1
        }
        client.output.append("\r\n")
    }

    private func refuseSubcommand(_ request: Request, for client: ClientSession) {
        client.output.append("-ERR unknown subcommand '")
        ErrorText.append(request[1], upTo: 128, to: &client.output)
        client.output.append("'. Try ")
        for index in 0..<request[0].count {
            client.output.append(Bytes.uppercased(request[0][index]))
        }
        client.output.append(" HELP.\r\n")
    }
}
