// The clients' own reader of replies: plain, slow, and written apart from the one under test.

import RESP

/// A reply of the kinds that this workload's requests have.
enum Reply: Hashable, CustomStringConvertible {
    case simple([UInt8])
    case error([UInt8])
    case integer(Int)
    case bulk([UInt8])
    case null
    /// What cannot be a reply.
    case malformed([UInt8])

    var description: String {
        switch self {
        case .simple(let text): "+\(text.shown)"
        case .error(let text): "-\(text.shown)"
        case .integer(let number): ":\(number)"
        case .bulk(let bytes): "$\(bytes.shown)"
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
        guard let (line, after) = line(from: start + 1) else { return nil }
        let kind = bytes[start]
        let text = Array(bytes[line])
        switch kind {
        case UInt8(ascii: "+"): return take(.simple(text), to: after)
        case UInt8(ascii: "-"): return take(.error(text), to: after)
        case UInt8(ascii: ":"):
            return take(ReplyReader.number(text).map(Reply.integer) ?? .malformed(text), to: after)
        case UInt8(ascii: "$"):
            if text == [UInt8]("-1") { return take(.null, to: after) }
            guard let length = ReplyReader.number(text), length >= 0 else {
                return take(.malformed(text), to: after)
            }
            wantedEnd = after + length + 2
            guard bytes.count >= wantedEnd else { return nil }
            let end = after + length
            let isEnded = bytes[end] == UInt8(ascii: "\r") && bytes[end + 1] == UInt8(ascii: "\n")
            let content = Array(bytes[after..<end])
            return take(isEnded ? .bulk(content) : .malformed(content), to: end + 2)
        default:
            return take(.malformed(Array(bytes[start..<after])), to: after)
        }
    }

    private mutating func take(_ reply: Reply, to end: Int) -> Reply {
        start = end
        wantedEnd = 0
        return reply
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
