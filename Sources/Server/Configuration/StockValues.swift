// What redis-server 7.0 asks of the values of single directives, in its own words. Nil means that all is well.

/// Checks of texts and lists of words.
enum StockValues {
    private static func text(_ word: [UInt8]) -> String { String(decoding: word, as: UTF8.self) }

    /// A number as C's strtoll reads it: leading space and a plus are fine, an empty word is zero; nil when
    /// something is left behind it.
    static func integer(_ word: [UInt8], radix: Int = 10) -> (value: Int, overflowed: Bool)? {
        if word.isEmpty { return (0, false) }
        let digits = word.drop(while: ConfigurationWords.isSpace)
        let number = String(decoding: digits, as: UTF8.self)
        if let value = Int(number, radix: radix) { return (value, false) }
        let magnitude =
            number.utf8.first.map { $0 == 0x2B || $0 == 0x2D } ?? false
            ? digits.dropFirst() : digits
        let isNumber = magnitude.allSatisfy { $0 >= 0x30 && $0 < 0x30 + UInt8(radix) }
        guard !magnitude.isEmpty, isNumber else { return nil }
        return (number.hasPrefix("-") ? Int.min : Int.max, true)
    }

    static func addresses(_ words: [[UInt8]]) -> String? {
        words.count > 16 ? "Too many bind addresses specified." : nil
    }

    static func save(_ words: [[UInt8]]) -> String? {
        if words == [[]] { return nil }
        let refusal = "Invalid save parameters"
        guard words.count % 2 == 0 else { return refusal }
        for (index, word) in words.enumerated() {
            guard let number = integer(word)?.value, number >= (index % 2 == 0 ? 1 : 0) else {
                return refusal
            }
        }
        return nil
    }

    static func outputBufferLimits(_ words: [[UInt8]]) -> String? {
        guard words.count % 4 == 0 else {
            return "Wrong number of arguments in buffer limit configuration."
        }
        for start in stride(from: 0, to: words.count, by: 4) {
            guard
                ["normal", "slave", "replica", "pubsub"].contains(text(words[start]).lowercased())
            else { return "Invalid client class specified in buffer limit configuration." }
            guard Directive.memory(words[start + 1]) != nil,
                Directive.memory(words[start + 2]) != nil,
                let seconds = integer(words[start + 3])?.value, seconds >= 0
            else {
                return "Error in hard, soft or soft_seconds setting in buffer limit configuration."
            }
        }
        return nil
    }

    static func oomScores(_ words: [[UInt8]]) -> String? {
        guard words.count == 3 else { return "wrong number of arguments" }
        let areWithin = words.allSatisfy { word in
            integer(word).map { (-2_000...2_000).contains($0.value) } ?? false
        }
        return areWithin
            ? nil : "Invalid oom-score-adj-values, elements must be between -2000 and 2000."
    }

    static func percentiles(_ words: [[UInt8]]) -> String? {
        if words == [[]] { return nil }
        for word in words {
            let text = text(word)
            guard let number = Double(text), !number.isNaN,
                number.isFinite || text.lowercased().contains("inf")
            else { return "Invalid latency-tracking-info-percentiles parameters" }
            guard number >= 0, number <= 100 else {
                return "latency-tracking-info-percentiles parameters should sit between [0.0,100.0]"
            }
        }
        return nil
    }

    static func master(_ words: [[UInt8]]) -> String? {
        guard words.count == 2 else { return "wrong number of arguments" }
        if text(words[0]).lowercased() == "no", text(words[1]).lowercased() == "one" { return nil }
        guard let port = integer(words[1])?.value, (0...65_535).contains(port) else {
            return "Invalid master port"
        }
        return nil
    }

    static func shutdownFlags(_ words: [[UInt8]]) -> String? {
        let choices = ["default", "save", "nosave", "now", "force"]
        let flags = words.map { text($0).lowercased() }
        guard !flags.isEmpty, flags.allSatisfy(choices.contains) else {
            return Directive.choiceReason(choices)
        }
        return flags.contains("save") && flags.contains("nosave")
            ? "shutdown options SAVE and NOSAVE can't be used simultaneously" : nil
    }

    static func eventClasses(_ word: [UInt8]) -> String? {
        let known = "Ag$lshzxeKEtmdn"
        return word.allSatisfy(known.utf8.contains)
            ? nil : "Invalid event class character. Use '\(known)'."
    }

    static func appendFileName(_ word: [UInt8]) -> String? {
        word.isEmpty
            ? "appendfilename can't be empty" : fileName(word, "appendfilename", "filename")
    }

    static func appendDirectoryName(_ word: [UInt8]) -> String? {
        word.isEmpty ? "appenddirname can't be empty" : fileName(word, "appenddirname", "dirname")
    }

    static func dumpFileName(_ word: [UInt8]) -> String? {
        fileName(word, "dbfilename", "filename")
    }

    private static func fileName(_ word: [UInt8], _ name: String, _ what: String) -> String? {
        word.contains(UInt8(ascii: "/")) ? "\(name) can't be a path, just a \(what)" : nil
    }

    static func hostName(_ word: [UInt8]) -> String? {
        guard word.count < 256 else { return "Hostnames must be less than 256 characters" }
        let isFine = word.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."):
                true
            default: false
            }
        }
        return isFine ? nil : "Hostnames may only contain alphanumeric characters, hyphens or dots"
    }

    /// A title with `{variables}`; one that would come out empty is refused too.
    static func titleTemplate(_ word: [UInt8]) -> String? {
        let refusal = "template format is invalid or contains unknown variables"
        let oftenEmpty = ["title", "server-mode"]
        let others = ["listen-addr", "port", "tls-port", "unixsocket", "config-file"]
        var showsSomething = false
        var rest = word[...]
        while let first = rest.first {
            rest = rest.dropFirst()
            guard first == UInt8(ascii: "{"), rest.first != UInt8(ascii: "{") else {
                if first == UInt8(ascii: "{") { rest = rest.dropFirst() }
                if first != UInt8(ascii: " ") { showsSomething = true }
                continue
            }
            guard let end = rest.firstIndex(of: UInt8(ascii: "}")) else { return refusal }
            let variable = text(Array(rest[..<end]))
            guard oftenEmpty.contains(variable) || others.contains(variable) else { return refusal }
            if others.contains(variable) { showsSomething = true }
            rest = rest[(end + 1)...]
        }
        return showsSomething ? nil : refusal
    }
}
