// What the system says that this process uses, for the programs to show.

import Glibc

/// Memory and processor time of this process at one moment.
package struct ProcessMeasurement: Sendable {
    /// Bytes.
    package var residentMemory = 0
    package var peakMemory = 0
    package var userTime = Duration.zero
    package var systemTime = Duration.zero

    package static func now() -> ProcessMeasurement {
        var measurement = ProcessMeasurement()
        let pages = SmallFile.read("/proc/self/statm")?.split(separator: " ") ?? []
        if pages.count > 1, let resident = Int(pages[1]) {
            measurement.residentMemory = resident * pageSize
        }
        var usage = rusage()
        guard unsafe getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage) == 0 else {
            return measurement
        }
        // The kernel counts the peak in kilobytes.
        measurement.peakMemory = Int(usage.ru_maxrss) * 1024
        measurement.userTime = duration(usage.ru_utime)
        measurement.systemTime = duration(usage.ru_stime)
        return measurement
    }

    /// The memory of the machine in bytes.
    package static var systemMemory: Int { max(0, Int(sysconf(Int32(_SC_PHYS_PAGES)))) * pageSize }

    private static var pageSize: Int { Int(getpagesize()) }

    private static func duration(_ time: timeval) -> Duration {
        .seconds(Int64(time.tv_sec)) + .microseconds(Int64(time.tv_usec))
    }

    /// Measures every second from now on, on a thread of its own, for as long as the process lives.
    package static func repeatEverySecond(
        _ note: @escaping @Sendable (ProcessMeasurement) -> Void
    ) throws(Errno) {
        note(now())
        try Thread.startDetached("measurement") {
            while true {
                sleep(1)
                note(now())
            }
        }
    }
}
