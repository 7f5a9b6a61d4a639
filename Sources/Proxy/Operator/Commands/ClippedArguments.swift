// What the slow log keeps of a request: the beginning, and no secrets.

import RESP

/// Arguments, clipped as redis-server clips them for its slow log.
enum ClippedArguments {
    static let most = 32
    static let longest = 128

    /// The beginning of an argument, and how long the whole is.
    private struct Piece {
        let start: [UInt8]
        let length: Int

        var isWhole: Bool { start.count == length }

        init(_ bytes: Span<UInt8>, of length: Int) {
            start = [UInt8](copying: bytes.extracting(0..<min(bytes.count, longest)))
            self.length = length
        }
    }

    static func make(_ request: Request) -> [[UInt8]] {
        let pieces = (0..<min(request.count, most)).map { index in
            Piece(request[index], of: request[index].count)
        }
        return clip(pieces, of: request.count)
    }

    /// From the first bytes of a request as it was sent, cut anywhere: when a reply comes late the request is long
    /// gone, and a proxy keeps no more of it than it must.
    static func make(wire: Span<UInt8>) -> [[UInt8]] {
        var place = 0
        guard let count = number(after: UInt8(ascii: "*"), in: wire, &place) else {
            return [redacted]
        }
        var pieces: [Piece] = []
        while pieces.count < min(count, most),
            let length = number(after: UInt8(ascii: "$"), in: wire, &place)
        {
            let end = min(place + length, wire.count)
            pieces.append(Piece(wire.extracting(place..<end), of: length))
            place = min(place + length + 2, wire.count)
        }
        return clip(pieces, of: count)
    }

    private static let redacted = Array("(redacted)".utf8)

    /// The number of a header line; nil, and nothing more can be read, when the line is cut or is none.
    private static func number(after kind: UInt8, in wire: Span<UInt8>, _ place: inout Int) -> Int?
    {
        guard place < wire.count, wire[place] == kind else { return nil }
        var end = place + 1
        while end < wire.count, wire[end] != UInt8(ascii: "\r") { end += 1 }
        // The line end is two bytes.
        guard end + 1 < wire.count, let number = Decimal.integer(wire.extracting(place + 1..<end)),
            number >= 0, number <= Int(Int32.max)
        else { return nil }
        place = end + 2
        return number
    }

    private static func clip(_ pieces: [Piece], of count: Int) -> [[UInt8]] {
        let open = openArguments(pieces)
        let shown = min(count, most)
        var arguments: [[UInt8]] = []
        for index in 0..<shown {
            let isLast = shown < count && index == shown - 1
            guard index < pieces.count, !isLast else {
                arguments.append(Array("... (\(count - index) more arguments)".utf8))
                break
            }
            let piece = pieces[index]
            let rest = piece.length - piece.start.count
            if index >= open {
                arguments.append(redacted)
            } else if rest > 0 {
                arguments.append(piece.start + Array("... (\(rest) more bytes)".utf8))
            } else {
                arguments.append(piece.start)
            }
        }
        return arguments
    }

    /// How many arguments may be shown. What a command with secrets was misspelt into is not: its container alone
    /// decides when there is no such subcommand, and nothing is shown of a command whose name is cut.
    private static func openArguments(_ pieces: [Piece]) -> Int {
        let words = pieces.prefix(2).prefix(while: \.isWhole)
        guard let name = words.first?.start else { return 0 }
        let bytes = words.flatMap(\.start)
        var ranges = [ByteRange(0, name.count)]
        if words.count > 1 { ranges.append(ByteRange(name.count, bytes.count)) }
        switch CommandTable.builtIn.find(Request(bytes: bytes.span, ranges: ranges.span)) {
        case .auth, .hello, .migrate, .acl, .config, .module: return 1
        case .aclSetuser, .configSet, .moduleLoad, .moduleLoadex: return 2
        case nil where name.span.equalsIgnoringCase("sentinel"): return 1
        default: return pieces.count
        }
    }
}
