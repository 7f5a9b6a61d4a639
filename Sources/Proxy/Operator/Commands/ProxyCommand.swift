// PROXY: what operators ask of the proxy over RESP. Reading the request is here, the replies are in
// ProxyReplies.swift.

import RESP

/// One PROXY command, read.
package enum ProxyCommand: Sendable, Equatable {
    case help
    case status
    case backends
    /// What is wrong with how the servers are configured.
    case audit
    /// Nil: say which level this connection has.
    case consistency(level: String?)
    /// A token for all that this connection has seen and written.
    case token
    /// Reads of this connection are to see what a token stands for.
    case after(token: [UInt8])
    /// The command to explain begins at this argument. Nothing is executed.
    case explain(from: Int)
    case clients
    /// The newest first.
    case events(count: Int)
    /// The master is to be changed as planned.
    case failover(FailoverRequest)
    /// A replica is to copy its master's data anew.
    case resync(Endpoint)
    case slowLog(SlowLogRequest)
    case statistics(resets: Bool)
    /// The values in force whose keys fit; nil: all.
    case configuration(pattern: [UInt8]?)

    /// Reads a request whose first argument is PROXY.
    package init(_ request: Request) throws(CommandRefusal) {
        guard request.count > 1 else { throw .wrongCount("proxy") }
        let word = request[1]
        let count = request.count
        if word.equalsIgnoringCase("HELP") {
            try ProxyCommand.expect(count == 2, "help")
            self = .help
        } else if word.equalsIgnoringCase("STATUS") {
            try ProxyCommand.expect(count == 2, "status")
            self = .status
        } else if word.equalsIgnoringCase("BACKENDS") {
            try ProxyCommand.expect(count == 2, "backends")
            self = .backends
        } else if word.equalsIgnoringCase("AUDIT") {
            try ProxyCommand.expect(count == 2, "audit")
            self = .audit
        } else if word.equalsIgnoringCase("CONSISTENCY") {
            try ProxyCommand.expect(count <= 3, "consistency")
            let level = count == 3 ? CommandRefusal.quoted(request[2]).lowercased() : nil
            self = .consistency(level: level)
        } else if word.equalsIgnoringCase("TOKEN") {
            try ProxyCommand.expect(count == 2, "token")
            self = .token
        } else if word.equalsIgnoringCase("AFTER") {
            try ProxyCommand.expect(count == 3, "after")
            self = .after(token: [UInt8](copying: request[2]))
        } else if word.equalsIgnoringCase("EXPLAIN") {
            try ProxyCommand.expect(count >= 3, "explain")
            self = .explain(from: 2)
        } else if word.equalsIgnoringCase("CLIENTS") {
            try ProxyCommand.expect(count == 2, "clients")
            self = .clients
        } else if word.equalsIgnoringCase("EVENTS") {
            try ProxyCommand.expect(count <= 3, "events")
            let number = count == 3 ? Decimal.integer(request[2]) : EventLog.usual
            guard let number, number >= -1 else {
                throw CommandRefusal("ERR count should be greater than or equal to -1")
            }
            self = .events(count: number == -1 ? .max : number)
        } else if word.equalsIgnoringCase("FAILOVER") {
            self = .failover(try FailoverRequest(request, at: 2))
        } else if word.equalsIgnoringCase("RESYNC") {
            try ProxyCommand.expect(count == 3, "resync")
            self = .resync(try ProxyCommand.endpoint(request[2]))
        } else if word.equalsIgnoringCase("SLOWLOG") {
            // Without a word behind it, what somebody at a prompt means.
            guard count > 2 else {
                self = .slowLog(.get(count: SlowLogRequest.usual))
                return
            }
            self = .slowLog(try SlowLogRequest(request, at: 2, container: "proxy"))
        } else if word.equalsIgnoringCase("STATS") {
            try ProxyCommand.expect(count <= 3, "stats")
            if count == 3, !request[2].equalsIgnoringCase("RESET") { throw .syntax }
            self = .statistics(resets: count == 3)
        } else if word.equalsIgnoringCase("CONFIG") {
            try ProxyCommand.expect(count == 2 || count == 4, "config")
            if count == 4, !request[2].equalsIgnoringCase("GET") { throw .syntax }
            self = .configuration(pattern: count == 4 ? [UInt8](copying: request[3]) : nil)
        } else {
            throw .unknownSubcommand(word, of: "proxy")
        }
    }

    private static func expect(_ fits: Bool, _ name: String) throws(CommandRefusal) {
        if !fits { throw .wrongCount("proxy|" + name) }
    }

    fileprivate static func endpoint(
        _ argument: Span<UInt8>
    ) throws(CommandRefusal) -> Endpoint {
        let text = CommandRefusal.quoted(argument)
        guard let endpoint = ProxyValues.endpoint(text) else {
            throw CommandRefusal("ERR '\(text)' is no address, expected host:port")
        }
        return endpoint
    }
}

extension FailoverRequest {
    /// Reads `[TO host:port] [TIMEOUT milliseconds] | ABORT` from this argument on.
    init(_ request: Request, at start: Int) throws(CommandRefusal) {
        if request.count == start + 1, request[start].equalsIgnoringCase("ABORT") {
            self = .abort
            return
        }
        var target: Endpoint?
        var timeout: Duration?
        var index = start
        while index < request.count {
            guard index + 1 < request.count else { throw .syntax }
            let value = request[index + 1]
            if request[index].equalsIgnoringCase("TO"), target == nil {
                target = try ProxyCommand.endpoint(value)
            } else if request[index].equalsIgnoringCase("TIMEOUT"), timeout == nil {
                guard let number = Decimal.integer(value), 1...3_600_000 ~= number else {
                    throw CommandRefusal("ERR timeout should be from 1 to 3600000 milliseconds")
                }
                timeout = .milliseconds(number)
            } else {
                throw .syntax
            }
            index += 2
        }
        self = .begin(to: target, timeout: timeout)
    }
}

/// What is asked of a slow log, by SLOWLOG or by PROXY SLOWLOG.
package enum SlowLogRequest: Sendable, Equatable {
    case help
    case get(count: Int)
    case length
    case reset

    /// How many entries are given when nobody says.
    static let usual = 10

    /// Reads `GET [count] | LEN | RESET` from this argument on.
    package init(
        _ request: Request, at start: Int, container: String = "slowlog"
    ) throws(CommandRefusal) {
        guard start < request.count else { throw .wrongCount("slowlog") }
        let word = request[start]
        let count = request.count - start
        if word.equalsIgnoringCase("GET") {
            guard count <= 2 else { throw .unknownOrWrongCount(word, of: "slowlog") }
            guard count == 2 else {
                self = .get(count: SlowLogRequest.usual)
                return
            }
            guard let number = Decimal.integer(request[start + 1]), number >= -1 else {
                throw CommandRefusal("ERR count should be greater than or equal to -1")
            }
            self = .get(count: number == -1 ? .max : number)
        } else if word.equalsIgnoringCase("LEN") {
            guard count == 1 else { throw .wrongCount("slowlog|len") }
            self = .length
        } else if word.equalsIgnoringCase("RESET") {
            guard count == 1 else { throw .wrongCount("slowlog|reset") }
            self = .reset
        } else if word.equalsIgnoringCase("HELP"), container == "slowlog" {
            guard count == 1 else { throw .wrongCount("slowlog|help") }
            self = .help
        } else {
            throw .unknownSubcommand(word, of: container)
        }
    }
}
