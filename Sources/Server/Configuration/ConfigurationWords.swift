// The words of a line of redis.conf, with its quoting. Close to inline requests, but only space, tab, carriage
// return and line feed end an unquoted word, and a quote may begin inside one.

/// Splits lines into words, and writes words so that they are read as they were.
enum ConfigurationWords {
    static func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || byte >= 0x09 && byte <= 0x0D }

    /// The words of a line, nil when its quotes are not balanced. A `#` that stands alone ends the line where
    /// `endsAtHash` says so, except in a `user` line, where it could be part of a rule.
    static func split(_ line: ArraySlice<UInt8>, endsAtHash: Bool) -> [[UInt8]]? {
        var words: [[UInt8]] = []
        var rest = line
        while true {
            rest = rest.drop(while: isSpace)
            if rest.isEmpty { return words }
            if endsAtHash, rest.first == UInt8(ascii: "#"),
                rest.dropFirst().first.map(isSpace) ?? true,
                !isUser(words)
            {
                return words
            }
            guard let word = takeWord(&rest) else { return nil }
            words.append(word)
        }
    }

    private static func isUser(_ words: [[UInt8]]) -> Bool {
        words.first.map { String(decoding: $0, as: UTF8.self).lowercased() == "user" } ?? false
    }

    private static func takeWord(_ rest: inout ArraySlice<UInt8>) -> [UInt8]? {
        var word: [UInt8] = []
        while let byte = rest.first {
            rest = rest.dropFirst()
            switch byte {
            case 0x20, 0x09, 0x0A, 0x0D: return word
            case UInt8(ascii: "\""): return takeDoubleQuoted(&rest, into: &word) ? word : nil
            case UInt8(ascii: "'"): return takeSingleQuoted(&rest, into: &word) ? word : nil
            default: word.append(byte)
            }
        }
        return word
    }

    // Up to the closing quote, which must end the word.
    private static func takeDoubleQuoted(
        _ rest: inout ArraySlice<UInt8>, into word: inout [UInt8]
    ) -> Bool {
        while let byte = rest.first {
            rest = rest.dropFirst()
            if byte == UInt8(ascii: "\"") { return rest.first.map(isSpace) ?? true }
            guard byte == UInt8(ascii: "\\"), let escaped = rest.first else {
                word.append(byte)
                continue
            }
            let digits = rest.dropFirst().prefix(2)
            if escaped == UInt8(ascii: "x"), digits.count == 2, digits.allSatisfy(isHexadecimal),
                let code = UInt8(String(decoding: digits, as: UTF8.self), radix: 16)
            {
                word.append(code)
                rest = rest.dropFirst(3)
                continue
            }
            word.append(control(named: escaped) ?? escaped)
            rest = rest.dropFirst()
        }
        return false
    }

    private static func isHexadecimal(_ byte: UInt8) -> Bool {
        byte >= 0x30 && byte <= 0x39 || byte | 0x20 >= 0x61 && byte | 0x20 <= 0x66
    }

    private static func control(named letter: UInt8) -> UInt8? {
        switch letter {
        case UInt8(ascii: "n"): 0x0A
        case UInt8(ascii: "r"): 0x0D
        case UInt8(ascii: "t"): 0x09
        case UInt8(ascii: "b"): 0x08
        case UInt8(ascii: "a"): 0x07
        default: nil
        }
    }

    // Only `\'` is an escape here.
    private static func takeSingleQuoted(
        _ rest: inout ArraySlice<UInt8>, into word: inout [UInt8]
    ) -> Bool {
        while let byte = rest.first {
            rest = rest.dropFirst()
            if byte == UInt8(ascii: "'") { return rest.first.map(isSpace) ?? true }
            if byte == UInt8(ascii: "\\"), rest.first == UInt8(ascii: "'") {
                word.append(UInt8(ascii: "'"))
                rest = rest.dropFirst()
            } else {
                word.append(byte)
            }
        }
        return false
    }

    /// The word in double quotes, as redis-server writes it.
    static func quoted(_ word: [UInt8]) -> [UInt8] {
        var result = [UInt8(ascii: "\"")]
        for byte in word {
            switch byte {
            case UInt8(ascii: "\\"), UInt8(ascii: "\""): result += [UInt8(ascii: "\\"), byte]
            case 0x0A: result += "\\n".utf8
            case 0x0D: result += "\\r".utf8
            case 0x09: result += "\\t".utf8
            case 0x07: result += "\\a".utf8
            case 0x08: result += "\\b".utf8
            case 0x20...0x7E: result.append(byte)
            default:
                let digits = String(byte, radix: 16)
                result += ("\\x" + (digits.count < 2 ? "0" : "") + digits).utf8
            }
        }
        return result + [UInt8(ascii: "\"")]
    }
}
