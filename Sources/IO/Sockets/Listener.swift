// Sockets that wait for connections: bound as redis-server's `bind`, `port` and `unixsocket` say.

import Glibc
import RESP
import Synchronization

/// How listeners are made.
package struct ListenerOptions: Sendable {
    package var backlog: Int32 = 511
    /// Probe silent clients after so many seconds; 0 never. Accepted connections inherit it from the listener.
    package var keepAlive: Int32 = 300
    /// Several listeners, one per loop, share the port; the kernel deals the connections out.
    package var sharesPort = false

    package init() {}
}

/// A listener that could not be made; the message is redis-server's.
package struct ListenFailure: Error {
    package let message: String
}

/// A socket that accepts connections, until the last reference to it is gone.
package final class Listener: Sendable {
    enum Place: Sendable {
        case tcp
        case unix(path: String)
    }

    package let descriptor: Descriptor
    private let place: Place
    private let isWithdrawn = Atomic<Bool>(false)
    /// What the listener is bound to; the port is the real one when 0 was asked for.
    package let address: PeerAddress

    private init(_ descriptor: consuming Descriptor, at place: Place) throws(Errno) {
        self.place = place
        address = try descriptor.localAddress()
        self.descriptor = descriptor
    }

    deinit {
        withdraw()
    }

    /// Takes the path of a Unix socket away: nobody finds it any more, and the next start finds nothing stale.
    /// Done by the first loop that ends, as a program that exits lets go of nothing else.
    func withdraw() {
        guard case .unix(let path) = place,
            !isWithdrawn.exchange(true, ordering: .relaxed)
        else { return }
        _ = unsafe unlink(path)
    }

    var isUnix: Bool {
        if case .unix = place { return true }
        return false
    }

    /// What connections accepted from now on inherit.
    package func set(keepAlive interval: Int32) throws(Errno) {
        if case .tcp = place { try descriptor.tuneStream(keepAlive: interval) }
    }

    // MARK: TCP

    /// One listener for each address of a `bind` line: `*` is every IPv4 address, `::*` every IPv6 address, a
    /// leading `-` makes an address that this machine does not have no error. Port 0 lets the kernel choose.
    package static func tcp(
        bind addresses: [String], port: UInt16, options: ListenerOptions, log: Log, role: Log.Role
    ) throws(ListenFailure) -> [Listener] {
        var listeners: [Listener] = []
        for text in addresses {
            let wanted = BindAddress(text)
            do {
                // With port 0, all addresses listen on the port that the first was given.
                let shared = port == 0 ? listeners.first?.address.port ?? 0 : port
                listeners.append(try tcp(wanted, port: shared, options: options))
            } catch {
                log.write(
                    .warning,
                    "Warning: Could not create server TCP listening socket "
                        + "\(wanted.host):\(port): \(error.reason)", as: role)
                if wanted.forgives(error.code) { continue }
                throw ListenFailure(message: "Failed listening on port \(port) (TCP), aborting.")
            }
        }
        guard !listeners.isEmpty || addresses.isEmpty else {
            throw ListenFailure(message: "Failed listening on port \(port) (TCP), aborting.")
        }
        return listeners
    }

    struct BindFailure: Error {
        let code: Int32
        let reason: String
    }

    private static func tcp(_ wanted: BindAddress, port: UInt16, options: ListenerOptions)
        throws(BindFailure) -> Listener
    {
        var last = BindFailure(code: 0, reason: "the name has no address")
        switch wanted.addresses(port: port) {
        case .failure(let failure):
            throw BindFailure(code: 0, reason: failure.reason)
        case .success(let addresses):
            for address in addresses {
                do {
                    return try tcp(address, options: options)
                } catch {
                    last = BindFailure(code: error.code, reason: "\(error)")
                }
            }
        }
        throw last
    }

    private static func tcp(_ address: SocketAddress, options: ListenerOptions) throws(Errno)
        -> Listener
    {
        let descriptor = try Descriptor.socket(family: address.family)
        if address.family == AF_INET6 {
            try descriptor.set(Int32(IPPROTO_IPV6), IPV6_V6ONLY, to: 1)
        }
        try descriptor.set(SOL_SOCKET, SO_REUSEADDR, to: 1)
        if options.sharesPort { try descriptor.set(SOL_SOCKET, SO_REUSEPORT, to: 1) }
        // Linux copies these to every accepted socket: five system calls less per connection.
        try descriptor.tuneStream(keepAlive: options.keepAlive)
        try descriptor.bind(to: address)
        try descriptor.listen(backlog: options.backlog)
        return try Listener(descriptor, at: .tcp)
    }

    // MARK: Unix

    /// A listener at a path, for one loop or for several at once (a path cannot be bound twice), with these
    /// permission bits (0: what the umask leaves). A socket that nobody listens on any more is removed first; one
    /// that is alive is not.
    package static func unix(path: String, permissions: UInt32, options: ListenerOptions)
        throws(ListenFailure) -> Listener
    {
        guard let address = SocketAddress(path: path) else {
            throw ListenFailure(message: "Opening Unix socket: the path is too long: \(path)")
        }
        do {
            try removeStale(path, address)
            let descriptor = try Descriptor.socket(family: AF_UNIX)
            try descriptor.bind(to: address)
            // From here on the path goes with the listener, if something fails too.
            let listener = try Listener(descriptor, at: .unix(path: path))
            if permissions != 0 {
                _ = try attempt("chmod") { unsafe chmod(path, mode_t(permissions)) }
            }
            // Last, or whoever comes in between could connect with what the umask left.
            try listener.descriptor.listen(backlog: options.backlog)
            return listener
        } catch {
            throw ListenFailure(message: "Opening Unix socket: \(error)")
        }
    }

    private static func removeStale(_ path: String, _ address: SocketAddress) throws(Errno) {
        var status = stat()
        guard unsafe lstat(path, &status) == 0, status.st_mode & S_IFMT == S_IFSOCK else { return }
        let probe = try Descriptor.socket(family: AF_UNIX)
        do {
            _ = try probe.connect(to: address)
        } catch {
            if error.code == ECONNREFUSED { unsafe unlink(path) }
        }
    }
}

