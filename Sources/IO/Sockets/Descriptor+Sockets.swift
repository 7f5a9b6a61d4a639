// The system calls on sockets, each at most once around in the kernel; "not now" is a value, never an error.

import CLinux
import Glibc
import RESP

extension Descriptor {
    /// A non-blocking stream socket.
    static func socket(family: Int32) throws(Errno) -> Descriptor {
        let kind = Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue)
        return Descriptor(
            owning: try attempt("socket") { Glibc.socket(family, kind, 0) })
    }

    /// What has arrived, into `buffer`; 0 when the peer has sent its last byte, nil when nothing is there now.
    borrowing func receive(into buffer: UnsafeMutableRawBufferPointer) throws(Errno) -> Int? {
        let number = number
        return try attemptUnlessBlocked("recv") {
            unsafe recv(number, buffer.baseAddress, buffer.count, 0)
        }
    }

    /// Sends as much as the kernel takes now, in one system call; 0 when it takes nothing.
    ///
    /// `send` for a single piece: the kernel copies no vector then, and nearly every reply is one piece.
    borrowing func send(_ pieces: borrowing OutputPieces) throws(Errno) -> Int {
        let number = number
        let flags = Int32(MSG_NOSIGNAL)
        if pieces.count == 1 {
            return try attemptUnlessBlocked("send") {
                unsafe pieces[0].withUnsafeBufferPointer {
                    unsafe Glibc.send(number, $0.baseAddress, $0.count, flags)
                }
            } ?? 0
        }
        var vector = unsafe InlineArray<16, iovec>(repeating: iovec())
        for index in 0..<pieces.count {
            unsafe pieces[index].withUnsafeBufferPointer {
                // The piece lives as long as the pieces are lent, which is longer than this call.
                unsafe vector[index] = unsafe iovec(
                    iov_base: UnsafeMutableRawPointer(mutating: $0.baseAddress), iov_len: $0.count)
            }
        }
        var message = unsafe msghdr()
        let count = pieces.count
        var span = unsafe vector.mutableSpan
        return try unsafe span.withUnsafeMutableBufferPointer {
            buffer throws(Errno) in
            unsafe message.msg_iov = buffer.baseAddress
            unsafe message.msg_iovlen = count
            return try attemptUnlessBlocked("sendmsg") { unsafe sendmsg(number, &message, flags) }
                ?? 0
        }
    }

    /// The next connection that waits, or nil when none does.
    package borrowing func accept() throws(Errno) -> Accepted? {
        var address = SocketAddress()
        let number = number
        let flags = Int32(SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue)
        let accepted = try attemptUnlessBlocked("accept4") {
            unsafe address.fill { unsafe accept4(number, $0, $1, flags) }
        }
        guard let accepted else { return nil }
        return Accepted(descriptor: Descriptor(owning: accepted), peer: address.peer)
    }

    /// Starts to connect; true when the connection stands at once.
    borrowing func connect(to address: SocketAddress) throws(Errno) -> Bool {
        let number = number
        do throws(Errno) {
            let result = try attemptUnlessBlocked("connect") {
                unsafe address.lend { unsafe Glibc.connect(number, $0, $1) }
            }
            // A Unix socket whose backlog is full says "not now", and nothing would tell when.
            guard result != nil else { throw Errno(EAGAIN, in: "connect") }
            return true
        } catch {
            if error.code == EINPROGRESS { return false }
            throw error
        }
    }

    /// What became of a connection that was started.
    borrowing func connectionError() throws(Errno) {
        let code = try option(SOL_SOCKET, SO_ERROR)
        if code != 0 { throw Errno(code, in: "connect") }
    }

    /// Our end of a connection, or what a listener is bound to.
    borrowing func localAddress() throws(Errno) -> PeerAddress {
        var address = SocketAddress()
        let number = number
        _ = try attempt("getsockname") {
            unsafe address.fill { unsafe getsockname(number, $0, $1) }
        }
        return address.peer
    }

    /// Says that nothing more will be sent; what was sent is still delivered.
    borrowing func finishSending() throws(Errno) {
        let number = number
        _ = try attempt("shutdown") { shutdown(number, Int32(SHUT_WR)) }
    }

    /// What the kernel takes at most, in seconds (its MAX_TCP_KEEPIDLE and MAX_TCP_KEEPINTVL); more is an error.
    private static let longestKeepAlive: Int32 = 32_767

    /// Small writes leave at once, and a peer that vanished is noticed after about twice `interval` seconds
    /// (redis-server's arithmetic: first probe after the interval, three more a third of it apart; 0: never).
    /// An interval that is longer than the kernel takes becomes the longest: redis-server is left with the
    /// kernel's own interval then, but it does start.
    borrowing func tuneStream(keepAlive interval: Int32) throws(Errno) {
        let level = Int32(IPPROTO_TCP)
        try set(level, TCP_NODELAY, to: 1)
        try set(SOL_SOCKET, SO_KEEPALIVE, to: interval > 0 ? 1 : 0)
        guard interval > 0 else { return }
        let interval = min(interval, Descriptor.longestKeepAlive)
        try set(level, TCP_KEEPIDLE, to: interval)
        try set(level, TCP_KEEPINTVL, to: max(interval / 3, 1))
        try set(level, TCP_KEEPCNT, to: 3)
    }
}

extension Descriptor {
    /// A peer that vanished without a word is noticed when it has acknowledged nothing for so long. Probes do not
    /// help there: the kernel sends none while it waits for an acknowledgement.
    borrowing func set(userTimeout: Duration) throws(Errno) {
        let milliseconds = Int32(clamping: userTimeout.nanoseconds / 1_000_000)
        try set(Int32(IPPROTO_TCP), TCP_USER_TIMEOUT, to: milliseconds)
    }
}

/// A connection fresh from a listener.
package struct Accepted: ~Copyable {
    package let descriptor: Descriptor
    package let peer: PeerAddress

    package consuming func takeDescriptor() -> Descriptor { descriptor }
}
