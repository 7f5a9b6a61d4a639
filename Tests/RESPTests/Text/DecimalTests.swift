// Whole numbers, read and written.

import RESP
import Testing

@Suite struct DecimalTests {
    static let numbers: [Int] =
        [0, 1, -1, 9, 10, 99, 100, 999, 1_000, 9_999, 10_000, 99_999, 100_000, .max, .min]
        + (1..<19).map { power in (0..<power).reduce(1) { value, _ in value * 10 } }

    @Test(arguments: numbers) func readsWhatItWrites(number: Int) {
        for number in [number, number &- 1, 0 &- number] {
            #expect(Decimal.integer("\(number)".bytes.span) == number)
            var buffer = ByteBuffer()
            Decimal.append(number, to: &buffer)
            #expect(copy(buffer.bytes) == "\(number)".bytes)
            var output = OutputQueue(pool: BlockPool())
            output.appendInteger(number)
            #expect(contents(&output) == ":\(number)\r\n".bytes)
        }
    }

    @Test(arguments: [
        "", "-", "+1", "01", "-0", "-01", " 1", "1 ", "1a", "a", "--1", "9223372036854775808",
        "-9223372036854775809", "18446744073709551616", "100000000000000000000",
        "1000000000000000000000", "\u{0}",
    ])
    func refuses(text: String) {
        #expect(Decimal.integer(text.bytes.span) == nil)
    }
}
