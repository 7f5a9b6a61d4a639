// What can stand within one line of a configuration file: keys, scalars, and lists and maps in brackets.

/// A place in a line, and how to read on from there.
struct YAMLScanner {
    typealias Position = YAMLNode.Position

    private(set) var rest: ArraySlice<UInt8>
    private(set) var position: Position
    /// Errors must not show what stands here.
    private let hidesText: Bool

    init(_ line: YAMLLine, hidesText: Bool = false) {
        rest = line.text
        position = line.position
        self.hidesText = hidesText || YAMLScanner.mayNameSecret(line.text)
    }

    /// Whether a line, or a key, has a word for a secret: an error of grammar in it must not show the secret.
    static func mayNameSecret(_ text: some Collection<UInt8>) -> Bool {
        let folded = String(decoding: text, as: UTF8.self).lowercased()
        return folded.contains("pass") || folded.contains("secret")
    }

    static func isSpace(_ byte: UInt8) -> Bool { byte == UInt8(ascii: " ") || byte == 0x09 }

    private static func isBracketOrComma(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: ","), UInt8(ascii: "["), UInt8(ascii: "]"), UInt8(ascii: "{"),
            UInt8(ascii: "}"):
            true
        default: false
        }
    }

    /// Nothing but a comment follows. Only true behind space or at the beginning of a line.
    var isAtEnd: Bool { rest.isEmpty || rest.first == UInt8(ascii: "#") }

    func peek(_ distance: Int = 0) -> UInt8? {
        let index = rest.startIndex + distance
        return index < rest.endIndex ? rest[index] : nil
    }

    mutating func advance(_ count: Int = 1) {
        for byte in rest.prefix(count) where byte & 0xC0 != 0x80 { position.column += 1 }
        rest = rest.dropFirst(count)
    }

    mutating func skipSpace() {
        while let byte = rest.first, YAMLScanner.isSpace(byte) { advance() }
    }

    mutating func skipDash() {
        advance()
        skipSpace()
    }

    func error(_ message: String, at place: Position? = nil) -> ConfigurationError {
        ConfigurationError(message, at: place ?? position)
    }

    /// What an error message shows of the text that follows.
    private var following: String {
        rest.isEmpty ? "the end of the line" : shown(String(decoding: rest, as: UTF8.self))
    }

    private func shown(_ text: String) -> String {
        "'\(hidesText ? Secret.mask : YAMLNode.shortened(text))'"
    }

    /// After a value, nothing but space and a comment may follow.
    mutating func expectEnd() throws(ConfigurationError) {
        let hadSpace = rest.first.map(YAMLScanner.isSpace) ?? true
        skipSpace()
        if rest.isEmpty || hadSpace && isAtEnd { return }
        throw error("found \(following), expected the end of the line")
    }

    // MARK: Keys

    /// Whether the text here begins a block of its own: a list item, or a key with its colon.
    var beginsBlock: Bool {
        if isAtEnd { return false }
        if rest.first == UInt8(ascii: "-"), peek(1).map(YAMLScanner.isSpace) ?? true { return true }
        var ahead = self
        return (try? ahead.key(inFlow: false)) != nil  // Without a key it is a value: no error yet.
    }

    /// A key and its colon.
    mutating func key(inFlow: Bool) throws(ConfigurationError) -> (String, Position) {
        let start = position
        let whole = self
        let key: String
        if let quote = rest.first, quote == UInt8(ascii: "\"") || quote == UInt8(ascii: "'") {
            key = try quoted(quote)
        } else {
            try refuseIndicator(inFlow: inFlow)
            key = plain(inFlow: inFlow)
        }
        skipSpace()
        guard peek() == UInt8(ascii: ":") else {
            throw whole.missingColon(inFlow: inFlow)
        }
        advance()
        guard endsKey(peek(), inFlow: inFlow) else {
            throw error("found \(following) directly behind ':', expected a space between")
        }
        guard !key.isEmpty else { throw error("found ':' without a key before it", at: start) }
        return (key, start)
    }

    private func missingColon(inFlow: Bool) -> ConfigurationError {
        if let colon = rest.firstIndex(of: UInt8(ascii: ":")), colon > rest.startIndex,
            !rest[..<colon].contains(where: { YAMLScanner.isSpace($0) || $0 == UInt8(ascii: "\"") })
        {
            var place = self
            place.advance(colon + 1 - rest.startIndex)
            return place.error(
                "found \(place.following) directly behind ':', expected a space between")
        }
        return error("found \(following), expected 'key: value'")
    }

    // MARK: Values

    /// A value in this line: a scalar, or a list or map in brackets.
    mutating func value(depth: Int, inFlow: Bool) throws(ConfigurationError) -> YAMLNode {
        let start = position
        switch peek() {
        case UInt8(ascii: "["): return YAMLNode(.list(try flowList(depth: depth)), at: start)
        case UInt8(ascii: "{"): return YAMLNode(.map(try flowMap(depth: depth)), at: start)
        case let quote? where quote == UInt8(ascii: "\"") || quote == UInt8(ascii: "'"):
            return YAMLNode(.scalar(try quoted(quote), isQuoted: true), at: start)
        default: break
        }
        try refuseIndicator(inFlow: inFlow)
        let text = plain(inFlow: inFlow)
        var behind = self
        behind.skipSpace()
        if behind.peek() == UInt8(ascii: ":") {
            throw behind.error(
                "found ':' behind \(shown(text)), expected a value;"
                    + " quote it if the colon belongs to it")
        }
        if text.isEmpty || text == "~" || text == "null" { return YAMLNode(.nothing, at: start) }
        return YAMLNode(.scalar(text, isQuoted: false), at: start)
    }

    // Unquoted text: up to a comment, or `: `, or in brackets up to a comma or bracket. Not the space behind it.
    private mutating func plain(inFlow: Bool) -> String {
        var length = 0
        var before = UInt8(ascii: "x")
        for (index, byte) in rest.enumerated() {
            if inFlow, YAMLScanner.isBracketOrComma(byte) { break }
            if byte == UInt8(ascii: ":"), endsKey(peek(index + 1), inFlow: inFlow) { break }
            if byte == UInt8(ascii: "#"), YAMLScanner.isSpace(before) { break }
            if !YAMLScanner.isSpace(byte) { length = index + 1 }
            before = byte
        }
        let text = String(decoding: rest.prefix(length), as: UTF8.self)
        advance(length)
        return text
    }

    // Whether a colon with this byte behind it divides a key from its value.
    private func endsKey(_ behind: UInt8?, inFlow: Bool) -> Bool {
        guard let behind else { return true }
        return YAMLScanner.isSpace(behind) || inFlow && YAMLScanner.isBracketOrComma(behind)
    }

    // Characters that mean something else in YAML, at the beginning of unquoted text.
    private func refuseIndicator(inFlow: Bool) throws(ConfigurationError) {
        guard let first = peek() else { return }
        let isAlone = peek(1).map(YAMLScanner.isSpace) ?? true
        let reason: String
        switch first {
        case UInt8(ascii: "*"), UInt8(ascii: "&"): reason = "anchors and aliases are not supported"
        case UInt8(ascii: "!"): reason = "tags are not supported"
        case UInt8(ascii: "|"), UInt8(ascii: ">"):
            reason = "text over several lines is not supported"
        case UInt8(ascii: "%"), UInt8(ascii: "@"), UInt8(ascii: "`"): reason = "YAML reserves it"
        case UInt8(ascii: "["), UInt8(ascii: "{"): reason = "a key cannot be a list or a map"
        case UInt8(ascii: "]"), UInt8(ascii: "}"), UInt8(ascii: ","):
            reason = "nothing is open here"
        case UInt8(ascii: "?") where isAlone, UInt8(ascii: "-") where isAlone:
            reason = "it is not text here"
        default: return
        }
        if inFlow, YAMLScanner.isBracketOrComma(first) {
            throw error("found \(following), expected a value")
        }
        throw error("found \(following), expected text; quote it if it is (\(reason))")
    }

    // MARK: Brackets

    private mutating func flowList(depth: Int) throws(ConfigurationError) -> [YAMLNode] {
        let open = try enter(depth: depth)
        var items: [YAMLNode] = []
        while try goesOn(until: UInt8(ascii: "]"), openedAt: open, "[") {
            items.append(try value(depth: depth + 1, inFlow: true))
            try separate(before: UInt8(ascii: "]"), openedAt: open, "[")
        }
        return items
    }

    private mutating func flowMap(depth: Int) throws(ConfigurationError) -> [YAMLNode.Entry] {
        let open = try enter(depth: depth)
        var entries: [YAMLNode.Entry] = []
        var seen: Set<String> = []
        while try goesOn(until: UInt8(ascii: "}"), openedAt: open, "{") {
            let (key, start) = try key(inFlow: true)
            guard seen.insert(key).inserted else {
                throw error("duplicate key '\(key)' in this map", at: start)
            }
            skipSpace()
            if isAtEnd { throw error("'{' is not closed in this line", at: open) }
            let ends = peek() == UInt8(ascii: ",") || peek() == UInt8(ascii: "}")
            let value =
                ends ? YAMLNode(.nothing, at: position) : try value(depth: depth + 1, inFlow: true)
            entries.append(YAMLNode.Entry(key: key, at: start, value: value))
            try separate(before: UInt8(ascii: "}"), openedAt: open, "{")
        }
        return entries
    }

    private mutating func enter(depth: Int) throws(ConfigurationError) -> Position {
        guard depth <= YAMLParser.maximumDepth else { throw error(YAMLParser.tooDeep) }
        let open = position
        advance()
        return open
    }

    // False, and behind the bracket, when it closes here.
    private mutating func goesOn(
        until bracket: UInt8, openedAt open: Position, _ name: String
    ) throws(ConfigurationError) -> Bool {
        skipSpace()
        if isAtEnd {
            throw error("'\(name)' is not closed in this line", at: open)
        }
        guard peek() == bracket else { return true }
        advance()
        // In YAML too, [::1]:6379 is a list and something behind it.
        if bracket == UInt8(ascii: "]"), peek() == UInt8(ascii: ":"),
            let digit = peek(1), digit >= UInt8(ascii: "0"), digit <= UInt8(ascii: "9")
        {
            throw error("an IPv6 address in brackets needs quotes: \"[::1]:6379\"", at: open)
        }
        return false
    }

    private mutating func separate(
        before bracket: UInt8, openedAt open: Position, _ name: String
    ) throws(ConfigurationError) {
        skipSpace()
        if isAtEnd {
            throw error("'\(name)' is not closed in this line", at: open)
        }
        if peek() == bracket { return }
        guard peek() == UInt8(ascii: ",") else {
            let isVariable = peek() == UInt8(ascii: "{")
            throw error(
                "found \(following), expected ',' or '\(Character(Unicode.Scalar(bracket)))'"
                    + (isVariable ? "; a text with braces in it needs quotes: \"${NAME}\"" : ""))
        }
        advance()
    }
}
