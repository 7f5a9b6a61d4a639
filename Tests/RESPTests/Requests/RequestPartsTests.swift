// Requests that are too big to be gathered: their parts, one after the other, are the request, however it was cut, and
// whatever the handler says in between.

import RESP
import TestSupport
import Testing

/// A connection whose requests may come in parts.
private final class Connection {
    let reader: RequestReader
    let limits: RequestLimits
    private(set) var unfinished: UnfinishedRequest?
    /// The bytes of each request that has come to its end.
    private(set) var requests: [[UInt8]] = []
    /// The bytes of the request that has begun; nil between two.
    private(set) var begun: [UInt8]?
    private(set) var error: ProtocolError?
    private(set) var parts: [Request.Part] = []
    /// What the last head showed.
    private(set) var head: (arguments: [[UInt8]], announced: Int) = ([], 0)
    private(set) var isDropped = false

    init(through reader: RequestReader = RequestReader(), _ limits: RequestLimits) {
        self.reader = reader
        self.limits = limits
    }

    convenience init(streamAbove: Int?) {
        var limits = RequestLimits()
        limits.streamAbove = streamAbove
        self.init(limits)
    }

    /// Returns whether the handler was asked at all.
    @discardableResult
    func read(
        _ bytes: [UInt8], answer: (Request.Part) -> RequestReader.Verdict = { _ in .goOn }
    ) -> Bool {
        var isAsked = false
        do throws(ProtocolError) {
            unfinished = try reader.read(bytes.span, after: unfinished, limits: limits) { request in
                isAsked = true
                let verdict = answer(request.part)
                switch verdict {
                case .goOn, .wait: take(request)
                case .drop: isDropped = true
                case .gather, .notYet: break
                }
                return verdict
            }
        } catch {
            unfinished = nil
            self.error = error
        }
        return isAsked
    }

    private func take(_ request: Request) {
        parts.append(request.part)
        let bytes = copy(request.bytes)
        #expect(!bytes.isEmpty)
        switch request.part {
        case .whole:
            #expect(begun == nil)
            #expect(request.announced == request.count)
            requests.append(bytes)
        case .head:
            #expect(begun == nil)
            head = ((0..<request.count).map { copy(request[$0]) }, request.announced)
            #expect(request.count >= 1)
            #expect(request.count <= request.announced)
            // Everything of the head is there: its arguments are the request's, as it was sent.
            let front = "*\(request.announced)\r\n".bytes + encode(head.arguments).drop { $0 != 36 }
            #expect(isSame(Array(bytes.prefix(front.count)), front))
            begun = bytes
        case .middle:
            #expect(request.count == 0)
            begun = begun.map { $0 + bytes }
            #expect(begun != nil)
        case .tail:
            #expect(request.count == 0)
            #expect(begun != nil)
            requests.append((begun ?? []) + bytes)
            begun = nil
        }
    }
}

@Suite struct RequestPartsTests {
    /// Longer than any row.
    private static let limits = Array(0...12) + [15, 20, 25, 30, 40, 60]

    @Test(arguments: RequestParserTests.rows)
    func partsAreTheRequest(bytes: String, requests: [[String]]) {
        let expected = requests.map { encode($0.map(\.bytes)) }
        for limit in Self.limits {
            for pieces in splits(of: bytes.bytes) {
                let connection = Connection(streamAbove: limit)
                for piece in pieces { connection.read(piece) }
                #expect(connection.requests == expected, "\(pieces.map(\.escaped))")
                #expect(connection.begun == nil)
                #expect(connection.unfinished == nil)
            }
        }
    }

    @Test(arguments: RequestParserTests.malformed)
    func errorsAreTheSame(bytes: String, error: ProtocolError) {
        let ping = "*1\r\n$4\r\nPING\r\n".bytes
        for limit in Self.limits {
            for pieces in splits(of: ping + bytes.bytes) {
                let connection = Connection(streamAbove: limit)
                for piece in pieces where connection.error == nil { connection.read(piece) }
                #expect(connection.requests == [ping])
                #expect(connection.error == error)
            }
        }
    }

