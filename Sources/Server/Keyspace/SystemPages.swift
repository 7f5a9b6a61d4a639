// Whole pages of memory, straight from the system. The only file of the keyspace that talks to it.

import Glibc

/// Memory by the page: zeroed when it comes, resident once it is touched, gone when it is given back.
enum SystemPages {
    /// Maps `byteCount` bytes of zeroes. Without memory nothing can go on, so failure ends the process.
    static func map(_ byteCount: Int) -> UnsafeMutableRawPointer {
        precondition(byteCount > 0, "asked to map \(byteCount) bytes")
        let start = unsafe mmap(
            nil, byteCount, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
        guard let start = unsafe start, UInt(bitPattern: start) != UInt.max else {
            preconditionFailure("out of memory: no \(byteCount) bytes to map, errno \(errno)")
        }
        // A slot of the table keeps 48 bits of an address. Linux goes above only where a hint asks it to.
        precondition((UInt(bitPattern: start) + UInt(byteCount)) >> 48 == 0, "address above 2^48")
        return unsafe start
    }

    /// Maps `byteCount` bytes at a multiple of it, by mapping twice as much and giving the ends back.
    static func mapAligned(_ byteCount: Int) -> UnsafeMutableRawPointer {
        precondition(byteCount & (byteCount - 1) == 0, "\(byteCount) is not a power of two")
        let wide = unsafe map(2 * byteCount)
        let before = Int((0 &- UInt(bitPattern: wide)) & UInt(byteCount - 1))
        if before > 0 { unsafe unmap(wide, before) }
        unsafe unmap(wide + before + byteCount, byteCount - before)
        return unsafe wide + before
    }

    static func unmap(_ start: UnsafeMutableRawPointer, _ byteCount: Int) {
        let result = unsafe munmap(start, byteCount)
        precondition(result == 0, "cannot unmap \(byteCount) bytes, errno \(errno)")
    }

    /// Gives the memory back and keeps the addresses: it is zeroes when touched next.
    static func discard(_ start: UnsafeMutableRawPointer, _ byteCount: Int) {
        let result = unsafe madvise(start, byteCount, MADV_DONTNEED)
        precondition(result == 0, "cannot discard \(byteCount) bytes, errno \(errno)")
    }
}
