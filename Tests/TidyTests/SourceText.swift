// A Swift file as the rules see it: its lines, and its code without comments and the contents of strings.

/// A word or a single mark of the code, and where it stands.
struct Token: Equatable {
    let text: String
    /// Counted from 1, as editors do.
    let line: Int

    var isWord: Bool {
        guard let first = text.unicodeScalars.first else { return false }
        return first.properties.isAlphabetic || first == "_"
    }
}

struct SourceText {
    /// From the root of the package.
    let path: String
    let lines: [String]
    /// The same number of lines; comments and what stands between quotes are blank.
    let code: [String]
    let tokens: [Token]

    init(path: String, _ text: String) {
        self.path = path
        lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        var blanker = Blanker(Array(text.utf8))
        let blanked = String(decoding: blanker.run(), as: UTF8.self)
        code = blanked.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        tokens = SourceText.tokens(of: code)
    }

    private static func tokens(of code: [String]) -> [Token] {
        var tokens: [Token] = []
        for (index, line) in code.enumerated() {
            var word: [UInt8] = []
            for byte in line.utf8 {
                if isWordByte(byte) {
                    word.append(byte)
                    continue
                }
                if !word.isEmpty {
                    tokens.append(
                        Token(text: String(decoding: word, as: UTF8.self), line: index + 1))
                    word.removeAll(keepingCapacity: true)
                }
                if byte > 0x20 {
                    tokens.append(Token(text: String(UnicodeScalar(byte)), line: index + 1))
                }
            }
            if !word.isEmpty {
                tokens.append(Token(text: String(decoding: word, as: UTF8.self), line: index + 1))
            }
        }
        return tokens
    }

    private static func isWordByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), 0x80...:
            true
        default: false
        }
    }
}

/// Replaces comments and the contents of strings by spaces, line ends excepted. Code inside an interpolation
/// stays.
struct Blanker {
    private let input: [UInt8]
    private var output: [UInt8] = []
    private var index = 0

    init(_ input: [UInt8]) {
        self.input = input
        output.reserveCapacity(input.count)
    }

    mutating func run() -> [UInt8] {
        code(until: nil)
        return output
    }

    /// Copies code up to the end, or up to the parenthesis that closes an interpolation.
    private mutating func code(until closing: UInt8?) {
        var depth = 0
        while index < input.count {
            if starts(with: "//") {
                while index < input.count, input[index] != UInt8(ascii: "\n") { blank() }
            } else if starts(with: "/*") {
                comment()
            } else if let hashes = stringStart() {
                string(hashes: hashes)
            } else {
                let byte = input[index]
                if byte == closing, depth == 0 { return }
                if byte == UInt8(ascii: "(") { depth += 1 }
                if byte == UInt8(ascii: ")") { depth -= 1 }
                keep()
            }
        }
    }

    /// Block comments nest in Swift.
    private mutating func comment() {
        var depth = 0
        while index < input.count {
            if starts(with: "/*") {
                depth += 1
                blank(2)
            } else if starts(with: "*/") {
                depth -= 1
                blank(2)
                if depth == 0 { return }
            } else {
                blank()
            }
        }
    }

    /// How many number signs stand before the quote that begins a string here; nil when none begins.
    private func stringStart() -> Int? {
        var hashes = 0
        while index + hashes < input.count, input[index + hashes] == UInt8(ascii: "#") {
            hashes += 1
        }
        guard index + hashes < input.count, input[index + hashes] == UInt8(ascii: "\"") else {
            return nil
        }
        return hashes
    }

    private mutating func string(hashes: Int) {
        let marks = String(repeating: "#", count: hashes)
        keep(hashes)
        let quote = starts(with: "\"\"\"") ? "\"\"\"" : "\""
        keep(quote.utf8.count)
        while index < input.count {
            if starts(with: quote + marks) {
                keep(quote.utf8.count + hashes)
                return
            }
            if starts(with: "\\" + marks + "(") {
                blank(1 + hashes)
                keep()
                code(until: UInt8(ascii: ")"))
                keep()
            } else if starts(with: "\\" + marks) {
                blank(2 + hashes)
            } else {
                blank()
            }
        }
    }

    private func starts(with text: String) -> Bool {
        let utf8 = text.utf8
        guard index + utf8.count <= input.count else { return false }
        var place = index
        for byte in utf8 {
            guard input[place] == byte else { return false }
            place += 1
        }
        return true
    }

    private mutating func keep(_ count: Int = 1) {
        for _ in 0..<count where index < input.count {
            output.append(input[index])
            index += 1
        }
    }

    private mutating func blank(_ count: Int = 1) {
        for _ in 0..<count where index < input.count {
            let isLineEnd = input[index] == UInt8(ascii: "\n")
            output.append(isLineEnd ? input[index] : UInt8(ascii: " "))
            index += 1
        }
    }
}
