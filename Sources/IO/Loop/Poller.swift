// epoll, level-triggered: who is ready, told by the 64 bits that came with the interest.

import CLinux
import Glibc

/// Names one watched descriptor in the 64 bits that epoll keeps for us.
///
/// The generation is why an event that was reported before a descriptor was closed cannot be taken for one of
/// its successor in the same slot.
package struct Token: Hashable {
    package let slot: UInt32
    package let generation: UInt32

    package init(slot: UInt32, generation: UInt32) {
        self.slot = slot
        self.generation = generation
    }

    package init(bits: UInt64) {
        slot = UInt32(truncatingIfNeeded: bits)
        generation = UInt32(truncatingIfNeeded: bits >> 32)
    }

    package var bits: UInt64 { UInt64(generation) << 32 | UInt64(slot) }
}

/// What a descriptor is watched for, or is ready for.
package struct Readiness: OptionSet {
    package let rawValue: UInt32

    package init(rawValue: UInt32) {
        self.rawValue = rawValue
    }

    static let input = Readiness(rawValue: EPOLLIN.rawValue)
    static let output = Readiness(rawValue: EPOLLOUT.rawValue)
    /// The peer has shut its direction, whether all that it sent has been read or not.
    static let hangUp = Readiness(rawValue: EPOLLRDHUP.rawValue)
    /// Both directions are shut, or an error waits; told even when nothing was asked for.
    static let broken = Readiness(rawValue: EPOLLHUP.rawValue | EPOLLERR.rawValue)
}

@safe
struct Poller: ~Copyable {
    private let descriptor: Descriptor
    private let events: UnsafeMutablePointer<epoll_event>

    init() throws(Errno) {
        descriptor = Descriptor(
            owning: try attempt("epoll_create1") { epoll_create1(Int32(EPOLL_CLOEXEC)) })
        unsafe events = .allocate(capacity: Limits.events)
        unsafe events.initialize(repeating: epoll_event(), count: Limits.events)
    }

    deinit {
        unsafe events.deallocate()
    }

    func add(_ watched: borrowing Descriptor, for interest: Readiness, as token: Token)
        throws(Errno)
    {
        try control(EPOLL_CTL_ADD, watched, interest, token)
    }

    func change(_ watched: borrowing Descriptor, to interest: Readiness, as token: Token)
        throws(Errno)
    {
        try control(EPOLL_CTL_MOD, watched, interest, token)
    }

    private func control(
        _ operation: Int32, _ watched: borrowing Descriptor, _ interest: Readiness, _ token: Token
    ) throws(Errno) {
        let number = watched.number
        var event = unsafe epoll_event(
            events: interest.rawValue, data: epoll_data_t(u64: token.bits))
        _ = try attempt("epoll_ctl") {
            unsafe epoll_ctl(descriptor.number, operation, number, &event)
        }
    }

    /// Sleeps until something is ready, at most so many milliseconds (-1: without end), and returns how many
    /// events there are. A signal ends the sleep early, with none.
    func wait(milliseconds: Int32) -> Int {
        let count = unsafe epoll_wait(
            descriptor.number, events, Int32(Limits.events), milliseconds)
        if count >= 0 { return Int(count) }
        let code = errno
        precondition(code == EINTR, "epoll_wait failed with \(code)")
        return 0
    }

    func event(_ index: Int) -> (token: Token, readiness: Readiness) {
        precondition(index >= 0 && index < Limits.events, "event \(index)")
        let event = unsafe events[index]
        return unsafe (Token(bits: event.data.u64), Readiness(rawValue: event.events))
    }
}
