// The owner of one open file, socket or kernel object.

import Glibc

/// A descriptor that is open as long as this value lives.
package struct Descriptor: ~Copyable, Sendable {
    package let number: Int32

    package init(owning number: Int32) {
        precondition(number >= 0, "a descriptor is never negative")
        self.number = number
    }

    deinit {
        // An error other than EBADF means that the descriptor is gone all the same; what it may tell about
        // written data, whoever wrote has asked for with fsync.
        let result = Glibc.close(number)
        precondition(
            result == 0 || errno != EBADF, "descriptor \(number) was closed behind our back")
    }

    /// A second descriptor of the same thing, with an owner of its own.
    borrowing func duplicate() throws(Errno) -> Descriptor {
        let number = number
        return Descriptor(owning: try attempt("fcntl") { fcntl(number, F_DUPFD_CLOEXEC, 0) })
    }

    /// Sets an integer option of a socket.
    borrowing func set(_ level: Int32, _ option: Int32, to value: Int32) throws(Errno) {
        var value = value
        let size = socklen_t(MemoryLayout<Int32>.size)
        _ = try attempt("setsockopt") { unsafe setsockopt(number, level, option, &value, size) }
    }

    /// The value of an integer option of a socket.
    package borrowing func option(_ level: Int32, _ option: Int32) throws(Errno) -> Int32 {
        var value: Int32 = 0
        var size = socklen_t(MemoryLayout<Int32>.size)
        _ = try attempt("getsockopt") { unsafe getsockopt(number, level, option, &value, &size) }
        return value
    }
}
