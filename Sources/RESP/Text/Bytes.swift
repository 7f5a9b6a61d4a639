// Small things that are done with borrowed bytes in many places.

extension Array where Element == UInt8 {
    /// A copy of borrowed bytes, where one is kept.
    public init(copying bytes: Span<UInt8>) {
        self = unsafe bytes.withUnsafeBufferPointer { unsafe Array($0) }
    }

    public mutating func append(_ bytes: Span<UInt8>) {
        unsafe bytes.withUnsafeBufferPointer { unsafe append(contentsOf: $0) }
    }
}

extension Span where Element == UInt8 {
    /// True when these are the letters of `word` in any case.
    public func equalsIgnoringCase(_ word: StaticString) -> Bool {
        guard count == word.utf8CodeUnitCount else { return false }
        for index in 0..<count {
            let letter = unsafe word.utf8Start[index]
            if Bytes.lowercased(self[index]) != Bytes.lowercased(letter) { return false }
        }
        return true
    }

    /// Takes as long for a wrong guess as for a right one of the same length; for secrets.
    public func equalsInConstantTime(_ other: Span<UInt8>) -> Bool {
        guard count == other.count else { return false }
        var difference: UInt8 = 0
        for index in 0..<count { difference |= self[index] ^ other[index] }
        return difference == 0
    }

    /// True when it begins with a word, in the same case.
    public func begins(with word: StaticString) -> Bool {
        guard count >= word.utf8CodeUnitCount else { return false }
        for index in 0..<word.utf8CodeUnitCount {
            if unsafe self[index] != word.utf8Start[index] { return false }
        }
        return true
    }

    public func equals(_ other: Span<UInt8>) -> Bool {
        guard count == other.count else { return false }
        for index in 0..<count where self[index] != other[index] { return false }
        return true
    }
}

public enum Bytes {
    public static func uppercased(_ byte: UInt8) -> UInt8 {
        byte >= UInt8(ascii: "a") && byte <= UInt8(ascii: "z") ? byte & 0xDF : byte
    }

    @inlinable
    public static func lowercased(_ byte: UInt8) -> UInt8 {
        byte >= UInt8(ascii: "A") && byte <= UInt8(ascii: "Z") ? byte | 0x20 : byte
    }
}

/// The rule for names that clients give themselves.
public enum ClientName {
    /// Printable ASCII without spaces; an empty name takes the name away.
    public static func isValid(_ name: Span<UInt8>) -> Bool {
        for index in 0..<name.count where name[index] < 0x21 || name[index] > 0x7E { return false }
        return true
    }

    public static let refusal: StaticString =
        "-ERR Client names cannot contain spaces, newlines or special characters.\r\n"
}
