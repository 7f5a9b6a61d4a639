// Wakes one thread from another: an eventfd that is rung and hushed.

import CLinux
import Glibc

struct Bell: ~Copyable, Sendable {
    enum Listener {
        /// A loop, which hears the bell through epoll.
        case loop
        /// A thread that does nothing else while it waits.
        case waitingThread
    }

    let descriptor: Descriptor

    init(for listener: Listener) throws(Errno) {
        let flags =
            switch listener {
            case .loop: EFD_NONBLOCK | EFD_CLOEXEC
            case .waitingThread: EFD_CLOEXEC
            }
        descriptor = Descriptor(owning: try attempt("eventfd") { eventfd(0, Int32(flags)) })
    }

    func ring() {
        var one: UInt64 = 1
        while unsafe write(descriptor.number, &one, MemoryLayout<UInt64>.size) < 0 {
            // A counter that is full rings all the same.
            if errno == EAGAIN { return }
            precondition(errno == EINTR, "the bell cannot be rung: \(errno)")
        }
    }

    /// Silences the bell; a waiting thread sleeps here until it is rung.
    func hush() {
        var count: UInt64 = 0
        while unsafe read(descriptor.number, &count, MemoryLayout<UInt64>.size) < 0 {
            if errno == EAGAIN { return }
            precondition(errno == EINTR, "the bell cannot be hushed: \(errno)")
        }
    }
}
