// A slow reader of requests, written after redis-server's behaviour alone: the one that the fast one is held
// against. It looks at the whole input and copies everything.

import RESP

public struct NaiveRequestParser {
    private struct Incomplete: Error {}

    private let input: [UInt8]
    private let limits: RequestLimits
    private var place = 0

    /// All requests in the input, without the empty ones, and what is wrong behind them.
    public static func parse(
        _ input: [UInt8], limits: RequestLimits = RequestLimits()
    ) -> (requests: [[[UInt8]]], error: ProtocolError?) {
        var parser = NaiveRequestParser(input: input, limits: limits)
        var requests: [[[UInt8]]] = []
        do {
            while true {
                let request = try parser.request()
                if !request.isEmpty { requests.append(request) }
            }
        } catch let error as ProtocolError {
            return (requests, error)
        } catch {
            return (requests, nil)
        }
    }

    private init(input: [UInt8], limits: RequestLimits) {
        self.input = input
        self.limits = limits
    }

    private mutating func request() throws -> [[UInt8]] {
        guard place < input.count else { throw Incomplete() }
        if input[place] != 42 {
            let end = try find(10, orThrow: .tooBigInlineRequest)
            var line = Array(input[place..<end])
            if line.last == 13 { line.removeLast() }
            place = end + 1
            guard let words = Self.words(line) else { throw ProtocolError.unbalancedQuotes }
            return words
        }
        let start = place
        let (_, number) = try header(.tooBigMultibulkCount)
        guard let number, number <= 2_147_483_647 else {
            throw ProtocolError.invalidMultibulkLength
        }
        if number > 10, !limits.isAuthenticated {
            throw ProtocolError.unauthenticatedMultibulkLength
        }
        var arguments: [[UInt8]] = []
        while arguments.count < number {
            let (type, length) = try header(.tooBigBulkCount)
            guard type == 36 else { throw ProtocolError.expectedDollar(got: type) }
            guard let length, length >= 0, length <= limits.bulkLength else {
                throw ProtocolError.invalidBulkLength
            }
            if length > 16_384, !limits.isAuthenticated {
                throw ProtocolError.unauthenticatedBulkLength
            }
            guard place + length + 2 - start <= limits.requestLength else {
                throw ProtocolError.tooBigRequest
            }
            guard input.count >= place + length + 2 else { throw Incomplete() }
            arguments.append(Array(input[place..<place + length]))
            place += length + 2
        }
        return arguments
    }

    private func find(_ byte: UInt8, orThrow error: ProtocolError) throws -> Int {
        let found = input[place...].firstIndex(of: byte)
        if (found ?? input.count) - place > 65_536 { throw error }
        guard let found else { throw Incomplete() }
        return found
    }

    private mutating func header(_ error: ProtocolError) throws -> (type: UInt8, number: Int?) {
        let end = try find(13, orThrow: error)
        guard end + 1 < input.count else { throw Incomplete() }
        let line = input[place..<end]
        let type = input[place]
        place = end + 2
        let text = String(decoding: line.dropFirst(), as: UTF8.self)
        guard let number = Int(text), String(number) == text else { return (type, nil) }
        return (type, number)
    }

    private static func isBlank(_ byte: UInt8) -> Bool { [32, 9, 10, 11, 12, 13].contains(byte) }

    /// The words of a line; nil when its quotes are not balanced.
    private static func words(_ line: [UInt8]) -> [[UInt8]]? {
        var words: [[UInt8]] = []
        var rest = line[...]
        while true {
            rest = rest.drop(while: isBlank)
            if rest.isEmpty { return words }
            var word: [UInt8] = []
            while let byte = rest.first, ![32, 9, 10, 13].contains(byte) {
                rest.removeFirst()
                if byte == 34 || byte == 39 {
                    guard quoted(by: byte, &rest, &word) else { return nil }
                    guard rest.isEmpty || isBlank(rest.first!) else { return nil }
                    break
                }
                word.append(byte)
            }
            words.append(word)
        }
    }

    private static func quoted(
        by quote: UInt8, _ rest: inout ArraySlice<UInt8>, _ word: inout [UInt8]
    ) -> Bool {
        let names: [UInt8: UInt8] = [110: 10, 114: 13, 116: 9, 98: 8, 97: 7]
        while let byte = rest.popFirst() {
            if byte == quote { return true }
            guard byte == 92, let next = rest.first else {
                word.append(byte)
                continue
            }
            if quote == 39 {
                word.append(next == 39 ? 39 : 92)
                if next == 39 { rest.removeFirst() }
                continue
            }
            rest.removeFirst()
            let digits = String(decoding: rest.prefix(2), as: UTF8.self)
            if next == 120, digits.utf8.count == 2, digits.allSatisfy(\.isHexDigit),
                let value = UInt8(digits, radix: 16)
            {
                word.append(value)
                rest.removeFirst(2)
            } else {
                word.append(names[next] ?? next)
            }
        }
        return false
    }
}
