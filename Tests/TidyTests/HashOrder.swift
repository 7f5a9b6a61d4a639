// A Dictionary and a Set iterate in another order in each process: inside a core that would be chance.
//
// This is a rule of thumb: it knows the names that a file declares as dictionaries or sets, and what walks over
// them; a line that sorts is fine.

enum HashOrder {
    static let rule = Rule(
        "no iteration over a hash inside a core",
        in: ["Sources/RESP/", "Sources/Server/", "Sources/Proxy/"]
    ) { file in
        let names = declared(in: file)
        guard !names.isEmpty else { return [] }
        let tokens = file.tokens
        return tokens.indices.compactMap { index in
            let token = tokens[index]
            guard names.contains(token.text), walks(over: index, in: tokens) else { return nil }
            guard !file.code[token.line - 1].contains("sorted") else { return nil }
            return (
                token.line,
                "`\(token.text)` is walked in another order per process; sort it, or keep an array"
            )
        }
    }

    private static let walkers: Set = [
        "map", "compactMap", "flatMap", "forEach", "first", "popFirst", "joined", "enumerated",
        "reversed", "prefix", "makeIterator",
    ]

    /// `for … in name`, `name.map`, `name.keys.first` and the like.
    private static func walks(over index: Int, in tokens: [Token]) -> Bool {
        var next = index + 1
        var isWhole = true
        while next + 1 < tokens.count, tokens[next].text == "." {
            let member = tokens[next + 1].text
            if walkers.contains(member) { return true }
            guard member == "keys" || member == "values" else {
                isWhole = false
                break
            }
            next += 2
        }
        guard isWhole, next < tokens.count, ["{", "where"].contains(tokens[next].text) else {
            return false
        }
        var before = index - 1
        if before >= 1, tokens[before].text == ".", tokens[before - 1].text == "self" {
            before -= 2
        }
        return before >= 0 && tokens[before].text == "in" && isLoop(before, tokens)
    }

    /// Whether this `in` belongs to a `for`, and not to a closure's parameters.
    private static func isLoop(_ index: Int, _ tokens: [Token]) -> Bool {
        for token in tokens[..<index].reversed() {
            if token.text == "for" { return true }
            if token.text == "{" || token.text == "}" { return false }
        }
        return false
    }

    /// Names declared as `[Key: Value]`, `Dictionary<…>` or `Set<…>`, by type or by first value.
    private static func declared(in file: SourceText) -> Set<String> {
        let tokens = file.tokens
        var names: Set<String> = []
        for index in tokens.indices.dropLast(3) where ["let", "var"].contains(tokens[index].text) {
            guard tokens[index + 1].isWord, [":", "="].contains(tokens[index + 2].text) else {
                continue
            }
            if isHash(at: index + 3, tokens) { names.insert(tokens[index + 1].text) }
        }
        return names
    }

    private static func isHash(at index: Int, _ tokens: [Token]) -> Bool {
        guard tokens[index].text == "[" else {
            return ["Set", "Dictionary"].contains(tokens[index].text)
        }
        var depth = 0
        for token in tokens[index...] {
            switch token.text {
            case "[", "(", "<": depth += 1
            case "]", ")", ">":
                depth -= 1
                if depth == 0 { return false }
            case ":" where depth == 1: return true
            default: break
            }
        }
        return false
    }
}
