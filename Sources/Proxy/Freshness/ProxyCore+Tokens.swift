// PROXY TOKEN and PROXY AFTER: the master is asked where it is, and the answer makes a token, or says whether it has
// what one stands for.
//
//     TOKEN   all replies are here ──▶ INFO ──▶ the master is at n of history h, and all that was seen is behind that
//     AFTER   INFO ──▶ it has n of h ──▶ whoever delivers the next watermark has it too, and reads ask for that
//
// So a replica's own offset proves nothing here: who has the token is found out as it is for fresh reads.

import RESP

/// What a client wants to know of the master's position.
enum CausalWish {
    /// A token for all that the client has seen and written.
    case token
    /// That its reads see what this token stands for.
    case after(CausalToken)
}

/// Clients that wait for the master to say where it is.
struct CausalWaits {
    struct Wait {
        let client: ConnectionID
        let wish: CausalWish
        let due: Instant
    }

    /// A question is on its way, and answers those who were there when it was sent. Whoever came later waits for the
    /// next: for a token the master must be asked behind the client's replies.
    var isAsking = false
    var asked: [Wait] = []
    var waiting: [Wait] = []
    /// When the master is asked again that could not be asked, or has not said.
    var retryAt: Instant?

    var isEmpty: Bool { asked.isEmpty && waiting.isEmpty }
}

extension ProxyCore {
    /// PROXY AFTER. What it cannot promise it refuses, and the reads behind it see at least what the master has.
    func honour(_ text: [UInt8], for client: ClientSession) -> ClientSession.Pause? {
        guard let token = CausalToken(text.span) else {
            client.after = .master
            refuse(client, "BADTOKEN this is no token of PROXY TOKEN")
            return nil
        }
        return waitForPosition(.after(token), of: client)
    }

    /// Has the master asked on behalf of a client, which waits for the answer.
    func waitForPosition(_ wish: CausalWish, of client: ClientSession) -> ClientSession.Pause? {
        guard client.owed == 0 else { return .drained }
        guard configuration.timeouts.probeInterval > .zero, !master.health.isMute else {
            fail(wish, of: client, ProxyCore.noPosition)
            return nil
        }
        let limit = configuration.timeouts.request
        let due = now.instant + (limit > .zero ? limit : .seconds(10))
        causalWaits.waiting.append(.init(client: client.id, wish: wish, due: due))
        pause(client, .answer)
        wake(at: due)
        askForPosition()
        return nil
    }

    private static let noPosition =
        "ERR tokens need a master that is asked where it is (timeouts.probe_interval) and says so in INFO"

    // MARK: Asking

    private func askForPosition() {
        guard !causalWaits.isAsking, !causalWaits.waiting.isEmpty else { return }
        guard let control = master.control, control.isReady else { return retryPosition() }
        causalWaits.asked = causalWaits.waiting
        causalWaits.waiting = []
        causalWaits.isAsking = true
        causalWaits.retryAt = nil
        let errand = beginErrand(.position(server: master.index), parts: 2)
        for (part, section) in ["server", "replication"].enumerated() {
            ask([Array("INFO".utf8), Array(section.utf8)], part: part, of: errand, on: control)
        }
    }

    private func retryPosition() {
        let due = now.instant + ProxyCore.positionRetry
        causalWaits.retryAt = due
        wake(at: due)
    }

    private static let positionRetry = Duration.milliseconds(10)

    /// A server has said where it is, or nothing.
    func learnPosition(_ answers: [[UInt8]?], of server: BackendServer) {
        let asked = causalWaits.asked
        causalWaits.asked = []
        causalWaits.isAsking = false
        let isWhole = !answers.contains { $0 == nil }
        let report = isWhole && server === master ? knownMaster(ServerReport(answers)) : nil
        var again: [CausalWaits.Wait] = []
        for wait in asked {
            guard let client = clients[wait.client] else { continue }
            guard let report, isTheOneThatAnswers(client, report) else {
                again.append(wait)
                continue
            }
            conclude(wait.wish, report, of: client)
        }
        causalWaits.waiting = again + causalWaits.waiting
        if again.isEmpty { askForPosition() } else { retryPosition() }
    }

    /// Only of a master that probes have found in the same history: what is known of replicas is void from the probe
    /// on that finds another.
    private func knownMaster(_ report: ServerReport?) -> ServerReport? {
        guard let report, report.role == .master, let known = master.health.report,
            known.runID == report.runID, known.replicationID == report.replicationID
        else { return nil }
        return report
    }

    /// Whether the process that says where it is can be the one that answers the client's writes: while a name moves
    /// from one server to another, connections lead to both.
    private func isTheOneThatAnswers(_ client: ClientSession, _ report: ServerReport) -> Bool {
        let number = Int(client.lane)
        guard number < master.lanes.count, let lane = master.lanes[number],
            let runID = report.runID
        else { return true }
        let process = lane.writers[connectionNumber(of: client)].process
        return process == .unknown || process == ProcessMark(runID: runID.span)
    }

    // MARK: Answering

    private func conclude(_ wish: CausalWish, _ report: ServerReport, of client: ClientSession) {
        defer { answered(client) }
        switch wish {
        case .token:
            guard let token = CausalToken(report) else {
                return fail(wish, of: client, ProxyCore.noPosition)
            }
            reply(to: client) { $0.appendBulk(token.text.span) }
        case .after(let token):
            guard token.isReached(by: report) else {
                return fail(
                    wish, of: client,
                    "LOSTTOKEN the master does not have all that this token stands for, as far as is known: "
                        + "its history has changed since, or the token is another deployment's")
            }
            // The next watermark is published behind all that the master has now.
            client.after = isFencing ? .applied(freshness.next) : .master
            if isFencing { wantWatermark() }
            reply(to: client) { $0.append("+OK\r\n") }
        }
    }

    private func fail(_ wish: CausalWish, of client: ClientSession, _ reason: String) {
        if case .after = wish { client.after = .master }
        refuse(client, reason)
    }

    private func refuse(_ client: ClientSession, _ reason: String) {
        reply(to: client) { $0.appendError(text: reason) }
    }

    // MARK: Waiting

    /// From time to time: asks again, and answers those who have waited for too long.
    func lookAfterTokens() {
        guard !causalWaits.isEmpty else { return }
        let late = (causalWaits.asked + causalWaits.waiting).filter { $0.due <= now.instant }
        if !late.isEmpty {
            causalWaits.asked.removeAll { $0.due <= now.instant }
            causalWaits.waiting.removeAll { $0.due <= now.instant }
        }
        for wait in late {
            guard let client = clients[wait.client] else { continue }
            fail(wait.wish, of: client, "NOTFRESH the master cannot be asked where it is")
            answered(client)
        }
        if let retryAt = causalWaits.retryAt, retryAt <= now.instant { askForPosition() }
    }

    func wakeForTokens() {
        for wait in causalWaits.asked + causalWaits.waiting { wake(at: wait.due) }
        if !causalWaits.waiting.isEmpty, let retryAt = causalWaits.retryAt { wake(at: retryAt) }
    }
}
