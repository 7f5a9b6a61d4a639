// What one worker, or all of them together, knows of one server.

import RESP

/// One backend as operators see it.
package struct BackendStatus: Sendable, Equatable {
    package enum Role: String, Sendable {
        case master
        case replica
    }

    /// From what serves to what does not; the order is how bad it is.
    package enum State: Int, Sendable, CaseIterable, Comparable {
        case healthy
        case lagging
        case draining
        case staleLink
        case syncing
        case loading
        case connecting
        case ejected
        case down

        /// The word that operators read.
        package var word: String {
            switch self {
            case .healthy: "healthy"
            case .lagging: "lagging"
            case .draining: "draining"
            case .staleLink: "stale link"
            case .syncing: "syncing"
            case .loading: "loading"
            case .connecting: "connecting"
            case .ejected: "ejected"
            case .down: "down"
            }
        }

        package static func < (left: State, right: State) -> Bool { left.rawValue < right.rawValue }
    }

    /// Who it is: `host:port` as configured.
    package var address: String
    package var role: Role
    package var state: State
    /// Why it is in this state, for people; empty when there is nothing to say.
    package var reason: String
    package var since: WallTime
    package var zone = ""
    package var weight = 1
    package var tags: [String] = []
    package var runID: String?

    package var sharedConnections = 0
    package var privateConnections = 0
    package var outstanding = 0
    /// The moving average of the time from sending a request to its reply, in microseconds; nil before the first.
    package var latency: Int?
    package var requests = 0
    package var replies = 0
    package var errors = 0
    /// Reads that were sent elsewhere after this backend had failed them.
    package var retriesAway = 0
    /// How often it was set aside because of what reads met there.
    package var ejections = 0
    /// How many of a hundred of its reads it takes, as it has just come back.
    package var readShare = 100
    /// The replication offset that it named last.
    package var offset: Int?
    /// The name of the history that the offset counts in.
    package var replicationID: String?
    /// Behind the master, in bytes and milliseconds; nil when that cannot be said.
    package var lag: Int?
    package var lagMilliseconds: Int?
    /// What a replica says of its link to its master: whether it stands, and since how many seconds nothing has come.
    package var isLinkUp: Bool?
    package var secondsSinceMaster: Int?
    package var priority: Int?

    package init(
        address: String, role: Role, state: State, reason: String = "", since: WallTime
    ) {
        self.address = address
        self.role = role
        self.state = state
        self.reason = reason
        self.since = since
    }

    package var isHealthy: Bool { state == .healthy }

    /// Adds what another worker knows. Where two workers disagree, the worse word stands: a backend that one worker
    /// cannot use is not well.
    package mutating func merge(_ part: BackendStatus) {
        precondition(part.address == address, "two backends cannot be one")
        latency = BackendStatus.mean(latency, replies, part.latency, part.replies)
        if part.state > state {
            (state, reason, since, role) = (part.state, part.reason, part.since, part.role)
        } else if part.state == state, part.since < since {
            (reason, since) = (part.reason, part.since)
        }
        runID = runID ?? part.runID
        sharedConnections += part.sharedConnections
        privateConnections += part.privateConnections
        outstanding += part.outstanding
        requests &+= part.requests
        replies &+= part.replies
        errors &+= part.errors
        retriesAway &+= part.retriesAway
        ejections &+= part.ejections
        readShare = min(readShare, part.readShare)
        offset = BackendStatus.either(offset, part.offset, max)
        replicationID = replicationID ?? part.replicationID
        lag = BackendStatus.either(lag, part.lag, max)
        lagMilliseconds = BackendStatus.either(lagMilliseconds, part.lagMilliseconds, max)
        secondsSinceMaster = BackendStatus.either(secondsSinceMaster, part.secondsSinceMaster, max)
        priority = BackendStatus.either(priority, part.priority, min)
        if let isUp = part.isLinkUp { isLinkUp = isUp && isLinkUp ?? true }
    }

    /// Weighted by the replies behind each.
    private static func mean(_ left: Int?, _ leftCount: Int, _ right: Int?, _ rightCount: Int)
        -> Int?
    {
        guard let left, let right else { return left ?? right }
        let weights = (Double(max(leftCount, 1)), Double(max(rightCount, 1)))
        let sum = Double(left) * weights.0 + Double(right) * weights.1
        return Int(sum / (weights.0 + weights.1))
    }

    private static func either(_ left: Int?, _ right: Int?, _ choose: (Int, Int) -> Int) -> Int? {
        guard let left, let right else { return left ?? right }
        return choose(left, right)
    }

    func report(at now: WallTime) -> Report {
        .fields([
            .init("address", .text(address)),
            .init("role", .text(role.rawValue)),
            .init("state", .text(state.word)),
            .init("reason", .text(reason)),
            .init("since", .text(since.text)),
            .init("seconds_in_state", .number(max(0, Int(now.seconds - since.seconds)))),
            .init("zone", .text(zone)),
            .init("weight", .number(weight)),
            .init("tags", .list(tags.map { .text($0) })),
            .init("run_id", .text(runID)),
            .init("shared_connections", .number(sharedConnections)),
            .init("private_connections", .number(privateConnections)),
            .init("outstanding", .number(outstanding)),
            .init("latency_us", .number(latency)),
            .init("requests", .number(requests)),
            .init("replies", .number(replies)),
            .init("errors", .number(errors)),
            .init("retries_away", .number(retriesAway)),
            .init("ejections", .number(ejections)),
            .init("read_share_percent", .number(readShare)),
            .init("master_replid", .text(replicationID)),
            .init("offset", .number(offset)),
            .init("lag_bytes", .number(lag)),
            .init("lag_ms", .number(lagMilliseconds)),
            .init("link", isLinkUp.map { .text($0 ? "up" : "down") } ?? .none),
            .init("master_last_io_seconds_ago", .number(secondsSinceMaster)),
            .init(ServerReport.priorityField, .number(priority)),
        ])
    }
}

extension WallTime {
    /// ISO 8601 in UTC, to the second: `2026-03-01T12:00:00Z`.
    var text: String {
        let (days, second) = WallTime.split(seconds, by: 86_400)
        // Days since 0000-03-01, in eras of 400 years: leap days come last in a year that begins in March.
        let (era, day) = WallTime.split(days + 719_468, by: 146_097)
        let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365
        let dayOfYear = day - (365 * year + year / 4 - year / 100)
        let shifted = (5 * dayOfYear + 2) / 153
        let month = shifted < 10 ? shifted + 3 : shifted - 9
        let date = [
            WallTime.padded(era * 400 + year + (month <= 2 ? 1 : 0), 4),
            WallTime.padded(month, 2), WallTime.padded(dayOfYear - (153 * shifted + 2) / 5 + 1, 2),
        ]
        let time = [second / 3600, second / 60 % 60, second % 60].map { WallTime.padded($0, 2) }
        return date.joined(separator: "-") + "T" + time.joined(separator: ":") + "Z"
    }

    /// Division that rounds down, for times before 1970 too.
    private static func split(_ number: Int64, by divisor: Int64) -> (Int64, Int64) {
        let rest = (number % divisor + divisor) % divisor
        return ((number - rest) / divisor, rest)
    }

    private static func padded(_ number: Int64, _ width: Int) -> String {
        let digits = String(number)
        return String(repeating: "0", count: max(0, width - digits.utf8.count)) + digits
    }
}
