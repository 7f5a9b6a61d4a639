// What a rule is, and what it says when something is not as it should be.

/// One thing that is not tidy: where, what, and what to do about it.
struct Finding: CustomStringConvertible, Equatable {
    let path: String
    let line: Int
    let what: String

    var description: String { "\(path):\(line): \(what)" }
}

/// A file or folder that a rule leaves alone, with the reason. One that spares nothing is itself a finding.
struct Exemption {
    let path: String
    let reason: String

    init(_ path: String, _ reason: String) {
        self.path = path
        self.reason = reason
    }

    func covers(_ path: String) -> Bool {
        self.path.hasSuffix("/") ? path.hasPrefix(self.path) : path == self.path
    }
}

struct Rule: CustomStringConvertible {
    let name: String
    /// Paths that the rule looks at begin with one of these.
    let scope: [String]
    let exemptions: [Exemption]
    /// The lines that break the rule, each with what is wrong and what to do.
    let check: @Sendable (SourceText) -> [(line: Int, what: String)]

    init(
        _ name: String, in scope: [String], except exemptions: [Exemption] = [],
        check: @escaping @Sendable (SourceText) -> [(line: Int, what: String)]
    ) {
        self.name = name
        self.scope = scope
        self.exemptions = exemptions
        self.check = check
    }

    var description: String { name }

    /// What this rule finds in one file, exemptions aside.
    func findings(in file: SourceText) -> [Finding] {
        guard scope.contains(where: { file.path.hasPrefix($0) }) else { return [] }
        return check(file).map { Finding(path: file.path, line: $0.line, what: $0.what) }
    }

    /// What this rule finds in all files, and which of its exemptions are no longer needed.
    func findings(in files: [SourceText]) -> [Finding] {
        var needed = Array(repeating: false, count: exemptions.count)
        var findings: [Finding] = []
        for file in files {
            let found = self.findings(in: file)
            guard !found.isEmpty else { continue }
            if let index = exemptions.firstIndex(where: { $0.covers(file.path) }) {
                needed[index] = true
            } else {
                findings += found
            }
        }
        for (exemption, isNeeded) in zip(exemptions, needed) where !isNeeded {
            findings.append(
                Finding(
                    path: exemption.path, line: 1,
                    what: "the rule “\(name)” spares this for nothing; remove its exemption"))
        }
        return findings
    }
}

extension Rule {
    /// A rule about words: a token that is one of these, with what to do about it.
    static func words(
        _ name: String, _ words: Set<String>, in scope: [String], except: [Exemption] = [],
        advice: String
    ) -> Rule {
        Rule(name, in: scope, except: except) { file in
            file.tokens.filter { words.contains($0.text) }
                .map { ($0.line, "`\($0.text)`: \(advice)") }
        }
    }

    /// A rule about tokens that follow each other, separated by blanks in `sequence`.
    static func sequence(
        _ name: String, _ sequence: String, in scope: [String], except: [Exemption] = [],
        notAfter: Set<String> = [], advice: String
    ) -> Rule {
        let wanted = sequence.split(separator: " ").map(String.init)
        return Rule(name, in: scope, except: except) { file in
            let tokens = file.tokens
            guard tokens.count >= wanted.count else { return [] }
            return (0...(tokens.count - wanted.count)).compactMap { start in
                guard zip(wanted, tokens[start...]).allSatisfy({ $0 == $1.text }) else {
                    return nil
                }
                if start > 0, notAfter.contains(tokens[start - 1].text) { return nil }
                return (tokens[start].line, "`\(wanted.joined())`: \(advice)")
            }
        }
    }
}
