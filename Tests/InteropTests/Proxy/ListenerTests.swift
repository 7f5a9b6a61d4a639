// Listening, blocking, walking and scripts through the proxy, before a master and replicas of redis-server: what
// clients read is what they read from the master itself, and losses of servers are not seen.

import Foundation
import RESP
import TestSupport
import Testing

@Suite(.serialized) struct ProxyListenerTests {
    /// A master, its replicas, and a proxy that reads from all of them.
    private struct Deployment {
        let master: LiveServer
        var replicas: [LiveServer]
        let proxy: LiveServer

        init?(replicas count: Int, _ lines: [String] = []) throws {
            guard let master = try RedisServer.start() else { return nil }
            self.master = master
            var replicas: [LiveServer] = []
            for _ in 0..<count {
                let replica = try RedisServer.start([
                    "--replicaof", "127.0.0.1 \(master.port)", "--repl-diskless-sync-delay", "0",
                ])
                replicas.append(try #require(replica))
            }
            self.replicas = replicas
            let places = replicas.map { "127.0.0.1:\($0.port)" }.joined(separator: ", ")
            proxy = try SluiceProxy.start(
                master: master, (count > 0 ? ["  replicas: [\(places)]"] : []) + lines)
            for replica in replicas {
                let direct = try replica.client()
                let client = try proxy.client()
                let isRead = try wait {
                    _ = try client.run("GET", "nothing")
                    return try direct.run("INFO", "commandstats").text?.contains("cmdstat_get:")
                        == true
                }
                try #require(isRead, "a replica is not read")
            }
        }
    }

    /// Sends requests in one piece and reads so many replies.
    private func exchange(
        _ server: LiveServer, _ version: Int, _ requests: [[String]], _ replies: Int
    ) throws -> [WireReply] {
        let client = try server.client()
        if version == 3 { _ = try client.run("HELLO", "3") }
        try client.send(requests.flatMap { Wire.request($0) })
        return try (0..<replies).map { _ in try client.readReply() }
    }

