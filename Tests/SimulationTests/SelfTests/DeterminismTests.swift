// The same seed gives the same run, to the byte: twice in one process, and in two processes, whose dictionaries
// iterate in different orders.

import Foundation
import Testing

@Suite struct DeterminismTests {
    private static let seeds: [UInt64] = [3, 17, 2_026]

    private static func digests(_ setup: Setup) -> [UInt64] {
        seeds.map { simulate(seed: $0, setup).digest }
    }

    @Test func aSeedGivesTheSameRunTwice() {
        let first = Self.digests(.serverAndProxy)
        #expect(first == Self.digests(.serverAndProxy))
        #expect(Set(first).count == first.count, "different seeds, different runs")
    }

    @Test func aSeedGivesTheSameRunInAnotherProcess() async throws {
        let here = Self.digests(.serverAndProxy)
        let result = try await #require(
            processExitsWith: .success, observing: [\.standardOutputContent]
        ) {
            // The line begins anew whatever was printed before it.
            print("\ndigests \(DeterminismTests.digests(.serverAndProxy))")
        }
        let output = String(decoding: result.standardOutputContent, as: UTF8.self)
        #expect(output.contains("digests \(here)"), "the other process said: \(output)")
    }

    /// A core that does things in the order of a dictionary is found out by the digest; so it can be trusted.
    @Test func theDigestTellsDifferentRunsApart() {
        let sound = Setup(server: { _, _ in SmallServer() }, clients: 3, faults: Faults.none)
        var flawed = sound
        flawed.server = { _, _ in SmallServer(flaw: .changesToken) }
        let soundDigest = simulate(seed: 5, sound).digest
        #expect(simulate(seed: 5, sound).digest == soundDigest)
        #expect(simulate(seed: 5, flawed).digest != soundDigest)
    }
}
