// Floating-point numbers as text, digit for digit as C's `%.17g` has them, which is how redis-server writes them.
// Exact arithmetic in decimal limbs rather than the C library, whose printf family Swift cannot call without an
// allocation.

/// The text of one number.
public struct DoubleText {
    /// A sign, 17 digits, a point, and `e-308` or `0.000`: 24 bytes are the most.
    private var text = InlineArray<24, UInt8>(repeating: 0)
    private var count = 0

    public init(_ value: Double) {
        if value.isNaN {
            // It has no sign worth showing, whatever its bits say.
            append("nan")
            return
        }
        if value.sign == .minus { append(UInt8(ascii: "-")) }
        if value.isInfinite {
            append("inf")
        } else if value.magnitude < 1e15, Double(Int(value.magnitude)) == value.magnitude {
            var digits = InlineArray<20, UInt8>(repeating: 0)
            let start = Decimal.write(Int(value.magnitude), into: &digits)
            for index in start..<Decimal.longest { append(digits[index]) }
        } else {
            append(RoundedDecimal(value.magnitude))
        }
    }

    public var bytes: Span<UInt8> {
        @_lifetime(borrow self)
        borrowing get { text.span.extracting(0..<count) }
    }

    private mutating func append(_ byte: UInt8) {
        text[count] = byte
        count += 1
    }

    private mutating func append(_ word: StaticString) {
        word.withUTF8Buffer { utf8 in
            for index in 0..<utf8.count { unsafe append(utf8[index]) }
        }
    }

    private mutating func append(_ number: RoundedDecimal) {
        if number.exponent < -4 || number.exponent >= RoundedDecimal.precision {
            appendScientific(number)
        } else {
            appendFixed(number)
        }
    }

    private mutating func appendFixed(_ number: RoundedDecimal) {
        // Place 0 is the first significant digit; the point stands behind the place `point`.
        let point = number.exponent
        var place = min(point, 0)
        while place < max(number.significant, point + 1) {
            append(place < 0 ? UInt8(ascii: "0") : number.digit(place))
            if place == point, place + 1 < number.significant { append(UInt8(ascii: ".")) }
            place += 1
        }
    }

    private mutating func appendScientific(_ number: RoundedDecimal) {
        append(number.digit(0))
        if number.significant > 1 { append(UInt8(ascii: ".")) }
        var place = 1
        while place < number.significant {
            append(number.digit(place))
            place += 1
        }
        append(UInt8(ascii: "e"))
        append(UInt8(ascii: number.exponent < 0 ? "-" : "+"))
        // Two digits at least.
        let exponent = number.exponent.magnitude
        if exponent >= 100 { append(UInt8(exponent / 100) + 0x30) }
        append(UInt8(exponent / 10 % 10) + 0x30)
        append(UInt8(exponent % 10) + 0x30)
    }
}

/// A positive number rounded to 17 significant decimal digits, exactly: halves go to the even digit.
private struct RoundedDecimal {
    static let precision = 17

    /// 17 digits, read with a point behind the first.
    private var digits: UInt64
    /// The power of ten of the first digit.
    var exponent: Int
    /// How many digits there are without the zeros at the end.
    var significant = RoundedDecimal.precision

    init(_ value: Double) {
        let expanded = DecimalExpansion(value)
        (digits, exponent) = expanded.rounded()
        if digits == RoundedDecimal.power(RoundedDecimal.precision) {
            digits /= 10
            exponent += 1
        }
        var rest = digits
        while significant > 1, rest % 10 == 0 {
            rest /= 10
            significant -= 1
        }
    }

    /// The digit at this place, as text; zero behind the last.
    func digit(_ place: Int) -> UInt8 {
        guard place < RoundedDecimal.precision else { return UInt8(ascii: "0") }
        let behind = RoundedDecimal.power(RoundedDecimal.precision - 1 - place)
        return UInt8(digits / behind % 10) + UInt8(ascii: "0")
    }

    static func power(_ exponent: Int) -> UInt64 {
        var power = UInt64(1)
        for _ in 0..<exponent { power *= 10 }
        return power
    }
}

/// All decimal digits of a positive number, nine to a limb.
private struct DecimalExpansion {
    private static let base = UInt64(1_000_000_000)
    /// 2^1024 has 309 digits before the point, 2^-1074 has 1074 behind it.
    private static let units = 35
    private var limbs = InlineArray<156, UInt32>(repeating: 0)
    /// The limbs that may hold something but zero.
    private var first = DecimalExpansion.units - 1
    private var last = DecimalExpansion.units

    init(_ value: Double) {
        var mantissa = value.significandBitPattern
        var power = Int(value.exponentBitPattern) - 1075
        if value.isNormal { mantissa |= 1 << 52 } else { power += 1 }
        let zeros = mantissa.trailingZeroBitCount
        mantissa >>= UInt64(zeros)
        power += zeros
        limbs[last] = UInt32(mantissa % DecimalExpansion.base)
        limbs[first] = UInt32(mantissa / DecimalExpansion.base)
        while power > 0 {
            let bits = min(power, 29)
            shiftLeft(UInt64(bits))
            power -= bits
        }
        while power < 0 {
            let bits = min(-power, 9)
            shiftRight(UInt32(bits))
            power += bits
        }
        while limbs[first] == 0 { first += 1 }
    }

    private mutating func shiftLeft(_ bits: UInt64) {
        var carry = UInt64(0)
        var index = last
        while index >= first {
            let shifted = UInt64(limbs[index]) << bits + carry
            limbs[index] = UInt32(shifted % DecimalExpansion.base)
            carry = shifted / DecimalExpansion.base
            index -= 1
        }
        if carry > 0 {
            first -= 1
            limbs[first] = UInt32(carry)
        }
    }

    /// By nine bits at most: a limb's base can be halved nine times, so what falls out of one limb is whole in the
    /// next.
    private mutating func shiftRight(_ bits: UInt32) {
        let share = UInt32(DecimalExpansion.base) >> bits
        var carry = UInt32(0)
        for index in first...last {
            let limb = limbs[index]
            limbs[index] = limb >> bits + carry
            carry = (limb & (1 << bits - 1)) * share
        }
        if carry > 0 {
            last += 1
            limbs[last] = carry
        }
        if limbs[first] == 0, first < last { first += 1 }
    }

    /// The first 17 digits and the power of ten of the first one. Three limbs hold 19 digits at the least.
    func rounded() -> (digits: UInt64, exponent: Int) {
        var count = 1
        while RoundedDecimal.power(count) <= limbs[first] { count += 1 }
        var front = UInt128(limbs[first])
        for index in first + 1...first + 2 {
            front =
                front * UInt128(DecimalExpansion.base)
                + UInt128(index <= last ? limbs[index] : 0)
        }
        let divisor = UInt128(RoundedDecimal.power(count + 1))
        var (digits, rest) = front.quotientAndRemainder(dividingBy: divisor)
        rest *= 2
        var isBeyondHalf = rest > divisor
        if rest == divisor {
            isBeyondHalf = digits % 2 == 1
            var index = first + 3
            while index <= last, !isBeyondHalf {
                isBeyondHalf = limbs[index] > 0
                index += 1
            }
        }
        if isBeyondHalf { digits += 1 }
        return (UInt64(digits), (DecimalExpansion.units - first) * 9 + count - 1)
    }
}
