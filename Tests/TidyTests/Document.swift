// Markdown as the rules see it: one title each, links that lead somewhere, and no file named that is not there.

struct Document {
    /// From the root of the package.
    let path: String
    let lines: [String]
    /// For each line, whether it stands in a fenced block.
    let isFenced: [Bool]

    init(path: String, _ text: String) {
        self.path = path
        lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        var inside = false
        isFenced = lines.map { line in
            guard line.trimmingBlanks.hasPrefix("```") else { return inside }
            inside.toggle()
            return true
        }
    }

    /// All that is wrong with it; `exists` answers for paths from the root.
    func findings(exists: (String) -> Bool) -> [Finding] {
        let found =
            titles() + links(exists) + names(exists) + Rules.machinePaths(in: lines)
            + Rules.leftovers(in: lines)
        return found.map { Finding(path: path, line: $0.line, what: $0.what) }
            .sorted { $0.line < $1.line }
    }

    private func titles() -> [(line: Int, what: String)] {
        let titles = lines.indices.filter { !isFenced[$0] && lines[$0].hasPrefix("# ") }
        guard let first = titles.first else {
            return [(1, "no title; begin with a line `# Title`")]
        }
        return titles.dropFirst().map { ($0 + 1, "a second title; make it a `##`") }
            + (lines[..<first].allSatisfy(\.isEmpty)
                ? [] : [(first + 1, "the title is not the first line; move it up")])
    }

    /// Relative links, from the document's own folder.
    private func links(_ exists: (String) -> Bool) -> [(line: Int, what: String)] {
        lines.indices.filter { !isFenced[$0] }.flatMap { index in
            lines[index].split(separator: "](", omittingEmptySubsequences: false).dropFirst()
                .compactMap { rest -> (line: Int, what: String)? in
                    let target = rest.prefix { $0 != ")" && $0 != "#" && $0 != " " }
                    guard !target.isEmpty, !target.contains(":") else { return nil }
                    let place = Document.normalized(folder + target)
                    guard !exists(place) else { return nil }
                    return (index + 1, "the link to `\(target)` leads nowhere; mend or remove it")
                }
        }
    }

    private var folder: String {
        path.lastIndex(of: "/").map { String(path[...$0]) } ?? ""
    }

    static let knownFolders = ["Sources", "Tests", "docs", "configs", "scripts", ".ci"]

    /// Files and folders named in code spans and commands, from the root or from the document's folder; a Swift
    /// file may be named by the end of its path.
    private func names(_ exists: (String) -> Bool) -> [(line: Int, what: String)] {
        lines.indices.flatMap { index in
            let words =
                isFenced[index]
                ? lines[index].split(separator: " ").map(String.init) : spans(lines[index])
            return words.filter(Document.looksLikePath).filter { word in
                !exists(word) && !exists(Document.normalized(folder + word))
            }.map { (index + 1, "`\($0)` is not there; mend the name, or remove it") }
        }
    }

    /// What stands between single backticks.
    private func spans(_ line: String) -> [String] {
        let parts = line.split(separator: "`", omittingEmptySubsequences: false)
        return stride(from: 1, to: parts.count - (parts.count + 1) % 2, by: 2).map {
            String(parts[$0])
        }
    }

    static func looksLikePath(_ word: String) -> Bool {
        let isPlain = word.allSatisfy { $0.isLetter || $0.isNumber || "/._-+".contains($0) }
        guard isPlain, !word.hasPrefix("/") else { return false }
        let first = word.split(separator: "/").first.map(String.init) ?? ""
        return (word.contains("/") && knownFolders.contains(first))
            || [".md", ".swift"].contains(where: word.hasSuffix)
    }

    /// Without `.` and `..`, and without a slash at the end.
    static func normalized(_ path: String) -> String {
        var parts: [Substring] = []
        for part in path.split(separator: "/") where part != "." {
            if part == "..", !parts.isEmpty { parts.removeLast() } else { parts.append(part) }
        }
        return parts.joined(separator: "/")
    }
}
