// Host names to addresses, on helper threads: getaddrinfo blocks for as long as a name server likes.

import Glibc
import RESP

/// Which question an answer belongs to. Each attempt of a link has its own, so that an answer which comes too
/// late is known as such.
struct Lookup: Hashable, Sendable {
    let link: LinkID
    let attempt: Int
}

package struct LookupFailure: Error {
    package let reason: String

    package init(reason: String) {
        self.reason = reason
    }
}

/// Whoever knows the addresses of a host; asked on a thread where it may take its time.
package struct NameService: Sendable {
    let addresses: @Sendable (String, UInt16) -> Result<[SocketAddress], LookupFailure>

    package init(
        _ addresses: @escaping @Sendable (String, UInt16) -> Result<[SocketAddress], LookupFailure>
    ) {
        self.addresses = addresses
    }

    /// The one that this machine is set up with.
    package static let system = NameService { Resolver.resolve($0, port: $1) }
}

/// What a name service is asked for.
struct HostName: Hashable, Sendable {
    let host: String
    let port: UInt16
}

/// Asks for names, a few at a time; answers come through the mailbox.
///
/// A question cannot be taken back from the C library. Whoever asks for a name that is being asked for waits for
/// the same answer, so that one name that hangs holds one thread, however often its link is tried again.
struct Resolver {
    private let names: NameService
    private let mailbox: Mailbox
    /// Who waits for each name; nobody, when all who did have given up on a thread that has not.
    private var lookups: [HostName: [Lookup]] = [:]
    /// The names that no thread asks for yet, oldest first.
    private var waiting: [HostName] = []
    private var running = 0

    init(asking names: NameService, mailbox: Mailbox) {
        self.names = names
        self.mailbox = mailbox
    }

    mutating func ask(_ name: HostName, for lookup: Lookup) {
        if lookups[name] == nil { waiting.append(name) }
        lookups[name, default: []].append(lookup)
        startWaiting()
    }

    /// Nobody waits for this answer any more; a name that nobody waits for is not asked for.
    mutating func forget(_ lookup: Lookup, for name: HostName) {
        lookups[name]?.removeAll { $0 == lookup }
        guard lookups[name]?.isEmpty == true, let index = waiting.firstIndex(of: name) else {
            return
        }
        waiting.remove(at: index)
        lookups[name] = nil
    }

    /// One answer has come through the mailbox; these wait for it.
    mutating func answered(_ name: HostName) -> [Lookup] {
        precondition(running > 0, "an answer that nobody asked for")
        running -= 1
        startWaiting()
        return lookups.removeValue(forKey: name) ?? []
    }

    private mutating func startWaiting() {
        while running < Limits.lookups, !waiting.isEmpty {
            let name = waiting.removeFirst()
            let (names, mailbox) = (names, mailbox)
            running += 1
            do {
                try Thread.startDetached("resolver") {
                    mailbox.leave(.lookedUp(name, names.addresses(name.host, name.port)))
                }
            } catch {
                mailbox.leave(.lookedUp(name, .failure(LookupFailure(reason: error.reason))))
            }
        }
    }

    /// All stream addresses of a host in the system's order of preference. Blocks.
    static func resolve(_ host: String, port: UInt16, family: Int32 = AF_UNSPEC) -> Result<
        [SocketAddress], LookupFailure
    > {
        var hints = unsafe addrinfo()
        unsafe hints.ai_family = family
        unsafe hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var first: UnsafeMutablePointer<addrinfo>?
        let code = unsafe getaddrinfo(host, String(port), &hints, &first)
        guard code == 0 else {
            return .failure(LookupFailure(reason: unsafe String(cString: gai_strerror(code))))
        }
        defer { unsafe freeaddrinfo(first) }
        var addresses: [SocketAddress] = []
        var next = unsafe first
        while let answer = unsafe next {
            let length = unsafe answer.pointee.ai_addrlen
            if let address = unsafe answer.pointee.ai_addr,
                let usable = unsafe SocketAddress(address, length: length)
            {
                addresses.append(usable)
            }
            unsafe next = answer.pointee.ai_next
        }
        return .success(addresses)
    }
}
