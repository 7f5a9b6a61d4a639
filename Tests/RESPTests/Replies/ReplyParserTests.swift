// Bytes to replies and back: rows, each one split everywhere, and random changes of them against a naive parser.

import RESP
import TestSupport
import Testing

@Suite struct ReplyParserTests {
    /// Each row in RESP3, as the reply that it is, and as RESP2 has it.
    static let rows: [(bytes: String, reply: Reply, downgraded: String)] = [
        ("+OK\r\n", .simple("OK".bytes), "+OK\r\n"),
        ("+\r\n", .simple([]), "+\r\n"),
        ("-ERR x y\r\n", .error("ERR x y".bytes), "-ERR x y\r\n"),
        (":0\r\n", .integer(0), ":0\r\n"),
        (":-9223372036854775808\r\n", .integer(.min), ":-9223372036854775808\r\n"),
        ("$0\r\n\r\n", .bulk([]), "$0\r\n\r\n"),
        ("$4\r\n\r\n\r\n\r\n", .bulk("\r\n\r\n".bytes), "$4\r\n\r\n\r\n\r\n"),
        ("_\r\n", .null, "$-1\r\n"),
        ("*0\r\n", .array([]), "*0\r\n"),
        (
            "*3\r\n:1\r\n*1\r\n+a\r\n_\r\n",
            .array([.integer(1), .array([.simple("a".bytes)]), .null]),
            "*3\r\n:1\r\n*1\r\n+a\r\n$-1\r\n"
        ),
        ("#t\r\n", .boolean(true), ":1\r\n"),
        ("#f\r\n", .boolean(false), ":0\r\n"),
        (",1.5\r\n", .double(1.5), "$3\r\n1.5\r\n"),
        (",-inf\r\n", .double(-.infinity), "$4\r\n-inf\r\n"),
        (
            ",0.10000000000000001\r\n", .double(0.1),
            "$19\r\n0.10000000000000001\r\n"
        ),
        (
            "(-12345678901234567890\r\n", .bigNumber("-12345678901234567890".bytes),
            "$21\r\n-12345678901234567890\r\n"
        ),
        ("!5\r\nA b\r\n\r\n", .blobError("A b\r\n".bytes), "-A b  \r\n"),
        ("=6\r\ntxt:ab\r\n", .verbatim(format: "txt".bytes, text: "ab".bytes), "$2\r\nab\r\n"),
        ("%0\r\n", .map([]), "*0\r\n"),
        (
            "%2\r\n+a\r\n:1\r\n+b\r\n~0\r\n",
            .map([.init(.simple("a".bytes), .integer(1)), .init(.simple("b".bytes), .set([]))]),
            "*4\r\n+a\r\n:1\r\n+b\r\n*0\r\n"
        ),
        ("~2\r\n:1\r\n#t\r\n", .set([.integer(1), .boolean(true)]), "*2\r\n:1\r\n:1\r\n"),
        (">1\r\n+x\r\n", .push([.simple("x".bytes)]), "*1\r\n+x\r\n"),
        (
            "|1\r\n+ttl\r\n:9\r\n$1\r\nx\r\n",
            .attributed([.init(.simple("ttl".bytes), .integer(9))], .bulk("x".bytes)),
            "$1\r\nx\r\n"
        ),
        (
            "*2\r\n|1\r\n+a\r\n+b\r\n:1\r\n:2\r\n",
            .array([
                .attributed([.init(.simple("a".bytes), .simple("b".bytes))], .integer(1)),
                .integer(2),
            ]),
            "*2\r\n:1\r\n:2\r\n"
        ),
    ]

    /// What is read but never written: other spellings of the same, and RESP2's nulls.
    static let spellings: [(bytes: String, reply: Reply)] = [
        ("$-1\r\n", .null),
        ("*-1\r\n", .nullArray),
        ("+a\rb\nc\r\r\n", .simple("a\rb\nc\r".bytes)),
        (",1e3\r\n", .double(1000)),
        (",-1.5E-2\r\n", .double(-0.015)),
        (",+10\r\n", .double(10)),
    ]

    /// Well framed, and still not what the type allows.
    static let invalid: [(bytes: String, error: ReplyError)] = [
        (":\r\n", .invalidValue(.integer)),
        (":+1\r\n", .invalidValue(.integer)),
        (":1.5\r\n", .invalidValue(.integer)),
        (":9223372036854775808\r\n", .invalidValue(.integer)),
        ("_x\r\n", .invalidValue(.null)),
        ("#x\r\n", .invalidValue(.boolean)),
        ("#\r\n", .invalidValue(.boolean)),
        ("#tt\r\n", .invalidValue(.boolean)),
        (",\r\n", .invalidValue(.double)),
        (",0x10\r\n", .invalidValue(.double)),
        (",infinity\r\n", .invalidValue(.double)),
        (",1e\r\n", .invalidValue(.double)),
        (", 1\r\n", .invalidValue(.double)),
        ("(\r\n", .invalidValue(.bigNumber)),
        ("(-\r\n", .invalidValue(.bigNumber)),
        ("(1a\r\n", .invalidValue(.bigNumber)),
        ("=3\r\ntxt\r\n", .invalidValue(.verbatim)),
        ("=5\r\ntxt;a\r\n", .invalidValue(.verbatim)),
        ("*2\r\n:1\r\n#x\r\n", .invalidValue(.boolean)),
    ]

