// Bytes to requests: rows, each one split everywhere, and random changes of them against a naive parser.

import RESP
import TestSupport
import Testing

/// What a parser makes of some input.
struct ParsedRequests: Equatable {
    var requests: [[[UInt8]]] = []
    /// The bytes that would be forwarded for each.
    var forwarded: [[UInt8]] = []
    var error: ProtocolError?
}

/// Parses pieces as a session does: what is unfinished is kept from its start on.
func parse(_ pieces: [[UInt8]], limits: RequestLimits = RequestLimits()) -> ParsedRequests {
    var result = ParsedRequests()
    var parser = RequestParser()
    var kept: [UInt8] = []
    for piece in pieces {
        kept += piece
        do throws(ProtocolError) {
            var start = 0
            while case .request(let end) = try parser.parse(kept.span, from: start, limits: limits)
            {
                let request = parser.request(in: kept.span.extracting(start..<end))
                start = end
                if request.count == 0 { continue }
                result.requests.append((0..<request.count).map { copy(request[$0]) })
                result.forwarded.append(copy(request.bytes))
            }
            kept.removeFirst(start)
        } catch {
            result.error = error
            break
        }
    }
    return result
}

func copy(_ span: Span<UInt8>) -> [UInt8] {
    span.withUnsafeBufferPointer { Array($0) }
}

/// Requests in the one way that everybody writes them.
func encode(_ words: [[UInt8]]) -> [UInt8] {
    var bytes = "*\(words.count)\r\n".bytes
    for word in words { bytes += "$\(word.count)\r\n".bytes + word + "\r\n".bytes }
    return bytes
}

@Suite struct RequestParserTests {
    static let rows: [(bytes: String, requests: [[String]])] = [
        ("*1\r\n$4\r\nPING\r\n", [["PING"]]),
        ("*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$0\r\n\r\n", [["SET", "k", ""]]),
        ("*2\r\n$4\r\nECHO\r\n$4\r\n\r\n\r\n\r\n", [["ECHO", "\r\n\r\n"]]),
        ("*2\r\n$4\r\nECHO\r\n$12\r\nhello world!\r\n", [["ECHO", "hello world!"]]),
        ("*0\r\n*-1\r\n*-5\r\n*1\r\n$1\r\nx\r\n", [["x"]]),
        ("*-9223372036854775808\r\n", []),
        ("*1\r\n$1\r\na\r\nPING\r\n*1\r\n$1\r\nb\r\n", [["a"], ["PING"], ["b"]]),
        // What stands for a line end is not looked at.
        ("*1\rX$4\rXPINGXXPING\r\n", [["PING"], ["PING"]]),
        ("*2\r\n$1\r\nax\r$1\r\nb\r\n", [["a", "b"]]),
        ("PING\r\n", [["PING"]]),
        ("PING\n", [["PING"]]),
        ("\r\n\n  \r\nPING\r\n", [["PING"]]),
        ("  SET\tkey   value \r\n", [["SET", "key", "value"]]),
        ("PING\rPONG\r\n", [["PING", "PONG"]]),
        ("a\r\r\n", [["a"]]),
        // A vertical tab or a form feed is a blank before a word and behind a quote, and part of a word else.
        ("\u{B}\u{C}a\u{B}b\u{C} c\r\n", [["a\u{B}b\u{C}", "c"]]),
        ("\"a\"\u{B}b\r\n", [["a", "b"]]),
        ("ECHO \"a b\"\r\n", [["ECHO", "a b"]]),
        ("ECHO \"\\x41\\n\\r\\t\\b\\a\\q\\\"\\\\\"\r\n", [["ECHO", "A\n\r\t\u{8}\u{7}q\"\\"]]),
        ("ECHO \"\\x4\\xg0\\x7e\\x7E\"\r\n", [["ECHO", "x4xg0~~"]]),
        ("ECHO 'a\\'b\\n\"'\r\n", [["ECHO", "a'b\\n\""]]),
        ("ECHO '' \"\"\r\n", [["ECHO", "", ""]]),
        ("ECHO fo\"o b\"\r\n", [["ECHO", "foo b"]]),
        ("ECHO a\0b\r\n", [["ECHO", "a\0b"]]),
    ]

