// Events with real servers, heard on the proxy's own port: a replica that stops, one that falls behind and catches up,
// a master that comes back empty, and the loss of all of them.

import Foundation
import RESP
import TestSupport
import Testing

@Suite(.serialized) struct EventTests {
    private static let channel = "__sluice__:events"

    /// What one who listens has heard so far.
    private final class Listener {
        let client: RESPClient
        let version: Int

        init(_ front: Front, version: Int, _ channels: [String]) throws {
            self.version = version
            client = try front.client(speaking: version)
            try client.send(["SUBSCRIBE"] + channels)
            for (number, channel) in channels.enumerated() {
                let reply = try client.readReply()
                #expect(reply == frame([.bulk("subscribe"), .bulk(channel), .integer(number + 1)]))
            }
        }

        private func frame(_ items: [WireReply]) -> WireReply {
            version == 3 ? .push(items) : .array(items)
        }

        /// The next message on a channel that fits; what comes before it is passed over.
        func hear(on channel: String, _ fits: (String) throws -> Bool) throws -> String {
            let deadline = ContinuousClock().now.advanced(by: .seconds(60))
            while ContinuousClock().now < deadline {
                let reply = try client.readReply()
                guard let items = reply.items, items.count == 3, reply == frame(items),
                    items[0] == .bulk("message"), let text = items[2].text
                else { throw SupportError("this is no message: \(reply)") }
                if items[1] == .bulk(channel), try fits(text) { return text }
            }
            throw SupportError("it was not told on \(channel)")
        }

        /// The next event of this kind about a backend.
        @discardableResult
        func event(
            _ kind: String, _ state: String? = nil, of node: RedisNode
        ) throws -> [String: Any] {
            var found: [String: Any] = [:]
            _ = try hear(on: EventTests.channel) { line in
                let object = try JSONSerialization.jsonObject(with: Data(line.utf8))
                found = try #require(object as? [String: Any])
                return found["event"] as? String == kind
                    && (state == nil || found["state"] as? String == state)
                    && found["backend"] as? String == "\(node.endpoint)"
            }
            return found
        }
    }

    /// A replica that is stopped goes and comes back, and is told of beside what others publish.
    @Test(arguments: [2, 3]) func stoppedReplica(version: Int) throws {
        guard let front = try Front(replicas: 1, ["threads: 2"]), !Front.isDirect else { return }
        let replica = front.deployment.replicas[0]
        // The workers deal the clients out among them: all are told.
        let listeners = try (0..<6).map { _ in
            try Listener(front, version: version, ["news", EventTests.channel])
        }
        replica.freeze()
        for listener in listeners {
            let event = try listener.event("state", "ejected", of: replica)
            #expect(event["old_state"] as? String == "healthy")
            #expect(event["reason"] as? String == "it does not answer")
        }
        let client = try front.client()
        #expect(try client.run("PUBLISH", "news", "hello") == .integer(6))
        for listener in listeners {
            #expect(try listener.hear(on: "news") { _ in true } == "hello")
        }
        replica.thaw()
        for listener in listeners { try listener.event("state", "healthy", of: replica) }
        let refusal = try client.run("PUBLISH", EventTests.channel, "{}")
        #expect(refusal.text?.contains("are the proxy's own") == true)
        let events = try client.run("PROXY", "EVENTS", "2").items ?? []
        #expect(events.map { $0[key: "state"]?.text } == ["healthy", "ejected"])
    }

