// Who is the master, from what servers say: rows of claims and the verdict.

import RESP
import Testing

@testable import Proxy

@Suite struct SuccessionTests {
    /// The master that was adopted is server 0, seen as the process `run-0` in the history `h0`.
    private static func adopted() -> Succession {
        var succession = Succession(master: 0)
        succession.note(master(0))
        return succession
    }

    private static func master(
        _ server: Int, run: String? = nil, history: String? = nil, former: String? = nil
    ) -> Claim {
        Claim(
            server: server, role: .master, runID: Array((run ?? "run-\(server)").utf8),
            history: history ?? "h\(server)", formerHistory: former,
            address: "10.0.0.\(server):6379")
    }

    private static func replica(_ server: Int, of master: Int, history: String) -> Claim {
        Claim(
            server: server, role: .replica, runID: Array("run-\(server)".utf8), history: history,
            following: "10.0.0.\(master):6379", address: "10.0.0.\(server):6379")
    }

    private static func away(_ server: Int) -> Claim {
        Claim(server: server, isAnswering: false, address: "10.0.0.\(server):6379")
    }

    private static func adopts(_ verdict: Succession.Verdict) -> Int? {
        if case .adopt(let number, _) = verdict { number } else { nil }
    }

    /// A replica that was promoted takes over when the one before is gone, or follows it.
    @Test(arguments: [
        away(0), replica(0, of: 1, history: "h1"), replica(0, of: 1, history: "other"),
    ])
    func promoted(before: Claim) {
        let verdict = Self.adopted().judge([
            before, Self.master(1, former: "h0"), Self.replica(2, of: 1, history: "h1"),
        ])
        #expect(Self.adopts(verdict) == 1)
    }

    /// As long as the master is the process that it was, who is promoted beside it is not followed.
    @Test func promotedBeside() {
        let claims = [Self.master(0), Self.master(1, former: "h0")]
        #expect(Self.adopted().judge(claims) == .keep)
    }

    /// A master that has come back as another process is left behind by who was promoted in the meantime, whatever its
    /// own history is called now.
    @Test(arguments: ["h0", "new"])
    func trapD2_returned(history: String) {
        let claims = [
            Self.master(0, run: "again", history: history), Self.master(1, former: "h0"),
        ]
        #expect(Self.adopts(Self.adopted().judge(claims)) == 1)
    }

    /// It has come back, and nobody was promoted: it is the master, even with nothing left.
    @Test func returnedAlone() {
        let claims = [
            Self.master(0, run: "again", history: "new"), Self.replica(1, of: 0, history: "new"),
        ]
        #expect(Self.adopted().judge(claims) == .keep)
    }

    /// A stranger that says it is a master has another history.
    @Test(arguments: [
        away(0), replica(0, of: 7, history: "h7"), master(0, run: "again", history: "new"),
    ])
    func trapD2_stranger(before: Claim) {
        let verdict = Self.adopted().judge([before, Self.master(1, former: "else")])
        #expect(verdict == .keep)
    }

    /// Two were promoted from the same history: nothing tells which of them is right.
    @Test func trapD2_contested() {
        let verdict = Self.adopted().judge([
            Self.away(0), Self.master(1, former: "h0"), Self.master(2, former: "h0"),
        ])
        #expect(verdict == .contested([1, 2]))
    }

    /// Who does not answer claims nothing.
    @Test func silentHeir() {
        var heir = Self.master(1, former: "h0")
        heir.isAnswering = false
        #expect(Self.adopted().judge([Self.away(0), heir]) == .keep)
    }

    /// At the start nothing is known but what the configuration says.
    @Test func atTheStart() {
        let fresh = Succession(master: 0)
        let follower = Self.replica(2, of: 1, history: "h1")
        // The configured master is a replica: of one that is configured too.
        #expect(
            Self.adopts(
                fresh.judge([Self.replica(0, of: 1, history: "h1"), Self.master(1), follower])) == 1
        )
        // It is not there, and all replicas follow another.
        #expect(Self.adopts(fresh.judge([Self.away(0), Self.master(1), follower])) == 1)
        // Nobody follows the other.
        #expect(fresh.judge([Self.away(0), Self.master(1)]) == .keep)
        #expect(
            fresh.judge([
                Self.away(0), Self.master(1), Self.replica(2, of: 0, history: "h0"),
            ]) == .keep)
        // It has come back, and was left behind before this proxy began.
        #expect(
            Self.adopts(fresh.judge([Self.master(0), Self.master(1, former: "h0"), follower])) == 1)
        // One was promoted beside it by mistake.
        #expect(
            fresh.judge([
                Self.master(0), Self.master(1, former: "h0"),
                Self.replica(2, of: 0, history: "h0"),
            ]) == .keep)
    }
}
