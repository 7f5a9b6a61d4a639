// Style as a test: each rule is held against every file of the package.

import Testing

@Suite struct TreeTests {
    /// A tree that could not be read would pass every rule.
    @Test func theTreeIsThere() {
        #expect(Tree.sources.count > 20)
        #expect(Tree.sources.contains { $0.path == "Sources/RESP/Shared/Core.swift" })
        #expect(Tree.sources.allSatisfy { !$0.tokens.isEmpty })
        #expect(Tree.others.contains("Tests/Benchmarks/run"))
    }

    @Test(arguments: Rules.all)
    func everyFileKeeps(_ rule: Rule) {
        report(rule.findings(in: Tree.sources))
    }

    @Test func documentsKeepTheRules() {
        for document in Tree.documents {
            report(document.findings(exists: Tree.exists))
        }
    }

    @Test func scriptsKeepTheRules() {
        for path in Tree.others {
            let lines = Tree.read(path).split(separator: "\n", omittingEmptySubsequences: false)
                .map(String.init)
            let found = Rules.machinePaths(in: lines) + Rules.leftovers(in: lines)
            report(found.map { Finding(path: path, line: $0.line, what: $0.what) })
        }
    }

    /// A file that breaks a rule in fifty places is named three times.
    private func report(_ findings: [Finding]) {
        for (path, ofFile) in Dictionary(grouping: findings, by: \.path).sorted(by: {
            $0.key < $1.key
        }) {
            for finding in ofFile.prefix(3) {
                Issue.record(Comment(rawValue: finding.description))
            }
            if ofFile.count > 3 {
                Issue.record(Comment(rawValue: "\(path): \(ofFile.count - 3) more like these"))
            }
        }
    }
}
