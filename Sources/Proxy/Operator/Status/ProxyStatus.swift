// The whole state of the proxy as operators see it: a value that each worker makes its part of. /status, /readyz,
// INFO and the PROXY commands are all written from it.

import RESP

/// What the proxy is and does at one moment. Parts of several workers add up by `merge`.
package struct ProxyStatus: Sendable, Equatable {
    package var now: WallTime
    package var startedAt: WallTime
    package var uptime: Duration
    package var workers = 1
    package var consistency: String
    /// Of the listeners and users that have a level of their own.
    package var levels: [Level] = []
    /// Whether any level promises more than `eventual` does.
    package var needsFences = false
    /// What others write past this proxy, as far as it can tell; the first worker's.
    package var foreignWrites: ForeignWrites?
    /// True from the order to stop on: no new clients are wanted.
    package var isDraining = false
    /// True when reads may not fall back to the master (`include_master: never`).
    package var readsNeedReplica = false
    package var process = ProcessFacts()
    package var clients = Clients()
    package var backends: [BackendStatus] = []
    package var counters = ProxyCounters()
    /// Bytes of requests and replies that are held for somebody.
    package var heldMemory = 0
    /// Requests sent and not answered yet.
    package var outstanding = 0
    /// Replies of writes that replicas have not confirmed yet.
    package var withheld = 0
    /// Newest first.
    package var slowLog: [SlowLog.Entry] = []
    /// Newest first; the first worker's.
    package var events: [ProxyEvent] = []
    /// What is wrong with how the servers are configured; the first worker's.
    var findings: [OpenFinding] = []

    package init(now: WallTime, startedAt: WallTime, uptime: Duration, consistency: String) {
        self.now = now
        self.startedAt = startedAt
        self.uptime = uptime
        self.consistency = consistency
    }

    /// What no level promises, for whoever reads this and nothing else.
    static let notCovered =
        "what is written past this proxy, writes that a failover loses, expiry and eviction, walks with SCAN"

    /// Writes that did not come through this proxy.
    package struct ForeignWrites: Sendable, Equatable {
        /// Out of so many that were counted.
        package var found: Int
        package var counted: Int
        /// Nil: none lately.
        package var secondsAgo: Int?

        var report: Report {
            .fields([
                .init("found", .number(found)), .init("counted", .number(counted)),
                .init("percent", counted > 0 ? .number(found * 100 / counted) : .none),
                .init("seen_seconds_ago", .number(secondsAgo)),
            ])
        }
    }

    /// How fresh reads are of those who come in at a listener, or are a user.
    package struct Level: Sendable, Equatable {
        /// `listener` or `user`.
        package var kind: String
        package var name: String
        package var consistency: String
    }

    /// Clients by what they do now; one may be in several.
    package struct Clients: Sendable, Equatable {
        package var connected = 0
        package var blocked = 0
        package var subscribed = 0
        package var tracking = 0
        /// With a backend connection of their own.
        package var pinned = 0
        /// Not read from at the moment.
        package var paused = 0
        /// How many there may be, over all workers.
        package var maximum = 0
        package var channels = 0
        package var patterns = 0
        package var shardChannels = 0
        /// The largest unfinished request and the most unread reply bytes of a single client.
        package var largestInput = 0
        package var largestOutput = 0

        package init() {}

        mutating func merge(_ part: Clients) {
            connected += part.connected
            blocked += part.blocked
            subscribed += part.subscribed
            tracking += part.tracking
            pinned += part.pinned
            paused += part.paused
            maximum = max(maximum, part.maximum)
            channels += part.channels
            patterns += part.patterns
            shardChannels += part.shardChannels
            largestInput = max(largestInput, part.largestInput)
            largestOutput = max(largestOutput, part.largestOutput)
        }
    }

    /// What belongs to the process and not to one worker; the first part's stands.
    package struct ProcessFacts: Sendable, Equatable {
        package var processID = 0
        /// 40 hexadecimal digits, new with each start.
        package var runID = String(repeating: "0", count: 40)
        /// As `uname` has it: system, release, machine.
        package var operatingSystem = ""
        package var executable = ""
        package var configurationFile = ""
        /// Of the first listener.
        package var port = 0
        /// In bytes, as the system counts it.
        package var residentMemory = 0
        package var peakMemory = 0
        package var systemMemory = 0
        package var userTime = Duration.zero
        package var systemTime = Duration.zero

        package init() {}
    }

    package var master: BackendStatus? { backends.first { $0.role == .master } }

    /// Adds another worker's part. Backends keep the order of the first part that names them.
    package mutating func merge(_ part: ProxyStatus) {
        workers += part.workers
        isDraining = isDraining || part.isDraining
        readsNeedReplica = readsNeedReplica || part.readsNeedReplica
        uptime = max(uptime, part.uptime)
        startedAt = min(startedAt, part.startedAt)
        clients.merge(part.clients)
        for backend in part.backends {
            if let index = backends.firstIndex(where: { $0.address == backend.address }) {
                backends[index].merge(backend)
            } else {
                backends.append(backend)
            }
        }
        counters.merge(part.counters)
        heldMemory += part.heldMemory
        outstanding += part.outstanding
        withheld += part.withheld
        slowLog = SlowLog.newest(SlowLog.longestReply, of: [slowLog, part.slowLog])
        if events.isEmpty { events = part.events }
        if findings.isEmpty { findings = part.findings }
        foreignWrites = foreignWrites ?? part.foreignWrites
    }
}

