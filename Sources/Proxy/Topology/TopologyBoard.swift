// Which server is the master: found out by the first worker, and known to all before any of them acts on it.

import Synchronization

/// Who takes writes, as all workers know it.
struct Topology: Sendable, Equatable {
    /// The number of the master.
    var master = 0
    /// Rises with each new master. Watermarks of one reign prove nothing in another.
    var reign = 0
    /// Several servers say that they are the master: none of them is written to.
    var isContested = false
}

/// One place for all workers. Each looks at the edition before it takes what a client has sent, so that nothing which
/// was asked after a master was adopted goes to the one before it.
package final class TopologyBoard: Sendable {
    private let number = Atomic<Int>(0)
    private let shown = Mutex(Topology())

    package init() {}

    /// Rises with each change.
    var edition: Int { number.load(ordering: .acquiring) }

    var latest: Topology { shown.withLock { $0 } }

    /// Begins the reign of another master.
    func crown(_ master: Int) {
        change {
            $0.master = master
            $0.reign += 1
            $0.isContested = false
        }
    }

    func contest(_ isContested: Bool) {
        change { $0.isContested = isContested }
    }

    private func change(_ body: (inout sending Topology) -> Void) {
        shown.withLock { body(&$0) }
        number.add(1, ordering: .sequentiallyConsistent)
    }
}
