// The alphabet of the command table: what a command is like, in bits.

/// A property of commands that has a name on the wire.
public struct NamedBit<Bits: OptionSet & Sendable>: Sendable {
    public let bit: Bits
    public let name: StaticString
}

/// How a command may be used and what it does to its surroundings.
public struct CommandFlags: OptionSet, Hashable, Sendable {
    public let rawValue: UInt32

    public init(rawValue: UInt32) {
        self.rawValue = rawValue
    }

    /// May change data.
    public static let write = CommandFlags(rawValue: 1 << 0)
    /// Reads keys and never changes data.
    public static let readOnly = CommandFlags(rawValue: 1 << 1)
    /// Refused when memory is used up, because it may need more.
    public static let denyOOM = CommandFlags(rawValue: 1 << 2)
    /// Came with a module.
    public static let module = CommandFlags(rawValue: 1 << 3)
    public static let admin = CommandFlags(rawValue: 1 << 4)
    public static let pubSub = CommandFlags(rawValue: 1 << 5)
    /// Not allowed in scripts.
    public static let noScript = CommandFlags(rawValue: 1 << 6)
    /// May keep the client waiting.
    public static let blocking = CommandFlags(rawValue: 1 << 7)
    /// Allowed while the data set is loaded.
    public static let loading = CommandFlags(rawValue: 1 << 8)
    /// Allowed on a replica whose data is old.
    public static let stale = CommandFlags(rawValue: 1 << 9)
    /// Not shown to MONITOR.
    public static let skipMonitor = CommandFlags(rawValue: 1 << 10)
    /// Not kept in the slow log.
    public static let skipSlowLog = CommandFlags(rawValue: 1 << 11)
    /// Allowed in a slot that is being imported.
    public static let asking = CommandFlags(rawValue: 1 << 12)
    /// Takes constant or logarithmic time.
    public static let fast = CommandFlags(rawValue: 1 << 13)
    /// Allowed before AUTH.
    public static let noAuth = CommandFlags(rawValue: 1 << 14)
    /// Has keys that `first`, `last` and `step` do not tell. Derived from the key specs.
    public static let movableKeys = CommandFlags(rawValue: 1 << 15)
    /// Allowed while a script runs too long.
    public static let allowBusy = CommandFlags(rawValue: 1 << 16)
    /// Not allowed while a replica loads a data set beside the one it serves.
    public static let noAsyncLoading = CommandFlags(rawValue: 1 << 17)
    /// Not allowed in a transaction.
    public static let noMulti = CommandFlags(rawValue: 1 << 18)
    /// Takes keys, and may be called without any.
    public static let noMandatoryKeys = CommandFlags(rawValue: 1 << 19)

    // COMMAND of 7.0 does not print those below.

    /// May be replicated though it is no write: a script, a message, a count that caches itself.
    public static let mayReplicate = CommandFlags(rawValue: 1 << 20)
    /// Allowed only when the configuration says so.
    public static let protected = CommandFlags(rawValue: 1 << 21)
    /// Reads or changes keys that its arguments do not name.
    public static let touchesArbitraryKeys = CommandFlags(rawValue: 1 << 22)

    /// What COMMAND prints, in the order in which it does.
    public static let printed: [NamedBit<CommandFlags>] = [
        .init(bit: .write, name: "write"),
        .init(bit: .readOnly, name: "readonly"),
        .init(bit: .denyOOM, name: "denyoom"),
        .init(bit: .module, name: "module"),
        .init(bit: .admin, name: "admin"),
        .init(bit: .pubSub, name: "pubsub"),
        .init(bit: .noScript, name: "noscript"),
        .init(bit: .blocking, name: "blocking"),
        .init(bit: .loading, name: "loading"),
        .init(bit: .stale, name: "stale"),
        .init(bit: .skipMonitor, name: "skip_monitor"),
        .init(bit: .skipSlowLog, name: "skip_slowlog"),
        .init(bit: .asking, name: "asking"),
        .init(bit: .fast, name: "fast"),
        .init(bit: .noAuth, name: "no_auth"),
        .init(bit: .movableKeys, name: "movablekeys"),
        .init(bit: .allowBusy, name: "allow_busy"),
        .init(bit: .noAsyncLoading, name: "no_async_loading"),
        .init(bit: .noMulti, name: "no_multi"),
        .init(bit: .noMandatoryKeys, name: "no_mandatory_keys"),
    ]
}

/// What access lists group commands by. The rows name only what does not follow from the flags.
public struct CommandCategories: OptionSet, Hashable, Sendable {
    public let rawValue: UInt32

    public init(rawValue: UInt32) {
        self.rawValue = rawValue
    }

