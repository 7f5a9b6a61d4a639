// The simulation of the whole: many seeds, each a run in which a random choice of things breaks.

import Testing

@Suite struct SimulationTests {
    /// Every law holds in every run: while things break, and once they do not any more.
    @Test func survives() async {
        let seeds = Seeds.chosen
        if Seeds.isOne {
            let outcome = simulate(seed: seeds[0], .serverAndProxy, isTracing: true)
            print(outcome.lines)
            print(outcome.coverage.table)
        }
        let summary = await simulate(seeds: seeds) { .serverAndProxy }
        report(summary)
        if Seeds.areMany {
            #expect(summary.coverage.missing(in: summary.runs).isEmpty, "no seed reached these")
        }
    }

    /// Seeds that once failed fail no more.
    @Test(arguments: Seeds.onceFailed.map(\.seed))
    func whatOnceFailedFailsNoMore(seed: UInt64) async {
        report(await simulate(seeds: [seed]) { .serverAndProxy })
    }

    private func report(_ summary: Summary) {
        for failure in summary.failures.prefix(5) {
            Issue.record(
                "\(failure.violation)\nrun it again: \(Seeds.command(for: failure.seed))")
        }
        #expect(summary.failures.count == 0, "of \(summary.runs) seeds")
        print(
            "simulation: \(summary.runs) seeds, \(summary.answers) replies judged,",
            "\(summary.events) events")
        if summary.runs >= 100 { print(summary.coverage.table) }
    }
}
