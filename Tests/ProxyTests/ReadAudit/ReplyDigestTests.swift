// What the audit keeps of replies, and of the times of watermarks.

import RESP
import Testing

@testable import Proxy

@Suite struct ReplyDigestTests {
    private func digest(_ pieces: String...) -> ReplyDigest {
        var digest = ReplyDigest()
        for piece in pieces { digest.add(Array(piece.utf8).span) }
        return digest
    }

    /// Where a reply is cut makes no difference; any of its bytes does.
    @Test func cuts() {
        let reply = "*2\r\n$3\r\none\r\n$3\r\ntwo\r\n"
        for cut in 0...reply.count {
            #expect(
                digest(String(reply.prefix(cut)), String(reply.dropFirst(cut))) == digest(reply))
        }
        for place in reply.indices {
            var other = reply
            other.replaceSubrange(place...place, with: "#")
            #expect(digest(other) != digest(reply))
        }
        #expect(digest(reply + "x") != digest(reply))
    }

    @Test(arguments: [
        ("$-1\r\n", true), ("*-1\r\n", true), ("_\r\n", true), (":0\r\n", true), ("*0\r\n", true),
        ("$0\r\n\r\n", true), ("+none\r\n", true), (":1\r\n", false), ("$1\r\n0\r\n", false),
        ("+list\r\n", false), ("*1\r\n$-1\r\n", false), (":10\r\n", false), ("", false),
    ])
    func saysNothing(reply: String, isNothing: Bool) {
        for cut in 0...reply.count {
            let digest = digest(String(reply.prefix(cut)), String(reply.dropFirst(cut)))
            #expect(digest.saysNothing == isNothing)
        }
    }

    @Test func length() {
        let long = String(repeating: "x", count: ReplyDigest.most)
        #expect(!digest(long).isTooLong)
        #expect(digest(long, "x").isTooLong)
        // Two that are not looked at whole are not the same by that.
        let verdict = AuditVerdict(.ofKey, replica: digest(long, "x"), master: digest(long, "x"))
        #expect(verdict != .same)
    }
}

@Suite struct WatermarkTimesTests {
    private static func at(_ milliseconds: Int) -> Instant {
        Instant(nanoseconds: 5_000_000_000) + .milliseconds(milliseconds)
    }

    private static func mark(_ number: Int) -> Watermark { Watermark(number: UInt64(number)) }

    /// A number was given out no later than the first that is noted with it or with a higher one.
    @Test func passed() {
        var times = WatermarkTimes(capacity: 4)
        #expect(times.passed(Self.mark(1)) == nil)
        for (number, time) in [(3, 0), (5, 20), (9, 40)] {
            times.note(Self.mark(number), at: Self.at(time))
        }
        let rows = [(1, 0), (3, 0), (4, 20), (5, 20), (6, 40), (9, 40)]
        for (number, time) in rows {
            #expect(times.passed(Self.mark(number)) == Self.at(time))
        }
        #expect(times.passed(Self.mark(10)) == nil)
        #expect(times.passed(.none) == nil)
    }

    /// Closer together than the pace they share an entry, which does not wander; the oldest are forgotten.
    @Test func paceAndCapacity() {
        var times = WatermarkTimes(capacity: 4)
        for number in 1...100 { times.note(Self.mark(number), at: Self.at(number)) }
        for number in 70...100 {
            let passed = times.passed(Self.mark(number))
            #expect(passed != nil)
            #expect(passed! >= Self.at(number))
            #expect(passed! <= Self.at(number) + WatermarkTimes.pace)
        }
        #expect(times.passed(Self.mark(1))! >= Self.at(60))
    }

    /// Where numbers are given out for writes alone, the newest has no successor that would tell.
    @Test func unpublished() {
        var times = WatermarkTimes(capacity: 4, arePublished: false)
        times.note(Self.mark(3), at: Self.at(0))
        #expect(times.passed(Self.mark(4)) == Self.at(0) + WatermarkTimes.pace)
        #expect(times.passed(Self.mark(5)) == nil)
    }
}