    /// What comes before the error, and the error.
    static let malformed: [(bytes: String, error: ProtocolError)] = [
        ("*\r\n", .invalidMultibulkLength),
        ("*a\r\n", .invalidMultibulkLength),
        ("* 1\r\n", .invalidMultibulkLength),
        ("*+1\r\n", .invalidMultibulkLength),
        ("*01\r\n", .invalidMultibulkLength),
        ("*-0\r\n", .invalidMultibulkLength),
        ("*-01\r\n", .invalidMultibulkLength),
        ("*2147483648\r\n", .invalidMultibulkLength),
        ("*9223372036854775807\r\n", .invalidMultibulkLength),
        ("*9223372036854775808\r\n", .invalidMultibulkLength),
        ("*1\r\n\r\n", .expectedDollar(got: 13)),
        ("*1\r\nPING\r\n", .expectedDollar(got: 80)),
        ("*1\r\n\u{1}\r\n", .expectedDollar(got: 1)),
        ("*3\r\n$3\r\nSET\r\n:1\r\n", .expectedDollar(got: 58)),
        ("*1\r\n$\r\n", .invalidBulkLength),
        ("*1\r\n$-1\r\n", .invalidBulkLength),
        ("*1\r\n$04\r\nPING\r\n", .invalidBulkLength),
        ("*1\r\n$4 \r\nPING\r\n", .invalidBulkLength),
        ("*1\r\n$536870913\r\n", .invalidBulkLength),
        ("*1\r\n$9223372036854775807\r\n", .invalidBulkLength),
        ("*1\r\n$9223372036854775808\r\n", .invalidBulkLength),
        ("ECHO \"a\r\n", .unbalancedQuotes),
        ("ECHO 'a\r\n", .unbalancedQuotes),
        ("ECHO \"a\"b\r\n", .unbalancedQuotes),
        ("ECHO 'a'b\r\n", .unbalancedQuotes),
        ("ECHO \"a\\\"\r\n", .unbalancedQuotes),
        ("\"\r\n", .unbalancedQuotes),
    ]

    @Test(arguments: rows) func parses(bytes: String, requests: [[String]]) {
        for pieces in splits(of: bytes.bytes) {
            let result = parse(pieces)
            #expect(result.requests == requests.map { $0.map(\.bytes) })
            #expect(result.forwarded == result.requests.map(encode))
            #expect(result.error == nil)
        }
    }

    @Test(arguments: malformed) func refuses(bytes: String, error: ProtocolError) {
        for pieces in splits(of: "*1\r\n$4\r\nPING\r\n".bytes + bytes.bytes) {
            let result = parse(pieces)
            #expect(result.requests == [["PING".bytes]])
            #expect(result.error == error)
        }
    }

