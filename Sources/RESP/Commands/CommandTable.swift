// All commands, found by name.
//
//      Rows/*.swift ──▶ CommandFacts ──▶ rows     what handling a request needs, plain old data
//                                   ├──▶ details  what COMMAND and COMMAND DOCS tell
//                                   ├──▶ specs    all key specs, one behind the other
//                                   └──▶ index    names, packed, to rows

/// The command table: immutable, shared by everything that must know a command.
public final class CommandTable: Sendable {
    /// Every command known when this was built.
    public static let builtIn = CommandTable()

    private let rows: [CommandRow]
    private let details: [CommandDetails]
    let specs: [KeySpec]
    private let index: NameIndex

    private init() {
        let count = CommandID.allCases.count
        let builder = Builder(count: count)
        for (group, facts) in CommandFacts.groups {
            for fact in facts { builder.place(fact, in: group) }
        }
        let (specs, ranges) = builder.layOutSpecs()
        self.specs = specs
        rows = CommandID.allCases.map { builder.row($0, specs: ranges[Int($0.rawValue)]) }
        details = CommandID.allCases.map { builder.details($0) }
        index = builder.index
    }

    /// The command with this name, in any case; for a container without regard to its subcommand.
    public func find(_ name: Span<UInt8>) -> CommandID? {
        index.find(name).map { rows[$0].id }
    }

    /// The subcommand of a container with this name, in any case.
    public func find(_ name: Span<UInt8>, in container: CommandID) -> CommandID? {
        index.find(name, in: container).map { rows[$0].id }
    }

    /// The command of a request: for a container (`CLIENT ID`) the row of its subcommand. The container itself
    /// when it has no subcommand of that name.
    public func find(_ request: Request) -> CommandID? {
        guard request.count > 0, let place = index.find(request[0]) else { return nil }
        let id = rows[place].id
        guard rows[place].isContainer, request.count > 1 else { return id }
        return find(request[1], in: id) ?? id
    }

    public subscript(_ id: CommandID) -> CommandRow {
        rows[Int(id.rawValue)]
    }

    public func details(of id: CommandID) -> CommandDetails {
        details[Int(id.rawValue)]
    }
}

/// Puts the rows of all files in the order of their ids and derives what follows from them.
private final class Builder {
    private var facts: [CommandFacts?]
    private var groups: [CommandGroup]
    private var parents: [CommandID?]
    private var subcommands: [[CommandID]]
    private(set) var index: NameIndex

    init(count: Int) {
        facts = Array(repeating: nil, count: count)
        groups = Array(repeating: .generic, count: count)
        parents = Array(repeating: nil, count: count)
        subcommands = Array(repeating: [], count: count)
        index = NameIndex(capacity: count)
    }

    /// A container stands before its subcommands.
    func place(_ fact: CommandFacts, in group: CommandGroup) {
        let place = Int(fact.id.rawValue)
        precondition(facts[place] == nil, "\(fact.name) stands in the table twice")
        facts[place] = fact
        groups[place] = group

        let words = Array(fact.name.description.utf8).split(separator: UInt8(ascii: "|"))
        let name = Array(words[words.count - 1])
        guard let packed = PackedName(name.span) else {
            preconditionFailure("the name \(fact.name) is too long")
        }
        if words.count == 2 {
            let container = Array(words[0])
            guard let row = index.find(container.span), let parent = facts[row]?.id else {
                preconditionFailure("\(fact.name) stands before its container")
            }
            parents[place] = parent
            subcommands[row].append(fact.id)
        }
        index.insert(packed, in: parents[place], row: place)
    }

    func layOutSpecs() -> (specs: [KeySpec], ranges: [Range<UInt16>]) {
        var specs: [KeySpec] = []
        let ranges = CommandID.allCases.map { id in
            let start = specs.count
            specs += fact(id).keys
            return UInt16(start)..<UInt16(specs.count)
        }
        return (specs, ranges)
    }

    func row(_ id: CommandID, specs: Range<UInt16>) -> CommandRow {
        let fact = fact(id)
        let keys = fact.legacyKeys
        let flags = fact.hasMovableKeys ? fact.flags.union(.movableKeys) : fact.flags
        return CommandRow(
            id: id, parent: parents[Int(id.rawValue)], name: fact.name, arity: fact.arity,
            flags: flags, categories: fact.categories.implied(by: flags), firstKey: keys.first,
            lastKey: keys.last, keyStep: keys.step,
            hasKeys: fact.keys.contains { !$0.access.contains(.notKey) },
            keyAccess: fact.keyAccess,
            isContainer: !subcommands[Int(id.rawValue)].isEmpty,
            isInRedis7: fact.origin == .redis7, specs: specs)
    }

    func details(_ id: CommandID) -> CommandDetails {
        let fact = fact(id)
        let place = Int(id.rawValue)
        return CommandDetails(
            keySpecs: fact.keys, tips: fact.tips, group: groups[place], since: fact.since,
            cost: fact.cost, summary: fact.summary, deprecation: fact.deprecated,
            isSystem: fact.isSystem, subcommands: subcommands[place], origin: fact.origin)
    }

    private func fact(_ id: CommandID) -> CommandFacts {
        guard let fact = facts[Int(id.rawValue)] else {
            preconditionFailure("\(id) has no row in the command table")
        }
        return fact
    }
}
