// docs/commands.md, made from the table and the classes: the document cannot say anything else than the code does.

import RESP

/// Writes the catalogue of commands.
package enum CommandCatalogue {
    /// One row of the catalogue.
    package struct Entry {
        /// As in the table: `client|id`.
        package var name: String
        package var isInRedis7: Bool
        package var commandClass: String
        package var goesTo: String
        package var insideMulti: String
        /// `Suite.function(argument)`.
        package var test: String
    }

    package static var entries: [Entry] {
        let table = CommandTable.builtIn
        return CommandID.allCases.map { entry(table[$0]) }
            .sorted { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }
    }

    private static func entry(_ row: CommandRow) -> Entry {
        let commandClass = CommandClass.of(row.id)
        var words: [String] = []
        var places: [String] = []
        for (index, disposition) in commandClass.dispositions.enumerated() {
            let word = "\(disposition.word)"
            if !words.contains(word) { words.append(word) }
            var place = goesTo(disposition, row)
            if case .depends(let rule) = commandClass {
                place = "\(rule.conditions[index]): " + place
            }
            places.append(place)
        }
        return Entry(
            name: "\(row.name)", isInRedis7: row.isInRedis7,
            commandClass: words.joined(separator: ", "), goesTo: places.joined(separator: "; "),
            insideMulti: insideMulti(row, commandClass.dispositions[0]),
            test: "RoutingTableTests.goesWhereDocumented(\(row.displayName))")
    }

    private static func goesTo(_ disposition: Disposition, _ row: CommandRow) -> String {
        switch disposition {
        case .read(let form):
            form.name.map { "reads, as \($0) where there are replicas" } ?? "reads"
        case .write, .ask: "master"
        case .unknown: "master, connection of its own"
        case .tagged: "servers with the tag"
        case .scan: "reads when the cursor is 0, else the server that gave the cursor"
        case .script(let call): call.readsOnly ? "reads" : "master"
        case .scriptAdmin: "every server"
        case .blocking: "master, connection of its own"
        case .waiting: "master, connection of its own"
        case .transaction: transactionPlace(row.id)
        case .subscription, .pinning: "connection of its own"
        case .session, .local, .own: "proxy"
        case .refuse(let refusal): "refused: \(refusal.reason)"
        case .close: "closed"
        }
    }

    private static func transactionPlace(_ id: CommandID) -> String {
        switch id {
        case .exec: "master; reads when the whole block reads"
        case .watch: "master, connection of its own"
        default: "proxy"
        }
    }

    private static func insideMulti(_ row: CommandRow, _ disposition: Disposition) -> String {
        switch InTransaction.of(row, disposition) {
        case .queued:
            switch disposition {
            case .blocking, .waiting: "queued, does not wait"
            case .scriptAdmin: "queued, the master only"
            case .local: "queued, the master answers"
            default: row.flags.contains(.blocking) ? "queued, does not wait" : "queued"
            }
        case .mistaken: "error, the transaction goes on"
        case .ends: "ends it"
        case .refused: "refused, EXEC fails"
        }
    }

    /// The whole document.
    package static var markdown: String {
        var text = opening
        let all = entries
        let served = all.filter(\.isInRedis7)
        let containers = CommandID.allCases.filter {
            let row = CommandTable.builtIn[$0]
            return row.isContainer && row.isInRedis7
        }
        let names = served.filter { !$0.name.utf8.contains(UInt8(ascii: "|")) }
        text += "\n## Redis 7.0\n\n"
        text += "\(served.count) rows: the \(names.count) commands of redis-server 7.0.15 and the "
        text +=
            "\(served.count - names.count) subcommands of \(containers.count) of them, which are "
        text += "\(served.count - containers.count) things to call.\n\n"
        text += rows(served)
        let later = all.filter { !$0.isInRedis7 }
        text += "\n## Later servers\n\n"
        text += "\(later.count) rows that Redis 7.2 to 8 or Valkey have.\n\n"
        text += rows(later)
        return text
    }

    private static func rows(_ entries: [Entry]) -> String {
        var text = "| Command | Class | Goes to | Inside MULTI | Test |\n|---|---|---|---|---|\n"
        for entry in entries {
            let name = entry.name.split(separator: "|").map { $0.uppercased() }
                .joined(separator: " ")
            text += "| \(name) | \(entry.commandClass) | \(entry.goesTo) | \(entry.insideMulti) "
            text += "| `\(entry.test)` |\n"
        }
        return text
    }

    private static let opening = """
        # Commands through the proxy

        What sluice-proxy does with each command and subcommand. This file is made from the command table and its \
        classes; `SLUICE_WRITE_DOCS=1 swift test --filter CommandCatalogueTests` writes it anew.

        | Class | Means |
        |---|---|
        | read | any server that reads may go to, by `reads` of the configuration; the master when there is none |
        | write | the master; may change data |
        | ask | the master, though no data changes: what one server says about itself, messages |
        | unknown | the master, on a connection of its own that is closed afterwards: the command may change it |
        | scan | a walk: cursor 0 begins it where reads go, any other cursor goes back to the server that gave it |
        | script | a call of a script or function |
        | script administration | about scripts that servers run or remember |
        | blocking | may keep others waiting, so on a connection of its own |
        | waiting | about the client's own writes |
        | transaction | MULTI and what belongs to it |
        | subscription | begins or ends subscriptions |
        | pinning | gives the client a connection of its own |
        | session | about the client's own connection, which the proxy answers for |
        | local | answered by the proxy about itself |
        | refused | an error that says what to do instead |

        A read counts as use of its key (LRU, LFU, OBJECT IDLETIME) on the server that answered it, not on the others. \
        What is about one server's memory, its clock or its settings (OBJECT, MEMORY, INFO of other sections, TIME, \
        CONFIG, LATENCY, LASTSAVE) is the master's, and CONFIG SET changes the master alone. DBSIZE and \
        RANDOMKEY are the master's because replicas still count keys that have expired. PFCOUNT writes: it keeps what \
        it has counted in the value. A subcommand that the table does not have goes the way of its command's row.

        Commands without a row are looked up in what the master's COMMAND told: `readonly` makes a read, `write` \
        a write, `blocking` a connection of its own; all else that it tells goes to the master. What it does not \
        tell is unknown: a mistake, or a command under a name of the server's own (`rename-command`), which may be \
        SELECT. Each costs a connection; a rule of `commands` vouches for a command and spares that. \
        PROXY and SENTINEL are the proxy's own. HTTP is closed without an answer.

        Inside MULTI a command that goes to a server is queued. The block goes to a server that reads go to when every \
        command in it is a read that is sent as it stands, else to the master.

        `commands` of the configuration changes the class of single commands, except to send writes to replicas.

        The rows of `RoutingTableTests` stand in Tests/TestSupport/CommandExamples, with requests for each.

        """
}

extension Disposition {
    /// Its class in docs/commands.md and for PROXY EXPLAIN.
    var word: StaticString {
        switch self {
        case .read, .tagged: "read"
        case .write: "write"
        case .ask: "ask"
        case .unknown: "unknown"
        case .scan: "scan"
        case .script: "script"
        case .scriptAdmin: "script administration"
        case .blocking: "blocking"
        case .waiting: "waiting"
        case .transaction: "transaction"
        case .subscription: "subscription"
        case .pinning: "pinning"
        case .session: "session"
        case .local, .own: "local"
        case .refuse: "refused"
        case .close: "closed"
        }
    }
}
