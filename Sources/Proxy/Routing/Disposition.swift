// What is done with a command: a pure function of the request's first words.

import RESP

/// Where a request goes.
enum Disposition: Equatable {
    /// To the master, on the connection that all clients share.
    case forward
    /// Answered by the proxy, because it is about the client's own connection.
    case local
    /// Refused: on a shared connection it would act on other clients.
    case refuse(Refusal)
    /// The client is closed without an answer.
    case close

    /// Why a command is not served on a connection that clients share.
    enum Refusal: CaseIterable {
        case changesTheConnection
        case transaction
        case stream
        case operators
        case subscription
        case blocks

        var reason: StaticString {
            switch self {
            case .changesTheConnection:
                "it changes the state of a connection that clients share here"
            case .transaction: "transactions need a connection of their own"
            case .stream:
                "it turns the connection into a stream; connect to the server directly"
            case .operators: "it is for operators; connect to the server directly"
            case .subscription: "subscriptions need a connection of their own"
            case .blocks: "blocking commands need a connection of their own"
            }
        }
    }

    /// Decides about a request and the command that the table found for it. What the table does not know goes to
    /// the master, which says so; but not HTTP, for which the master would close the connection of all.
    init(_ request: Request, _ id: CommandID?, in table: CommandTable) {
        if let id {
            self.init(id, table[id])
        } else {
            self = CrossProtocol.isHTTP(request) ? .close : .forward
        }
    }

    init(_ id: CommandID, _ row: CommandRow) {
        switch row.parent ?? id {
        case .select, .quit, .hello, .client:
            self = .local
        case .auth, .reset, .readonly, .readwrite, .asking:
            self = .refuse(.changesTheConnection)
        case .multi, .exec, .discard, .watch, .unwatch:
            self = .refuse(.transaction)
        case .monitor, .sync, .psync, .replconf:
            self = .refuse(.stream)
        case .shutdown, .replicaof, .slaveof, .failover, .debug, .module:
            self = .refuse(.operators)
        case .subscribe, .psubscribe, .ssubscribe, .unsubscribe, .punsubscribe, .sunsubscribe:
            self = .refuse(.subscription)
        case .wait, .waitaof:
            // They wait for everybody's writes there, and everybody waits for them; the table of 7.0 has no flag
            // that says so.
            self = .refuse(.blocks)
        default:
            if id == .scriptDebug {
                self = .refuse(.changesTheConnection)
            } else {
                self = row.flags.contains(.blocking) ? .refuse(.blocks) : .forward
            }
        }
    }
}
