// Replies as tests compare them: built whole, by the plainest reader that can be right.

/// One reply of RESP2 or RESP3, with nothing of its form lost but the line ends.
public indirect enum WireReply: Hashable, Sendable {
    case simple(String)
    case error(String)
    case integer(Int)
    case bulk([UInt8])
    case array([WireReply])
    /// `$-1`, `*-1` and RESP3's `_`.
    case nullBulk, nullArray, null
    case double(String)
    case boolean(Bool)
    case bigNumber(String)
    case blobError(String)
    case verbatim(format: String, [UInt8])
    /// Keys and values by turns, in the order of arrival.
    case map([WireReply])
    case set([WireReply])
    case push([WireReply])
    case attribute([WireReply], of: WireReply)

    public static func bulk(_ text: String) -> WireReply {
        .bulk(Array(text.utf8))
    }

    /// What a string, error or number of any type says.
    public var text: String? {
        switch self {
        case .simple(let text), .error(let text), .double(let text), .bigNumber(let text),
            .blobError(let text):
            text
        case .bulk(let bytes), .verbatim(_, let bytes): String(decoding: bytes, as: UTF8.self)
        case .integer(let number): "\(number)"
        default: nil
        }
    }

    public var number: Int? {
        if case .integer(let number) = self { return number }
        return nil
    }

    /// What an array, map, set or push holds.
    public var items: [WireReply]? {
        switch self {
        case .array(let items), .map(let items), .set(let items), .push(let items): items
        default: nil
        }
    }

    public var isError: Bool {
        switch self {
        case .error, .blobError: true
        default: false
        }
    }

    /// The value behind a key of a map, or of an array that lists keys and values by turns as RESP2 has it.
    public subscript(key key: String) -> WireReply? {
        guard let items else { return nil }
        for index in stride(from: 0, to: items.count - 1, by: 2) where items[index].text == key {
            return items[index + 1]
        }
        return nil
    }
}

extension Wire {
    /// The replies that bytes consist of.
    public static func replies(_ bytes: [UInt8]) throws -> [WireReply] {
        var reader = WireReader(bytes: bytes)
        var replies: [WireReply] = []
        while reader.position < bytes.count {
            guard let reply = try reader.reply() else {
                throw SupportError("the last reply is not whole")
            }
            replies.append(reply)
        }
        return replies
    }
}

/// Reads replies from bytes that may end in the middle of one.
public struct WireReader {
    let bytes: [UInt8]
    /// Behind the last whole reply, until `reply` finds that the next one is not whole.
    public private(set) var position = 0

    public init(bytes: [UInt8]) {
        self.bytes = bytes
    }

    /// The next reply; nil when its end has not arrived.
    public mutating func reply() throws -> WireReply? {
        guard let line = line(), let kind = line.first else { return nil }
        let text = String(decoding: line.dropFirst(), as: UTF8.self)
        switch Character(UnicodeScalar(kind)) {
        case "+": return .simple(text)
        case "-": return .error(text)
        case ":": return .integer(try number(text))
        case ",": return .double(text)
        case "(": return .bigNumber(text)
        case "#": return .boolean(text == "t")
        case "_": return .null
        case "$":
            let count = try number(text)
            return count < 0 ? .nullBulk : bulk(count).map(WireReply.bulk)
        case "!":
            return bulk(try number(text)).map { .blobError(String(decoding: $0, as: UTF8.self)) }
        case "=":
            return bulk(try number(text)).map {
                .verbatim(
                    format: String(decoding: $0.prefix(3), as: UTF8.self), Array($0.dropFirst(4)))
            }
        case "*":
            let count = try number(text)
            return count < 0 ? .nullArray : try replies(count).map(WireReply.array)
        case "%": return try replies(number(text) * 2).map(WireReply.map)
        case "~": return try replies(number(text)).map(WireReply.set)
        case ">": return try replies(number(text)).map(WireReply.push)
        case "|":
            guard let items = try replies(number(text) * 2), let reply = try reply() else {
                return nil
            }
            return .attribute(items, of: reply)
        default: throw SupportError("not a reply: \(String(decoding: line, as: UTF8.self))")
        }
    }

    private mutating func replies(_ count: Int) throws -> [WireReply]? {
        var items: [WireReply] = []
        for _ in 0..<count {
            guard let item = try reply() else { return nil }
            items.append(item)
        }
        return items
    }

    private mutating func bulk(_ count: Int) -> [UInt8]? {
        guard bytes.count - position >= count + 2 else { return nil }
        defer { position += count + 2 }
        return Array(bytes[position..<position + count])
    }

    private mutating func line() -> ArraySlice<UInt8>? {
        guard let end = bytes[position...].firstIndex(of: 0x0D), end + 1 < bytes.count else {
            return nil
        }
        defer { position = end + 2 }
        return bytes[position..<end]
    }

    private func number(_ text: String) throws -> Int {
        guard let number = Int(text) else { throw SupportError("not a number: \(text)") }
        return number
    }
}
