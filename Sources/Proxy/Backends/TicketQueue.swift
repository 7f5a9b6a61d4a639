// Who is owed the next replies of a backend connection, in the order of their requests.

import RESP

/// The tickets of one backend connection: a ring that grows to what is in flight.
struct TicketQueue {
    private var ring: [Ticket?] = []
    private var head = 0
    private(set) var count = 0
    /// Replies owed by all tickets together.
    private(set) var replies = 0

    var isEmpty: Bool { count == 0 }

    var first: Ticket? { count == 0 ? nil : ring[head] }
    var second: Ticket? { count < 2 ? nil : ring[(head + 1) % ring.count] }

    mutating func append(_ ticket: Ticket) {
        if count == ring.count { grow() }
        ring[(head + count) & (ring.count - 1)] = ticket
        count += 1
        replies += Int(ticket.replies)
    }

    /// Adds one request to the last ticket if it is of the same client and kind, and of the same turn.
    mutating func lengthenLast(
        _ client: ConnectionID, _ kind: Ticket.Kind, _ delivery: Ticket.Delivery = .plain,
        isWithheld: Bool = false, since: Instant
    ) -> Bool {
        guard count > 0 else { return false }
        let last = (head + count - 1) & (ring.count - 1)
        guard ring[last]!.client == client, ring[last]!.kind == kind, ring[last]!.since == since,
            ring[last]!.delivery == delivery, delivery != .special,
            ring[last]!.isWithheld == isWithheld
        else { return false }
        ring[last]!.replies += 1
        replies += 1
        return true
    }

    /// Notes that `number` replies of the first ticket have come whole. Returns true when it was owed no more.
    mutating func settle(_ number: Int) -> Bool {
        replies -= number
        ring[head]!.replies -= Int32(number)
        ring[head]!.done += Int32(number)
        precondition(ring[head]!.replies >= 0, "more replies than requests")
        guard ring[head]!.replies == 0 else { return false }
        removeFirst()
        return true
    }

    /// Takes the first ticket away with all that it is owed.
    mutating func popFirst() -> Ticket? {
        guard let ticket = first else { return nil }
        replies -= Int(ticket.replies)
        removeFirst()
        return ticket
    }

    /// Shows all tickets, the oldest first.
    func visit(_ body: (Ticket) -> Void) {
        for index in 0..<count { body(ring[(head + index) & (ring.count - 1)]!) }
    }

    /// Whether `predicate` is true of any ticket; the oldest is asked first.
    func contains(where predicate: (Ticket) -> Bool) -> Bool {
        (0..<count).contains { predicate(ring[(head + $0) & (ring.count - 1)]!) }
    }

    /// The first client with a ticket that is like that.
    func firstClient(where condition: (ConnectionID) -> Bool) -> ConnectionID? {
        for index in 0..<count {
            let client = ring[(head + index) & (ring.count - 1)]!.client
            if condition(client) { return client }
        }
        return nil
    }

    /// Lets `change` change any ticket, the oldest first.
    mutating func update(_ change: (inout Ticket) -> Void) {
        for index in 0..<count { change(&ring[(head + index) & (ring.count - 1)]!) }
    }

    /// What is owed first is passed on like any other.
    mutating func makeFirstPlain() {
        precondition(count > 0, "nothing is owed")
        ring[head]!.delivery = .plain
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
