// What is known of a replica: of one process, following one master, and void at any doubt.

import RESP
import Testing

@testable import Proxy

@Suite struct ProofTableTests {
    private let one = ProcessMark(runID: Array("one".utf8).span)
    private let two = ProcessMark(runID: Array("two".utf8).span)

    private func mark(_ number: UInt64) -> Watermark { Watermark(number: number) }

    @Test func deliveries() {
        let proof = Proof()
        #expect(proof.look() == nil)
        #expect(proof.deliver(mark(3), by: one, following: 9, at: 100))
        #expect(
            proof.look() == .init(process: one, applied: mark(3), master: 9, offset: 100))
        #expect(!proof.deliver(mark(8), by: one, following: 9, at: 100))
        #expect(!proof.deliver(mark(5), by: one, following: 9, at: 100))
        #expect(proof.applied(by: one) == mark(8))
    }

    /// Nothing that is known of one process is true of another (trap A5).
    @Test func anotherProcess() {
        let proof = Proof()
        _ = proof.deliver(mark(3), by: one, following: 9, at: 0)
        #expect(proof.applied(by: two) == nil)
        #expect(proof.applied(by: .unknown) == nil)
        proof.void(mark(3))
        #expect(proof.deliver(mark(4), by: two, following: 9, at: 0))
        #expect(proof.applied(by: one) == nil)
        #expect(proof.applied(by: two) == mark(4))
    }

    /// A watermark that was given out before the doubt may have been applied to data that is gone (trap A2b).
    @Test func doubt() {
        let proof = Proof()
        _ = proof.deliver(mark(3), by: one, following: 9, at: 50)
        proof.void(mark(6))
        #expect(proof.look() == nil)
        #expect(!proof.deliver(mark(6), by: one, following: 9, at: 50))
        #expect(proof.look() == nil)
        #expect(proof.deliver(mark(7), by: one, following: 4, at: 20))
        #expect(
            proof.look() == .init(process: one, applied: mark(7), master: 4, offset: 20))
    }

    @Test func offsetsOnlyRise() {
        let proof = Proof()
        _ = proof.deliver(mark(1), by: one, following: 9, at: 50)
        proof.noteOffset(40)
        #expect(proof.look()?.offset == 50)
        proof.noteOffset(60)
        #expect(proof.look()?.offset == 60)
    }

    /// Watermarks rise, and what comes next stands behind what has happened.
    @Test func watermarks() {
        let freshness = Freshness(servers: 2)
        #expect(freshness.last == .none)
        let next = freshness.next
        #expect(freshness.give() == next)
        #expect(freshness.last == next)
        #expect(freshness.next > next)
        _ = freshness.proofs[1].deliver(mark(1), by: one, following: 0, at: 0)
        freshness.voidAll()
        #expect(freshness.proofs[1].look() == nil)
        #expect(!freshness.proofs[1].deliver(mark(1), by: one, following: 0, at: 0))
    }
}
