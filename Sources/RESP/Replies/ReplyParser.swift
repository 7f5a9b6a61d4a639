// From bytes to `Reply` values, incremental over any split of the input: the scanner looks for the end of a reply
// while its bytes gather, and only a whole reply is built. So memory follows what has arrived, whatever a header
// announces, and nothing is read twice.

/// Parses the replies of one connection.
public struct ReplyParser: ~Copyable {
    /// How deep elements may be nested: beyond what any command answers (COMMAND DOCS nests seven levels; only a
    /// script can go further), and safe for the stack of a thread.
    public static let depth = 128
    /// What is held at most for one reply unless said otherwise: the longest bulk that redis-server allows by
    /// default, and some.
    public static let usualLimit = 513 * 1024 * 1024

    private let limit: Int
    private var bytes = ByteBuffer()
    private var scanner = ReplyScanner()
    /// How far into `bytes` the scanner has come.
    private var scanned = 0

    public init(limit: Int = ReplyParser.usualLimit) {
        self.limit = limit
    }

    /// Bytes of memory that are held.
    public var allocated: Int { bytes.allocated }

    public mutating func append(_ bytes: Span<UInt8>) {
        self.bytes.append(bytes)
    }

    /// The next whole reply; nil when more bytes are needed. After an error there is no going on.
    public mutating func next() throws(ReplyError) -> Reply? {
        // By way of a local, since the scanner and the bytes are fields of one value.
        var scanner = self.scanner
        defer { self.scanner = scanner }
        switch try scanner.scan(bytes.bytes, from: scanned) {
        case .incomplete:
            scanned = bytes.count
            if scanned > limit { throw .tooLong }
            return nil
        case .reply(let end):
            if end > limit { throw .tooLong }
            var builder = ReplyBuilder()
            let reply = try builder.build(bytes.bytes.extracting(0..<end), depth: 0)
            precondition(builder.index == end, "built \(builder.index) of \(end) bytes")
            bytes.removeFirst(end)
            scanned = 0
            // One giant reply must not hold its memory for the life of the connection.
            if bytes.isEmpty, bytes.allocated > ReplyParser.memoryKept { bytes.release() }
            return reply
        }
    }

    /// An empty buffer larger than this is given back.
    private static let memoryKept = 64 * 1024
}

/// Builds one reply whose framing the scanner has found sound.
private struct ReplyBuilder {
    var index = 0

    mutating func build(_ bytes: Span<UInt8>, depth: Int) throws(ReplyError) -> Reply {
        if depth > ReplyParser.depth { throw .tooDeep }
        guard let kind = ReplyKind(rawValue: bytes[index]) else {
            throw .unknownType(bytes[index])
        }
        index += 1
        switch kind {
        case .bulk, .blobError, .verbatim:
            return try body(bytes, kind)
        case .array:
            guard let count = length(bytes) else { return .nullArray }
            return .array(try elements(bytes, count, depth))
        case .set: return .set(try elements(bytes, length(bytes) ?? 0, depth))
        case .push: return .push(try elements(bytes, length(bytes) ?? 0, depth))
        case .map: return .map(try pairs(bytes, length(bytes) ?? 0, depth))
        case .attribute:
            let attributes = try pairs(bytes, length(bytes) ?? 0, depth)
            return .attributed(attributes, try build(bytes, depth: depth + 1))
        case .simple, .error, .integer, .null, .boolean, .double, .bigNumber:
            let start = index
            let line = bytes.extracting(start..<lineEnd(bytes))
            guard let reply = ReplyBuilder.value(kind, line) else { throw .invalidValue(kind) }
            return reply
        }
    }

    private mutating func elements(
        _ bytes: Span<UInt8>, _ count: Int, _ depth: Int
    ) throws(ReplyError) -> [Reply] {
        var elements: [Reply] = []
        elements.reserveCapacity(count)
        for _ in 0..<count { elements.append(try build(bytes, depth: depth + 1)) }
        return elements
    }

    private mutating func pairs(
        _ bytes: Span<UInt8>, _ count: Int, _ depth: Int
    ) throws(ReplyError) -> [Reply.Pair] {
        var pairs: [Reply.Pair] = []
        pairs.reserveCapacity(count)
        for _ in 0..<count {
            let key = try build(bytes, depth: depth + 1)
            pairs.append(Reply.Pair(key, try build(bytes, depth: depth + 1)))
        }
        return pairs
    }

    private mutating func body(
        _ bytes: Span<UInt8>, _ kind: ReplyKind
    ) throws(ReplyError) -> Reply {
        guard let count = length(bytes) else { return .null }
        let text = ReplyBuilder.copy(bytes.extracting(index..<index + count))
        index += count + 2
        switch kind {
        case .blobError: return .blobError(text)
        case .verbatim:
            guard count >= 4, text[3] == UInt8(ascii: ":") else { throw .invalidValue(kind) }
            return .verbatim(format: Array(text[..<3]), text: Array(text[4...]))
        default: return .bulk(text)
        }
    }

    /// The number of a header; nil for -1.
    private mutating func length(_ bytes: Span<UInt8>) -> Int? {
        let start = index
        let number = Decimal.integer(bytes.extracting(start..<lineEnd(bytes)))
        precondition(number != nil, "the scanner let a length pass that is none")
        return number == -1 ? nil : number
    }

    /// Where the line at hand ends; the index moves behind it.
    private mutating func lineEnd(_ bytes: Span<UInt8>) -> Int {
        while bytes[index] != 0x0D || bytes[index + 1] != 0x0A { index += 1 }
        index += 2
        return index - 2
    }

    /// The value that a line spells; nil when its type does not allow it.
    private static func value(_ kind: ReplyKind, _ line: Span<UInt8>) -> Reply? {
        switch kind {
        case .simple: return .simple(copy(line))
        case .error: return .error(copy(line))
        case .integer: return Decimal.integer(line).map { .integer($0) }
        case .null: return line.isEmpty ? .null : nil
        case .double: return number(copy(line)).map { .double($0) }
        case .bigNumber:
            let first = line.count > 1 && line[0] == UInt8(ascii: "-") ? 1 : 0
            guard first < line.count else { return nil }
            for index in first..<line.count where line[index] &- 0x30 > 9 { return nil }
            return .bigNumber(copy(line))
        case .boolean:
            guard line.count == 1 else { return nil }
            switch line[0] {
            case UInt8(ascii: "t"): return .boolean(true)
            case UInt8(ascii: "f"): return .boolean(false)
            default: return nil
            }
        case .bulk, .blobError, .verbatim, .array, .map, .set, .attribute, .push: return nil
        }
    }

    /// A double as RESP3 spells one. (`Double` alone would take hexadecimal numbers and `infinity` too.)
    private static func number(_ line: [UInt8]) -> Double? {
        let text = String(decoding: line, as: UTF8.self)
        switch text {
        case "inf": return .infinity
        case "-inf": return -.infinity
        // redis-server before 7.2 prints a NaN with the sign that its bits have.
        case "nan", "-nan": return .nan
        default:
            let isPlain = line.allSatisfy { $0 &- 0x30 <= 9 || ".eE+-".utf8.contains($0) }
            return isPlain ? Double(text) : nil
        }
    }

    private static func copy(_ bytes: Span<UInt8>) -> [UInt8] {
        unsafe bytes.withUnsafeBufferPointer { unsafe Array($0) }
    }
}
