// docs/commands.md is what the code says.

import Foundation
import Proxy
import TestSupport
import Testing

@Suite struct CommandCatalogueTests {
    private static let file = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appendingPathComponent("docs/commands.md")

    /// The file holds what the table renders to; asked to, this test writes it.
    @Test func theDocumentIsUpToDate() throws {
        let text = CommandCatalogue.markdown
        if ProcessInfo.processInfo.environment["SLUICE_WRITE_DOCS"] == "1" {
            try text.write(to: Self.file, atomically: true, encoding: .utf8)
        }
        let there = try? String(contentsOf: Self.file, encoding: .utf8)
        let ours = text.split(separator: "\n")
        let theirs = (there ?? "").split(separator: "\n")
        let difference = zip(ours, theirs).first { $0 != $1 }
        #expect(
            there == text,
            """
            docs/commands.md is old; write it by SLUICE_WRITE_DOCS=1 swift test --filter CommandCatalogueTests. \
            The first line that differs is to be: \(difference.map { "\($0.0)" } ?? "at its end")
            """)
    }

    /// The document counts as redis-server does: 240 commands, 366 with subcommands, and without the 15 that
    /// only contain others 351.
    @Test func countsAsRedisDoes() {
        let served = CommandCatalogue.entries.filter(\.isInRedis7)
        #expect(served.count == 366)
        #expect(served.filter { !$0.name.contains("|") }.count == 240)
        #expect(CommandCatalogue.markdown.contains("351 things to call"))
        #expect(CommandCatalogue.entries.count == 414)
    }
}
