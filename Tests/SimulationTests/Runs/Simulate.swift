// One run from one seed, and many runs from many seeds.

import Foundation

/// What came of one run.
struct Outcome {
    let seed: UInt64
    let violation: Violation?
    let digest: UInt64
    let coverage: Coverage
    let answers: Int
    let events: Int
    /// The last lines of the trace, if one was kept.
    let lines: String
}

/// Runs one seed to its end, or to the first broken law.
func simulate(seed: UInt64, _ setup: Setup, isTracing: Bool = false) -> Outcome {
    let world = World(seed: seed, setup: setup, isTracing: isTracing)
    world.run()
    return Outcome(
        seed: seed, violation: world.violation, digest: world.digest.value,
        coverage: world.coverage, answers: world.answers, events: world.eventCount,
        lines: world.lastLines(Seeds.traceLength))
}

/// The outcomes of many seeds together.
struct Summary: Sendable {
    private(set) var runs = 0
    private(set) var answers = 0
    private(set) var events = 0
    private(set) var coverage = Coverage()
    private(set) var failures: [(seed: UInt64, violation: Violation)] = []

    mutating func add(_ outcome: Outcome) {
        runs += 1
        answers += outcome.answers
        events += outcome.events
        coverage.add(outcome.coverage)
        if let violation = outcome.violation { failures.append((outcome.seed, violation)) }
    }

    mutating func add(_ other: Summary) {
        runs += other.runs
        answers += other.answers
        events += other.events
        coverage.add(other.coverage)
        failures += other.failures
    }
}

/// After so many failures in one lane the other seeds are not run.
private let mostFailures = 5

/// Runs all seeds, as many at a time as there are processors. Runs share nothing, so their order does not matter.
func simulate(seeds: [UInt64], _ setup: @escaping @Sendable () -> Setup) async -> Summary {
    let lanes = max(1, ProcessInfo.processInfo.activeProcessorCount)
    return await withTaskGroup(of: Summary.self) { group in
        for lane in 0..<lanes {
            group.addTask {
                var summary = Summary()
                for index in stride(from: lane, to: seeds.count, by: lanes) {
                    let outcome = CrashReport.naming(seeds[index], lane: lane) {
                        simulate(seed: seeds[index], setup())
                    }
                    summary.add(outcome)
                    // More of them would only say the same again.
                    if summary.failures.count == mostFailures { break }
                }
                return summary
            }
        }
        var total = Summary()
        for await summary in group { total.add(summary) }
        return total
    }
}
