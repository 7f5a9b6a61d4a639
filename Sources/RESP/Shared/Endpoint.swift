// Where to connect to, and who is at the other end of a connection.

/// A place to connect to or to listen on, as a person writes it.
public enum Endpoint: Hashable, Sendable, CustomStringConvertible {
    /// A host name or address, and a port.
    case tcp(host: String, port: UInt16)
    case unix(path: String)

    public var description: String {
        switch self {
        case .tcp(let host, let port): host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
        case .unix(let path): path
        }
    }
}

/// The address of a peer, or of our end of its connection, small enough to keep for every client.
public struct PeerAddress: Hashable, Sendable {
    public enum Family: UInt8, Sendable {
        case ipv4
        case ipv6
        case unix
    }

    public let family: Family
    public let port: UInt16
    /// The address in network order, read as big-endian numbers; IPv4 lives in the low half of `low`.
    public let high: UInt64
    public let low: UInt64

    public init(family: Family, port: UInt16, high: UInt64, low: UInt64) {
        self.family = family
        self.port = port
        self.high = high
        self.low = low
    }

    /// The peer of a Unix socket, which has no address.
    public static let unix = PeerAddress(family: .unix, port: 0, high: 0, low: 0)

    public static func ipv4(_ a: UInt8, _ b: UInt8, _ c: UInt8, _ d: UInt8, port: UInt16)
        -> PeerAddress
    {
        let low = UInt64(a) << 24 | UInt64(b) << 16 | UInt64(c) << 8 | UInt64(d)
        return PeerAddress(family: .ipv4, port: port, high: 0, low: low)
    }

    public var isLoopback: Bool {
        switch family {
        case .unix: true
        case .ipv4: low >> 24 == 127
        case .ipv6:
            (high == 0 && low == 1) || (high == 0 && low >> 32 == 0xFFFF && low >> 24 & 0xFF == 127)
        }
    }
}

extension PeerAddress: CustomStringConvertible {
    /// As redis-server prints it: `127.0.0.1:6379`, `[::1]:6379`; a Unix peer is written `:0` after its path.
    public var description: String {
        switch family {
        case .unix: return "/:0"
        case .ipv4: return "\(dotted):\(port)"
        case .ipv6: return "[\(colons)]:\(port)"
        }
    }

    private var dotted: String {
        "\(low >> 24 & 0xFF).\(low >> 16 & 0xFF).\(low >> 8 & 0xFF).\(low & 0xFF)"
    }

    /// RFC 5952: lower case, the longest run of two or more zero groups shortened.
    private var colons: String {
        if high == 0, low >> 32 == 0xFFFF { return "::ffff:\(dotted)" }
        let groups = (0..<8).map { (index: Int) -> UInt64 in
            let half = index < 4 ? high : low
            return half >> UInt64(48 - 16 * (index % 4)) & 0xFFFF
        }
        var best = 0..<0
        var start = 0
        while start < 8 {
            var end = start
            while end < 8, groups[end] == 0 { end += 1 }
            if end - start > max(best.count, 1) { best = start..<end }
            start = max(end, start + 1)
        }
        let text = { (part: ArraySlice<UInt64>) in
            part.map { String($0, radix: 16) }.joined(separator: ":")
        }
        if best.isEmpty { return text(groups[...]) }
        return text(groups[..<best.lowerBound]) + "::" + text(groups[best.upperBound...])
    }
}
