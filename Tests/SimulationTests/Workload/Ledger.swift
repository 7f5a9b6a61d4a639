// What a client may see next, from what it did and what it was told: the memory behind the laws on data.

/// One key, written by one client only.
struct KeyRecord {
    /// The last write that certainly happened; nil content is an absent key.
    private(set) var certain: Payload?
    /// Writes that may happen yet, or may have happened: a payload, or nil for a removal.
    private(set) var possible: [Payload?] = []
    /// What it held before, as a replica may still do. The same value is never written twice.
    private(set) var earlier: [Payload?] = [nil]
    /// The server may have forgotten everything; or only what was written last.
    private(set) var mayBeForgotten = false
    private var mayBeEarlier = false

    mutating func wrote(_ payload: Payload?, certainly: Bool) {
        if certainly {
            earlier.append(certain)
            certain = payload
            mayBeForgotten = false
            mayBeEarlier = false
        } else {
            possible.append(payload)
        }
    }

    mutating func serverRestarted(mayKeep: Bool = false) {
        mayBeForgotten = true
        mayBeEarlier = mayBeEarlier || mayKeep
    }

    enum Sight {
        case expected
        /// A write of unknown fate shows: it has happened, and cannot happen again.
        case unknownWrite
        /// A value that the master does not hold any more.
        case stale
        case impossible
    }

    /// Judges what a read returned that a replica may have answered. Nothing is learnt from it: a write of unknown
    /// fate that shows may be older than what is certain.
    func sawOnReplica(_ bytes: [UInt8]?) -> Sight {
        if KeyRecord.matches(certain, bytes) { return .expected }
        if possible.contains(where: { KeyRecord.matches($0, bytes) }) { return .unknownWrite }
        if earlier.contains(where: { KeyRecord.matches($0, bytes) }) { return .stale }
        return bytes == nil && mayBeForgotten ? .expected : .impossible
    }

    /// Judges what a read returned, and learns from it.
    mutating func saw(_ bytes: [UInt8]?) -> Sight {
        if KeyRecord.matches(certain, bytes) { return .expected }
        if let index = possible.firstIndex(where: { KeyRecord.matches($0, bytes) }) {
            earlier.append(certain)
            certain = possible.remove(at: index)
            return .unknownWrite
        }
        if mayBeEarlier, let index = earlier.firstIndex(where: { KeyRecord.matches($0, bytes) }) {
            certain = earlier[index]
            return .expected
        }
        if bytes == nil, mayBeForgotten {
            certain = nil
            return .expected
        }
        return .impossible
    }

    /// Whether a removal may have found this many keys.
    func mayHaveRemoved(_ count: Int) -> Bool {
        switch count {
        case 0: certain == nil || mayBeForgotten || possible.contains(nil)
        case 1:
            certain != nil || possible.contains { $0 != nil }
                || mayBeEarlier && earlier.contains { $0 != nil }
        default: false
        }
    }

    private static func matches(_ payload: Payload?, _ bytes: [UInt8]?) -> Bool {
        guard let payload else { return bytes == nil }
        guard let bytes else { return false }
        return payload.matches(bytes)
    }
}

/// One counter, incremented by one client only.
struct CounterRecord {
    private(set) var acknowledged = 0
    private(set) var unknown = 0
    /// The highest value seen since the server last began with nothing.
    private(set) var seen = 0

    mutating func serverRestarted() {
        seen = 0
    }

    mutating func lostTrack() {
        unknown += 1
    }

    /// Judges the value that an INCR returned; `certainly` when the server has not restarted since it was sent.
    mutating func incremented(to value: Int, certainly: Bool) -> Bool {
        acknowledged += 1
        defer { if certainly { seen = max(seen, value) } }
        return value <= acknowledged + unknown && value > (certainly ? seen : 0)
    }

    /// Whether a replica may have this value: any that the counter ever had.
    func mayHaveBeen(_ value: Int) -> Bool {
        value >= 0 && value <= acknowledged + unknown
    }

    mutating func read(_ value: Int, certainly: Bool) -> Bool {
        defer { if certainly { seen = max(seen, value) } }
        return value <= acknowledged + unknown && value >= (certainly ? seen : 0)
    }
}

/// Everything that one client knows of its data.
struct Ledger {
    static let keyCount = 4
    static let counterCount = 2
    /// Two counters more, which are always incremented together in a transaction.
    static let twins = [counterCount, counterCount + 1]

    var keys = [KeyRecord](repeating: KeyRecord(), count: keyCount)
    var counters = [CounterRecord](repeating: CounterRecord(), count: counterCount + 2)

    mutating func serverRestarted(mayKeep: Bool) {
        for index in keys.indices { keys[index].serverRestarted(mayKeep: mayKeep) }
        for index in counters.indices { counters[index].serverRestarted() }
    }

    /// The fate of a request will never be known.
    mutating func lostTrack(of question: Question) {
        switch question {
        case .set(let key, let payload): keys[key].wrote(payload, certainly: false)
        case .delete(let key): keys[key].wrote(nil, certainly: false)
        case .increment(let counter): counters[counter].lostTrack()
        case .execute(let parts): for part in parts { lostTrack(of: part) }
        default: break
        }
    }
}
