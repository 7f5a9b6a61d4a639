// The clocks and the source of chance, which cores get as arguments.

import Glibc
import RESP

/// The clocks of this machine.
package enum SystemClock {
    /// Both clocks, read one after the other.
    package static func now() -> Moment {
        Moment(instant: instant(), wall: wall())
    }

    package static func instant() -> Instant {
        let time = read(CLOCK_MONOTONIC)
        return Instant(nanoseconds: Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec))
    }

    package static func wall() -> WallTime {
        let time = read(CLOCK_REALTIME)
        return WallTime(microseconds: Int64(time.tv_sec) * 1_000_000 + Int64(time.tv_nsec) / 1_000)
    }

    private static func read(_ clock: clockid_t) -> timespec {
        var time = timespec()
        let result = unsafe clock_gettime(clock, &time)
        precondition(result == 0, "a clock that every Linux has cannot be read")
        return time
    }
}

/// Numbers that nobody can guess, from the kernel: what a core's own generator starts with.
package enum RandomSeed {
    package static func make() -> UInt64 {
        // The library's generator asks getrandom(2) each time.
        var source = SystemRandomNumberGenerator()
        return source.next()
    }
}
