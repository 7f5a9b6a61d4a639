// One row of the command table, in the two halves that are needed at different times.

/// The facts about one command or subcommand that are needed while requests are handled. Plain old data: reading
/// a row counts no references.
public struct CommandRow: Sendable {
    public let id: CommandID
    /// Of a subcommand: the command that it belongs to.
    public let parent: CommandID?
    /// In lower case; a subcommand is written `client|id`.
    public let name: StaticString
    /// How many arguments, the name included; at least so many when negative.
    public let arity: Int16
    public let flags: CommandFlags
    /// Those that follow from the flags included.
    public let categories: CommandCategories
    /// The place of the first key, 0 when there is none that stands at a fixed place.
    public let firstKey: Int16
    /// The place of the last key, counted from the end when negative.
    public let lastKey: Int16
    public let keyStep: Int16
    /// Whether any argument can be a key.
    public let hasKeys: Bool
    /// What becomes of the keys when `firstKey`, `lastKey` and `keyStep` tell all of them and the arguments change
    /// nothing about it, as with most commands; otherwise nil.
    public let keyAccess: KeyAccess?
    /// Has subcommands; only COMMAND does something without one.
    public let isContainer: Bool
    /// Whether redis-server 7.0 has it.
    public let isInRedis7: Bool
    /// Where its key specs are in the table's list of all of them.
    let specs: Range<UInt16>

    /// Whether a request with so many arguments, the name included, has the right number.
    @inlinable
    public func accepts(argumentCount count: Int) -> Bool {
        arity >= 0 ? count == Int(arity) : count >= -Int(arity)
    }
}

/// The facts that COMMAND and COMMAND DOCS tell, and nobody needs in a hurry.
public struct CommandDetails: Sendable {
    public let keySpecs: [KeySpec]
    public let tips: CommandTips
    public let group: CommandGroup
    /// The version of Redis (or of Valkey, when only that has it) in which it first was.
    public let since: StaticString
    public let cost: StaticString
    public let summary: StaticString
    public let deprecation: Deprecation?
    /// Used between servers or by developers, not by applications.
    public let isSystem: Bool
    /// In the order of the table; empty unless it is a container.
    public let subcommands: [CommandID]
    public let origin: CommandOrigin
}

/// Since when a command should not be used any more, and what to use.
public struct Deprecation: Sendable {
    public let since: StaticString
    public let replacement: StaticString

    init(_ since: StaticString, _ replacement: StaticString) {
        self.since = since
        self.replacement = replacement
    }
}

/// The release line of a server.
public struct ServerRelease: Hashable, Comparable, Sendable {
    public let major: UInt8
    public let minor: UInt8

    public init(_ major: UInt8, _ minor: UInt8) {
        self.major = major
        self.minor = minor
    }

    public static func < (left: ServerRelease, right: ServerRelease) -> Bool {
        (left.major, left.minor) < (right.major, right.minor)
    }
}

/// Which servers know a command, and from which release on; nil for a server that has never had it.
public struct CommandOrigin: Hashable, Sendable {
    public let redis: ServerRelease?
    public let valkey: ServerRelease?

    public init(redis: ServerRelease?, valkey: ServerRelease?) {
        self.redis = redis
        self.valkey = valkey
    }

    /// In Redis 7.0 and so in everything that came of it, Valkey from its first release on.
    public static let redis7 = CommandOrigin(
        redis: ServerRelease(7, 0), valkey: ServerRelease(7, 2))
    /// New in 7.2, from which Valkey was forked.
    static let lastCommon = CommandOrigin(redis: ServerRelease(7, 2), valkey: ServerRelease(7, 2))

    static func redis(_ major: UInt8, _ minor: UInt8) -> CommandOrigin {
        CommandOrigin(redis: ServerRelease(major, minor), valkey: nil)
    }

    static func valkey(_ major: UInt8, _ minor: UInt8) -> CommandOrigin {
        CommandOrigin(redis: nil, valkey: ServerRelease(major, minor))
    }
}

/// What COMMAND DOCS sorts commands by.
public enum CommandGroup: String, CaseIterable, Sendable {
    case string
    case list
    case set
    case sortedSet = "sorted-set"
    case hash
    case bitmap
    case hyperLogLog = "hyperloglog"
    case geo
    case stream
    case generic
    case pubSub = "pubsub"
    case transactions
    case connection
    case cluster
    case scripting
    case server
}
