// The keys of sluice-proxy's configuration file, one row each: how it is spelled, what it holds, and what it is
// for. Reading a file, printing one, and the documents all go through these rows; defaults are the values of
// `ProxyConfiguration()`.

import RESP

/// A key and the place of its value in `ProxyConfiguration`.
struct ProxyKey: Sendable {
    /// The names of the maps that the key is in, and its own, with dots between.
    let path: String
    let kind: ProxyValueKind
    /// A file must set it.
    let isRequired: Bool
    /// The key that says the same in another way: one of the two is enough.
    let alternative: String?
    /// One line, for people: what it is.
    let summary: String
    /// One line: why it is there, or why its default is what it is.
    let why: String
    /// Of limits and timeouts: what happens there.
    let whenReached: String?

    init(
        _ path: String, _ kind: ProxyValueKind, isRequired: Bool = false,
        unless alternative: String? = nil, _ summary: String,
        why: String, whenReached: String? = nil
    ) {
        self.path = path
        self.kind = kind
        self.isRequired = isRequired
        self.alternative = alternative
        self.summary = summary
        self.why = why
        self.whenReached = whenReached
    }

    var components: [Substring] { path.split(separator: ".") }
}

/// All keys, in the order in which a configuration is printed; the keys of a map stand together.
enum ProxyKeys {
    static let all: [ProxyKey] =
        general + backends + reads + outliers + writes + failover + audit + timeouts + others
        + limits

    private static let general: [ProxyKey] = [
        ProxyKey(
            "listen", .listeners(\.listen),
            "where clients connect: one endpoint or a list",
            why: "the loopback, so that nobody else gets in before somebody says so"),
        ProxyKey(
            "health", .endpointOrOff(\.health),
            "where /healthz, /readyz and /status are answered over HTTP, or off",
            why: "a port of its own, so that it can be kept from clients"),
        ProxyKey(
            "zone", .zone(\.zone),
            "where this proxy is; reads prefer backends of the same zone, empty: none",
            why: "traffic between zones is slower and often paid for"),
        ProxyKey(
            "threads", .threads(\.threads, atMost: 1024),
            "workers that share the clients: a number, or auto for one per processor",
            why: "one worker sends what most clients ask for in the fewest writes"),
        ProxyKey(
            "maxclients", .integer(\.maximumClients, 1...1_000_000),
            "clients in all, over every worker",
            why: "as redis-server; lowered when the system gives fewer descriptors",
            whenReached: "one more is refused with an error and closed"),
        ProxyKey(
            "databases", .integer(\.databases, 1...65_536),
            "databases that SELECT takes, from 0",
            why: "as redis-server; set what the backends have",
            whenReached: "SELECT answers with an error"),
        ProxyKey(
            "auth", .authentication(\.authentication),
            "who checks a client's AUTH: none, users (the key users) or backend",
            why: "none as in redis-server; with backend, ACL users keep their rights"),
        ProxyKey(
            "users", .users(\.users, path: "users"),
            "users by name, for auth: users; AUTH without a name means default",
            why: "applications need not know the backends' passwords"),
        ProxyKey(
            "commands", .commands(\.commands, path: "commands"),
            "where single commands go: read, master, refuse or {replica: TAG}",
            why: "a command may be slow, forbidden, or a module's that nobody else knows"),
        ProxyKey(
            "scripts", .choice(\.scripts),
            "which keys scripts touch: any_keys, or declared_keys if all keep to those they are given",
            why: "servers do not enforce it; with any_keys a script that may write fences every key"
        ),
    ]

