// Who is to be the next master, and who cannot be.

import RESP
import Testing

@testable import Proxy

@Suite struct SwitchoverPlanTests {
    private static func endpoint(_ number: Int) -> Endpoint {
        .tcp(host: "10.0.0.\(number)", port: 6379)
    }

    private static func candidate(
        _ number: Int, _ change: (inout SwitchoverCandidate) -> Void = { _ in }
    ) -> SwitchoverCandidate {
        var candidate = SwitchoverCandidate(
            server: number, endpoint: endpoint(number), history: "h", offset: 100, priority: 100,
            announced: endpoint(number), priorityAtSentinels: 100)
        change(&candidate)
        return candidate
    }

    private static func plan(
        to number: Int? = nil, _ replicas: [SwitchoverCandidate], withSentinels: Bool = false,
        master: SwitchoverCandidate = candidate(0)
    ) throws(CommandRefusal) -> SwitchoverPlan {
        try SwitchoverPlan.make(
            to: number.map { endpoint($0) }, from: master, among: replicas,
            withSentinels: withSentinels)
    }

    /// By priority, then by how far it is, then by the order of the configuration.
    @Test func theBest() throws {
        let (first, second) = (Self.candidate(1), Self.candidate(2))
        #expect(try Self.plan([first, second]).target == 1)
        #expect(try Self.plan([first, Self.candidate(2) { $0.offset = 101 }]).target == 2)
        #expect(
            try Self.plan([
                Self.candidate(1) { $0.offset = 200 }, Self.candidate(2) { $0.priority = 99 },
            ]).target == 2)
        #expect(try Self.plan([Self.candidate(1) { $0.priority = 0 }, second]).target == 2)
        #expect(try Self.plan([Self.candidate(1) { $0.trouble = "x" }, second]).target == 2)
        #expect(try Self.plan(to: 2, [first, second]).target == 2)
    }

    /// What the master calls it is what the others are told; those that the master names follow it.
    @Test func names() throws {
        let replicas = [
            Self.candidate(1) { $0.announced = .tcp(host: "inside", port: 1) }, Self.candidate(2),
            Self.candidate(3) { $0.announced = nil },
        ]
        let plan = try Self.plan(to: 1, replicas)
        #expect(plan.announced == .tcp(host: "inside", port: 1))
        #expect(plan.siblings == [2])
        #expect(plan.way == .servers)
    }

    @Test(arguments: [
        (0, "ERR 10.0.0.0:6379 is the master already"),
        (9, "ERR 10.0.0.9:6379 is not known here, expected one of 10.0.0.1:6379, 10.0.0.2:6379"),
    ])
    func wrongNames(number: Int, told: String) {
        #expect(throws: CommandRefusal(told)) {
            try Self.plan(to: number, [Self.candidate(1), Self.candidate(2)])
        }
    }

    @Test(arguments: [
        (candidate(1) { $0.trouble = "it is 12 MB behind" }, "is not well: it is 12 MB behind"),
        (candidate(1) { $0.history = "g" }, "is no replica in the master's history"),
        (candidate(1) { $0.history = nil }, "is no replica in the master's history"),
        (candidate(1) { $0.isReplica = false }, "is no replica in the master's history"),
        (candidate(1) { $0.priority = 0 }, "has replica-priority 0, which means never"),
        (
            candidate(1) { $0.announced = nil },
            "is not known to the master by an address that leads there: name the one that the master's INFO has in "
                + "'backends.addresses'"
        ),
    ])
    func objections(replica: SwitchoverCandidate, told: String) {
        #expect(throws: CommandRefusal("ERR 10.0.0.1:6379 cannot be the master: " + told)) {
            try Self.plan(to: 1, [replica])
        }
        #expect(
            throws: CommandRefusal("ERR no replica can be the master: 10.0.0.1:6379 " + told)
        ) {
            try Self.plan([replica])
        }
    }

    @Test func sickMaster() {
        #expect(throws: CommandRefusal("ERR the master 10.0.0.0:6379 is not well: it is gone")) {
            try Self.plan(
                [Self.candidate(1)], master: Self.candidate(0) { $0.trouble = "it is gone" })
        }
        #expect(throws: CommandRefusal("ERR no replica can be the master")) { try Self.plan([]) }
    }

    /// Sentinels choose by priority: it is raised unless they would choose the target anyway.
    @Test(arguments: [
        (100, 100, true), (50, 100, false), (100, 50, true), (100, 0, false), (1, 2, false),
        (2, 2, true),
    ])
    func priorities(own: Int, other: Int, raises: Bool) throws {
        let plan = try Self.plan(
            to: 1,
            [
                Self.candidate(1) { $0.priorityAtSentinels = own },
                Self.candidate(2) { $0.priorityAtSentinels = other },
            ], withSentinels: true)
        #expect(plan.way == .sentinels(raisesPriority: raises))
    }

    @Test func objectionsWithSentinels() throws {
        #expect(
            throws: CommandRefusal(
                "ERR the sentinels would choose 10.0.0.2:6379, whose replica-priority is 1: set it higher there"
            )
        ) {
            try Self.plan(
                to: 1, [Self.candidate(1), Self.candidate(2) { $0.priorityAtSentinels = 1 }],
                withSentinels: true)
        }
        #expect(
            throws: CommandRefusal(
                "ERR 10.0.0.1:6379 cannot be the master: is down for the sentinels, or unknown")
        ) {
            try Self.plan(
                to: 1, [Self.candidate(1) { $0.priorityAtSentinels = nil }], withSentinels: true)
        }
        // A single replica is chosen whatever its priority is.
        #expect(
            try Self.plan([Self.candidate(1)], withSentinels: true).way
                == .sentinels(raisesPriority: false))
    }
}
