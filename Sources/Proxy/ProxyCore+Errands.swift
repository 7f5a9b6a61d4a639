// Questions of the proxy's own: asked of several servers or workers, and answered to a client in one piece.

import RESP

/// One part of an errand: which, and which of its answers.
struct ErrandStep: Equatable {
    let errand: Int
    let part: Int
}

/// Answers that are gathered until all are there.
final class Errand {
    enum Purpose {
        /// A question about a server.
        case probe(server: Int)
        /// Which commands a server knows.
        case commands(server: Int)
        /// Whether any server had a script to end.
        case kill
        /// Whether the master tracks keys for a client as these words ask, or, when there are none, tracks none.
        case tracking([[UInt8]]?, isAnew: Bool)
        /// Which process a connection leads to.
        case identity(LinkID)
        /// Whether the master takes clients that do not say who they are.
        case strangers
        /// Whether the master knows a user.
        case login(Credentials, Hello?)
        /// What all workers are asked on behalf of an operator.
        case inquiry(Inquiry)
        /// Whether the master has loaded a script, or forgotten all.
        case scripts(ScriptChange)
        /// Whether a server has closed what it called by this number: a connection that is lost here.
        case death(server: Int, of: Int)
        /// Where the master is, for tokens.
        case position(server: Int)
        /// What this client wants done to servers; answered by the first worker.
        case operation
        /// A step of that, by its number.
        case switchover(ProxyCore.SwitchoverQuestion, server: Int, number: Int)
        /// A step of a replica's copying anew, by its number.
        case resync(ProxyCore.ResyncQuestion, number: Int)
        /// How often the master speaks to its replicas when it has nothing to say.
        case heartbeat
        /// How a server is configured.
        case settings(server: Int)
        /// Whether a server lets itself be made the master.
        case promotion(server: Int)
        /// What is put right behind it.
        case amends(Amends)
        /// How long the master keeps the key of an audited read.
        case expiry(audit: Int)
        /// Whether a client's own connection has changed as the client has.
        case change(SessionChange)
    }

    let number: Int
    let purpose: Purpose
    /// Who waits for the outcome.
    let client: ConnectionID
    var left: Int
    /// What was answered, whole replies; nil where nothing came.
    var answers: [[UInt8]?]
    /// What workers answered, by their number.
    var reports: [WorkerAnswer?] = []
    /// When those who have not answered are not waited for any longer; nil: they are.
    var due: Instant?

    init(number: Int, purpose: Purpose, client: ConnectionID, parts: Int) {
        self.number = number
        self.purpose = purpose
        self.client = client
        left = parts
        answers = Array(repeating: nil, count: parts)
    }
}

extension ProxyCore {
    func beginErrand(
        _ purpose: Errand.Purpose, for client: ConnectionID = Ticket.nobody, parts: Int
    ) -> Errand {
        lastErrand += 1
        let errand = Errand(number: lastErrand, purpose: purpose, client: client, parts: parts)
        errands[lastErrand] = errand
        return errand
    }

    /// Asks one question of an errand on a connection.
    func ask(
        _ words: [[UInt8]], part: Int, of errand: Errand, on connection: BackendConnection
    ) {
        let start = connection.output.end
        connection.output.appendArrayHeader(words.count)
        for word in words { connection.output.appendBulk(word.span) }
        connection.specials.append(.gathered)
        servers[connection.server].outstanding += 1
        leaveTicket(
            Ticket(
                client: Ticket.nobody, kind: .errand, delivery: .special, attempts: 0, replies: 1,
                start: start, since: now.instant,
                errand: ErrandStep(errand: errand.number, part: part)), on: connection)
    }

    /// A whole answer has come.
    func hear(_ reply: Span<UInt8>, for step: ErrandStep, from connection: BackendConnection) {
        guard let errand = errands[step.errand] else { return }
        errand.answers[step.part] = [UInt8](copying: reply)
        finish(errand)
    }

    /// No answer will come.
    func hearNothing(for step: ErrandStep, _ reason: String) {
        guard let errand = errands[step.errand] else { return }
        finish(errand)
    }

    /// One part of an errand is done.
    func finish(_ errand: Errand) {
        errand.left -= 1
        guard errand.left == 0 else { return }
        errands[errand.number] = nil
        switch errand.purpose {
        case .probe(let server): learn(errand.answers, of: servers[server])
        case .commands(let server): learnCommands(errand.answers[0], of: servers[server])
        case .kill:
            if let client = clients[errand.client] { finishKill(errand.answers, of: client) }
        case .tracking(let words, let isAnew):
            if let client = clients[errand.client] {
                finishTracking(words, isAnew: isAnew, errand.answers[0], of: client)
            }
        case .identity(let link): learnIdentity(errand.answers[0], of: link, for: errand.client)
        case .login(let credentials, let hello):
            guard let client = clients[errand.client] else { return }
            finishLogin(credentials, hello, errand.answers[0], of: client)
        case .strangers: learnAboutStrangers(errand.answers[0])
        case .inquiry: conclude(errand)
        case .scripts(let change): finish(change, errand.answers[0], of: clients[errand.client])
        case .death(let server, let number):
            learnDeath(errand.answers[0], of: number, at: servers[server])
        case .position(let server): learnPosition(errand.answers, of: servers[server])
        case .operation: preconditionFailure("errand \(errand.number) is answered by a worker")
        case .switchover(let question, let server, let number):
            hear(errand.answers[0], to: question, of: server, number: number)
        case .resync(let question, let number):
            hear(errand.answers, to: question, number: number)
        case .heartbeat: learnHeartbeat(errand.answers[0])
        case .settings(let server): hearSettings(errand.answers, of: servers[server])
        case .promotion(let server): hearOfPromotion(errand.answers[0], of: servers[server])
        case .amends(let amends): hear(errand.answers[0], to: amends)
        case .expiry(let audit): learnExpiry(errand.answers[0], of: audit)
        case .change(let change):
            if let client = clients[errand.client] {
                finish(change, errand.answers[0], of: client)
            }
        }
    }
}
