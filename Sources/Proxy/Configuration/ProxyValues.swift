// The texts of sizes, durations and endpoints, both ways.

import RESP

/// Reads the typed texts of a configuration file; nil means that the text is none of that type.
enum ProxyValues {
    /// Digits and a unit, in any case, as redis.conf has them: `k` is 1000 and `kb` is 1024, and so on for `m`,
    /// `mb`, `g`, `gb`; `b` or nothing is bytes. One rule for both programs, so that `10MB` is one number.
    static func size(_ text: String) -> Int? {
        let (digits, unit) = numberAndUnit(text)
        let factor: Int
        switch unit {
        case "", "b": factor = 1
        case "k": factor = 1_000
        case "kb": factor = 1 << 10
        case "m": factor = 1_000_000
        case "mb": factor = 1 << 20
        case "g": factor = 1_000_000_000
        case "gb": factor = 1 << 30
        default: return nil
        }
        return product(digits, factor)
    }

    static func render(size: Int) -> String {
        for (unit, factor) in [("GB", 1 << 30), ("MB", 1 << 20), ("KB", 1 << 10)]
        where size >= factor && size % factor == 0 {
            return "\(size / factor)\(unit)"
        }
        return "\(size)"
    }

    /// Digits and `us`, `ms`, `s`, `m`, `h` or `d`; a bare `0` needs no unit.
    static func duration(_ text: String) -> Duration? {
        let (digits, unit) = numberAndUnit(text)
        let microseconds: Int
        switch unit {
        case "us": microseconds = 1
        case "ms": microseconds = 1_000
        case "s": microseconds = 1_000_000
        case "m": microseconds = 60_000_000
        case "h": microseconds = 3_600_000_000
        case "d": microseconds = 86_400_000_000
        case "" where text == "0": microseconds = 1
        default: return nil
        }
        return product(digits, microseconds).map { .microseconds($0) }
    }

    static func render(duration: Duration) -> String {
        let microseconds = duration.nanoseconds / 1_000
        let units: [(name: String, factor: Int64)] = [
            ("h", 3_600_000_000), ("m", 60_000_000), ("s", 1_000_000), ("ms", 1_000),
        ]
        for unit in units where microseconds >= unit.factor && microseconds % unit.factor == 0 {
            return "\(microseconds / unit.factor)\(unit.name)"
        }
        return microseconds == 0 ? "0s" : "\(microseconds)us"
    }

    static func integer(_ text: String) -> Int? {
        let digits = text.hasPrefix("-") ? text.dropFirst() : text[...]
        guard !digits.isEmpty, digits.utf8.allSatisfy(isDigit) else { return nil }
        return Int(text)
    }

    static func boolean(_ text: String) -> Bool? {
        switch text {
        case "true", "yes": true
        case "false", "no": false
        default: nil
        }
    }

    /// A zone or a tag: a word that needs no quotes anywhere.
    static func name(_ text: String) -> String? {
        let isName = text.utf8.allSatisfy {
            switch $0 {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "."), UInt8(ascii: "-"), UInt8(ascii: "_"):
                true
            default: isDigit($0)
            }
        }
        return isName && (1...64).contains(text.utf8.count) && !text.hasPrefix("-") ? text : nil
    }

    private static func isDigit(_ byte: UInt8) -> Bool {
        byte >= UInt8(ascii: "0") && byte <= UInt8(ascii: "9")
    }

    private static func numberAndUnit(_ text: String) -> (digits: Substring.UTF8View, unit: String)
    {
        let digits = text.utf8.prefix(while: isDigit)
        return (digits, text.dropFirst(digits.count).lowercased())
    }

    private static func product(_ digits: Substring.UTF8View, _ factor: Int) -> Int? {
        guard let number = Int(Substring(digits)) else { return nil }
        let (product, overflowed) = number.multipliedReportingOverflow(by: factor)
        return overflowed ? nil : product
    }

    // MARK: Endpoints

    /// What an endpoint looks like, for error messages.
    static let endpointForm = "an endpoint: host:port, \"[::1]:port\" or /path/of/a/socket"

    /// The longest path that a Unix socket can have: `sun_path` less its final zero.
    static let longestSocketPath = 107

    static func endpoint(_ text: String) -> Endpoint? {
        if text.hasPrefix("/") || text.hasPrefix("./") || text.hasPrefix("../") {
            return text.utf8.count <= longestSocketPath ? .unix(path: text) : nil
        }
        guard let colon = text.utf8.lastIndex(of: UInt8(ascii: ":")),
            let port = port(text[text.utf8.index(after: colon)...])
        else { return nil }
        let host = text[..<colon]
        if host.hasPrefix("["), host.hasSuffix("]") {
            let address = host.dropFirst().dropLast()
            guard isIPv6(address) else { return nil }
            return .tcp(host: String(address), port: port)
        }
        return isHost(host) ? .tcp(host: String(host), port: port) : nil
    }

    private static func port(_ text: Substring) -> UInt16? {
        guard !text.isEmpty, text.utf8.allSatisfy(isDigit), let port = UInt16(text), port > 0 else {
            return nil
        }
        return port
    }

    // The resolver judges addresses; this tells a mistyped text from a host, no more.
    private static func isHost(_ host: Substring) -> Bool {
        !host.isEmpty && host.utf8.count <= 253
            && host.utf8.allSatisfy {
                isDigit($0) || isLetter($0) || $0 == UInt8(ascii: ".") || $0 == UInt8(ascii: "-")
                    || $0 == UInt8(ascii: "_")
            }
    }

    private static func isIPv6(_ address: Substring) -> Bool {
        let (bare, zone) = split(address, at: UInt8(ascii: "%"))
        guard bare.utf8.count(where: { $0 == UInt8(ascii: ":") }) >= 2 else { return false }
        return bare.utf8.allSatisfy {
            isDigit($0) || $0 == UInt8(ascii: ":") || $0 == UInt8(ascii: ".")
                || $0 | 0x20 >= UInt8(ascii: "a") && $0 | 0x20 <= UInt8(ascii: "f")
        } && (zone.map { isHost($0) } ?? true)
    }

    private static func split(_ text: Substring, at byte: UInt8) -> (Substring, Substring?) {
        guard let index = text.utf8.firstIndex(of: byte) else { return (text, nil) }
        return (text[..<index], text[text.utf8.index(after: index)...])
    }

    private static func isLetter(_ byte: UInt8) -> Bool {
        byte | 0x20 >= UInt8(ascii: "a") && byte | 0x20 <= UInt8(ascii: "z")
    }
}
