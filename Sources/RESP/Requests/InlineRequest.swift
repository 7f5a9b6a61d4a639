// Requests as people type them into telnet: words on a line, with the quoting that redis-cli knows.

enum InlineRequest {
    /// Splits a line into words, whose bytes and ranges are appended. False when a quote is not closed, or closed in
    /// the middle of a word.
    static func split(
        _ line: Span<UInt8>, into words: inout ByteBuffer, ranges: inout [ByteRange]
    ) -> Bool {
        var index = 0
        while true {
            while index < line.count, isSpace(line[index]) { index += 1 }
            guard index < line.count else { return true }
            let start = words.count
            guard let next = copyWord(in: line, from: index, to: &words) else { return false }
            index = next
            ranges.append(ByteRange(start, words.count))
        }
    }

    static func write(
        _ words: borrowing ByteBuffer, ranges: inout [ByteRange], to output: inout ByteBuffer
    ) {
        write(words.bytes, ranges: &ranges, to: &output)
    }

    /// Writes the arguments at `ranges` as a multibulk request, and makes them the ranges within it.
    static func write(
        _ source: Span<UInt8>, ranges: inout [ByteRange], to output: inout ByteBuffer
    ) {
        output.removeAll()
        output.append(UInt8(ascii: "*"))
        Decimal.append(ranges.count, to: &output)
        appendLineEnd(to: &output)
        for index in ranges.indices {
            let range = ranges[index]
            output.append(UInt8(ascii: "$"))
            Decimal.append(range.count, to: &output)
            appendLineEnd(to: &output)
            ranges[index] = ByteRange(output.count, output.count + range.count)
            output.append(source.extracting(Int(range.start)..<Int(range.end)))
            appendLineEnd(to: &output)
        }
    }

    /// Copies one word without its quotes and escapes; returns the place behind it, or nil if it is malformed.
    private static func copyWord(
        in line: Span<UInt8>, from start: Int, to words: inout ByteBuffer
    ) -> Int? {
        var index = start
        while index < line.count, !endsWord(line[index]) {
            switch line[index] {
            case UInt8(ascii: "\""):
                guard let next = copyDoubleQuoted(in: line, from: index + 1, to: &words) else {
                    return nil
                }
                return next
            case UInt8(ascii: "'"):
                guard let next = copySingleQuoted(in: line, from: index + 1, to: &words) else {
                    return nil
                }
                return next
            case let byte:
                words.append(byte)
                index += 1
            }
        }
        return index
    }

    /// Up to the closing quote, behind which the word must end.
    private static func copyDoubleQuoted(
        in line: Span<UInt8>, from start: Int, to words: inout ByteBuffer
    ) -> Int? {
        var index = start
        while index < line.count {
            let byte = line[index]
            if byte == UInt8(ascii: "\"") { return wordEnd(in: line, at: index + 1) }
            guard byte == UInt8(ascii: "\\"), index + 1 < line.count else {
                words.append(byte)
                index += 1
                continue
            }
            let escaped = line[index + 1]
            if escaped == UInt8(ascii: "x"), index + 3 < line.count,
                let high = hexadecimal(line[index + 2]), let low = hexadecimal(line[index + 3])
            {
                words.append(high << 4 | low)
                index += 4
                continue
            }
            switch escaped {
            case UInt8(ascii: "n"): words.append(0x0A)
            case UInt8(ascii: "r"): words.append(0x0D)
            case UInt8(ascii: "t"): words.append(0x09)
            case UInt8(ascii: "b"): words.append(0x08)
            case UInt8(ascii: "a"): words.append(0x07)
            default: words.append(escaped)
            }
            index += 2
        }
        return nil
    }

    /// Only `\'` is an escape here.
    private static func copySingleQuoted(
        in line: Span<UInt8>, from start: Int, to words: inout ByteBuffer
    ) -> Int? {
        var index = start
        while index < line.count {
            let byte = line[index]
            if byte == UInt8(ascii: "'") { return wordEnd(in: line, at: index + 1) }
            if byte == UInt8(ascii: "\\"), index + 1 < line.count,
                line[index + 1] == UInt8(ascii: "'")
            {
                words.append(UInt8(ascii: "'"))
                index += 2
            } else {
                words.append(byte)
                index += 1
            }
        }
        return nil
    }

    private static func wordEnd(in line: Span<UInt8>, at index: Int) -> Int? {
        index == line.count || isSpace(line[index]) ? index : nil
    }

    /// An unquoted word goes on over a vertical tab or a form feed, though blanks between words may be such.
    private static func endsWord(_ byte: UInt8) -> Bool {
        byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09
    }

    private static func isSpace(_ byte: UInt8) -> Bool {
        byte == 0x20 || (byte >= 0x09 && byte <= 0x0D)
    }

    private static func hexadecimal(_ byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
        default: nil
        }
    }

    private static func appendLineEnd(to output: inout ByteBuffer) {
        output.append(UInt8(ascii: "\r"))
        output.append(UInt8(ascii: "\n"))
    }
}