    /// The replies in some pieces of input, until it ends or goes wrong.
    static func parse(_ pieces: [[UInt8]]) -> (replies: [Reply], error: ReplyError?) {
        var parser = ReplyParser()
        var replies: [Reply] = []
        for piece in pieces {
            parser.append(piece.span)
            do throws(ReplyError) {
                while let reply = try parser.next() { replies.append(reply) }
            } catch {
                return (replies, error)
            }
        }
        return (replies, nil)
    }

    static func write(_ reply: Reply, for version: ProtocolVersion) -> [UInt8] {
        var output = OutputQueue(pool: BlockPool())
        ReplyWriter(for: version).write(reply, to: &output)
        return contents(&output)
    }

    @Test(arguments: rows + spellings.map { ($0.bytes, $0.reply, "") })
    func parses(bytes: String, reply: Reply, downgraded: String) {
        for pieces in splits(of: bytes.bytes + bytes.bytes) {
            let (replies, error) = Self.parse(pieces)
            #expect(replies == [reply, reply])
            #expect(error == nil)
        }
    }

    @Test(arguments: rows) func writes(bytes: String, reply: Reply, downgraded: String) {
        #expect(Self.write(reply, for: .resp3).escaped == bytes.bytes.escaped)
        #expect(Self.write(reply, for: .resp2).escaped == downgraded.bytes.escaped)
    }

    @Test(arguments: invalid + ReplyScannerTests.malformed)
    func refuses(bytes: String, error: ReplyError) {
        for pieces in splits(of: bytes.bytes) {
            let outcome = Self.parse(pieces)
            #expect(outcome.replies.isEmpty)
            #expect(outcome.error == error)
        }
    }

    @Test func writesNullArrays() {
        #expect(Self.write(.nullArray, for: .resp2) == "*-1\r\n".bytes)
        #expect(Self.write(.nullArray, for: .resp3) == "_\r\n".bytes)
    }

    @Test func nestsToItsLimit() {
        let deepest = String(repeating: "*1\r\n", count: ReplyParser.depth) + ":1\r\n"
        #expect(Self.parse([deepest.bytes]).replies.count == 1)
        #expect(Self.parse([("*1\r\n" + deepest).bytes]).error == .tooDeep)
    }

    @Test func holdsNoMoreThanItsLimit() throws {
        var parser = ReplyParser(limit: 100)
        parser.append(("$93\r\n" + String(repeating: "x", count: 93) + "\r\n").bytes.span)
        #expect(try parser.next() != nil)
        parser.append(("$94\r\n" + String(repeating: "x", count: 94) + "\r\n").bytes.span)
        #expect(throws: ReplyError.tooLong) { _ = try parser.next() }

        var announced = ReplyParser(limit: 100)
        announced.append(("$1000000000\r\n" + String(repeating: "x", count: 88)).bytes.span)
        #expect(throws: ReplyError.tooLong) { _ = try announced.next() }
    }

    /// A count of four billion elements takes no memory before they arrive, and a large reply none afterwards.
    @Test func memoryFollowsWhatArrived() throws {
        var parser = ReplyParser()
        parser.append("*4294967295\r\n:1\r\n".bytes.span)
        #expect(try parser.next() == nil)
        #expect(parser.allocated <= 4096)

        parser = ReplyParser()
        parser.append("$1000000\r\n".bytes.span)
        parser.append([UInt8](repeating: 0x61, count: 1_000_000).span)
        #expect(try parser.next() == nil)
        parser.append("\r\n".bytes.span)
        #expect(try parser.next() == .bulk([UInt8](repeating: 0x61, count: 1_000_000)))
        #expect(parser.allocated == 0)
    }

    /// Rows put behind one another and damaged: the same replies as the naive parser finds, in any pieces, and the
    /// scanner finds the same ends.
    @Test(arguments: 0..<8) func agreesWithTheNaiveParser(seed: UInt64) {
        var random = SeededRandom(seed: seed)
        let corpus =
            Self.rows.map(\.bytes.bytes) + Self.spellings.map(\.bytes.bytes)
            + Self.invalid.map(\.bytes.bytes) + ReplyScannerTests.rows.map(\.bytes.bytes)
            + ReplyScannerTests.malformed.map(\.bytes.bytes)
        for _ in 0..<1_000 {
            var input: [UInt8] = []
            for _ in 0..<Int.random(in: 1...3, using: &random) {
                input += corpus.randomElement(using: &random)!
            }
            if Bool.random(using: &random) { input = mutate(input, using: &random) }
            expectAgreement(input)
        }
    }

    private func expectAgreement(_ input: [UInt8]) {
        var expected: [Reply] = []
        var rest = input
        var scanner = ReplyScanner()
        while case .reply(let reply, let end) = NaiveReplyParser.parse(rest) {
            expected.append(reply)
            let scanned = try? scanner.scan(rest.span, from: 0)
            #expect(scanned == .reply(end: end), "\(input.escaped)")
            rest.removeFirst(end)
        }
        let isMalformed = NaiveReplyParser.parse(rest) == .malformed
        let (replies, error) = Self.parse([input])
        #expect(describe(replies) == describe(expected), "\(input.escaped)")
        #expect((error != nil) == isMalformed, "\(input.escaped)")
        let bytewise = Self.parse(input.map { [$0] })
        #expect(describe(bytewise.replies) == describe(replies), "\(input.escaped)")
        #expect(bytewise.error == error, "\(input.escaped)")
    }

    /// Text, since a NaN is not equal to itself.
    private func describe(_ replies: [Reply]) -> String {
        replies.map { Self.write($0, for: .resp3).escaped }.joined(separator: " ")
    }
}

extension String {
    var bytes: [UInt8] { Array(utf8) }
}
