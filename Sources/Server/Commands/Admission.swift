// Who may connect, and which requests may run: pure functions that say no with the reply to send.

import RESP

enum Admission {
    /// Why a new client is turned away; nil when it is welcome. `clients` counts it already.
    static func refusal(
        of peer: PeerAddress, clients: Int, _ configuration: ServerConfiguration
    ) -> StaticString? {
        if clients > configuration.maximumClients {
            return "-ERR max number of clients reached\r\n"
        }
        if configuration.protectedMode, configuration.password == nil, !peer.isLoopback {
            return """
                -DENIED Protected mode is on and no password is set, so only clients on this machine \
                are served. Set requirepass, or protected-mode no if other machines may read and \
                write everything here.\r\n
                """
        }
        return nil
    }

    enum Verdict {
        case run(CommandID)
        case unknownCommand
        /// Not even that: the connection is to be closed.
        case crossProtocol
        case unknownSubcommand
        case wrongArity(CommandID)
        case authenticationRequired
    }

    /// The gates in redis-server's order: known, arity, authenticated.
    static func verdict(
        on request: Request, isAuthenticated: Bool, in table: CommandTable
    ) -> Verdict {
        guard let id = table.find(request) else {
            return CrossProtocol.isHTTP(request) ? .crossProtocol : .unknownCommand
        }
        let row = table[id]
        // The container itself is found only when it has no such subcommand.
        if row.isContainer, request.count > 1 { return .unknownSubcommand }
        guard row.accepts(argumentCount: request.count) else { return .wrongArity(id) }
        if !isAuthenticated, !row.flags.contains(.noAuth) { return .authenticationRequired }
        return .run(id)
    }
}
