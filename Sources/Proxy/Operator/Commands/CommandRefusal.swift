// Why a command that the proxy answers itself is not carried out, in redis-server's words.

import RESP

/// The text of an error reply, its code in front.
package struct CommandRefusal: Error, Sendable, Equatable {
    package let text: String

    package init(_ text: String) {
        self.text = text
    }

    static let syntax = CommandRefusal("ERR syntax error")
    static let notAnInteger = CommandRefusal("ERR value is not an integer or out of range")

    /// `name` as in `client|kill`.
    static func wrongCount(_ name: String) -> CommandRefusal {
        CommandRefusal("ERR wrong number of arguments for '\(name)' command")
    }

    static func unknownSubcommand(_ word: Span<UInt8>, of container: String) -> CommandRefusal {
        CommandRefusal(
            "ERR unknown subcommand '\(quoted(word))'. Try \(container.uppercased()) HELP.")
    }

    /// What redis-server says when the count is right for the table and wrong for the handler.
    static func unknownOrWrongCount(_ word: Span<UInt8>, of container: String) -> CommandRefusal {
        CommandRefusal(
            "ERR unknown subcommand or wrong number of arguments for '\(quoted(word))'. "
                + "Try \(container.uppercased()) HELP.")
    }

    /// A client's own word, as far as a line can hold it.
    static func quoted(_ word: Span<UInt8>) -> String {
        let clipped = [UInt8](copying: word.extracting(0..<min(word.count, 128)))
        return String(decoding: clipped.prefix { $0 != 0 }, as: UTF8.self)
    }
}

extension OutputQueue {
    package mutating func append(_ refusal: CommandRefusal) {
        appendError(text: refusal.text)
    }
}
