// Sessions through the proxy in front of a redis-server: logins, transactions that others disturb, large values.

import RESP
import TestSupport
import Testing

@Suite(.serialized) struct SessionTests {
    /// Dialogues about the session itself have the same replies through the proxy as directly.
    @Test(arguments: [
        Dialogue(
            "watching",
            [
                ("WATCH k", "+OK\r\n"), ("SET k 1", "+OK\r\n"), ("MULTI", "+OK\r\n"),
                ("GET k", "+QUEUED\r\n"), ("EXEC", "*-1\r\n"), ("WATCH k", "+OK\r\n"),
                ("SELECT 2", "+OK\r\n"), ("GET k", "$-1\r\n"), ("SET k other", "+OK\r\n"),
                ("MULTI", "+OK\r\n"), ("GET k", "+QUEUED\r\n"), ("EXEC", "*1\r\n$5\r\nother\r\n"),
                ("RESET", "+RESET\r\n"), ("GET k", "$1\r\n1\r\n"),
            ]),
        Dialogue(
            "errors inside a block",
            [
                ("SET k text", "+OK\r\n"), ("MULTI", "+OK\r\n"), ("INCR k", "+QUEUED\r\n"),
                ("LPUSH k x", "+QUEUED\r\n"), ("SET k 5", "+QUEUED\r\n"),
                (
                    "EXEC",
                    "*3\r\n-ERR value is not an integer or out of range\r\n-WRONGTYPE Operation against a key "
                        + "holding the wrong kind of value\r\n+OK\r\n"
                ),
                ("GET k", "$1\r\n5\r\n"), ("EXEC", "-ERR EXEC without MULTI\r\n"),
            ]),
    ])
    func sameReplies(dialogue: Dialogue) throws {
        guard let server = try RedisServer.start() else { return }
        try dialogue.run(on: server)
        _ = try server.client().run("FLUSHALL")
        try dialogue.run(on: try SluiceProxy.start(master: server))
    }

    /// Another client's write between WATCH and EXEC makes EXEC answer null, in both protocols.
    @Test(arguments: [2, 3])
    func conflict(version: Int) throws {
        guard let server = try RedisServer.start() else { return }
        let proxy = try SluiceProxy.start(master: server)
        let (client, other) = (try proxy.client(), try proxy.client())
        _ = try client.run("HELLO", "\(version)")
        for isDisturbed in [true, false, true] {
            #expect(try client.run("WATCH", "k") == .simple("OK"))
            if isDisturbed { _ = try other.run("INCR", "k") }
            _ = try client.run("MULTI")
            _ = try client.run("PING")
            let reply = try client.run("EXEC")
            let null: WireReply = version == 3 ? .null : .nullArray
            #expect(reply == (isDisturbed ? null : .array([.simple("PONG")])))
        }
    }

