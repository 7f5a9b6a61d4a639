// Whom a majority names: rows of what is said, and the verdict.

import RESP
import Testing

@testable import Proxy

@Suite struct SentinelCouncilTests {
    private static func host(_ name: String) -> Endpoint { .tcp(host: name, port: 6379) }

    private static func place(_ sentinel: Int) -> Endpoint {
        .tcp(host: "s\(sentinel)", port: 26379)
    }

    /// A row such as `1:a@3`: sentinel 1 names `a` with epoch 3. Each knows of sentinels 1 to `group`.
    private static func statements(
        _ row: String, group: Int = 3, runID: String? = nil, isDown: Bool = false,
        replicas: [SentinelTestimony.Replica] = []
    ) -> [(endpoint: Endpoint, testimony: SentinelTestimony)] {
        row.split(separator: " ").map { word in
            let parts = word.split { $0 == ":" || $0 == "@" }
            let number = Int(parts[0])!
            let others = (1...group).filter { $0 != number }
            let testimony = SentinelTestimony(
                id: "s\(number)", master: host(String(parts[1])), epoch: Int(parts[2])!,
                runID: runID, isMasterDown: isDown, replicas: replicas,
                others: others.map { .init(id: "s\($0)", endpoint: place($0)) })
            return (place(number), testimony)
        }
    }

    private static func judged(
        _ council: inout SentinelCouncil, _ row: String, group: Int = 3, named: Int = 1
    ) -> String {
        switch council.judge(statements(row, group: group), named: named) {
        case .agreed(let verdict):
            guard case .tcp(let host, _) = verdict.master else { return "?" }
            return "\(host)@\(verdict.epoch)"
        case .lacking(.tooFewAnswers): return "too few"
        case .lacking(.disagreement): return "disagreement"
        case .lacking(.outdated(let master, let epoch)): return "outdated \(master)@\(epoch)"
        }
    }

    /// What a council says that has adopted epoch 3 before.
    @Test(arguments: [
        ("1:a@3 2:a@3 3:a@3", "a@3"),
        ("1:a@3 2:a@3", "a@3"),
        ("1:a@3", "too few"),
        ("", "too few"),
        // One is behind: it takes no part in what the others say.
        ("1:b@4 2:b@4 3:a@3", "b@4"),
        ("1:b@4 2:a@3 3:a@3", "a@3"),
        ("1:b@4 2:a@3", "disagreement"),
        ("1:a@3 2:b@3 3:c@3", "disagreement"),
        // All are in a past that was left behind, or all but one.
        ("1:a@2 2:a@2 3:a@2", "outdated a:6379@2"),
        ("1:b@4 2:a@2 3:a@2", "outdated a:6379@2"),
        ("1:a@3 2:a@2 3:a@2", "outdated a:6379@2"),
        // The epoch is the one that a majority has reached.
        ("1:b@9 2:b@4 3:b@4", "b@4"),
        ("1:b@9 2:b@9 3:b@4", "b@9"),
    ])
    func afterEpochThree(row: String, verdict: String) {
        var council = SentinelCouncil(highestEpoch: 3)
        #expect(Self.judged(&council, row) == verdict)
    }

    /// The majority is one of all sentinels that anybody tells of or the configuration names.
    @Test(arguments: [
        (1, 1, "1:a@0", "a@0"), (3, 1, "1:a@0", "too few"), (1, 3, "1:a@0", "too few"),
        (1, 2, "1:a@0", "too few"), (5, 1, "1:a@0 2:a@0", "too few"),
        (5, 1, "1:a@0 2:a@0 3:a@0", "a@0"), (4, 1, "1:a@0 2:a@0", "too few"),
        // Three are named and never answer but two: the third is one that the others tell of.
        (3, 3, "1:a@0 2:a@0", "a@0"),
    ])
    func size(group: Int, named: Int, row: String, verdict: String) {
        var council = SentinelCouncil()
        #expect(Self.judged(&council, row, group: group, named: named) == verdict)
    }

