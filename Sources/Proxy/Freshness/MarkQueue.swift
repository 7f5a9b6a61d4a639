// Which fences the unanswered writes of a connection have raised, in the order of their replies.

import RESP

/// A ring of slots; every request that may write has at least one entry, so that replies and entries keep step.
struct MarkQueue {
    /// The slot in the low bits, and whether it is the last of its request.
    private var ring: [UInt32] = []
    private var head = 0
    private(set) var count = 0

    private static let last: UInt32 = 1 << 31
    /// The entry of a request that raises no fence.
    private static let nothing = FenceTable.Slot.everything.index + 1

    var isEmpty: Bool { count == 0 }

    mutating func append(_ slot: FenceTable.Slot) {
        push(slot.index)
    }

    /// Ends the entries of one request; without any it raises no fence.
    mutating func endRequest(entries: Int) {
        if entries == 0 { push(MarkQueue.nothing) }
        ring[(head + count - 1) & (ring.count - 1)] |= MarkQueue.last
    }

    /// So many requests have been answered: hands over what they have raised.
    mutating func settle(_ requests: Int, _ lower: (FenceTable.Slot) -> Void) {
        var left = requests
        while left > 0 {
            precondition(count > 0, "more writes were answered than were marked")
            let entry = ring[head]
            head = (head + 1) & (ring.count - 1)
            count -= 1
            let index = entry & ~MarkQueue.last
            if index != MarkQueue.nothing { lower(FenceTable.Slot(index: index)) }
            if entry & MarkQueue.last != 0 { left -= 1 }
        }
    }

    /// No more replies will come: hands over everything.
    mutating func takeAll() -> [FenceTable.Slot] {
        var slots: [FenceTable.Slot] = []
        while count > 0 { settle(1) { slots.append($0) } }
        return slots
    }

    /// How many requests have entries here, and how many fences those have raised. O(n), for tests.
    var totals: (requests: Int, fences: Int) {
        var totals = (requests: 0, fences: 0)
        for place in 0..<count {
            let entry = ring[(head + place) & (ring.count - 1)]
            if entry & MarkQueue.last != 0 { totals.requests += 1 }
            if entry & ~MarkQueue.last != MarkQueue.nothing { totals.fences += 1 }
        }
        return totals
    }

    private mutating func push(_ entry: UInt32) {
        if count == ring.count { grow() }
        ring[(head + count) & (ring.count - 1)] = entry
        count += 1
    }

    private mutating func grow() {
        var fresh: [UInt32] = []
        let larger = max(16, ring.count * 2)
        fresh.reserveCapacity(larger)
        for index in 0..<count { fresh.append(ring[(head + index) & (ring.count - 1)]) }
        fresh.append(contentsOf: repeatElement(0, count: larger - count))
        ring = fresh
        head = 0
    }
}
