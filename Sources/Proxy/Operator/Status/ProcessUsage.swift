// What the system says that the whole process uses: measured by the driver now and then, read by every worker.

import RESP
import Synchronization

/// Memory and processor time of the process, as they were measured last. A core measures nothing itself; numbers that
/// nobody has measured are 0.
package final class ProcessUsage: Sendable {
    private let residentMemory = Atomic<Int>(0)
    private let peakMemory = Atomic<Int>(0)
    private let userTime = Atomic<Int>(0)
    private let systemTime = Atomic<Int>(0)

    package init() {}

    /// Each number is right by itself; those read together may be of two measurements.
    package func note(
        residentMemory: Int, peakMemory: Int, userTime: Duration, systemTime: Duration
    ) {
        self.residentMemory.store(residentMemory, ordering: .relaxed)
        self.peakMemory.store(peakMemory, ordering: .relaxed)
        self.userTime.store(Int(userTime.nanoseconds), ordering: .relaxed)
        self.systemTime.store(Int(systemTime.nanoseconds), ordering: .relaxed)
    }

    func fill(_ facts: inout ProxyStatus.ProcessFacts) {
        facts.residentMemory = residentMemory.load(ordering: .relaxed)
        facts.peakMemory = peakMemory.load(ordering: .relaxed)
        facts.userTime = .nanoseconds(userTime.load(ordering: .relaxed))
        facts.systemTime = .nanoseconds(systemTime.load(ordering: .relaxed))
    }
}
