// What a server's COMMAND says, for the commands that the table does not have: modules, and servers to come.

import RESP

/// The commands of one server: immutable, made when it is connected to or changes its role.
package struct LearntCommands: Sendable {
    /// More than any server has with all modules there are; further ones stay unknown, and so go to the master.
    static let most = 20_000
    /// A longer name is left out.
    static let longestName = 256

    private struct Entry: Sendable {
        var arity: Int
        var disposition: Disposition
        /// Where its keys stand; nil when they cannot be told.
        var keys: KeyRange?
        var isContainer: Bool
    }

    private var names = NameTable()
    private var entries: [Entry] = []

    /// How many commands and subcommands are known.
    package var count: Int { entries.count }

    /// From the reply to COMMAND, of either protocol. Nil when it is no such reply: an error, or empty. An entry of
    /// another form than redis-server's is left out.
    package init?(_ reply: Reply) {
        guard case .array(let commands) = reply else { return nil }
        for command in commands { learn(command) }
        if entries.isEmpty { return nil }
    }

    /// What is done with a request whose command the table does not have; nil when this server has none such.
    func disposition(of request: Request) -> Disposition? {
        find(request).map { entries[$0].disposition }
    }

    /// Whether it is a command of this server, and one that changes no data.
    func readsOnly(_ request: Request) -> Bool {
        if case .read = disposition(of: request) { true } else { false }
    }

    /// The keys of a request whose command the table does not have, as far as this server has told where they stand.
    func keys(of request: Request, into found: inout FoundKeys) -> KeyScope {
        guard request.part == .whole, let place = find(request), let range = entries[place].keys,
            found.take(range, of: request)
        else { return .everything }
        return .keys
    }

    /// Whether the server has the command of this name; a subcommand is written `client|id`.
    func has(_ name: Span<UInt8>) -> Bool {
        names.find(name) != nil
    }

    /// What a server would refuse before it ran, or queued, a request whose command the table does not have.
    func mistake(in request: Request) -> LearntMistake? {
        guard let place = find(request) else { return .unknownCommand }
        let entry = entries[place]
        let count = request.count
        guard entry.arity >= 0 ? count == entry.arity : count >= -entry.arity else {
            return .wrongArity
        }
        return entry.isContainer ? .unknownSubcommand : nil
    }

    private func find(_ request: Request) -> Int? {
        guard let place = names.find(request[0]) else { return nil }
        guard entries[place].isContainer, request.count > 1 else { return place }
        return names.find(request[1], in: request[0]) ?? place
    }

    // MARK: Reading COMMAND

    /// One entry: name, arity, flags, first key, last key, step; since 6.0 categories; since 7.0 tips, key specs
    /// and subcommands.
    private mutating func learn(_ entry: Reply, in container: [UInt8]? = nil) {
        guard case .array(let facts) = entry, facts.count >= 6,
            let name = LearntCommands.text(facts[0]), case .integer(let arity) = facts[1],
            let flags = LearntCommands.items(facts[2]),
            !name.isEmpty, name.count <= LearntCommands.longestName,
            entries.count < LearntCommands.most
        else { return }
        if let container, !name.starts(with: container + [UInt8(ascii: "|")]) { return }
        let words = flags.compactMap { LearntCommands.text($0) }
        let subcommands = facts.count > 9 ? LearntCommands.items(facts[9]) ?? [] : []
        let place = names.insert(name.span)
        guard place == entries.count else { return }
        entries.append(
            Entry(
                arity: arity, disposition: LearntCommands.disposition(of: name, flags: words),
                keys: LearntCommands.keys(of: name, facts, flags: words),
                isContainer: !subcommands.isEmpty))
        guard container == nil else { return }
        for subcommand in subcommands { learn(subcommand, in: name) }
    }

    /// What flags tell, with the master for whatever they leave open.
    private static func disposition(of name: [UInt8], flags: [[UInt8]]) -> Disposition {
        func has(_ flag: StaticString) -> Bool {
            flags.contains { $0.span.equalsIgnoringCase(flag) }
        }
        // Of those that the table does not have, nobody can say how a connection comes out of subscriptions.
        if has("pubsub"), has("noscript") { return .refuse(.subscription) }
        if has("blocking") { return .blocking }
        if has("write") { return .write }
        guard has("readonly"), !has("may_replicate"), !has("admin") else { return .ask }
        return handsOutCursors.contains { name.span.equalsIgnoringCase($0) } ? .ask : .read(.asItIs)
    }

    /// What COMMAND tells of the keys, of commands that read or write and nothing else; nil when there are others, or
    /// none.
    private static func keys(of name: [UInt8], _ facts: [Reply], flags: [[UInt8]]) -> KeyRange? {
        guard case .integer(let first) = facts[3], case .integer(let last) = facts[4],
            case .integer(let step) = facts[5], (1...mostPlaces).contains(first),
            (1...mostPlaces).contains(step),
            !flags.contains(where: { $0.span.equalsIgnoringCase("movablekeys") }),
            !touchOthersToo.contains(where: { isOf($0, name.span) })
        else { return nil }
        switch disposition(of: name, flags: flags) {
        case .read, .write, .blocking: return KeyRange(first: first, last: last, step: step)
        default: return nil
        }
    }

    /// No command has its first key behind so many arguments, or so many between two.
    private static let mostPlaces = 1_000

    /// Modules whose commands reach beyond the keys that they are given: RediSearch names an index where others have a
    /// key, and a time series of RedisTimeSeries writes to those that its rules name.
    private static let touchOthersToo: [StaticString] = ["FT.", "TS."]

    private static func isOf(_ module: StaticString, _ name: Span<UInt8>) -> Bool {
        let length = module.utf8CodeUnitCount
        return name.count > length && name.extracting(0..<length).equalsIgnoringCase(module)
    }

    /// RediSearch's cursors are known to the server that made them; its flags do not tell.
    private static let handsOutCursors: [StaticString] = ["FT.AGGREGATE", "FT.CURSOR"]

    private static func text(_ reply: Reply) -> [UInt8]? {
        switch reply {
        case .bulk(let text), .simple(let text): text
        default: nil
        }
    }

    /// Flags are an array in RESP2 and a set in RESP3.
    private static func items(_ reply: Reply) -> [Reply]? {
        switch reply {
        case .array(let items), .set(let items): items
        default: nil
        }
    }
}

/// Why a server that we know the commands of will refuse a request.
enum LearntMistake: Equatable {
    case unknownCommand
    case wrongArity
    case unknownSubcommand
}