    /// After an error the parser is as new: a core uses it for its other connections.
    @Test func forgetsAnError() throws {
        var parser = RequestParser()
        let bad = "*2\r\n$1\r\na\r\n:1\r\n".bytes
        #expect(throws: ProtocolError.expectedDollar(got: 58)) {
            _ = try parser.parse(bad.span, from: 0, limits: RequestLimits())
        }
        let isAtStart = parser.isAtStart
        #expect(isAtStart)
        let good = "*1\r\n$1\r\nb\r\n".bytes
        #expect(
            try parser.parse(good.span, from: 0, limits: RequestLimits())
                == .request(end: good.count))
        #expect(parser.request(in: good.span).count == 1)
    }

    /// Lines up to 64 kB and one byte more, whole and in pieces.
    @Test(arguments: [
        ("", "\n", ProtocolError.tooBigInlineRequest), ("*", "\r\n", .tooBigMultibulkCount),
        ("*1\r\n$", "\r\n", .tooBigBulkCount),
    ])
    func limitsLines(front: String, end: String, error: ProtocolError) {
        let lineFront = front.bytes.last == nil ? 0 : 1
        let longest = front.bytes + [UInt8](repeating: 0x31, count: 65_536 - lineFront)
        let slowly = [Array(longest.dropLast(50))] + longest.suffix(50).map { [$0] }
        for pieces in [[longest], slowly] {
            #expect(parse(pieces).error == nil)
            #expect(parse(pieces + [[0x31]]).error == error)
            #expect(parse(pieces + ["1".bytes + end.bytes]).error == error)
        }
        #expect(parse([longest + "1".bytes + end.bytes]).error == error)
        #expect(parse([longest, end.bytes]).error != error)
    }

    @Test func limitsWhoHasNotAuthenticated() {
        var limits = RequestLimits()
        limits.isAuthenticated = false
        #expect(parse(["*10\r\n".bytes], limits: limits).error == nil)
        #expect(
            parse(["*11\r\n".bytes], limits: limits).error == .unauthenticatedMultibulkLength)
        #expect(parse(["*1\r\n$16384\r\n".bytes], limits: limits).error == nil)
        #expect(
            parse(["*1\r\n$16385\r\n".bytes], limits: limits).error
                == .unauthenticatedBulkLength)
        // All there at once, as the first argument and as a later one.
        let long = [UInt8](repeating: 0x61, count: 16_385)
        for whole in [encode([long]), encode(["a".bytes, long])] {
            #expect(parse([whole], limits: limits).error == .unauthenticatedBulkLength)
        }
    }

    @Test func limitsBulksAndRequests() {
        var limits = RequestLimits()
        limits.bulkLength = 5
        #expect(parse([encode(["12345".bytes])], limits: limits).error == nil)
        for words in [["123456"], ["1", "123456"]] {
            let whole = encode(words.map(\.bytes))
            #expect(parse([whole], limits: limits).error == .invalidBulkLength)
        }
        // The second bulk is refused as soon as it is announced.
        let request = encode(["12345".bytes, "12345".bytes])
        limits.requestLength = request.count
        #expect(parse([request], limits: limits).error == nil)
        limits.requestLength = request.count - 1
        for pieces in splits(of: Array(request.dropLast(7))) {
            #expect(parse(pieces, limits: limits).error == .tooBigRequest)
        }
        #expect(parse([request], limits: limits).error == .tooBigRequest)
    }

    /// A count of two billion arguments takes no memory before they arrive, and one giant request is not
    /// remembered by the parser that all connections share.
    @Test func memoryFollowsWhatArrived() throws {
        var parser = RequestParser()
        let announced = "*2147483647\r\n$1\r\na\r\n".bytes
        let limits = RequestLimits()
        #expect(try parser.parse(announced.span, from: 0, limits: limits) == .incomplete)
        #expect(parser.allocated < 4096)

        parser = RequestParser()
        let giant = encode([[UInt8]](repeating: [0x61], count: 100_000))
        #expect(
            try parser.parse(giant.span, from: 0, limits: limits) == .request(end: giant.count))
        #expect(parser.request(in: giant.span).count == 100_000)
        #expect(parser.allocated > 800_000)
        let sloppy = giant.dropLast() + "x".bytes
        #expect(
            try parser.parse(Array(sloppy).span, from: 0, limits: limits)
                == .request(end: giant.count))
        #expect(parser.allocated > 1_500_000)
        #expect(copy(parser.request(in: Array(sloppy).span).bytes) == giant)
        #expect(
            try parser.parse("*1\r\n$1\r\na\r\n".bytes.span, from: 0, limits: limits)
                == .request(end: 11))
        #expect(
            parser.allocated <= RequestParser.argumentsKept * MemoryLayout<ByteRange>.stride
                + 2 * RequestParser.bytesKept)
    }

    /// Rows put behind one another and damaged: the same as the naive parser finds, in any pieces.
    @Test(arguments: 0..<8) func agreesWithTheNaiveParser(seed: UInt64) {
        var random = SeededRandom(seed: seed)
        let corpus = Self.rows.map(\.bytes.bytes) + Self.malformed.map(\.bytes.bytes)
        var limits = RequestLimits()
        for round in 0..<1_000 {
            var input: [UInt8] = []
            for _ in 0..<Int.random(in: 1...3, using: &random) {
                input += corpus.randomElement(using: &random)!
            }
            if Bool.random(using: &random) { input = mutate(input, using: &random) }
            limits.isAuthenticated = round % 4 > 0
            limits.requestLength = round % 4 == 1 ? 40 : 1 << 30
            let expected = NaiveRequestParser.parse(input, limits: limits)
            let whole = parse([input], limits: limits)
            #expect(whole.requests == expected.requests, "\(input.escaped)")
            #expect(whole.error == expected.error, "\(input.escaped)")
            #expect(whole.forwarded == whole.requests.map(encode), "\(input.escaped)")
            #expect(parse(input.map { [$0] }, limits: limits) == whole, "\(input.escaped)")
        }
    }
}
