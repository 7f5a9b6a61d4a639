// Who is owed the next replies of a backend connection.

import RESP

/// A run of requests of one client, sent one behind the other on a backend connection and not all answered.
struct Ticket {
    let client: ConnectionID
    /// Replies that are still owed.
    var replies: Int
    /// Where the first request of the run began, counted in bytes ever queued on the connection.
    let start: Int
}

/// The tickets of one backend connection in the order of their requests: a ring that grows to what is in flight.
struct TicketQueue {
    private var ring: [Ticket?] = []
    private var head = 0
    private(set) var count = 0
    /// Replies owed by all tickets together.
    private(set) var replies = 0

    var isEmpty: Bool { count == 0 }

    var first: Ticket? { count == 0 ? nil : ring[head] }

    /// Adds one request of `client`, to the last ticket if that one may be lengthened.
    mutating func add(_ client: ConnectionID, start: Int, lengthensLast: Bool) {
        replies += 1
        if lengthensLast, count > 0 {
            let last = (head + count - 1) & (ring.count - 1)
            if ring[last]!.client == client {
                ring[last]!.replies += 1
                return
            }
        }
        if count == ring.count { grow() }
        ring[(head + count) & (ring.count - 1)] = Ticket(client: client, replies: 1, start: start)
        count += 1
    }

    /// Notes that `number` replies of the first ticket have been delivered whole.
    mutating func settle(_ number: Int) {
        replies -= number
        ring[head]!.replies -= number
        precondition(ring[head]!.replies >= 0, "more replies than requests")
        if ring[head]!.replies == 0 { removeFirst() }
    }

    /// Takes the first ticket away with all that it is owed.
    mutating func popFirst() -> Ticket? {
        guard let ticket = first else { return nil }
        replies -= ticket.replies
        removeFirst()
        return ticket
    }

    /// Shows all tickets, the oldest first.
    func visit(_ body: (Ticket) -> Void) {
        for index in 0..<count { body(ring[(head + index) & (ring.count - 1)]!) }
    }

    /// Whether a client other than this one waits. O(tickets).
    func owesAnybody(but client: ConnectionID) -> Bool {
        (0..<count).contains { ring[(head + $0) & (ring.count - 1)]!.client != client }
    }

    private mutating func removeFirst() {
        ring[head] = nil
        head = (head + 1) & (ring.count - 1)
        count -= 1
    }

    private mutating func grow() {
        let larger = max(16, ring.count * 2)
        var fresh: [Ticket?] = []
        fresh.reserveCapacity(larger)
        for index in 0..<count { fresh.append(ring[(head + index) & (ring.count - 1)]) }
        fresh.append(contentsOf: repeatElement(nil, count: larger - count))
        ring = fresh
        head = 0
    }
}
