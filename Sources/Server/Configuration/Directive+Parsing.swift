// From words to a value, with the leniencies and the error texts of redis-server 7.0.

import RESP

extension Directive {
    /// Reads the words behind the name.
    package func parse(_ words: [[UInt8]]) throws(DirectiveError) -> Value {
        if case .words(let check) = kind {
            let words = Directive.splitOnceMore(words)
            if let reason = check(words) { throw DirectiveError(reason) }
            return .words(words)
        }
        guard words.count == 1 else { throw DirectiveError("wrong number of arguments") }
        return try parse(words[0])
    }

    // A list may come as one word in quotes: `bind "127.0.0.1 ::1"`. Unbalanced quotes in there make an empty list.
    private static func splitOnceMore(_ words: [[UInt8]]) -> [[UInt8]] {
        guard words.count == 1, !words[0].isEmpty else { return words }
        return ConfigurationWords.split(words[0][...], endsAtHash: false) ?? []
    }

    private func parse(_ word: [UInt8]) throws(DirectiveError) -> Value {
        switch kind {
        case .boolean:
            return .boolean(try Directive.boolean(word))
        case .integer(let range):
            guard let number = Decimal.integer(word.span) else {
                throw DirectiveError("argument couldn't be parsed into an integer")
            }
            return .number(try Directive.within(range, number))
        case .memory(let range):
            guard let number = Directive.memory(word) else {
                throw DirectiveError("argument must be a memory value")
            }
            return .number(Int(truncatingIfNeeded: try Directive.within(range, number)))
        case .memoryOrPercent:
            return .number(try Directive.memoryOrPercent(word))
        case .octal(let range):
            guard let number = StockValues.integer(word, radix: 8), !number.overflowed else {
                throw DirectiveError("argument couldn't be parsed as an octal number")
            }
            return .number(try Directive.within(range, number.value, radix: 8))
        case .choice(let choices):
            let wanted = String(decoding: word, as: UTF8.self).lowercased()
            guard let choice = choices.first(where: { $0 == wanted }) else {
                throw DirectiveError(Directive.choiceReason(choices))
            }
            return .choice(choice)
        case .text(let check):
            if let reason = check?(word) { throw DirectiveError(reason) }
            return .text(word)
        case .words:
            preconditionFailure("lists are read as a whole")
        }
    }

    static func choiceReason(_ choices: [String]) -> String {
        "argument(s) must be one of the following: " + choices.joined(separator: ", ")
    }

    private static func boolean(_ word: [UInt8]) throws(DirectiveError) -> Bool {
        switch String(decoding: word, as: UTF8.self).lowercased() {
        case "yes": return true
        case "no": return false
        default: throw DirectiveError("argument must be 'yes' or 'no'")
        }
    }

    private static func within<Number: BinaryInteger>(
        _ range: ClosedRange<Number>, _ number: Number, radix: Int = 10
    ) throws(DirectiveError) -> Number {
        if range.contains(number) { return number }
        let lower = String(range.lowerBound, radix: radix)
        let upper = String(range.upperBound, radix: radix)
        throw DirectiveError("argument must be between \(lower) and \(upper) inclusive")
    }

    /// Bytes with a unit: k is 1000 and kb is 1024. As in redis-server, too many digits saturate and a product
    /// that is too large wraps, and no digits are zero.
    static func memory(_ word: [UInt8]) -> UInt64? {
        let digits = word.prefix { $0 >= UInt8(ascii: "0") && $0 <= UInt8(ascii: "9") }
        let factor: UInt64
        switch String(decoding: word[digits.endIndex...], as: UTF8.self).lowercased() {
        case "", "b": factor = 1
        case "k": factor = 1_000
        case "kb": factor = 1 << 10
        case "m": factor = 1_000_000
        case "mb": factor = 1 << 20
        case "g": factor = 1_000_000_000
        case "gb": factor = 1 << 30
        default: return nil
        }
        guard digits.count < 128 else { return nil }
        if digits.isEmpty { return 0 }
        return (UInt64(String(decoding: digits, as: UTF8.self)) ?? UInt64.max) &* factor
    }

    // A share is kept as a negative number, and a size with the highest bit set passes for one, as in redis-server.
    private static func memoryOrPercent(_ word: [UInt8]) throws(DirectiveError) -> Int {
        var number: Int
        if let bytes = memory(word) {
            number = Int(truncatingIfNeeded: bytes)
        } else if word.last == UInt8(ascii: "%"), word.count > 1,
            let percent = Decimal.integer(word.span.extracting(..<(word.count - 1))), percent >= 0
        {
            number = -percent
        } else {
            throw DirectiveError("argument must be a memory or percent value")
        }
        guard number >= -100 else {
            throw DirectiveError("percentage argument must be less or equal to 100")
        }
        return number
    }
}
