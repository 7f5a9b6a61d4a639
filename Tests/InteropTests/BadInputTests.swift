// Clients that mean no good, against the programs: each gets a clear error or is closed, the others are served,
// and memory stays where it was.

import Foundation
import RESP
import TestSupport
import Testing

@Suite(.serialized) struct BadInputTests {
    enum Program: String, CaseIterable {
        case server
        case proxy
    }

    /// A program under attack; the proxy stands before our own server.
    struct Target {
        let server: LiveServer
        let backend: LiveServer?

        init(_ program: Program) throws {
            switch program {
            case .server:
                server = try SluiceServer.start()
                backend = nil
            case .proxy:
                let master = try SluiceServer.start()
                server = try SluiceProxy.start(master: master)
                backend = master
            }
        }

        /// Resident memory in bytes.
        var memory: Int {
            get throws {
                let text = try String(
                    contentsOfFile: "/proc/\(server.process.id)/statm", encoding: .utf8)
                return Int(text.split(separator: " ")[1])! * 4096
            }
        }

        func expectAlive() throws {
            let client = try server.client()
            #expect(try client.run("SET", "alive", "yes") == .simple("OK"))
            #expect(try client.run("GET", "alive") == .bulk("yes"))
        }
    }

    static let errors: [(sent: String, reply: String)] = [
        ("*9223372036854775808\r\n", "invalid multibulk length"),
        ("*2147483648\r\n", "invalid multibulk length"),
        ("*1\r\n$9223372036854775808\r\n", "invalid bulk length"),
        ("*1\r\n$536870913\r\n", "invalid bulk length"),
        ("*1\r\n$-1\r\n", "invalid bulk length"),
        ("*1\r\n$-9223372036854775808\r\n", "invalid bulk length"),
        ("*1\r\nPING\r\n", "expected '$', got 'P'"),
        ("*x\r\n", "invalid multibulk length"),
        ("*1\r\n$x\r\n", "invalid bulk length"),
        ("\"open\r\n", "unbalanced quotes in request"),
        (String(repeating: "a", count: 70_000), "too big inline request"),
        ("*" + String(repeating: "1", count: 70_000), "too big mbulk count string"),
        ("*1\r\n$" + String(repeating: "1", count: 70_000), "too big bulk count string"),
    ]

    @Test(arguments: Program.allCases)
    func malformedRequests(program: Program) throws {
        let target = try Target(program)
        for (sent, reply) in BadInputTests.errors {
            let client = try target.server.client()
            try client.send([UInt8](sent.utf8))
            let answer = String(decoding: try client.readToEnd(), as: UTF8.self)
            #expect(answer == "-ERR Protocol error: \(reply)\r\n", "after \(sent.prefix(40))")
        }
        try target.expectAlive()
    }

    /// What is announced costs nothing; only what has arrived takes memory.
    @Test(arguments: Program.allCases)
    func announcedAndNeverSent(program: Program) throws {
        let target = try Target(program)
        try target.expectAlive()
        let before = try target.memory
        var clients: [RESPClient] = []
        for index in 0..<200 {
            let client = try target.server.client()
            let text =
                index % 2 == 0 ? "*2147483647\r\n$3\r\nSET" : "*2\r\n$3\r\nGET\r\n$536870912\r\nabc"
            try client.send([UInt8](text.utf8))
            clients.append(client)
        }
        try target.expectAlive()
        #expect(try target.memory - before < 8 << 20)
        withExtendedLifetime(clients) {}
    }

    /// Random bytes, many times: never a crash.
    @Test(arguments: Program.allCases)
    func garbage(program: Program) throws {
        let target = try Target(program)
        var random = SeededRandom.announced()
        for _ in 0..<300 {
            let client = try target.server.client()
            let alphabet: [UInt8] = [
                0x2A, 0x24, 0x0D, 0x0A, 0x30, 0x31, 0x2D, 0x22, 0x00, 0xFF, 0x50,
            ]
            let bytes = (0..<Int.random(in: 1...400, using: &random)).map { _ in
                alphabet.randomElement(using: &random)!
            }
            try? client.send(bytes)
        }
        try target.expectAlive()
        #expect(target.server.process.isRunning)
    }

    /// Ten thousand connections opened and dropped, some with half a request: nothing stays behind.
    @Test(arguments: Program.allCases)
    func connectionsOpenedAndDropped(program: Program) throws {
        let target = try Target(program)
        try target.expectAlive()
        var before = 0
        for index in 0..<10_000 {
            let client = try target.server.client()
            if index % 3 == 0 { try client.send([UInt8]("*2\r\n$3\r\nGET\r\n$10\r\nhalf".utf8)) }
            if index == 2_000 { before = try target.memory }
        }
        try target.expectAlive()
        let after = try target.memory
        #expect(after - before < 4 << 20, "\(before) bytes after 2,000 and \(after) after 10,000")
    }
}
