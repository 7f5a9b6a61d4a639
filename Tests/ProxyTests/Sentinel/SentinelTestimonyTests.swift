// What sentinels answer, letter by letter as version 7.0 does, and what it means.

import RESP
import Testing

@testable import Proxy

@Suite struct SentinelTestimonyTests {
    private static func bulk(_ text: String) -> Reply { .bulk(Array(text.utf8)) }

    private static func fields(_ text: String) -> Reply {
        // `name=value` pairs, so that a value may be empty.
        .array(
            text.split(separator: " ").flatMap { pair in
                pair.split(separator: "=", omittingEmptySubsequences: false).map {
                    bulk(String($0))
                }
            })
    }

    private static let master =
        "name=mymaster ip=10.0.0.1 port=6379 runid=abc flags=master link-refcount=1 config-epoch=7"
        + " num-slaves=1 num-other-sentinels=1 quorum=2"
    private static let replica =
        "name=10.0.0.2:6379 ip=10.0.0.2 port=6379 runid=def flags=slave master-link-status=ok"
        + " slave-priority=90"
    private static let other = "name=s2 ip=10.0.0.12 port=26379 runid=s2 flags=sentinel"

    private static func read(
        id: Reply = bulk("s1"), master: Reply = fields(master),
        address: [String] = ["10.0.0.1", "6379"],
        replicas: [String] = [replica], others: [String] = [other]
    ) throws(SentinelRefusal) -> SentinelTestimony {
        try SentinelTestimony([
            id, master, .array(address.map(bulk)), .array(replicas.map(fields)),
            .array(others.map(fields)),
        ])
    }

    private static func host(_ number: Int, port: UInt16 = 6379) -> Endpoint {
        .tcp(host: "10.0.0.\(number)", port: port)
    }

    @Test func ordinary() throws {
        #expect(
            try Self.read()
                == SentinelTestimony(
                    id: "s1", master: Self.host(1), epoch: 7, runID: "abc", isMasterDown: false,
                    replicas: [
                        .init(
                            endpoint: Self.host(2), isDown: false, isLinked: true, priority: 90)
                    ],
                    others: [.init(id: "s2", endpoint: Self.host(12, port: 26379))]))
    }

    @Test(arguments: [
        ("master", false), ("s_down,master", true), ("s_down,o_down,master", true),
        ("master,disconnected", false), ("o_down,master,failover_in_progress", true),
    ])
    func masterFlags(flags: String, isDown: Bool) throws {
        let text = Self.master.replacing("flags=master", with: "flags=\(flags)")
        #expect(try Self.read(master: Self.fields(text)).isMasterDown == isDown)
    }

    @Test(arguments: [
        ("slave", "ok", false, true), ("s_down,slave", "ok", true, true),
        ("slave,disconnected", "err", true, false), ("slave", "err", false, false),
    ])
    func replicaFlags(flags: String, link: String, isDown: Bool, isLinked: Bool) throws {
        let text =
            "ip=10.0.0.2 port=6379 flags=\(flags) master-link-status=\(link) slave-priority=0"
        #expect(
            try Self.read(replicas: [text]).replicas == [
                .init(endpoint: Self.host(2), isDown: isDown, isLinked: isLinked, priority: 0)
            ])
    }

    /// While the leader of a failover points the others to the new master, only one of its answers names it; what the
    /// other says is about the old one.
    @Test func leaderOfAFailover() throws {
        let text = Self.master.replacing("flags=master", with: "flags=s_down,o_down,master")
        let testimony = try Self.read(master: Self.fields(text), address: ["10.0.0.2", "6379"])
        #expect(testimony.master == Self.host(2))
        #expect(testimony.epoch == 7)
        #expect(testimony.runID == nil)
        #expect(!testimony.isMasterDown)
    }

    @Test func notKnownYet() throws {
        let text = Self.master.replacing("runid=abc", with: "runid=")
        #expect(try Self.read(master: Self.fields(text)).runID == nil)
        // A sentinel that was never heard has no name, a replica without a port no place.
        let testimony = try Self.read(
            replicas: ["ip=10.0.0.2 port=0 flags=slave"],
            others: ["ip=10.0.0.12 port=26379 runid= flags=sentinel"])
        #expect(testimony.replicas == [])
        #expect(testimony.others == [])
    }

    /// Announced addresses that cannot be reached are replaced, each where it stands.
    @Test func translates() throws {
        let testimony = try Self.read().translated(by: [
            Self.host(1): .tcp(host: "nat", port: 1), Self.host(2): .tcp(host: "nat", port: 2),
            Self.host(12, port: 26379): .tcp(host: "nat", port: 12),
        ])
        #expect(testimony.master == .tcp(host: "nat", port: 1))
        #expect(testimony.replicas.map(\.endpoint) == [.tcp(host: "nat", port: 2)])
        #expect(testimony.others.map(\.endpoint) == [.tcp(host: "nat", port: 12)])
        #expect(testimony.runID == "abc")
    }

    @Test(arguments: [
        ("NOAUTH Authentication required.", SentinelRefusal.wantsPassword),
        ("WRONGPASS invalid username-password pair or user is disabled.", .wrongPassword),
        ("ERR No such master with that name", .unknownMaster),
        ("ERR unknown command 'SENTINEL', with args beginning with: 'MYID' ", .noSentinel),
        ("NOPERM no rights", .forbidden("NOPERM no rights")),
        ("ERR oh", .unreadable("it answers ERR oh")),
    ])
    func errors(line: String, refusal: SentinelRefusal) {
        #expect(throws: refusal) { try Self.read(master: .error(Array(line.utf8))) }
        #expect(throws: refusal) { try Self.read(id: .error(Array(line.utf8))) }
    }

    @Test func nonsense() {
        let noEpoch = Self.master.replacing("config-epoch", with: "epoch")
        let noPort = Self.master.replacing("port=6379", with: "port=x")
        #expect(throws: SentinelRefusal.self) { try Self.read(id: Self.bulk("")) }
        #expect(throws: SentinelRefusal.self) { try Self.read(master: Self.fields(noEpoch)) }
        #expect(throws: SentinelRefusal.self) { try Self.read(master: Self.fields(noPort)) }
        #expect(throws: SentinelRefusal.self) { try Self.read(master: .integer(1)) }
        #expect(throws: SentinelRefusal.self) { try Self.read(address: []) }
        #expect(throws: SentinelRefusal.self) { try Self.read(address: ["", "6379"]) }
    }
}
