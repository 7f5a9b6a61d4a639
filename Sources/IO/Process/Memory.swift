// Memory that a burst has left behind: the C library keeps what is freed, and this gives it back to the system.

import CLinux
import Glibc
import RESP

/// Looks now and then how much freed memory is kept for reuse, and gives it back when much has been freed since.
///
/// glibc returns by itself only what is free at the very end of its heap, where any small object that outlives the
/// burst keeps it from doing so.
package struct MemoryKeeper {
    /// How often a loop looks, at most: a look costs microseconds, giving back up to a millisecond.
    package static let interval = Duration.seconds(1)
    /// So much must have been freed; what is given back must be faulted in again when it is needed.
    package static let worthwhile = 2 << 20

    private var due = Instant(nanoseconds: 0)
    /// The least that was free since memory was last given back: that much is in nobody's way, or was given back.
    private var least = Int.max

    package init() {}

    /// To be called at the end of a turn. A loop that sleeps is not woken for this.
    package mutating func look(at now: Instant) {
        guard due <= now else { return }
        due = now + MemoryKeeper.interval
        let free = MemoryKeeper.free
        least = min(least, free)
        guard free - least >= MemoryKeeper.worthwhile else { return }
        malloc_trim(0)
        least = MemoryKeeper.free
    }

    /// Bytes in all heaps that are free, whether the system has them back or not.
    private static var free: Int { Int(mallinfo2().fordblks) }
}