    private static let backends: [ProxyKey] = [
        ProxyKey(
            "backends.master",
            .master(\.backends.master, \.backends.masterPlace), isRequired: true,
            unless: "backends.sentinel",
            "the server that takes the writes; not with `sentinel`",
            why: "the one thing that cannot be guessed"),
        ProxyKey(
            "backends.replicas", .replicas(\.backends.replicas, path: "backends.replicas"),
            "the servers that reads may go to",
            why: "without any, everything goes to the master"),
        ProxyKey(
            "backends.discover", .boolean(\.backends.discover),
            "whether replicas that the master tells of are read from, and replicas of those",
            why: "off: only what is written here gets reads"),
        ProxyKey(
            "backends.addresses", .addresses(\.backends.addresses),
            "where servers are reached that announce themselves at another address",
            why: "behind NAT and in containers servers know only their own side"),
        ProxyKey(
            "backends.sentinel", .sentinel(\.backends.sentinel),
            "the sentinels that say which server is the master and which are its replicas",
            why:
                "they make another server the master when it fails, and a majority of them is right"
        ),
        ProxyKey(
            "backends.connections", .integer(\.backends.connections, 1...1024),
            "connections to each backend that the clients of one worker share, per lane; the master has as many more",
            why: "one makes one write of what many clients send in a turn"),
        ProxyKey(
            "backends.username", .text(\.backends.username),
            "who the proxy is at the backends; empty: the default user",
            why: "for its own probes, and for clients that are nobody else there"),
        ProxyKey(
            "backends.password", .secret(\.backends.password),
            "the password at the backends; empty: none is sent",
            why: "a file or a variable keeps it out of this file"),
    ]

    private static let reads: [ProxyKey] = [
        ProxyKey(
            "reads.consistency", .choice(\.reads.consistency),
            "how fresh reads are: master, fresh, session, bounded or eventual",
            why: "with fresh, reading from replicas shows nothing older than the master would"),
        ProxyKey(
            "reads.max_lag_bytes", .size(\.reads.maxLagBytes, 1...gigabytes64),
            "how many bytes of its stream a replica may be behind the master",
            why: "a replica that far behind is in trouble, whatever is read from it",
            whenReached: "it is lagging, and is not read until it is within half of it"),
        ProxyKey(
            "reads.max_lag", .duration(\.reads.maxLag, .milliseconds(1)...oneDay),
            "how long ago a replica's data may have been the master's",
            why: "longer than a slow probe, shorter than people forgive",
            whenReached: "it is lagging, and is not read until it is within half of it"),
        ProxyKey(
            "reads.balance", .choice(\.reads.balance),
            "which of the backends that qualify takes the next read",
            why: "the less busy of two random ones evens out servers of unlike speed"),
        ProxyKey(
            "reads.include_master", .choice(\.reads.includeMaster),
            "whether the master takes reads: never, as a fallback, or always",
            why: "the master is spared while there is a replica, and reads survive the last one"),
        ProxyKey(
            "reads.on_foreign_writes", .choice(\.reads.onForeignWrites),
            "what follows when the master is seen to take writes that this proxy has not sent: warn, or master, which "
                + "then answers what must be fresh",
            why:
                "level fresh does not cover such writes; few deployments have them, and want their replicas used",
            whenReached: "an event tells of it, and /status how many there are"),
        ProxyKey(
            "reads.max_master_reads", .integer(\.reads.maxMasterReads, 0...10_000_000),
            "reads the master has to answer at once when no replica can be read, 0: any number",
            why:
                "all the replicas' reads would stand before its writes; a thousand take it some ms",
            whenReached: "further ones wait for their turn, within `timeouts.request`"),
        ProxyKey(
            "reads.audit_per_second", .integer(\.reads.auditPerSecond, 0...10_000),
            "how many reads of replicas the master is asked as well in a second, to compare the replies, 0: none",
            why: "what is promised is measured; ten reads a second cost a master nothing"),
        ProxyKey(
            "reads.retries", .integer(\.reads.retries, 0...16),
            "how often a read whose backend failed is sent to another, within its deadline",
            why: "two, so that one lost server is not seen and a lost network is not flooded",
            whenReached: "the client gets an error"),
        ProxyKey(
            "reads.zone_minimum", .integer(\.reads.zoneMinimum, 1...256),
            "healthy replicas that the own zone must have for reads to stay in it",
            why: "one; more, if one could not take all reads of a zone",
            whenReached: "with fewer, reads go to all zones"),
        ProxyKey(
            "reads.ramp_up", .duration(\.reads.rampUp, .zero...oneHour),
            "how long a backend that was away takes to get all of its reads, 0: it gets them at once",
            why: "its caches are cold, and what made it go may come again"),
    ]

