// Tokens between two proxies before one master with real servers: what one client has written is what another reads
// through the other proxy, however far behind the replicas are.

import Foundation
import RESP
import TestSupport
import Testing

@Suite(.serialized) struct CausalTokenTests {
    private func token(_ client: RESPClient) throws -> String {
        try #require(try client.run("PROXY", "TOKEN").text)
    }

    /// The second proxy reads from any replica at its own level; only the token makes it wait for the write.
    @Test(arguments: ["eventual", "session", "fresh", "bounded"])
    func betweenProxies(level: String) throws {
        let reads = SluiceProxy.Reads(consistency: "fresh")
        guard let front = try Front(replicas: 2, reads: reads), !Front.isDirect else { return }
        let second = try Front(before: front.deployment, reads: reads)
        let (writer, reader) = (try front.client(), try second.client())
        #expect(try reader.run("PROXY", "CONSISTENCY", level) == .simple("OK"))
        for round in 0..<100 {
            if round % 10 == 5 {
                for replica in front.deployment.replicas { try replica.pauseReplication() }
            }
            #expect(try writer.run("SET", "k", "\(round)") == .simple("OK"))
            #expect(try reader.run("PROXY", "AFTER", try token(writer)) == .simple("OK"))
            #expect(try reader.run("GET", "k") == .bulk("\(round)"))
            if round % 10 == 7 {
                for replica in front.deployment.replicas { try replica.resumeReplication() }
            }
        }
    }

    /// Without a token the second proxy reads what replicas have, or the test above would show nothing.
    @Test func theTestCanFail() throws {
        guard let front = try Front(replicas: 2, reads: .init(consistency: "fresh")),
            !Front.isDirect
        else { return }
        let second = try Front(before: front.deployment, reads: .init(consistency: "fresh"))
        let (writer, reader) = (try front.client(), try second.client())
        #expect(try writer.run("SET", "k", "old") == .simple("OK"))
        #expect(try reader.run("PROXY", "AFTER", try token(writer)) == .simple("OK"))
        #expect(try reader.run("RESET") == .simple("RESET"))
        for replica in front.deployment.replicas { try replica.pauseReplication() }
        #expect(try writer.run("SET", "k", "new") == .simple("OK"))
        #expect(try reader.run("GET", "k") == .bulk("old"))
        #expect(try reader.run("PROXY", "AFTER", try token(writer)) == .simple("OK"))
        #expect(try reader.run("GET", "k") == .bulk("new"))
        for replica in front.deployment.replicas { try replica.resumeReplication() }
    }

    /// Once the replicas have what a token stands for they answer, and a token outlives the proxy that gave it.
    @Test func replicasAnswer() throws {
        let reads = SluiceProxy.Reads(consistency: "fresh")
        guard let front = try Front(replicas: 1, reads: reads), !Front.isDirect else { return }
        let writer = try front.client()
        #expect(try writer.run("SET", "k", "1") == .simple("OK"))
        let token = try token(writer)
        front.server.process.send(signal: SIGKILL)
        let second = try Front(before: front.deployment, reads: reads)
        let reader = try second.client()
        #expect(try reader.run("PROXY", "AFTER", token) == .simple("OK"))
        let replica = front.deployment.replicas[0]
        try replica.resetStatistics()
        let isAnswered = try wait {
            #expect(try reader.run("GET", "k") == .bulk("1"))
            return try replica.commandStatistics()["get"].calls > 0
        }
        #expect(isAnswered, "the replica never answers behind a token")
    }

    /// A failover: the promoted replica has what it had applied, and a token for more is refused; another deployment's
    /// is refused as well.
    @Test func anotherHistory() throws {
        let reads = SluiceProxy.Reads(consistency: "fresh")
        guard let front = try Front(replicas: 1, reads: reads), !Front.isDirect else { return }
        let (old, new) = (front.deployment.master, front.deployment.replicas[0])
        let writer = try front.client()
        #expect(try writer.run("SET", "k", "kept") == .simple("OK"))
        let kept = try token(writer)
        #expect(try front.deployment.waitUntilReplicated())
        try new.pauseReplication()
        #expect(try writer.run("SET", "k", "lost") == .simple("OK"))
        let lost = try token(writer)
        old.kill()
        #expect(try new.client().run("REPLICAOF", "NO", "ONE") == .simple("OK"))
        let proxy = try SluiceProxy.start(master: try #require(new.server), [])
        let reader = try proxy.client()
        #expect(try reader.run("PROXY", "AFTER", kept) == .simple("OK"))
        #expect(try reader.run("GET", "k") == .bulk("kept"))
        guard case .error(let refusal) = try reader.run("PROXY", "AFTER", lost) else {
            Issue.record("a token for what was lost is taken")
            return
        }
        #expect("\(refusal)".hasPrefix("LOSTTOKEN"))
        guard let other = try Front(replicas: 0) else { return }
        guard case .error = try other.client().run("PROXY", "AFTER", kept) else {
            Issue.record("another deployment's token is taken")
            return
        }
    }
}
