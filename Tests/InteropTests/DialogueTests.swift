// The rows of dialogue, said to a redis-server, and to our own server over a socket: equal answers.

import TestSupport
import Testing

@Suite(.serialized) struct ProgramDialogueTests {
    /// Keeps the rows honest: what we answer is what redis-server 7.0 answers.
    @Test(arguments: Dialogues.all)
    func redisServer(dialogue: Dialogue) throws {
        guard let server = try RedisServer.start(arguments(of: dialogue)) else { return }
        try dialogue.run(on: server)
    }

    @Test(arguments: Dialogues.all)
    func sluiceServer(dialogue: Dialogue) throws {
        try dialogue.run(on: try SluiceServer.start(arguments(of: dialogue)))
    }

    private func arguments(of dialogue: Dialogue) -> [String] {
        dialogue.configuration.flatMap { ["--\($0)", $1] }
    }
}

extension Dialogue {
    /// Says every line to a server, and expects the answers.
    func run(on server: LiveServer) throws {
        var client = try server.client()
        for line in lines {
            try client.send(line.bytes)
            if line.closes {
                let answer = String(decoding: try client.readToEnd(), as: UTF8.self)
                #expect(line.matches(answer), "after \(line.sent): \(answer)")
                client = try server.client()
                continue
            }
            var answer: [UInt8] = []
            for _ in 0..<line.replyCount { answer += try client.readReplyBytes() }
            let text = String(decoding: answer, as: UTF8.self)
            #expect(line.matches(text), "after \(line.sent): \(text)")
        }
    }
}