// MARK: - Readiness

/// Whether the proxy can do its work, part by part.
package struct Readiness: Sendable, Equatable {
    package struct Part: Sendable, Equatable {
        package let name: String
        /// What is wrong; nil when nothing is.
        package let failure: String?
    }

    package let parts: [Part]

    package var isReady: Bool { parts.allSatisfy { $0.failure == nil } }

    package init(_ status: ProxyStatus) {
        let masters = status.backends.filter { $0.role == .master }
        let replicas = status.backends.filter { $0.role == .replica }
        let writes: String? =
            if masters.contains(where: \.isHealthy) {
                nil
            } else if let master = masters.first {
                "master " + Readiness.describe(master)
            } else {
                "no backend is a master"
            }
        // Those that lag are read where nothing else may be.
        let hasReplica = replicas.contains {
            $0.isHealthy || status.readsNeedReplica && $0.state == .lagging
        }
        let reads: String? =
            if hasReplica || (writes == nil && !status.readsNeedReplica) {
                nil
            } else if replicas.isEmpty {
                writes ?? "no replica is configured, and include_master is never"
            } else {
                "no replica is healthy: " + replicas.map(Readiness.describe).joined(separator: ", ")
            }
        parts = [
            Part(name: "accepting", failure: status.isDraining ? "draining" : nil),
            Part(name: "writes", failure: writes),
            Part(name: "reads", failure: reads),
        ]
    }

    private static func describe(_ backend: BackendStatus) -> String {
        let reason = backend.reason.isEmpty ? "" : ": \(backend.reason)"
        return "\(backend.address) is \(backend.state.word) since \(backend.since.text)\(reason)"
    }

    /// One line for each part.
    package var text: String {
        let lines = parts.map { "\($0.name): \($0.failure ?? "ok")\n" }
        return (isReady ? "ready\n" : "not ready\n") + lines.joined()
    }

    var report: Report {
        .fields(parts.map { .init($0.name, .text($0.failure ?? "ok")) })
    }
}

// MARK: - Reports

extension ProxyStatus {
    /// Everything: the document behind /status.
    package var report: Report {
        guard case .fields(let fields) = summary else { preconditionFailure("no summary") }
        return .fields(
            fields + [
                .init("process", processReport),
                .init("backends", backendsReport),
                .init("counters", counters.report),
                .init("slow_log", .list(slowLog.map(\.report))),
                .init("events", .list(events.map(\.report))),
                .init("audit", auditReport),
            ])
    }

    /// What fits a screen: the reply to PROXY STATUS.
    package var summary: Report {
        let readiness = Readiness(self)
        return .fields([
            .init("version", .text(SluiceVersion.text)),
            .init("ready", .flag(readiness.isReady)),
            .init("readiness", readiness.report),
            .init("consistency", .text(consistency)),
            .init("levels", .list(levels.map(\.report))),
            .init("not_covered", .text(needsFences ? ProxyStatus.notCovered : nil)),
            .init("foreign_writes", foreignWrites?.report ?? .none),
            .init("started", .text(startedAt.text)),
            .init("uptime_seconds", .number(Int(uptime.components.seconds))),
            .init("workers", .number(workers)),
            .init("clients", clientsReport),
            .init("master", .text(master?.address)),
            .init("backends_by_state", statesReport),
            .init("outstanding", .number(outstanding)),
            .init("withheld", .number(withheld)),
            .init("held_memory_bytes", .number(heldMemory)),
            .init("reads_on_replicas_percent", .number(counters.percentOfReadsOnReplicas)),
        ])
    }

    package var backendsReport: Report { .list(backends.map { $0.report(at: now) }) }

    package var auditReport: Report { .list(findings.map(\.report)) }

    /// States that no backend is in are left out.
    private var statesReport: Report {
        .fields(
            BackendStatus.State.allCases.compactMap { state in
                let count = backends.count { $0.state == state }
                return count > 0 ? .init(state.word, .number(count)) : nil
            })
    }

    private var clientsReport: Report {
        .fields([
            .init("connected", .number(clients.connected)),
            .init("maximum", .number(clients.maximum)),
            .init("blocked", .number(clients.blocked)),
            .init("subscribed", .number(clients.subscribed)),
            .init("tracking", .number(clients.tracking)),
            .init("pinned", .number(clients.pinned)),
            .init("paused", .number(clients.paused)),
        ])
    }

    private var processReport: Report {
        .fields([
            .init("process_id", .number(process.processID)),
            .init("run_id", .text(process.runID)),
            .init("operating_system", .text(process.operatingSystem)),
            .init("configuration_file", .text(process.configurationFile)),
            .init("port", .number(process.port)),
            .init("resident_memory_bytes", .number(process.residentMemory)),
            .init("user_time_ms", .number(Int(process.userTime.nanoseconds / 1_000_000))),
            .init("system_time_ms", .number(Int(process.systemTime.nanoseconds / 1_000_000))),
        ])
    }
}

extension ProxyStatus.Level {
    fileprivate var report: Report {
        .fields([.init(kind, .text(name)), .init("consistency", .text(consistency))])
    }
}
