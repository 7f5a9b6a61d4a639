// A small blocking client for tests. It shares no code with the library under test.

import Glibc
import RESP

/// One connection, used by one thread at a time. Every wait has a deadline.
public final class RESPClient {
    private let descriptor: Int32
    private let limit: Duration
    /// What has arrived and is not read yet.
    private var input: [UInt8] = []

    /// Connects to an IPv4 address or a Unix socket.
    public init(connectTo endpoint: Endpoint, limit: Duration = .seconds(30)) throws {
        self.limit = limit
        switch endpoint {
        case .tcp(let host, let port): descriptor = try Self.connect(host: host, port: port)
        case .unix(let path): descriptor = try Self.connect(path: path)
        }
    }

    deinit {
        Glibc.close(descriptor)
    }

    /// Sends a command and reads one reply.
    public func run(_ words: String...) throws -> WireReply {
        try run(words)
    }

    public func run(_ words: [String]) throws -> WireReply {
        try send(words)
        return try readReply()
    }

    public func send(_ words: [String]) throws {
        try send(Self.encode(words.map { Array($0.utf8) }))
    }

    /// Sends bytes as they are.
    public func send(_ bytes: [UInt8]) throws {
        var sent = 0
        let deadline = ContinuousClock().now.advanced(by: limit)
        while sent < bytes.count {
            try waitUntilReady(for: POLLOUT, deadline: deadline)
            let count = bytes.withUnsafeBytes {
                Glibc.send(
                    descriptor, $0.baseAddress! + sent, $0.count - sent,
                    Int32(MSG_NOSIGNAL))
            }
            guard count > 0 else { throw SupportError.errno("send") }
            sent += count
        }
    }

    /// A command as a multibulk request.
    public static func encode(_ words: [[UInt8]]) -> [UInt8] {
        var bytes = Array("*\(words.count)\r\n".utf8)
        for word in words {
            bytes += Array("$\(word.count)\r\n".utf8) + word + [0x0D, 0x0A]
        }
        return bytes
    }

    /// Reads one reply, whole.
    public func readReply() throws -> WireReply {
        try readReplyWithBytes().reply
    }

    /// Reads one reply and gives its bytes as they arrived.
    public func readReplyBytes() throws -> [UInt8] {
        try readReplyWithBytes().bytes
    }

    private func readReplyWithBytes() throws -> (reply: WireReply, bytes: [UInt8]) {
        let deadline = ContinuousClock().now.advanced(by: limit)
        while true {
            var reader = WireReader(bytes: input)
            if let reply = try reader.reply() {
                let bytes = Array(input[..<reader.position])
                input.removeFirst(reader.position)
                return (reply, bytes)
            }
            guard try receive(deadline: deadline) else {
                throw SupportError(
                    "closed before the end of a reply; arrived: \(input.count) bytes")
            }
        }
    }

    /// Reads exactly so many bytes.
    public func read(count: Int) throws -> [UInt8] {
        let deadline = ContinuousClock().now.advanced(by: limit)
        while input.count < count {
            guard try receive(deadline: deadline) else {
                throw SupportError("closed after \(input.count) of \(count) bytes")
            }
        }
        defer { input.removeFirst(count) }
        return Array(input[..<count])
    }

    /// Reads everything until the other end closes.
    public func readToEnd() throws -> [UInt8] {
        let deadline = ContinuousClock().now.advanced(by: limit)
        while try receive(deadline: deadline) {}
        defer { input = [] }
        return input
    }

    /// Says that nothing more will be sent; replies can still be read.
    public func closeSending() {
        shutdown(descriptor, Int32(SHUT_WR))
    }

    /// Adds what arrives to the input; false when the other end has closed.
    private func receive(deadline: ContinuousClock.Instant) throws -> Bool {
        try waitUntilReady(for: POLLIN, deadline: deadline)
        var piece = [UInt8](repeating: 0, count: 65_536)
        let count = recv(descriptor, &piece, piece.count, 0)
        if count < 0 {
            if errno == ECONNRESET { return false }
            throw SupportError.errno("recv")
        }
        input += piece[..<count]
        return count > 0
    }

    private func waitUntilReady(for event: Int32, deadline: ContinuousClock.Instant) throws {
        while true {
            let left = ContinuousClock().now.duration(to: deadline)
            guard left > .zero else { throw SupportError("no answer within \(limit)") }
            var request = pollfd(fd: descriptor, events: Int16(event), revents: 0)
            let milliseconds = left.components.seconds * 1_000 + 1
            let count = poll(&request, 1, Int32(clamping: milliseconds))
            if count > 0 { return }
            if count < 0, errno != EINTR { throw SupportError.errno("poll") }
        }
    }

    private static func connect(host: String, port: UInt16) throws -> Int32 {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        guard inet_pton(AF_INET, host, &address.sin_addr) == 1 else {
            throw SupportError("not an IPv4 address: \(host)")
        }
        let descriptor = try connect(family: AF_INET, address: address)
        var on: Int32 = 1
        let size = socklen_t(MemoryLayout<Int32>.size)
        setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &on, size)
        return descriptor
    }

    private static func connect(path: String) throws -> Int32 {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let bytes = Array(path.utf8)
        let room = MemoryLayout.size(ofValue: address.sun_path)
        guard bytes.count < room else { throw SupportError("path too long: \(path)") }
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
        return try connect(family: AF_UNIX, address: address)
    }

    private static func connect<Address>(family: Int32, address: Address) throws -> Int32 {
        let descriptor = socket(family, Int32(SOCK_STREAM.rawValue), 0)
        guard descriptor >= 0 else { throw SupportError.errno("socket") }
        let status = withUnsafeBytes(of: address) {
            Glibc.connect(
                descriptor, $0.baseAddress!.assumingMemoryBound(to: sockaddr.self),
                socklen_t($0.count))
        }
        guard status == 0 else {
            let error = SupportError.errno("connect")
            Glibc.close(descriptor)
            throw error
        }
        return descriptor
    }
}
