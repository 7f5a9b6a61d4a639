// COMMAND and its subcommands: what this server serves, told from the command table.

import RESP

extension ServerCore {
    /// Everything that `Dispatch` binds to a handler, in the order in which COMMAND tells it.
    static let served: [CommandID] = [
        .auth, .client, .clientID, .clientGetname, .clientSetname, .command, .commandCount,
        .commandDocs, .commandGetkeys, .commandInfo, .dbsize, .del, .echo, .get, .hello, .incr,
        .info, .ping, .quit, .select, .set, .shutdown,
    ]

    private var servedCommands: [CommandID] {
        ServerCore.served.filter { table[$0].parent == nil }
    }

    private func servedSubcommands(of id: CommandID) -> [CommandID] {
        ServerCore.served.filter { table[$0].parent == id }
    }

    func describeCommands(_ client: ClientSession) {
        let commands = servedCommands
        client.output.appendArrayHeader(commands.count)
        for id in commands { describe(id, client) }
    }

    func countCommands(_ client: ClientSession) {
        client.output.appendInteger(servedCommands.count)
    }

    func describeCommands(named request: Request, _ client: ClientSession) {
        guard request.count > 2 else { return describeCommands(client) }
        client.output.appendArrayHeader(request.count - 2)
        for index in 2..<request.count {
            if let id = served(named: request[index]) {
                describe(id, client)
            } else {
                client.output.appendNull(for: client.version)
            }
        }
    }

    func documentCommands(_ request: Request, _ client: ClientSession) {
        var commands: [CommandID] = []
        for index in 2..<max(request.count, 2) {
            if let id = served(named: request[index]) { commands.append(id) }
        }
        if request.count == 2 { commands = servedCommands }
        client.output.appendMapHeader(commands.count, for: client.version)
        for id in commands { document(id, client) }
    }

    func getKeys(_ request: Request, _ client: ClientSession) {
        let inner = Request(
            bytes: request.bytes, ranges: request.ranges.extracting(2..<request.count))
        var found = FoundKeys()
        do {
            try table.findKeys(ofNamed: inner, into: &found)
        } catch {
            client.output.append("-ERR ")
            client.output.append(error.reason)
            return client.output.append("\r\n")
        }
        client.output.appendArrayHeader(found.positions.count)
        for position in found.positions { client.output.appendBulk(inner[position.index]) }
    }

    /// `get`, `client` or `client|id`.
    private func served(named name: Span<UInt8>) -> CommandID? {
        var bar = 0
        while bar < name.count, name[bar] != UInt8(ascii: "|") { bar += 1 }
        guard var id = table.find(name.extracting(0..<bar)) else { return nil }
        if bar < name.count {
            guard let inner = table.find(name.extracting(bar + 1..<name.count), in: id) else {
                return nil
            }
            id = inner
        }
        return ServerCore.served.contains(id) ? id : nil
    }

    // MARK: One command

    private func describe(_ id: CommandID, _ client: ClientSession) {
        let row = table[id]
        let details = table.details(of: id)
        client.output.appendArrayHeader(10)
        client.output.appendBulk(row.name)
        client.output.appendInteger(Int(row.arity))
        let flags = CommandFlags.printed.filter { row.flags.contains($0.bit) }
        client.output.appendSetHeader(flags.count, for: client.version)
        for flag in flags { client.output.appendSimple(flag.name) }
        client.output.appendInteger(Int(row.firstKey))
        client.output.appendInteger(Int(row.lastKey))
        client.output.appendInteger(Int(row.keyStep))
        let categories = CommandCategories.printed.filter { row.categories.contains($0.bit) }
        client.output.appendSetHeader(categories.count, for: client.version)
        for category in categories {
            client.output.append("+@")
            client.output.append(category.name)
            client.output.append("\r\n")
        }
        let tips = CommandTips.printed.filter { details.tips.contains($0.bit) }
        client.output.appendSetHeader(tips.count, for: client.version)
        for tip in tips { client.output.appendBulk(tip.name) }
        client.output.appendSetHeader(details.keySpecs.count, for: client.version)
        for spec in details.keySpecs { describe(spec, client) }
        let inner = servedSubcommands(of: id)
        client.output.appendSetHeader(inner.count, for: client.version)
        for subcommand in inner { describe(subcommand, client) }
    }

    private func describe(_ spec: KeySpec, _ client: ClientSession) {
        client.output.appendMapHeader(spec.note == nil ? 3 : 4, for: client.version)
        if let note = spec.note {
            client.output.appendBulk("notes")
            client.output.appendBulk(note)
        }
        client.output.appendBulk("flags")
        let access = KeyAccess.printed.filter { spec.access.contains($0.bit) }
        client.output.appendSetHeader(access.count, for: client.version)
        for flag in access { client.output.appendSimple(flag.name) }
        client.output.appendBulk("begin_search")
        switch spec.begin {
        case .index(let index):
            beginSpec("index", count: 1, client)
            appendPair("index", index, client)
        case .keyword(let keyword, let start):
            beginSpec("keyword", count: 2, client)
            client.output.appendBulk("keyword")
            client.output.appendBulk(keyword.text)
            appendPair("startfrom", start, client)
        case .unknown:
            beginSpec("unknown", count: 0, client)
        }
        client.output.appendBulk("find_keys")
        switch spec.find {
        case .range(let last, let step, let limit):
            beginSpec("range", count: 3, client)
            appendPair("lastkey", last, client)
            appendPair("keystep", step, client)
            appendPair("limit", limit, client)
        case .counted(let count, let first, let step):
            beginSpec("keynum", count: 3, client)
            appendPair("keynumidx", count, client)
            appendPair("firstkey", first, client)
            appendPair("keystep", step, client)
        case .unknown:
            beginSpec("unknown", count: 0, client)
        }
    }

    private func beginSpec(_ type: StaticString, count: Int, _ client: ClientSession) {
        client.output.appendMapHeader(2, for: client.version)
        client.output.appendBulk("type")
        client.output.appendBulk(type)
        client.output.appendBulk("spec")
        client.output.appendMapHeader(count, for: client.version)
    }

    private func appendPair(_ name: StaticString, _ number: Int16, _ client: ClientSession) {
        client.output.appendBulk(name)
        client.output.appendInteger(Int(number))
    }

    /// A name, and what COMMAND DOCS tells about it. The words are ours; the facts are redis-server's.
    private func document(_ id: CommandID, _ client: ClientSession) {
        let details = table.details(of: id)
        let inner = servedSubcommands(of: id)
        let hasCost = details.cost.utf8CodeUnitCount > 0
        client.output.appendBulk(table[id].name)
        client.output.appendMapHeader(
            3 + (hasCost ? 1 : 0) + (inner.isEmpty ? 0 : 1), for: client.version)
        client.output.appendBulk("summary")
        client.output.appendBulk(details.summary)
        client.output.appendBulk("since")
        client.output.appendBulk(details.since)
        client.output.appendBulk("group")
        client.output.appendBulk(text: details.group.rawValue)
        if hasCost {
            client.output.appendBulk("complexity")
            client.output.appendBulk(details.cost)
        }
        if !inner.isEmpty {
            client.output.appendBulk("subcommands")
            client.output.appendMapHeader(inner.count, for: client.version)
            for subcommand in inner { document(subcommand, client) }
        }
    }
}
