// Whole numbers as text, the way the wire has them, without a String in between.

public enum Decimal {
    /// The number that these bytes spell, as strictly as redis-server reads one: an optional minus, digits, no
    /// leading zeros, nothing else, and it must fit 64 bits.
    public static func integer(_ text: Span<UInt8>) -> Int? {
        let count = text.count
        guard count > 0, count <= 20 else { return nil }
        var index = 0
        let isNegative = text[0] == UInt8(ascii: "-")
        if isNegative { index = 1 }
        guard index < count else { return nil }

        let first = text[index] &- UInt8(ascii: "0")
        if first == 0 { return count == 1 ? 0 : nil }
        guard first <= 9 else { return nil }
        var magnitude = UInt(first)
        index += 1
        while index < count {
            let digit = text[index] &- UInt8(ascii: "0")
            guard digit <= 9 else { return nil }
            let (tens, overflowed) = magnitude.multipliedReportingOverflow(by: 10)
            let (sum, carried) = tens.addingReportingOverflow(UInt(digit))
            if overflowed || carried { return nil }
            magnitude = sum
            index += 1
        }
        if isNegative {
            return magnitude <= UInt(Int.max) + 1 ? Int(truncatingIfNeeded: 0 &- magnitude) : nil
        }
        return magnitude <= UInt(Int.max) ? Int(magnitude) : nil
    }

    /// The longest text of a 64-bit number: a minus and 19 digits.
    public static let longest = 20

    /// How many digits a number has; zero has one.
    static func digits(of magnitude: UInt) -> Int {
        var count = 1
        var rest = magnitude
        while rest >= 10_000 {
            rest /= 10_000
            count += 4
        }
        if rest >= 1_000 { return count + 3 }
        if rest >= 100 { return count + 2 }
        return rest >= 10 ? count + 1 : count
    }

    /// Writes the digits into the end of `text` and returns where they begin.
    public static func write(_ number: Int, into text: inout InlineArray<20, UInt8>) -> Int {
        var rest = number.magnitude
        var index = longest
        repeat {
            index -= 1
            text[index] = UInt8(truncatingIfNeeded: rest % 10) + UInt8(ascii: "0")
            rest /= 10
        } while rest > 0
        if number < 0 {
            index -= 1
            text[index] = UInt8(ascii: "-")
        }
        return index
    }

    public static func append(_ number: Int, to output: inout OutputQueue) {
        var text = InlineArray<20, UInt8>(repeating: 0)
        let start = write(number, into: &text)
        output.append(text.span.extracting(start..<longest))
    }

    public static func append(_ number: Int, to output: inout ByteBuffer) {
        var text = InlineArray<20, UInt8>(repeating: 0)
        let start = write(number, into: &text)
        output.append(text.span.extracting(start..<longest))
    }
}
