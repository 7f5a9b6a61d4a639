// What each replica is proved to have applied, for all workers to see.
//
// One worker listens to the replicas and writes here; the others read. What is known is known of one process and of
// its data as it follows one master. At any doubt, whoever has it makes the knowledge void, and only watermarks that
// were given out after that begin it anew: an older one may have been applied to data that is gone since.

import RESP
import Synchronization

/// Which process a connection leads to, as far as a short number can say; zero when nobody knows.
struct ProcessMark: Hashable, Sendable {
    let number: UInt64

    static let unknown = ProcessMark(number: 0)

    private init(number: UInt64) {
        self.number = number
    }

    /// 47 bits of a hash of the run id, never zero.
    init(runID: Span<UInt8>) {
        number = KeyHash.hash(runID) >> 17 | 1
    }
}

/// One replica's proof. The first word is written last and read first and last, so that the others belong to it:
///
///     ┌── 47 bits ──┬── 16 bits ──┬ 1 ┐
///     │   process   │ generation  │ v │   v: there is knowledge; the generation rises whenever it becomes void
final class Proof: Sendable {
    /// What a worker reads in one look.
    struct Seen: Equatable {
        let process: ProcessMark
        let applied: Watermark
        /// A hash of the address that the replica follows.
        let master: UInt64
        /// An offset that it had at least.
        let offset: Int

        /// Nothing is known: no answer agrees with it.
        static let nothing = Seen(process: .unknown, applied: .none, master: 0, offset: .max)
    }

    private let word = Atomic<UInt64>(0)
    private let applied = Atomic<UInt64>(0)
    private let master = Atomic<UInt64>(0)
    private let offset = Atomic<Int>(0)
    /// Watermarks up to this one prove nothing any more.
    private let voidUpTo = Atomic<UInt64>(0)

    init() {}

    /// What is known now, nil when nothing is.
    func look() -> Seen? {
        let before = word.load(ordering: .sequentiallyConsistent)
        guard before & 1 == 1 else { return nil }
        let seen = Seen(
            process: Proof.process(of: before),
            applied: Watermark(number: applied.load(ordering: .sequentiallyConsistent)),
            master: master.load(ordering: .sequentiallyConsistent),
            offset: offset.load(ordering: .sequentiallyConsistent))
        return word.load(ordering: .sequentiallyConsistent) == before ? seen : nil
    }

    /// What this process is proved to have applied; nil when nothing is known of it.
    func applied(by process: ProcessMark) -> Watermark? {
        let before = word.load(ordering: .sequentiallyConsistent)
        guard before & 1 == 1, before >> 17 == process.number else { return nil }
        let number = applied.load(ordering: .sequentiallyConsistent)
        guard word.load(ordering: .sequentiallyConsistent) == before else { return nil }
        return Watermark(number: number)
    }

    /// Makes all knowledge void; `given` is the last watermark that was given out.
    func void(_ given: Watermark) {
        voidUpTo.max(given.number, ordering: .sequentiallyConsistent)
        var seen = word.load(ordering: .sequentiallyConsistent)
        while true {
            let generation = (seen >> 1 & 0xFFFF) + 1 & 0xFFFF
            let (isDone, now) = word.compareExchange(
                expected: seen, desired: generation << 1, ordering: .sequentiallyConsistent)
            if isDone { return }
            seen = now
        }
    }

    /// The process has delivered a watermark, following the master with this hash at an offset that it had before.
    /// Only the worker that listens calls this. Returns true when something is known now that was not before.
    func deliver(
        _ watermark: Watermark, by process: ProcessMark, following address: UInt64, at place: Int
    ) -> Bool {
        precondition(process != .unknown, "nobody knows who has delivered a watermark")
        let before = word.load(ordering: .sequentiallyConsistent)
        guard watermark.number > voidUpTo.load(ordering: .sequentiallyConsistent) else {
            return false
        }
        if before & 1 == 1 {
            precondition(before >> 17 == process.number, "another process was not made void")
            applied.max(watermark.number, ordering: .sequentiallyConsistent)
            return false
        }
        applied.store(watermark.number, ordering: .sequentiallyConsistent)
        master.store(address, ordering: .sequentiallyConsistent)
        offset.store(place, ordering: .sequentiallyConsistent)
        // Not if somebody has had a doubt since the first look.
        return word.compareExchange(
            expected: before, desired: process.number << 17 | before | 1,
            ordering: .sequentiallyConsistent
        ).exchanged
    }

    /// It was seen at an offset.
    func noteOffset(_ place: Int) {
        offset.max(place, ordering: .relaxed)
    }

    private static func process(of word: UInt64) -> ProcessMark {
        ProcessMark(word: word)
    }
}

extension ProcessMark {
    fileprivate init(word: UInt64) {
        self.init(number: word >> 17)
    }
}
