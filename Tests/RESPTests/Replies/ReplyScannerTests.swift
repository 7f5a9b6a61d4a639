// The scanner against rows of bytes: where each reply ends, however the bytes are split.

import RESP
import Testing

@Suite struct ReplyScannerTests {
    /// Whole replies, with the kind that each must report.
    static let rows: [(bytes: String, kind: ReplyKind)] = [
        ("+OK\r\n", .simple),
        ("+\r\n", .simple),
        ("+a\rb\nc\r\r\n", .simple),
        ("-ERR no such key\r\n", .error),
        (":0\r\n", .integer),
        (":-9223372036854775808\r\n", .integer),
        ("$-1\r\n", .bulk),
        ("$0\r\n\r\n", .bulk),
        ("$3\r\nabc\r\n", .bulk),
        ("$4\r\n\r\n\r\n\r\n", .bulk),
        ("$12\r\nhello world!\r\n", .bulk),
        ("*-1\r\n", .array),
        ("*0\r\n", .array),
        ("*2\r\n$3\r\nabc\r\n:7\r\n", .array),
        ("*2\r\n*2\r\n+a\r\n*0\r\n*-1\r\n", .array),
        ("*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n$-1\r\n", .array),
        ("_\r\n", .null),
        ("#t\r\n", .boolean),
        (",1.5\r\n", .double),
        (",-inf\r\n", .double),
        ("(3492890328409238509324850943850943825024385\r\n", .bigNumber),
        ("!21\r\nSYNTAX invalid syntax\r\n", .blobError),
        ("=15\r\ntxt:Some string\r\n", .verbatim),
        ("%0\r\n", .map),
        ("%2\r\n+a\r\n:1\r\n+b\r\n*2\r\n:1\r\n:2\r\n", .map),
        ("~3\r\n+a\r\n+b\r\n%1\r\n+c\r\n_\r\n", .set),
        (">2\r\n+message\r\n$2\r\nhi\r\n", .push),
        ("|1\r\n+ttl\r\n:3600\r\n$1\r\nx\r\n", .bulk),
        ("|0\r\n:1\r\n", .integer),
        ("|1\r\n+a\r\n*1\r\n+b\r\n*1\r\n:1\r\n", .array),
        ("|1\r\n+a\r\n+b\r\n|1\r\n+c\r\n+d\r\n-ERR x\r\n", .error),
        ("*2\r\n|1\r\n+a\r\n+b\r\n:1\r\n:2\r\n", .array),
    ]

    /// What no server may send.
    static let malformed: [(bytes: String, error: ReplyError)] = [
        ("x", .unknownType(UInt8(ascii: "x"))),
        ("\r\n", .unknownType(13)),
        ("*1\r\n\0", .unknownType(0)),
        ("$\r\n", .invalidLength),
        ("$-\r\n", .invalidLength),
        ("$-2\r\n", .invalidLength),
        ("$-0\r\n", .invalidLength),
        ("$01\r\na\r\n", .invalidLength),
        ("$+1\r\na\r\n", .invalidLength),
        ("$1a\r\n", .invalidLength),
        ("$ 1\r\n", .invalidLength),
        ("$9223372036854775807\r\n", .invalidLength),
        ("$9223372036854775808\r\n", .invalidLength),
        ("$99999999999999999999999\r\n", .invalidLength),
        ("=-1\r\n", .invalidLength),
        ("!-1\r\n", .invalidLength),
        ("*-2\r\n", .invalidLength),
        ("%-1\r\n", .invalidLength),
        ("*9223372036854775807\r\n", .invalidLength),
        ("%4611686018427387904\r\n", .invalidLength),
        ("*4294967296\r\n", .invalidLength),
        ("%4294967296\r\n", .invalidLength),
        ("$?\r\n", .streamed),
        ("*?\r\n", .streamed),
        ("$1\ra", .missingLineEnd),
        ("$1\r\nab", .missingLineEnd),
        ("$1\r\na\rb", .missingLineEnd),
        ("$0\r\na", .missingLineEnd),
    ]

    @Test(arguments: rows) func findsTheEnd(bytes: String, kind: ReplyKind) throws {
        // What follows must not be touched, so a reply and a half stand behind.
        let whole = Array(bytes.utf8)
        let input = whole + Array("+next\r\n$3".utf8)
        var scanner = ReplyScanner()
        #expect(try scanner.scan(input.span, from: 0) == .reply(end: whole.count))
        #expect(scanner.kind == kind)
        #expect(scanner.isAtStart)
    }

