// Random sessions, held through the proxy and directly: equal replies, byte for byte.

import RESP
import TestSupport
import Testing

@Suite(.serialized) struct SessionFuzzTests {
    /// Pipelines of transactions, SELECT, HELLO, RESET, CLIENT REPLY and ordinary commands, right and wrong, cut into
    /// random pieces. What is left out is answered otherwise by intent: session commands inside MULTI.
    @Test func equalReplies() throws {
        guard let direct = try RedisServer.start(), let master = try RedisServer.start() else {
            return
        }
        let proxy = try SluiceProxy.start(master: master)
        try waitForCommands(of: proxy)
        var random = SeededRandom.announced()
        let clock = ContinuousClock()
        let deadline = clock.now.advanced(by: .seconds(10))
        var runs = 0
        while clock.now < deadline, runs < 400 {
            var session = RandomSession()
            let pieces = session.pieces(&random)
            for server in [direct, master] { _ = try server.client().run("FLUSHALL") }
            let expected = try RandomSession.run(pieces, on: direct)
            let answer = try RandomSession.run(pieces, on: proxy)
            guard answer == expected else {
                Issue.record("\(session.requests)\ndirect: \(expected)\nproxy:  \(answer)")
                return
            }
            runs += 1
        }
        #expect(runs > 0)
    }

    /// Between MULTI and EXEC unknown commands are told from what the master said of its commands.
    private func waitForCommands(of proxy: LiveServer) throws {
        let knows = try wait {
            let client = try proxy.client()
            _ = try client.run("MULTI")
            return try client.run("nosuchcommand").isError
        }
        #expect(knows)
    }
}

/// One session: requests as a careless client might send them.
private struct RandomSession {
    private(set) var requests: [[String]] = []
    private var isInTransaction = false
    private var isSilent = false

    private static let ordinary: [[String]] = [
        ["GET", "a"], ["GET", "b"], ["SET", "a", "1"], ["SET", "b", "text"], ["INCR", "a"],
        ["APPEND", "b", "1"], ["LPUSH", "a", "e"], ["DEL", "b"], ["MGET", "a", "b", "c"], ["GET"],
        ["SET", "a"], ["FOO", "bar"], ["foo"], ["OBJECT", "FOO"], ["OBJECT"], ["PING"],
        ["PING", "x"], ["ECHO", "h"], ["STRLEN", "b"], ["HSET", "h", "f", "v"], ["HGETALL", "h"],
        ["EVAL", "return {1,2,3}", "0"], ["LRANGE", "a", "0", "-1"], ["BLPOP", "none", "0.01"],
        ["DBSIZE"], ["TYPE", "a"], ["FLUSHDB"], ["CLIENT", "FOO"], ["CLIENT"], ["RESET", "x"],
        ["MULTI", "x"], ["EXEC", "x"], ["DISCARD", "x"], ["UNWATCH"], ["UNWATCH", "x"], ["WATCH"],
        ["WATCH", "a"], ["WATCH", "a", "b"], ["SELECT"],
    ]

    private static let ofSession: [[String]] = [
        ["SELECT", "0"], ["SELECT", "1"], ["SELECT", "3"], ["SELECT", "16"], ["SELECT", "x"],
        ["SELECT", "99999999999"], ["HELLO", "x"], ["HELLO", "4"], ["HELLO", "2"], ["HELLO", "3"],
        ["HELLO", "2", "FOO"],
        ["HELLO", "3", "SETNAME", "n"], ["HELLO", "3", "SETNAME"],
        ["HELLO", "3", "AUTH", "default"],
        ["HELLO", "3", "AUTH", "default", "x", "SETNAME", "z"],
        ["HELLO", "2", "SETNAME", "y", "AUTH", "default", "x"], ["CLIENT", "REPLY", "ON"],
        ["CLIENT", "REPLY", "OFF"], ["CLIENT", "REPLY", "SKIP"], ["CLIENT", "REPLY", "SKIP"],
        ["CLIENT", "REPLY", "FOO"], ["CLIENT", "REPLY"], ["CLIENT", "SETNAME", "x"],
        ["CLIENT", "SETNAME", "a b"], ["CLIENT", "SETNAME", ""], ["CLIENT", "GETNAME"],
        ["CLIENT", "GETNAME", "x"], ["AUTH"], ["AUTH", "x"], ["AUTH", "a", "b", "c"],
        ["AUTH", "default", "x"],
    ]

    /// The requests of a session, cut where the client happens to send.
    mutating func pieces(_ random: inout SeededRandom) -> [[UInt8]] {
        for _ in 0..<Int.random(in: 3...30, using: &random) { add(&random) }
        // redis-server leaves a silent client open behind QUIT.
        if !isSilent, Int.random(in: 0..<4, using: &random) == 0 { requests.append(["QUIT"]) }
        let isOnePiece = Bool.random(using: &random)
        var pieces: [[UInt8]] = [[]]
        for words in requests {
            if !isOnePiece, Int.random(in: 0..<3, using: &random) == 0 { pieces.append([]) }
            pieces[pieces.count - 1] += Wire.request(words)
        }
        return pieces
    }

    private mutating func add(_ random: inout SeededRandom) {
        let words: [String]
        switch Int.random(in: 0..<100, using: &random) {
        case 0..<12: words = ["MULTI"]
        case 12..<24: words = ["EXEC"]
        case 24..<28: words = ["DISCARD"]
        case 28..<30: words = ["RESET"]
        case 30..<45 where !isInTransaction:
            words = RandomSession.ofSession.randomElement(using: &random)!
        default: words = RandomSession.ordinary.randomElement(using: &random)!
        }
        switch words {
        case ["MULTI"]: isInTransaction = true
        case ["EXEC"], ["EXEC", "x"], ["DISCARD"], ["RESET"]: isInTransaction = false
        default: break
        }
        // These change a session only where they run at once.
        if words == ["RESET"] || words == ["CLIENT", "REPLY", "ON"] { isSilent = false }
        if words == ["CLIENT", "REPLY", "OFF"] { isSilent = true }
        requests.append(words)
    }

    /// Holds the session, and returns all that was answered, the client's number apart.
    static func run(_ pieces: [[UInt8]], on server: LiveServer) throws -> String {
        let client = try server.client()
        do {
            for piece in pieces { try client.send(piece) }
            for words in [["DISCARD"], ["CLIENT", "REPLY", "ON"], ["ECHO", "the end"]] {
                try client.send(words)
            }
        } catch {
            // It has closed behind QUIT; what it said before is there.
        }
        var text = ""
        var isNumber = false
        while let bytes = try? client.readReplyBytes() {
            let reply = String(decoding: bytes, as: UTF8.self)
            for line in reply.split(separator: "\r\n", omittingEmptySubsequences: false) {
                text += isNumber ? ":N\n" : line + "\n"
                isNumber = line == "id"
            }
            if reply == "$7\r\nthe end\r\n" { break }
        }
        return text
    }
}
