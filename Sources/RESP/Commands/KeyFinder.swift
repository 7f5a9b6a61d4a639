// Which arguments of a request are keys, and what becomes of them: for COMMAND GETKEYS, for access lists, and
// for whoever must know which keys a request touches before it runs.

/// A key among the arguments of a request.
public struct KeyPosition: Hashable, Sendable {
    /// The argument; the name of the command is argument 0.
    public let index: Int
    public let access: KeyAccess
}

/// The keys of one request. Reused from request to request, so that its memory is asked for once.
public struct FoundKeys: Sendable {
    public fileprivate(set) var positions: [KeyPosition] = []
    /// False when the command may touch keys that its arguments do not name: scripts, SORT with patterns, and
    /// whatever goes over all keys.
    public fileprivate(set) var isComplete = true

    public init() {}

    fileprivate mutating func add(_ index: Int, _ access: KeyAccess) {
        positions.append(KeyPosition(index: index, access: access))
    }
}

extension FoundKeys {
    /// Takes the keys of a request whose command has no row in the table, from where COMMAND says that they stand.
    /// False when there is none, or the server will refuse it for want of arguments.
    public mutating func take(_ range: KeyRange, of request: Request) -> Bool {
        positions.removeAll(keepingCapacity: true)
        isComplete = true
        let last = range.last < 0 ? request.count + range.last : range.last
        guard range.first <= last, last < request.count else { return false }
        for index in stride(from: range.first, through: last, by: range.step) {
            add(index, .readWrite)
        }
        return true
    }
}

/// Where the keys of a command stand, as COMMAND tells it: each `step`-th argument from the first to the last, which
/// counts from the end when it is negative.
public struct KeyRange: Hashable, Sendable {
    public let first: Int
    public let last: Int
    public let step: Int

    public init(first: Int, last: Int, step: Int) {
        precondition(first > 0, "argument 0 is the command")
        precondition(step > 0, "keys stand one behind the other")
        self.first = first
        self.last = last
        self.step = step
    }
}

/// Why the keys of a request cannot be told, in redis-server's words.
public enum KeyError: Error, Hashable, Sendable {
    case invalidCommand
    case noKeyArguments
    case invalidArgumentCount
    case invalidArguments

    /// What stands behind `-ERR `.
    public var reason: StaticString {
        switch self {
        case .invalidCommand: "Invalid command specified"
        case .noKeyArguments: "The command has no key arguments"
        case .invalidArgumentCount: "Invalid number of arguments specified for command"
        case .invalidArguments: "Invalid arguments specified for command"
        }
    }
}

extension CommandTable {
    /// Finds the keys of a request whose command is known; of a command without keys there are none.
    ///
    /// - Throws: `invalidArgumentCount` or `invalidArguments` when the server would refuse the request.
    public func findKeys(
        of request: Request, command id: CommandID, into found: inout FoundKeys
    ) throws(KeyError) {
        let row = self[id]
        if !found.positions.isEmpty { found.positions.removeAll(keepingCapacity: true) }
        found.isComplete = !row.flags.contains(.touchesArbitraryKeys)
        guard row.accepts(argumentCount: request.count) else { throw .invalidArgumentCount }
        guard row.hasKeys else { return }

        if let access = row.keyAccess {
            // For most commands. Reading the specs instead takes a quarter more, 18 ns for one key.
            var index = Int(row.firstKey)
            let last = Int(row.lastKey) + (row.lastKey < 0 ? request.count : 0)
            guard index <= last, last < request.count else { throw .invalidArguments }
            while index <= last {
                found.add(index, access)
                index += Int(row.keyStep)
            }
            return
        }

        switch id {
        case .set: Self.addKeyOfSet(request, to: &found)
        case .bitfield: Self.addKeyOfBitfield(request, to: &found)
        case .sort: Self.addKeysOfSort(request, mayStore: true, to: &found)
        case .sortRO: Self.addKeysOfSort(request, mayStore: false, to: &found)
        case .migrate: Self.addKeysOfMigrate(request, to: &found)
        default:
            for place in row.specs {
                guard Self.add(specs[Int(place)], of: request, to: &found) else {
                    found.positions.removeAll(keepingCapacity: true)
                    break
                }
            }
        }
        if found.positions.isEmpty, !row.flags.contains(.noMandatoryKeys) {
            throw .invalidArguments
        }
    }

    /// Finds the keys of a request that stands among the arguments of COMMAND GETKEYS, and refuses what that
    /// refuses.
    public func findKeys(
        ofNamed request: Request, into found: inout FoundKeys
    ) throws(KeyError) {
        guard let id = find(request) else { throw .invalidCommand }
        let row = self[id]
        if row.isContainer, request.count > 1 { throw .invalidCommand }
        guard row.hasKeys else { throw .noKeyArguments }
        try findKeys(of: request, command: id, into: &found)
    }

