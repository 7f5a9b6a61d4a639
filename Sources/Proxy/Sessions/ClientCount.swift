// How many clients there are over all workers: the one number that they share.

import Synchronization

/// Counts clients; every worker adds and takes away its own.
package final class ClientCount: Sendable {
    private let count = Atomic<Int>(0)

    package init() {}

    /// The number with one more.
    func add() -> Int {
        count.add(1, ordering: .relaxed).newValue
    }

    func remove() {
        let left = count.subtract(1, ordering: .relaxed).newValue
        precondition(left >= 0, "more clients left than came")
    }
}
