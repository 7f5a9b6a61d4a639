// The one source of chance in a simulation: everything that a run does follows from its seed.

import RESP

/// A small generator of well-mixed numbers (SplitMix64): the same numbers from the same seed, on every machine.
struct Random: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) {
        state = seed &+ 0x5DEE_CE66_D1CE_4E5B
        _ = next()
    }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }

    /// A number from 0 up to, and without, `bound`.
    mutating func below(_ bound: Int) -> Int {
        precondition(bound > 0, "no number is below \(bound)")
        return Int(truncatingIfNeeded: next().multipliedFullWidth(by: UInt64(bound)).high)
    }

    mutating func within(_ range: ClosedRange<Int>) -> Int {
        range.lowerBound + below(range.count)
    }

    mutating func chance(_ probability: Double) -> Bool {
        Double(next() >> 11) < probability * 0x1p53
    }

    /// From 1 to `most`, each power of two as likely as the next: both single bytes and whole buffers come up.
    mutating func size(upTo most: Int) -> Int {
        let bits = Int.bitWidth - most.leadingZeroBitCount
        return min(most, (1 << below(bits)) + below(1 << below(bits)))
    }

    mutating func pick<Element>(_ choices: [Element]) -> Element {
        choices[below(choices.count)]
    }

    /// Up to twice `mean`, evenly: the wait for the next of events that come at random.
    mutating func wait(mean: Duration) -> Duration {
        .nanoseconds(below(Int(2 * mean.nanoseconds) + 1))
    }

    mutating func between(_ least: Duration, _ most: Duration) -> Duration {
        .nanoseconds(within(Int(least.nanoseconds)...Int(most.nanoseconds)))
    }

    /// A generator whose numbers do not depend on how many this one gives out later.
    mutating func split() -> Random {
        Random(seed: next())
    }
}
