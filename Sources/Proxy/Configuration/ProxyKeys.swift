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
    var isRequired = false
    /// One line, for people.
    let summary: String

    init(_ path: String, _ kind: ProxyValueKind, isRequired: Bool = false, _ summary: String) {
        self.path = path
        self.kind = kind
        self.isRequired = isRequired
        self.summary = summary
    }

    var components: [Substring] { path.split(separator: ".") }
}

/// All keys, in the order in which a configuration is printed; the keys of a map stand together.
enum ProxyKeys {
    static let all: [ProxyKey] = [
        ProxyKey(
            "listen", .endpoints(\.listen),
            "where clients connect: one endpoint or a list"),
        ProxyKey(
            "threads", .threads(\.threads, atMost: 1024),
            "workers that share the clients: a number, or auto for one per processor"),
        ProxyKey(
            "maxclients", .integer(\.maximumClients, 1...1_000_000),
            "clients in all; one more is refused with an error"),

        ProxyKey(
            "backends.master", .endpoint(\.backends.master), isRequired: true,
            "the server that takes the writes"),
        ProxyKey(
            "backends.connections", .integer(\.backends.connections, 1...1024),
            "connections to each backend that the clients of one worker share"),

        ProxyKey(
            "timeouts.connect", .duration(\.timeouts.connect, .milliseconds(1)...oneHour),
            "how long a connection to a backend may take to come up"),

        ProxyKey(
            "log.level", .level(\.log.level),
            "what is logged: debug, verbose, notice or warning and what is graver"),
        ProxyKey(
            "log.file", .text(\.log.file),
            "a file to append the log to; empty: the standard output"),
        ProxyKey(
            "log.syslog", .boolean(\.log.syslog),
            "whether the log also goes to syslog"),

        ProxyKey(
            "tcp.keepalive", .seconds(\.tcp.keepalive, .zero...oneDay),
            "idle time before the kernel probes a peer, 0: never"),
        ProxyKey(
            "tcp.backlog", .integer(\.tcp.backlog, 1...65_535),
            "connections that wait to be accepted"),
        ProxyKey(
            "tcp.user_timeout", .seconds(\.tcp.userTimeout, .zero...oneDay),
            "how long a backend may leave what it was sent unacknowledged, 0: as the kernel has it"),

        ProxyKey(
            "limits.client_output", .size(\.limits.clientOutput, 4_096...gigabytes64),
            "replies waiting for a client above which nothing more is read from it"),
        ProxyKey(
            "limits.client_requests", .integer(\.limits.clientRequests, 1...1_000_000),
            "unanswered requests of a client above which nothing more is read from it"),
        ProxyKey(
            "limits.request_bytes", .size(\.limits.requestBytes, 65_536...gigabytes64),
            "the longest request; a longer one is refused"),
        ProxyKey(
            "limits.backend_output", .size(\.limits.backendOutput, 65_536...gigabytes64),
            "requests waiting for a backend connection above which its clients wait"),
        ProxyKey(
            "limits.stall", .duration(\.limits.stall, .milliseconds(10)...oneHour),
            "how long others wait behind a client that does not read before it is closed"),
    ]

    private static let oneHour = Duration.seconds(3_600)
    private static let oneDay = Duration.seconds(86_400)
    private static let gigabytes64 = 64 << 30
}
