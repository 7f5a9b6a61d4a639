// What each key held when, as the master did it: by this it is judged whether a read has shown something too old.
//
// Every write has a place, in the order in which the master ran them, and a key holds a value from the place of one
// write up to that of the next. What a client has been told is a place too: what an answer shows must have been there
// at that place or later. When the master loses its last writes, what was told of them is worth no more than the place
// behind which they were lost.

import RESP

/// The truth about every key, in all lives of the master.
struct Chronicle {
    private struct Span {
        let value: [UInt8]?
        let from: Int
        /// The first place at which the key held something else.
        var until = Int.max
        /// It was written by what an earlier life of the proxy had sent: nobody can have known of it.
        let isStray: Bool
    }

    private struct Loss {
        let behind: Int
        let until: Int
    }

    private(set) var place = 0
    private var spans: [[UInt8]: [Span]] = [:]
    private var losses: [Loss] = []
    /// For each key the highest place that anybody has been told of.
    private var told: [[UInt8]: Int] = [:]

    /// A write has run at the master.
    mutating func note(_ key: [UInt8], _ value: [UInt8]?, isStray: Bool = false) {
        place += 1
        begin(key, value, isStray: isStray)
    }

    private mutating func begin(_ key: [UInt8], _ value: [UInt8]?, isStray: Bool) {
        var known = spans[key] ?? [Span(value: nil, from: 0, isStray: false)]
        guard known.last?.value != value else { return }
        known[known.count - 1].until = place
        known.append(Span(value: value, from: place, isStray: isStray))
        spans[key] = known
    }

    /// The master has begun anew with what it had at a place; `value` says what that was.
    mutating func lose(behind kept: Int, now value: ([UInt8]) -> [UInt8]?) {
        place += 1
        losses.append(Loss(behind: kept, until: place))
        for (key, known) in spans where known.last?.value != value(key) {
            begin(key, value(key), isStray: false)
        }
    }

    /// What a client can count on now that asks for a key.
    func known(of key: [UInt8]) -> Int { told[key] ?? 0 }

    /// A place as it counts after what was lost since.
    private func surviving(_ place: Int) -> Int {
        var place = place
        for loss in losses where place > loss.behind && place < loss.until { place = loss.behind }
        return place
    }

    /// Somebody was told that the value is written, or that it is gone, in this life of the master. Returns the place.
    mutating func acknowledged(_ key: [UInt8], _ value: [UInt8], isGone: Bool = false) -> Int {
        guard let span = spans[key]?.last(where: { $0.value == value }) else { return 0 }
        let place = isGone ? (span.until == .max ? span.from : span.until) : span.from
        told[key] = max(told[key] ?? 0, place)
        return place
    }

    /// What came of a look at what a read has shown.
    enum Sight: Equatable {
        /// The place that it shows.
        case fresh(Int)
        case stale
        /// The key never held that.
        case unknown
    }

    /// A read has shown a value, which must have been there at the place `least` or later.
    mutating func shown(_ key: [UInt8], _ value: [UInt8]?, least: Int) -> Sight {
        let least = surviving(least)
        let known = spans[key] ?? [Span(value: nil, from: 0, isStray: false)]
        let same = known.filter { $0.value == value }
        guard let first = same.first(where: { $0.until > least }) else {
            return same.isEmpty ? .unknown : .stale
        }
        if !first.isStray { told[key] = max(told[key] ?? 0, first.from) }
        return .fresh(first.isStray ? 0 : first.from)
    }

    /// For people: what the key held from the place on.
    func history(of key: [UInt8], from least: Int) -> String {
        let known = (spans[key] ?? []).filter { $0.until > surviving(least) }
        return known.prefix(4).map { "\($0.value?.shown ?? "nothing") at \($0.from)" }
            .joined(separator: ", ")
    }
}
