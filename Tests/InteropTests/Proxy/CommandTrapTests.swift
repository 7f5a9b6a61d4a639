// Traps that other proxies fell into, by their numbers: which commands go where, and what sessions share.

import RESP
import TestSupport
import Testing

@Suite(.serialized) struct CommandTrapTests {
    /// Tries the rows of these commands, in both protocols.
    private func tryRows(of commands: String) throws {
        let rows = PlacedCommand.rows(of: commands)
        let names = Set(rows.flatMap { $0.requests.map { $0[0].lowercased() } })
        for command in commands.split(whereSeparator: { " \n".contains($0) }) {
            #expect(names.contains(command.lowercased()), "no row of \(command)")
        }
        guard let front = try Front(replicas: 2) else { return }
        for version in [2, 3] {
            for row in rows { try Trial(row: row, front: front, version: version).run() }
        }
    }

    /// Writes that tables made by hand have sent to replicas.
    @Test func trap01_tablesMadeByHandRot() throws {
        try tryRows(
            of: """
                GETSET GETEX PUBLISH XADD XACK XDEL XTRIM XCLAIM XAUTOCLAIM SORT GEORADIUS
                GEORADIUSBYMEMBER BITFIELD
                """)
    }

    /// Commands that are in nobody's table, under names that only these servers have: they run, reads and writes;
    /// what no server knows is refused as the master refuses it.
    @Test(arguments: [2, 3]) func trap01_commandsOfServersWithTheirOwnNames(version: Int) throws {
        let names = [
            "--rename-command", "LPOS", "FINDIN", "--rename-command", "LPUSHX", "PUTAWAY",
        ]
        guard let front = try Front(replicas: 2, masterArguments: names, replicaArguments: names)
        else { return }
        _ = try front.deployment.master.client().run("RPUSH", "l", "a", "b")
        try #require(try front.deployment.waitUntilReplicated())
        let master = try #require(front.deployment.master.server).client(speaking: version)
        let client = try front.client(speaking: version)
        for _ in 0..<10 {
            #expect(try client.run("FINDIN", "l", "b") == .integer(1))
            #expect(try client.run("findin", "l", "none").text == nil)
        }
        #expect(try client.run("PUTAWAY", "l", "c") == .integer(3))
        #expect(try client.say("MULTI; PUTAWAY l d; EXEC").last == .array([.integer(4)]))
        for request in ["LPOS l b", "FINDIN l", "PUTAWAY", "MULTI; FINDIN; EXEC"] {
            let requests = Words.requests(request)
            #expect(try client.exchange(requests) == master.exchange(requests), "\(request)")
        }
    }

    /// SELECT, MULTI and CLIENT under names of the server's own change no connection that others use.
    @Test func trap01_sessionCommandsUnderOtherNames() throws {
        let names = [
            "--rename-command", "SELECT", "CHOOSE", "--rename-command", "MULTI", "BEGIN",
            "--rename-command", "HELLO", "GREET",
        ]
        guard let front = try Front(replicas: 0, masterArguments: names), !Front.isDirect else {
            return
        }
        let (client, other) = (try front.client(), try front.client())
        for _ in 0..<3 {
            #expect(try client.run("CHOOSE", "1") == .simple("OK"))
            #expect(try client.run("BEGIN") == .simple("OK"))
            #expect(try client.run("GREET", "3").items != nil)
            #expect(try client.say("MULTI; CHOOSE 1; EXEC").count == 3)
            for one in [client, other] {
                #expect(try one.run("SET", "k", "v") == .simple("OK"))
                #expect(try one.run("HGETALL", "none") == .array([]))
                #expect(try one.say("BLPOP none 0.01") == [.nullArray])
            }
        }
        let master = try #require(front.deployment.master.server).client()
        #expect(try master.run("DBSIZE") == .integer(1))
        _ = try master.run("CHOOSE", "1")
        #expect(try master.run("DBSIZE") == .integer(0))
    }

    /// What flags do not tell.
    @Test func trap02_flagsAreNotTheWholeTruth() throws {
        try tryRows(
            of: """
                PFCOUNT EVAL EVALSHA FCALL PUBLISH SPUBLISH TOUCH OBJECT MEMORY DBSIZE RANDOMKEY INFO
                LASTSAVE SLOWLOG LATENCY
                """)
    }

