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

/// Asks for names, a few at a time; answers come through the mailbox.
struct Resolver {
    /// Threads at a time; a name server that is silent must not stop every other name.
    static let most = 8

    private struct Question {
        let host: String
        let port: UInt16
        let lookup: Lookup
    }

    private let names: NameService
    private let mailbox: Mailbox
    private var running = 0
    private var waiting: [Question] = []

    init(asking names: NameService, mailbox: Mailbox) {
        self.names = names
        self.mailbox = mailbox
    }

    mutating func ask(_ host: String, port: UInt16, for lookup: Lookup) {
        waiting.append(Question(host: host, port: port, lookup: lookup))
        startWaiting()
    }

    /// One answer has come through the mailbox.
    mutating func answered() {
        running -= 1
        startWaiting()
    }

    private mutating func startWaiting() {
        while running < Resolver.most, !waiting.isEmpty {
            let question = waiting.removeFirst()
            let (names, mailbox) = (names, mailbox)
            running += 1
            do {
                try Thread.startDetached("resolver") {
                    let answer = names.addresses(question.host, question.port)
                    mailbox.leave(.lookedUp(question.lookup, answer))
                }
            } catch {
                mailbox.leave(
                    .lookedUp(question.lookup, .failure(LookupFailure(reason: error.reason))))
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
