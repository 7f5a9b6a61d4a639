// The requests that took longest, the newest of them: a ring of a fixed size in each worker.

import RESP

/// A worker's slow log. Nothing is kept of a request that was fast, and no secrets of any.
package struct SlowLog: Sendable {
    /// Entries in one reply or document, over all workers.
    package static let longestReply = 128

    package struct Entry: Sendable, Equatable {
        package let id: Int
        /// When the reply had been given.
        package let time: WallTime
        /// From the request's arrival to its reply, in microseconds.
        package let total: Int
        /// The part of it that the backend took; nil when the proxy answered by itself.
        package let atBackend: Int?
        /// How many requests were sent and answered together, of which this is the first.
        package let requests: Int
        package let arguments: [[UInt8]]
        package let client: String
        package let clientName: [UInt8]
        package let backend: String?
    }

    /// Where the time went, and whose request it was.
    package struct Occasion: Sendable {
        package var time: WallTime
        package var total: Duration
        package var atBackend: Duration?
        package var requests: Int
        package var client: PeerAddress
        package var clientName: [UInt8]
        package var backend: String?

        package init(
            time: WallTime, total: Duration, atBackend: Duration? = nil, requests: Int = 1,
            client: PeerAddress, clientName: [UInt8] = [], backend: String? = nil
        ) {
            self.time = time
            self.total = total
            self.atBackend = atBackend
            self.requests = requests
            self.client = client
            self.clientName = clientName
            self.backend = backend
        }
    }

    private let capacity: Int
    /// Requests that take at least this long are kept; nil: none are.
    private let threshold: Duration?
    private var ring: [Entry] = []
    /// Where the oldest entry is once the ring is full.
    private var oldest = 0
    private var nextID: Int
    private let stride: Int

    /// The log of one worker. Workers count in turns, so that no two entries have one id.
    package init(capacity: Int, threshold: Duration?, worker: Int = 0, of workers: Int = 1) {
        precondition(capacity >= 0, "a slow log of \(capacity) entries")
        precondition(worker >= 0 && worker < workers, "worker \(worker) of \(workers)")
        self.capacity = capacity
        self.threshold = threshold
        nextID = worker
        stride = workers
    }

    package var count: Int { ring.count }

    /// Whether a request that took so long is to be recorded; ask before its arguments are looked for.
    package func wants(_ total: Duration) -> Bool {
        guard let threshold, capacity > 0 else { return false }
        return total >= threshold
    }

    package mutating func record(_ request: Request, _ occasion: Occasion) {
        guard wants(occasion.total) else { return }
        record(ClippedArguments.make(request), occasion)
    }

    /// Records a request of which the first bytes are left, as they were sent. How many are kept is the caller's to
    /// decide: 256 show what people look for.
    package mutating func record(wire: Span<UInt8>, _ occasion: Occasion) {
        guard wants(occasion.total) else { return }
        record(ClippedArguments.make(wire: wire), occasion)
    }

    private mutating func record(_ arguments: [[UInt8]], _ occasion: Occasion) {
        let entry = Entry(
            id: nextID, time: occasion.time, total: Int(occasion.total.nanoseconds / 1_000),
            atBackend: occasion.atBackend.map { Int($0.nanoseconds / 1_000) },
            requests: occasion.requests, arguments: arguments,
            client: occasion.client.description, clientName: occasion.clientName,
            backend: occasion.backend)
        nextID += stride
        if ring.count < capacity {
            ring.append(entry)
        } else {
            ring[oldest] = entry
            oldest = (oldest + 1) % capacity
        }
    }

    /// Forgets the entries; ids go on.
    package mutating func reset() {
        ring = []
        oldest = 0
    }

    /// Newest first.
    package var entries: [Entry] { (ring[oldest...] + ring[..<oldest]).reversed() }

    /// The newest of several workers' entries.
    package static func newest(_ count: Int, of parts: [[Entry]]) -> [Entry] {
        let sorted = parts.joined().sorted { left, right in
            left.time == right.time ? left.id > right.id : right.time < left.time
        }
        return Array(sorted.prefix(count))
    }
}

extension SlowLog.Entry {
    var report: Report {
        .fields([
            .init("id", .number(id)),
            .init("time", .text(time.text)),
            .init("total_us", .number(total)),
            .init("backend_us", .number(atBackend)),
            .init("requests", .number(requests)),
            .init("backend", .text(backend)),
            .init("client", .text(client)),
            .init("client_name", .bytes(clientName)),
            .init("arguments", .list(arguments.map { .bytes($0) })),
        ])
    }
}

extension OutputQueue {
    /// The reply to SLOWLOG GET as redis-server has it: six elements for each entry.
    package mutating func append(_ entries: [SlowLog.Entry]) {
        appendArrayHeader(entries.count)
        for entry in entries {
            appendArrayHeader(6)
            appendInteger(entry.id)
            appendInteger(Int(entry.time.seconds))
            appendInteger(entry.total)
            appendArrayHeader(entry.arguments.count)
            for argument in entry.arguments { appendBulk(argument.span) }
            appendBulk(text: entry.client)
            appendBulk(entry.clientName.span)
        }
    }
}
