// Finds where a reply ends, without building it: the hot loop of the proxy.
//
//     *2\r\n $3\r\nabc\r\n :7\r\n         left   0 ─▶ 1 ─▶ 2 ─▶ 1 ─▶ 0: the reply ends here
//     ───▲── ─────▲────── ──▲──
//
// A reply is a number of elements that are still to come. A header of n elements takes the place of one and adds
// n, so one counter is enough however deep the nesting is: there is no stack, and no limit on depth.

/// Scans one reply after the other. It remembers all it needs in three words: earlier bytes of an unfinished
/// reply may be forwarded and forgotten, and the inside of a bulk is never looked at.
public struct ReplyScanner: Sendable {
    public enum Outcome: Hashable, Sendable {
        /// The reply's last byte is the one before `end`.
        case reply(end: Int)
        /// Every byte given belongs to a reply that is not finished.
        case incomplete
    }

    /// Replies that were scanned at once.
    public struct Run: Hashable, Sendable {
        public var count = 0
        /// Behind the last of them.
        public var end: Int
    }

    /// What one header may announce at most; client libraries refuse more.
    public static let elements = Int(UInt32.max)

    /// What the next byte is.
    private enum Place: UInt8 {
        case type
        case text, textFeed
        case number, numberFeed
        case body, bodyReturn, bodyFeed
    }

    /// Elements that are not complete yet, the one at hand among them.
    private var left = 0
    /// The number of the header being read, then the bytes of the body still to come.
    private var number = 0
    private var place = Place.type
    /// The type of the element at hand, when that is one with a header.
    private var header = UInt8(0)
    private var digits = UInt8(0)
    private var isNegative = false
    /// The first byte of the reply at hand, or of the last one.
    private var first = ReplyKind.null.rawValue

    public init() {}

    /// The type of the reply at hand, or of the last one when none is begun. While attributes are read that stand
    /// in front of a reply it is `attribute`; then it becomes the type of the reply itself.
    public var kind: ReplyKind { ReplyKind(rawValue: first) ?? .null }

    /// True when no reply is begun; false as soon as one byte of the reply at hand has been scanned.
    public var isAtStart: Bool { left == 0 }

    /// At least so many more bytes belong to the reply at hand: the rest of a bulk, once its header is read, and three
    /// bytes for each element that has not come, which is all that a null takes. So a reply that is going to be large
    /// is known by its first header, unless it is an array of few and large elements: then by the header of each. 0
    /// between replies; never more than what comes, and `Int.max` at most.
    public var announced: Int {
        if left == 0 { return 0 }
        let (others, overflowed) = (left - 1).multipliedReportingOverflow(
            by: ReplyScanner.shortestElement)
        let (sum, carried) = others.addingReportingOverflow(announcedOfElement)
        return overflowed || carried ? Int.max : sum
    }

    /// `_` and a line end.
    private static let shortestElement = 3

    private var announcedOfElement: Int {
        switch place {
        case .type: ReplyScanner.shortestElement
        case .text, .number: 2
        case .textFeed, .numberFeed: 1
        case .body: number + 2
        case .bodyReturn: 2
        case .bodyFeed: 1
        }
    }

    /// Scans on in the reply at hand, or begins the next one. On `incomplete` the scanner has used all bytes, and
    /// goes on with the next ones. After an error the connection is of no more use, and neither is the scanner.
    public mutating func scan(
        _ bytes: Span<UInt8>, from start: Int
    ) throws(ReplyError) -> Outcome {
        // Most replies are a leaf that is all there.
        if left == 0, start < bytes.count, let end = ReplyScanner.leafEnd(bytes, at: start) {
            first = bytes[start]
            return .reply(end: end)
        }
        return try scanParts(bytes, from: start)
    }

    /// Scans whole replies that need no closer look: neither aggregates nor errors nor pushes, and all there. Stops
    /// in front of the first that is different, or behind `most`; `scan` is for what comes then. Needs no state,
    /// and no reply may be begun.
    public func scanRun(_ bytes: Span<UInt8>, from start: Int, most: Int) -> Run {
        assert(isAtStart, "a run begins with a reply")
        var run = Run(end: start)
        while run.count < most, run.end < bytes.count, bytes[run.end] != ReplyKind.error.rawValue,
            let end = ReplyScanner.leafEnd(bytes, at: run.end)
        {
            run.count += 1
            run.end = end
        }
        return run
    }

    private mutating func scanParts(
        _ bytes: Span<UInt8>, from start: Int
    ) throws(ReplyError) -> Outcome {
        var index = start
        while index < bytes.count {
            if place == .type {
                begin(bytes[index])
                if let end = ReplyScanner.leafEnd(bytes, at: index) {
                    index = end
                    left -= 1
                } else {
                    try open(bytes[index])
                    index += 1
                }
            } else {
                try step(bytes, &index)
            }
            if left == 0 { return .reply(end: index) }
        }
        return .incomplete
    }

    /// Notes which reply begins here, if one does.
    private mutating func begin(_ type: UInt8) {
        if left == 0 {
            left = 1
            first = type
        } else if left == 1, first == ReplyKind.attribute.rawValue {
            first = type
        }
    }