extension Descriptor {
    fileprivate borrowing func bind(to address: SocketAddress) throws(Errno) {
        let number = number
        _ = try attempt("bind") { unsafe address.lend { unsafe Glibc.bind(number, $0, $1) } }
    }

    fileprivate borrowing func listen(backlog: Int32) throws(Errno) {
        let number = number
        _ = try attempt("listen") { Glibc.listen(number, backlog) }
    }
}

/// One word of a `bind` line.
package struct BindAddress: Equatable {
    package let host: String
    package let isOptional: Bool

    package init(_ text: String) {
        isOptional = text.hasPrefix("-")
        host = isOptional ? String(text.dropFirst()) : text
    }

    private var isVersion6: Bool { host.contains(":") }

    func addresses(port: UInt16) -> Result<[SocketAddress], LookupFailure> {
        if host == "*" || host == "::*" {
            return .success([.any(isVersion6: isVersion6, port: port)])
        }
        return Resolver.resolve(host, port: port, family: isVersion6 ? AF_INET6 : AF_INET)
    }

    /// Whether a listener is done without when it cannot be made for this reason.
    package func forgives(_ code: Int32) -> Bool {
        switch code {
        case EADDRNOTAVAIL: isOptional
        case ENOPROTOOPT, EPROTONOSUPPORT, ESOCKTNOSUPPORT, EPFNOSUPPORT, EAFNOSUPPORT: true
        default: false
        }
    }
}

extension Listener {
    /// The line that says that clients may come.
    package var readiness: String {
        switch place {
        case .tcp: "Ready to accept connections at \(address)"
        case .unix(let path): "The server is now ready to accept connections at \(path)"
        }
    }
}
