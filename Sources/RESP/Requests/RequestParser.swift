// From bytes to requests. Incremental over any split of the input, and linear in it however it is split.
//
//      start           searched                   position of the next header or bulk
//        │                 │                          │
//        ▼                 ▼                          ▼
//     ...│*3\r\n$3\r\nSET\r\n$5\r\nhello\r\n$1\r\nx ... (input ends)
//
// The caller keeps the bytes of an unfinished request from its start on, and calls again with more behind them;
// all places that the parser remembers are counted from that start.

/// The bounds on one request, with redis-server's defaults.
public struct RequestLimits: Sendable {
    /// `proto-max-bulk-len`.
    public var bulkLength = 512 * 1024 * 1024
    /// What a client may send before it has authenticated, when it has to.
    public var isAuthenticated = true

    public static let arguments = Int(Int32.max)
    /// The longest inline request, and the longest header line of a multibulk request.
    public static let lineLength = 64 * 1024
    public static let unauthenticatedArguments = 10
    public static let unauthenticatedBulkLength = 16_384

    public init() {}
}

/// Reads requests, one at a time. Reusable: one parser serves all connections of a core, and only an unfinished
/// request keeps one for itself.
public struct RequestParser: ~Copyable {
    public enum Outcome: Hashable, Sendable {
        /// A request ends before the byte at `end`; it may be empty, and is to be passed over then.
        case request(end: Int)
        /// More bytes are needed.
        case incomplete
    }

    private var ranges: [ByteRange] = []
    /// An inline request, rewritten as multibulk.
    private var rewritten = ByteBuffer()
    private var isInline = false
    /// Where parsing goes on, counted from the start of the request.
    private var position = 0
    /// No line end stands before this place.
    private var searched = 0
    /// Arguments that are still to come; nil before the request's first line is read.
    private var argumentsLeft: Int?
    /// The length of the bulk at `position`, once its header is read.
    private var bulkLength: Int?

    public init() {}

    /// True when no request has been begun.
    public var isAtStart: Bool { position == 0 && searched == 0 }

    /// Bytes that the parser itself holds.
    public var allocated: Int {
        ranges.capacity * MemoryLayout<ByteRange>.stride + rewritten.allocated
    }

    /// Reads on in the request that begins at `start`. After any outcome but `incomplete`, and after an error,
    /// the next call begins a new request.
    public mutating func parse(
        _ bytes: Span<UInt8>, from start: Int, limits: RequestLimits
    ) throws(ProtocolError) -> Outcome {
        do {
            return try parseOn(bytes, from: start, limits: limits)
        } catch {
            reset()
            throw error
        }
    }

    private mutating func parseOn(
        _ bytes: Span<UInt8>, from start: Int, limits: RequestLimits
    ) throws(ProtocolError) -> Outcome {
        var left: Int
        if let begun = argumentsLeft {
            left = begun
        } else {
            guard start < bytes.count else { return .incomplete }
            ranges.removeAll(keepingCapacity: true)
            isInline = bytes[start] != UInt8(ascii: "*")
            if isInline { return try parseInline(bytes, from: start) }
            guard
                let line = try headerLine(in: bytes, from: start, tooLong: .tooBigMultibulkCount)
            else { return .incomplete }
            guard let count = line.number, count <= RequestLimits.arguments else {
                throw .invalidMultibulkLength
            }
            if count > RequestLimits.unauthenticatedArguments, !limits.isAuthenticated {
                throw .unauthenticatedMultibulkLength
            }
            position = line.end - start
            left = count
        }

        while left > 0 {
            let length: Int
            if let known = bulkLength {
                length = known
            } else {
                guard let line = try headerLine(in: bytes, from: start, tooLong: .tooBigBulkCount)
                else {
                    argumentsLeft = left
                    return .incomplete
                }
                let first = bytes[start + position]
                guard first == UInt8(ascii: "$") else { throw .expectedDollar(got: first) }
                guard let number = line.number, number >= 0, number <= limits.bulkLength else {
                    throw .invalidBulkLength
                }
                if number > RequestLimits.unauthenticatedBulkLength, !limits.isAuthenticated {
                    throw .unauthenticatedBulkLength
                }
                length = number
                position = line.end - start
            }
            guard bytes.count - start - position >= length + 2 else {
                argumentsLeft = left
                bulkLength = length
                return .incomplete
            }
            bulkLength = nil
            ranges.append(ByteRange(position, position + length))
            position += length + 2
            left -= 1
        }
        return finish(at: start + position)
    }

    /// The request just read, in the bytes from its start to its end.
    @_lifetime(borrow self, copy bytes)
    public borrowing func request(in bytes: Span<UInt8>) -> Request {
        let source = isInline ? rewritten.bytes : bytes
        return Request(bytes: source, ranges: ranges.span)
    }

    /// Forgets a request that was begun.
    public mutating func reset() {
        position = 0
        searched = 0
        argumentsLeft = nil
        bulkLength = nil
    }

    private mutating func finish(at end: Int) -> Outcome {
        reset()
        return .request(end: end)
    }

    private struct HeaderLine {
        let number: Int?
        /// Behind the line's end.
        let end: Int
    }

    /// The line at `position`, whose first byte the caller judges; nil when its end has not arrived. As in
    /// redis-server the byte behind the carriage return is taken for a line feed unseen.
    private mutating func headerLine(
        in bytes: Span<UInt8>, from start: Int, tooLong: ProtocolError
    ) throws(ProtocolError) -> HeaderLine? {
        let begin = start + position
        var index = max(begin, start + searched)
        while index < bytes.count, bytes[index] != UInt8(ascii: "\r") { index += 1 }
        guard index < bytes.count else {
            searched = index - start
            if bytes.count - begin > RequestLimits.lineLength { throw tooLong }
            return nil
        }
        guard index + 1 < bytes.count else {
            searched = index - start
            return nil
        }
        let digits = bytes.extracting(min(begin + 1, index)..<index)
        return HeaderLine(number: Decimal.integer(digits), end: index + 2)
    }

    private mutating func parseInline(
        _ bytes: Span<UInt8>, from start: Int
    ) throws(ProtocolError) -> Outcome {
        var index = start + searched
        while index < bytes.count, bytes[index] != UInt8(ascii: "\n") { index += 1 }
        guard index < bytes.count else {
            searched = index - start
            if searched > RequestLimits.lineLength { throw .tooBigInlineRequest }
            return .incomplete
        }
        let hasReturn = index > start && bytes[index - 1] == UInt8(ascii: "\r")
        let line = bytes.extracting(start..<(hasReturn ? index - 1 : index))
        guard InlineRequest.rewrite(line, to: &rewritten, ranges: &ranges) else {
            throw .unbalancedQuotes
        }
        return finish(at: index + 1)
    }
}

/// A request that has begun to arrive and is not all there, with what has been read of it. A connection at rest
/// has none.
public final class UnfinishedRequest {
    public var bytes = ByteBuffer()
    public var parser = RequestParser()

    public init() {}
}