    /// The highest epoch stays the highest, whoever names it no more.
    @Test func trapD2_epochsOnlyRise() {
        var council = SentinelCouncil()
        #expect(Self.judged(&council, "1:a@1 2:a@1 3:a@1") == "a@1")
        #expect(Self.judged(&council, "1:b@2 2:b@2 3:a@1") == "b@2")
        #expect(Self.judged(&council, "3:a@1") == "too few")
        #expect(Self.judged(&council, "1:a@1 2:a@1 3:a@1") == "outdated a:6379@1")
        #expect(council.highestEpoch == 2)
        #expect(Self.judged(&council, "2:b@2 3:b@2") == "b@2")
    }

    /// One that alone is ahead does not raise the bar for the others.
    @Test func oneAheadChangesNothing() {
        var council = SentinelCouncil()
        #expect(Self.judged(&council, "1:a@9 2:a@1 3:a@1") == "a@1")
        #expect(Self.judged(&council, "2:a@1 3:a@1") == "a@1")
    }

    /// A sentinel that is reached by two addresses has one vote.
    @Test func oneVoteEach() {
        var council = SentinelCouncil()
        let twice = Self.statements("1:a@1 1:a@1")
        #expect(council.judge(twice, named: 1) == .lacking(.tooFewAnswers))
        #expect(council.size == 3)
    }

    /// A minority that was told to forget the others is no majority; when a majority has forgotten somebody, he is.
    @Test func forgetting() {
        var council = SentinelCouncil()
        #expect(Self.judged(&council, "1:a@1 2:a@1 3:a@1") == "a@1")
        #expect(Self.judged(&council, "3:a@1", group: 1) == "too few")
        #expect(council.size == 3)
        #expect(Self.judged(&council, "1:a@1 2:a@1", group: 2) == "a@1")
        #expect(council.members.map(\.id) == ["s1", "s2"])
        #expect(Self.judged(&council, "1:a@1", group: 2) == "too few")
    }

    /// What is told without end is not kept without end.
    @Test func boundedMembers() {
        var council = SentinelCouncil()
        _ = Self.judged(&council, "1:a@1", group: 1_000)
        #expect(council.members.count == SentinelCouncil.mostMembers)
    }

    @Test func runIDs() {
        func runID(_ names: [String?]) -> String? {
            var council = SentinelCouncil()
            let statements = names.enumerated().flatMap { index, name in
                Self.statements("\(index + 1):a@1", runID: name)
            }
            guard case .agreed(let verdict) = council.judge(statements, named: 1) else {
                return "?"
            }
            return verdict.runID
        }
        #expect(runID(["x", "x", "y"]) == "x")
        #expect(runID(["y", "x", "x"]) == "x")
        #expect(runID([nil, nil, "y"]) == "y")
        #expect(runID(["y", "x", nil]) == "x")
        #expect(runID([nil, nil, nil]) == nil)
    }

    /// The master is down when a majority does not hear it, a replica when most of those that know it do not.
    @Test func whoIsDown() throws {
        func replica(_ name: String, isDown: Bool) -> SentinelTestimony.Replica {
            .init(endpoint: Self.host(name), isDown: isDown, isLinked: !isDown, priority: 100)
        }
        let first = Self.statements(
            "1:a@1", isDown: true, replicas: [replica("r2", isDown: true)])
        let second = Self.statements(
            "2:a@1", isDown: false,
            replicas: [replica("r2", isDown: false), replica("r1", isDown: true)])
        let third = Self.statements(
            "3:a@1", isDown: true,
            replicas: [replica("r2", isDown: true), replica("a", isDown: false)])
        var council = SentinelCouncil()
        guard case .agreed(let two) = council.judge(first + second, named: 1),
            case .agreed(let three) = council.judge(first + second + third, named: 1)
        else {
            Issue.record("no verdict")
            return
        }
        #expect(!two.isMasterDown)
        #expect(three.isMasterDown)
        #expect(
            three.replicas == [
                .init(endpoint: Self.host("r1"), isDown: true, isLinked: false, priority: 100),
                .init(endpoint: Self.host("r2"), isDown: true, isLinked: false, priority: 100),
            ])
        #expect(two.replicas.map(\.isDown) == [true, false])
    }
}
