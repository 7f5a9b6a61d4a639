// Patterns as redis-server's KEYS and CONFIG GET have them: `*`, `?`, `[a-z]`, `[^a]` and a backslash before what is
// meant as it stands.

import RESP

/// A pattern over bytes. A star is tried again from the last one only, so that a hostile pattern costs its length
/// times the text's and never more.
struct GlobPattern {
    private let pattern: [UInt8]
    private let ignoresCase: Bool

    init(_ pattern: [UInt8], ignoringCase: Bool = false) {
        self.pattern = ignoringCase ? pattern.map(Bytes.lowercased) : pattern
        ignoresCase = ignoringCase
    }

    func matches(_ text: [UInt8]) -> Bool {
        let text = ignoresCase ? text.map(Bytes.lowercased) : text
        var place = 0
        var index = 0
        var retry: (place: Int, index: Int)?
        while index < text.count {
            if place < pattern.count, pattern[place] == UInt8(ascii: "*") {
                place += 1
                retry = (place, index)
            } else if let next = step(at: place, over: text[index]) {
                place = next
                index += 1
            } else if let last = retry {
                place = last.place
                index = last.index + 1
                retry = (place, index)
            } else {
                return false
            }
        }
        return pattern[place...].allSatisfy { $0 == UInt8(ascii: "*") }
    }

    /// Where the pattern goes on when its next piece fits this byte; nil when it does not.
    private func step(at place: Int, over byte: UInt8) -> Int? {
        guard place < pattern.count else { return nil }
        switch pattern[place] {
        case UInt8(ascii: "?"):
            return place + 1
        case UInt8(ascii: "["):
            return set(at: place + 1, over: byte)
        case UInt8(ascii: "\\") where place + 1 < pattern.count:
            return pattern[place + 1] == byte ? place + 2 : nil
        default:
            return pattern[place] == byte ? place + 1 : nil
        }
    }

    /// A set that is not closed ends with the pattern.
    private func set(at start: Int, over byte: UInt8) -> Int? {
        var place = start
        let isNegated = place < pattern.count && pattern[place] == UInt8(ascii: "^")
        if isNegated { place += 1 }
        var isMember = false
        while place < pattern.count, pattern[place] != UInt8(ascii: "]") {
            if pattern[place] == UInt8(ascii: "\\"), place + 1 < pattern.count {
                isMember = isMember || pattern[place + 1] == byte
                place += 2
            } else if place + 2 < pattern.count, pattern[place + 1] == UInt8(ascii: "-") {
                let (low, high) = (pattern[place], pattern[place + 2])
                isMember = isMember || (min(low, high)...max(low, high)).contains(byte)
                place += 3
            } else {
                isMember = isMember || pattern[place] == byte
                place += 1
            }
        }
        return isMember != isNegated ? min(place + 1, pattern.count) : nil
    }
}