    private static let outliers: [ProxyKey] = [
        ProxyKey(
            "outliers.failures", .integer(\.outliers.failures, 0...1_000_000),
            "reads in a row that a replica may leave without an answer, 0: any number",
            why: "lost connections and time-outs tell what probes do not see",
            whenReached: "it is ejected for a while, as far as max_ejected_percent allows"),
        ProxyKey(
            "outliers.latency_factor", .integer(\.outliers.latencyFactor, 0...1_000_000),
            "how many times as long as its peers a replica may take to answer, 0: any",
            why: "far more than other hardware or another zone makes",
            whenReached: "it is ejected when that was so in three intervals between probes in a row"
        ),
        ProxyKey(
            "outliers.latency_floor",
            .duration(\.outliers.latencyFloor, .milliseconds(1)...oneHour),
            "how long a replica may take to answer, however fast its peers are",
            why: "ten times nothing is nothing"),
        ProxyKey(
            "outliers.ejection_time", .duration(\.outliers.ejection, .milliseconds(100)...oneDay),
            "how long a replica is ejected; twice as long each time that follows",
            why: "then it is tried with one read at a time"),
        ProxyKey(
            "outliers.max_ejection_time",
            .duration(\.outliers.maximumEjection, .milliseconds(100)...oneDay),
            "the longest that a replica is ejected at a time",
            why: "somebody may have mended it without a word"),
        ProxyKey(
            "outliers.max_ejected_percent", .integer(\.outliers.maximumPercent, 0...100),
            "how many of a hundred replicas may be ejected by this at once, 0: none; else at least one",
            why: "what is wrong with all of them is not wrong with one",
            whenReached: "further ones are read all the same"),
    ]

    private static let writes: [ProxyKey] = [
        ProxyKey(
            "writes.hold", .duration(\.writes.hold, .zero...oneHour),
            "how long writes wait when the master goes away, 0: not at all",
            why: "most failovers take less, and then nobody sees an error",
            whenReached: "the client gets an error, which says that nothing was sent"),
        ProxyKey(
            "writes.hold_max_requests", .integer(\.writes.holdRequests, 1...10_000_000),
            "how many clients may wait for a master with a write",
            why: "more than a failover of a busy proxy gathers in seconds",
            whenReached: "further ones get an error at once"),
        ProxyKey(
            "writes.hold_max_bytes", .size(\.writes.holdBytes, 4_096...gigabytes64),
            "how many bytes those writes may have together",
            why: "bounds the memory of a failover",
            whenReached: "further ones get an error at once"),
        ProxyKey(
            "writes.ack_replicas", .integer(\.writes.ackReplicas, 0...100),
            "how many replicas must have a write before it is answered, 0: none is asked",
            why: "as Redis does it; each confirmation costs a round trip to replicas"),
        ProxyKey(
            "writes.ack_timeout", .duration(\.writes.ackTimeout, .milliseconds(1)...oneHour),
            "how long they are waited for",
            why: "far more than a replica that keeps up needs",
            whenReached: "the client gets -NOTREPLICATED, which says how many have it"),
    ]

    private static let failover: [ProxyKey] = [
        ProxyKey(
            "failover.mode", .choice(\.failover.mode),
            "whether this proxy makes a replica the master when that is lost: off or auto; not with sentinel",
            why: "off: sentinels do it better, and of several proxies only one may"),
        ProxyKey(
            "failover.down_after", .duration(\.failover.downAfter, .seconds(1)...oneHour),
            "how long the proxy and more than half of the replicas must not hear the master for that",
            why: "longer than a hiccup of the network, shorter than people forgive"),
        ProxyKey(
            "failover.state_file", .text(\.failover.stateFile),
            "a file of this proxy alone, in which it writes down who the master is; empty: none",
            why:
                "started anew after a failover, a proxy must not take the old master for the right one"
        ),
        ProxyKey(
            "failover.rejoin", .boolean(\.failover.rejoins),
            "whether the old master, when it comes back, and a replica that has more than the new one, are told to "
                + "follow it, which drops what only they have",
            why: "false: somebody may want that back"),
    ]