    /// ACL users keep their rights, each on connections of its own, in transactions and subscriptions too.
    @Test func usersOfTheServer() throws {
        guard
            let server = try RedisServer.start([
                "--requirepass", "master", "--user", "ann", "on", ">a", "~ann:*", "&ann", "+@all",
                "--user", "bob", "on", ">b", "~*", "&*", "+get", "+ping", "+multi", "+exec",
            ])
        else { return }
        let proxy = try SluiceProxy.start(
            master: server, ["  password: master", "auth: backend"])
        let (ann, bob, stranger) = (try proxy.client(), try proxy.client(), try proxy.client())
        #expect(try stranger.run("GET", "k") == .error("NOAUTH Authentication required."))
        #expect(
            try stranger.run("AUTH", "ann", "wrong")
                == .error("WRONGPASS invalid username-password pair or user is disabled."))
        #expect(try stranger.run("GET", "k") == .error("NOAUTH Authentication required."))
        #expect(try ann.run("HELLO", "3", "AUTH", "ann", "a", "SETNAME", "x").items != nil)
        #expect(try bob.run("AUTH", "bob", "b") == .simple("OK"))
        for client in [ann, bob] {
            let isAnn = client === ann
            let direct = try server.client()
            _ = try direct.run(isAnn ? ["HELLO", "3", "AUTH", "ann", "a"] : ["AUTH", "bob", "b"])
            for request in [
                ["SET", "ann:k", "v"], ["GET", "ann:k"], ["SET", "k", "v"], ["GET", "k"],
                ["BLPOP", "l", "0.01"], ["MULTI"], ["GET", "ann:k"], ["EXEC"], ["GET", "k"],
            ] {
                let (got, expected) = (try client.run(request), try direct.run(request))
                #expect(got == expected, "\(request) of \(isAnn ? "ann" : "bob")")
            }
        }
        #expect(try bob.run("AUTH", "default", "master") == .simple("OK"))
        #expect(try bob.run("SET", "k", "v") == .simple("OK"))
    }

    /// Whoever does not say who it is is the default user, until that user gets a password: then only who was before.
    @Test func passwordSetLater() throws {
        guard let server = try RedisServer.start() else { return }
        let proxy = try SluiceProxy.start(master: server, ["auth: backend"])
        let noAuth = WireReply.error("NOAUTH Authentication required.")
        let first = try proxy.client()
        #expect(try wait { try first.run("SET", "k", "v") == .simple("OK") })
        let direct = try server.client()
        #expect(try direct.run("CONFIG", "SET", "requirepass", "secret") == .simple("OK"))
        #expect(try wait { try proxy.client().run("GET", "k") == noAuth })
        #expect(try server.client().run("GET", "k") == noAuth)
        for client in [first, direct] { #expect(try client.run("GET", "k") == .bulk("v")) }
        #expect(try direct.run("CONFIG", "SET", "requirepass", "") == .simple("OK"))
        #expect(try wait { try proxy.client().run("GET", "k") == .bulk("v") })
    }

    /// A stranger reads from the proxy what it would read from a redis-server with a password.
    @Test func strangers() throws {
        guard let server = try RedisServer.start(["--requirepass", "secret"]) else { return }
        let proxy = try SluiceProxy.start(
            master: server, ["  password: secret", "auth: backend"])
        for request in [
            ["GET", "k"], ["HELLO", "3"], ["HELLO", "5"], ["AUTH"], ["AUTH", "a", "b", "c"],
            ["RESET"],
            ["MULTI"], ["AUTH", "wrong"], ["HELLO", "2", "AUTH", "default", "wrong"],
            ["AUTH", "secret"],
            ["SET", "k", "v"],
        ] {
            let (client, direct) = (try proxy.client(), try server.client())
            #expect(try client.run(request) == direct.run(request), "\(request)")
        }
        let client = try proxy.client()
        try client.send(["GET"] + Array(repeating: "x", count: 11))
        #expect(
            String(decoding: try client.readToEnd(), as: UTF8.self)
                == "-ERR Protocol error: unauthenticated multibulk length\r\n")
    }

    /// A value of several megabytes inside MULTI is set with the rest of it, or not at all.
    @Test func largeValueInsideMulti() throws {
        guard let server = try RedisServer.start() else { return }
        let proxy = try SluiceProxy.start(master: server)
        let client = try proxy.client()
        let value = String(repeating: "0123456789abcdef", count: 200_000)
        for ending in ["DISCARD", "EXEC"] {
            #expect(try client.run("MULTI") == .simple("OK"))
            #expect(try client.run("INCR", "n") == .simple("QUEUED"))
            #expect(try client.run("SET", "k", value) == .simple("QUEUED"))
            #expect(try proxy.client().run("EXISTS", "k", "n") == .integer(0))
            let reply = try client.run(ending)
            #expect(
                reply == (ending == "EXEC" ? .array([.integer(1), .simple("OK")]) : .simple("OK")))
        }
        #expect(try server.client().run("STRLEN", "k") == .integer(value.utf8.count))
    }

    /// A master with fewer databases than the proxy was told says so itself, to each request.
    @Test func fewerDatabases() throws {
        guard let server = try RedisServer.start(["--databases", "2"]) else { return }
        let proxy = try SluiceProxy.start(master: server)
        let client = try proxy.client()
        #expect(try client.run("SELECT", "1") == .simple("OK"))
        #expect(try client.run("SET", "k", "one") == .simple("OK"))
        #expect(try client.run("SELECT", "5") == .simple("OK"))
        for _ in 0..<3 {
            #expect(
                try client.run("SET", "k", "five").text?.contains("DB index is out of range")
                    == true)
        }
        #expect(try client.run("SELECT", "0") == .simple("OK"))
        #expect(try client.run("GET", "k") == .nullBulk)
    }
}
