// The kernel's own bound on how many connections wait to be accepted.

import Glibc

package enum Backlog {
    /// redis-server's warning when the kernel will cut a backlog short; nil when it will not, or cannot be asked.
    package static func warning(for backlog: Int32) -> String? {
        guard let text = SmallFile.read("/proc/sys/net/core/somaxconn"),
            let limit = Int32(text.prefix { $0.isNumber })
        else { return nil }
        return warning(for: backlog, limit: limit)
    }

    package static func warning(for backlog: Int32, limit: Int32) -> String? {
        guard limit < backlog else { return nil }
        return "WARNING: The TCP backlog setting of \(backlog) cannot be enforced because "
            + "/proc/sys/net/core/somaxconn is set to the lower value of \(limit)."
    }
}
