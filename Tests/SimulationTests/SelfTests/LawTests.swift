// The simulator's own tests: a sound core breaks no law, and each law catches a core that breaks it.

import Testing

@Suite struct LawTests {
    private static func setup(_ flaw: Flaw) -> Setup {
        Setup(server: { _, _ in SmallServer(flaw: flaw) })
    }

    /// A server that does everything right gets through every fault.
    @Test func aSoundServerBreaksNoLaw() async {
        let summary = await simulate(seeds: Array(1...20)) { Self.setup(.none) }
        for failure in summary.failures.prefix(3) {
            Issue.record("seed \(failure.seed): \(failure.violation)")
            let again = simulate(seed: failure.seed, Self.setup(.none), isTracing: true)
            print(again.lines)
        }
        #expect(summary.answers > 5_000)
    }

    /// A flaw is caught within a few seeds, by a law that is about it.
    @Test(arguments: Flaw.allCases.filter { $0 != .none })
    func eachFlawIsCaught(flaw: Flaw) {
        for seed in UInt64(1)...40 {
            guard let violation = simulate(seed: seed, Self.setup(flaw)).violation else { continue }
            #expect(flaw.laws.contains(violation.law), "seed \(seed): \(violation)")
            return
        }
        Issue.record("40 seeds did not catch it")
    }

    /// No law is without a flaw that breaks it.
    @Test func eachLawHasItsFlaw() {
        for law in Law.allCases {
            #expect(Flaw.allCases.contains { $0.laws.contains(law) }, "\(law)")
        }
    }
}
