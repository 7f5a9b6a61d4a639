// What a worker counts. Plain numbers that the hot path adds to; names and sums are made from one table of them.

import RESP

/// Everything counted since the start, or since `PROXY STATS RESET`.
package struct ProxyCounters: Sendable, Equatable {
    // By class.
    package var reads = 0
    package var writes = 0
    package var others = 0
    // By destination. A request that is sent again counts once more.
    package var requestsToMaster = 0
    package var requestsToReplicas = 0
    package var requestsAnsweredHere = 0

    package var replies = 0
    package var errors = ErrorCounts()

    // Where reads went, and why one went to the master though it might have gone to a replica.
    package var readsOnReplicas = 0
    /// The configuration sends reads there: level `master`, or `include_master: always` and its turn.
    package var readsOnMasterByPolicy = 0
    /// Replicas there are, but none that qualifies.
    package var readsOnMasterAsFallback = 0
    /// Times that such a read waited, since the master had enough of them to answer.
    package var readsHeldBack = 0
    /// The client waits for the reply of a write.
    package var readsOnMasterBehindOwnWrite = 0
    /// No replica is configured.
    package var readsOnMasterWithoutReplica = 0

    /// Reads sent to a second backend after the first failed.
    package var retries = 0
    /// Turns of reads that were moved to the master because a replica had lost what it had.
    package var vetoes = 0
    /// Replies of writes that were withheld until replicas had confirmed them, and what became of them.
    package var writesWithheld = 0
    package var writesConfirmed = 0
    package var writesNotReplicated = 0
    /// Reads of replicas that the master was asked as well.
    package var audits = AuditCounts()
    package var timeouts = 0
    /// Replies that came after their request had timed out, or that its client did not live to see.
    package var tombstones = 0
    package var refusedCommands = 0
    package var authenticationFailures = 0

    package var connectionsReceived = 0
    package var connectionsRefused = 0
    package var clientBytesReceived = 0
    package var clientBytesSent = 0
    package var backendBytesReceived = 0
    package var backendBytesSent = 0

    package init() {}

    /// Every count with its name, in the order in which they are shown.
    static var rows: [(name: String, count: WritableKeyPath<ProxyCounters, Int>)] {
        [
            ("reads", \.reads),
            ("writes", \.writes),
            ("others", \.others),
            ("requests_to_master", \.requestsToMaster),
            ("requests_to_replicas", \.requestsToReplicas),
            ("requests_answered_here", \.requestsAnsweredHere),
            ("replies", \.replies),
            ("reads_on_replicas", \.readsOnReplicas),
            ("reads_on_master_by_policy", \.readsOnMasterByPolicy),
            ("reads_on_master_as_fallback", \.readsOnMasterAsFallback),
            ("reads_held_back", \.readsHeldBack),
            ("reads_on_master_behind_own_write", \.readsOnMasterBehindOwnWrite),
            ("reads_on_master_without_replica", \.readsOnMasterWithoutReplica),
            ("retries", \.retries),
            ("vetoes", \.vetoes),
            ("writes_withheld", \.writesWithheld),
            ("writes_confirmed", \.writesConfirmed),
            ("writes_not_replicated", \.writesNotReplicated),
            ("timeouts", \.timeouts),
            ("tombstones", \.tombstones),
            ("refused_commands", \.refusedCommands),
            ("authentication_failures", \.authenticationFailures),
            ("connections_received", \.connectionsReceived),
            ("connections_refused", \.connectionsRefused),
            ("client_bytes_received", \.clientBytesReceived),
            ("client_bytes_sent", \.clientBytesSent),
            ("backend_bytes_received", \.backendBytesReceived),
            ("backend_bytes_sent", \.backendBytesSent),
        ]
    }

    package var requests: Int { reads &+ writes &+ others }

    package var readsOnMaster: Int {
        readsOnMasterByPolicy &+ readsOnMasterAsFallback &+ readsOnMasterBehindOwnWrite
            &+ readsOnMasterWithoutReplica
    }

    /// How many of a hundred reads replicas answered; nil before the first read.
    package var percentOfReadsOnReplicas: Int? {
        let all = readsOnReplicas &+ readsOnMaster
        return all > 0 ? Int(Double(readsOnReplicas) / Double(all) * 100) : nil
    }

    package mutating func merge(_ part: ProxyCounters) {
        for row in ProxyCounters.rows { self[keyPath: row.count] &+= part[keyPath: row.count] }
        errors.merge(part.errors)
        audits.merge(part.audits)
    }

    var report: Report {
        var fields = ProxyCounters.rows.map { row in
            Report.Field(row.name, .number(self[keyPath: row.count]))
        }
        fields.append(.init("audits", audits.report))
        fields.append(.init("errors", errors.report))
        return .fields(fields)
    }
}

/// Error replies by their first word. Clients choose what scripts return, so the number of words is bounded.
package struct ErrorCounts: Sendable, Equatable {
    /// Words beyond this many are counted under `other`.
    package static let most = 32
    /// A longer first word is no error code.
    static let longest = 32
    private static let other = Array("other".utf8)

    package struct Count: Sendable, Equatable {
        package let code: [UInt8]
        package var count: Int
    }

    /// In order of the codes' bytes.
    package private(set) var all: [Count] = []

    package init() {}

    package var total: Int { all.reduce(0) { $0 &+ $1.count } }

    /// Counts an error reply by its line, with or without the `-` in front. Allocates only for a code that is new.
    package mutating func count(_ line: Span<UInt8>) {
        let start = line.count > 0 && line[0] == UInt8(ascii: "-") ? 1 : 0
        var end = start
        while end < line.count, line[end] > 0x20, line[end] < 0x7F { end += 1 }
        let word = line.extracting(start..<end)
        for index in all.indices {
            let code = all[index].code
            guard code.span.equals(word) else { continue }
            all[index].count &+= 1
            return
        }
        let isCode = !word.isEmpty && word.count <= ErrorCounts.longest
        add(isCode ? [UInt8](copying: word) : ErrorCounts.other, 1)
    }

    /// Counts an error of the proxy's own by its code.
    mutating func count(code: StaticString) {
        count(Array(code.description.utf8).span)
    }

    package mutating func merge(_ part: ErrorCounts) {
        for count in part.all { add(count.code, count.count) }
    }

    private mutating func add(_ code: [UInt8], _ count: Int) {
        if let index = all.firstIndex(where: { $0.code == code }) {
            all[index].count &+= count
            return
        }
        guard all.count < ErrorCounts.most - 1 || code == ErrorCounts.other else {
            return add(ErrorCounts.other, count)
        }
        let place = all.firstIndex { !$0.code.lexicographicallyPrecedes(code) } ?? all.count
        all.insert(Count(code: code, count: count), at: place)
    }

    var report: Report {
        .fields(
            all.map { .init(String(decoding: $0.code, as: UTF8.self), .number($0.count)) })
    }
}
