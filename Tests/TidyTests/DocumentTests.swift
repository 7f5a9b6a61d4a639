// The rules for documents, on small samples.

import Testing

@Suite struct DocumentTests {
    static let there: Set = [
        "README.md", "docs/a.md", "Sources/RESP", "Tests/Benchmarks/run", "docs",
    ]

    @Test(arguments: [
        ("# A\n\nText.\n", [Int]()),
        ("Text.\n", [1]),
        ("Text.\n\n# A\n", [3]),
        ("# A\n\n# B\n", [3]),
        ("# A\n\n```\n# a comment in a script\n```\n", []),
        ("# A\n[b](docs/a.md)\n", []),
        ("# A\n[b](docs/b.md)\n", [2]),
        ("# A\n[b](docs/a.md#c) and [d](#e) and [f](https://example.org/g)\n", []),
        ("# A\n`Sources/RESP/` and `Tests/Benchmarks/run`\n", []),
        ("# A\n`Sources/Gone/`\n", [2]),
        ("# A\n`scripts/gone` and `docs/gone.md`\n", [2, 2]),
        ("# A\n`GET/SET` and `+switch-master` and `/proc/self`\n", []),
        ("# A\n```\nTests/Benchmarks/run --quick\nTests/Gone/run\n```\n", [4]),
        ("# A\nTODO\n", [2]),
        ("# A\n/home/ann/sluice\n", [2]),
        ("# A\none ` alone\n", []),
    ])
    func findsWhatIsWrong(_ text: String, _ lines: [Int]) {
        let document = Document(path: "README.md", text)
        let found = document.findings { place in
            DocumentTests.there.contains(Document.normalized(place))
        }
        #expect(found.map(\.line) == lines, "\(found)")
    }

    /// A link is meant from the folder of its document, a name from there or from the root.
    @Test func looksFromTheDocumentsFolder() {
        let text = "# A\n[b](a.md) [c](../README.md) [d](README.md) `Sources/RESP`\n"
        let found = Document(path: "docs/c.md", text).findings { place in
            DocumentTests.there.contains(Document.normalized(place))
        }
        #expect(found.count == 1)
        #expect(found.first?.what.contains("README.md") == true)
    }
}
