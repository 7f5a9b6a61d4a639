// What a rule of the configuration makes of the classes of commands.

import RESP

/// Why a rule cannot be followed for a command.
struct RuleObjection: Error {
    /// Whether it would send to a replica what replicas refuse as a write.
    var wouldWrite = false
    var reason: StaticString
}

extension CommandRule {
    static func isAboutSubcommand(_ name: String) -> Bool {
        name.utf8.contains(UInt8(ascii: " "))
    }

    /// The commands that a rule is about, for a container its subcommands too; empty for a subcommand that its
    /// container does not have, and nil when the table does not know the name.
    func commands(in table: CommandTable) -> [CommandID]? {
        let words = name.utf8.split(separator: UInt8(ascii: " ")).map { [UInt8]($0) }
        guard let first = words.first, let id = table.find(first.span) else { return nil }
        guard words.count > 1 else { return [id] + table.details(of: id).subcommands }
        let name = words[1]
        guard words.count == 2, let subcommand = table.find(name.span, in: id) else { return [] }
        return [subcommand]
    }
}

extension CommandRow {
    /// As a user writes it: `CONFIG SET`.
    var displayName: String {
        let bytes = name.description.utf8.map {
            $0 == UInt8(ascii: "|") ? UInt8(ascii: " ") : Bytes.uppercased($0)
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}

extension CommandClass {
    /// The class that a rule makes of this one.
    func following(
        _ route: CommandRoute, _ row: CommandRow, tag: Int
    ) throws(RuleObjection) -> CommandClass {
        switch route {
        case .refuse: return .always(.refuse(.configured))
        case .master: return try atMaster(row)
        case .read:
            try allowReplicas(row)
            if case .always(.ask) = self { return .always(.read(.asItIs)) }
            if case .always(.write) = self { return .always(.read(.asItIs)) }
            return self
        case .replica:
            try allowReplicas(row)
            if case .always(.scan) = self {
                throw RuleObjection(
                    reason:
                        "its cursors go back to the server that gave them, expected read or master")
            }
            if case .always(.script) = self {
                throw RuleObjection(reason: "scripts cannot have a tag, expected read or master")
            }
            if row.flags.contains(.blocking) {
                throw RuleObjection(reason: "it may block, expected read or refuse")
            }
            return .always(.tagged(tag))
        }
    }

    private func atMaster(_ row: CommandRow) throws(RuleObjection) -> CommandClass {
        switch self {
        case .depends(.eval):
            return .always(.script(ScriptCall(source: .body, readsOnly: false)))
        case .depends(.xread), .depends(.xreadgroup):
            throw RuleObjection(reason: "it may block, expected read or refuse")
        case .depends(.publish): return self
        case .depends: return .always(.write)
        case .always(let disposition):
            switch disposition {
            case .write, .ask, .blocking: return self
            case .read, .tagged, .scan, .local, .scriptAdmin: return .always(.ask)
            case .script(let call):
                return .always(.script(ScriptCall(source: call.source, readsOnly: false)))
            case .refuse(.replication), .refuse(.scriptDebugger):
                throw RuleObjection(
                    reason: "it would break a connection that clients share, expected refuse")
            case .refuse: return .always(.ask)
            case .waiting, .transaction, .subscription, .pinning, .session, .own, .close, .unknown:
                throw RuleObjection(
                    reason: "it is about the client's own connection, expected refuse or no rule")
            }
        }
    }

    /// Throws unless replicas take the command and say the same as the master, but for their age.
    private func allowReplicas(_ row: CommandRow) throws(RuleObjection) {
        if row.flags.contains(.write) {
            throw RuleObjection(
                wouldWrite: true,
                reason: "replicas refuse it as a write, expected master or refuse")
        }
        if case .always(.read) = self { return }
        guard row.flags.contains(.readOnly) else {
            throw RuleObjection(
                reason: "the server does not count it among the reads, expected master or refuse")
        }
    }
}
