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
    /// All of one request, announced bulks too: what `client-query-buffer-limit` is for. Beyond four gigabytes it
    /// has no effect, since ranges are kept in 32 bits.
    public var requestLength = 1024 * 1024 * 1024
    /// A request that turns out to be longer than this, before it has arrived, is offered in parts. Nil: all are
    /// gathered.
    public var streamAbove: Int?
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
        /// A part of a request ends before the byte at `end`. It is taken by `accept`; otherwise the next call offers
        /// it again, longer or whole if more has arrived. A head can also be declined for good by `gather`.
        case part(Request.Part, end: Int)
    }

    /// Memory for more arguments than these goes back when the next request begins, lest one giant request be
    /// remembered for ever.
    public static let argumentsKept = 4 * 1024
    /// The same for the bytes of requests that had to be rewritten.
    public static let bytesKept = 64 * 1024

    /// The arguments, and behind them room for more: storing into it is quicker than appending to it.
    private var ranges: [ByteRange] = []
    private var argumentCount = 0
    /// A request that could not be handed on as it came, rewritten.
    private var rewritten = ByteBuffer()
    /// The words of an inline request: never more than its line.
    private var words = ByteBuffer()
    private var isRewritten = false
    /// A line end of the request is not one: redis-server takes any two bytes for it.
    private var isSloppy = false
    /// Where parsing goes on, counted from the start of the request.
    private var position = 0
    /// No line end stands before this place.
    private var searched = 0
    /// Arguments that are still to come; nil before the request's first line is read.
    private var argumentsLeft: Int?
    /// The length of the bulk at `position`, once its header is read.
    private var bulkLength: Int?
    /// The request at hand is not to be offered in parts.
    private var isGathered = false
    /// What has been read of a request whose head was accepted; `argumentsLeft` only says then that it is begun.
    private var stream: Stream?
    /// What `stream` becomes when the part just read is accepted.
    private var streamAfterPart: Stream?

    /// A request that is handed over in parts: what is known where the next part begins.
    private struct Stream {
        /// Arguments that are not complete.
        var argumentsLeft: Int
        /// Bytes of the argument at hand that are still to come, its line end not counted; nil when a header is next.
        var bodyLeft: Int?
        /// Bytes of the request in the parts so far.
        var handedOver: Int
        var searched: Int
    }

    public init() {}

    /// True when no request has been begun.
    public var isAtStart: Bool { position == 0 && searched == 0 && !isStreaming }

    /// True between the head and the tail of a request that is handed over in parts.
    public var isStreaming: Bool { stream != nil }

    /// Bytes that the parser itself holds.
    public var allocated: Int {
        ranges.capacity * MemoryLayout<ByteRange>.stride + rewritten.allocated + words.allocated
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

    /// The part of a request just read is the caller's. The next call to `parse` begins behind it.
    public mutating func accept() {
        guard let next = streamAfterPart else { preconditionFailure("no part to accept") }
        if next.argumentsLeft == 0 { return reset() }
        stream = next
        streamAfterPart = nil
        position = 0
        argumentCount = 0
        if ranges.count > RequestParser.argumentsKept { ranges = [] }
    }

    /// The request whose head was just read is to be offered again when it is whole.
    public mutating func gather() {
        precondition(!isStreaming, "only a head can be declined")
        streamAfterPart = nil
        isGathered = true
    }

    /// The part just read, in the bytes from its start to its end.
    @_lifetime(borrow self, copy bytes)
    public borrowing func request(_ part: Request.Part, in bytes: Span<UInt8>) -> Request {
        let source = isRewritten ? rewritten.bytes : bytes
        return Request(
            part, bytes: source, ranges: ranges.span.extracting(0..<argumentCount),
            announced: part == .head ? argumentCount + (argumentsLeft ?? 0) : 0)
    }

    /// The request just read, in the bytes from its start to its end.
    @_lifetime(borrow self, copy bytes)
    public borrowing func request(in bytes: Span<UInt8>) -> Request {
        let source = isRewritten ? rewritten.bytes : bytes
        return Request(bytes: source, ranges: ranges.span.extracting(0..<argumentCount))
    }

    /// Forgets a request that was begun.
    public mutating func reset() {
        finish()
        stream = nil
        streamAfterPart = nil
    }

    private mutating func finish() {
        position = 0
        searched = 0
        argumentsLeft = nil
        bulkLength = nil
    }

    private mutating func parseOn(
        _ bytes: Span<UInt8>, from start: Int, limits: RequestLimits
    ) throws(ProtocolError) -> Outcome {
        let left: Int
        if let begun = argumentsLeft {
            if isStreaming { return try readPart(bytes, from: start, limits: limits) }
            left = begun
        } else {
            guard start < bytes.count else { return .incomplete }
            begin()
            guard bytes[start] == UInt8(ascii: "*") else {
                return try parseInline(bytes, from: start)
            }
            guard let count = try readCount(bytes, from: start, limits: limits) else {
                return .incomplete
            }
            left = count
        }
        return try readArguments(left, bytes, from: start, limits: limits)
    }

    private mutating func begin() {
        isRewritten = false
        isSloppy = false
        isGathered = false
        argumentCount = 0
        if ranges.count > RequestParser.argumentsKept { ranges = [] }
        if rewritten.allocated > RequestParser.bytesKept { rewritten.release() }
    }

    /// The number of arguments, from the first line.
    private mutating func readCount(
        _ bytes: Span<UInt8>, from start: Int, limits: RequestLimits
    ) throws(ProtocolError) -> Int? {
        let star = UInt8(ascii: "*")
        if let header = RequestParser.shortHeader(star, in: bytes, at: start), header.number <= 10 {
            position = header.end - start
            return header.number
        }
        guard let line = try headerLine(in: bytes, from: start, tooLong: .tooBigMultibulkCount)
        else { return nil }
        guard let count = line.number, count <= RequestLimits.arguments else {
            throw .invalidMultibulkLength
        }
        if count > RequestLimits.unauthenticatedArguments, !limits.isAuthenticated {
            throw .unauthenticatedMultibulkLength
        }
        position = line.end - start
        return count
    }

    private mutating func readArguments(
        _ count: Int, _ bytes: Span<UInt8>, from start: Int, limits: RequestLimits
    ) throws(ProtocolError) -> Outcome {
        var left = bulkLength == nil ? readWhole(count, bytes, from: start, limits: limits) : count
        while left > 0 {
            let length: Int
            if let known = bulkLength {
                length = known
                bulkLength = nil
            } else if let read = try readLength(bytes, from: start, limits: limits) {
                length = read
            } else {
                argumentsLeft = left
                return offerHead(bytes, from: start, limits: limits)
            }
            let end = position + length
            guard bytes.count - start - end >= 2 else {
                argumentsLeft = left
                bulkLength = length
                return offerHead(bytes, from: start, limits: limits)
            }
            if bytes[start + end] != 0x0D || bytes[start + end + 1] != 0x0A { isSloppy = true }
            append(ByteRange(position, end))
            position = end + 2
            left -= 1
            // Whatever held up the short way need not come again.
            left = readWhole(left, bytes, from: start, limits: limits)
        }
        let end = start + position
        if isSloppy { tidy(bytes, from: start) }
        finish()
        return .request(end: end)
    }

    /// The short way: arguments as clients send them, that are all there, in a loop that keeps everything in
    /// registers. Returns how many are left when one comes that is different.
    private mutating func readWhole(
        _ count: Int, _ bytes: Span<UInt8>, from start: Int, limits: RequestLimits
    ) -> Int {
        let dollar = UInt8(ascii: "$")
        let longest =
            limits.isAuthenticated
            ? limits.bulkLength : min(limits.bulkLength, RequestLimits.unauthenticatedBulkLength)
        let last = min(bytes.count, start + min(limits.requestLength, Int(UInt32.max))) - 2
        var left = count
        var place = start + position
        var used = argumentCount
        var ranges = self.ranges.mutableSpan
        while left > 0, used < ranges.count {
            guard let header = RequestParser.shortHeader(dollar, in: bytes, at: place),
                header.number <= longest
            else { break }
            let end = header.end + header.number
            guard end <= last, bytes[end] == 0x0D, bytes[end + 1] == 0x0A else { break }
            ranges[used] = ByteRange(header.end - start, end - start)
            used += 1
            place = end + 2
            left -= 1
        }
        argumentCount = used
        position = place - start
        return left
    }

    private mutating func append(_ range: ByteRange) {
        if argumentCount == ranges.count {
            let more = max(ranges.count, 16)
            ranges.append(contentsOf: repeatElement(ByteRange(0, 0), count: more))
        }
        ranges[argumentCount] = range
        argumentCount += 1
    }

    /// The length of the bulk whose header is at `position`.
    private mutating func readLength(
        _ bytes: Span<UInt8>, from start: Int, limits: RequestLimits
    ) throws(ProtocolError) -> Int? {
        let dollar = UInt8(ascii: "$")
        let place = start + position
        let header: (number: Int?, end: Int)
        if let short = RequestParser.shortHeader(dollar, in: bytes, at: place) {
            header = (short.number, short.end)
        } else {
            guard let line = try headerLine(in: bytes, from: start, tooLong: .tooBigBulkCount)
            else { return nil }
            guard bytes[place] == dollar else { throw .expectedDollar(got: bytes[place]) }
            header = (line.number, line.end)
        }
        guard let number = header.number, number >= 0, number <= limits.bulkLength else {
            throw .invalidBulkLength
        }
        if number > RequestLimits.unauthenticatedBulkLength, !limits.isAuthenticated {
            throw .unauthenticatedBulkLength
        }
        position = header.end - start
        let most = min(limits.requestLength, Int(UInt32.max)) - (stream?.handedOver ?? 0)
        guard position + 2 <= most, number <= most - position - 2 else { throw .tooBigRequest }
        return number
    }

    private struct HeaderLine {
        let number: Int?
        /// Behind the line's end.
        let end: Int
    }

    private struct ShortHeader {
        let number: Int
        /// Behind the line's end.
        let end: Int
    }

    /// A header as clients send it, of at most nine digits and all there. What is different in any way is left to
    /// `headerLine`. (Reading the digits once instead of looking for the line's end first halved the time of a
    /// small request.)
    @inline(__always)
    private static func shortHeader(
        _ type: UInt8, in bytes: Span<UInt8>, at start: Int
    ) -> ShortHeader? {
        guard bytes.count - start >= 4, bytes[start] == type else { return nil }
        var number = Int(bytes[start + 1] &- 0x30)
        guard number <= 9 else { return nil }
        var index = start + 2
        while number > 0, index < bytes.count, index < start + 10 {
            let digit = bytes[index] &- 0x30
            guard digit <= 9 else { break }
            number = number &* 10 &+ Int(digit)
            index += 1
        }
        guard index + 1 < bytes.count, bytes[index] == 0x0D, bytes[index + 1] == 0x0A else {
            return nil
        }
        return ShortHeader(number: number, end: index + 2)
    }

    /// The line at `position`, whose first byte the caller judges; nil when its end has not arrived. As in
    /// redis-server the byte behind the carriage return is taken for a line feed unseen.
    private mutating func headerLine(
        in bytes: Span<UInt8>, from start: Int, tooLong: ProtocolError
    ) throws(ProtocolError) -> HeaderLine? {
        let begin = start + position
        var index = max(begin, start + searched)
        while index < bytes.count, bytes[index] != 0x0D { index += 1 }
        if index - begin > RequestLimits.lineLength { throw tooLong }
        guard index + 1 < bytes.count else {
            searched = index - start
            return nil
        }
        if bytes[index + 1] != 0x0A { isSloppy = true }
        let digits = bytes.extracting(min(begin + 1, index)..<index)
        return HeaderLine(number: Decimal.integer(digits), end: index + 2)
    }

    /// The shortest argument: `$0` and two line ends.
    private static let shortestArgument = 6

    /// The request is not all there. Offers what is, if it is known to become too long to be gathered; a header that is
    /// not all there stays behind.
    @inline(never)
    private mutating func offerHead(
        _ bytes: Span<UInt8>, from start: Int, limits: RequestLimits
    ) -> Outcome {
        guard let longest = limits.streamAbove, !isGathered, argumentCount > 0,
            let left = argumentsLeft
        else { return .incomplete }
        let unknown = bulkLength == nil ? left : left - 1
        let atHand = bulkLength.map { $0 + 2 } ?? 0
        guard position + atHand + unknown * RequestParser.shortestArgument > longest else {
            return .incomplete
        }
        let body = min(bulkLength ?? 0, bytes.count - start - position)
        let length = position + body
        if isSloppy {
            tidyHead(bytes.extracting(start..<start + length), announced: argumentCount + left)
        }
        streamAfterPart = Stream(
            argumentsLeft: left, bodyLeft: bulkLength.map { $0 - body }, handedOver: length,
            searched: max(0, searched - length))
        return .part(.head, end: start + length)
    }

    /// Reads on in a request that is handed over in parts: a part is all that has arrived, but for a line end or header
    /// that is not all there.
    private mutating func readPart(
        _ bytes: Span<UInt8>, from start: Int, limits: RequestLimits
    ) throws(ProtocolError) -> Outcome {
        guard var next = stream else { preconditionFailure("no head was accepted") }
        beginRewriting()
        searched = next.searched
        var place = start
        var tidied = start
        while next.argumentsLeft > 0 {
            if let left = next.bodyLeft {
                let here = min(left, bytes.count - place)
                place += here
                next.bodyLeft = left - here
                guard here == left, bytes.count - place >= 2 else { break }
                if bytes[place] != 0x0D || bytes[place + 1] != 0x0A {
                    tidyLineEnd(at: place, of: bytes, after: &tidied)
                }
                place += 2
                next.bodyLeft = nil
                next.argumentsLeft -= 1
            } else {
                position = place - start
                isSloppy = false
                guard let length = try readLength(bytes, from: start, limits: limits) else { break }
                place = start + position
                if isSloppy { tidyLineEnd(at: place - 2, of: bytes, after: &tidied) }
                next.bodyLeft = length
            }
        }
        position = 0
        guard place > start else {
            stream?.searched = searched
            return .incomplete
        }
        if tidied > start { rewritten.append(bytes.extracting(tidied..<place)) }
        next.handedOver += place - start
        next.searched = max(0, searched - (place - start))
        streamAfterPart = next
        return .part(next.argumentsLeft == 0 ? .tail : .middle, end: place)
    }

    private mutating func beginRewriting() {
        rewritten.removeAll()
        isRewritten = false
    }

    /// Rewrites what stands before `place`, and a line end in place of the two bytes there. A request does not change
    /// its length by this, so that places in it stay what they are.
    private mutating func tidyLineEnd(
        at place: Int, of bytes: Span<UInt8>, after tidied: inout Int
    ) {
        rewritten.append(bytes.extracting(tidied..<place))
        rewritten.append(0x0D)
        rewritten.append(0x0A)
        tidied = place + 2
        isRewritten = true
    }

    /// Rewrites a head whose line ends are something else.
    private mutating func tidyHead(_ head: Span<UInt8>, announced: Int) {
        beginRewriting()
        var tidied = 0
        let firstLine = 1 + Decimal.digits(of: UInt(announced))
        tidyLineEnd(at: firstLine, of: head, after: &tidied)
        for index in 0..<argumentCount {
            let range = ranges[index]
            tidyLineEnd(at: Int(range.start) - 2, of: head, after: &tidied)
            tidyLineEnd(at: Int(range.end), of: head, after: &tidied)
        }
        if bulkLength != nil { tidyLineEnd(at: position - 2, of: head, after: &tidied) }
        rewritten.append(head.extracting(tidied..<head.count))
    }

    private mutating func parseInline(
        _ bytes: Span<UInt8>, from start: Int
    ) throws(ProtocolError) -> Outcome {
        var index = start + searched
        while index < bytes.count, bytes[index] != 0x0A { index += 1 }
        if index - start > RequestLimits.lineLength { throw .tooBigInlineRequest }
        guard index < bytes.count else {
            searched = index - start
            return .incomplete
        }
        let hasReturn = index > start && bytes[index - 1] == 0x0D
        let line = bytes.extracting(start..<(hasReturn ? index - 1 : index))
        words.removeAll()
        ranges.removeAll(keepingCapacity: true)
        guard InlineRequest.split(line, into: &words, ranges: &ranges) else {
            throw .unbalancedQuotes
        }
        argumentCount = ranges.count
        InlineRequest.write(words, ranges: &ranges, to: &rewritten)
        isRewritten = true
        finish()
        return .request(end: index + 1)
    }

    /// Rewrites a request whose line ends are something else: what another server makes of those is not known, and
    /// it may be sent there over a connection that others share.
    private mutating func tidy(_ bytes: Span<UInt8>, from start: Int) {
        let request = bytes.extracting(start..<start + position)
        ranges.removeLast(ranges.count - argumentCount)
        InlineRequest.write(request, ranges: &ranges, to: &rewritten)
        isRewritten = true
    }
}

/// A request that has begun to arrive and is not all there, with what has been read of it. A connection at rest
/// has none.
public final class UnfinishedRequest {
    /// Who may touch it. Two sessions with one of these would read each other's requests.
    enum Use {
        case kept
        case read
        case spare
    }

    public var bytes = ByteBuffer()
    public var parser = RequestParser()
    var use = Use.kept

    public init() {}
}