    @Test func trap03_writesThatLookLikeReads() throws {
        try tryRows(
            of: """
                SORT GEORADIUS BITFIELD GETEX GETDEL XREADGROUP SPOP EXPIRE SWAPDB FUNCTION WAIT SCRIPT
                TOUCH
                """)
    }

    /// A message through the proxy reaches subscribers through the proxy and at every server.
    @Test(arguments: [2, 3]) func trap04_messagesReachEverySubscriber(version: Int) throws {
        guard let front = try Front(replicas: 2) else { return }
        let servers =
            front.deployment.nodes.compactMap(\.server) + Array(repeating: front.server, count: 6)
        let subscribers = try servers.map { try $0.client(speaking: version) }
        for subscriber in subscribers {
            try subscriber.send(["SUBSCRIBE", "news"])
            #expect(try subscriber.readReply().items?[0] == .bulk("subscribe"))
            try subscriber.send(["PSUBSCRIBE", "wea*"])
            #expect(try subscriber.readReply().items?[0] == .bulk("psubscribe"))
        }
        let publisher = try front.client(speaking: version)
        for number in 0..<20 {
            #expect(try publisher.run("PUBLISH", "news", "\(number)").number != nil)
            #expect(try publisher.run("PUBLISH", "weather", "\(number)").number != nil)
        }
        for subscriber in subscribers {
            for number in 0..<20 {
                let news = try subscriber.readReply().items ?? []
                #expect(news == [.bulk("message"), .bulk("news"), .bulk("\(number)")])
                let weather = try subscriber.readReply().items ?? []
                #expect(
                    weather == [
                        .bulk("pmessage"), .bulk("wea*"), .bulk("weather"), .bulk("\(number)"),
                    ])
            }
        }
    }

    /// A replica counts keys that have expired, which it hides only from reads.
    @Test func trap11_replicasKeepExpiredKeys() throws {
        try tryRows(of: "DBSIZE RANDOMKEY MEMORY")
        guard let front = try Front(replicas: 2) else { return }
        let client = try front.client()
        #expect(try client.run("SET", "short", "v", "PX", "1") == .simple("OK"))
        let isGone = try wait { try client.run("DBSIZE") == .integer(0) }
        #expect(isGone)
        for _ in 0..<20 {
            #expect(try client.say("GET short; EXISTS short; RANDOMKEY; TTL short")[1].number == 0)
        }
    }

    /// Scripts that one server knows and another has never heard of, or has forgotten.
    @Test(arguments: [2, 3]) func trap12_scriptsAreKnownByOneServer(version: Int) throws {
        guard let front = try Front(replicas: 2) else { return }
        let deployment = front.deployment
        let client = try front.client(speaking: version)
        _ = try client.run("SET", "k", "v")
        try #require(try deployment.waitUntilReplicated())
        let plain = "return redis.call('GET', KEYS[1])"
        let flagged = "#!lua flags=no-writes\nreturn redis.call('GET', KEYS[1])"
        for script in [plain, flagged] {
            let digest = try #require(try client.run("SCRIPT", "LOAD", script).text)
            for round in 0..<30 {
                if round == 10 {
                    // Behind the proxy's back, as a restart would.
                    for node in deployment.replicas { _ = try node.client().run("SCRIPT", "FLUSH") }
                }
                #expect(try client.run("EVALSHA_RO", digest, "1", "k") == .bulk("v"))
                #expect(try client.run("EVALSHA", digest, "1", "k") == .bulk("v"))
                let replies = try client.say("GET k; EVALSHA_RO \(digest) 1 k; ECHO \(round)")
                #expect(replies == [.bulk("v"), .bulk("v"), .bulk("\(round)")])
            }
        }
        let unknown = String(repeating: "0", count: 40)
        for name in ["EVALSHA", "EVALSHA_RO"] {
            let reply = try client.run(name, unknown, "1", "k")
            #expect(reply.text?.hasPrefix("NOSCRIPT") == true, "\(reply)")
        }
        #expect(try client.run("SCRIPT", "FLUSH") == .simple("OK"))
        let digest = "4e6d8fc8bb01276962cce5371fa795a7763657ae"
        for name in ["EVALSHA", "EVALSHA_RO"] {
            #expect(try client.run(name, digest, "1", "k").text?.hasPrefix("NOSCRIPT") == true)
        }
    }

    /// What is watched is the master's key, on a connection that nobody else has; a client that leaves in the middle
    /// leaves nothing behind.
    @Test(arguments: [2, 3]) func trap13_watchedKeysAreTheMasters(version: Int) throws {
        guard let front = try Front(replicas: 2) else { return }
        if !Front.isDirect {
            for replica in front.deployment.replicas { try replica.pauseReplication() }
        }
        let first = try front.client(speaking: version)
        let second = try front.client(speaking: version)
        for round in 0..<10 {
            #expect(try first.say("WATCH k; GET k").first == .simple("OK"))
            #expect(try second.run("SET", "k", "\(round)") == .simple("OK"))
            let aborted = try first.say("MULTI; SET k mine; EXEC")
            #expect(aborted.last?.items == nil && aborted.last?.isError == false, "\(aborted)")
            #expect(try first.say("WATCH k; MULTI; SET k mine; EXEC").last?.items?.count == 1)

            let leaving = try front.client(speaking: version)
            try leaving.send(Words.requests("WATCH k; MULTI; SET k left").flatMap(Wire.request))
            _ = try leaving.readReply()
            withExtendedLifetime(leaving) {}
        }
        for round in 0..<20 {
            let client = try front.client(speaking: version)
            _ = try second.run("SET", "k", "\(round)")
            let replies = try client.say("MULTI; SET mine v; GET k; EXEC").last?.items
            #expect(replies == [.simple("OK"), .bulk("\(round)")])
        }
        for replica in front.deployment.replicas { try replica.resumeReplication() }
    }

    /// Whatever is wrong with a transaction is answered where Redis answers it, and nothing of it runs.
    @Test func trap14_transactionsInTheProxy() throws {
        try tryRows(of: "MULTI EXEC DISCARD WATCH UNWATCH")
        guard let front = try Front(replicas: 2) else { return }
        let master = try front.deployment.master.client()
        for _ in 0..<20 {
            let client = try front.client()
            let requests = Words.requests("MULTI; SET left behind; INCR left")
            try client.send(requests.flatMap(Wire.request))
            #expect(try client.readReply() == .simple("OK"))
        }
        #expect(try front.client().run("SET", "k", "v") == .simple("OK"))
        #expect(try master.run("EXISTS", "left") == .integer(0))
    }

    /// What one client did to its session is not felt by others, before and after it left.
    @Test func trap16_stateIsNotShared() throws {
        guard let front = try Front(replicas: 1) else { return }
        let states = [
            "SELECT 5", "CLIENT SETNAME somebody", "HELLO 3", "CLIENT REPLY OFF",
            "CLIENT REPLY SKIP", "CLIENT TRACKING ON", "CLIENT NO-EVICT ON", "MULTI",
            "MULTI; SET k theirs", "WATCH k", "SUBSCRIBE c", "PSUBSCRIBE *", "SSUBSCRIBE c",
            "MONITOR", "READONLY", "ASKING", "BLPOP none 0", "HELLO 3; SUBSCRIBE c",
            "SELECT 5; MULTI; GET k", "HELLO 3; CLIENT TRACKING ON BCAST", "AUTH wrong",
            "CLIENT REPLY OFF; SELECT 7; SUBSCRIBE c",
        ]
        let watching = try front.client()
        for (index, state) in states.enumerated() {
            let strange = try front.client()
            try strange.send(Words.requests(state).flatMap(Wire.request))
            for client in [watching, try front.client()] {
                let replies = try client.say(
                    """
                    SET k \(index); GET k; CLIENT GETNAME; HGETALL none; MULTI; GET k; EXEC; \
                    PUBLISH c m; ECHO end
                    """)
                #expect(
                    replies.enumerated().filter { $0.offset != 7 }.map(\.element) == [
                        .simple("OK"), .bulk("\(index)"), .nullBulk, .array([]), .simple("OK"),
                        .simple("QUEUED"), .array([.bulk("\(index)")]), .bulk("end"),
                    ], "\(state)")
            }
            withExtendedLifetime(strange) {}
        }
        let last = try front.deployment.master.client().run("GET", "k")
        #expect(last == .bulk("\(states.count - 1)"))
    }

    /// Pushes come between the replies of their own client, and no reply is taken for a push or the other way round.
    @Test func trap16_pushesAreNotReplies() throws {
        guard let front = try Front(replicas: 2) else { return }
        let publisher = try front.client()
        let subscribers = try (0..<4).map { _ in try front.client(speaking: 3) }
        let others = try (0..<4).map { _ in try front.client(speaking: 3) }
        for subscriber in subscribers {
            try subscriber.send(["SUBSCRIBE", "c"])
            #expect(try subscriber.readReply().items?.count == 3)
        }
        for round in 0..<50 {
            for client in subscribers + others {
                let requests = (0..<5).flatMap { Wire.request(["ECHO", "\(round):\($0)"]) }
                try client.send(requests)
            }
            #expect(try publisher.run("PUBLISH", "c", "message \(round)").number != nil)
            for client in others {
                for index in 0..<5 {
                    #expect(try client.readReply() == .bulk("\(round):\(index)"))
                }
            }
        }
        for client in subscribers {
            var replies: [WireReply] = []
            var messages: [WireReply] = []
            while replies.count < 250 || messages.count < 50 {
                let reply = try client.readReply()
                if case .push(let items) = reply {
                    messages.append(items[2])
                } else {
                    replies.append(reply)
                }
            }
            #expect(messages == (0..<50).map { .bulk("message \($0)") })
            #expect(replies == (0..<250).map { .bulk("\($0 / 5):\($0 % 5)") })
        }
    }

    /// A client that caches what it reads hears of every change.
    @Test func trap25_trackingHearsOfChanges() throws {
        guard let front = try Front(replicas: 2) else { return }
        let reader = try front.client(speaking: 3)
        let writer = try front.client()
        #expect(try writer.run("SET", "cached", "0") == .simple("OK"))
        try #require(try front.deployment.waitUntilReplicated())
        #expect(try reader.run("CLIENT", "TRACKING", "ON") == .simple("OK"))
        #expect(try reader.run("GET", "cached") == .bulk("0"))
        for round in 1...20 {
            #expect(try writer.run("SET", "cached", "\(round)") == .simple("OK"))
            let push = try reader.readReply()
            #expect(push == .push([.bulk("invalidate"), .array([.bulk("cached")])]))
            // The server that said so has the change.
            #expect(try reader.run("GET", "cached") == .bulk("\(round)"))
        }
        #expect(try reader.run("CLIENT", "TRACKING", "OFF") == .simple("OK"))
        #expect(try writer.run("SET", "cached", "unheard") == .simple("OK"))
        #expect(try reader.run("ECHO", "end") == .bulk("end"))
    }

    @Test func trap26_administrativeCommands() throws {
        try tryRows(
            of: """
                CONFIG ACL SCRIPT FUNCTION MEMORY LATENCY SHUTDOWN REPLICAOF SLAVEOF FAILOVER DEBUG MODULE
                PSYNC SYNC REPLCONF
                """)
    }

    /// WAIT is about its client's own writes, and nobody else waits for it.
    @Test(arguments: [2, 3]) func trap27_waitHoldsUpNobodyElse(version: Int) throws {
        guard let front = try Front(replicas: 2) else { return }
        let client = try front.client(speaking: version)
        let other = try front.client(speaking: version)
        #expect(try client.say("SET k v; WAIT 2 30000").last == .integer(2))
        if Front.isDirect { return }
        for replica in front.deployment.replicas { replica.freeze() }
        try client.send(Words.requests("SET k w; WAIT 1 0").flatMap(Wire.request))
        #expect(try client.readReply() == .simple("OK"))
        for round in 0..<50 {
            #expect(try other.run("SET", "other", "\(round)") == .simple("OK"))
        }
        let impatient = try front.client(speaking: version)
        #expect(try impatient.say("SET k x; WAIT 1 100").last == .integer(0))
        for replica in front.deployment.replicas { replica.thaw() }
        let count = try client.readReply().number ?? 0
        #expect((1...2).contains(count))
    }
}
