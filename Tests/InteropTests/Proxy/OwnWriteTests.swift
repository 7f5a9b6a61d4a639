// A client's own last write, pipelined with its read: the traffic that today's splitters answer with something older.

import RESP
import TestSupport
import Testing

@Suite(.serialized) struct OwnWriteTests {
    static let clients = 20
    static let rounds = 60

    /// With every read at the master nothing but the own last value is ever seen, pipelined or not.
    @Test(arguments: [2, 3]) func everyReadAtTheMaster(protocolVersion: Int) throws {
        let reads = SluiceProxy.Reads(includeMaster: "always")
        guard let front = try Front(replicas: 0, reads: reads) else { return }
        try pipelines(front, protocolVersion)
        let client = try front.client(speaking: protocolVersion)
        for round in 0..<200 {
            #expect(try client.run("SET", "own", "\(round)") == .simple("OK"))
            #expect(try client.run("GET", "own") == .bulk("\(round)"))
        }
    }

    /// With replicas the read follows its client's write while that is not acknowledged, so it sees it too, whoever
    /// is chosen for other reads.
    @Test(arguments: ["least_outstanding", "round_robin", "lowest_latency", "weighted"])
    func trap10_readsFollowAnUnacknowledgedWrite(balance: String) throws {
        guard let front = try Front(replicas: 2, reads: SluiceProxy.Reads(balance: balance)) else {
            return
        }
        try pipelines(front, 2)
    }

    /// Replicas that hear nothing new: pipelined reads of own writes are right still, and reads that follow an
    /// acknowledged write are old at worst, never another key's.
    @Test func replicasThatLag() throws {
        guard let front = try Front(replicas: 2), !Front.isDirect else { return }
        let master = try front.deployment.master.client()
        _ = try master.run("MSET", "a", "old a", "b", "old b")
        #expect(try front.deployment.waitUntilReplicated())
        for replica in front.deployment.replicas { try replica.pauseReplication() }
        try pipelines(front, 2)
        let client = try front.client()
        for round in 0..<100 {
            let value = "new \(round) of a"
            #expect(try client.run("SET", "a", value) == .simple("OK"))
            let replies = try client.say("GET a; GET b; ECHO \(round); GET a")
            #expect(replies[1] == .bulk("old b"))
            #expect(replies[2] == .bulk("\(round)"))
            for reply in [replies[0], replies[3]] {
                let isOwn = reply == .bulk("old a") || reply == .bulk(value)
                #expect(isOwn, "round \(round): \(reply)")
            }
        }
        for replica in front.deployment.replicas { try replica.resumeReplication() }
    }

    /// Every client sends pipelines of writes and reads of its own keys, all clients at once; each pipeline in one
    /// piece.
    private func pipelines(_ front: Front, _ version: Int) throws {
        var random = SeededRandom.announced()
        let clients = try (0..<Self.clients).map { _ in try front.client(speaking: version) }
        for round in 0..<Self.rounds {
            var expected: [[WireReply]] = []
            for (number, client) in clients.enumerated() {
                var bytes: [UInt8] = []
                var replies: [WireReply] = []
                for index in 0..<Int.random(in: 1...10, using: &random) {
                    let key = "\(number):\(index % 3)"
                    let value = "\(number)-\(round)-\(index)"
                    // Something else first now and then, which may go to a replica.
                    if index == 0, Bool.random(using: &random) {
                        bytes += Wire.request(["ECHO", value])
                        replies.append(.bulk(value))
                    }
                    bytes += Wire.request(["SET", key, value]) + Wire.request(["GET", key])
                    bytes += Wire.request(["STRLEN", key])
                    replies += [.simple("OK"), .bulk(value), .integer(value.utf8.count)]
                }
                try client.send(bytes)
                expected.append(replies)
            }
            for (client, replies) in zip(clients, expected) {
                for reply in replies {
                    let answer = try client.readReply()
                    guard answer == reply else {
                        Issue.record("round \(round): wanted \(reply), got \(answer)")
                        return
                    }
                }
            }
        }
    }

    /// Replies that come from different servers reach their client in the order of its requests.
    @Test(arguments: ["least_outstanding", "round_robin"])
    func repliesOfManyServersInOrder(balance: String) throws {
        let reads = SluiceProxy.Reads(balance: balance, includeMaster: "always")
        guard let front = try Front(replicas: 2, reads: reads) else { return }
        let master = try front.deployment.master.client()
        for index in 0..<100 { _ = try master.run("SET", "k\(index)", "value \(index)") }
        // One long value, so that one server is later than the others.
        let long = String(repeating: "long ", count: 100_000)
        _ = try master.run("SET", "long", long)
        #expect(try front.deployment.waitUntilReplicated())

        var random = SeededRandom.announced()
        let clients = try (0..<10).map { _ in try front.client() }
        for _ in 0..<20 {
            var expected: [[WireReply]] = []
            for client in clients {
                var bytes: [UInt8] = []
                var replies: [WireReply] = []
                for _ in 0..<30 {
                    let index = Int.random(in: 0..<100, using: &random)
                    let isLong = Int.random(in: 0..<60, using: &random) == 0
                    bytes += Wire.request(["GET", isLong ? "long" : "k\(index)"])
                    replies.append(.bulk(isLong ? long : "value \(index)"))
                }
                try client.send(bytes)
                expected.append(replies)
            }
            for (client, replies) in zip(clients, expected) {
                for reply in replies {
                    let answer = try client.readReply()
                    guard answer == reply else {
                        Issue.record("wanted \(reply.text!.prefix(20)), got \(answer)")
                        return
                    }
                }
            }
        }
    }
}
