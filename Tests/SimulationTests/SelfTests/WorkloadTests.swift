// The parts of the workload that judge: the reader of replies, the ledger, and the forms of requests.

import RESP
import Testing

/// `#expect` cannot look at what a mutating call returns.
private func expect<Value: Equatable>(
    _ value: Value, _ wanted: Value, _ comment: Comment? = nil,
    at location: SourceLocation = #_sourceLocation
) {
    #expect(value == wanted, comment, sourceLocation: location)
}

@Suite struct WorkloadTests {
    private static let stream =
        "+OK\r\n-ERR no\r\n:-5\r\n$0\r\n\r\n$-1\r\n$7\r\na\r\nb\r\nc\r\n:12\r\n"
        + "*0\r\n*3\r\n:1\r\n*1\r\n+a\r\n$2\r\nbc\r\n*-1\r\n"
    private static let replies: [Reply] = [
        .simple([UInt8]("OK")), .error([UInt8]("ERR no")), .integer(-5), .bulk([]), .null,
        .bulk([UInt8]("a\r\nb\r\nc")), .integer(12),
        .array([]),
        .array([.integer(1), .array([.simple([UInt8]("a"))]), .bulk([UInt8]("bc"))]), .null,
    ]

    /// However the bytes are cut, the same replies come out.
    @Test func repliesAreReadAcrossEverySplit() {
        let bytes = [UInt8](Self.stream)
        for cut in 0...bytes.count {
            var reader = ReplyReader()
            var replies: [Reply] = []
            reader.append(bytes.span.extracting(0..<cut))
            while let reply = reader.next() { replies.append(reply) }
            reader.append(bytes.span.extracting(cut..<bytes.count))
            while let reply = reader.next() { replies.append(reply) }
            #expect(replies == Self.replies, "cut at \(cut)")
            #expect(reader.unfinished == 0)
        }
    }

    @Test(arguments: [
        "$3\r\nabcd\r\n", ":x\r\n", "$-2\r\n", "what\r\n", "$2\r\nabc\r\n+OK\r\n",
    ])
    func whatIsNoReplyIsMalformed(text: String) throws {
        var reader = ReplyReader()
        reader.append([UInt8](text).span)
        let next = reader.next()
        let reply = try #require(next)
        guard case .malformed = reply else {
            Issue.record("\(text) was read as \(reply)")
            return
        }
    }

    /// Every form of a request is read back as the same arguments by the parser under test.
    @Test(arguments: [RequestForm.multibulk, .inline, .quoted])
    func requestsAreWhatTheySay(form: RequestForm) throws {
        let payload = Payload(client: 1, number: 2, size: 300)
        let arguments = Question.set(key: 1, payload).arguments(of: 1)
        var bytes: [UInt8] = []
        _ = form.write(arguments, to: &bytes)
        var parser = RequestParser()
        let outcome = try parser.parse(bytes.span, from: 0, limits: RequestLimits())
        #expect(outcome == .request(end: bytes.count))
        let request = parser.request(in: bytes.span)
        try #require(request.count == 3)
        for index in 0..<3 {
            #expect([UInt8](copying: request[index]) == arguments[index])
        }
    }

    @Test func payloadsTellTheirClientsApart() {
        let payload = Payload(client: 1, number: 2, size: 50)
        #expect(payload.matches(payload.bytes))
        #expect(!payload.matches(Payload(client: 2, number: 2, size: 50).bytes))
        #expect(!payload.matches(payload.bytes.dropLast()))
        #expect(Payload(client: 1, number: 1, size: 0).bytes.isEmpty)
    }

    @Test func aKeyHoldsItsLastWriteOrAnUnknownOne() {
        let first = Payload(client: 1, number: 1, size: 20)
        let second = Payload(client: 1, number: 2, size: 20)
        var key = KeyRecord()
        expect(key.saw(nil), .expected)
        key.wrote(first, certainly: true)
        expect(key.saw(first.bytes), .expected)
        expect(key.saw(nil), .impossible)
        key.wrote(second, certainly: false)
        expect(key.saw(first.bytes), .expected)
        expect(key.saw(second.bytes), .unknownWrite)
        expect(key.saw(first.bytes), .impossible, "an overwritten value does not come back")
        key.wrote(first, certainly: true)
        expect(key.saw(second.bytes), .impossible, "a write does not happen twice")
        key.serverRestarted()
        expect(key.saw(nil), .expected)
    }

    @Test func aRemovalCountsWhatMayBeThere() {
        var key = KeyRecord()
        #expect(key.mayHaveRemoved(0) && !key.mayHaveRemoved(1))
        key.wrote(Payload(client: 1, number: 1, size: 1), certainly: false)
        #expect(key.mayHaveRemoved(0) && key.mayHaveRemoved(1))
        key.wrote(Payload(client: 1, number: 2, size: 1), certainly: true)
        #expect(!key.mayHaveRemoved(0) && key.mayHaveRemoved(1) && !key.mayHaveRemoved(2))
    }

    @Test func aCounterLiesBetweenAcknowledgedAndSent() {
        var counter = CounterRecord()
        expect(counter.incremented(to: 1, certainly: true), true)
        var doubled = counter
        expect(doubled.incremented(to: 3, certainly: true), false, "an INCR that ran twice")
        var back = counter
        expect(back.incremented(to: 1, certainly: true), false, "a counter that stood still")
        counter.lostTrack()
        expect(counter.incremented(to: 3, certainly: true), true, "the lost one may have run")
        expect(counter.read(3, certainly: true), true)
        expect(counter.read(2, certainly: true), false, "a counter that went back")
        counter.serverRestarted()
        expect(counter.read(0, certainly: true), true)
    }

    @Test func anElementIsPoppedOnce() {
        let (first, second) = ([UInt8]("a"), [UInt8]("b"))
        var commons = Commons()
        expect(commons.popped(first, life: 1), false, "nobody has pushed it")
        commons.willPush(first)
        commons.pushed(first, life: 1)
        expect(commons.unpopped, 1)
        expect(commons.popped(first, life: 1), true)
        expect(commons.popped(first, life: 1), false, "an element that came twice")
        expect(commons.unpopped, 0)
        commons.willPush(second)
        expect(
            commons.popped(second, life: 1), true, "it may be popped before its push is answered")
        commons.pushed(second, life: 1)
        expect(commons.unpopped, 0)
    }

    /// A server that begins with nothing has no elements; what was on its way may still come.
    @Test func elementsOfAnEarlierLifeAreNotMissed() {
        let element = [UInt8]("a")
        var commons = Commons()
        commons.willPush(element)
        commons.pushed(element, life: 1)
        commons.serverRestarted()
        expect(commons.unpopped, 0)
        expect(commons.popped(element, life: 2), true)
        expect(commons.unpopped, 0)
    }

    @Test func editionsAreReadBack() {
        for isLast in [false, true] {
            let edition = Edition(client: 3, connection: 2, number: 17, isLast: isLast)
            let words = String(decoding: edition.bytes, as: UTF8.self).split(separator: " ")
            #expect(Edition(words[...]) == edition)
        }
    }
}
