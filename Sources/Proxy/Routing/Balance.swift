// How reads are dealt out among the backends that qualify.

/// Which of the backends that qualify takes the next read.
package enum Balance: String, Sendable, Equatable, CaseIterable {
    /// Of two at random, the one with fewer unanswered requests.
    case leastOutstanding = "least_outstanding"
    case roundRobin = "round_robin"
    case lowestLatency = "lowest_latency"
    /// In proportion to the weights of the replicas.
    case weighted
}

/// Whether the master takes reads that a replica could take.
package enum IncludeMaster: String, Sendable, Equatable, CaseIterable {
    case never
    /// When no replica qualifies.
    case fallback
    /// As one among the replicas.
    case always
}

/// Where a backend is and what it is set aside for.
package struct BackendPlace: Sendable, Equatable {
    /// Reads prefer the backends of the proxy's own zone.
    package var zone: String?
    /// Names that rules for commands can ask for.
    package var tags: [String]

    package init(zone: String? = nil, tags: [String] = []) {
        self.zone = zone
        self.tags = tags
    }
}
