// Puts a server's tag into the cursor of its reply while the reply passes through.

import RESP

/// Rewrites one reply of SCAN, HSCAN, SSCAN or ZSCAN, fed in any pieces: `*2`, the cursor as a bulk, and whatever comes
/// behind. Errors and replies of any other shape pass as they are.
///
///     matching ──▶ passing     the cursor is replaced, or it is another shape
///         │
///         └──────▶ dropping    the cursor is too large: an error in place of the whole reply
///
/// What may still be the front of such a reply is held back, 31 bytes at most. No reply ends within it.
struct CursorRewriter: Sendable {
    private enum State: UInt8 {
        case matching
        case passing
        case dropping
    }

    /// `*2`, a header of two digits, and the longest cursor, each with its line end.
    private static let longestFront = 9 + ClientCursor.longest + 2

    private let tag: CursorTag
    private var state = State.matching
    private var front = InlineArray<31, UInt8>(repeating: 0)
    private var count = 0

    init(tag: CursorTag) {
        self.tag = tag
    }

    /// Bytes that are held back.
    var held: Int { state == .matching ? count : 0 }

    /// Takes the next bytes of the reply, and appends what becomes of them.
    mutating func rewrite(_ bytes: Span<UInt8>, to output: inout OutputQueue) {
        var index = 0
        while state == .matching, index < bytes.count {
            front[count] = bytes[index]
            count += 1
            index += 1
            match(to: &output)
        }
        if state == .passing { output.append(bytes.extracting(index..<bytes.count)) }
    }

    private mutating func match(to output: inout OutputQueue) {
        switch Front(front.span.extracting(0..<count)) {
        case .incomplete:
            precondition(count < CursorRewriter.longestFront, "a front that has no end")
        case .other:
            output.append(front.span.extracting(0..<count))
            state = .passing
        case .cursor(let cursor):
            guard let tagged = cursor.flatMap({ tag.tagging($0) }) else {
                output.appendError("ERR the server's cursor is too large to go through the proxy")
                state = .dropping
                return
            }
            output.append("*2\r\n")
            output.appendBulk(Int(tagged))
            state = .passing
        }
    }

    /// What the bytes of a reply so far are. Those of a header and a body are looked at when both are there: line ends
    /// are the scanner's concern.
    private enum Front {
        case incomplete
        case other
        /// The last byte of the cursor's bulk is there; nil for one beyond 64 bits.
        case cursor(UInt64?)

        init(_ bytes: Span<UInt8>) {
            self = .other
            let array: InlineArray<5, UInt8> = [0x2A, 0x32, 0x0D, 0x0A, 0x24]  // *2 and $
            for index in 0..<min(bytes.count, array.count) where bytes[index] != array[index] {
                return
            }
            var place = array.count
            while place < min(bytes.count, array.count + 2), Front.isDigit(bytes[place]) {
                place += 1
            }
            guard place < bytes.count else {
                self = .incomplete
                return
            }
            let digits = bytes.extracting(array.count..<place)
            guard bytes[place] == 0x0D, let length = Decimal.integer(digits),
                1...ClientCursor.longest ~= length
            else { return }
            let start = place + 2
            guard bytes.count == start + length + 2 else {
                self = .incomplete
                return
            }
            let text = bytes.extracting(start..<start + length)
            for index in text.indices where !Front.isDigit(text[index]) { return }
            self = .cursor(ClientCursor.number(text))
        }

        private static func isDigit(_ byte: UInt8) -> Bool {
            byte >= UInt8(ascii: "0") && byte <= UInt8(ascii: "9")
        }
    }
}
