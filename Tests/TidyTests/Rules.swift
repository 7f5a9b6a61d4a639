// The rules that a machine keeps, for Swift files. Each exemption carries its reason.

enum Rules {
    /// Where no clock, chance, thread or descriptor is known: all that the simulator runs.
    static let cores = ["Sources/RESP/", "Sources/Server/", "Sources/Proxy/"]
    static let everywhere = ["Sources/", "Tests/", "Package.swift"]

    static let all: [Rule] = [
        opensWithComment,
        Imports.rule,
        HashOrder.rule,
        Names.rule,
        .words(
            "no clock inside a core",
            [
                "ContinuousClock", "SuspendingClock", "Date", "DispatchTime", "clock_gettime",
                "gettimeofday", "usleep", "nanosleep",
            ],
            in: cores,
            advice: "time is an argument; ask the driver for a Moment or a Stopwatch"),
        chance,
        .words(
            "no scheduling inside a core",
            ["async", "await", "actor", "Task", "Mutex", "pthread_t", "DispatchQueue", "NSLock"],
            in: cores, advice: "scheduling is chance; a core is called, and answers with wishes"),
        .words(
            "unsafe has an address", ["unsafe", "unchecked"], in: ["Sources/"], except: ownsMemory,
            advice: "use Span or an array, or name the file in this rule with a reason"),
        .sequence(
            "no try!", "try !", in: ["Sources/"],
            advice: "handle the error, or assert with preconditionFailure what must hold"),
        .sequence(
            "no print", "print (", in: ["Sources/"], notAfter: [".", "func"],
            advice: "wish for a line in the log; a main writes to IO's Console"),
        leftovers,
        Rule(
            "the old word only where it is on the wire", in: ["Sources/"], except: saysSlave
        ) { file in
            lines(of: file, containing: ["slave"], ignoringCase: true).map {
                ($0.line, "`\($0.word)`: say replica, or name the file in this rule with a reason")
            }
        },
        Rule("no semicolons", in: everywhere) { file in
            file.code.enumerated().filter { $1.trimmingBlanks.hasSuffix(";") }
                .map { ($0.offset + 1, "a semicolon at the end of a line; remove it") }
        },
        columns,
        Rule("no machine's paths", in: everywhere, except: namesThem) { file in
            machinePaths(in: file.lines)
        },
        .words(
            "no unchecked arithmetic", ["Ounchecked"], in: ["Package.swift", "Sources/"],
            advice: "a server keeps its traps"),
    ]

    /// The files that own memory or talk to the operating system.
    static let ownsMemory: [Exemption] = [
        Exemption("Sources/RESP/Shared/ByteBuffer.swift", "owns growable memory"),
        Exemption("Sources/RESP/Shared/OutputQueue.swift", "owns the blocks of waiting output"),
        Exemption("Sources/RESP/Shared/RetainedQueue.swift", "walks over those blocks"),
        Exemption(
            "Sources/RESP/Replies/OutputQueue+Replies.swift",
            "writes whole replies behind the queue's cursor"),
        Exemption("Sources/RESP/Replies/ReplyParser.swift", "copies a value in one piece"),
        Exemption("Sources/RESP/Text/Bytes.swift", "lends the bytes of a StaticString"),
        Exemption("Sources/RESP/Text/DoubleText.swift", "number text of the C library"),
        Exemption("Sources/Proxy/Freshness/FenceTable.swift", "owns the words of all fences"),
        Exemption(
            "Sources/Server/Keyspace/", "the table, its entries and the slab own their memory"),
        Exemption("Sources/IO/", "talks to the operating system"),
    ]

    /// Where the wire, INFO or an old directive says so.
    static let saysSlave: [Exemption] = [
        Exemption("Sources/RESP/Commands/", "SLAVEOF and its kin are commands"),
        Exemption(
            "Sources/Proxy/Routing/CommandClass.swift", "SLAVEOF and CLUSTER SLAVES are commands"),
        Exemption("Sources/Proxy/Topology/ServerReport.swift", "INFO has it"),
        Exemption("Sources/Proxy/Audit/ServerSettings.swift", "CONFIG GET has it in a value"),
        Exemption("Sources/Proxy/Sentinel/", "events and answers of sentinels have it"),
        Exemption("Sources/Proxy/Freshness/ProxyCore+Vetoes.swift", "ROLE has it"),
        Exemption("Sources/Proxy/Operator/Clients/ClientFilter.swift", "CLIENT KILL TYPE has it"),
        Exemption("Sources/Proxy/Operator/Commands/InfoText.swift", "INFO has it"),
        Exemption("Sources/Server/Configuration/", "old directives have it in their names"),
    ]