    /// False when the arguments do not fit the spec.
    private static func add(
        _ spec: KeySpec, of request: Request, to found: inout FoundKeys
    ) -> Bool {
        if spec.access.contains(.notKey) { return true }
        let begin: Int
        switch spec.begin {
        case .index(let index): begin = Int(index)
        case .keyword(let keyword, let from):
            guard let place = find(keyword, in: request, from: Int(from)),
                place + 1 < request.count
            else { return true }
            begin = place + 1
        case .unknown: return false
        }

        let first: Int
        let last: Int
        let stride: Int
        switch spec.find {
        case .range(let relative, let step, let limit):
            first = begin
            stride = Int(step)
            if relative >= 0 {
                last = first + Int(relative)
            } else if first == request.count {
                // PFMERGE may come without sources.
                return true
            } else if limit == 0 {
                last = request.count + Int(relative)
            } else {
                last = first + (request.count - first) / Int(limit) + Int(relative)
            }
        case .counted(let count, let offset, let step):
            let place = begin + Int(count)
            guard place < request.count, let number = Decimal.integer(request[place]),
                number > 0, number < request.count
            else { return false }
            first = begin + Int(offset)
            stride = Int(step)
            last = first + (number - 1) * stride
        case .unknown: return false
        }

        guard first <= last, last < request.count else { return false }
        var index = first
        while index <= last {
            found.add(index, spec.access)
            index += stride
        }
        return true
    }

    /// The place of a word, looked for from an argument on, or backwards from as far from the end when negative.
    private static func find(_ keyword: Keyword, in request: Request, from start: Int) -> Int? {
        if start > 0 {
            var index = start
            while index < request.count {
                if keyword.matches(request[index]) { return index }
                index += 1
            }
        } else {
            var index = request.count + start
            while index > 1 {
                if keyword.matches(request[index]) { return index }
                index -= 1
            }
        }
        return nil
    }

    // MARK: - The five commands that no spec describes

    /// SET reads only with GET.
    private static func addKeyOfSet(_ request: Request, to found: inout FoundKeys) {
        var index = 3
        var access: KeyAccess = [.overwrite, .update]
        while index < request.count {
            if words.get.matches(request[index]) { access = [.readWrite, .access, .update] }
            index += 1
        }
        found.add(1, access)
    }

    /// BITFIELD with nothing but GET changes nothing.
    private static func addKeyOfBitfield(_ request: Request, to found: inout FoundKeys) {
        var index = 2
        var changes = false
        while index < request.count, !changes {
            let left = request.count - index - 1
            if words.get.matches(request[index]), left >= 2 {
                index += 3
            } else if words.overflow.matches(request[index]), left >= 1 {
                index += 2
            } else {
                changes = true
            }
        }
        found.add(1, changes ? [.readWrite, .access, .update] : [.readOnly, .access])
    }

    /// SORT keeps its result at the key behind its last STORE. A pattern with a star names keys that depend on
    /// the data; without one it names none.
    private static func addKeysOfSort(
        _ request: Request, mayStore: Bool, to found: inout FoundKeys
    ) {
        found.add(1, [.readOnly, .access])
        var destination: Int?
        var index = 2
        while index < request.count {
            let option = request[index]
            if words.limit.matches(option) {
                index += 2
            } else if words.get.matches(option) || words.by.matches(option) {
                index += 1
                if index < request.count, hasStar(request[index]) { found.isComplete = false }
            } else if mayStore, words.store.matches(option), index + 1 < request.count {
                destination = index + 1
            }
            index += 1
        }
        if let destination { found.add(destination, [.overwrite, .update]) }
    }

    /// MIGRATE takes one key at a place, or leaves that empty and takes all behind KEYS; both is an error.
    private static func addKeysOfMigrate(_ request: Request, to found: inout FoundKeys) {
        let access: KeyAccess = [.readWrite, .access, .delete]
        var index = 6
        while index < request.count {
            let option = request[index]
            if words.keys.matches(option), index + 1 < request.count {
                guard request[3].isEmpty else { return }
                for key in index + 1..<request.count { found.add(key, access) }
                return
            }
            // What follows these could be a password that looks like an option.
            if words.auth.matches(option) { index += 1 }
            if words.auth2.matches(option) { index += 2 }
            index += 1
        }
        found.add(3, access)
    }

    private static func hasStar(_ pattern: Span<UInt8>) -> Bool {
        for index in pattern.indices where pattern[index] == UInt8(ascii: "*") { return true }
        return false
    }

    private static let words = OptionWords()
}

/// The options that decide about keys.
private struct OptionWords: Sendable {
    let get: Keyword = "get"
    let by: Keyword = "by"
    let limit: Keyword = "limit"
    let store: Keyword = "store"
    let overflow: Keyword = "overflow"
    let keys: Keyword = "keys"
    let auth: Keyword = "auth"
    let auth2: Keyword = "auth2"
}

extension Request {
    /// The request that begins at an argument of this one, as in `COMMAND GETKEYS GET k`.
    @_lifetime(copy self)
    public func nested(from index: Int) -> Request {
        Request(bytes: bytes, ranges: ranges.extracting(min(index, count)..<count))
    }
}