    /// What decides is what is known: the bytes so far, the bulk at hand, and six bytes for each argument behind it.
    @Test(arguments: [
        ("*2\r\n$3\r\nGET\r\n$1\r\n", 17 + 3), ("*2\r\n$3\r\nGET\r\n$10\r\nabc", 18 + 12),
        ("*3\r\n$3\r\nSET\r\n$1\r\nk\r\n", 20 + 6), ("*9\r\n$3\r\nSET\r\n$1\r\n", 20 + 7 * 6),
        ("*9\r\n$3\r\nSET\r\n$", 13 + 8 * 6),
    ])
    func streamsWhatIsKnownToBeLonger(bytes: String, _ known: Int) {
        for (limit, parts) in [(known - 1, [Request.Part.head]), (known, [])] {
            let connection = Connection(streamAbove: limit)
            connection.read(bytes.bytes)
            #expect(connection.parts == parts)
        }
    }

    /// A request is not offered before its name is known, nor when it is all there.
    @Test func needsAName() {
        let connection = Connection(streamAbove: 0)
        connection.read("*2\r\n$3\r\nGE".bytes)
        #expect(connection.parts == [])
        connection.read("T\r\n$4\r\nab".bytes)
        #expect(connection.parts == [.head])
        #expect(connection.head.arguments == ["GET".bytes])
        #expect(connection.head.announced == 2)
        connection.read("c".bytes)
        connection.read("d\r".bytes)
        connection.read("\n*1\r\n$4\r\nPING\r\n".bytes)
        #expect(connection.parts == [.head, .middle, .middle, .tail, .whole])
    }

    /// Line ends that are none are written as such in every part.
    @Test func tidiesParts() {
        let sloppy = "*3\rX$3\rXSETXX$2\rXabXX$3\rXcdeXX".bytes
        let expected = encode(["SET".bytes, "ab".bytes, "cde".bytes])
        for pieces in splits(of: sloppy + sloppy) {
            for limit in 0...40 {
                let connection = Connection(streamAbove: limit)
                for piece in pieces { connection.read(piece) }
                #expect(connection.requests == [expected, expected])
            }
        }
    }

    /// `notYet` keeps a part, and it comes again with a call that has no new bytes, with all that has arrived since.
    @Test func offersAgain() {
        let connection = Connection(streamAbove: 10)
        let request = encode(["SET".bytes, "k".bytes, [UInt8](repeating: 0x61, count: 100)])
        connection.read(Array(request[..<40])) { _ in .notYet }
        #expect(connection.parts == [])
        connection.read(Array(request[40..<50])) { _ in .notYet }
        #expect(connection.parts == [])
        connection.read([])
        #expect(connection.parts == [.head])
        #expect(connection.begun?.count == 50)
        connection.read(Array(request[50..<60])) { _ in .notYet }
        connection.read(Array(request[60..<70])) { _ in .wait }
        #expect(connection.parts == [.head, .middle])
        #expect(connection.begun?.count == 70)
        let next = "*1\r\n$4\r\nPING\r\n".bytes
        connection.read(Array(request[70...]) + next) { _ in .notYet }
        #expect(connection.begun?.count == 70)
        connection.read([]) { _ in .wait }
        #expect(connection.requests == [request])
        connection.read([])
        #expect(connection.requests == [request, next])
        #expect(connection.unfinished == nil)
    }

    /// A head that is declined comes again when the request is whole, and the next request is offered anew.
    @Test func gathersWhatIsDeclined() {
        let connection = Connection(streamAbove: 10)
        let request = encode(["SET".bytes, "k".bytes, [UInt8](repeating: 0x61, count: 100)])
        for byte in request + request.dropLast() {
            connection.read([byte]) { $0 == .head && connection.requests.isEmpty ? .gather : .goOn }
        }
        #expect(connection.requests == [request])
        #expect(connection.parts.starts(with: [.whole, .head, .middle]))
        // A line end comes with both of its bytes.
        #expect(connection.begun == request.dropLast(2))
    }

    /// `drop` forgets all that is left, at each part, and the reader serves its other connections.
    @Test(arguments: [Request.Part.head, .middle, .tail]) func drops(at part: Request.Part) {
        var limits = RequestLimits()
        limits.streamAbove = 10
        let reader = RequestReader()
        let request = encode(["SET".bytes, "k".bytes, [UInt8](repeating: 0x61, count: 100)])
        for _ in 0..<3 {
            let connection = Connection(through: reader, limits)
            for piece in [request[..<50], request[50..<80], request[80...] + request] {
                if connection.isDropped { break }
                connection.read(Array(piece)) { $0 == part ? .drop : .goOn }
            }
            #expect(connection.isDropped)
            #expect(connection.requests == [])
            #expect(connection.unfinished == nil)
        }
    }

