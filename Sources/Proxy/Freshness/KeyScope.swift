// Which keys a request writes or reads, as far as its arguments tell.

import RESP

/// What a request touches.
enum KeyScope: Equatable {
    /// No data.
    case nothing
    /// The one key at this place of its arguments: most requests, which need no list.
    case key(Int)
    /// The keys that were found among its arguments, and no others.
    case keys
    /// Keys that cannot be told.
    case everything
}

/// Whether scripts keep to the keys that they declare.
package enum ScriptKeys: String, Sendable, Equatable, CaseIterable {
    /// Nobody knows what they touch.
    case any = "any_keys"
    case declared = "declared_keys"
}

extension CommandTable {
    /// What a request may write. Every write in the table counts with all its keys, sources too; of commands that the
    /// table does not have, everything.
    func written(
        by request: Request, _ command: CommandID, scripts: ScriptKeys, into found: inout FoundKeys
    ) -> KeyScope {
        let row = self[command]
        switch command {
        case .eval, .evalsha, .fcall:
            guard scripts == .declared else { return .everything }
            // Without a key that it declares a script still writes something.
            let isKnown = tryToFind(request, command, &found) && !found.positions.isEmpty
            return isKnown ? .keys : .everything
        // It keeps what it has counted inside the value.
        case .pfcount: break
        default: guard row.flags.contains(.write) else { return .nothing }
        }
        // The server will refuse it.
        guard row.accepts(argumentCount: request.announced) else { return .nothing }
        if let place = onlyKey(of: row) { return .key(place) }
        return tryToFind(request, command, &found) && found.isComplete && !found.positions.isEmpty
            ? .keys : .everything
    }

    /// The place of the key of a command that always has one.
    private func onlyKey(of row: CommandRow) -> Int? {
        // SET's options say what is done with its key, not where it is.
        guard row.keyAccess != nil || row.id == .set, row.firstKey > 0,
            row.firstKey == row.lastKey, !row.flags.contains(.touchesArbitraryKeys)
        else { return nil }
        return Int(row.firstKey)
    }

    /// What a request reads.
    func read(
        by request: Request, _ command: CommandID, scripts: ScriptKeys, into found: inout FoundKeys
    ) -> KeyScope {
        switch command {
        case .ping, .echo, .lolwut: return .nothing
        case .eval, .evalsha, .fcall, .evalRO, .evalshaRO, .fcallRO:
            guard scripts == .declared, tryToFind(request, command, &found) else {
                return .everything
            }
            return .keys
        default: break
        }
        let row = self[command]
        guard row.accepts(argumentCount: request.announced) else { return .nothing }
        if let place = onlyKey(of: row) { return .key(place) }
        return tryToFind(request, command, &found) && found.isComplete && !found.positions.isEmpty
            ? .keys : .everything
    }

    /// False when the server will say what is wrong with the arguments.
    private func tryToFind(
        _ request: Request, _ command: CommandID, _ found: inout FoundKeys
    ) -> Bool {
        do {
            try findKeys(of: request, command: command, into: &found)
            return true
        } catch {
            return false
        }
    }
}