    /// A replica that does not apply what its master sends: the alarm, reads at the master, and the recovery.
    @Test func laggingReplica() throws {
        let lines = ["  max_lag_bytes: 10KB", "  max_lag: 1h"]
        guard let front = try Front(replicas: 1, lines), !Front.isDirect else { return }
        let replica = front.deployment.replicas[0]
        let listener = try Listener(front, version: 2, [EventTests.channel])
        let client = try front.client()
        try replica.pauseReplication()
        let value = String(repeating: "x", count: 50_000)
        #expect(try client.run("SET", "k", value) == .simple("OK"))
        let alarm = try listener.event("lag_alarm", "lagging", of: replica)
        #expect(try #require(alarm["lag_bytes"] as? Int) > 50_000)
        #expect(alarm["lag_ms"] is Int)
        // Level eventual does not read it either.
        #expect(try client.run("GET", "k") == .bulk(value))
        let backend = try client.run("PROXY", "BACKENDS").items?[1]
        #expect(backend?[key: "state"]?.text == "lagging")
        #expect(backend?[key: "slave_priority"] == .integer(100))
        #expect(backend?[key: "link"] == .bulk("up"))
        #expect(
            backend?[key: "master_replid"]?.text
                == (try replica.information("replication", "master_replid")))
        try replica.resumeReplication()
        let recovery = try listener.event("lag_recovery", "healthy", of: replica)
        #expect(try #require(recovery["lag_bytes"] as? Int) <= 5_000)
    }

    /// A master that has lost its keys with its process, and the loss of all servers: who listens hears of it.
    @Test func emptyMaster() throws {
        guard let front = try Front(replicas: 1), !Front.isDirect else { return }
        let (master, replica) = (front.deployment.master, front.deployment.replicas[0])
        let client = try front.client()
        for number in 0..<20 { _ = try client.run("SET", "k\(number)", "v") }
        // So many keys the proxy has seen there when it has been told of them itself.
        let offset = try #require(try master.information("replication", "master_repl_offset"))
        let isSeen = try wait {
            let backend = try client.run("PROXY", "BACKENDS").items?[0]
            return backend?[key: "offset"]?.number ?? 0 >= Int(offset) ?? .max
        }
        #expect(isSeen)
        let listener = try Listener(front, version: 2, [EventTests.channel])
        master.kill()
        try listener.event("state", "down", of: master)
        try master.empty()
        try master.restart()
        let event = try listener.event("empty_master", of: master)
        #expect((event["reason"] as? String)?.contains("had 20") == true)
        replica.kill()
        try listener.event("state", "down", of: replica)
        master.kill()
        try listener.event("state", "down", of: master)
        // Nobody is left, and it can be listened to all the same.
        _ = try Listener(front, version: 3, [EventTests.channel])
    }

    /// Confirmations are those that redis-server gives for any other channel, with other channels and without.
    @Test(arguments: [2, 3]) func confirmationsAreThoseOfRedis(version: Int) throws {
        guard let front = try Front(replicas: 0), !Front.isDirect else { return }
        let lines = [
            ["SUBSCRIBE", "%"], ["SUBSCRIBE", "a", "%", "b", "%"], ["UNSUBSCRIBE", "%", "a"],
            ["PSUBSCRIBE", "x*"], ["SUBSCRIBE", "%"], ["UNSUBSCRIBE", "b", "%"],
            ["SUBSCRIBE", "%"], ["PUNSUBSCRIBE"], ["UNSUBSCRIBE", "no"], ["UNSUBSCRIBE"],
            ["UNSUBSCRIBE", "%"], ["SUBSCRIBE", "%", "z"], ["UNSUBSCRIBE", "z"], ["PING"],
            ["UNSUBSCRIBE"], ["PING"],
        ]
        let counts = [1, 4, 2, 1, 1, 2, 1, 1, 1, 1, 1, 2, 1, 1, 1, 1]
        let replies = try [
            (try front.client(speaking: version), EventTests.channel),
            (try front.deployment.master.server!.client(speaking: version), "any"),
        ].map { client, name in
            try zip(lines, counts).map { words, count in
                try client.send(words.map { $0 == "%" ? name : $0 })
                return try (0..<count).map { _ in
                    let reply = try client.readReply()
                    guard let items = reply.items else { return reply }
                    let shown = items.map { $0 == .bulk(name) ? .bulk("%") : $0 }
                    return version == 3 ? WireReply.push(shown) : .array(shown)
                }
            }
        }
        #expect(replies[0] == replies[1])
    }
}
