// The health endpoint's reading of HTTP: rows of requests, each cut everywhere; limits; and floods of nonsense.

import RESP
import TestSupport
import Testing

@testable import Proxy

/// What a parser makes of these pieces.
private func read(_ pieces: [[UInt8]]) -> [HTTPInput] {
    var parser = HTTPRequestParser()
    var inputs: [HTTPInput] = []
    for piece in pieces { inputs += parser.receive(piece.span) }
    return inputs
}

@Suite struct HTTPRequestParserTests {
    private static func get(_ path: String, keepsAlive: Bool = true) -> HTTPInput {
        .request(HTTPRequest(method: .get, path: path, keepsAlive: keepsAlive))
    }

    private static func head(_ path: String) -> HTTPInput {
        .request(HTTPRequest(method: .head, path: path, keepsAlive: true))
    }

    static let rows: [(bytes: String, inputs: [HTTPInput])] = [
        ("GET / HTTP/1.1\r\nHost: a\r\n\r\n", [get("/")]),
        ("GET /status?a=b HTTP/1.1\nhost:a\n\n", [get("/status")]),
        ("HEAD /readyz HTTP/1.1\r\nHOST: a\r\n\r\n", [head("/readyz")]),
        ("\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", [get("/")]),
        ("GET http://a/b?c HTTP/1.1\r\nHost: a\r\n\r\n", [get("/b")]),
        ("GET HTTP://a HTTP/1.1\r\nHost: a\r\n\r\n", [get("/")]),
        // Keeping alive.
        ("GET / HTTP/1.0\r\n\r\nGET", [get("/", keepsAlive: false)]),
        (
            "GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\nGET /b HTTP/1.0\r\n\r\n",
            [get("/"), get("/b", keepsAlive: false)]
        ),
        (
            "GET / HTTP/1.1\r\nHost: a\r\nConnection: TE, Close , keep-alive\r\n\r\nGET / H",
            [get("/", keepsAlive: false)]
        ),
        (
            "GET /a HTTP/1.1\r\nHost: a\r\n\r\nHEAD /b HTTP/1.1\r\nHost: a\r\n\r\nGET /c",
            [get("/a"), head("/b")]
        ),
        ("GET / HTTP/1.7\r\nHost: a\r\n\r\n", [get("/")]),
        // Bodies.
        ("GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 00\r\n\r\n", [get("/")]),
        (
            "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nGET /",
            [.refused(.contentTooLarge)]
        ),
        ("GET / HTTP/1.1\r\nContent-Length: 5x\r\n", [.refused(.badRequest)]),
        ("GET / HTTP/1.1\r\nContent-Length:\r\n", [.refused(.badRequest)]),
        ("GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n", [.refused(.contentTooLarge)]),
        ("GET / HTTP/1.1\r\nExpect: 100-continue\r\n", [.refused(.expectationFailed)]),
        // Methods and versions.
        ("POST /status HTTP/1.1\r\n", [.refused(.methodNotAllowed)]),
        ("get / HTTP/1.1\r\n", [.refused(.methodNotAllowed)]),
        ("GET / HTTP/2.0\r\n", [.refused(.versionNotSupported)]),
        ("PRI * HTTP/2.0\r\n", [.refused(.versionNotSupported)]),
        ("GET /\r\n", [.refused(.badRequest)]),
        ("GET / HTTP/1.\r\n", [.refused(.badRequest)]),
        ("GET / http/1.1\r\n", [.refused(.badRequest)]),
        ("GET  / HTTP/1.1\r\n", [.refused(.badRequest)]),
        ("GET / HTTP/1.1 \r\n", [.refused(.badRequest)]),
        // Targets.
        ("GET status HTTP/1.1\r\n", [.refused(.badRequest)]),
        ("GET * HTTP/1.1\r\n", [.refused(.badRequest)]),
        ("GET /\u{1} HTTP/1.1\r\n", [.refused(.badRequest)]),
        ("GET /ä HTTP/1.1\r\n", [.refused(.badRequest)]),
        // Fields.
        ("GET / HTTP/1.1\r\n\r\n", [.refused(.badRequest)]),
        ("GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", [.refused(.badRequest)]),
        ("GET / HTTP/1.1\r\nHost : a\r\n", [.refused(.badRequest)]),
        ("GET / HTTP/1.1\r\nHost: a\r\n folded\r\n", [.refused(.badRequest)]),
        ("GET / HTTP/1.1\r\n: a\r\n", [.refused(.badRequest)]),
        ("GET / HTTP/1.1\r\nnothing\r\n", [.refused(.badRequest)]),
        ("GET / HTTP/1.1\r\nHost: a\rb\r\n", [.refused(.badRequest)]),
        ("GET / HTTP/1.1\r\nHost: a\0b\r\n", [.refused(.badRequest)]),
        ("GET / HTTP/1.1\r\nHost: \u{7F}\r\n", [.refused(.badRequest)]),
        ("GET / HTTP/1.1\r\nHost: ä\tb\r\n\r\n", [get("/")]),
        // What is no HTTP is told so at its first byte.
        ("\u{16}\u{3}\u{1}", [.refused(.badRequest)]),
        (" GET", [.refused(.badRequest)]),
        ("\0", [.refused(.badRequest)]),
        // RESP begins like a method, and ends like none.
        ("*1\r\n$4\r\nPING\r\n", [.refused(.badRequest)]),
        ("PING\r\n", [.refused(.badRequest)]),
        ("", []),
        ("GET / HTTP/1.1\r\nHost: a\r\n", []),
    ]

