// Tidy on small samples: each rule finds what it is for, and leaves alone what only looks like it.

import Testing

@Suite struct RuleTests {
    struct Sample: CustomStringConvertible {
        let rule: Rule
        let path: String
        let text: String
        /// The lines that the rule must name.
        let lines: [Int]

        init(_ rule: String, _ path: String, _ text: String, finds lines: [Int]) {
            self.rule = Rules.all.first { $0.name == rule }!
            self.path = path
            self.text = text
            self.lines = lines
        }

        var description: String { "\(rule.name): \(text.debugDescription)" }
    }

    static let samples: [Sample] = [
        Sample("a file opens with a comment", "Sources/IO/A.swift", "// For A.\n", finds: []),
        Sample("a file opens with a comment", "Sources/IO/A.swift", "\n// For A.\n", finds: [1]),
        Sample("a file opens with a comment", "Tests/A.swift", "import B\n", finds: [1]),
        Sample("a file opens with a comment", "Package.swift", "// tools\n// A.\n", finds: []),
        Sample("a file opens with a comment", "Package.swift", "// tools\nimport A\n", finds: [1]),

        Sample("imports point one way", "Sources/RESP/A.swift", "import Glibc\n", finds: [1]),
        Sample("imports point one way", "Sources/IO/A.swift", "import Glibc\n", finds: []),
        Sample("imports point one way", "Sources/Proxy/A.swift", "import Server\n", finds: [1]),
        Sample("imports point one way", "Sources/Proxy/A.swift", "// import Server\n", finds: []),
        Sample("imports point one way", "Sources/Server/A.swift", "\nimport IO\n", finds: [2]),
        Sample("imports point one way", "Sources/Server/A.swift", "import RESP\n", finds: []),
        Sample(
            "imports point one way", "Sources/Server/A.swift", "public import struct IO.Poller\n",
            finds: [1]),
        Sample("imports point one way", "Sources/IO/A.swift", "import Foundation\n", finds: [1]),
        Sample("imports point one way", "Sources/New/A.swift", "import RESP\n", finds: [1]),
        Sample("imports point one way", "Tests/A.swift", "import Foundation\n", finds: []),

        Sample(
            "no clock inside a core", "Sources/Server/A.swift", "let t = ContinuousClock.now\n",
            finds: [1]),
        Sample(
            "no clock inside a core", "Sources/IO/A.swift", "let t = ContinuousClock.now\n",
            finds: []),
        Sample("no clock inside a core", "Sources/Server/A.swift", "// a Date\n", finds: []),
        Sample(
            "no chance inside a core", "Sources/Proxy/A.swift",
            "let a = Int.random(in: 0..<f(2))\nf(random: b)\nc.random\n", finds: [1]),
        Sample(
            "no chance inside a core", "Sources/Proxy/A.swift",
            "let a = Int.random(\n    in: 0..<f(2), using: &random)\n", finds: []),
        Sample(
            "no chance inside a core", "Sources/Proxy/A.swift", "let a = backends.shuffled()\n",
            finds: [1]),
        Sample("no chance inside a core", "Sources/Proxy/A.swift", "case \"random\"\n", finds: []),
        Sample("no scheduling inside a core", "Sources/RESP/A.swift", "actor A {}\n", finds: [1]),
        Sample("no scheduling inside a core", "Sources/IO/A.swift", "actor A {}\n", finds: []),

        Sample(
            "unsafe has an address", "Sources/Server/A.swift", "let a = 1\nunsafe f()\n", finds: [2]
        ),
        Sample("unsafe has an address", "Sources/Server/A.swift", "// unsafe\n", finds: []),
        Sample(
            "unsafe has an address", "Sources/Server/A.swift",
            "final class A: @unchecked Sendable {}\n", finds: [1]),

        Sample("no try!", "Sources/IO/A.swift", "let a = try! f()\n", finds: [1]),
        Sample("no try!", "Sources/IO/A.swift", "let a = try f()!\n", finds: []),
        Sample("no print", "Sources/Server/A.swift", "print(\"a\")\n", finds: [1]),
        Sample("no print", "Sources/Server/A.swift", "self.print(a)\n", finds: []),
        Sample("no print", "Sources/Server/A.swift", "func print(_ a: A)\n", finds: []),

        Sample("nothing is left over", "Sources/IO/A.swift", "// TODO: more\n", finds: [1]),
        Sample("nothing is left over", "Tests/A.swift", "let a = 1 // FIXME\n", finds: [1]),
        Sample("nothing is left over", "Tests/A.swift", "let TODOs = 1\n", finds: []),

        Sample("no abbreviations", "Sources/IO/A.swift", "let bufSize = 1\n", finds: [1]),
        Sample("no abbreviations", "Sources/IO/A.swift", "func f(_ cmd: A)\n", finds: [1]),
        Sample("no abbreviations", "Sources/IO/A.swift", "let lastConn: A\n", finds: [1]),
        Sample("no abbreviations", "Sources/IO/A.swift", "let command, buffer: A\n", finds: []),
        Sample("no abbreviations", "Sources/IO/A.swift", "info.ai_addr\n", finds: []),
        Sample("no abbreviations", "Sources/IO/A.swift", "\"cmd\" // buf\n", finds: []),
        Sample("no abbreviations", "Sources/IO/A.swift", "\"\\(conn.id)\"\n", finds: [1]),

        Sample(
            "the old word only where it is on the wire", "Sources/Server/A.swift",
            "let a = \"slave_read_only\"\n", finds: [1]),
        Sample(
            "the old word only where it is on the wire", "Sources/Server/A.swift",
            "let replica = 1\n",
            finds: []),

        Sample("no semicolons", "Sources/IO/A.swift", "let a = 1;  \n", finds: [1]),
        Sample("no semicolons", "Sources/IO/A.swift", "let a = \";\"\n// b;\n", finds: []),
        Sample(
            "lines end", "Sources/IO/A.swift", String(repeating: "a", count: 121) + "\n",
            finds: [1]),
        Sample("lines end", "Sources/IO/A.swift", String(repeating: "é", count: 120), finds: []),
        Sample("no machine's paths", "Tests/A.swift", "let a = \"/home/ann/a\"\n", finds: [1]),
        Sample("no machine's paths", "Tests/A.swift", "let a = \"/proc/self/stat\"\n", finds: []),
        Sample("no unchecked arithmetic", "Package.swift", "[A.Ounchecked]\n", finds: [1]),

        Sample(
            "no iteration over a hash inside a core", "Sources/Server/A.swift",
            "var a: [Int: Int] = [:]\nfor (key, value) in a {\n", finds: [2]),
        Sample(
            "no iteration over a hash inside a core", "Sources/Server/A.swift",
            "var a: [Int: Int] = [:]\nfor key in self.a.keys where key > 0 {\n", finds: [2]),
        Sample(
            "no iteration over a hash inside a core", "Sources/Server/A.swift",
            "var a: Set<Int> = []\nlet b = a.map { $0 + 1 }\n", finds: [2]),
        Sample(
            "no iteration over a hash inside a core", "Sources/Server/A.swift",
            "var a: Set<Int> = []\nfor b in a.sorted() {\n", finds: []),
        Sample(
            "no iteration over a hash inside a core", "Sources/Server/A.swift",
            "var a: [Int] = []\nfor b in a {\n", finds: []),
        Sample(
            "no iteration over a hash inside a core", "Sources/Server/A.swift",
            "var a: [Int: Int] = [:]\nif let b = a[1] {\nreturn a.count\n", finds: []),
        Sample(
            "no iteration over a hash inside a core", "Tests/A.swift",
            "var a: Set<Int> = []\nfor b in a {\n", finds: []),
    ]