    private static let audit: [ProxyKey] = [
        ProxyKey(
            "audit.interval", .duration(\.audit.interval, .zero...oneDay),
            "how often servers are asked for their settings, which are compared, 0: not at all",
            why: "somebody may have changed them; the questions cost next to nothing")
    ]

    private static let timeouts: [ProxyKey] = [
        ProxyKey(
            "timeouts.connect", .duration(\.timeouts.connect, .milliseconds(1)...oneHour),
            "how long a connection to a backend may take to come up",
            why: "far more than any network takes that is worth reading over",
            whenReached: "the attempt has failed; requests that waited go elsewhere or fail"),
        ProxyKey(
            "timeouts.request", .duration(\.timeouts.request, .zero...oneDay),
            "how long a request may wait for its reply, 0: for ever",
            why: "longer than any command should take, shorter than people wait",
            whenReached: "its client gets an error; the shared connection stays"),
        ProxyKey(
            "timeouts.idle", .duration(\.timeouts.idle, .zero...oneDay),
            "how long a client may send nothing, 0: for ever",
            why: "as redis-server; pools keep idle connections",
            whenReached: "the client is closed"),
        ProxyKey(
            "timeouts.probe", .duration(\.timeouts.probe, .milliseconds(1)...oneHour),
            "how long a backend may take to answer a probe",
            why: "a server that hangs must not get reads for long",
            whenReached: "the backend does not qualify until it answers"),
        ProxyKey(
            "timeouts.probe_interval",
            .duration(\.timeouts.probeInterval, .milliseconds(10)...oneHour),
            "how often each backend is probed",
            why: "a second costs nothing and finds a lost server soon"),
        ProxyKey(
            "timeouts.lane_idle", .duration(\.timeouts.laneIdle, .seconds(1)...oneDay),
            "how long connections for a database, protocol and user are kept unused",
            why: "long enough for a client that comes back",
            whenReached: "they are closed, and made again when needed"),
    ]

    private static let others: [ProxyKey] = [
        ProxyKey(
            "slowlog.slower_than", .duration(\.slowlog.slowerThan, .zero...oneHour),
            "requests that took longer are kept for PROXY SLOWLOG, 0: all",
            why: "as redis-server's slowlog-log-slower-than"),
        ProxyKey(
            "log.level", .level(\.log.level),
            "what is logged: debug, verbose, notice or warning and what is graver",
            why: "as redis-server"),
        ProxyKey(
            "log.file", .text(\.log.file),
            "a file to append the log to; empty: the standard output",
            why: "service managers and containers collect the standard output"),
        ProxyKey(
            "log.syslog", .boolean(\.log.syslog),
            "whether the log also goes to syslog",
            why: "as redis-server"),
        ProxyKey(
            "tcp.keepalive", .seconds(\.tcp.keepalive, .zero...oneDay),
            "idle time before the kernel probes a peer, clients and backends alike, 0: never",
            why: "as redis-server; finds peers that vanished without a word",
            whenReached: "a peer that does not answer the kernel's probes is closed"),
        ProxyKey(
            "tcp.backlog", .integer(\.tcp.backlog, 1...65_535),
            "connections that wait to be accepted",
            why: "as redis-server; the system may allow fewer",
            whenReached: "the kernel lets the client try again"),
        ProxyKey(
            "tcp.user_timeout", .seconds(\.tcp.userTimeout, .zero...oneDay),
            "how long a backend may leave what it was sent unacknowledged, 0: as the kernel has it",
            why: "finds backends that vanished while requests were on their way",
            whenReached: "the connection is closed and made anew"),
    ]

