// What is done with a command: a pure function of its row.

import RESP

/// Where a request goes.
enum Disposition {
    /// To the master, on the connection that all clients share.
    case forward
    /// Answered by the proxy, because it is about the client's own connection.
    case local
    /// Refused: on a shared connection it would act on other clients.
    case refuse(StaticString)

    init(_ id: CommandID?, in table: CommandTable) {
        guard let id else {
            self = .forward
            return
        }
        let row = table[id]
        self = Disposition(row.parent ?? id, id, row)
    }

    private init(_ command: CommandID, _ id: CommandID, _ row: CommandRow) {
        switch command {
        case .select, .quit, .hello, .client:
            self = .local
        case .auth, .reset, .readonly, .readwrite, .asking:
            self = .refuse("it changes the state of a connection that clients share here")
        case .multi, .exec, .discard, .watch, .unwatch:
            self = .refuse("transactions need a connection of their own")
        case .monitor, .sync, .psync, .replconf:
            self = .refuse("it turns the connection into a stream; connect to the server directly")
        case .shutdown, .replicaof, .slaveof, .failover, .debug, .module:
            self = .refuse("it is for operators; connect to the server directly")
        case .subscribe, .psubscribe, .ssubscribe, .unsubscribe, .punsubscribe, .sunsubscribe:
            self = .refuse("subscriptions need a connection of their own")
        default:
            let blocks = row.flags.contains(.blocking)
            self =
                blocks ? .refuse("blocking commands need a connection of their own") : .forward
        }
    }
}
