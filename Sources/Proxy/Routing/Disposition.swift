// What is done with a request: a value that the classifier decides on and the core acts on.

import RESP

/// What is done with a request.
enum Disposition: Equatable, Sendable {
    /// To any server that reads go to; the form is for a replica.
    case read(ReadForm)
    /// To the master: it may change data.
    case write
    /// To the master, though it changes no data there: what one node answers about itself, and messages.
    case ask
    /// To the master on a connection that nobody uses afterwards: neither the table nor the master's COMMAND has it. It
    /// may be SELECT under a name of the server's own.
    case unknown
    /// A read for servers with a tag, which the classifier keeps at this index.
    case tagged(Int)
    /// A walk whose cursor stands at this argument: 0 begins one, another goes back to the server that gave it.
    case scan(cursor: Int)
    case script(ScriptCall)
    /// About scripts that a server runs or remembers, which is for every server.
    case scriptAdmin
    /// To the master on a connection of its own, for it may keep others waiting.
    case blocking
    /// WAIT and WAITAOF, which are about the client's own writes.
    case waiting
    /// MULTI, EXEC, DISCARD, WATCH and UNWATCH.
    case transaction
    /// What begins and ends subscriptions.
    case subscription
    /// Gives the client a connection of its own for good.
    case pinning
    /// About the client's own connection.
    case session
    /// Answered by the proxy about itself, though servers have the command too.
    case local
    /// A command that no server has; the table has no row for it.
    case own(OwnCommand)
    case refuse(Refusal)
    /// The client is closed without an answer.
    case close
}

/// How a read stands in a request to a replica. A master takes each as it came.
enum ReadForm: CaseIterable, Sendable {
    case asItIs
    // Replicas refuse these by their usual names, whatever the arguments are.
    case sort, geoRadius, geoRadiusByMember, bitField
    /// GETEX without options.
    case get

    /// What the replica reads in place of argument 0; nil when that stays.
    var name: StaticString? {
        switch self {
        case .asItIs: nil
        case .sort: "SORT_RO"
        case .geoRadius: "GEORADIUS_RO"
        case .geoRadiusByMember: "GEORADIUSBYMEMBER_RO"
        case .bitField: "BITFIELD_RO"
        case .get: "GET"
        }
    }
}

/// A call of a script or function.
struct ScriptCall: Equatable, Sendable {
    enum Source: Sendable {
        /// Argument 1 is the script.
        case body
        /// Argument 1 is the digest of a script that the server must have.
        case digest
        /// Argument 1 is a function's name.
        case function
    }

    var source: Source
    /// Whether a replica may run it as it stands, by its command or by what the script says of itself. Of an
    /// EVALSHA only who has seen the script can know: `ScriptHeader` tells.
    var readsOnly: Bool
}

/// The commands that only a proxy has.
enum OwnCommand: Sendable {
    case proxy
    /// Clients ask a sentinel for the master's address; the proxy gives its own.
    case sentinel
}

/// Why a command is not passed on, and what to do instead.
enum Refusal: CaseIterable, Sendable {
    case replication
    case topology
    case shutdown
    case debugging
    case modules
    case accessLists
    case scriptDebugger
    case subscription
    case ownChannel
    case configured

    /// Stands behind `'NAME' is not served by this proxy: `.
    var reason: StaticString {
        switch self {
        case .replication:
            "it turns the connection into a stream; connect to the server directly"
        case .topology:
            "it changes which server is the master; PROXY FAILOVER does that, or run it on the server itself"
        case .shutdown: "it would stop the master for everybody; run it on the server itself"
        case .debugging: "it is for developers and can stop the server; run it on the server itself"
        case .modules:
            "each server has modules of its own; run it on every server, replicas included"
        case .accessLists:
            "each server has users of its own; run it on every server, replicas included"
        case .scriptDebugger:
            "it changes the state of a connection that clients share; connect to the server directly"
        case .subscription:
            "it subscribes in a way that the proxy does not know; connect to the server directly"
        case .ownChannel:
            "channels that begin with __sluice__: are the proxy's own; publish on another one"
        case .configured: "its configuration says so (commands)"
        }
    }
}
