// The clients' own reader of replies: plain, slow, and written apart from the one under test.

import RESP

/// A reply of the kinds that this workload's requests have.
enum Reply: Hashable, Sendable, CustomStringConvertible {
    case simple([UInt8])
    case error([UInt8])
    case integer(Int)
    case bulk([UInt8])
    case array([Reply])
    /// A bulk or an array that is none.
    case null
    /// What cannot be a reply.
    case malformed([UInt8])

    var description: String {
        switch self {
        case .simple(let text): "+\(text.shown)"
        case .error(let text): "-\(text.shown)"
        case .integer(let number): ":\(number)"
        case .bulk(let bytes): "$\(bytes.shown)"
        case .array(let replies): "*\(replies)"
        case .null: "null"
        case .malformed(let bytes): "malformed \(bytes.shown)"
        }
    }
}

/// Collects bytes until they make whole replies.
struct ReplyReader {
    private var bytes: [UInt8] = []
    private var start = 0
    /// Where a bulk that has begun ends; spares looking for its header again with each piece.
    private var wantedEnd = 0

    /// Bytes of a reply that has begun.
    var unfinished: Int { bytes.count - start }

    mutating func append(_ more: Span<UInt8>) {
        if start > 0, start == bytes.count {
            bytes.removeAll(keepingCapacity: true)
            start = 0
            wantedEnd = 0
        }
        bytes.append(more)
    }

    /// The next whole reply.
    mutating func next() -> Reply? {
        guard start < bytes.count, bytes.count >= wantedEnd else { return nil }
        guard let (reply, end) = read(at: start) else { return nil }
        start = end
        wantedEnd = 0
        return reply
    }

    private mutating func read(at begin: Int) -> (Reply, end: Int)? {
        guard begin < bytes.count, let (line, after) = line(from: begin + 1) else { return nil }
        let text = Array(bytes[line])
        switch bytes[begin] {
        case UInt8(ascii: "+"): return (.simple(text), after)
        case UInt8(ascii: "-"): return (.error(text), after)
        case UInt8(ascii: ":"):
            return (ReplyReader.number(text).map(Reply.integer) ?? .malformed(text), after)
        case UInt8(ascii: "$"), UInt8(ascii: "*"):
            if text == [UInt8]("-1") { return (.null, after) }
            guard let length = ReplyReader.number(text), length >= 0 else {
                return (.malformed(text), after)
            }
            return bytes[begin] == UInt8(ascii: "*")
                ? readArray(of: length, at: after) : readBulk(of: length, at: after)
        default:
            return (.malformed(Array(bytes[begin..<after])), after)
        }
    }

    private mutating func readBulk(of length: Int, at begin: Int) -> (Reply, end: Int)? {
        wantedEnd = begin + length + 2
        guard bytes.count >= wantedEnd else { return nil }
        let end = begin + length
        let isEnded = bytes[end] == UInt8(ascii: "\r") && bytes[end + 1] == UInt8(ascii: "\n")
        let content = Array(bytes[begin..<end])
        return (isEnded ? .bulk(content) : .malformed(content), end + 2)
    }

    private mutating func readArray(of count: Int, at begin: Int) -> (Reply, end: Int)? {
        var replies: [Reply] = []
        var index = begin
        for _ in 0..<count {
            guard let (reply, end) = read(at: index) else { return nil }
            replies.append(reply)
            index = end
        }
        return (.array(replies), index)
    }

    private func line(from begin: Int) -> (Range<Int>, after: Int)? {
        var index = begin
        while index + 1 < bytes.count {
            if bytes[index] == UInt8(ascii: "\r"), bytes[index + 1] == UInt8(ascii: "\n") {
                return (begin..<index, index + 2)
            }
            index += 1
        }
        return nil
    }

    private static func number(_ text: [UInt8]) -> Int? {
        Int(String(decoding: text, as: UTF8.self))
    }
}