    static let namesThem: [Exemption] = [
        Exemption("Tests/TidyTests/", "the rule itself, and its samples")
    ]

    static let opensWithComment = Rule("a file opens with a comment", in: everywhere) { file in
        let start = file.path == "Package.swift" ? 1 : 0
        guard start < file.lines.count, file.lines[start].hasPrefix("//") else {
            return [(1, "no comment; say in a line or two what the file is for")]
        }
        return []
    }

    /// `Int.random(in: range, using: &generator)` is fine: the generator came from the core's seed.
    static let chance = Rule("no chance inside a core", in: cores) { file in
        let generators: Set = ["SystemRandomNumberGenerator", "arc4random", "getrandom"]
        let draws: Set = ["random", "randomElement", "shuffled", "shuffle"]
        let tokens = file.tokens
        return tokens.indices.compactMap { index in
            let name = tokens[index].text
            let isDraw =
                draws.contains(name) && index > 0 && tokens[index - 1].text == "."
                && !arguments(behind: index, in: tokens).contains { $0.text == "using" }
                && tokens.dropFirst(index + 1).first?.text == "("
            guard isDraw || generators.contains(name) else { return nil }
            return (tokens[index].line, "`\(name)`: chance comes from the seed that the core has")
        }
    }

    /// What stands in the parentheses that open behind a token.
    private static func arguments(behind index: Int, in tokens: [Token]) -> ArraySlice<Token> {
        var depth = 0
        for place in tokens.indices.dropFirst(index + 1) {
            if tokens[place].text == "(" { depth += 1 }
            if tokens[place].text == ")" { depth -= 1 }
            if depth == 0 { return tokens[(index + 1)...place] }
        }
        return tokens[(index + 1)...]
    }

    static let leftovers = Rule(
        "nothing is left over", in: everywhere,
        except: [Exemption("Tests/TidyTests/", "the rule itself, and its samples")]
    ) { file in
        leftovers(in: file.lines)
    }

    /// swift-format breaks code at 100 columns; what it leaves alone, comments and text in quotes, ends here.
    static let columns = Rule("lines end", in: everywhere) { file in
        file.lines.enumerated().filter { $1.utf8.count > 120 && $1.count > 120 }
            .map {
                ($0.offset + 1, "\($0.element.count) columns; break the line before column 121")
            }
    }

    static func leftovers(in lines: [String]) -> [(line: Int, what: String)] {
        let words: Set = ["FIXME", "TODO", "XXX", "HACK", "WIP"]
        return lines.enumerated().compactMap { index, line in
            guard words.contains(where: line.contains) else { return nil }
            let found = line.split { !($0.isLetter || $0.isNumber) }.first {
                words.contains(String($0))
            }
            return found.map {
                (index + 1, "`\($0)`: do it, or write an issue, and remove the word")
            }
        }
    }

    static func machinePaths(in lines: [String]) -> [(line: Int, what: String)] {
        let places = ["/work/", "/home/", "/root/", "/Users/"]
        return lines.enumerated().compactMap { index, line in
            guard let place = places.first(where: line.contains) else { return nil }
            return (
                index + 1, "`\(place)` is a place on one machine; start from the package's root"
            )
        }
    }

    private static func lines(
        of file: SourceText, containing words: [String], ignoringCase: Bool
    ) -> [(line: Int, word: String)] {
        file.lines.enumerated().compactMap { index, line in
            let text = ignoringCase ? line.lowercased() : line
            return words.first(where: text.contains).map { (index + 1, $0) }
        }
    }
}

extension String {
    var trimmingBlanks: Substring {
        let isBlank = { (letter: Character) in letter == " " || letter == "\t" }
        guard let first = firstIndex(where: { !isBlank($0) }),
            let last = lastIndex(where: { !isBlank($0) })
        else { return "" }
        return self[first...last]
    }
}
