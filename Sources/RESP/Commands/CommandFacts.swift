// A row as it is written in the source: all that is known of a command, side by side.

/// Everything about one command or subcommand that is not derived from something else.
///
/// Adding one is three edits: a case of `CommandID`, a row in the file of its group, and in the server a
/// handler, which the compiler asks for.
struct CommandFacts {
    let id: CommandID
    let name: StaticString
    let arity: Int16
    let flags: CommandFlags
    /// Only what `CommandCategories.implied(by:)` does not add.
    let categories: CommandCategories
    let keys: [KeySpec]
    let tips: CommandTips
    let origin: CommandOrigin
    let deprecated: Deprecation?
    let isSystem: Bool
    let since: StaticString
    let cost: StaticString
    let summary: StaticString

    init(
        _ id: CommandID, _ name: StaticString, _ arity: Int16, _ flags: CommandFlags = [],
        _ categories: CommandCategories = [], keys: [KeySpec] = [], tips: CommandTips = [],
        from origin: CommandOrigin = .redis7, deprecated: Deprecation? = nil,
        isSystem: Bool = false,
        since: StaticString, cost: StaticString, summary: StaticString
    ) {
        self.id = id
        self.name = name
        self.arity = arity
        self.flags = flags
        self.categories = categories
        self.keys = keys
        self.tips = tips
        self.origin = origin
        self.deprecated = deprecated
        self.isSystem = isSystem
        self.since = since
        self.cost = cost
        self.summary = summary
    }

    /// All rows, by the group that COMMAND DOCS puts them in.
    static var groups: [(group: CommandGroup, rows: [CommandFacts])] {
        [
            (.string, strings), (.list, lists), (.set, sets), (.sortedSet, sortedSets),
            (.hash, hashes), (.bitmap, bitmaps), (.hyperLogLog, hyperLogLogs), (.geo, geo),
            (.stream, streams), (.generic, generic), (.pubSub, pubSub),
            (.transactions, transactions), (.connection, connections), (.cluster, cluster),
            (.scripting, scripting), (.server, server), (.server, serverTools),
        ]
    }
}

extension CommandFacts {
    var hasMovableKeys: Bool {
        keys.contains { spec in
            if case .index = spec.begin, case .range = spec.find { return false }
            return true
        }
    }

    /// What becomes of the keys, when one range at a fixed place has all of them.
    var keyAccess: KeyAccess? {
        guard keys.count == 1, !hasMovableKeys else { return nil }
        let access = keys[0].access
        return access.isDisjoint(with: [.notKey, .incomplete, .variable]) ? access : nil
    }

    /// First key, last key and step, as they were told before there were key specs.
    var legacyKeys: (first: Int16, last: Int16, step: Int16) {
        if keys.count == 1, case .index(let first) = keys[0].begin,
            case .range(let last, let step, _) = keys[0].find
        {
            return (first, last >= 0 ? first + last : last, step)
        }

        // Several specs make one range when they follow each other; those of another kind are passed over.
        var first = Int16.max
        var last: Int16 = 0
        var previousLast: Int16 = 0
        for spec in keys {
            guard case .index(let index) = spec.begin,
                case .range(let specLast, let step, _) = spec.find
            else { continue }
            guard step == 1, previousLast == 0 || previousLast == index - 1 else { break }
            first = min(first, index)
            let end = specLast >= 0 ? index + specLast : specLast
            // A negative end is behind every positive one.
            last = last < 0 || (end >= 0 && end < last) ? last : end
            previousLast = last
        }
        return first == Int16.max ? (0, 0, 0) : (first, last, 1)
    }
}
