// INFO through the proxy: what a client finds that expects a redis-server. The sections are redis-server's, the
// numbers are the proxy's own; only the keyspace is the master's.
//
// To clients the proxy is a master: many refuse to write, or look for somebody else, when `role` says anything
// different. It has no replicas, so that none of them goes around it, and no replication of its own, so its offset
// is 0. Its replication id is its run id: a client that watches the id for a failover sees one when the proxy
// starts anew, which is when its connections broke too.

import RESP

package struct InfoText {
    private let status: ProxyStatus
    /// Lines such as `db0:keys=1,expires=0,avg_ttl=0`.
    private let keyspace: [UInt8]

    /// `keyspace` is the master's reply to `INFO keyspace`; nil when it gave none.
    package init(_ status: ProxyStatus, keyspace: [UInt8]? = nil) {
        self.status = status
        self.keyspace = keyspace.map(InfoText.databaseLines) ?? []
    }

    /// Appends the reply to INFO.
    package func reply(
        _ selection: InfoSelection, to output: inout OutputQueue, for version: ProtocolVersion
    ) {
        output.appendVerbatim(text(selection).span, format: "txt", for: version)
    }

    package func text(_ selection: InfoSelection) -> [UInt8] {
        var text: [UInt8] = []
        for section in selection.sections {
            if !text.isEmpty { text += "\r\n".utf8 }
            text += "# \(InfoText.title(section))\r\n".utf8
            for (name, value) in fields(section) { text += "\(name):\(value)\r\n".utf8 }
            if section == .keyspace { text += keyspace }
        }
        return text
    }

    private static func title(_ section: InfoSection) -> String {
        let word = section.rawValue
        return section == .cpu ? "CPU" : word.prefix(1).uppercased() + word.dropFirst()
    }

    /// A keyspace longer than this is not the master's: 16 databases take one kilobyte.
    static let longestKeyspace = 64 * 1024

    /// The lines about databases in a master's reply, and nothing else that may stand there.
    static func databaseLines(_ reply: [UInt8]) -> [UInt8] {
        var lines: [UInt8] = []
        let isLineEnd = { (byte: UInt8) in byte == 0x0A || byte == 0x0D }
        for line in reply.prefix(longestKeyspace).split(whereSeparator: isLineEnd) {
            let number = line.dropFirst(2).prefix { $0 >= 0x30 && $0 <= 0x39 }
            guard line.starts(with: "db".utf8), !number.isEmpty,
                line.dropFirst(2 + number.count).first == UInt8(ascii: ":")
            else { continue }
            lines += line + [0x0D, 0x0A]
        }
        return lines
    }

    private typealias Fields = [(name: String, value: String)]

    private func fields(_ section: InfoSection) -> Fields {
        switch section {
        case .server: server
        case .clients: clients
        case .memory: memory
        case .persistence: persistence
        case .stats: stats
        case .replication: replication
        case .cpu: processor
        case .errorstats: errors
        case .cluster: [("cluster_enabled", "0")]
        case .sluice: sluice
        // The proxy has no modules and counts by class, not by command; the keyspace is the master's.
        case .modules, .commandstats, .latencystats, .keyspace: []
        }
    }

    private var server: Fields {
        let uptime = status.uptime.components.seconds
        return [
            ("redis_version", "7.0.15"),
            ("redis_git_sha1", "00000000"),
            ("redis_git_dirty", "0"),
            ("redis_build_id", "0"),
            ("redis_mode", "standalone"),
            ("os", status.process.operatingSystem),
            ("arch_bits", "\(Int.bitWidth)"),
            ("monotonic_clock", "POSIX clock_gettime"),
            ("multiplexing_api", "epoll"),
            ("process_id", "\(status.process.processID)"),
            ("process_supervised", "no"),
            ("run_id", status.process.runID),
            ("tcp_port", "\(status.process.port)"),
            ("server_time_usec", "\(status.now.microseconds)"),
            ("uptime_in_seconds", "\(uptime)"),
            ("uptime_in_days", "\(uptime / 86_400)"),
            ("lru_clock", "\(status.now.seconds & 0xFF_FFFF)"),
            ("executable", status.process.executable),
            ("config_file", status.process.configurationFile),
            ("io_threads_active", "0"),
        ]
    }

    private var clients: Fields {
        [
            ("connected_clients", "\(status.clients.connected)"),
            ("cluster_connections", "0"),
            ("maxclients", "\(status.clients.maximum)"),
            ("client_recent_max_input_buffer", "\(status.clients.largestInput)"),
            ("client_recent_max_output_buffer", "\(status.clients.largestOutput)"),
            ("blocked_clients", "\(status.clients.blocked)"),
            ("tracking_clients", "\(status.clients.tracking)"),
            ("clients_in_timeout_table", "\(status.clients.blocked)"),
        ]
    }

    /// The proxy's memory, not the data's: what the process has from the system.
    private var memory: Fields {
        let used = status.process.residentMemory
        let peak = max(status.process.peakMemory, used)
        let percent = peak > 0 ? InfoText.decimal(used * 10_000 / peak, places: 2) : "0.00"
        return [
            ("used_memory", "\(used)"),
            ("used_memory_human", InfoText.human(used)),
            ("used_memory_rss", "\(used)"),
            ("used_memory_rss_human", InfoText.human(used)),
            ("used_memory_peak", "\(peak)"),
            ("used_memory_peak_human", InfoText.human(peak)),
            ("used_memory_peak_perc", percent + "%"),
            ("total_system_memory", "\(status.process.systemMemory)"),
            ("total_system_memory_human", InfoText.human(status.process.systemMemory)),
            ("used_memory_lua", "0"),
            ("maxmemory", "0"),
            ("maxmemory_human", "0B"),
            ("maxmemory_policy", "noeviction"),
            ("mem_fragmentation_ratio", "1.00"),
            ("mem_clients_normal", "\(status.heldMemory)"),
        ]
    }

    /// Clients wait for `loading:0` before they send anything; while the master loads, so should they.
    private var persistence: Fields {
        [
            ("loading", status.master?.state == .loading ? "1" : "0"),
            ("async_loading", "0"),
            ("rdb_bgsave_in_progress", "0"),
            ("aof_enabled", "0"),
            ("aof_rewrite_in_progress", "0"),
        ]
    }

    private var stats: Fields {
        let counters = status.counters
        return [
            ("total_connections_received", "\(counters.connectionsReceived)"),
            ("total_commands_processed", "\(counters.requests)"),
            ("total_net_input_bytes", "\(counters.clientBytesReceived)"),
            ("total_net_output_bytes", "\(counters.clientBytesSent)"),
            ("rejected_connections", "\(counters.connectionsRefused)"),
            ("pubsub_channels", "\(status.clients.channels)"),
            ("pubsub_patterns", "\(status.clients.patterns)"),
            ("pubsubshard_channels", "\(status.clients.shardChannels)"),
            ("total_error_replies", "\(counters.errors.total)"),
        ]
    }

    private var replication: Fields {
        [
            ("role", "master"),
            ("connected_slaves", "0"),
            ("master_failover_state", "no-failover"),
            ("master_replid", status.process.runID),
            ("master_replid2", String(repeating: "0", count: 40)),
            ("master_repl_offset", "0"),
            ("second_repl_offset", "-1"),
            ("repl_backlog_active", "0"),
            ("repl_backlog_size", "0"),
            ("repl_backlog_first_byte_offset", "0"),
            ("repl_backlog_histlen", "0"),
        ]
    }

    private var processor: Fields {
        [
            ("used_cpu_sys", InfoText.seconds(status.process.systemTime)),
            ("used_cpu_user", InfoText.seconds(status.process.userTime)),
            ("used_cpu_sys_children", "0.000000"),
            ("used_cpu_user_children", "0.000000"),
        ]
    }

    private var errors: Fields {
        status.counters.errors.all.map { error in
            ("errorstat_" + String(decoding: error.code, as: UTF8.self), "count=\(error.count)")
        }
    }

    private var sluice: Fields {
        let counters = status.counters
        let readiness = Readiness(status)
        let fields: Fields = [
            ("sluice_version", SluiceVersion.text),
            ("workers", "\(status.workers)"),
            ("consistency", status.consistency),
            ("ready", readiness.isReady ? "1" : "0"),
            ("backends", "\(status.backends.count)"),
            ("backends_healthy", "\(status.backends.count(where: \.isHealthy))"),
            ("reads_on_replicas_percent", "\(counters.percentOfReadsOnReplicas ?? 0)"),
            ("pinned_clients", "\(status.clients.pinned)"),
            ("paused_clients", "\(status.clients.paused)"),
            ("outstanding_requests", "\(status.outstanding)"),
            ("held_memory", "\(status.heldMemory)"),
        ]
        return fields
            + ProxyCounters.rows.map { ($0.name, "\(counters[keyPath: $0.count])") }
            + status.backends.enumerated().map { ("backend\($0)", InfoText.line($1)) }
    }

    /// As redis-server writes what it knows of a replica: names and values with commas between. What the
    /// configuration names is quoted nowhere in INFO, so a comma in a tag would read as another field.
    private static func line(_ backend: BackendStatus) -> String {
        let optional = { (number: Int?) in number.map(String.init) ?? "" }
        let parts: Fields = [
            ("address", backend.address),
            ("role", backend.role.rawValue),
            ("state", backend.state.word.replacing(" ", with: "_")),
            ("since", "\(backend.since.seconds)"),
            ("zone", backend.zone),
            ("weight", "\(backend.weight)"),
            ("shared_connections", "\(backend.sharedConnections)"),
            ("private_connections", "\(backend.privateConnections)"),
            ("outstanding", "\(backend.outstanding)"),
            ("latency_us", optional(backend.latency)),
            ("requests", "\(backend.requests)"),
            ("errors", "\(backend.errors)"),
            ("retries_away", "\(backend.retriesAway)"),
            ("offset", optional(backend.offset)),
            ("lag_bytes", optional(backend.lag)),
            ("lag_ms", optional(backend.lagMilliseconds)),
        ]
        return parts.map { "\($0.name)=\(InfoText.plain($0.value))" }.joined(separator: ",")
    }

    private static func plain(_ value: String) -> String {
        String(value.map { $0 == "," || $0.isNewline ? "_" : $0 })
    }

    // MARK: - Numbers

    /// As redis-server's `used_memory_human`: `894.85K`.
    static func human(_ bytes: Int) -> String {
        var unit = 1
        for letter in ["B", "K", "M", "G", "T"] {
            if bytes / unit < 1024 || letter == "T" {
                guard unit > 1 else { return "\(bytes)B" }
                let hundredths = Int(Double(bytes) / Double(unit) * 100 + 0.5)
                return decimal(hundredths, places: 2) + letter
            }
            unit *= 1024
        }
        preconditionFailure("no unit for \(bytes) bytes")
    }

    private static func seconds(_ duration: Duration) -> String {
        decimal(Int(duration.nanoseconds / 1_000), places: 6)
    }

    /// A number of which the last `places` digits stand behind the point.
    private static func decimal(_ number: Int, places: Int) -> String {
        let digits = String(number)
        let padded = String(repeating: "0", count: max(0, places + 1 - digits.utf8.count)) + digits
        return padded.dropLast(places) + "." + padded.suffix(places)
    }
}
