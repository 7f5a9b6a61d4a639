// Rows of dialogue with a server: what is sent, what comes back.

import RESP
import Testing

/// One exchange: sent as it stands when it ends in a line end, else as words of a multibulk request.
public struct DialogueLine: Sendable {
    public let sent: String
    /// The exact bytes of the reply.
    public let reply: String
    /// Whether the server closes the connection behind the reply.
    public let closes: Bool

    public init(_ sent: String, _ reply: String, closes: Bool = false) {
        self.sent = sent
        self.reply = reply
        self.closes = closes
    }

    public var bytes: [UInt8] {
        if sent.hasSuffix("\r\n") { return [UInt8](sent.utf8) }
        return Wire.request(sent.split(separator: " ").map { $0 == "''" ? "" : String($0) })
    }

    /// How many replies are expected.
    public var replyCount: Int {
        let bytes = [UInt8](reply.utf8)
        var scanner = ReplyScanner()
        var count = 0
        var index = 0
        while index < bytes.count {
            guard case .reply(let end) = try? scanner.scan(bytes.span, from: index) else {
                preconditionFailure("the expected reply is not one: \(reply)")
            }
            index = end
            count += 1
        }
        return count
    }

    public func matches(_ answer: String) -> Bool {
        let expected = [UInt8](reply.utf8).split(separator: 0x0A, omittingEmptySubsequences: false)
        let got = [UInt8](answer.utf8).split(separator: 0x0A, omittingEmptySubsequences: false)
        return expected.count == got.count
            && zip(expected, got).allSatisfy { pattern, line in
                guard let star = pattern.firstIndex(of: UInt8(ascii: "\u{1}")) else {
                    return pattern == line
                }
                let head = pattern[..<star]
                let tail = pattern[(star + 1)...]
                return line.count >= head.count + tail.count && line.starts(with: head)
                    && line.reversed().starts(with: tail.reversed())
            }
    }

    /// Stands for any run of characters within a line of an expected reply.
    public static let any = "\u{1}"
}

/// A named run of exchanges on one connection, begun anew when the server closes it.
public struct Dialogue: Sendable, CustomTestStringConvertible {
    public let name: String
    /// Directives that the server is started with.
    public let configuration: [String: String]
    public let lines: [DialogueLine]

    public init(
        _ name: String, configuration: [String: String] = [:],
        _ lines: [(sent: String, reply: String)]
    ) {
        self.name = name
        self.configuration = configuration
        self.lines = lines.map { DialogueLine($0.sent, $0.reply) }
    }

    public init(
        _ name: String, configuration: [String: String] = [:], lines: [DialogueLine]
    ) {
        self.name = name
        self.configuration = configuration
        self.lines = lines
    }

    public var testDescription: String { name }
}
