// The audit of reads with real servers: it finds what is old where nothing was promised, and nothing at level fresh.

import Foundation
import RESP
import TestSupport
import Testing

@Suite(.serialized) struct ReadAuditTests {
    /// What was found at a level.
    private static func found(
        _ name: String, at level: String, _ client: RESPClient
    ) throws -> Int? {
        try client.run("PROXY", "STATS")[key: "audits"]?[key: level]?[key: name]?.number
    }

    /// A replica stands still, and the master goes on. Where no level asks for fences writes are marked for the audit.
    @Test(arguments: ["fresh", "eventual"]) func oldReads(levelOfProxy: String) throws {
        let reads = SluiceProxy.Reads(consistency: levelOfProxy, audit: 200)
        guard let front = try Front(replicas: 1, reads: reads), !Front.isDirect else { return }
        let client = try front.client()
        #expect(try client.run("PROXY", "CONSISTENCY", "eventual") == .simple("OK"))
        #expect(try client.run("SET", "k", "old") == .simple("OK"))
        #expect(try wait(within: .seconds(60)) { try client.run("GET", "k") == .bulk("old") })
        #expect(
            try wait(within: .seconds(60)) {
                _ = try client.run("GET", "k")
                return try Self.found("compared", at: "eventual", client) ?? 0 > 5
            })
        let before = try #require(try Self.found("stale", at: "eventual", client))
        try front.deployment.replicas[0].pauseReplication()
        #expect(try client.run("SET", "k", "new") == .simple("OK"))
        usleep(100_000)
        #expect(
            try wait(within: .seconds(60)) {
                _ = try client.run("GET", "k")
                return try Self.found("stale", at: "eventual", client) ?? 0 > before
            })
        // It is at least as old as the wait was long, but for the grain of what is known of times.
        let age = try #require(try Self.found("stale_age_ms_max", at: "eventual", client))
        #expect(age >= 50)
        try front.deployment.replicas[0].resumeReplication()
        #expect(try Self.found("stale", at: "fresh", client) == 0)
        let events = try client.run("PROXY", "EVENTS").items ?? []
        #expect(!events.contains { $0[key: "event"]?.text == "stale_read" })
    }

    /// At level fresh nothing is old, whatever becomes of the replicas; and many were looked at.
    @Test func nothingAtFresh() throws {
        let reads = SluiceProxy.Reads(consistency: "fresh", audit: 1_000)
        guard let front = try Front(replicas: 2, reads: reads), !Front.isDirect else { return }
        let (writer, reader) = (try front.client(), try front.client())
        let compared = try #require(try Self.found("compared", at: "fresh", reader))
        var version = 0
        #expect(
            try wait(within: .seconds(60)) {
                let replica = front.deployment.replicas[version % 2]
                try replica.pauseReplication()
                for _ in 0..<100 {
                    version += 1
                    _ = try writer.run("SET", "k\(version % 20)", "\(version)")
                    for key in 0..<5 { _ = try reader.run("GET", "k\((version + key) % 20)") }
                }
                try replica.resumeReplication()
                return try Self.found("compared", at: "fresh", reader) ?? 0 > compared + 200
            })
        #expect(try Self.found("stale", at: "fresh", reader) == 0)
    }
}
