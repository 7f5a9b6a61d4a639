// Writes past the proxy, with real servers: its own are never taken for those of others, whatever command they are, and
// those of others are told of.

import Foundation
import RESP
import TestSupport
import Testing

@Suite(.serialized) struct ForeignWriteTests {
    /// Commands that write, that would and are refused, that wait, and transactions.
    private static let own: [[String]] = [
        ["SET", "a", "1"], ["INCR", "a"], ["LPUSH", "l", "x", "y"], ["LPUSH", "a", "wrong type"],
        ["SET", "a"], ["BLPOP", "l", "0"], ["BLPOP", "nothing", "0.01"], ["GETEX", "a"],
        ["SORT", "l"],
        ["XADD", "s", "*", "f", "v"], ["XGROUP", "CREATE", "s", "g", "0"],
        ["XREADGROUP", "GROUP", "g", "c", "STREAMS", "s", ">"], ["PFADD", "h", "x"],
        ["PFCOUNT", "h"], ["GEOADD", "p", "1", "1", "x"],
        ["GEORADIUS", "p", "1", "1", "1", "km"], ["BITFIELD", "b", "SET", "u8", "0", "1"],
        ["EXPIRE", "a", "1000"], ["DEL", "b"], ["MULTI"], ["SET", "t", "1"], ["INCR", "t"],
        ["EXEC"],
        ["WATCH", "t"], ["MULTI"], ["INCR", "t"], ["EXEC"], ["FUNCTION", "FLUSH"], ["FLUSHDB"],
    ]

    /// What was counted and what was found, as /status tells it.
    private static func counts(_ client: RESPClient) throws -> (found: Int, counted: Int)? {
        let writes = try client.run("PROXY", "STATUS")[key: "foreign_writes"]
        guard let found = writes?[key: "found"]?.number,
            let counted = writes?[key: "counted"]?.number
        else { return nil }
        return (found, counted)
    }

    @Test func ownAndOthers() throws {
        guard let deployment = try RedisDeployment.start(replicas: 1), !Front.isDirect else {
            return
        }
        let proxy = try SluiceProxy.start(
            before: deployment, reads: .init(consistency: "fresh"), ["threads: 2"])
        let clients = try (0..<4).map { _ in try proxy.client() }
        #expect(try wait(within: .seconds(60)) { try Self.counts(clients[0]) != nil })
        // Together, so that some are on their way whenever the master is asked.
        for _ in 0..<20 {
            for words in Self.own { for client in clients { try client.send(words) } }
            for _ in Self.own { for client in clients { _ = try client.readReply() } }
        }
        let written = 20 * 4 * 15
        #expect(
            try wait(within: .seconds(60)) { try Self.counts(clients[0])?.counted ?? 0 > written })
        #expect(try Self.counts(clients[0])?.found == 0)
        let direct = try deployment.master.client()
        // Transactions that were given up hide as many.
        #expect(
            try wait(within: .seconds(60)) {
                for number in 0..<10 { _ = try direct.run("SET", "foreign", "\(number)") }
                return try Self.counts(clients[0])?.found ?? 0 > 0
            })
        let event = try clients[0].run("PROXY", "EVENTS").items?.first {
            $0[key: "event"]?.text == "foreign_writes"
        }
        #expect(event?[key: "reason"]?.text?.hasPrefix("takes writes past this proxy") == true)
    }

    /// Where the configuration says so the master answers what must be fresh as long as there are such writes.
    @Test func readAtTheMaster() throws {
        guard let deployment = try RedisDeployment.start(replicas: 1), !Front.isDirect else {
            return
        }
        let proxy = try SluiceProxy.start(
            before: deployment,
            reads: .init(consistency: "fresh\n  on_foreign_writes: master"))
        let client = try proxy.client()
        #expect(try wait(within: .seconds(60)) { try Self.counts(client) != nil })
        _ = try deployment.master.client().run("SET", "k", "1")
        #expect(try wait(within: .seconds(60)) { try Self.counts(client)?.found == 1 })
        try deployment.replicas[0].pauseReplication()
        _ = try deployment.master.client().run("SET", "k", "2")
        #expect(try client.run("GET", "k") == .bulk("2"))
        try deployment.replicas[0].resumeReplication()
    }
}
