// docs/commands.md names a test for each command; here each of them is looked for.

import RESP
import TestSupport
import Testing

@Suite struct CommandDocumentTests {
    /// A row without a test, or with one that is nowhere, fails: the test must be a function of that suite, and
    /// an example of that command must be among its arguments.
    @Test func everyRowNamesATest() {
        let rows = CommandDocument.rows(of: Tree.read("docs/commands.md"))
        #expect(rows.count == CommandID.allCases.count)
        // Every row names the same few functions: each is looked for once, since all tests are read for it.
        let suites = Tree.sources.filter { $0.path.hasPrefix("Tests/") }
        var known: [String: Bool] = [:]
        let examples = CommandExamples.all.map { $0.name }
        let found = rows.compactMap {
            CommandDocument.finding(
                $0,
                has: { suite, function in
                    let name = "\(suite).\(function)"
                    if let isThere = known[name] { return isThere }
                    let isThere = suites.contains {
                        $0.code.contains { $0.contains("struct \(suite) ") }
                            && $0.code.contains { $0.contains("func \(function)(") }
                    }
                    known[name] = isThere
                    return isThere
                },
                examples: examples)
        }
        for what in found.prefix(3) { Issue.record(Comment(rawValue: what)) }
        #expect(found.isEmpty)
    }

    /// The rule itself finds what it is to find.
    @Test(arguments: [
        ("| GET | read | reads | queued | `S.f(GET)` |", true),
        ("| CLIENT ID | session | proxy | refused | `S.f(CLIENT ID)` |", true),
        ("| GET | read | reads | queued |  |", false),
        ("| GET | read | reads | queued | `S.g(GET)` |", false),
        ("| GET | read | reads | queued | `T.f(GET)` |", false),
        ("| GET | read | reads | queued | `S.f(SET)` |", false),
        ("| SET | read | reads | queued | `S.f(SET)` |", false),
    ])
    func theRuleFinds(_ row: String, _ isFine: Bool) {
        let rows = CommandDocument.rows(of: "| Command | Class |\n|---|---|\n" + row + "\n")
        #expect(rows.count == 1)
        let findings = rows.compactMap {
            CommandDocument.finding(
                $0, has: { $0 == "S" && $1 == "f" }, examples: ["get", "client|id"])
        }
        #expect(findings.isEmpty == isFine)
    }
}

/// The tables of commands in the document.
private enum CommandDocument {
    struct Row {
        let command: String
        let test: String
    }

    /// The rows below each header that begins with `Command`.
    static func rows(of text: String) -> [Row] {
        var rows: [Row] = []
        var isInside = false
        for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
            guard line.hasPrefix("|") else {
                isInside = false
                continue
            }
            let cells = line.split(separator: "|", omittingEmptySubsequences: false)
                .dropFirst().dropLast().map { String(String($0).trimmingSpaces) }
            if cells.first == "Command" {
                isInside = true
            } else if isInside, !line.hasPrefix("|---") {
                rows.append(Row(command: cells[0], test: cells.last ?? ""))
            }
        }
        return rows
    }

    /// What is wrong with a row; nil when nothing is.
    static func finding(
        _ row: Row, has: (_ suite: String, _ function: String) -> Bool, examples: [String]
    ) -> String? {
        let parts = row.test.split { "`.()".contains($0) }.map(String.init)
        guard parts.count == 3, row.test == "`\(parts[0]).\(parts[1])(\(parts[2]))`" else {
            return "docs/commands.md: \(row.command) has no test; its last cell is '\(row.test)'"
        }
        guard has(parts[0], parts[1]) else {
            return "docs/commands.md: there is no test \(parts[0]).\(parts[1])"
        }
        let name = row.command.lowercased().split(separator: " ").joined(separator: "|")
        guard parts[2] == row.command, examples.contains(name) else {
            return "docs/commands.md: \(row.command) has no example in Tests/TestSupport"
        }
        return nil
    }
}

extension String {
    fileprivate var trimmingSpaces: Substring {
        let front = drop { $0 == " " }
        guard let last = front.lastIndex(where: { $0 != " " }) else { return "" }
        return front[...last]
    }
}