    @Test(arguments: samples)
    func findsWhatItIsFor(_ sample: Sample) {
        let found = sample.rule.findings(in: SourceText(path: sample.path, sample.text))
        #expect(found.map(\.line) == sample.lines)
    }

    /// A rule that no sample breaks might find nothing at all.
    @Test(arguments: Rules.all)
    func someSampleBreaks(_ rule: Rule) {
        #expect(RuleTests.samples.contains { $0.rule.name == rule.name && !$0.lines.isEmpty })
    }

    @Test func exemptionsSpareTheirFile() {
        let rule = Rule.words(
            "sample", ["unsafe"], in: ["Sources/"],
            except: [Exemption("Sources/A/", "why"), Exemption("Sources/B.swift", "why")],
            advice: "do not")
        let broken = ["Sources/A/A.swift", "Sources/B.swift", "Sources/C.swift"].map {
            SourceText(path: $0, "unsafe\n")
        }
        #expect(
            rule.findings(in: broken).map(\.description)
                == ["Sources/C.swift:1: `unsafe`: do not"])
    }

    /// Otherwise the lists only ever grow.
    @Test func exemptionsThatSpareNothingAreFound() {
        let rule = Rule.words(
            "sample", ["unsafe"], in: ["Sources/"], except: [Exemption("Sources/B.swift", "why")],
            advice: "do not")
        let found = rule.findings(in: [SourceText(path: "Sources/B.swift", "safe\n")])
        #expect(found.map(\.path) == ["Sources/B.swift"])
    }

    @Test(arguments: [
        ("a // b", "a     "),
        ("a /* b /* c */ d */ e", "a                   e"),
        ("\"b\" + a", "\" \" + a"),
        ("\"\\(a)b\"", "\" (a) \""),
        ("\"\\(f(\"x\", 1))b\" c", "\" (f(\" \", 1)) \" c"),
        ("#\"a\"b\"# c", "#\"   \"# c"),
        ("\"\\\"a\" b", "\"   \" b"),
        ("\"\"\"\na \"b\"\n\"\"\" c", "\"\"\"\n     \n\"\"\" c"),
        ("\"//\" a", "\"  \" a"),
    ])
    func blanksCommentsAndStrings(_ text: String, _ expected: String) {
        var blanker = Blanker(Array(text.utf8))
        #expect(String(decoding: blanker.run(), as: UTF8.self) == expected)
    }

    @Test(arguments: [
        ("clientMsgCount", ["client", "msg", "count"]), ("RESPReply", ["resp", "reply"]),
        ("runID", ["run", "id"]), ("buf2", ["buf"]), ("_len", ["len"]), ("x", ["x"]),
    ])
    func splitsNamesIntoWords(_ name: String, _ words: [String]) {
        #expect(Names.words(of: name) == words)
    }
}
