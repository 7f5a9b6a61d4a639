// What is going to happen, in the order of virtual time.

import RESP

/// Something that will happen.
enum Event {
    /// A node handles what has come for it.
    case turn(Node)
    /// The next piece of a pipe reaches the receiver.
    case arrive(Pipe)
    /// There is room again for a sender that was told to wait.
    case room(End)
    /// One end of a broken connection learns that it is gone.
    case learn(End)
    /// The answer to an attempt to connect comes.
    case answer(Attempt)
    /// The accepting side takes a connection from its queue.
    case accept(End)
    /// A client does what it does next.
    case act(Host)
    /// A client that reads slowly reads again.
    case look(Host)
    case fault(FaultKind)
    /// The links of a host are stopped, each in its time, until the instant given.
    case clog(Host, until: Instant)
    case restart(Machine)
    /// Nobody is the master, and this server is to be the next.
    case promote(Int)
    /// What one worker's core has said reaches another's.
    case deliver(Letter)
    /// A disk has done the oldest thing it was asked for.
    case diskDone(Disk)
}

/// A heap of events; those of the same time come in the order in which they were added.
struct EventQueue {
    private struct Entry {
        let at: Int64
        let order: UInt64
        let event: Event

        func precedes(_ other: Entry) -> Bool {
            at == other.at ? order < other.order : at < other.at
        }
    }

    private var heap: [Entry] = []
    private var added: UInt64 = 0

    var isEmpty: Bool { heap.isEmpty }

    mutating func add(_ event: Event, at instant: Instant) {
        added += 1
        heap.append(Entry(at: instant.nanoseconds, order: added, event: event))
        var child = heap.count - 1
        while child > 0 {
            let parent = (child - 1) / 2
            guard heap[child].precedes(heap[parent]) else { return }
            heap.swapAt(child, parent)
            child = parent
        }
    }

    mutating func next() -> (at: Instant, event: Event)? {
        guard let first = heap.first else { return nil }
        let last = heap.removeLast()
        if !heap.isEmpty {
            heap[0] = last
            sink()
        }
        return (Instant(nanoseconds: first.at), first.event)
    }

    private mutating func sink() {
        var parent = 0
        while true {
            var least = parent
            for child in (2 * parent + 1)...(2 * parent + 2) where child < heap.count {
                if heap[child].precedes(heap[least]) { least = child }
            }
            guard least != parent else { return }
            heap.swapAt(parent, least)
            parent = least
        }
    }

    mutating func removeAll() {
        heap.removeAll()
    }
}
