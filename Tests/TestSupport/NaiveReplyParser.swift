// A slow parser of replies, written from the protocol's description alone: the one that the fast ones are held
// against. It looks at the whole input every time and builds as it goes.

import RESP

public struct NaiveReplyParser {
    public enum Result: Equatable {
        case reply(Reply, end: Int)
        case incomplete
        case malformed
    }

    private struct Incomplete: Error {}
    private struct Malformed: Error {}

    private let input: [UInt8]
    private var place = 0
    /// A value was not what its type allows. Said only when the reply has ended, as framing goes on undisturbed.
    private var isInvalid = false

    /// What the bytes begin with.
    public static func parse(_ input: [UInt8]) -> Result {
        var parser = NaiveReplyParser(input: input)
        do {
            let reply = try parser.reply(depth: 0)
            return parser.isInvalid ? .malformed : .reply(reply, end: parser.place)
        } catch {
            return error is Incomplete ? .incomplete : .malformed
        }
    }

    private init(input: [UInt8]) {
        self.input = input
    }

    private mutating func take(_ count: Int) throws -> [UInt8] {
        guard input.count - place >= count else { throw Incomplete() }
        defer { place += count }
        return Array(input[place..<place + count])
    }

    private mutating func line() throws -> String {
        var line: [UInt8] = []
        while true {
            line += try take(1)
            if line.suffix(2) == [13, 10] {
                // Latin-1, so that every byte is one character and none is lost.
                return String(String.UnicodeScalarView(line.dropLast(2).map { Unicode.Scalar($0) }))
            }
        }
    }

    /// The number of a header. Its characters are judged as they come, like any byte that is already wrong.
    private mutating func count(orNull: Bool) throws -> Int? {
        var text = ""
        while true {
            let byte = try take(1)[0]
            if byte == 13, Int(text) != nil { break }
            guard byte == 45 || (48...57).contains(byte) else { throw Malformed() }
            text.unicodeScalars.append(Unicode.Scalar(byte))
            if text == "-" { continue }
            guard let number = Int(text), String(number) == text else { throw Malformed() }
        }
        guard try take(1) == [10] else { throw Malformed() }
        guard let number = Int(text) else { throw Malformed() }
        if number == -1, orNull { return nil }
        guard number >= 0 else { throw Malformed() }
        return number
    }

    /// How many elements an aggregate has; no one sends more than a client library reads.
    private mutating func size(orNull: Bool = false) throws -> Int? {
        guard let size = try count(orNull: orNull) else { return nil }
        guard size <= 4_294_967_295 else { throw Malformed() }
        return size
    }

    private mutating func body(_ count: Int) throws -> [UInt8] {
        guard count <= Int.max - 2 else { throw Malformed() }
        let body = try take(count)
        guard try take(1) == [13], try take(1) == [10] else { throw Malformed() }
        return body
    }

    private mutating func elements(_ count: Int, _ depth: Int) throws -> [Reply] {
        // Not reserved: a header may announce anything.
        var elements: [Reply] = []
        while elements.count < count { elements.append(try reply(depth: depth + 1)) }
        return elements
    }

    private mutating func pairs(_ depth: Int) throws -> [Reply.Pair] {
        let flat = try elements(try size()! * 2, depth)
        return stride(from: 0, to: flat.count, by: 2).map { Reply.Pair(flat[$0], flat[$0 + 1]) }
    }

    private mutating func reply(depth: Int) throws -> Reply {
        if depth > ReplyParser.depth { isInvalid = true }
        switch Character(Unicode.Scalar(try take(1)[0])) {
        case "+": return .simple(Array(try line().unicodeScalars.map { UInt8($0.value) }))
        case "-": return .error(Array(try line().unicodeScalars.map { UInt8($0.value) }))
        case ":":
            let text = try line()
            let number = Int(text) ?? 0
            return .integer(checked(number, String(number) == text))
        case "$":
            guard let count = try count(orNull: true) else { return .null }
            return .bulk(try body(count))
        case "*":
            guard let count = try size(orNull: true) else { return .nullArray }
            return .array(try elements(count, depth))
        case "_":
            return checked(.null, try line().unicodeScalars.isEmpty)
        case "#":
            switch try line() {
            case "t": return .boolean(true)
            case "f": return .boolean(false)
            default: return checked(.null, false)
            }
        case ",": return .double(try double())
        case "(":
            let text = Array(try line().utf8)
            let digits = text.first == 45 ? text.dropFirst() : text[...]
            return checked(.bigNumber(text), Self.areDigits(digits) && !digits.isEmpty)
        case "!": return .blobError(try body(try count(orNull: false)!))
        case "=":
            let text = try body(try count(orNull: false)!)
            let reply = Reply.verbatim(
                format: Array(text.prefix(3)), text: Array(text.dropFirst(4)))
            return checked(reply, text.count >= 4 && text[3] == 58)
        case "~": return .set(try elements(try size()!, depth))
        case ">": return .push(try elements(try size()!, depth))
        case "%": return .map(try pairs(depth))
        case "|":
            let attributes = try pairs(depth)
            return .attributed(attributes, try reply(depth: depth + 1))
        default: throw Malformed()
        }
    }

    private mutating func double() throws -> Double {
        let text = try line()
        switch text {
        case "inf": return .infinity
        case "-inf": return -.infinity
        case "nan", "-nan": return .nan
        default:
            return checked(Double(text) ?? 0, Self.isDouble(Array(text.utf8)))
        }
    }

    private static func areDigits(_ text: ArraySlice<UInt8>) -> Bool {
        text.allSatisfy { (48...57).contains($0) }
    }

    /// `[+-] digits [. digits] [e [+-] digits]`, where digits may miss on one side of the point.
    private static func isDouble(_ text: [UInt8]) -> Bool {
        func unsigned(_ text: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
            text.first == 43 || text.first == 45 ? text.dropFirst() : text
        }
        let parts = text.split(omittingEmptySubsequences: false) { $0 == 69 || $0 == 101 }
        guard parts.count == 1 || parts.count == 2 else { return false }
        if parts.count == 2 {
            let exponent = unsigned(parts[1])
            guard areDigits(exponent), !exponent.isEmpty else { return false }
        }
        let sides = unsigned(parts[0]).split(separator: 46, omittingEmptySubsequences: false)
        return sides.count <= 2 && sides.allSatisfy(areDigits) && sides.contains { !$0.isEmpty }
    }

    private mutating func checked<Value>(_ value: Value, _ isValid: Bool) -> Value {
        if !isValid { isInvalid = true }
        return value
    }
}
