// The system's log.

import Glibc
import RESP

/// The process's one connection to syslog: whoever made one last has set the name that all lines bear.
@safe
package final class Syslog: Sendable {
    /// The C library keeps the address of the name, so that it must live as long as anything may be logged.
    private nonisolated(unsafe) let name: UnsafeMutablePointer<CChar>

    /// Opens the system's log under a name; `facility` is a word as in redis.conf (`user`, `local0` to `local7`).
    package init?(name: String, facility: String) {
        guard let number = Syslog.facility(facility) else { return nil }
        guard let copy = unsafe strdup(name) else { return nil }
        unsafe self.name = unsafe copy
        unsafe openlog(copy, LOG_PID | LOG_NDELAY | LOG_NOWAIT, number)
    }

    deinit {
        closelog()
        unsafe free(name)
    }

    func write(_ level: LogLevel, _ message: String) {
        unsafe message.withCString { text in
            unsafe withVaList([text]) { unsafe vsyslog(Syslog.priority(level), "%s", $0) }
        }
    }

    package static func priority(_ level: LogLevel) -> Int32 {
        switch level {
        case .debug: LOG_DEBUG
        case .verbose: LOG_INFO
        case .notice: LOG_NOTICE
        case .warning: LOG_WARNING
        }
    }

    /// The facilities that redis-server takes, in any case.
    package static func facility(_ word: String) -> Int32? {
        switch word.lowercased() {
        case "user": 1 << 3
        case "local0": 16 << 3
        case "local1": 17 << 3
        case "local2": 18 << 3
        case "local3": 19 << 3
        case "local4": 20 << 3
        case "local5": 21 << 3
        case "local6": 22 << 3
        case "local7": 23 << 3
        default: nil
        }
    }
}
