// Write concern (`writes.ack_replicas`): a write's reply is withheld until replicas have confirmed it. One question is
// asked for all that waits, on a connection of its own, so that nobody else's replies wait behind it.
//
//     a write's reply has come ── withhold ──▶ its client is listed for the next question
//     the turn's replies are in ── askReplicas ──▶ PING, WAIT n t; what comes meanwhile is for the next question
//     it is answered ── conclude ──▶ replies go out in order, or -NOTREPLICATED in place of each
//
// WAIT counts from where its own connection wrote or asked last: without a command before it, it would answer at once.

import RESP

/// One worker's withheld replies, and the question about them.
struct Acknowledgements {
    /// The question that is asked next; it covers all replies that have come before it is sent.
    var next = 1
    /// Clients with replies that it is for, and those of the one that is on its way.
    var waiting: [ConnectionID] = []
    var asked: [ConnectionID] = []
    var isAsking = false
    var askedAt = Instant(nanoseconds: 0)
    /// Since when replies wait for a question that cannot be asked.
    var unaskedSince: Instant?
    /// What was answered to the command before WAIT, when that was not taken.
    var refusal: String?
    /// Replies of writes that are withheld.
    var replies = 0
    /// It has been said that the master does not take the question, or does not say who it is.
    var isRefused = false
    var isNameless = false
    /// What was last found out about how many replicas there are.
    var strength: Strength?
    /// The question, as it is sent.
    let request: [UInt8]
    /// What is answered for a write that another process did.
    let stranger: [UInt8]

    /// How many replicas follow the master, against what is asked of them.
    enum Strength: Equatable {
        case tooFew(Int)
        case all
        case some(of: Int)
    }

    init(_ writes: ProxyConfiguration.Writes) {
        let milliseconds = "\(max(1, writes.ackTimeout.nanoseconds / 1_000_000))"
        let count = "\(writes.ackReplicas)"
        request = Array(
            ("*3\r\n$4\r\nWAIT\r\n$\(count.utf8.count)\r\n\(count)\r\n"
                + "$\(milliseconds.utf8.count)\r\n\(milliseconds)\r\n").utf8)
        stranger = Acknowledgements.line(
            0, of: writes.ackReplicas,
            "another process than the one that did it answers for the master")
    }

    /// The question is sent: it is for all who wait.
    mutating func ask(at now: Instant) {
        isAsking = true
        refusal = nil
        unaskedSince = nil
        askedAt = now
        next += 1
        swap(&asked, &waiting)
    }

    /// What is answered in place of a write's reply.
    static func line(_ confirmed: Int, of wanted: Int, _ reason: String) -> [UInt8] {
        Array(
            ("-NOTREPLICATED the write was applied, \(confirmed) of \(wanted) replicas confirmed: "
                + "\(reason); do not repeat it\r\n").utf8)
    }
}

extension ProxyCore {
    // MARK: Withholding

    /// Whether replicas must confirm what a request does before its reply goes out.
    func isToBeConfirmed(_ request: Request, _ kind: Ticket.Kind, of client: ClientSession) -> Bool
    {
        // Of a transaction EXEC alone writes.
        guard kind == .write || kind == .blocking, client.extras?.transaction == nil else {
            return false
        }
        return written(by: request, client.command) != .nothing
    }

    /// Part of the reply to a write has come, or several whole replies: that they come says that the writes were done.
    func withhold(
        _ part: Span<UInt8>, _ replies: Int, of ticket: Ticket, _ client: ClientSession,
        _ connection: BackendConnection
    ) {
        guard part.count > 0 else { return }
        let withheld = client.makeWithheld(pool)
        defer { client.isMidReply = replies == 0 }
        if withheld.isContinuing {
            return withheld.goOn(part, isWhole: replies > 0, into: &client.output)
        }
        guard !client.isMidReply, !hasWrittenNothing(part, ticket) else {
            return client.replies.append(part)
        }
        let question = acknowledgements.next
        withheld.begin(part, replies, question: question, by: connection.process)
        acknowledgements.replies += max(1, replies)
        counters.writesWithheld += max(1, replies)
        if withheld.listedFor != question {
            withheld.listedFor = question
            acknowledgements.waiting.append(client.id)
        }
        wantAcknowledgement()
    }

    /// Whether a reply says that there is nothing to confirm: an error; or nil of EXEC, whose keys had changed, or of a
    /// blocking command, whose time was up.
    private func hasWrittenNothing(_ reply: Span<UInt8>, _ ticket: Ticket) -> Bool {
        if reply[0] == ReplyKind.error.rawValue { return true }
        guard ticket.delivery == .special || ticket.kind == .blocking else { return false }
        return reply[0] == UInt8(ascii: "_") || reply.count > 1 && reply[1] == UInt8(ascii: "-")
    }

