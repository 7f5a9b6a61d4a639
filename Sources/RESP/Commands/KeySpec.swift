// Where in a command its keys are, and what becomes of them.

/// What a command does with a key.
public struct KeyAccess: OptionSet, Hashable, Sendable {
    public let rawValue: UInt16

    public init(rawValue: UInt16) {
        self.rawValue = rawValue
    }

    // What happens to the value and its properties: one of these.
    public static let readOnly = KeyAccess(rawValue: 1 << 0)
    public static let readWrite = KeyAccess(rawValue: 1 << 1)
    /// Whatever was there is replaced.
    public static let overwrite = KeyAccess(rawValue: 1 << 2)
    public static let remove = KeyAccess(rawValue: 1 << 3)

    // What happens to the data that users keep in the value.
    /// Returned to the client, copied, or decisive for what happens.
    public static let access = KeyAccess(rawValue: 1 << 4)
    /// Replaced, depending on what was there or not.
    public static let update = KeyAccess(rawValue: 1 << 5)
    /// Added to, without change to what was there.
    public static let insert = KeyAccess(rawValue: 1 << 6)
    /// Some of it or all of it explicitly deleted.
    public static let delete = KeyAccess(rawValue: 1 << 7)

    /// Looks like a key and decides the slot, but is none: a shard channel.
    public static let notKey = KeyAccess(rawValue: 1 << 8)
    /// The spec finds some of its keys and may miss others.
    public static let incomplete = KeyAccess(rawValue: 1 << 9)
    /// The other bits depend on the arguments.
    public static let variable = KeyAccess(rawValue: 1 << 10)

    /// In the order in which COMMAND prints them.
    public static let printed: [NamedBit<KeyAccess>] = [
        .init(bit: .readOnly, name: "RO"),
        .init(bit: .readWrite, name: "RW"),
        .init(bit: .overwrite, name: "OW"),
        .init(bit: .remove, name: "RM"),
        .init(bit: .access, name: "access"),
        .init(bit: .update, name: "update"),
        .init(bit: .insert, name: "insert"),
        .init(bit: .delete, name: "delete"),
        .init(bit: .notKey, name: "not_key"),
        .init(bit: .incomplete, name: "incomplete"),
        .init(bit: .variable, name: "variable_flags"),
    ]
}

/// A rule that finds keys: where to begin, then which arguments from there on.
public struct KeySpec: Sendable {
    public enum Begin: Sendable {
        /// At this argument; the name of the command is argument 0.
        case index(Int16)
        /// Behind this word, looked for from an argument on; from the end backwards when negative.
        case keyword(Keyword, from: Int16)
        case unknown
    }

    public enum Find: Sendable {
        /// Up to `last`: counted from the beginning, or from the end of the request when negative. A `limit`
        /// of n says that only the first n-th of what follows are keys.
        case range(last: Int16, step: Int16, limit: Int16)
        /// As many as the argument `count` says, from `first` on; both counted from the beginning.
        case counted(count: Int16, first: Int16, step: Int16)
        case unknown
    }

    public let begin: Begin
    public let find: Find
    public let access: KeyAccess
    /// Why it is as it is, for COMMAND.
    public let note: StaticString?

    init(_ begin: Begin, _ find: Find, _ access: KeyAccess, note: StaticString? = nil) {
        self.begin = begin
        self.find = find
        self.access = access
        self.note = note
    }

    /// One key at a place.
    static func key(_ index: Int16, _ access: KeyAccess, note: StaticString? = nil) -> KeySpec {
        KeySpec(.index(index), .range(last: 0, step: 1, limit: 0), access, note: note)
    }

    /// Keys from a place on, the last one counted from the end of the request.
    static func keys(
        from index: Int16, to last: Int16 = -1, step: Int16 = 1, _ access: KeyAccess,
        note: StaticString? = nil
    ) -> KeySpec {
        KeySpec(.index(index), .range(last: last, step: step, limit: 0), access, note: note)
    }

    /// A number at a place, and so many keys behind it.
    static func counted(
        at index: Int16, step: Int16 = 1, _ access: KeyAccess, note: StaticString? = nil
    ) -> KeySpec {
        KeySpec(.index(index), .counted(count: 0, first: 1, step: step), access, note: note)
    }

    /// One key behind a word.
    static func behind(_ keyword: Keyword, from index: Int16, _ access: KeyAccess) -> KeySpec {
        KeySpec(.keyword(keyword, from: index), .range(last: 0, step: 1, limit: 0), access)
    }

    /// The first `limit`-th of all that stands behind a word, or everything.
    static func allBehind(
        _ keyword: Keyword, from index: Int16, limit: Int16 = 0, _ access: KeyAccess
    ) -> KeySpec {
        KeySpec(.keyword(keyword, from: index), .range(last: -1, step: 1, limit: limit), access)
    }

    /// Keys that cannot be found by a rule.
    static func unknown(_ access: KeyAccess, note: StaticString) -> KeySpec {
        KeySpec(.unknown, .unknown, access, note: note)
    }
}

/// A word that is looked for among arguments, in any case.
public struct Keyword: ExpressibleByStringLiteral, Sendable {
    public let text: StaticString
    let packed: PackedName

    public init(stringLiteral text: StaticString) {
        self.text = text
        packed = PackedName(text)
    }

    @inline(__always)
    func matches(_ argument: Span<UInt8>) -> Bool {
        argument.count == text.utf8CodeUnitCount && PackedName(argument) == packed
    }
}
