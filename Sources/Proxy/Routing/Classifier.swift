// From a request to what is done with it.
//
//     a row of the table ──▶ its class ──┬─ always ───────────────────────────▶ Disposition
//                                        └─ depends ──▶ ArgumentRule ─────────▶
//     no row ──▶ the configuration's rules ──▶ the proxy's own ──▶ what COMMAND told ──▶ unknown

import RESP

/// The classes of all commands, with the configuration's rules in them. Deciding about a request takes one look
/// into an array for most commands, and allocates nothing.
struct Classifier: Sendable {
    private let table: CommandTable
    /// By the raw value of the command's id.
    private var classes: [CommandClass]
    /// Those of rules, where `Disposition.tagged` has the index.
    private(set) var tags: [String] = []
    /// Commands that the table does not have, and what rules say about them.
    private var ruledNames = NameTable()
    private var ruled: [Disposition] = []
    /// What the master's COMMAND told; nil until it has been asked.
    private(set) var learnt: LearntCommands?

    /// Rules that `objection` objects to are left out: whoever reads a configuration asks it first.
    init(table: CommandTable, rules: [CommandRule]) {
        self.table = table
        classes = CommandID.allCases.map(CommandClass.of)
        // What is said of a subcommand counts for more than what is said of its container.
        for rule in rules where !CommandRule.isAboutSubcommand(rule.name) { apply(rule) }
        for rule in rules where CommandRule.isAboutSubcommand(rule.name) { apply(rule) }
    }

    /// From now on commands are known that the table does not have.
    mutating func learn(_ commands: LearntCommands?) {
        learnt = commands
    }

    /// What is done with a request and the command that the table found for it.
    func disposition(of request: Request, _ id: CommandID?) -> Disposition {
        guard let id else { return dispositionOfUnknown(request) }
        switch classes[Int(id.rawValue)] {
        case .always(let disposition): return disposition
        case .depends(let rule): return rule.disposition(of: request)
        }
    }

    func commandClass(of id: CommandID) -> CommandClass {
        classes[Int(id.rawValue)]
    }

    private func dispositionOfUnknown(_ request: Request) -> Disposition {
        let name = request[0]
        if let place = ruledNames.find(name) { return ruled[place] }
        if let command = OwnCommand(name) { return .own(command) }
        // The master would close the connection of all.
        if CrossProtocol.isHTTP(request) { return .close }
        return learnt?.disposition(of: request) ?? .unknown
    }

    // MARK: Between MULTI and EXEC

    /// Why a request may not be queued, nil when it may: to be asked about what is not carried out at once
    /// (`InTransaction`), and of commands in the table after their arity.
    func refusalInTransaction(_ request: Request, _ id: CommandID?) -> TransactionRefusal? {
        guard let id else { return refusalOfUnknown(request) }
        let row = table[id]
        if row.isContainer, request.count > 1 { return .unknownSubcommand }
        if let learnt, isForwarded(id), !learnt.has(request[0]) {
            return .unknownCommand
        }
        switch InTransaction.of(row, disposition(of: request, id)) {
        case .refused(let refusal): return refusal
        case .queued, .mistaken, .ends: return nil
        }
    }

    private func refusalOfUnknown(_ request: Request) -> TransactionRefusal? {
        switch dispositionOfUnknown(request) {
        case .own: return .answeredByProxy
        case .refuse(let refusal): return .notServed(refusal)
        default: break
        }
        switch learnt?.mistake(in: request) {
        case nil: return nil
        case .unknownCommand: return .unknownCommand
        case .unknownSubcommand: return .unknownSubcommand
        case .wrongArity: return .wrongArity
        }
    }

    /// Whether the master is to know the command.
    private func isForwarded(_ id: CommandID) -> Bool {
        classes[Int(id.rawValue)].dispositions.contains { disposition in
            switch disposition {
            case .session, .transaction, .subscription, .pinning, .own, .refuse, .close: false
            default: true
            }
        }
    }

    // MARK: Rules

    /// Why a rule cannot be followed; nil when it can.
    static func objection(to rule: CommandRule, in table: CommandTable = .builtIn) -> String? {
        guard let ids = rule.commands(in: table) else { return nil }
        guard let first = ids.first else {
            return "\(rule.name): no such subcommand is known, expected one of the command's"
        }
        var objection: String?
        var isOfUse = false
        for id in ids {
            let row = table[id]
            do throws(RuleObjection) {
                _ = try CommandClass.of(id).following(rule.route, row, tag: 0)
                // A container alone is only asked what its subcommands are.
                isOfUse = isOfUse || ids.count == 1 || id != first
            } catch {
                if error.wouldWrite || objection == nil {
                    objection = "\(row.displayName): \(error.reason)"
                }
                if error.wouldWrite { return objection }
            }
        }
        return isOfUse ? nil : objection
    }

    private mutating func apply(_ rule: CommandRule) {
        if Classifier.objection(to: rule, in: table) != nil { return }
        let tag = number(of: rule.route)
        guard let ids = rule.commands(in: table) else { return applyToUnknown(rule, tag) }
        for id in ids {
            do throws(RuleObjection) {
                classes[Int(id.rawValue)] = try CommandClass.of(id).following(
                    rule.route, table[id], tag: tag)
            } catch {
                // Of a container's subcommands some may be of another kind; they stay what they are.
                continue
            }
        }
    }

    private mutating func applyToUnknown(_ rule: CommandRule, _ tag: Int) {
        let disposition: Disposition =
            switch rule.route {
            case .read: .read(.asItIs)
            case .master: .ask
            case .refuse: .refuse(.configured)
            case .replica: .tagged(tag)
            }
        let name = [UInt8](rule.name.utf8)
        let place = ruledNames.insert(name.span)
        if place == ruled.count { ruled.append(disposition) } else { ruled[place] = disposition }
    }

    /// The index of a route's tag, 0 when it has none.
    private mutating func number(of route: CommandRoute) -> Int {
        guard case .replica(let tag) = route else { return 0 }
        if let index = tags.firstIndex(of: tag) { return index }
        tags.append(tag)
        return tags.count - 1
    }
}

extension OwnCommand {
    fileprivate init?(_ name: Span<UInt8>) {
        if name.equalsIgnoringCase("PROXY") {
            self = .proxy
        } else if name.equalsIgnoringCase("SENTINEL") {
            self = .sentinel
        } else {
            return nil
        }
    }
}