    public static let keyspace = CommandCategories(rawValue: 1 << 0)
    public static let read = CommandCategories(rawValue: 1 << 1)
    public static let write = CommandCategories(rawValue: 1 << 2)
    public static let set = CommandCategories(rawValue: 1 << 3)
    public static let sortedSet = CommandCategories(rawValue: 1 << 4)
    public static let list = CommandCategories(rawValue: 1 << 5)
    public static let hash = CommandCategories(rawValue: 1 << 6)
    public static let string = CommandCategories(rawValue: 1 << 7)
    public static let bitmap = CommandCategories(rawValue: 1 << 8)
    public static let hyperLogLog = CommandCategories(rawValue: 1 << 9)
    public static let geo = CommandCategories(rawValue: 1 << 10)
    public static let stream = CommandCategories(rawValue: 1 << 11)
    public static let pubSub = CommandCategories(rawValue: 1 << 12)
    public static let admin = CommandCategories(rawValue: 1 << 13)
    public static let fast = CommandCategories(rawValue: 1 << 14)
    public static let slow = CommandCategories(rawValue: 1 << 15)
    public static let blocking = CommandCategories(rawValue: 1 << 16)
    public static let dangerous = CommandCategories(rawValue: 1 << 17)
    public static let connection = CommandCategories(rawValue: 1 << 18)
    public static let transaction = CommandCategories(rawValue: 1 << 19)
    public static let scripting = CommandCategories(rawValue: 1 << 20)

    /// The names without their `@`, in the order of ACL CAT.
    public static let printed: [NamedBit<CommandCategories>] = [
        .init(bit: .keyspace, name: "keyspace"),
        .init(bit: .read, name: "read"),
        .init(bit: .write, name: "write"),
        .init(bit: .set, name: "set"),
        .init(bit: .sortedSet, name: "sortedset"),
        .init(bit: .list, name: "list"),
        .init(bit: .hash, name: "hash"),
        .init(bit: .string, name: "string"),
        .init(bit: .bitmap, name: "bitmap"),
        .init(bit: .hyperLogLog, name: "hyperloglog"),
        .init(bit: .geo, name: "geo"),
        .init(bit: .stream, name: "stream"),
        .init(bit: .pubSub, name: "pubsub"),
        .init(bit: .admin, name: "admin"),
        .init(bit: .fast, name: "fast"),
        .init(bit: .slow, name: "slow"),
        .init(bit: .blocking, name: "blocking"),
        .init(bit: .dangerous, name: "dangerous"),
        .init(bit: .connection, name: "connection"),
        .init(bit: .transaction, name: "transaction"),
        .init(bit: .scripting, name: "scripting"),
    ]

    /// With the categories that the flags imply, as redis-server derives them.
    func implied(by flags: CommandFlags) -> CommandCategories {
        var all = self
        if flags.contains(.write) { all.insert(.write) }
        if flags.contains(.readOnly), !contains(.scripting) { all.insert(.read) }
        if flags.contains(.admin) { all.formUnion([.admin, .dangerous]) }
        if flags.contains(.pubSub) { all.insert(.pubSub) }
        if flags.contains(.blocking) { all.insert(.blocking) }
        all.insert(flags.contains(.fast) ? .fast : .slow)
        return all
    }
}

/// Hints for clients and proxies: whether the reply can be repeated, and in a cluster whom to ask and how to
/// make one reply of many.
public struct CommandTips: OptionSet, Hashable, Sendable {
    public let rawValue: UInt32

    public init(rawValue: UInt32) {
        self.rawValue = rawValue
    }

    /// The same request may be answered differently though no data changed.
    public static let varies = CommandTips(rawValue: 1 << 0)
    /// The same items may come in another order.
    public static let orderVaries = CommandTips(rawValue: 1 << 1)
    public static let askAllNodes = CommandTips(rawValue: 1 << 2)
    public static let askAllShards = CommandTips(rawValue: 1 << 3)
    /// The request is to be split by the slots of its keys.
    public static let askByKey = CommandTips(rawValue: 1 << 4)
    public static let askSpecially = CommandTips(rawValue: 1 << 5)
    public static let oneSucceeded = CommandTips(rawValue: 1 << 6)
    public static let allSucceeded = CommandTips(rawValue: 1 << 7)
    public static let and = CommandTips(rawValue: 1 << 8)
    public static let sum = CommandTips(rawValue: 1 << 9)
    public static let smallest = CommandTips(rawValue: 1 << 10)
    public static let joinSpecially = CommandTips(rawValue: 1 << 11)

    public static let printed: [NamedBit<CommandTips>] = [
        .init(bit: .varies, name: "nondeterministic_output"),
        .init(bit: .orderVaries, name: "nondeterministic_output_order"),
        .init(bit: .askAllNodes, name: "request_policy:all_nodes"),
        .init(bit: .askAllShards, name: "request_policy:all_shards"),
        .init(bit: .askByKey, name: "request_policy:multi_shard"),
        .init(bit: .askSpecially, name: "request_policy:special"),
        .init(bit: .oneSucceeded, name: "response_policy:one_succeeded"),
        .init(bit: .allSucceeded, name: "response_policy:all_succeeded"),
        .init(bit: .and, name: "response_policy:agg_logical_and"),
        .init(bit: .sum, name: "response_policy:agg_sum"),
        .init(bit: .smallest, name: "response_policy:agg_min"),
        .init(bit: .joinSpecially, name: "response_policy:special"),
    ]
}
