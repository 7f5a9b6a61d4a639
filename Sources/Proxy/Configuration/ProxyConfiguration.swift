// What sluice-proxy is told to do: the values that its core and its driver read, with their defaults. How the
// keys are spelled in a file stands in ProxyKeys.swift.

import RESP

/// Everything that a configuration file can set. `ProxyConfiguration()` holds the defaults.
package struct ProxyConfiguration: Sendable, Equatable {
    package var listen = [ClientListener(.tcp(host: "127.0.0.1", port: 7379))]
    /// Where /healthz, /readyz and /status are answered; nil: nowhere.
    package var health: Endpoint?
    /// Where this proxy is: reads prefer backends of the same zone.
    package var zone: String?
    package var threads = Threads.count(1)
    package var backends = Backends()
    package var reads = Reads()
    package var outliers = Outliers()
    package var writes = Writes()
    package var failover = Failover()
    package var audit = Audit()
    /// In the order of the file.
    package var commands: [CommandRule] = []
    package var authentication = Authentication.none
    package var users: [User] = []
    /// Numbers that SELECT takes, from 0.
    package var databases = 16
    /// Clients in all, over every worker and listener.
    package var maximumClients = 10_000
    package var scripts = ScriptKeys.any
    package var timeouts = Timeouts()
    package var slowlog = Slowlog()
    package var log = Log()
    package var tcp = TCP()
    package var limits = Limits()

    package init() {}

    /// Whether a client can have a level for which it must be known what was written.
    package var needsFences: Bool {
        // Nothing is known of servers that are not asked: all such reads go to the master.
        guard backends.mayHaveReplicas, timeouts.probeInterval > .zero else { return false }
        return levels.contains(where: \.needsFences)
    }

    /// Whether some of the reads that replicas answer are asked of the master as well.
    package var auditsReads: Bool {
        reads.auditPerSecond > 0 && backends.mayHaveReplicas && reads.includeMaster != .never
            && levels.contains { $0 != .master }
    }

    /// The levels that clients have until they ask for another, from the strictest on.
    package var levels: [Consistency] {
        let levels = listen.indices.map(level(ofListener:)) + users.compactMap(\.consistency)
        return Consistency.allCases.filter(levels.contains)
    }

    /// The level of clients that come in at this place of `listen`, unless their user has one.
    package func level(ofListener place: Int) -> Consistency {
        listen[place].consistency ?? reads.consistency
    }

    /// How many workers share the clients.
    package enum Threads: Sendable, Equatable {
        /// One for each processor that this process may use.
        case automatic
        case count(Int)
    }

    package struct Backends: Sendable, Equatable {
        /// A file must say where the master is; this default is for tests.
        package var master = Endpoint.tcp(host: "127.0.0.1", port: 6379)
        package var masterPlace = BackendPlace()
        package var replicas: [Replica] = []
        /// Whether replicas that no file names are found by what the master tells of them.
        package var discover = false
        /// Where servers are reached, by the address that they announce.
        package var addresses: [Endpoint: Endpoint] = [:]
        /// Who says which server is the master and which are its replicas, in place of the file.
        package var sentinel: Sentinel?
        /// Connections that each worker shares among its clients, for each backend and lane.
        package var connections = 1
        /// Who the proxy is at the backends; nil: the default user.
        package var username: String?
        package var password: Secret?

        package init() {}

        package var mayHaveReplicas: Bool { !replicas.isEmpty || discover || sentinel != nil }
    }

    package struct Sentinel: Sendable, Equatable {
        /// What the sentinels call the master.
        package var masterName: String
        /// Where some of them are; they tell of the others.
        package var addresses: [Endpoint]
        /// Who the proxy is at the sentinels; nil: the default user.
        package var username: String?
        package var password: Secret?

        package init(
            masterName: String, addresses: [Endpoint], username: String? = nil,
            password: Secret? = nil
        ) {
            self.masterName = masterName
            self.addresses = addresses
            self.username = username
            self.password = password
        }
    }

    package struct Replica: Sendable, Equatable {
        package var endpoint: Endpoint
        package var place: BackendPlace
        /// Its share of the reads when they are dealt out by weight.
        package var weight: Int

        package init(_ endpoint: Endpoint, place: BackendPlace = BackendPlace(), weight: Int = 1) {
            self.endpoint = endpoint
            self.place = place
            self.weight = weight
        }
    }

    package struct Reads: Sendable, Equatable {
        package var consistency = Consistency.fresh
        /// How far behind the master a replica may be: in bytes of its stream, and in time.
        package var maxLagBytes = 10 << 20
        package var maxLag = Duration.seconds(10)
        package var balance = Balance.leastOutstanding
        package var includeMaster = IncludeMaster.fallback
        package var onForeignWrites = OnForeignWrites.warn
        /// How many reads of the whole proxy the master has to answer at once when no replica can be read; zero: any.
        package var maxMasterReads = 1000
        /// How many reads that replicas answer the master is asked as well, in a second; zero: none.
        package var auditPerSecond = 10
        /// How often a read whose backend failed is sent to another.
        package var retries = 2
        /// Healthy replicas in the own zone below which reads leave it.
        package var zoneMinimum = 1
        /// How long a backend that has come back takes to get all of its reads; zero: it gets them at once.
        package var rampUp = Duration.seconds(10)

        package init() {}

        var lagCeiling: LagCeiling { LagCeiling(bytes: maxLagBytes, time: maxLag) }
    }

    /// When a replica is not read because of what reads have met there, whatever it says of itself.
    package struct Outliers: Sendable, Equatable {
        /// Reads in a row without an answer; zero: however many.
        package var failures = 5
        /// How many times as long as its peers it may take to answer, and how long in any case; zero: however long.
        package var latencyFactor = 5
        package var latencyFloor = Duration.milliseconds(50)
        /// For how long, the first time; and the longest time, as it doubles.
        package var ejection = Duration.seconds(10)
        package var maximumEjection = Duration.seconds(300)
        /// How many of a hundred replicas at once.
        package var maximumPercent = 50

        package init() {}
    }

    package struct Writes: Sendable, Equatable {
        /// How long writes wait for a master, from when it went away; zero: they are refused.
        package var hold = Duration.seconds(10)
        /// How many of them wait in the whole proxy, and with how many bytes.
        package var holdRequests = 10_000
        package var holdBytes = 64 << 20
        /// So many replicas confirm a write before it is answered; zero: none is asked.
        package var ackReplicas = 0
        /// How long they are waited for.
        package var ackTimeout = Duration.seconds(1)

        package init() {}
    }

    package struct Failover: Sendable, Equatable {
        /// Who makes a replica the master when that is lost.
        package enum Mode: String, Sendable, CaseIterable {
            /// Somebody else.
            case off
            case auto
        }

        package var mode = Mode.off
        /// How long the proxy and most replicas must not hear the master for it to be lost.
        package var downAfter = Duration.seconds(5)
        /// Where it is written down who the master is; nil: nowhere.
        package var stateFile: String?
        /// Who has more than the new master is told to follow it, and drops what only it has.
        package var rejoins = false

        package init() {}
    }

    /// What servers are configured to do is compared.
    package struct Audit: Sendable, Equatable {
        /// How often; zero: never.
        package var interval = Duration.seconds(60)

        package init() {}
    }

    package struct Timeouts: Sendable, Equatable {
        package var connect = Duration.seconds(1)
        /// From a request's sending to its reply, and for room to send it before that; zero: never.
        package var request = Duration.seconds(10)
        /// A client that sends nothing; zero: never.
        package var idle = Duration.zero
        /// The answer to a probe of a backend.
        package var probe = Duration.seconds(1)
        package var probeInterval = Duration.seconds(1)
        /// Shared connections of a lane that nobody uses.
        package var laneIdle = Duration.seconds(60)

        package init() {}
    }

    package struct Slowlog: Sendable, Equatable {
        /// Requests that took longer are remembered; zero: every one.
        package var slowerThan = Duration.milliseconds(10)

        package init() {}
    }

    package struct Log: Sendable, Equatable {
        package var level = LogLevel.notice
        /// Nil: to the standard output.
        package var file: String?
        package var syslog = false

        package init() {}
    }

    package struct TCP: Sendable, Equatable {
        /// Idle time before the kernel probes whether a peer is still there; zero: never.
        package var keepalive = Duration.seconds(300)
        package var backlog = 511
        /// How long a backend may leave what was sent to it unacknowledged or unread before its connection is given
        /// up; zero: as long as the kernel likes.
        package var userTimeout = Duration.seconds(30)

        package init() {}
    }

    /// What a single client or backend may hold. Every limit is in bytes unless it says otherwise.
    package struct Limits: Sendable, Equatable {
        /// Replies waiting for one client; above it nothing more is read from that client.
        package var clientOutput = 1 << 20
        /// Unanswered requests of one client, counted; at it nothing more is read from that client.
        package var clientRequests = 1024
        /// One whole request. The default is what redis-server lets a client send (client-query-buffer-limit):
        /// room for the longest value, 512 MB, and its command.
        package var requestBytes = 1 << 30
        /// Requests waiting to be sent on one connection to a backend; above it its clients wait.
        package var backendOutput = 16 << 20
        /// Unanswered requests on one connection to a backend, counted; at it its clients wait.
        package var backendRequests = 100_000
        /// A longer request takes a connection of its own.
        package var privateAbove = 1 << 20
        /// A longer reply makes its connection private.
        package var replyPrivateAbove = 1 << 20
        /// A longer transaction takes a connection of its own.
        package var transactionBytes = 1 << 20
        /// Commands in one transaction, counted.
        package var transactionRequests = 100_000
        /// Connections of one backend and worker that serve one client each: blocking, WATCH, subscribers.
        package var privateConnections = 1_000
        /// Combinations of database, protocol and user that one backend and worker has connections for.
        package var lanes = 64
        /// Bodies of scripts that are remembered, to load them where they are missing.
        package var scriptBytes = 16 << 20
        /// Entries of the slow log, counted.
        package var slowlogEntries = 128
        /// Failed AUTHs of one client, counted, at which it is closed.
        package var authFailures = 10
        /// How long the answer to a failed AUTH is held back.
        package var authDelay = Duration.milliseconds(500)

        /// How long other clients wait behind one that does not read its replies before it is closed.
        package var stall = Duration.seconds(1)

        package init() {}
    }
}

/// Where clients connect.
package struct ClientListener: Sendable, Equatable {
    package var endpoint: Endpoint
    /// How fresh the reads of those that come in here are; nil: as `reads.consistency` says.
    package var consistency: Consistency?

    package init(_ endpoint: Endpoint, consistency: Consistency? = nil) {
        self.endpoint = endpoint
        self.consistency = consistency
    }
}
