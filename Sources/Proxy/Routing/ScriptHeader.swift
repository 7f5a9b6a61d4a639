// The first line of a script, where it says what it will not do: `#!lua flags=no-writes,allow-stale`.

import RESP

enum ScriptHeader {
    /// Whether a script promises not to write, which the server holds it to: a replica runs it by EVAL and EVALSHA
    /// alike. A line that the server might read in another way counts as no promise.
    static func promisesNoWrites(_ script: Span<UInt8>) -> Bool {
        guard script.count > 1, script[0] == UInt8(ascii: "#"), let end = endOfLine(script) else {
            return false
        }
        var index = 0
        var isFirst = true
        var promises = false
        while let word = nextWord(script, from: &index, end) {
            if isFirst {
                guard script.extracting(word).equals("#!lua") else { return false }
                isFirst = false
            } else {
                guard let found = hasNoWrites(script.extracting(word)) else { return false }
                promises = promises || found
            }
        }
        return promises
    }

    private static func endOfLine(_ script: Span<UInt8>) -> Int? {
        for index in 0..<min(script.count, longestLine) where script[index] == 0x0A {
            return index
        }
        return nil
    }

    /// All flags of 7.0 take 80 bytes; a script that is all one line must not be looked through.
    private static let longestLine = 512

    /// Words are parted as the server does it, except that quotes are not understood.
    private static func nextWord(
        _ script: Span<UInt8>, from index: inout Int, _ end: Int
    ) -> Range<Int>? {
        while index < end, isBlank(script[index]) { index += 1 }
        let start = index
        while index < end, !isBlank(script[index]) { index += 1 }
        return start < index ? start..<index : nil
    }

    private static func isBlank(_ byte: UInt8) -> Bool {
        byte == 0x20 || (0x09...0x0D).contains(byte)
    }

    /// Whether `flags=a,b` has the flag; nil when this is something else.
    private static func hasNoWrites(_ option: Span<UInt8>) -> Bool? {
        let key: StaticString = "flags="
        guard option.count >= key.utf8CodeUnitCount,
            option.extracting(0..<key.utf8CodeUnitCount).equals(key)
        else { return nil }
        var start = key.utf8CodeUnitCount
        for index in start...option.count
        where index == option.count || option[index] == UInt8(ascii: ",") {
            if option.extracting(start..<index).equals("no-writes") { return true }
            start = index + 1
        }
        return false
    }
}

extension Span where Element == UInt8 {
    /// True when these are exactly the letters of `word`, which has none in upper case.
    fileprivate func equals(_ word: StaticString) -> Bool {
        guard equalsIgnoringCase(word) else { return false }
        for index in 0..<count where self[index] != Bytes.lowercased(self[index]) { return false }
        return true
    }
}
