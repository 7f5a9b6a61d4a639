// Replies of a live redis-server, in both versions of the protocol: the parser reads them, the writer writes the
// same bytes, and what RESP2 has no type for is downgraded as there.

import RESP
import TestSupport
import Testing

@Suite(.serialized) struct ReplyTests {
    /// What DEBUG PROTOCOL answers, one name for each type; null in RESP2 where it answers an error instead.
    static let rows: [(name: String, hasRESP2: Bool)] = [
        ("string", true), ("integer", true), ("double", true), ("null", true), ("array", true),
        ("set", true), ("map", true), ("verbatim", true), ("true", true), ("false", true),
        ("bignum", true), ("attrib", false), ("push", false),
    ]

    @Test(arguments: rows) func everyType(name: String, hasRESP2: Bool) throws {
        guard let server = try RedisServer.start(["--enable-debug-command", "yes"]) else { return }
        let modern = try server.client()
        _ = try modern.run("HELLO", "3")
        let bytes = try debug(modern, name)
        let reply = try parse(bytes)
        #expect(write(reply, for: .resp3) == bytes)
        guard hasRESP2 else { return }
        let old = try debug(try server.client(), name)
        #expect(
            String(decoding: write(reply, for: .resp2), as: UTF8.self)
                == String(decoding: old, as: UTF8.self))
    }

    /// Scores of every shape, printed by redis-server and by us.
    @Test func doubles() throws {
        guard let server = try RedisServer.start() else { return }
        let client = try server.client()
        _ = try client.run("HELLO", "3")
        var random = SeededRandom.announced()
        var values: [Double] = [
            0, -0.0, 1, 0.1, -1.5, 1e15, 1e16, 1e17, 1e-4, 1e-5, 3.0000000000000004, .infinity,
            -.infinity, .leastNonzeroMagnitude, .greatestFiniteMagnitude,
        ]
        for _ in 0..<200 {
            let value = Double(bitPattern: random.next())
            if !value.isNaN { values.append(value) }
        }
        for value in values {
            _ = try client.run("ZADD", "z", "\(value)", "m")
            try client.send(["ZSCORE", "z", "m"])
            let bytes = try client.readReplyBytes()
            let reply = try parse(bytes)
            #expect(reply == .double(value))
            #expect(
                String(decoding: write(reply, for: .resp3), as: UTF8.self)
                    == String(decoding: bytes, as: UTF8.self))
        }
    }

    /// The longest replies that a server without data gives, read and written again.
    @Test(arguments: [["COMMAND"], ["COMMAND", "DOCS"], ["CONFIG", "GET", "*"], ["INFO", "all"]])
    func largeReplies(command: [String]) throws {
        guard let server = try RedisServer.start() else { return }
        for version in [ProtocolVersion.resp2, .resp3] {
            let client = try server.client()
            _ = try client.run("HELLO", "\(version.rawValue)")
            try client.send(command)
            let bytes = try client.readReplyBytes()
            let reply = try parse(bytes)
            #expect(write(reply, for: version) == bytes)
        }
    }

    private func debug(_ client: RESPClient, _ name: String) throws -> [UInt8] {
        try client.send(["DEBUG", "PROTOCOL", name])
        return try client.readReplyBytes()
    }

    private func parse(_ bytes: [UInt8]) throws -> Reply {
        var parser = ReplyParser()
        parser.append(bytes.span)
        return try parser.next() ?? .null
    }

    private func write(_ reply: Reply, for version: ProtocolVersion) -> [UInt8] {
        var output = OutputQueue(pool: BlockPool())
        ReplyWriter(for: version).write(reply, to: &output)
        var bytes: [UInt8] = []
        while !output.isEmpty {
            output.drain { pieces in
                bytes += pieces[0].withUnsafeBufferPointer { Array($0) }
                return pieces[0].count
            }
        }
        return bytes
    }
}