    /// A client goes: nobody waits any more for what it had written.
    func forgetWithheld(of client: ClientSession) {
        guard let withheld = client.withheld else { return }
        acknowledgements.replies -= withheld.replies
    }

    // MARK: Asking

    /// The connection for the question, once there is a master.
    func connectForAcknowledgements() {
        guard withholdsReplies, master.acknowledger == nil, !master.isGone else { return }
        master.acknowledger = makeConnection(to: master, lane: 0, .acknowledger)
    }

    /// Has the driver ask for the question when all of the turn's replies are in.
    func wantAcknowledgement() {
        guard !acknowledgements.isAsking, !acknowledgements.waiting.isEmpty else { return }
        guard let connection = master.acknowledger, connection.isReady, let id = connection.id
        else { return waitToAsk() }
        guard !connection.isListed else { return }
        connection.isListed = true
        pending.output.append(id)
    }

    private func waitToAsk() {
        connectForAcknowledgements()
        guard acknowledgements.unaskedSince == nil else { return }
        acknowledgements.unaskedSince = now.instant
        wake(at: now.instant + configuration.writes.ackTimeout)
    }

    /// The driver takes the connection's output: the question stands behind everything of this turn.
    func askReplicas(on connection: BackendConnection) {
        guard !acknowledgements.isAsking, !acknowledgements.waiting.isEmpty, connection.isReady
        else { return }
        acknowledgements.ask(at: now.instant)
        let request = acknowledgements.request
        for isCount in [false, true] {
            let start = connection.output.end
            if isCount {
                connection.output.append(request.span)
            } else {
                connection.output.append("*1\r\n$4\r\nPING\r\n")
            }
            servers[connection.server].outstanding += 1
            connection.tickets.append(
                Ticket(
                    client: Ticket.nobody, kind: .errand, delivery: .special, attempts: 0,
                    replies: 1, start: start, since: now.instant))
            connection.specials.append(.acknowledgement(isCount: isCount))
        }
        wake(at: acknowledgementDue)
    }

    /// WAIT answers when its time is up, and a busy server as late as it answers anything.
    private var acknowledgementDue: Instant {
        let limit = configuration.timeouts.request
        return acknowledgements.askedAt + configuration.writes.ackTimeout
            + (limit > .zero ? limit : .seconds(10))
    }

    // MARK: Answers

    /// The answer to the command before WAIT, or to WAIT.
    func acknowledged(
        _ reply: Span<UInt8>, isCount: Bool, on connection: BackendConnection
    ) {
        guard isCount else {
            // WAIT behind what was refused counts from before, and may answer at once.
            if reply[0] != ReplyKind.simple.rawValue {
                acknowledgements.refusal = ProxyCore.line(reply)
            }
            return
        }
        acknowledgements.isAsking = false
        let wanted = configuration.writes.ackReplicas
        let isNumber = reply[0] == ReplyKind.integer.rawValue && reply.count > 3
        let count = isNumber ? Decimal.integer(reply.extracting(1..<reply.count - 2)) : nil
        var shortfall: [UInt8] = []
        if let count, acknowledgements.refusal == nil {
            if count < wanted {
                shortfall = Acknowledgements.line(
                    count, of: wanted,
                    "writes.ack_timeout, \(ProxyCore.text(configuration.writes.ackTimeout)), is over"
                )
            }
            noteNameless(connection)
        } else {
            let said = acknowledgements.refusal ?? ProxyCore.line(reply)
            shortfall = Acknowledgements.line(
                0, of: wanted, "the master answered '\(said)' when it was asked")
            noteRefused(said)
        }
        conclude(
            Verdict(
                isConfirmed: shortfall.isEmpty, process: connection.process, shortfall: shortfall,
                stranger: acknowledgements.stranger), upTo: acknowledgements.next - 1)
        wantAcknowledgement()
    }

    /// What a reply of one line says.
    private static func line(_ reply: Span<UInt8>) -> String {
        ErrorText.string(reply.extracting(0..<max(0, reply.count - 2)), upTo: 120)
    }

    private func noteRefused(_ said: String) {
        guard !acknowledgements.isRefused else { return }
        acknowledgements.isRefused = true
        pending.log(
            .warning,
            "\(master.name) answered '\(said)' to PING and WAIT: as long as it does, every write is answered"
                + " NOTREPLICATED (writes.ack_replicas); the proxy's user needs +ping +wait +info")
    }

