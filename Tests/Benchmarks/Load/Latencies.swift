// How long requests took, kept in buckets: memory does not grow with the run.

/// A histogram whose buckets are 1/64 of a power of two wide: a quantile is at most 1.6 % above the truth.
struct Latencies {
    private static let fraction = 6
    private var counts = [Int](repeating: 0, count: 64 << Latencies.fraction)
    private(set) var total = 0
    private(set) var worst = 0

    mutating func record(nanoseconds: Int, times: Int) {
        counts[Latencies.bucket(nanoseconds)] += times
        total += times
        worst = max(worst, nanoseconds)
    }

    /// What so many thousandths of all requests took at most, in nanoseconds.
    func quantile(_ thousandths: Int) -> Int {
        var missing = (total * thousandths + 999) / 1_000
        for index in counts.indices where counts[index] > 0 {
            missing -= counts[index]
            if missing <= 0 { return min(Latencies.limit(index), worst) }
        }
        return worst
    }

    /// Small values have a bucket each; of the others the highest bit and the six behind it count.
    private static func bucket(_ value: Int) -> Int {
        guard value >= 1 << fraction else { return max(value, 0) }
        let shift = Int.bitWidth - 1 - value.leadingZeroBitCount - fraction
        return (shift + 1) << fraction + (value >> shift - 1 << fraction)
    }

    /// The largest value of a bucket.
    private static func limit(_ bucket: Int) -> Int {
        guard bucket >= 1 << fraction else { return bucket }
        let shift = bucket >> fraction - 1
        let leading = 1 << fraction + bucket & (1 << fraction - 1)
        return (leading + 1) << shift - 1
    }
}
