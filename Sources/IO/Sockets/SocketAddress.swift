// Socket addresses as the kernel wants them, and as cores and people see them.

import Glibc
import RESP

/// One address to connect or bind to.
@safe
package struct SocketAddress: Sendable {
    private var storage = sockaddr_storage()
    private var length: socklen_t

    /// An empty address, for the kernel to fill.
    init() {
        length = socklen_t(MemoryLayout<sockaddr_storage>.size)
    }

    private init<Specific>(copying specific: Specific) {
        length = socklen_t(MemoryLayout<Specific>.size)
        unsafe withUnsafeMutableBytes(of: &storage) { target in
            unsafe withUnsafeBytes(of: specific) { unsafe target.copyMemory(from: $0) }
        }
    }

    /// An answer of getaddrinfo.
    init?(_ answer: UnsafePointer<sockaddr>, length: socklen_t) {
        guard length <= MemoryLayout<sockaddr_storage>.size else { return nil }
        self.length = length
        unsafe withUnsafeMutableBytes(of: &storage) { target in
            unsafe target.copyMemory(
                from: UnsafeRawBufferPointer(start: answer, count: Int(length)))
        }
    }

    /// An address written in figures; nil when `host` is a name. A zone (`fe80::1%eth0`) counts as a name.
    package init?(literal host: String, port: UInt16) {
        var four = sockaddr_in()
        four.sin_family = sa_family_t(AF_INET)
        four.sin_port = port.bigEndian
        if unsafe inet_pton(AF_INET, host, &four.sin_addr) == 1 {
            self.init(copying: four)
            return
        }
        var six = sockaddr_in6()
        six.sin6_family = sa_family_t(AF_INET6)
        six.sin6_port = port.bigEndian
        guard unsafe inet_pton(AF_INET6, host, &six.sin6_addr) == 1 else { return nil }
        self.init(copying: six)
    }

    /// Every address of this machine.
    static func any(isVersion6: Bool, port: UInt16) -> SocketAddress {
        guard let address = SocketAddress(literal: isVersion6 ? "::" : "0.0.0.0", port: port) else {
            preconditionFailure("the wildcard is an address")
        }
        return address
    }

    /// A Unix socket; nil when the path is longer than the kernel takes (107 bytes).
    package init?(path: String) {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let bytes = Array(path.utf8)
        guard !bytes.isEmpty, bytes.count < MemoryLayout.size(ofValue: address.sun_path) else {
            return nil
        }
        unsafe withUnsafeMutableBytes(of: &address.sun_path) { unsafe $0.copyBytes(from: bytes) }
        self.init(copying: address)
    }

    var family: Int32 { Int32(storage.ss_family) }

    /// The same address as cores know it.
    package var peer: PeerAddress {
        switch family {
        case AF_INET:
            let four = unsafe read(as: sockaddr_in.self)
            return PeerAddress(
                family: .ipv4, port: UInt16(bigEndian: four.sin_port), high: 0,
                low: UInt64(UInt32(bigEndian: four.sin_addr.s_addr)))
        case AF_INET6:
            let six = unsafe read(as: sockaddr_in6.self)
            let (high, low) = unsafe withUnsafeBytes(of: six.sin6_addr) { bytes in
                unsafe (
                    UInt64(bigEndian: bytes.loadUnaligned(as: UInt64.self)),
                    UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
                )
            }
            return PeerAddress(
                family: .ipv6, port: UInt16(bigEndian: six.sin6_port), high: high, low: low)
        default:
            return .unix
        }
    }

    @unsafe
    private func read<Specific>(as type: Specific.Type) -> Specific {
        unsafe withUnsafeBytes(of: storage) { unsafe $0.loadUnaligned(as: Specific.self) }
    }

    /// Lends the address to a system call.
    func lend<Result>(_ body: (UnsafePointer<sockaddr>, socklen_t) -> Result) -> Result {
        unsafe withUnsafePointer(to: storage) { pointer in
            unsafe body(UnsafeRawPointer(pointer).assumingMemoryBound(to: sockaddr.self), length)
        }
    }

    /// Lets a system call write the address.
    mutating func fill<Result>(
        _ body: (UnsafeMutablePointer<sockaddr>, UnsafeMutablePointer<socklen_t>) -> Result
    ) -> Result {
        length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        return unsafe withUnsafeMutablePointer(to: &storage) { pointer in
            unsafe body(
                UnsafeMutableRawPointer(pointer).assumingMemoryBound(to: sockaddr.self), &length)
        }
    }
}

extension PeerAddress {
    /// Whether both name the same machine, whatever the port.
    func isSameHost(as other: PeerAddress) -> Bool {
        family == other.family && high == other.high && low == other.low
    }
}
