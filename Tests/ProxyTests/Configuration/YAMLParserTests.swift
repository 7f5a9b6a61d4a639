// The YAML subset: what it accepts and as what, what it refuses and where, and that no bytes can hurt it.

import TestSupport
import Testing

@testable import Proxy

/// A tree as one line: lists in brackets, maps in braces, quoted scalars in quotes, nothing as `~`.
private func outline(_ node: YAMLNode) -> String {
    switch node.content {
    case .nothing: "~"
    case .scalar(let text, let isQuoted): isQuoted ? "\"\(text)\"" : text
    case .list(let items): "[" + items.map(outline).joined(separator: ", ") + "]"
    case .map(let entries):
        "{" + entries.map { "\($0.key)=\(outline($0.value))" }.joined(separator: ", ") + "}"
    }
}

private func messages(_ text: String) -> [String] {
    ConfigurationErrors(file: "f", errors: YAMLParser.parse(Array(text.utf8)).errors).errors.map {
        "\($0.position.line):\($0.position.column): \($0.message)"
    }
}

@Suite struct YAMLParserTests {
    /// Each text is a good file, and its tree is the outline.
    @Test(arguments: [
        ("", "~"),
        ("# nothing\n\n   # here\n", "~"),
        ("---\na: 1\n", "{a=1}"),
        ("\u{FEFF}a: 1\n", "{a=1}"),
        ("a: 1", "{a=1}"),
        ("a: 1\r\nb: 2\r\n", "{a=1, b=2}"),
        ("a:   x y  z   # comment", "{a=x y  z}"),
        ("a: x#y", "{a=x#y}"),
        ("a: 127.0.0.1:80", "{a=127.0.0.1:80}"),
        ("a:\nb: ~\nc: null", "{a=~, b=~, c=~}"),
        ("a:\n  b:\n    c: 1\n  d: 2\ne: 3", "{a={b={c=1}, d=2}, e=3}"),
        ("a:   # comment\n\n  # comment\n  b: 1", "{a={b=1}}"),
        ("a:\n  - x\n  - y z", "{a=[x, y z]}"),
        ("a:\n- x\n- y\nb: 1", "{a=[x, y], b=1}"),
        ("- x\n-\n- y", "[x, ~, y]"),
        ("- a: 1\n  b: 2\n- a: 3", "[{a=1, b=2}, {a=3}]"),
        ("- - 1\n  - 2\n- - 3", "[[1, 2], [3]]"),
        ("-\n  a: 1\n-\n  - x", "[{a=1}, [x]]"),
        ("- a:\n    b: 1\n  c: 2", "[{a={b=1}, c=2}]"),
        ("- a:\n  - x\n  b: 1", "[{a=[x], b=1}]"),
        ("a: [x, y z, \"q, r\"]  # comment", "{a=[x, y z, \"q, r\"]}"),
        ("a: []\nb: {}\nc: [ ]\nd: [x, ]", "{a=[], b={}, c=[], d=[x]}"),
        ("a: {b: 1, \"c d\": [2, {e: f}], g:}", "{a={b=1, c d=[2, {e=f}], g=~}}"),
        ("a: {b: 1:2, c: d}", "{a={b=1:2, c=d}}"),
        ("a: 'it''s # no comment'", "{a=\"it's # no comment\"}"),
        (#"a: "tab\tquote\" \\ \x41\u00e9""#, "{a=\"tab\tquote\" \\ Aé\"}"),
        ("\"a b\": 1\n'c' : 2", "{a b=1, c=2}"),
        ("a: \"\"", "{a=\"\"}"),
        ("a: ${SECRET}", "{a=${SECRET}}"),
        ("a: -1\nb: -x", "{a=-1, b=-x}"),
        ("a:\tx", "{a=x}"),
        ("ä: ö", "{ä=ö}"),
    ])
    func accepts(text: String, expected: String) {
        #expect(messages(text) == [])
        #expect(outline(YAMLParser.parse(Array(text.utf8)).root) == expected)
    }

    /// Each text is refused at its place, in these words.
    @Test(arguments: [
        ("a", "1:1: found 'a', expected 'key: value'"),
        ("a: 1\nb 2", "2:1: found 'b 2', expected 'key: value'"),
        ("a:1", "1:3: found '1' directly behind ':', expected a space between"),
        (
            "a: b: c",
            "1:5: found ':' behind 'b', expected a value; quote it if the colon belongs to it"
        ),
        (
            "a: [x: 1]",
            "1:6: found ':' behind 'x', expected a value; quote it if the colon belongs to it"
        ),
        ("\ta: 1", "1:1: found a tab in the indentation, expected spaces"),
        ("a:\n  \tb: 1", "2:3: found a tab in the indentation, expected spaces"),
        (
            "a: 1\n  b: 2",
            "2:3: bad indentation: found 2 spaces, expected no spaces as in the lines before"
        ),
        (
            "a:\n    b: 1\n  c: 2",
            "3:3: bad indentation: found 2 spaces, expected no spaces as in the lines before"
        ),
        (
            "  a: 1\nb: 2",
            "2:1: bad indentation: found no spaces,"
                + " expected at least as much as the first line of the file has"
        ),
        ("a: 1\n- x", "2:1: found a list item among the keys of a map, expected 'key: value'"),
        ("a:\n  - x\n  b: 1", "3:3: found a key among the items of a list, expected '- value'"),
        ("a: 1\nb: 2\na: 3", "3:1: duplicate key 'a', first set in line 1"),
        ("a: {b: 1, b: 2}", "1:11: duplicate key 'b' in this map"),
        ("a: \"x", "1:4: the quote \" is not closed in this line"),
        ("a: 'x", "1:4: the quote ' is not closed in this line"),
        ("a: 'x' y", "1:8: found 'y', expected the end of the line"),
        ("a: \"x\"#y", "1:7: found '#y', expected the end of the line"),
        ("a: [x, y", "1:4: '[' is not closed in this line"),
        ("a: {b: 1", "1:4: '{' is not closed in this line"),
        ("a: {b: # }", "1:4: '{' is not closed in this line"),
        ("a: [x]]", "1:7: found ']', expected the end of the line"),
        ("a: [x}", "1:6: found '}', expected ',' or ']'"),
        ("a: [,]", "1:5: found ',]', expected a value"),
        ("a: {b}", "1:5: found 'b}', expected 'key: value'"),
        ("a: ]", "1:4: found ']', expected text; quote it if it is (nothing is open here)"),
        ("a: [::1]:6379", "1:4: an IPv6 address in brackets needs quotes: \"[::1]:6379\""),
        (
            "a: *:6379",
            "1:4: found '*:6379', expected text; quote it if it is (anchors and aliases are not supported)"
        ),
        (
            "a: |\n  x",
            "1:4: found '|', expected text; quote it if it is (text over several lines is not supported)"
        ),
        ("a: - x", "1:4: found '- x', expected text; quote it if it is (it is not text here)"),
        (": x", "1:1: found ':' without a key before it"),
        ("a: 1\n---\nb: 2", "2:1: found '---', expected 'key: value'"),
        (
            #"a: "\q""#,
            #"1:5: found an unknown escape, expected \\ \" \/ \n \r \t \x00 \u0000 or \U00000000"#
        ),
        (#"a: "\x4""#, "1:5: expected 2 hexadecimal digits of a character behind the backslash"),
        (#"a: "\ud800""#, "1:5: expected 4 hexadecimal digits of a character behind the backslash"),
        ("a: \u{1}", "1:4: found the control character 0x1, expected text"),
        ("äöü: \u{7F}", "1:6: found the control character 0x7f, expected text"),
    ])
    func refuses(text: String, message: String) {
        #expect(messages(text) == [message])
    }

    /// Bytes that are not UTF-8 are named by place.
    @Test func refusesBrokenText() {
        let errors = YAMLParser.parse(Array("a: 1\nb: é".utf8) + [0xFF, 0x0A]).errors
        #expect(
            errors == [
                ConfigurationError(
                    "found bytes that are not UTF-8, expected text",
                    at: YAMLNode.Position(line: 2, column: 5))
            ])
    }

    /// Behind an error the parser goes on: a file's errors all come at once, and its good lines are still read.
    @Test func findsEveryError() {
        let text = """
            a: "x
            b: 1
              c: 2
            d: [1
            \te: 1
            f:
              g: 'y
              h: 3
            f: 4
            """
        #expect(
            messages(text).map { $0.prefix { $0 != " " } } == [
                "1:4:", "3:3:", "4:4:", "5:1:", "7:6:", "9:1:",
            ])
        let (root, _) = YAMLParser.parse(Array(text.utf8))
        #expect(outline(root) == "{b=1, f={h=3}}")
    }

    @Test func remembersPlaces() {
        let (root, _) = YAMLParser.parse(Array("a: 1\nlist:\n  - é\n  - {k: v}\n".utf8))
        guard case .map(let entries) = root.content,
            case .list(let items) = entries[1].value.content,
            case .map(let inner) = items[1].content
        else {
            Issue.record("unexpected tree")
            return
        }
        #expect(entries[1].position == YAMLNode.Position(line: 2, column: 1))
        #expect(items[0].position == YAMLNode.Position(line: 3, column: 5))
        #expect(inner[0].value.position == YAMLNode.Position(line: 4, column: 9))
    }

    // MARK: Limits

    /// As deep as allowed is read, one level more is an error; blocks, brackets and dashes count alike.
    @Test(arguments: ["block", "brackets", "dashes"]) func limitsDepth(kind: String) {
        func text(_ depth: Int) -> String {
            switch kind {
            case "block":
                (0..<depth).map { String(repeating: " ", count: $0) + "a:\n" }.joined()
            case "brackets":
                "a: " + String(repeating: "[", count: depth - 1)
                    + String(repeating: "]", count: depth - 1)
            default: String(repeating: "- ", count: depth) + "x"
            }
        }
        #expect(messages(text(YAMLParser.maximumDepth)) == [])
        let deeper = messages(text(YAMLParser.maximumDepth + 1))
        #expect(deeper.count == 1)
        #expect(
            deeper.first?.hasSuffix(": maps and lists are nested deeper than 16 levels") == true)
    }

