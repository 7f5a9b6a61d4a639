// The health endpoint: connections that speak HTTP, kept apart from clients and bounded by numbers of their own.

import RESP

extension ProxyCore {
    func openHealth(_ id: ConnectionID) {
        guard operators.health.count < HealthLimits.connections else {
            pending.wishes.append(.close(id))
            return
        }
        let due = now.instant + HealthLimits.patience
        operators.health.insert(HealthSession(id: id, pool: pool, due: due), for: id)
        wake(at: due)
    }

    func receive(_ bytes: Span<UInt8>, from session: HealthSession) {
        guard !session.isEnded else { return }
        let inputs = session.parser.receive(bytes)
        guard !inputs.isEmpty else { return }
        session.inputs += inputs
        session.due = now.instant + HealthLimits.patience
        if session.parser.isClosed { session.isEnded = true }
        answer(session)
    }

    /// It will ask no more, and may still read.
    func end(_ session: HealthSession) {
        session.isEnded = true
        settle(session)
    }

    func drain(_ session: HealthSession, into write: (borrowing OutputPieces) -> Int) {
        session.isListed = false
        let before = session.output.count
        session.output.drain(into: write)
        if session.output.count < before { session.due = now.instant + HealthLimits.patience }
        if session.output.count <= HealthLimits.output, !session.inputs.isEmpty {
            return answer(session)
        }
        // What is left needs no listing: the driver comes again when there is room.
        settle(session, lists: false)
    }

    /// Answers in order, as far as everything is known.
    private func answer(_ session: HealthSession) {
        while let input = session.inputs.first, !session.isAsking,
            session.output.count <= HealthLimits.output
        {
            if HealthResponder.page(of: input)?.needsStatus == true {
                session.isAsking = true
                begin(.health, for: session.id)
            } else {
                answerFirst(of: session, with: nil)
            }
        }
        settle(session)
    }

    /// The workers have answered; nil when one has not.
    func concludeHealth(_ status: ProxyStatus?, of session: HealthSession) {
        session.isAsking = false
        answerFirst(of: session, with: status)
        answer(session)
    }

    private func answerFirst(of session: HealthSession, with status: ProxyStatus?) {
        let input = session.inputs.removeFirst()
        HealthResponder.answer(input, with: status, to: &session.output)
    }

    private func settle(_ session: HealthSession, lists: Bool = true) {
        guard operators.health[session.id] != nil else { return }
        if session.isDone {
            operators.health.remove(session.id)
            pending.wishes.append(.close(session.id))
            return
        }
        let isFull =
            session.output.count > HealthLimits.output
            || session.inputs.count >= HealthLimits.together
        if isFull != session.isStopped {
            session.isStopped = isFull
            pending.wishes.append(isFull ? .pause(session.id) : .resume(session.id))
        }
        guard lists, !session.isListed, !session.output.isEmpty else { return }
        session.isListed = true
        pending.output.append(session.id)
    }

    /// Closes those whose time is up: who is silent, has not finished a request, or does not read.
    func closeLateHealth() {
        for session in Array(operators.health.all) where session.due <= now.instant {
            operators.health.remove(session.id)
            pending.wishes.append(.close(session.id))
        }
    }
}