    /// Each row gives the same however it is cut: whole, byte by byte, and in two pieces at every place.
    @Test(arguments: rows)
    func rowsAtEverySplit(bytes: String, inputs: [HTTPInput]) {
        let bytes = Array(bytes.utf8)
        #expect(read([bytes]) == inputs)
        #expect(read(bytes.map { [$0] }) == inputs)
        for split in bytes.indices.dropFirst() {
            let pieces = [Array(bytes[..<split]), Array(bytes[split...])]
            #expect(read(pieces) == inputs, "split at \(split)")
        }
    }

    /// A head of exactly the limit is taken, one byte more is refused, wherever the byte stands.
    @Test func headsUpToTheLimit() {
        let start = "GET / HTTP/1.1\r\nHost: a\r\nX: "
        let room = HealthLimits.head - start.utf8.count - 4
        let fits = start + String(repeating: "x", count: room) + "\r\n\r\n"
        #expect(fits.utf8.count == HealthLimits.head)
        #expect(read([Array(fits.utf8)]) == [HTTPRequestParserTests.get("/")])
        let long = start + String(repeating: "x", count: room + 1) + "\r\n\r\n"
        #expect(read([Array(long.utf8)]) == [.refused(.headTooLarge)])
        let endless = start + String(repeating: "x", count: 1 << 20)
        #expect(read([Array(endless.utf8)]) == [.refused(.headTooLarge)])
        let empty = String(repeating: "\r\n", count: 1 << 16)
        #expect(read([Array(empty.utf8)]) == [.refused(.headTooLarge)])
    }

    /// The first line has a limit of its own, whether it ends or not.
    @Test func firstLinesUpToTheLimit() {
        let room = HealthLimits.requestLine - "GET / HTTP/1.1\r".utf8.count
        let fits = "GET /" + String(repeating: "x", count: room) + " HTTP/1.0\r\n\r\n"
        #expect(read([Array(fits.utf8)]).first?.keepsAlive == false)
        #expect(read([Array(fits.utf8)]) != [.refused(.targetTooLong)])
        let long = "GET /" + String(repeating: "x", count: room + 1) + " HTTP/1.0\r\n\r\n"
        #expect(read([Array(long.utf8)]) == [.refused(.targetTooLong)])
        let endless = String(repeating: "G", count: 1 << 20)
        #expect(read([Array(endless.utf8)]) == [.refused(.targetTooLong)])
    }

    /// So many fields are taken, and no more.
    @Test func fieldsUpToTheLimit() {
        let fields = { (count: Int) in
            "GET / HTTP/1.1\r\nHost: a\r\n" + String(repeating: "a:\r\n", count: count - 1) + "\r\n"
        }
        #expect(
            read([Array(fields(HealthLimits.fields).utf8)]) == [HTTPRequestParserTests.get("/")])
        #expect(
            read([Array(fields(HealthLimits.fields + 1).utf8)]) == [.refused(.headTooLarge)])
    }

    /// Of a flood of requests that arrive together so many are answered; then the connection is refused for good.
    @Test func floodsAreCutOff() {
        let request = "GET / HTTP/1.1\r\nHost: a\r\n\r\n"
        let flood = Array(String(repeating: request, count: 2000).utf8)
        let inputs = read([flood, flood])
        let answered = Array(
            repeating: HTTPRequestParserTests.get("/"), count: HealthLimits.together)
        #expect(inputs == answered + [.refused(.unavailable)])
        // One after the other they are as welcome as ever.
        #expect(read(Array(repeating: Array(request.utf8), count: 2000)).count == 2000)
    }

    /// The parser says when it waits for the rest of a request, which is when its owner counts the time.
    @Test func knowsWhenItIsInsideARequest() {
        var parser = HTTPRequestParser()
        #expect(!parser.isInsideRequest)
        _ = parser.receive(Array("GET / HT".utf8).span)
        #expect(parser.isInsideRequest)
        _ = parser.receive(Array("TP/1.1\r\nHost: a\r\n\r\n".utf8).span)
        #expect(!parser.isInsideRequest && !parser.isClosed)
        _ = parser.receive(Array("GET / HTTP/1.0\r\n\r\n".utf8).span)
        #expect(!parser.isInsideRequest && parser.isClosed)
    }

    /// Random changes of good requests, cut at random, give the same as uncut, and never more than was asked.
    @Test func nonsenseInAnyPieces() {
        var random = SeededRandom.announced()
        let meaningful = Array("\r\n :/,GETHAD?.10*\0\t\u{7F}".utf8) + [0xFF]
        for _ in 0..<2000 {
            let row = HTTPRequestParserTests.rows.randomElement(using: &random)!
            var bytes = Array(row.bytes.utf8)
            for _ in 0..<Int.random(in: 1...4, using: &random) {
                let place = Int.random(in: 0...bytes.count, using: &random)
                let byte = meaningful.randomElement(using: &random)!
                switch Int.random(in: 0..<3, using: &random) {
                case 0 where place < bytes.count: bytes[place] = byte
                case 1 where place < bytes.count: bytes.remove(at: place)
                default: bytes.insert(byte, at: place)
                }
            }
            let whole = read([bytes])
            var cuts = Cuts(seed: bytes)
            #expect(read(cuts.pieces(of: bytes)) == whole, "\(bytes)")
            let last = whole.dropLast().allSatisfy(\.keepsAlive)
            #expect(last, "something was taken behind a request that closes: \(bytes)")
        }
    }
}
