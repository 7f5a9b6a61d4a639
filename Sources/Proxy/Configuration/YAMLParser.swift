// The small and strict part of YAML that configuration files are written in. What it accepts means the same in
// any YAML reader; what it leaves out is refused with the place and the remedy:
//
//     maps and lists by indentation (spaces only), `- ` items, also at the column of their key
//     [a, b] and {a: b} within one line, plain, 'single' and "double" quoted scalars within one line, # comments
//     not: tabs as indentation, anchors, aliases, tags, block text (| and >), several documents, multi-line text
//
// The parser goes on behind an error, so that one run names everything that is wrong. Time is linear in the size
// of the file: no byte is looked at more than a few times, and depth is limited.

/// Bytes in, a tree and a list of errors out.
package struct YAMLParser: ~Copyable {
    /// Longer files are refused unread.
    package static let maximumBytes = 1 << 20
    /// Maps and lists within each other.
    package static let maximumDepth = 16
    /// After this many errors the rest of the file is not looked at.
    package static let maximumErrors = 50

    typealias Position = YAMLNode.Position

    private var lines: [YAMLLine] = []
    /// The line that is looked at next.
    private var next = 0
    private var errors: [ConfigurationError] = []
    /// Keys around the line at hand whose values are secrets.
    private var secretKeys = 0

    /// Reads a whole file. With errors, the tree holds what could be read in spite of them.
    package static func parse(_ bytes: [UInt8]) -> (root: YAMLNode, errors: [ConfigurationError]) {
        let start = Position(line: 1, column: 1)
        guard bytes.count <= maximumBytes else {
            let message = "the file has \(bytes.count) bytes, at most \(maximumBytes) are read"
            return (YAMLNode(.nothing, at: start), [ConfigurationError(message, at: start)])
        }
        var parser = YAMLParser()
        parser.lines = YAMLLine.split(bytes, errors: &parser.errors)
        parser.skipDocumentMarker()
        var root = YAMLNode(.nothing, at: start)
        if parser.next < parser.lines.count { root = parser.parseBlock(depth: 1) }
        parser.refuseRest()
        return (root, Array(parser.errors.prefix(maximumErrors)))
    }

    private var isAtEnd: Bool { next >= lines.count || errors.count >= YAMLParser.maximumErrors }

    private mutating func fail(_ message: String, at position: Position) {
        errors.append(ConfigurationError(message, at: position))
    }

    // A file may begin with `---`; a second one would begin another document.
    private mutating func skipDocumentMarker() {
        guard let first = lines.first, first.indentation == 0, first.isDocumentMarker else {
            return
        }
        next = 1
    }

    // What stands to the left of the first line belongs to nothing.
    private mutating func refuseRest() {
        while !isAtEnd {
            let line = lines[next]
            fail(
                "bad indentation: found \(spaces(line.indentation)),"
                    + " expected at least as much as the first line of the file has",
                at: line.position)
            skipBlock(deeperThan: line.indentation)
        }
    }

    // Passes over the line at hand and everything that is indented deeper than `indentation`.
    private mutating func skipBlock(deeperThan indentation: Int) {
        next += 1
        while next < lines.count, lines[next].indentation > indentation { next += 1 }
    }

    /// A map or a list whose first line is at hand.
    private mutating func parseBlock(depth: Int) -> YAMLNode {
        let line = lines[next]
        guard depth <= YAMLParser.maximumDepth else {
            fail(YAMLParser.tooDeep, at: line.position)
            skipBlock(deeperThan: line.indentation - 1)
            return YAMLNode(.nothing, at: line.position)
        }
        return line.isListItem
            ? parseList(indentation: line.indentation, depth: depth, sharesColumn: false)
            : parseMap(indentation: line.indentation, depth: depth)
    }

    static let tooDeep = "maps and lists are nested deeper than \(maximumDepth) levels"

    private mutating func parseMap(indentation: Int, depth: Int) -> YAMLNode {
        let start = lines[next].position
        var entries: [YAMLNode.Entry] = []
        var lineOfKey: [String: Int] = [:]
        while !isAtEnd, lines[next].indentation >= indentation {
            let line = lines[next]
            guard line.indentation == indentation else {
                refuseIndentation(of: line, expected: indentation)
                continue
            }
            guard !line.isListItem else {
                fail(
                    "found a list item among the keys of a map, expected 'key: value'",
                    at: line.position)
                skipBlock(deeperThan: indentation)
                continue
            }
            var scanner = YAMLScanner(line, hidesText: secretKeys > 0)
            let outerSecretKeys = secretKeys
            defer { secretKeys = outerSecretKeys }
            do throws(ConfigurationError) {
                let (key, position) = try scanner.key(inFlow: false)
                next += 1
                if YAMLScanner.mayNameSecret(key.utf8) { secretKeys += 1 }
                let value = try parseValue(
                    &scanner, indentation: indentation, depth: depth, mayHoldList: true)
                if let first = lineOfKey[key] {
                    fail("duplicate key '\(key)', first set in line \(first)", at: position)
                } else {
                    lineOfKey[key] = position.line
                    entries.append(YAMLNode.Entry(key: key, at: position, value: value))
                }
            } catch {
                recover(from: error, in: line)
            }
        }
        return YAMLNode(.map(entries), at: start)
    }

    /// The items of a list; one that stands in the column of its key ends where the next key begins.
    private mutating func parseList(indentation: Int, depth: Int, sharesColumn: Bool) -> YAMLNode {
        let start = lines[next].position
        var items: [YAMLNode] = []
        while !isAtEnd, lines[next].indentation >= indentation {
            let line = lines[next]
            guard line.indentation == indentation else {
                refuseIndentation(of: line, expected: indentation)
                continue
            }
            guard line.isListItem else {
                if sharesColumn { break }
                fail("found a key among the items of a list, expected '- value'", at: line.position)
                skipBlock(deeperThan: indentation)
                continue
            }
            var scanner = YAMLScanner(line, hidesText: secretKeys > 0)
            scanner.skipDash()
            if scanner.beginsBlock {
                // `- key: value` and `- - x` begin a block in the column where their text begins.
                lines[next] = line.moved(to: scanner)
                items.append(parseBlock(depth: depth + 1))
                continue
            }
            do throws(ConfigurationError) {
                next += 1
                items.append(
                    try parseValue(
                        &scanner, indentation: indentation, depth: depth, mayHoldList: false))
            } catch {
                recover(from: error, in: line)
            }
        }
        return YAMLNode(.list(items), at: start)
    }

    /// What follows `key:` or `-`: a value in the same line, or a block below it.
    private mutating func parseValue(
        _ scanner: inout YAMLScanner, indentation: Int, depth: Int, mayHoldList: Bool
    ) throws(ConfigurationError) -> YAMLNode {
        scanner.skipSpace()
        if !scanner.isAtEnd {
            let value = try scanner.value(depth: depth + 1, inFlow: false)
            try scanner.expectEnd()
            return value
        }
        guard next < lines.count else { return YAMLNode(.nothing, at: scanner.position) }
        let below = lines[next]
        if below.indentation > indentation { return parseBlock(depth: depth + 1) }
        if mayHoldList, below.indentation == indentation, below.isListItem {
            return parseList(indentation: indentation, depth: depth + 1, sharesColumn: true)
        }
        return YAMLNode(.nothing, at: scanner.position)
    }

    private mutating func recover(from error: ConfigurationError, in line: YAMLLine) {
        errors.append(error)
        if next < lines.count, lines[next].number == line.number {
            next += 1
        }
        while next < lines.count, lines[next].indentation > line.indentation { next += 1 }
    }

    private mutating func refuseIndentation(of line: YAMLLine, expected: Int) {
        fail(
            "bad indentation: found \(spaces(line.indentation)), expected \(spaces(expected))"
                + " as in the lines before",
            at: line.position)
        skipBlock(deeperThan: expected)
    }

    private func spaces(_ count: Int) -> String {
        switch count {
        case 0: "no spaces"
        case 1: "1 space"
        default: "\(count) spaces"
        }
    }
}
