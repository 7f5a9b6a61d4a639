// How many descriptors the process may have, against how many clients it was told to take.

import Glibc
import RESP

/// The limit on open files, raised for the clients or the clients lowered for it, as redis-server does at its start.
package enum DescriptorLimit {
    /// Descriptors for everything that is not a client: listeners, files, replication, the loop itself.
    package static let reserved = 32

    /// What was decided, and the lines that say so.
    package struct Outcome: Equatable, Sendable {
        package let maximumClients: Int
        package let level: LogLevel
        package let lines: [String]
    }

    /// Raises the limit as far as is needed and allowed, for clients and whatever else the program holds. `welcome`
    /// more are asked for where the system has them, and cost no client where it has not. Throws when not even one
    /// client would fit.
    package static func adjust(
        forClients clients: Int, reserved: Int = DescriptorLimit.reserved, welcome: Int = 0
    ) throws(StartFailure) -> Outcome {
        var limit = rlimit()
        guard unsafe getrlimit(files, &limit) == 0 else {
            return unknown(reason: Errno(errno, in: "getrlimit").reason)
        }
        let wanted = clients + reserved
        let current = bounded(limit.rlim_cur)
        var reached = current
        var reason = ""
        for candidate in candidates(wanted: wanted + welcome, current: current) {
            // Only a privileged process may raise the hard limit; any may use all of it.
            var raised = rlimit()
            raised.rlim_cur = rlim_t(candidate)
            raised.rlim_max = max(limit.rlim_max, rlim_t(candidate))
            if unsafe setrlimit(files, &raised) == 0 {
                reached = candidate
                break
            }
            reason = Errno(errno, in: "setrlimit").reason
        }
        return try decide(
            clients: clients, reserved: reserved, current: current, reached: reached, reason: reason
        )
    }

    /// The limits worth trying, best first: what is wanted, then sixteen less each time, down to what there is.
    package static func candidates(wanted: Int, current: Int) -> some Sequence<Int> {
        stride(from: wanted, to: current, by: -16)
    }

    /// What follows from the limit that could be reached.
    package static func decide(
        clients: Int, reserved: Int = DescriptorLimit.reserved, current: Int, reached: Int,
        reason: String
    ) throws(StartFailure) -> Outcome {
        let wanted = clients + reserved
        if current >= wanted { return Outcome(maximumClients: clients, level: .notice, lines: []) }
        if reached >= wanted {
            return Outcome(
                maximumClients: clients, level: .notice,
                lines: [
                    "Increased maximum number of open files to \(wanted) "
                        + "(it was originally set to \(current))."
                ])
        }
        guard reached > reserved else {
            throw StartFailure(
                "Your current 'ulimit -n' of \(current) is not enough for the server to start. "
                    + "Please increase your open file limit to at least \(wanted). Exiting.")
        }
        let possible = reached - reserved
        return Outcome(
            maximumClients: possible, level: .warning,
            lines: [
                "You requested maxclients of \(clients) requiring at least \(wanted) max file "
                    + "descriptors.",
                "Server can't set maximum open files to \(wanted) because of OS error: \(reason).",
                "Current maximum open files is \(reached). maxclients has been reduced to "
                    + "\(possible) to compensate for low ulimit. If you need higher maxclients "
                    + "increase 'ulimit -n'.",
            ])
    }

    private static func unknown(reason: String) -> Outcome {
        Outcome(
            maximumClients: 1_024 - reserved, level: .warning,
            lines: [
                "Unable to obtain the current NOFILE limit (\(reason)), assuming 1024 and setting "
                    + "the max clients configuration accordingly."
            ])
    }

    private static var files: Int32 { Int32(RLIMIT_NOFILE.rawValue) }

    private static func bounded(_ limit: rlim_t) -> Int {
        Int(min(limit, rlim_t(Int32.max)))
    }
}
