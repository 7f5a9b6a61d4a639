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
    /// The master is about to be changed as planned: what only a master may be given waits.
    var isHeld = false
    /// A replica that gets no reads, as it is to copy its master's data anew.
    var withdrawn: Int?

    init() {}

    //  ┌── reign ──┬── 16 bits: withdrawn, + 1 ──┬── 16 bits: master ──┬ 1 bit: held ┬ 1 bit: contested ┐
    fileprivate init(word: UInt64) {
        reign = Int(word >> 34)
        withdrawn = word >> 18 & 0xFFFF == 0 ? nil : Int(word >> 18 & 0xFFFF) - 1
        master = Int(word >> 2 & 0xFFFF)
        isHeld = word >> 1 & 1 == 1
        isContested = word & 1 == 1
    }

    fileprivate var word: UInt64 {
        UInt64(reign) << 34 | UInt64(withdrawn.map { $0 + 1 } ?? 0) << 18 | UInt64(master) << 2
            | (isHeld ? 2 : 0) | (isContested ? 1 : 0)
    }
}

/// One place for all workers, which the first one writes. Each looks at it before it takes what a client has sent, so
/// that nothing which was asked after a master was adopted goes to the one before it.
package final class TopologyBoard: Sendable {
    private let word = Atomic<UInt64>(0)

    /// It begins with this server as the master.
    package init(master: Int = 0) {
        var first = Topology()
        first.master = master
        word.store(first.word, ordering: .sequentiallyConsistent)
    }

    var latest: Topology { Topology(word: word.load(ordering: .sequentiallyConsistent)) }

    /// Begins the reign of another master.
    func crown(_ master: Int) {
        var next = latest
        next.master = master
        next.reign += 1
        next.isContested = false
        next.isHeld = false
        next.withdrawn = nil
        word.store(next.word, ordering: .sequentiallyConsistent)
    }

    func contest(_ isContested: Bool) {
        var next = latest
        next.isContested = isContested
        word.store(next.word, ordering: .sequentiallyConsistent)
    }

    func hold(_ isHeld: Bool) {
        var next = latest
        next.isHeld = isHeld
        word.store(next.word, ordering: .sequentiallyConsistent)
    }

    func withdraw(_ server: Int?) {
        var next = latest
        next.withdrawn = server
        word.store(next.word, ordering: .sequentiallyConsistent)
    }

    /// Whether something else stands here.
    @inline(__always)
    func differs(from topology: Topology) -> Bool {
        word.load(ordering: .acquiring) != topology.word
    }
}
