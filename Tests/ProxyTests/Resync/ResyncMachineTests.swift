// What follows from what while a replica copies its master's data anew, and who is refused it.

import RESP
import Testing

@testable import Proxy

@Suite struct ResyncMachineTests {
    private typealias Event = Resync.Event

    struct Row: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let events: [Resync.Event]
        let actions: [Resync.Action]

        init(_ name: String, _ events: [Resync.Event], _ actions: [Resync.Action]) {
            (testDescription, self.events, self.actions) = (name, events, actions)
        }
    }

    private static let lost =
        "the connection was lost, and nobody knows whether it was told: its state shows"
    private static let mute = "its master cannot be asked how many copies it has given"
    private static let late = "it has neither begun to copy nor come back for too long"

    /// The actions behind `.count`, with which each begins.
    private static let rows: [Row] = [
        Row(
            "it copies",
            [.counted(3), .drained, .accepted, .follows(isWhole: true), .counted(4)],
            [.withdraw, .tell, .count, .release, .succeed]),
        Row(
            "a master that does not count",
            [.counted(nil), .drained, .accepted, .follows(isWhole: true), .counted(nil)],
            [.withdraw, .tell, .count, .release, .succeed]),
        Row(
            "no copy was given",
            [.counted(3), .drained, .accepted, .follows(isWhole: true), .counted(3)],
            [
                .withdraw, .tell, .count, .release,
                .fail("it says that it has copied, and its master has given no copy since"),
            ]),
        Row(
            "it goes on where it was",
            [.counted(3), .drained, .accepted, .follows(isWhole: false)],
            [
                .withdraw, .tell, .release,
                .fail("its master let it go on where it was, so that it has copied nothing"),
            ]),
        Row(
            "it is whole before it was told", [.counted(3), .follows(isWhole: true), .drained],
            [.withdraw, .tell]),
        Row(
            "it refuses", [.counted(3), .drained, .refused("no"), .accepted],
            [.withdraw, .tell, .release, .fail("no")]),
        Row(
            "it has left its master and does not come back",
            [.counted(3), .drained, .abandoned("no")],
            [.withdraw, .tell, .followAgain, .release, .fail("no")]),
        Row(
            "the connection is lost", [.counted(3), .drained, .lost],
            [.withdraw, .tell, .release, .fail(lost)]),
        Row("the master says nothing", [.lost, .counted(1)], [.fail(mute)]),
        Row(
            "the master says nothing at the end",
            [.counted(3), .drained, .accepted, .follows(isWhole: true), .lost],
            [.withdraw, .tell, .count, .release, .fail(mute)]),
        Row("another master, at once", [.changed("x")], [.fail("x")]),
        Row(
            "another master", [.counted(3), .drained, .accepted, .changed("x"), .late],
            [.withdraw, .tell, .release, .fail("x")]),
        Row(
            "it does not come back", [.counted(3), .drained, .accepted, .late],
            [.withdraw, .tell, .release, .fail(late)]),
    ]

    @Test(arguments: rows) func follows(row: Row) {
        var (machine, actions) = Resync.begin()
        #expect(actions == [.count])
        actions = []
        for event in row.events { actions += machine.hear(event) }
        #expect(actions == row.actions)
    }

    /// What a replica's answers to the four words mean.
    @Test(arguments: [
        (["+OK", "+QUEUED", "+QUEUED", "*2\r\n+OK\r\n+OK"], Resync.Event.accepted),
        (
            ["+OK", "-NOPERM no", "+QUEUED", "-EXECABORT Transaction discarded"],
            .refused("it refuses: NOPERM no")
        ),
        (["-ERR unknown", "+OK", "+OK", "-ERR EXEC"], .refused("it refuses: ERR unknown")),
        (["+OK", "+QUEUED", "+QUEUED", "*2\r\n-ERR a\r\n+OK"], .refused("it refuses: ERR a")),
        (["+OK", "+QUEUED", "+QUEUED", "*2\r\n+OK\r\n-ERR b"], .abandoned("it refuses: ERR b")),
        (
            ["+OK", "+QUEUED", "+QUEUED", "*-1"],
            .refused("it refuses: EXEC was answered by nothing")
        ),
    ]) func outcomes(answers: [String], event: Resync.Event) {
        #expect(ResyncPlan.outcome(of: answers.map { Array("\($0)\r\n".utf8) }) == event)
        let cut = answers.dropLast().map { Array("\($0)\r\n".utf8) } + [nil]
        #expect(ResyncPlan.outcome(of: cut) == .lost)
    }

    // MARK: Who may

    private static func candidate(
        _ server: Int, _ change: (inout ResyncCandidate) -> Void = { _ in }
    ) -> ResyncCandidate {
        var candidate = ResyncCandidate(
            server: server, endpoint: .tcp(host: "r\(server)", port: 1), history: "h",
            following: "10.0.0.1:6379")
        change(&candidate)
        return candidate
    }

    private static func plan(
        _ host: String = "r1", history: String? = "h", masterMayBeRead: Bool = true,
        trouble: String? = nil, among replicas: [ResyncCandidate]
    ) throws(CommandRefusal) -> ResyncPlan {
        try ResyncPlan.make(
            of: .tcp(host: host, port: 1), master: .tcp(host: "m", port: 1), history: history,
            among: replicas, masterMayBeRead: masterMayBeRead, trouble: trouble)
    }

    @Test func planned() throws {
        let plan = try Self.plan(among: [Self.candidate(1), Self.candidate(2)])
        #expect(plan == ResyncPlan(server: 1, source: ["10.0.0.1", "6379"], isLast: false))
        #expect(
            plan.words == [
                ["MULTI"], ["REPLICAOF", "NO", "ONE"], ["REPLICAOF", "10.0.0.1", "6379"], ["EXEC"],
            ])
        let last = try Self.plan(
            among: [Self.candidate(1), Self.candidate(2) { $0.isReadable = false }])
        #expect(last.isLast)
        #expect(
            try Self.plan(
                masterMayBeRead: false, among: [Self.candidate(1), Self.candidate(2)]
            ).isLast == false)
    }

    @Test func refused() {
        let one = [Self.candidate(1)]
        func refuses(_ text: String, _ body: () throws(CommandRefusal) -> ResyncPlan) {
            #expect(throws: CommandRefusal("ERR \(text)")) { _ = try body() }
        }
        refuses("so") { () throws(CommandRefusal) in try Self.plan(trouble: "so", among: one) }
        refuses("m:1 is the master, which copies from nobody") { () throws(CommandRefusal) in
            try Self.plan("m", among: one)
        }
        refuses("x:1 is not known here, expected one of r1:1") { () throws(CommandRefusal) in
            try Self.plan("x", among: one)
        }
        refuses("r1:1 does not answer") { () throws(CommandRefusal) in
            try Self.plan(among: [Self.candidate(1) { $0.isAnswering = false }])
        }
        for change in [
            { (replica: inout ResyncCandidate) in replica.isReplica = false },
            { $0.history = "other" }, { $0.history = nil },
        ] {
            refuses("r1:1 is no replica in the master's history") { () throws(CommandRefusal) in
                try Self.plan(among: [Self.candidate(1, change)])
            }
        }
        refuses("r1:1 takes a copy already") { () throws(CommandRefusal) in
            try Self.plan(among: [Self.candidate(1) { $0.isAtWork = true }])
        }
        refuses("r1:1 does not say whom it follows") { () throws(CommandRefusal) in
            try Self.plan(among: [Self.candidate(1) { $0.following = nil }])
        }
        refuses(
            "r1:1 is the last replica that can be read, and reads.include_master is never"
        ) { () throws(CommandRefusal) in try Self.plan(masterMayBeRead: false, among: one) }
    }
}
