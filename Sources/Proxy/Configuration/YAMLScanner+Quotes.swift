// Text in quotes: `'it''s'` knows only the doubled quote, `"a\tb"` knows escapes.

extension YAMLScanner {
    /// Text in quotes, which must be closed in the same line.
    mutating func quoted(_ quote: UInt8) throws(ConfigurationError) -> String {
        let start = position
        var text: [UInt8] = []
        advance()
        while let byte = peek() {
            if byte == quote {
                advance()
                guard quote == UInt8(ascii: "'"), peek() == quote else {
                    return String(decoding: text, as: UTF8.self)
                }
                text.append(quote)
                advance()
            } else if byte == UInt8(ascii: "\\"), quote == UInt8(ascii: "\"") {
                text += try escape().utf8
            } else {
                text.append(byte)
                advance()
            }
        }
        let name = Character(Unicode.Scalar(quote))
        throw error("the quote \(name) is not closed in this line", at: start)
    }

    // A backslash and what it stands for.
    private mutating func escape() throws(ConfigurationError) -> String {
        let start = position
        guard let name = peek(1) else {
            throw error("found '\\' at the end of the line", at: start)
        }
        let simple: String? =
            switch name {
            case UInt8(ascii: "\\"): "\\"
            case UInt8(ascii: "\""): "\""
            case UInt8(ascii: "/"): "/"
            case UInt8(ascii: "n"): "\n"
            case UInt8(ascii: "r"): "\r"
            case UInt8(ascii: "t"): "\t"
            default: nil
            }
        if let simple {
            advance(2)
            return simple
        }
        switch name {
        case UInt8(ascii: "x"): return try character(digits: 2)
        case UInt8(ascii: "u"): return try character(digits: 4)
        case UInt8(ascii: "U"): return try character(digits: 8)
        default:
            throw error(
                #"found an unknown escape, expected \\ \" \/ \n \r \t \x00 \u0000 or \U00000000"#,
                at: start)
        }
    }

    private mutating func character(digits: Int) throws(ConfigurationError) -> String {
        let start = position
        let number = String(decoding: rest.dropFirst(2).prefix(digits), as: UTF8.self)
        guard number.utf8.count == digits, !number.hasPrefix("+"),
            let code = UInt32(number, radix: 16), code != 0, let scalar = Unicode.Scalar(code)
        else {
            throw error(
                "expected \(digits) hexadecimal digits of a character behind the backslash",
                at: start)
        }
        advance(2 + digits)
        return String(Character(scalar))
    }
}
