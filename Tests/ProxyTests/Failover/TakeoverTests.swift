// Whether a replica is promoted, and which: rows of what the replicas say, and the verdict.

import Testing

@testable import Proxy

@Suite struct TakeoverTests {
    private static func witness(
        _ server: Int, silence: Int? = 5, _ change: (inout TakeoverWitness) -> Void = { _ in }
    ) -> TakeoverWitness {
        var witness = TakeoverWitness(server: server, history: "h", offset: 100)
        witness.silence = silence.map { .seconds($0) }
        change(&witness)
        return witness
    }

    private static let hears = witness(9, silence: 0)
    private static let silent = witness(9) { $0.isAnswering = false }
    private static let unknown = witness(9) {
        $0.isAnswering = false
        $0.history = nil
    }
    private static let stranger = witness(9, silence: 0) { $0.history = "other" }
    private static let copying = witness(9) { $0.isIncomplete = true }
    private static let master = witness(9) { $0.isReplica = false }

    private static func judge(_ witnesses: TakeoverWitness...) -> Takeover.Verdict {
        Takeover.judge(witnesses, history: "h", downAfter: .seconds(5))
    }

    /// More than half of those that may hear the master must not hear it.
    @Test func trapD3_majority() {
        let (first, second, third) = (Self.witness(1), Self.witness(2), Self.witness(3))
        #expect(Self.judge(first) == .promote(1))
        #expect(Self.judge(first, second) == .promote(1))
        #expect(Self.judge(first, second, Self.hears) == .promote(1))
        #expect(Self.judge(first, second, third, Self.hears) == .promote(1))
        for other in [Self.hears, Self.silent, Self.unknown, Self.copying, Self.master] {
            #expect(Self.judge(first, other) == .wait(.tooFewWitnesses(1, of: 2)))
            #expect(
                Self.judge(first, second, other, other) == .wait(.tooFewWitnesses(2, of: 4)))
        }
        // Who follows another master has nothing to say.
        #expect(Self.judge(first, Self.stranger, Self.stranger) == .promote(1))
        #expect(Self.judge(Self.stranger) == .wait(.tooFewWitnesses(0, of: 0)))
        #expect(Self.judge() == .wait(.tooFewWitnesses(0, of: 0)))
    }

    /// A link counts as up for a minute after the last word: what counts is the silence. But an idle master is silent
    /// for ten seconds, or as it is told.
    @Test(arguments: [(14, 10, false), (15, 10, true), (5, 10, false), (6, 1, true), (5, 1, false)])
    func silenceOnALink(silence: Int, heartbeat: Int, isPromoted: Bool) {
        let verdict = Takeover.judge(
            [Self.witness(1, silence: silence) { $0.isLinkUp = true }], history: "h",
            downAfter: .seconds(5), heartbeat: .seconds(heartbeat))
        #expect(verdict == (isPromoted ? .promote(1) : .wait(.tooFewWitnesses(0, of: 1))))
    }

    @Test func trapD3_silence() {
        #expect(Self.judge(Self.witness(1, silence: 4)) == .wait(.tooFewWitnesses(0, of: 1)))
        #expect(Self.judge(Self.witness(1, silence: nil)) == .wait(.tooFewWitnesses(0, of: 1)))
        #expect(Self.judge(Self.witness(1, silence: 60)) == .promote(1))
    }

    /// The one that is furthest in that history, whoever says it hears the master; then by priority.
    @Test func trapD3_theHeir() {
        let (first, second) = (Self.witness(1), Self.witness(2))
        #expect(Self.judge(first, Self.witness(2) { $0.offset = 101 }) == .promote(2))
        #expect(Self.judge(first, Self.witness(2) { $0.priority = 10 }) == .promote(2))
        #expect(
            Self.judge(first, second, Self.witness(3, silence: 0) { $0.offset = 200 })
                == .promote(3))
        #expect(
            Self.judge(first, Self.witness(2) { ($0.offset, $0.priority) = (200, 0) })
                == .promote(1))
        #expect(
            Self.judge(
                first, Self.stranger, Self.witness(2) { ($0.offset, $0.history) = (200, "g") })
                == .promote(1))
        let never = Self.witness(1) { $0.priority = 0 }
        #expect(Self.judge(never) == .wait(.noHeir))
        #expect(Self.judge(Self.witness(1) { $0.offset = nil }) == .wait(.noHeir))
    }

    @Test func noHistory() {
        let verdict = Takeover.judge([Self.witness(1)], history: nil, downAfter: .seconds(5))
        #expect(verdict == .wait(.noHistory))
    }
}