    @Test func limitsSize() {
        let comment = [UInt8](repeating: UInt8(ascii: "#"), count: YAMLParser.maximumBytes)
        #expect(YAMLParser.parse(comment).errors == [])
        #expect(
            messages(String(decoding: comment, as: UTF8.self) + "#")
                == ["1:1: the file has 1048577 bytes, at most 1048576 are read"])
    }

    @Test func limitsErrors() {
        let text = String(repeating: "x\n", count: 1_000)
        #expect(messages(text).count == YAMLParser.maximumErrors)
    }

    /// The worst files of the largest size are read in linear time: each of these would take hours otherwise.
    @Test(arguments: ["[", "- ", "{a: ", "a: 1, ", "\"", "[a,", "x\n", "a:\n ", "- [", "é: [é, "])
    func isLinear(piece: String) {
        let bytes = Array(piece.utf8)
        let prefix = Array("a: [".utf8)
        for start in [[], prefix] {
            var text = start
            while text.count + bytes.count <= YAMLParser.maximumBytes { text += bytes }
            _ = YAMLParser.parse(text)
        }
        var keys: [UInt8] = []
        for number in 0..<60_000 { keys += Array("k\(number): \(piece)".utf8) + [0x0A] }
        _ = YAMLParser.parse(Array(keys.prefix(YAMLParser.maximumBytes)))
    }

    /// Any bytes give a tree or errors: random pieces of the grammar, cut and mutated at random.
    @Test(arguments: 0..<20) func survivesAnything(seed: UInt64) {
        var random = SeededRandom(seed: seed)
        let pieces = [
            "a", "b: ", ": ", ":", "- ", "-", "\n", "\n  ", "\n    ", " ", "\t", "[", "]", "{", "}",
            ",", "\"",
            "'", "#", " #", "\\", "\\x4", "---", "é", "\u{FFFD}", "~", "*", "1", "\r\n",
            "127.0.0.1:1",
        ].map { Array($0.utf8) }
        for _ in 0..<2_000 {
            var text: [UInt8] = []
            for _ in 0..<Int.random(in: 0..<40, using: &random) {
                text += pieces.randomElement(using: &random)!
            }
            if Int.random(in: 0..<4, using: &random) == 0, !text.isEmpty {
                let index = text.indices.randomElement(using: &random)!
                text[index] = .random(in: 0...255, using: &random)
            }
            let (root, errors) = YAMLParser.parse(text)
            #expect(errors.allSatisfy { $0.position.line >= 1 && $0.position.column >= 1 })
            #expect(depth(of: root) <= YAMLParser.maximumDepth)
            // The typed reader stands any tree too.
            _ = try? ProxyConfiguration.read(text, name: "random")
        }
    }

    private func depth(of node: YAMLNode) -> Int {
        switch node.content {
        case .nothing, .scalar: 0
        case .list(let items): 1 + (items.map(depth).max() ?? 0)
        case .map(let entries): 1 + (entries.map { depth(of: $0.value) }.max() ?? 0)
        }
    }
}
