// Commands whose arguments decide what they are.
//
// Whatever looks wrong goes to the master, which says what is wrong with it. An option's name in the place of a
// value is taken for the option: that sends a read to the master at worst.

import RESP

/// Looks at a request's arguments to tell its disposition.
enum ArgumentRule: CaseIterable, Sendable {
    // These reads have the flag of a write, so replicas refuse them as they stand (all of 7.0.15, measured).
    case getex, sort, georadius, georadiusbymember, bitfield
    case xread, xreadgroup
    case eval
    case publish

    func disposition(of request: Request) -> Disposition {
        switch self {
        case .getex:
            request.count == 2 ? .read(.get) : .write
        case .sort:
            request.count >= 2 && !request.has("STORE", from: 2) ? .read(.sort) : .write
        case .georadius:
            request.storesGeoRadius(from: 6) ? .write : .read(.geoRadius)
        case .georadiusbymember:
            request.storesGeoRadius(from: 5) ? .write : .read(.geoRadiusByMember)
        case .bitfield:
            request.onlyGetsBits ? .read(.bitField) : .write
        case .xread:
            request.mayBlockOnStreams ? .blocking : .read(.asItIs)
        case .xreadgroup:
            request.mayBlockOnStreams ? .blocking : .write
        case .eval:
            .script(
                ScriptCall(
                    source: .body,
                    readsOnly: request.count > 1 && ScriptHeader.promisesNoWrites(request[1])))
        case .publish:
            request.count > 1 && OwnChannels.has(request[1]) ? .refuse(.ownChannel) : .ask
        }
    }

    /// All that it can say.
    var dispositions: [Disposition] {
        switch self {
        case .getex: [.read(.get), .write]
        case .sort: [.read(.sort), .write]
        case .georadius: [.read(.geoRadius), .write]
        case .georadiusbymember: [.read(.geoRadiusByMember), .write]
        case .bitfield: [.read(.bitField), .write]
        case .xread: [.read(.asItIs), .blocking]
        case .xreadgroup: [.write, .blocking]
        case .eval:
            [true, false].map { .script(ScriptCall(source: .body, readsOnly: $0)) }
        case .publish: [.ask, .refuse(.ownChannel)]
        }
    }

    /// For documents: when it is which, in the order of `dispositions`.
    var conditions: [StaticString] {
        switch self {
        case .getex: ["without options", "with an option"]
        case .sort: ["without STORE", "with STORE"]
        case .georadius, .georadiusbymember: ["without STORE and STOREDIST", "with one of them"]
        case .bitfield: ["with GET alone", "with SET or INCRBY"]
        case .xread, .xreadgroup: ["without BLOCK", "with BLOCK"]
        case .publish: ["in general", "on a channel of the proxy's own"]
        case .eval: ["when the script begins with `#!lua flags=no-writes`", "otherwise"]
        }
    }
}

extension Request {
    /// Whether an argument from `start` on is this word.
    fileprivate func has(_ word: StaticString, from start: Int) -> Bool {
        var index = start
        while index < count {
            if self[index].equalsIgnoringCase(word) { return true }
            index += 1
        }
        return false
    }

    /// Whether a GEORADIUS whose options begin at `start` may store; also when it has too few arguments.
    fileprivate func storesGeoRadius(from start: Int) -> Bool {
        count < start || has("STORE", from: start) || has("STOREDIST", from: start)
    }

    /// Whether a BITFIELD has whole GETs and OVERFLOWs and nothing else.
    fileprivate var onlyGetsBits: Bool {
        guard count >= 2 else { return false }
        var index = 2
        while index < count {
            let left = count - index - 1
            if self[index].equalsIgnoringCase("GET"), left >= 2 {
                index += 3
            } else if self[index].equalsIgnoringCase("OVERFLOW"), left >= 1 {
                index += 2
            } else {
                return false
            }
        }
        return true
    }

    /// Whether BLOCK stands before STREAMS. Behind it, it is a key.
    fileprivate var mayBlockOnStreams: Bool {
        var index = 1
        while index < count {
            let option = self[index]
            if option.equalsIgnoringCase("BLOCK") { return true }
            if option.equalsIgnoringCase("STREAMS") { return false }
            // The number behind it and the names behind GROUP could be anything, STREAMS too.
            if option.equalsIgnoringCase("COUNT") { index += 1 }
            if option.equalsIgnoringCase("GROUP") { index += 2 }
            index += 1
        }
        return false
    }
}
