// Doubles as text against the C library, which redis-server prints with.

import Foundation
import RESP
import TestSupport
import Testing

@Suite struct DoubleTextTests {
    static func text(_ value: Double) -> String {
        let text = DoubleText(value)
        var bytes: [UInt8] = []
        for index in text.bytes.indices { bytes.append(text.bytes[index]) }
        return String(decoding: bytes, as: UTF8.self)
    }

    @Test(arguments: [
        (0, "0"), (-0.0, "-0"), (1, "1"), (3.5, "3.5"), (0.1, "0.10000000000000001"),
        (1e15, "1000000000000000"), (1e16, "10000000000000000"), (1e17, "1e+17"),
        (123_456_789_012_345_680, "1.2345678901234568e+17"), (0.0001, "0.0001"),
        // Rounded up to the next power of ten.
        (1e-14, "1e-14"), (1e-79, "1e-79"),
        (0.00001, "1.0000000000000001e-05"), (.leastNonzeroMagnitude, "4.9406564584124654e-324"),
        (1.7976931348623157e308, "1.7976931348623157e+308"), (.infinity, "inf"),
        (-.infinity, "-inf"), (.nan, "nan"), (-.nan, "nan"), (9.5e-5, "9.5000000000000005e-05"),
    ])
    func spells(value: Double, expected: String) {
        #expect(Self.text(value) == expected)
    }

    /// Random bit patterns, random short decimals and halves between two 17-digit numbers.
    @Test func agreesWithTheLibrary() {
        var random = SeededRandom.announced()
        for round in 0..<30_000 {
            let value: Double =
                switch round % 3 {
                case 0: Double(bitPattern: random.next())
                case 1: Double(Int.random(in: -1_000_000...1_000_000)) / 1000
                default: Double(Int.random(in: 1...9_000_000)) * 0x1p-30 * 1e10
                }
            if value.isNaN { continue }
            #expect(Self.text(value) == String(format: "%.17g", value))
        }
    }
}