    @Test(arguments: rows) func findsTheEndByteByByte(bytes: String, kind: ReplyKind) throws {
        let whole = Array(bytes.utf8)
        var scanner = ReplyScanner()
        for (index, byte) in whole.enumerated() {
            let outcome = try scanner.scan([byte].span, from: 0)
            #expect(outcome == (index + 1 == whole.count ? .reply(end: 1) : .incomplete))
            if index + 1 < whole.count { #expect(scanner.announced <= whole.count - index - 1) }
        }
        #expect(scanner.kind == kind)
        #expect(scanner.announced == 0)
    }

    @Test(arguments: rows) func findsTheEndAtEverySplit(bytes: String, kind: ReplyKind) throws {
        let whole = Array(bytes.utf8)
        for split in 1..<whole.count {
            var scanner = ReplyScanner()
            #expect(try scanner.scan(Array(whole[..<split]).span, from: 0) == .incomplete)
            #expect(!scanner.isAtStart)
            let outcome = try scanner.scan(Array(whole[split...]).span, from: 0)
            #expect(outcome == .reply(end: whole.count - split))
            #expect(scanner.kind == kind)
        }
    }

    @Test(arguments: malformed) func refuses(bytes: String, error: ReplyError) {
        let whole = Array(bytes.utf8)
        #expect(throws: error) {
            var scanner = ReplyScanner()
            _ = try scanner.scan(whole.span, from: 0)
        }
        #expect(throws: error) {
            var scanner = ReplyScanner()
            for byte in whole { _ = try scanner.scan([byte].span, from: 0) }
        }
    }

    /// A run takes what needs no closer look, and stops in front of everything else.
    @Test func runsOverPlainReplies() {
        let plain = "+OK\r\n$3\r\nabc\r\n$-1\r\n:5\r\n_\r\n"
        for special in [
            "-ERR x\r\n", "*0\r\n", ">0\r\n", "|0\r\n", "$3\r\nab", "$2\r\nabc\r\n", "",
        ] {
            let input = Array((plain + special).utf8)
            let run = ReplyScanner().scanRun(input.span, from: 0, most: 100)
            #expect(run.count == 5, "\(special)")
            #expect(run.end == plain.utf8.count, "\(special)")
        }
        let input = Array(plain.utf8)
        let two = ReplyScanner().scanRun(input.span, from: 5, most: 2)
        #expect(two.count == 2)
        #expect(two.end == 19)
    }

    /// Nesting costs no memory: a hundred thousand arrays within each other are scanned like any other reply.
    @Test func nestsWithoutLimit() throws {
        let depth = 100_000
        let input = Array(String(repeating: "*1\r\n", count: depth).utf8) + Array(":1\r\n".utf8)
        var scanner = ReplyScanner()
        #expect(try scanner.scan(input.span, from: 0) == .reply(end: input.count))
        #expect(MemoryLayout<ReplyScanner>.size <= 24)
    }

    /// The bytes of a bulk are counted, not read; what is still to come of it is known.
    @Test func knowsWhatIsStillToCome() throws {
        var scanner = ReplyScanner()
        #expect(try scanner.scan(Array("$5000000000\r\nab".utf8).span, from: 0) == .incomplete)
        #expect(scanner.announced == 5_000_000_000)
        #expect(scanner.kind == .bulk)
    }

    /// After each prefix: how many bytes must come at least. An aggregate announces three for each of its elements.
    @Test(arguments: [
        ("", 0), ("+", 2), ("+OK\r", 1), ("+OK\r\n", 0), ("$1", 2), ("$10\r", 1), ("$10\r\n", 12),
        ("$10\r\n0123456789", 2), ("$10\r\n0123456789\r", 1), ("*3", 2), ("*3\r\n", 9),
        ("*3\r\n:", 8), ("*3\r\n_\r\n", 6), ("*3\r\n$5\r\n", 13), ("*3\r\n*2\r\n", 12),
        ("%1000000\r\n", 6_000_000), ("|1\r\n", 9), ("|1\r\n+a\r\n+b\r\n", 3),
        ("*4294967295\r\n$9223372036854775805\r\n", Int.max),
    ])
    func announcesWhatMustCome(front: String, bytes: Int) throws {
        var scanner = ReplyScanner()
        let outcome = try scanner.scan(Array(front.utf8).span, from: 0)
        #expect(scanner.announced == bytes)
        #expect(scanner.isAtStart == (bytes == 0))
        #expect((outcome == .incomplete) == (bytes > 0 || front.isEmpty))
    }
}
