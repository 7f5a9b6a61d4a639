// Rules for single commands: `{KEYS: {replica: slow}, FLUSHALL: refuse}`.

import RESP

extension ProxyValueKind {
    private static let ruleForm = "read, master, refuse, or {replica: TAG}"

    /// A map from commands to routes.
    static func commands(_ place: any Place<[CommandRule]>, path: String) -> ProxyValueKind {
        let expected = "a map of commands, each with \(ruleForm)"
        return ProxyValueKind(
            expected: expected,
            read: { (node, reader, configuration) throws(ConfigurationError) in
                var rules: [CommandRule] = []
                for entry in try reader.entries(of: node, expected) {
                    do throws(ConfigurationError) {
                        let rule = try readRule(entry, reader)
                        if rules.contains(where: { $0.name == rule.name }) {
                            throw ConfigurationError(
                                "found \(rule.name) twice, expected one rule for each command",
                                at: entry.position)
                        }
                        reader.place("\(path).\(rule.name)", at: entry.position)
                        rules.append(rule)
                    } catch {
                        reader.note(error)
                    }
                }
                configuration[keyPath: place] = rules
            },
            render: { configuration in
                let rules = configuration[keyPath: place].map { rule in
                    "\(quoted(rule.name)): \(rendered(rule.route))"
                }
                return "{" + rules.joined(separator: ", ") + "}"
            })
    }

    private static func rendered(_ route: CommandRoute) -> String {
        switch route {
        case .read: "read"
        case .master: "master"
        case .refuse: "refuse"
        case .replica(let tag): "{replica: \(quoted(tag))}"
        }
    }

    private static func readRule(
        _ entry: YAMLNode.Entry, _ reader: ValueReader
    ) throws(ConfigurationError) -> CommandRule {
        // ACL writes `config|set`.
        let words = entry.key.uppercased().split { $0 == " " || $0 == "|" }
        guard (1...2).contains(words.count), entry.key.utf8.count <= 128 else {
            throw ConfigurationError(
                "found '\(YAMLNode.shortened(entry.key))', expected a command, or a command and a"
                    + " subcommand",
                at: entry.position)
        }
        let name = words.joined(separator: " ")
        do throws(ConfigurationError) {
            let route = try readRoute(entry.value, reader)
            try refuseWriteElsewhere(words.map { Array($0.utf8) }, route, at: entry.value.position)
            return CommandRule(name: name, route: route)
        } catch {
            throw ConfigurationError("\(name): \(error.message)", at: error.position)
        }
    }

    private static func readRoute(
        _ node: YAMLNode, _ reader: ValueReader
    ) throws(ConfigurationError) -> CommandRoute {
        switch node.content {
        case .scalar:
            do throws(ConfigurationError) {
                return try reader.choice(
                    of: node,
                    [
                        (name: "read", value: .read), (name: "master", value: .master),
                        (name: "refuse", value: .refuse),
                    ])
            } catch {
                let remedy = error.message.contains("did you mean") ? "" : "; or {replica: TAG}"
                throw ConfigurationError(error.message + remedy, at: error.position)
            }
        case .map(let entries) where entries.count == 1 && entries[0].key == "replica":
            let tag = try reader.value(of: entries[0].value, nameForm, parse: ProxyValues.name)
            return .replica(tag: tag)
        default:
            throw ConfigurationError(
                "expected \(ruleForm), found \(node.found)", at: node.position)
        }
    }

    // A replica would refuse it, whatever its arguments are.
    private static func refuseWriteElsewhere(
        _ words: [[UInt8]], _ route: CommandRoute, at position: YAMLNode.Position
    ) throws(ConfigurationError) {
        switch route {
        case .master, .refuse: return
        case .read, .replica: break
        }
        guard let command = find(words), CommandTable.builtIn[command].flags.contains(.write)
        else { return }
        throw ConfigurationError(
            "found \(rendered(route)) for a command that replicas refuse as a write,"
                + " expected master or refuse",
            at: position)
    }

    private static func find(_ words: [[UInt8]]) -> CommandID? {
        let name = words[0]
        guard let command = CommandTable.builtIn.find(name.span), words.count == 2 else {
            return CommandTable.builtIn.find(name.span)
        }
        let subcommand = words[1]
        return CommandTable.builtIn.find(subcommand.span, in: command)
    }

    /// What to say of a rule for a command that only a module could have; nil when the command is known.
    static func doubt(of rule: CommandRule) -> String? {
        let words = rule.name.split(separator: " ").map { Array($0.utf8) }
        // Modules call their commands `JSON.GET`.
        guard find(words) == nil, !rule.name.contains(".") else { return nil }
        let names = CommandID.allCases.map {
            CommandTable.builtIn[$0].name.description.uppercased()
                .split(separator: "|").joined(separator: " ")
        }
        let near = ProxyKeys.nearest(to: rule.name, among: names)
        return "\(rule.name): no such command is known"
            + (near.map { ", did you mean '\($0)'?" } ?? "; it may be a module's")
    }
}
