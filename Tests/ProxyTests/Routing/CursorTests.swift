// Cursors on their way to the client and back, and the replies that they stand in, split everywhere.

import RESP
import TestSupport
import Testing

@testable import Proxy

@Suite struct CursorTests {
    private static let tag = CursorTag(value: 0xABC)

    private func cursor(_ text: String) -> ClientCursor {
        ClientCursor(Array(text.utf8).span)
    }

    /// What the client is given leads back to the same server and cursor, for each tag and the edges of what fits.
    @Test func comesBack() throws {
        for value in [UInt16(0), 1, 0x7FF, 0xFFF] {
            let tag = CursorTag(value: value)
            for cursor: UInt64 in [1, 2, 17, 1 << 12, 1 << 32, (1 << 41) - 1] {
                let tagged = try #require(tag.tagging(cursor))
                #expect(tagged < 1 << 53)
                #expect(self.cursor("\(tagged)") == .goesOn(tag, cursor: cursor))
            }
            #expect(tag.tagging(0) == 0)
            #expect(tag.tagging(1 << 41) == nil)
            #expect(tag.tagging(.max) == nil)
        }
    }

    @Test(arguments: ["0", "00", "00000000000000000000"]) func beginsAtZero(text: String) {
        #expect(cursor(text) == .start)
    }

    /// What is no number, what we never give out (the server's part is 0, or 2^53 and more), and what is too long.
    @Test(arguments: [
        "", "-1", "+4096", " 4096", "4096 ", "abc", "1", "4095", "9007199254740992",
        "18446744073709551615", "18446744073709551616", "000000000000000000000",
    ])
    func refusesWhatItNeverGave(text: String) {
        #expect(cursor(text) == .invalid)
    }

    /// A run id has the same tag in every process and release: these are written down. Run ids that differ in one
    /// letter have different ones, and tags are spread over all values.
    @Test func tagsAreStableAndSpread() {
        let tag = { (text: String) in CursorTag(runID: Array(text.utf8).span).value }
        #expect(tag("") == 1983)
        #expect(tag("0123456789abcdef0123456789abcdef01234567") == 569)
        #expect(tag("0123456789abcdef0123456789abcdef01234568") == 905)
        var random = SeededRandom(seed: 1)
        var seen: Set<UInt16> = []
        for _ in 0..<40_000 {
            let text = (0..<40).map { _ in
                "0123456789abcdef".randomElement(using: &random)!
            }
            seen.insert(tag(String(text)))
        }
        #expect(seen.count > 4_090)
    }

    static let rows: [(reply: String, rewritten: String)] = [
        ("*2\r\n$1\r\n0\r\n*0\r\n", "*2\r\n$1\r\n0\r\n*0\r\n"),
        ("*2\r\n$1\r\n1\r\n*1\r\n$1\r\nk\r\n", "*2\r\n$4\r\n6844\r\n*1\r\n$1\r\nk\r\n"),
        (
            "*2\r\n$13\r\n2199023255551\r\n*0\r\n",
            "*2\r\n$16\r\n9007199254739644\r\n*0\r\n"
        ),
        // Only the first cursor is one, whatever stands behind it.
        (
            "*2\r\n$2\r\n17\r\n*1\r\n*2\r\n$1\r\n1\r\n*0\r\n",
            "*2\r\n$5\r\n72380\r\n*1\r\n*2\r\n$1\r\n1\r\n*0\r\n"
        ),
        // Too large: an error, and nothing of the reply.
        ("*2\r\n$13\r\n2199023255552\r\n*1\r\n$1\r\nk\r\n", tooLarge),
        ("*2\r\n$20\r\n18446744073709551615\r\n*1\r\n$1\r\nk\r\n", tooLarge),
        ("*2\r\n$20\r\n18446744073709551616\r\n*0\r\n", tooLarge),
        // Errors and other shapes.
        ("-ERR invalid cursor\r\n", "-ERR invalid cursor\r\n"),
        ("+QUEUED\r\n", "+QUEUED\r\n"),
        ("*0\r\n", "*0\r\n"),
        ("*-1\r\n", "*-1\r\n"),
        ("*2\r\n:1\r\n:2\r\n", "*2\r\n:1\r\n:2\r\n"),
        ("*20\r\n$1\r\n1\r\n", "*20\r\n$1\r\n1\r\n"),
        ("*3\r\n$1\r\n1\r\n", "*3\r\n$1\r\n1\r\n"),
        ("*2\r\n$-1\r\n$1\r\n1\r\n", "*2\r\n$-1\r\n$1\r\n1\r\n"),
        ("*2\r\n$0\r\n\r\n$1\r\n1\r\n", "*2\r\n$0\r\n\r\n$1\r\n1\r\n"),
        ("*2\r\n$2\r\n1a\r\n*0\r\n", "*2\r\n$2\r\n1a\r\n*0\r\n"),
        ("*2\r\n$2\r\n-1\r\n*0\r\n", "*2\r\n$2\r\n-1\r\n*0\r\n"),
        (
            "*2\r\n$21\r\n123456789012345678901\r\n*0\r\n",
            "*2\r\n$21\r\n123456789012345678901\r\n*0\r\n"
        ),
        ("*2\r\n$100\r\n", "*2\r\n$100\r\n"),
    ]

    private static let tooLarge =
        "-ERR the server's cursor is too large to go through the proxy\r\n"

    @Test(arguments: rows) func rewrites(reply: String, rewritten: String) {
        let whole = Array(reply.utf8)
        var ways = [[whole], whole.map { [$0] }]
        for split in whole.indices.dropFirst() {
            for second in split...whole.count {
                ways.append([
                    Array(whole[..<split]), Array(whole[split..<second]), Array(whole[second...]),
                ])
            }
        }
        for pieces in ways {
            var output = OutputQueue(pool: BlockPool())
            var rewriter = CursorRewriter(tag: Self.tag)
            for piece in pieces {
                rewriter.rewrite(piece.span, to: &output)
                #expect(rewriter.held <= 31)
            }
            // Whatever comes to its end has been handed on.
            #expect(rewriter.held == 0)
            var bytes: [UInt8] = []
            while !output.isEmpty {
                output.drain { offered in
                    for index in 0..<offered.count { bytes += Array(copying: offered[index]) }
                    return offered.total
                }
            }
            #expect(String(decoding: bytes, as: UTF8.self) == rewritten, "\(pieces)")
        }
    }
}
