// The other end of a connection: a plain blocking socket.

import Foundation
import Glibc
import Testing

struct SocketFailure: Error {
    let code: Int32
    let call: String
}

/// A blocking client; every call gives up after 30 seconds.
final class TestSocket {
    let number: Int32
    private var isOpen = true

    init(number: Int32) {
        self.number = number
        set(SO_RCVTIMEO, timeval(tv_sec: 30, tv_usec: 0))
        set(SO_SNDTIMEO, timeval(tv_sec: 30, tv_usec: 0))
    }

    deinit {
        close()
    }

    private func set<Value: BitwiseCopyable>(_ option: Int32, _ value: Value) {
        var value = value
        setsockopt(number, SOL_SOCKET, option, &value, socklen_t(MemoryLayout<Value>.size))
    }

    static func connect(port: UInt16, receiveBuffer: Int32? = nil) throws -> TestSocket {
        let socket = TestSocket(number: Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0))
        if let receiveBuffer { socket.set(SO_RCVBUF, receiveBuffer) }
        try socket.connectLoopback(port: port)
        return socket
    }

    func connectLoopback(port: UInt16) throws {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        try connect(address)
    }

    static func connect6(port: UInt16) throws -> TestSocket {
        let socket = TestSocket(number: Glibc.socket(AF_INET6, Int32(SOCK_STREAM.rawValue), 0))
        var address = sockaddr_in6()
        address.sin6_family = sa_family_t(AF_INET6)
        address.sin6_port = port.bigEndian
        address.sin6_addr = in6addr_loopback
        try socket.connect(address)
        return socket
    }

    static func connect(path: String) throws -> TestSocket {
        let socket = TestSocket(number: Glibc.socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0))
        guard connects(socket.number, to: path) else {
            throw SocketFailure(code: errno, call: "connect")
        }
        return socket
    }

    /// Whether a socket that was made before can be connected to a path right now.
    static func connects(_ number: Int32, to path: String) -> Bool {
        withGeneric(unixAddress(path)) { Glibc.connect(number, $0, $1) } == 0
    }

    /// Whether this machine has an IPv6 address; many have none at all.
    static func canBind6(_ host: String) -> Bool {
        let number = Glibc.socket(AF_INET6, Int32(SOCK_STREAM.rawValue), 0)
        guard number >= 0 else { return false }
        defer { Glibc.close(number) }
        var address = sockaddr_in6()
        address.sin6_family = sa_family_t(AF_INET6)
        guard inet_pton(AF_INET6, host, &address.sin6_addr) == 1 else { return false }
        return withGeneric(address) { bind(number, $0, $1) } == 0
    }

    static func unixAddress(_ path: String) -> sockaddr_un {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: Array(path.utf8)) }
        return address
    }

    static func withGeneric<Address, Result>(
        _ address: Address, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Result
    ) -> Result {
        withUnsafePointer(to: address) { pointer in
            body(
                UnsafeRawPointer(pointer).assumingMemoryBound(to: sockaddr.self),
                socklen_t(MemoryLayout<Address>.size))
        }
    }

    private func connect<Address>(_ address: Address) throws {
        guard TestSocket.withGeneric(address, { Glibc.connect(number, $0, $1) }) == 0 else {
            throw SocketFailure(code: errno, call: "connect")
        }
    }

    func send(_ text: String) throws {
        try send(Array(text.utf8))
    }

    func send(_ bytes: [UInt8]) throws {
        var sent = 0
        while sent < bytes.count {
            let count = bytes.withUnsafeBytes {
                Glibc.send(number, $0.baseAddress! + sent, bytes.count - sent, Int32(MSG_NOSIGNAL))
            }
            guard count > 0 else { throw SocketFailure(code: errno, call: "send") }
            sent += count
        }
    }

    /// What comes next, at most `most` bytes; empty at the end.
    func receive(most: Int = 65_536) throws -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: most)
        let count = recv(number, &bytes, most, 0)
        guard count >= 0 else { throw SocketFailure(code: errno, call: "recv") }
        return Array(bytes.prefix(count))
    }

    func receive(exactly count: Int) throws -> [UInt8] {
        var bytes: [UInt8] = []
        while bytes.count < count {
            let more = try receive(most: min(count - bytes.count, 1 << 20))
            guard !more.isEmpty else { throw SocketFailure(code: 0, call: "end") }
            bytes += more
        }
        return bytes
    }

    func receiveText(_ count: Int) throws -> String {
        String(decoding: try receive(exactly: count), as: UTF8.self)
    }

    func receiveToEnd() throws -> [UInt8] {
        var bytes: [UInt8] = []
        while true {
            let more = try receive()
            if more.isEmpty { return bytes }
            bytes += more
        }
    }

    /// Waits until the peer's kernel has everything that was sent.
    func waitUntilDelivered() throws {
        try waitUntil("delivery") {
            var left: Int32 = 0
            return ioctl(number, UInt(TIOCOUTQ), &left) == 0 && left == 0 ? () : nil
        }
    }

    func finishSending() {
        shutdown(number, Int32(SHUT_WR))
    }

    func close() {
        if isOpen { _ = Glibc.close(number) }
        isOpen = false
    }

    /// Closes so that the peer gets a reset.
    func reset() {
        set(SO_LINGER, linger(l_onoff: 1, l_linger: 0))
        close()
    }
}

/// A folder of its own, removed with the last reference.
final class Scratch: Sendable {
    let path: String

    init() {
        var template = Array("/tmp/sluice-io-XXXXXX".utf8CString)
        path = String(cString: mkdtemp(&template))
    }

    deinit {
        try? FileManager.default.removeItem(atPath: path)
    }

    func file(_ name: String) -> String { "\(path)/\(name)" }

    func contents(_ name: String) -> [UInt8] {
        FileManager.default.contents(atPath: file(name)).map(Array.init) ?? []
    }

    func text(_ name: String) -> String {
        String(decoding: contents(name), as: UTF8.self)
    }
}
