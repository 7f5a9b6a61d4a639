// The lines of a configuration file that hold something, with their indentation.

/// A line that is neither empty nor only a comment, without its indentation and its end.
struct YAMLLine {
    typealias Position = YAMLNode.Position

    /// The line's bytes from the first that is not a space; checked to be printable UTF-8 text.
    private(set) var text: ArraySlice<UInt8>
    private(set) var indentation: Int
    let number: Int
    /// The column where the text begins.
    private(set) var column: Int

    var position: Position { Position(line: number, column: column) }

    /// A dash that stands alone, or has space behind it.
    var isListItem: Bool {
        guard text.first == UInt8(ascii: "-") else { return false }
        guard let second = text.dropFirst().first else { return true }
        return YAMLScanner.isSpace(second)
    }

    var isDocumentMarker: Bool {
        text.starts(with: "---".utf8)
            && text.dropFirst(3).allSatisfy(YAMLScanner.isSpace)
    }

    /// The same line as it looks from where a scanner stands: what is before counts as indentation.
    func moved(to scanner: YAMLScanner) -> YAMLLine {
        var line = self
        line.text = scanner.rest
        line.indentation += scanner.position.column - column
        line.column = scanner.position.column
        return line
    }

    /// All lines that hold something. Lines that no parser should see are left out, each with an error.
    static func split(_ bytes: [UInt8], errors: inout [ConfigurationError]) -> [YAMLLine] {
        var lines: [YAMLLine] = []
        var rest = bytes[...]
        if rest.starts(with: [0xEF, 0xBB, 0xBF]) { rest = rest.dropFirst(3) }  // A byte order mark.
        var number = 0
        while !rest.isEmpty, errors.count < YAMLParser.maximumErrors {
            number += 1
            let end = rest.firstIndex(of: UInt8(ascii: "\n")) ?? rest.endIndex
            var line = rest[..<end]
            rest = rest[min(end + 1, rest.endIndex)...]
            if line.last == UInt8(ascii: "\r") { line = line.dropLast() }
            do throws(ConfigurationError) {
                if let line = try read(line, number: number) { lines.append(line) }
            } catch {
                errors.append(error)
            }
        }
        return lines
    }

    private static func read(
        _ line: ArraySlice<UInt8>, number: Int
    ) throws(ConfigurationError) -> YAMLLine? {
        let text = line.drop { $0 == UInt8(ascii: " ") }
        let indentation = text.startIndex - line.startIndex
        let solid = text.drop(while: YAMLScanner.isSpace)
        guard let first = solid.first else { return nil }
        try refuseUnprintable(line, number: number)
        if first == UInt8(ascii: "#") { return nil }
        guard solid.startIndex == text.startIndex else {
            throw ConfigurationError(
                "found a tab in the indentation, expected spaces",
                at: Position(line: number, column: indentation + 1))
        }
        return YAMLLine(
            text: text, indentation: indentation, number: number, column: indentation + 1)
    }

    // Text must be UTF-8 without control characters; tabs are for the parser to judge.
    private static func refuseUnprintable(
        _ line: ArraySlice<UInt8>, number: Int
    ) throws(ConfigurationError) {
        if line.allSatisfy({ $0 < 0x7F && $0 >= 0x20 || $0 == 0x09 }) { return }
        var column = 1
        for byte in line {
            if byte < 0x20 && byte != 0x09 || byte == 0x7F {
                throw ConfigurationError(
                    "found the control character 0x\(String(byte, radix: 16)), expected text",
                    at: Position(line: number, column: column))
            }
            if byte & 0xC0 != 0x80 { column += 1 }
        }
        guard String(validating: line, as: UTF8.self) == nil else { return }
        let readable = String(decoding: line, as: UTF8.self).unicodeScalars
        let before = readable.prefix { $0 != "\u{FFFD}" }
        throw ConfigurationError(
            "found bytes that are not UTF-8, expected text",
            at: Position(line: number, column: before.count + 1))
    }
}
