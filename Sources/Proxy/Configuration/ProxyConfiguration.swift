// What sluice-proxy is told to do: the values that its core and its driver read, with their defaults. How the
// keys are spelled in a file stands in ProxyKeys.swift.

import RESP

/// Everything that a configuration file can set. `ProxyConfiguration()` holds the defaults.
package struct ProxyConfiguration: Sendable, Equatable {
    package var listen: [Endpoint] = [.tcp(host: "127.0.0.1", port: 7379)]
    /// Where /healthz, /readyz and /status are answered; nil: nowhere.
    package var health: Endpoint?
    package var threads = Threads.automatic
    package var backends = Backends()
    /// Clients in all, over every worker and listener.
    package var maximumClients = 10_000
    package var timeouts = Timeouts()
    package var log = Log()
    package var tcp = TCP()
    package var limits = Limits()

    package init() {}

    /// How many workers share the clients.
    package enum Threads: Sendable, Equatable {
        /// One for each processor that this process may use.
        case automatic
        case count(Int)
    }

    package struct Backends: Sendable, Equatable {
        /// A file must say where the master is; this default is for tests.
        package var master = Endpoint.tcp(host: "127.0.0.1", port: 6379)
        /// Connections that each worker shares among its clients, for each backend.
        package var connections = 1

        package init() {}
    }

    package struct Timeouts: Sendable, Equatable {
        package var connect = Duration.seconds(1)

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

        /// How long other clients wait behind one that does not read its replies before it is closed.
        package var stall = Duration.seconds(1)

        package init() {}
    }
}
