// What is known of the writes to every key: whether some are on their way, and which watermark proves the last one.
//
// A write is marked before it can leave, and resolved when its reply has come or when it is certain that it will never
// run. Keys share slots, of whatever database: a collision costs a read its replica, never its freshness. Nothing is
// ever forgotten, since a slot that is older than what all replicas have applied costs nothing.

import RESP
import Synchronization

/// What a read must know of a key that was written.
enum Fence: Equatable {
    /// A write is on its way: only the master can answer.
    case pending
    /// Any server that has applied this watermark.
    case behind(Watermark)
}

/// The fences of all keys, shared by the workers. Each slot is one word, so that marking and resolving are one step:
///
///     ┌── 20 bits ──┬─────────── 44 bits ───────────┐
///     │   pending   │  the highest watermark so far │
///
/// 44 bits are enough for five hundred years of a thousand watermarks a second. A slot that cannot count one more is
/// not counted up: the write is marked for all keys instead.
@safe
package final class FenceTable: Sendable {
    /// The place of a key in the table, or of what concerns all keys.
    struct Slot: Hashable, Sendable {
        let index: UInt32

        /// Writes whose keys are not all known.
        static let everything = Slot(index: UInt32(FenceTable.count))
    }

    static let count = 1 << 16
    private static let one: UInt64 = 1 << 44
    private static let numberMask: UInt64 = one - 1
    private static let mostPending: UInt64 = (1 << 20) - 1

    private nonisolated(unsafe) let words: UnsafeMutablePointer<Atomic<UInt64>>
    /// Writes to unknown keys: a count of its own, which cannot overflow.
    private let allPending = Atomic<Int>(0)
    private let allBehind = Atomic<UInt64>(0)

    package init() {
        unsafe words = .allocate(capacity: FenceTable.count)
        for index in 0..<FenceTable.count {
            unsafe (words + index).initialize(to: Atomic(0))
        }
    }

    deinit {
        unsafe words.deinitialize(count: FenceTable.count)
        unsafe words.deallocate()
    }

    /// The slot of a key.
    static func slot(of key: Span<UInt8>) -> Slot {
        Slot(index: UInt32(truncatingIfNeeded: KeyHash.hash(key) >> 48))
    }

    /// A write is about to leave. Returns what is to be resolved: the slot, or all keys when it is full.
    func mark(_ slot: Slot) -> Slot {
        guard slot != .everything else { return markEverything() }
        let word = unsafe words + Int(slot.index)
        var seen = unsafe word.pointee.load(ordering: .relaxed)
        while seen >> 44 < FenceTable.mostPending {
            let (isDone, now) = unsafe word.pointee.weakCompareExchange(
                expected: seen, desired: seen + FenceTable.one,
                successOrdering: .sequentiallyConsistent, failureOrdering: .relaxed)
            if isDone { return slot }
            seen = now
        }
        return markEverything()
    }

    private func markEverything() -> Slot {
        allPending.add(1, ordering: .sequentiallyConsistent)
        return .everything
    }

    /// A marked write has run, or never will: whoever has applied the watermark has applied it.
    func resolve(_ slot: Slot, behind watermark: Watermark) {
        guard slot != .everything else {
            // The watermark first: who sees nothing pending must see it.
            allBehind.max(watermark.number, ordering: .sequentiallyConsistent)
            let left = allPending.subtract(1, ordering: .sequentiallyConsistent).newValue
            precondition(left >= 0, "a write to all keys is resolved twice")
            return
        }
        let word = unsafe words + Int(slot.index)
        var seen = unsafe word.pointee.load(ordering: .relaxed)
        while true {
            precondition(seen >> 44 > 0, "a write is resolved twice")
            let number = max(seen & FenceTable.numberMask, watermark.number)
            let fresh = (seen & ~FenceTable.numberMask) - FenceTable.one | number
            let (isDone, now) = unsafe word.pointee.weakCompareExchange(
                expected: seen, desired: fresh,
                successOrdering: .sequentiallyConsistent, failureOrdering: .relaxed)
            if isDone { return }
            seen = now
        }
    }

    /// What a read of this slot must know, writes to unknown keys included.
    func fence(of slot: Slot) -> Fence {
        if allPending.load(ordering: .sequentiallyConsistent) != 0 { return .pending }
        let all = allBehind.load(ordering: .acquiring)
        guard slot != .everything else { return .behind(Watermark(number: all)) }
        let word = unsafe words[Int(slot.index)].load(ordering: .sequentiallyConsistent)
        if word >> 44 != 0 { return .pending }
        return .behind(Watermark(number: max(all, word & FenceTable.numberMask)))
    }
}

/// Where keys go in the table. Who chooses keys that collide makes reads of them go to the master, no more.
enum KeyHash {
    /// Eight bytes at a time, each folded in by a multiplication of 64 by 64 bits.
    static func hash(_ key: Span<UInt8>) -> UInt64 {
        unsafe key.withUnsafeBufferPointer { bytes in
            let raw = UnsafeRawBufferPointer(bytes)
            var hash = UInt64(truncatingIfNeeded: raw.count) ^ 0x9E37_79B9_7F4A_7C15
            var index = 0
            while index + 8 <= raw.count {
                hash = fold(
                    unsafe hash ^ raw.loadUnaligned(fromByteOffset: index, as: UInt64.self))
                index += 8
            }
            var rest: UInt64 = 0
            while index < raw.count {
                rest = unsafe rest << 8 | UInt64(raw[index])
                index += 1
            }
            return fold(hash ^ rest)
        }
    }

    private static func fold(_ number: UInt64) -> UInt64 {
        let product = number.multipliedFullWidth(by: 0xA076_1D64_78BD_642F)
        return product.high ^ product.low
    }
}
