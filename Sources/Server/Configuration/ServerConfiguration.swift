// What sluice-server is told to do: the values that its core and its driver read, with redis-server's defaults.
// How the directives are spelled, and which of them exist, stands in Directives*.swift.

import RESP

/// Everything that redis.conf and the command line can set. `ServerConfiguration()` holds the defaults.
package struct ServerConfiguration: Sendable, Equatable {
    /// 0: no TCP.
    package var port: UInt16 = 6379
    package var bind = [
        BindAddress(host: "*", isOptional: false), BindAddress(host: "::*", isOptional: true),
    ]
    package var unixSocket: String?
    /// The mode of the Unix socket's file; 0: what the umask leaves.
    package var unixSocketPermissions = 0
    package var tcpBacklog = 511
    /// Idle time before the kernel probes whether a peer is still there; zero: never.
    package var tcpKeepalive = Duration.seconds(300)
    /// Idle time after which a client is closed; zero: never.
    package var timeout = Duration.zero
    package var maximumClients = 10_000

    package var logLevel = LogLevel.notice
    /// Nil: to the standard output.
    package var logFile: String?
    package var syslog = Syslog()
    package var alwaysShowLogo = false

    package var daemonize = false
    /// Nil: no file, or redis-server's own choice when it runs as a daemon.
    package var pidFile: String?
    package var directory: String?

    package var databases = 16
    /// The longest argument of a request, in bytes (`proto-max-bulk-len`).
    package var maximumBulkLength = 512 << 20
    /// The longest unfinished request that is kept, in bytes (`client-query-buffer-limit`).
    package var clientQueryBufferLimit = 1 << 30
    /// The default user's password; nil: clients need none.
    package var password: [UInt8]?
    /// While the default user has no password, only this machine may connect.
    package var protectedMode = true

    package init() {}

    /// An address to listen on, in the notation of `bind`.
    package struct BindAddress: Sendable, Equatable, CustomStringConvertible {
        /// `*` is every IPv4 address and `::*` every IPv6 address.
        package var host: String
        /// Written with a leading minus: no reason to fail when the machine lacks the address.
        package var isOptional: Bool

        package init(host: String, isOptional: Bool) {
            self.host = host
            self.isOptional = isOptional
        }

        package var description: String { isOptional ? "-\(host)" : host }
    }

    package struct Syslog: Sendable, Equatable {
        package var isEnabled = false
        package var identity = "redis"
        package var facility = Facility.local0

        package init() {}
    }

    package enum Facility: String, Sendable, CaseIterable {
        case user, local0, local1, local2, local3, local4, local5, local6, local7
    }
}