    private func noteNameless(_ connection: BackendConnection) {
        acknowledgements.isRefused = false
        let isNameless = connection.process == .unknown
        if isNameless, !acknowledgements.isNameless {
            pending.log(
                .warning,
                "\(master.name) does not say in INFO which process it is: nobody knows whose writes WAIT counts,"
                    + " and every write is answered NOTREPLICATED (writes.ack_replicas)")
        }
        acknowledgements.isNameless = isNameless
    }

    /// Lets go of what a question covered.
    private func conclude(_ verdict: Verdict, upTo question: Int) {
        for name in acknowledgements.asked {
            guard let client = clients[name], let withheld = client.withheld else { continue }
            let settled = withheld.settle(upTo: question, verdict, into: &client.output)
            acknowledgements.replies -= settled.confirmed + settled.refused
            counters.writesConfirmed += settled.confirmed
            counters.writesNotReplicated += settled.refused
            for _ in 0..<settled.refused { counters.errors.count(code: "NOTREPLICATED") }
            if client.pause != nil { resumable.append(name) }
            settle(client)
        }
        acknowledgements.asked.removeAll(keepingCapacity: true)
    }

    /// Nobody will know how many have confirmed what is withheld.
    func giveUpAcknowledgements(_ reason: String) {
        acknowledgements.asked += acknowledgements.waiting
        acknowledgements.waiting.removeAll(keepingCapacity: true)
        acknowledgements.unaskedSince = nil
        let line = Acknowledgements.line(0, of: configuration.writes.ackReplicas, reason)
        let verdict = Verdict(
            isConfirmed: false, process: .unknown, shortfall: line,
            stranger: acknowledgements.stranger)
        conclude(verdict, upTo: acknowledgements.next)
        acknowledgements.next += 1
    }

    // MARK: What goes wrong

    /// The connection for questions is gone or was refused: what was asked on it is asked again on the next one, which
    /// answers for the writes of the same process alone.
    func lostAcknowledger() {
        acknowledgements.isAsking = false
        acknowledgements.waiting = acknowledgements.asked + acknowledgements.waiting
        acknowledgements.asked.removeAll(keepingCapacity: true)
        guard !acknowledgements.waiting.isEmpty else { return }
        waitToAsk()
    }

    /// Another master begins: what the one before had done may be lost.
    func beginAcknowledgements() {
        guard withholdsReplies else { return }
        acknowledgements.isAsking = false
        acknowledgements.strength = nil
        giveUpAcknowledgements("another master has taken over, which may not have it")
        connectForAcknowledgements()
    }

    /// From time to time: whoever has waited for too long is told.
    func lookAfterAcknowledgements() {
        guard withholdsReplies else { return }
        if acknowledgements.isAsking, acknowledgementDue <= now.instant {
            if let connection = master.acknowledger {
                distrust(connection, "it does not answer WAIT")
            }
            return giveUpAcknowledgements("the master does not answer")
        }
        guard let since = acknowledgements.unaskedSince,
            since + configuration.writes.ackTimeout <= now.instant
        else { return }
        var reason = "there is no connection to ask the master over"
        if case .waiting(_, let said)? = master.acknowledger?.state { reason += ", \(said)" }
        giveUpAcknowledgements(reason)
    }

    func wakeForAcknowledgements() {
        if acknowledgements.isAsking { wake(at: acknowledgementDue) }
        if let since = acknowledgements.unaskedSince {
            wake(at: since + configuration.writes.ackTimeout)
        }
    }

    /// The master has said how it is: whether what is withheld can be confirmed, and what a confirmation is worth.
    func noteStrength(_ old: ServerReport?, _ report: ServerReport, of server: BackendServer) {
        guard withholdsReplies, server === master, report.role == .master else { return }
        // One that was a replica when it said that has a new history by being promoted, which was told already.
        if let old, old.role == .master, old.runID == report.runID,
            old.replicationID != report.replicationID,
            acknowledgements.replies > 0
        {
            giveUpAcknowledgements("the master's history has changed")
        }
        let (wanted, count) = (configuration.writes.ackReplicas, Set(report.followers).count)
        let strength: Acknowledgements.Strength =
            count < wanted ? .tooFew(count) : count == wanted ? .all : .some(of: count)
        guard strength != acknowledgements.strength else { return }
        acknowledgements.strength = strength
        guard worker == 0 else { return }
        switch strength {
        case .tooFew(let count):
            pending.log(
                .warning,
                "\(server.name) has \(count) of the \(wanted) replicas that writes.ack_replicas asks for:"
                    + " each write waits for all of writes.ack_timeout, and is answered NOTREPLICATED"
            )
        case .all:
            pending.log(
                .notice, "\(server.name) has the \(wanted) replicas that confirm each write")
        // What that is worth depends on who may be promoted: the audit tells.
        case .some: break
        }
    }
}