    /// The limit on a request counts the parts that are gone; it is found out at the header that goes beyond it.
    @Test func limitsTheWhole() {
        let request = encode(["SET".bytes, "k".bytes, "12345".bytes, "12345".bytes])
        for (length, error) in [
            (request.count, nil), (request.count - 1, ProtocolError.tooBigRequest),
        ] {
            var limits = RequestLimits()
            limits.streamAbove = 0
            limits.requestLength = length
            let connection = Connection(limits)
            for byte in request where connection.error == nil { connection.read([byte]) }
            #expect(connection.error == error)
            #expect(connection.requests == (error == nil ? [request] : []))
        }
    }

    /// What is held while 8 MB go through in reads of 64 kB is no more than two of these and the beginning of a header,
    /// also when they cut through many small arguments, and when all line ends are to be rewritten.
    @Test(arguments: ["\r\n", "\rX"]) func memoryIsTheReadSize(lineEnd: String) throws {
        let read = 64 * 1024
        let large = [UInt8](repeating: 0x61, count: 8 << 20)
        let small = [[UInt8]](repeating: "abc".bytes, count: 200_000)
        for words in [["SET".bytes, "k".bytes, large], ["DEL".bytes] + small] {
            var input = encode(words)
            let expected = input
            if lineEnd == "\rX" {
                for index in input.indices where input[index] == 10 { input[index] = 0x58 }
            }
            let connection = Connection(streamAbove: read)
            for start in stride(from: 0, to: input.count, by: read) {
                connection.read(Array(input[start..<min(start + read, input.count)]))
                guard let unfinished = connection.unfinished else { continue }
                let held = unfinished.bytes.allocated + unfinished.parser.allocated
                #expect(held <= 2 * read + 512, "\(held) at \(start)")
            }
            #expect(connection.requests.count == 1)
            #expect(isSame(connection.requests.first ?? [], expected))
        }
    }

    /// Rows put behind one another and damaged, in random pieces and with random verdicts: what comes is what the naive
    /// parser finds, through one reader for all.
    @Test(arguments: 0..<8) func agreesWithTheNaiveParser(seed: UInt64) {
        var random = SeededRandom(seed: seed)
        let corpus =
            RequestParserTests.rows.map(\.bytes.bytes)
            + RequestParserTests.malformed.map(\.bytes.bytes)
        let reader = RequestReader()
        for round in 0..<600 {
            var input: [UInt8] = []
            for _ in 0..<Int.random(in: 1...3, using: &random) {
                input += corpus.randomElement(using: &random)!
            }
            if Bool.random(using: &random) { input = mutate(input, using: &random) }
            var limits = RequestLimits()
            limits.isAuthenticated = round % 4 > 0
            limits.requestLength = round % 4 == 1 ? 40 : 1 << 30
            limits.streamAbove = Int.random(in: 0..<30, using: &random)
            let expected = NaiveRequestParser.parse(input, limits: limits)
            let connection = Connection(through: reader, limits)
            feed(input, to: connection, using: &random)
            #expect(connection.requests == expected.requests.map(encode), "\(input.escaped)")
            #expect(connection.error == expected.error, "\(input.escaped)")
            reader.recycle(connection.unfinished)
        }
    }

    private func feed(
        _ input: [UInt8], to connection: Connection, using random: inout SeededRandom
    ) {
        var start = 0
        while start < input.count || connection.unfinished != nil {
            let size = [0, 1, 1, 2, 5, 60].randomElement(using: &random)!
            let end = min(start + size, input.count)
            let isAsked = connection.read(Array(input[start..<end])) { part in
                switch Int.random(in: 0..<8, using: &random) {
                case 0: .wait
                case 1, 2: .notYet
                case 3 where part == .head: .gather
                default: .goOn
                }
            }
            if connection.error != nil { return }
            // At the end, a call in which nothing is offered says that the rest is not a request.
            if start == input.count, !isAsked { return }
            start = end
        }
    }
}
