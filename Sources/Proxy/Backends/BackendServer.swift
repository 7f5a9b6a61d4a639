// One server behind the proxy, as one worker sees it.

import RESP

/// A server: where it is, what is known of it, and the connections to it.
final class BackendServer {
    enum Role: Equatable {
        case master
        case replica
    }

    /// Its place in the core's list.
    let index: Int
    let endpoint: Endpoint
    var role: Role
    let place: BackendPlace
    let weight: Int
    /// By the number of the lane; nil until the first client needs one.
    var lanes: [Lane?] = []
    /// The connection for the proxy's own questions, and the one that is open.
    var control: BackendConnection?
    var probe: Probe?
    /// The connection that watermarks go over to the master, or come over from a replica.
    var publisher: BackendConnection?
    var watcher: BackendConnection?
    /// The connection over which the master is asked whether replicas have confirmed writes.
    var acknowledger: BackendConnection?
    /// Writes on connections that are gone, which may run yet.
    var doubts: [Doubt] = []
    /// Of such writes those that it cannot be asked about, by the process that has them.
    var despaired: [ProcessMark: Set<FenceTable.Slot>] = [:]
    /// Since when there is no connection for questions, as far as was looked.
    var unaskedSince: Instant?
    /// Of a replica: where it was found last, how far behind the master that is, and the last time that its data is
    /// known not to be older than. Nil: nobody can say.
    var position: ReplicaPosition?
    var lag: ReplicaLag?
    var reachedAt: Instant?
    /// No configuration names it; and when it was named last by a server that does belong here.
    var isFound = false
    var namedAt = Instant(nanoseconds: 0)
    /// It was let go of; of one that is another by another name, which.
    var isGone = false
    var double: Int?
    /// When it last said how it is.
    var reportedAt = Instant(nanoseconds: 0)
    /// What it said last of itself, also over a connection that is gone.
    var lastReport: ServerReport?
    /// The process that answered last.
    var runID: [UInt8]?
    /// Connections for one client alone that wait for the next.
    var spares: [BackendConnection] = []
    /// Connections for one client alone, spares too.
    var privateCount = 0
    /// Replies owed on shared connections.
    var outstanding = 0
    /// How long it takes to answer: a moving average in nanoseconds, over tickets.
    private(set) var latency: Int64 = 0
    var health: BackendHealth
    /// What clients' reads have met there, and since when it takes them again.
    var circuit = Circuit()
    var rampUp = RampUp()
    var counters = BackendCounters()

    init(
        index: Int, endpoint: Endpoint, role: Role, place: BackendPlace,
        weight: Int, since now: Instant
    ) {
        self.index = index
        self.endpoint = endpoint
        self.role = role
        self.place = place
        self.weight = weight
        health = BackendHealth(since: now)
    }

    /// Takes one more measurement into the average: an eighth of it, so that the last dozen tickets decide.
    func noteLatency(_ duration: Duration) {
        let measured = duration.nanoseconds
        latency = latency == 0 ? measured : latency + (measured - latency) / 8
    }

    /// The mark in the cursors that it gives; before it has told its run id that of its address.
    var tag: CursorTag {
        let identity = runID ?? Array(endpoint.description.utf8)
        return CursorTag(runID: identity.span)
    }

    var name: String {
        "\(role == .master ? "master" : "replica") \(endpoint)"
    }
}

/// A question about a server's state that is not answered yet.
struct Probe {
    let errand: Int
    let since: Instant
    /// What was known of writes when it was asked how often it has been called as well.
    var counted: Counted?

    struct Counted {
        /// How many had been answered.
        let answered: Int
        /// A request was under way of which nobody can say what it writes.
        let isOpaqueUnderWay: Bool
    }
}

/// What happened at a server since the start.
struct BackendCounters {
    var requests = 0
    var replies = 0
    var errors = 0
    var retriedAway = 0
    var timeouts = 0
    var losses = 0
}

/// The connections that clients share who speak the same protocol in the same database as the same user.
final class Lane {
    /// For reads, and beside them those for writes; a replica has none of these.
    var readers: [BackendConnection]
    var writers: [BackendConnection]
    var usedAt: Instant
    /// Its user may not ask a replica for its role.
    var mayNotAskRole = false

    init(readers: [BackendConnection], writers: [BackendConnection], at now: Instant) {
        self.readers = readers
        self.writers = writers
        usedAt = now
    }
}

/// What tells lanes apart.
struct LaneKey: Equatable {
    var version: ProtocolVersion
    var database: Int
    /// Who the connections say they are; nil for the proxy's own user.
    var identity: Identity?

    static let first = LaneKey(version: .resp2, database: 0, identity: nil)
}

/// A user of the backends.
struct Identity: Equatable {
    /// Nil for the default user, as AUTH with one argument names it.
    let user: [UInt8]?
    let password: [UInt8]
}
