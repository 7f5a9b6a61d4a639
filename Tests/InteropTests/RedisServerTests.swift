// The tests' own tools, held against the real program.

import Foundation
import Glibc
import TestSupport
import Testing

/// Starting, asking and ending a redis-server.
@Suite struct RedisServerTests {
    @Test func answersAndEnds() throws {
        guard var server = try RedisServer.start(["--maxclients", "77"]) else { return }
        let client = try server.client()
        #expect(try client.run("SET", "k", "a\r\nb") == .simple("OK"))
        #expect(try client.run("GET", "k") == .bulk("a\r\nb"))
        #expect(try client.run("CONFIG", "GET", "maxclients")[key: "maxclients"] == .bulk("77"))
        try client.send(["ECHO", "x"])
        #expect(try client.readReplyBytes() == Array("$1\r\nx\r\n".utf8))
        #expect(try RedisServer.version(client).count == 3)
        #expect(server.process.output.contains("Ready to accept connections"))

        let id = server.process.id
        let other = try #require(try RedisServer.start())
        #expect(other.port != server.port)
        server = other
        #expect(Glibc.kill(id, 0) == -1, "the first server outlives its last reference")
    }

    @Test func readsEveryTypeOfRESP3() throws {
        guard let server = try RedisServer.start() else { return }
        let client = try server.client()
        #expect(try client.run("HELLO", "3")[key: "proto"] == .integer(3))
        #expect(try client.run("GET", "none") == .null)
        #expect(
            try client.run("CONFIG", "GET", "port")
                == .map([.bulk("port"), .bulk("\(server.port)")]))
        _ = try client.run("ZADD", "z", "1.5", "m")
        #expect(try client.run("ZSCORE", "z", "m") == .double("1.5"))
        #expect(
            try client.run("SUBSCRIBE", "c")
                == .push([.bulk("subscribe"), .bulk("c"), .integer(1)]))
        #expect(try client.run("NOSUCH").isError)
    }

    @Test func sendsBytesAsTheyAre() throws {
        guard let server = try RedisServer.start() else { return }
        let client = try server.client()
        try client.send(Array("PING\r\n*1\r\n$4\r\nPING\r\n*x\r\n".utf8))
        #expect(try client.read(count: 14) == Array("+PONG\r\n+PONG\r\n".utf8))
        let end = "-ERR Protocol error: invalid multibulk length\r\n"
        #expect(try client.readToEnd() == Array(end.utf8))
    }
}