    /// Rows of requests and how many replies they have: the same from the proxy and from the master.
    @Test(arguments: [2, 3]) func sameAsDirect(version: Int) throws {
        guard let deployment = try Deployment(replicas: 0) else { return }
        let rows: [([[String]], Int)] = [
            ([["UNSUBSCRIBE"], ["PUNSUBSCRIBE", "a", "b"], ["SUNSUBSCRIBE"], ["PING"]], 5),
            (
                [
                    ["SUBSCRIBE", "a", "b", "a"], ["PSUBSCRIBE", "x*"], ["SSUBSCRIBE", "s"],
                    ["UNSUBSCRIBE", "no", "a"], ["SUNSUBSCRIBE"], ["PUNSUBSCRIBE"], ["UNSUBSCRIBE"],
                    ["SET", "k", "v"], ["GET", "k"],
                ], 12
            ),
            (
                [
                    ["SUBSCRIBE", "a"], ["GET"], ["NOSUCH", "x"], ["PING", "x"],
                    ["PING", "x", "y"], ["CLIENT", "FOO"],
                    ["GET", "k"], ["MULTI"], ["CLIENT", "GETNAME"], ["SUBSCRIBE"], ["RESET"],
                    ["PING"],
                ],
                version == 2 ? 12 : 0
            ),
            ([["CLIENT", "REPLY", "OFF"], ["SUBSCRIBE", "a"], ["UNSUBSCRIBE", "b"]], 2),
            (
                [
                    ["CLIENT", "TRACKING", "MAYBE"],
                    ["CLIENT", "TRACKING", "ON", "OPTIN", "OPTOUT"],
                    ["CLIENT", "CACHING", "YES"], ["CLIENT", "TRACKING", "OFF"],
                ], version == 3 ? 4 : 0
            ),
            (
                [
                    ["CLIENT", "TRACKING", "ON", "OPTIN"], ["CLIENT", "CACHING", "YES"],
                    ["GET", "k"],
                    ["CLIENT", "CACHING", "MAYBE"], ["CLIENT", "TRACKING", "ON", "BCAST"],
                    ["SET", "k", "w"],
                    ["CLIENT", "TRACKINGINFO"], ["CLIENT", "GETREDIR"],
                    ["CLIENT", "TRACKING", "OFF"],
                    ["GET", "k"],
                ], version == 3 ? 11 : 0
            ),
            (
                [
                    ["CLIENT", "TRACKING", "ON", "BCAST", "PREFIX", "a", "PREFIX", "ab"],
                    ["CLIENT", "TRACKING", "ON", "BCAST", "PREFIX", "a", "NOLOOP"],
                    ["SET", "ab", "1"],
                    ["CLIENT", "TRACKINGINFO"],
                ], version == 3 ? 4 : 0
            ),
            (
                [
                    ["RPUSH", "q", "1", "2"], ["BLPOP", "q", "0"], ["BRPOP", "q", "0.01"],
                    ["BLPOP", "q", "0.01"],
                    ["BLMOVE", "q", "p", "LEFT", "RIGHT", "0.01"],
                    ["BLMPOP", "0.01", "1", "q", "LEFT"],
                    ["BZPOPMIN", "z", "0.01"], ["XREAD", "BLOCK", "10", "STREAMS", "st", "$"],
                    ["BLPOP", "q", "x"], ["WAIT", "0", "0"], ["MULTI"], ["BLPOP", "q", "0"],
                    ["WAIT", "1", "0"],
                    ["EXEC"],
                ], 14
            ),
            (
                [
                    ["SET", "s", "1"], ["HSCAN", "s", "0"], ["SCAN", "x"], ["SCAN"],
                    ["HSCAN", "none", "0"],
                    ["SCAN", "0", "COUNT", "0"], ["SCAN", "0", "TYPE"],
                    ["SCAN", "99999999999999999999999"],
                ], 8
            ),
            (
                [
                    ["EVALSHA", "e0e1f9fabfc9d4800c877a703b823ac0578ff8db", "0"],
                    ["EVAL", "return 1", "0"],
                    ["EVALSHA", "e0e1f9fabfc9d4800c877a703b823ac0578ff8db", "0"],
                    ["SCRIPT", "LOAD", "return 2"],
                    ["SCRIPT", "EXISTS", "7f923f79fe76194c868d7e1d0820de36700eb649"],
                    ["SCRIPT", "KILL"],
                    ["FUNCTION", "KILL"], ["SCRIPT", "FLUSH"],
                    ["EVAL_RO", "return redis.call('set','a','b')", "0"],
                    ["MULTI"], ["EVAL", "return {1,2}", "0"], ["EXEC"],
                ], 12
            ),
        ]
        for (requests, replies) in rows where replies > 0 {
            _ = try deployment.master.client().run("FLUSHALL")
            _ = try deployment.master.client().run("SCRIPT", "FLUSH")
            let direct = try exchange(deployment.master, version, requests, replies)
            _ = try deployment.master.client().run("FLUSHALL")
            _ = try deployment.master.client().run("SCRIPT", "FLUSH")
            let proxied = try exchange(deployment.proxy, version, requests, replies)
            for (ours, theirs) in zip(proxied, direct) { #expect(ours == theirs, "\(requests)") }
        }
    }

    /// A listener outlives the master: it goes on at a replica, and back at a master that has come back.
    @Test func listenerOutlivesServers() throws {
        guard let deployment = try Deployment(replicas: 1) else { return }
        let listener = try deployment.proxy.client()
        #expect(try listener.run("SUBSCRIBE", "a").items?[2] == .integer(1))
        #expect(try deployment.proxy.client().run("PUBLISH", "a", "one") == .integer(1))
        #expect(try listener.readReply().items?.last == .bulk("one"))
        deployment.master.process.kill()
        let replica = try deployment.replicas[0].client()
        let isThere = try wait {
            try replica.run("PUBSUB", "NUMSUB", "a").items?.last == .integer(1)
        }
        #expect(isThere)
        #expect(try replica.run("PUBLISH", "a", "two") == .integer(1))
        #expect(try listener.readReply().items?.last == .bulk("two"))
        let master = try LiveServer.start(
            path: RedisServer.path!, onPort: deployment.master.port
        ) { port in
            ["--port", "\(port)", "--bind", "127.0.0.1", "--save", ""]
        }
        deployment.replicas[0].process.kill()
        let direct = try master.client()
        let isBack = try wait { try direct.run("PUBSUB", "NUMSUB", "a").items?.last == .integer(1) }
        #expect(isBack)
        let isHeard = try wait {
            try deployment.proxy.client().run("PUBLISH", "a", "three") == .integer(1)
        }
        #expect(isHeard)
        #expect(try listener.readReply().items?.last == .bulk("three"))
    }

    /// Clients that hang up leave no trace: no listener is counted, and what is pushed for a blocked one stays.
    @Test func hangingUp() throws {
        guard let deployment = try Deployment(replicas: 0) else { return }
        let direct = try deployment.master.client()
        do {
            let listener = try deployment.proxy.client()
            _ = try listener.run("SUBSCRIBE", "a")
            let blocked = try deployment.proxy.client()
            try blocked.send(["BLPOP", "q", "0"])
            let isBlocked = try wait {
                try direct.run("INFO", "clients").text?.contains("blocked_clients:1\r\n") == true
            }
            #expect(isBlocked)
            withExtendedLifetime((listener, blocked)) {}
        }
        let isGone = try wait {
            try direct.run("PUBSUB", "NUMSUB", "a").items?.last == .integer(0)
                && direct.run("INFO", "clients").text?.contains("blocked_clients:0\r\n") == true
        }
        #expect(isGone)
        _ = try direct.run("RPUSH", "q", "x")
        #expect(try direct.run("LLEN", "q") == .integer(1))
    }

    /// A replica that has lost its scripts is given them, for several clients at once and amid other reads.
    @Test func scriptsAreRepaired() throws {
        guard let deployment = try Deployment(replicas: 1) else { return }
        let loader = try deployment.proxy.client()
        let digest = try #require(try loader.run("SCRIPT", "LOAD", "return ARGV[1]").text)
        let replica = try deployment.replicas[0].client()
        let isKnown = try wait {
            try replica.run("SCRIPT", "EXISTS", digest).items == [.integer(1)]
        }
        #expect(isKnown)
        _ = try replica.run("SCRIPT", "FLUSH")
        let clients = try (0..<10).map { _ in try deployment.proxy.client() }
        for (number, client) in clients.enumerated() {
            try client.send(
                [
                    ["ECHO", "in front"], ["EVALSHA_RO", digest, "0", "\(number)"],
                    ["GET", "none"],
                ]
                .flatMap { Wire.request($0) })
        }
        for (number, client) in clients.enumerated() {
            #expect(try client.readReply() == .bulk("in front"))
            #expect(try client.readReply() == .bulk("\(number)"))
            #expect(try client.readReply() == .nullBulk)
        }
        #expect(try replica.run("SCRIPT", "EXISTS", digest).items == [.integer(1)])
        // Without a body the master is asked.
        _ = try replica.run("SCRIPT", "FLUSH")
        let master = try deployment.master.client()
        let unknown = try #require(try master.run("SCRIPT", "LOAD", "return 'unknown'").text)
        #expect(try loader.run("EVALSHA_RO", unknown, "0") == .bulk("unknown"))
    }

    /// 2,000 keys over three nodes, each page by another client; a cursor of a server that has begun anew is refused.
    @Test func walksOverThreeNodes() throws {
        guard let deployment = try Deployment(replicas: 2) else { return }
        let writer = try deployment.proxy.client()
        for number in 0..<2_000 { try writer.send(["SET", "key:\(number)", "v"]) }
        for _ in 0..<2_000 { _ = try writer.readReply() }
        #expect(try writer.run("WAIT", "2", "10000") == .integer(2))
        for _ in 0..<3 {
            var keys: Set<String> = []
            var cursor = "0"
            repeat {
                let page = try deployment.proxy.client().run("SCAN", cursor, "COUNT", "100")
                let items = try #require(page.items, "\(page)")
                cursor = try #require(items[0].text)
                keys.formUnion((items[1].items ?? []).compactMap(\.text))
            } while cursor != "0"
            #expect(keys.count == 2_000)
        }
        // Cursors of every server; then one of the servers begins anew.
        var cursors: Set<String> = []
        for _ in 0..<60 {
            let page = try deployment.proxy.client().run("SCAN", "0", "COUNT", "100")
            if let cursor = page.items?[0].text { cursors.insert(cursor) }
        }
        #expect(cursors.count == 2)
        let replica = deployment.replicas[0]
        replica.process.kill()
        let again = try LiveServer.start(path: RedisServer.path!, onPort: replica.port) { port in
            [
                "--port", "\(port)", "--bind", "127.0.0.1", "--save", "", "--replicaof",
                "127.0.0.1 \(deployment.master.port)",
            ]
        }
        let replies = try cursors.map { try deployment.proxy.client().run("SCAN", $0) }
        #expect(
            replies.filter { $0.text?.contains("begin again with cursor 0") == true }.count == 1
                || replies.contains { $0.text?.contains("cannot reach") == true })
        withExtendedLifetime(again) {}
    }

    /// What another client writes is told to a tracked one; when the master begins anew all is void first.
    @Test func invalidations() throws {
        guard let deployment = try Deployment(replicas: 0) else { return }
        let tracked = try deployment.proxy.client()
        _ = try tracked.run("HELLO", "3")
        #expect(try tracked.run("CLIENT", "TRACKING", "ON") == .simple("OK"))
        _ = try tracked.run("GET", "k")
        _ = try deployment.proxy.client().run("SET", "k", "v")
        #expect(try tracked.readReply() == .push([.bulk("invalidate"), .array([.bulk("k")])]))
        _ = try tracked.run("GET", "k")
        // The connection alone is lost: another one tracks.
        _ = try deployment.master.client().run("CLIENT", "KILL", "TYPE", "normal")
        #expect(try tracked.readReply() == .push([.bulk("invalidate"), .null]))
        _ = try tracked.run("GET", "k")
        #expect(
            wait {
                (try? deployment.proxy.client().run("SET", "k", "w")) == .simple("OK")
            })
        #expect(try tracked.readReply() == .push([.bulk("invalidate"), .array([.bulk("k")])]))
    }
}
