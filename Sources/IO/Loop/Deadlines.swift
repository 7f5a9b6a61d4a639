// What the loop itself waits for: a small heap, earliest first. Cores keep their own time (`wakeAt`).

import RESP

/// A point in time that the loop must not sleep through.
struct Deadline {
    enum Purpose {
        case acceptAgain(Int)
        case endLingering(Token)
        case giveUpConnecting(Lookup)
        case giveUpLookingUp(Lookup)
        case lookUpAgain(Lookup)
    }

    let at: Instant
    let purpose: Purpose
}

/// Deadlines are never taken out before their time: whoever handles one looks whether it still means something.
struct Deadlines {
    private var heap: [Deadline] = []

    var first: Instant? { heap.first?.at }
    var count: Int { heap.count }

    mutating func insert(_ purpose: Deadline.Purpose, at time: Instant) {
        heap.append(Deadline(at: time, purpose: purpose))
        var child = heap.count - 1
        while child > 0 {
            let parent = (child - 1) / 2
            if heap[parent].at <= heap[child].at { return }
            heap.swapAt(parent, child)
            child = parent
        }
    }

    /// The earliest deadline if it is due.
    mutating func takeDue(at now: Instant) -> Deadline.Purpose? {
        guard let earliest = heap.first, earliest.at <= now else { return nil }
        heap.swapAt(0, heap.count - 1)
        heap.removeLast()
        var parent = 0
        while true {
            var least = parent
            for child in [2 * parent + 1, 2 * parent + 2] where child < heap.count {
                if heap[child].at < heap[least].at { least = child }
            }
            if least == parent { return earliest.purpose }
            heap.swapAt(parent, least)
            parent = least
        }
    }
}

/// How long epoll may sleep.
package enum Patience {
    /// Milliseconds until the earlier of two times, rounded up, so that a loop never wakes just before its time
    /// and goes round in circles; -1 when nothing waits for time.
    package static func milliseconds(until one: Instant?, _ other: Instant?, at now: Instant)
        -> Int32
    {
        let earliest: Instant
        switch (one, other) {
        case (nil, nil): return -1
        case (let time?, nil), (nil, let time?): earliest = time
        case (let one?, let other?): earliest = min(one, other)
        }
        guard earliest > now else { return 0 }
        let (wait, overflow) = earliest.nanoseconds.subtractingReportingOverflow(now.nanoseconds)
        let longest: Int64 = 60 * 60 * 1_000
        if overflow { return Int32(longest) }
        return Int32(min((wait - 1) / 1_000_000 + 1, longest))
    }
}