    private static let limits: [ProxyKey] = [
        ProxyKey(
            "limits.client_output", .size(\.limits.clientOutput, 4_096...gigabytes64),
            "replies waiting for a client",
            why: "a client that does not read must not fill the memory",
            whenReached: "nothing more is read from it"),
        ProxyKey(
            "limits.client_requests", .integer(\.limits.clientRequests, 1...1_000_000),
            "unanswered requests of a client",
            why: "deep pipelines run at full speed, and one client does not fill a connection",
            whenReached: "nothing more is read from it"),
        ProxyKey(
            "limits.request_bytes", .size(\.limits.requestBytes, 65_536...gigabytes64),
            "the longest request",
            why: "what redis-server lets a client send: the longest value and its command",
            whenReached: "an error, and the client is closed"),
        ProxyKey(
            "limits.backend_output", .size(\.limits.backendOutput, 65_536...gigabytes64),
            "requests waiting to be sent on one connection to a backend",
            why: "a backend that does not read must not fill the memory",
            whenReached: "its clients wait"),
        ProxyKey(
            "limits.backend_requests", .integer(\.limits.backendRequests, 1...10_000_000),
            "unanswered requests on one connection to a backend",
            why: "more than a second's work for a server",
            whenReached: "its clients wait"),
        ProxyKey(
            "limits.private_above", .size(\.limits.privateAbove, 4_096...gigabytes64),
            "the longest request on a shared connection",
            why: "others would wait behind it",
            whenReached: "a longer one takes a connection of its own"),
        ProxyKey(
            "limits.reply_private_above", .size(\.limits.replyPrivateAbove, 4_096...gigabytes64),
            "the longest reply on a shared connection",
            why: "others would wait behind it",
            whenReached: "its connection becomes its client's own; others get a new one"),
        ProxyKey(
            "limits.transaction_bytes", .size(\.limits.transactionBytes, 4_096...gigabytes64),
            "the longest transaction that is kept until EXEC",
            why: "it goes out in one piece, and until then it is in memory",
            whenReached: "a longer one takes a connection of its own"),
        ProxyKey(
            "limits.transaction_requests",
            .integer(\.limits.transactionRequests, 1...10_000_000),
            "commands in one transaction",
            why: "the server does nothing else while it runs",
            whenReached: "an error, and EXEC aborts"),
        ProxyKey(
            "limits.private_connections",
            .integer(\.limits.privateConnections, 1...100_000),
            "connections to each backend that serve one client each, for each worker:"
                + " blocking commands, WATCH, subscribers",
            why: "a tenth of what a redis-server takes by default",
            whenReached: "a command that needs one answers with an error"),
        ProxyKey(
            "limits.lanes", .integer(\.limits.lanes, 1...10_000),
            "combinations of database, protocol and user with connections to a backend, for each"
                + " worker",
            why: "16 databases in two protocols, twice",
            whenReached: "a request for one more answers with an error"),
        ProxyKey(
            "limits.script_bytes", .size(\.limits.scriptBytes, 0...gigabytes64),
            "bodies of scripts that are kept, to load them where they are missing",
            why: "replicas answer NOSCRIPT to what only the master was told",
            whenReached: "the oldest are forgotten; their clients may see NOSCRIPT"),
        ProxyKey(
            "limits.slowlog_entries", .integer(\.limits.slowlogEntries, 0...100_000),
            "requests that PROXY SLOWLOG has, 0: none",
            why: "as redis-server's slowlog-max-len",
            whenReached: "the oldest is forgotten"),
        ProxyKey(
            "limits.auth_failures", .integer(\.limits.authFailures, 1...1_000_000),
            "failed AUTHs of one connection",
            why: "who guesses must begin again",
            whenReached: "the client is closed"),
        ProxyKey(
            "limits.auth_delay", .duration(\.limits.authDelay, .zero...oneMinute),
            "how long the answer to a failed AUTH is held back, 0: not at all",
            why: "makes guessing slow, and a mistyped password cheap"),
        ProxyKey(
            "limits.stall", .duration(\.limits.stall, .milliseconds(10)...oneHour),
            "how long others wait behind a client that does not read its replies",
            why: "one slow client must not stop those that share its connection",
            whenReached: "the slow client is closed"),
    ]

    private static let oneMinute = Duration.seconds(60)
    private static let oneHour = Duration.seconds(3_600)
    private static let oneDay = Duration.seconds(86_400)
    private static let gigabytes64 = 64 << 30
}
