// Names are words. An abbreviation saves its writer a second and costs every reader one.

enum Names {
    /// Abbreviations, and the word to write instead.
    static let abbreviations: [String: String] = [
        "addr": "address", "arr": "a noun in the plural", "buf": "buffer", "cb": "a verb",
        "cfg": "configuration", "cmd": "command", "cnt": "count", "conf": "configuration",
        "conn": "connection", "ctx": "what it is the context of", "dst": "destination",
        "evt": "event", "idx": "index", "len": "count or length", "msg": "message",
        "num": "count or number", "ptr": "pointer", "repl": "replication",
        "req": "request", "sess": "session", "sock": "socket or descriptor", "src": "source",
        "srv": "server", "str": "text", "sz": "size", "tmp": "what it holds", "val": "value",
    ]

    static let rule = Rule("no abbreviations", in: ["Sources/", "Tests/"]) { file in
        file.tokens.compactMap { token in
            // A name with an underscore inside is the C library's: `ai_addr`, `iov_len`.
            guard token.isWord, !token.text.dropFirst().contains("_") else { return nil }
            for word in words(of: token.text) {
                if let better = abbreviations[word] {
                    return (token.line, "`\(token.text)`: write \(better) instead of `\(word)`")
                }
            }
            return nil
        }
    }

    /// `clientMsgCount` is client, msg, count; `RESPReply` is resp, reply.
    static func words(of name: String) -> [String] {
        var words: [String] = []
        var word = ""
        let letters = Array(name)
        for (index, letter) in letters.enumerated() {
            let endsRun =
                letter.isUppercase && index + 1 < letters.count && letters[index + 1].isLowercase
            let beginsWord =
                letter.isUppercase && (index > 0 && !letters[index - 1].isUppercase || endsRun)
            if beginsWord || !letter.isLetter, !word.isEmpty {
                words.append(word.lowercased())
                word = ""
            }
            if letter.isLetter { word.append(letter) }
        }
        if !word.isEmpty { words.append(word.lowercased()) }
        return words
    }
}