    /// The end of an element without parts that begins at `start` and is all there; nil for anything else.
    private static func leafEnd(_ bytes: Span<UInt8>, at start: Int) -> Int? {
        var index = start + 1
        switch bytes[start] {
        case 0x24, 0x3D, 0x21:  // $ = !
            guard let end = bodyEnd(bytes, at: start) else { return nil }
            return end
        case 0x2B, 0x2D, 0x3A, 0x5F, 0x23, 0x2C, 0x28:  // + - : _ # , (
            while index < bytes.count, bytes[index] != 0x0D { index += 1 }
            guard index + 1 < bytes.count, bytes[index + 1] == 0x0A else { return nil }
            return index + 2
        default:
            return nil
        }
    }

    /// The end of a bulk, a verbatim text or a blob error. What is malformed is left to `step` to judge.
    private static func bodyEnd(_ bytes: Span<UInt8>, at start: Int) -> Int? {
        var index = start + 1
        guard index + 3 < bytes.count else { return nil }
        var length = Int(bytes[index] &- 0x30)
        if length > 9 {
            guard bytes[start] == 0x24, bytes[index] == 0x2D, bytes[index + 1] == 0x31,
                bytes[index + 2] == 0x0D, bytes[index + 3] == 0x0A
            else { return nil }
            return index + 4
        }
        index += 1
        // Nine digits are far more than any input holds.
        while length != 0, index < bytes.count, index < start + 10 {
            let digit = bytes[index] &- 0x30
            guard digit <= 9 else { break }
            length = length &* 10 &+ Int(digit)
            index += 1
        }
        let end = index + length + 4
        guard end <= bytes.count, bytes[index] == 0x0D, bytes[index + 1] == 0x0A,
            bytes[end - 2] == 0x0D, bytes[end - 1] == 0x0A
        else { return nil }
        return end
    }

    /// Begins an element that has parts or is not all there.
    private mutating func open(_ type: UInt8) throws(ReplyError) {
        guard let kind = ReplyKind(rawValue: type) else { throw .unknownType(type) }
        switch kind {
        case .simple, .error, .integer, .null, .boolean, .double, .bigNumber:
            place = .text
        case .bulk, .blobError, .verbatim, .array, .map, .set, .attribute, .push:
            place = .number
            header = type
            number = 0
            digits = 0
            isNegative = false
        }
    }

    /// Reads one byte of a header or line end, or as much as there is of a text or body.
    private mutating func step(_ bytes: Span<UInt8>, _ index: inout Int) throws(ReplyError) {
        let byte = bytes[index]
        switch place {
        case .type:
            preconditionFailure("a type is not part of an element")
        case .text:
            while index < bytes.count, bytes[index] != 0x0D { index += 1 }
            if index < bytes.count {
                index += 1
                place = .textFeed
            }
            return
        case .textFeed:
            // A carriage return alone is part of the text.
            if byte == 0x0A {
                close()
            } else if byte != 0x0D {
                place = .text
            }
        case .number:
            try readNumber(byte)
        case .numberFeed:
            guard byte == 0x0A else { throw .missingLineEnd }
            try readHeader()
        case .body:
            let here = min(number, bytes.count - index)
            number -= here
            index += here
            if number == 0 { place = .bodyReturn }
            return
        case .bodyReturn:
            guard byte == 0x0D else { throw .missingLineEnd }
            place = .bodyFeed
        case .bodyFeed:
            guard byte == 0x0A else { throw .missingLineEnd }
            close()
        }
        index += 1
    }

    private mutating func readNumber(_ byte: UInt8) throws(ReplyError) {
        switch byte {
        case 0x30...0x39:
            // As strict as redis-server's own: no zero leads, and none is negative.
            if number == 0, digits > 0 || isNegative && byte == 0x30 { throw .invalidLength }
            let (tens, overflowed) = number.multipliedReportingOverflow(by: 10)
            let (sum, carried) = tens.addingReportingOverflow(Int(byte - 0x30))
            if overflowed || carried { throw .invalidLength }
            number = sum
            digits += 1
        case 0x2D where digits == 0 && !isNegative:
            isNegative = true
        case 0x0D where digits > 0:
            place = .numberFeed
        case 0x3F where digits == 0 && !isNegative:
            throw .streamed
        default:
            throw .invalidLength
        }
    }

    /// Acts on a header whose line is complete.
    private mutating func readHeader() throws(ReplyError) {
        if isNegative {
            // The null bulk and the null array of RESP2.
            guard number == 1, header == 0x24 || header == 0x2A else { throw .invalidLength }
            return close()
        }
        switch header {
        case 0x24, 0x3D, 0x21:  // $ = !
            guard number <= Int.max - 2 else { throw .invalidLength }
            place = .body
        case 0x25:  // %
            try expect(number, times: 2)
            close()
        case 0x7C:  // |
            // Attributes come on top of the element that they stand in front of.
            try expect(number, times: 2)
            place = .type
        default:
            try expect(number, times: 1)
            close()
        }
    }

    private mutating func expect(_ count: Int, times factor: Int) throws(ReplyError) {
        guard count <= ReplyScanner.elements else { throw .invalidLength }
        let (sum, overflowed) = left.addingReportingOverflow(count * factor)
        if overflowed { throw .invalidLength }
        left = sum
    }

    /// The element at hand is complete, or was a header whose elements are now counted themselves.
    private mutating func close() {
        left -= 1
        place = .type
    }
}
