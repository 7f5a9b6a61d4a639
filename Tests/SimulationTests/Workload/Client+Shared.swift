// How a client judges transactions, and what is about things that all clients share.

import RESP

extension Client {
    static let discarded = "EXECABORT Transaction discarded because"

    // MARK: Transactions

    func judgeTransaction(_ reply: Reply, to asked: Asked, isCertain: Bool, on end: End) {
        defer { if case .execute = asked.question { mayStillWatch = false } }
        if case .multi = asked.question { mayBeAborted = false }
        switch (asked.question, reply) {
        case (.multi, .simple(let text)), (.watch, .simple(let text)),
            (.unwatch, .simple(let text)):
            if text != [UInt8]("OK") { reportMismatch(asked.question, reply) }
        case (.discard, .simple(let text)):
            world.coverage.reach(.discarded)
            if text != [UInt8]("OK") { reportMismatch(asked.question, reply) }
        case (.queued, .simple(let text)):
            if text != [UInt8]("QUEUED") { reportMismatch(asked.question, reply) }
        case (.readShared, .bulk), (.readShared, .null): break
        case (.execute(let parts), .array(let replies)):
            judgeExecution(of: parts, replies, isCertain: isCertain)
        case (.execute(let parts), .null):
            world.coverage.reach(.watchedKeyChanged)
            if !mayStillWatch, !parts.contains(where: \.raisesShared) {
                report(.transaction, "EXEC did nothing, and nothing was watched")
            }
        case (.execute(let parts), .error(let text)):
            judgeLoss(of: parts, text, asked, on: end)
        default: reportMismatch(asked.question, reply)
        }
    }

    private func judgeExecution(of parts: [Question], _ replies: [Reply], isCertain: Bool) {
        world.coverage.reach(.executed)
        guard replies.count == parts.count else {
            return report(.transaction, "EXEC of \(parts) gave \(replies)")
        }
        let isRead = parts.allSatisfy(\.isRead)
        let twins = zip(parts, replies).filter { $0.0.isAboutTwins }.map { $0.1.number ?? 0 }
        if twins.first != twins.last { return report(.transaction, "the twins are \(twins)") }
        for (part, reply) in zip(parts, replies) {
            if case .raiseShared(let value) = part {
                judgeRaise(to: value, reply, isCertain: isCertain)
            } else {
                judge(
                    reply, to: part, isCertain: isCertain, mayBeStale: isRead && mayBeStale)
            }
        }
    }

    private func judgeRaise(to value: Int, _ reply: Reply, isCertain: Bool) {
        guard reply == .simple([UInt8]("OK")) else {
            return report(.transaction, "the shared key was raised with \(reply)")
        }
        if isCertain, !world.commons.raised(to: value) {
            report(.transaction, "two have raised the shared key to \(value)")
        }
    }

    /// No answer came from the server: what the proxy says instead tells whether the transaction may have run.
    private func judgeLoss(of parts: [Question], _ text: [UInt8], _ asked: Asked, on end: End) {
        // One that was too large to be kept was refused part by part, and the proxy had answered for the parts.
        if mayBeAborted || world.roleMayBeUnknown(to: asked.at),
            text == [UInt8]("\(Client.discarded) of previous errors.".utf8)
        {
            return
        }
        let since = min(asked.at, watch?.since ?? asked.at)
        guard mayStillWatch || end.programWasTroubled(since: since) else {
            return report(.failsWithReason, "EXEC failed: \(text.shown)")
        }
        isToldOfEnd = text.reversed().starts(with: " was lost on its way".utf8.reversed())
        if text.starts(with: "ERR the transaction may have run: ".utf8) {
            world.coverage.reach(.transactionUnknown)
            lostTrack(of: asked.question)
        } else if text.starts(with: "\(Client.discarded) the connection that watched ".utf8) {
            world.coverage.reach(.watchLost)
            if !mayStillWatch, !parts.contains(where: \.raisesShared) {
                report(.transaction, "EXEC lost its watch, and nothing was watched")
            }
        } else if text.starts(with: "\(Client.discarded) the connection that it was on ".utf8)
            || text.starts(with: "EXECABORT Transaction discarded, nothing of it ran: ".utf8)
        {
            world.coverage.reach(.transactionLost)
        } else {
            report(.replyMatches, "EXEC was answered by \(text.shown)")
        }
    }

    // MARK: The list and the channel

    func judgeShared(_ reply: Reply, to asked: Asked, isCertain: Bool) {
        switch (asked.question, reply) {
        case (.push(let payload), .integer(let length)) where length > 0:
            if isCertain { world.commons.pushed(payload.bytes, life: world.serverLife) }
        case (.pop, .array(let parts)):
            guard parts.count == 2, parts[0] == .bulk(Commons.list),
                case .bulk(let element) = parts[1]
            else { return reportMismatch(asked.question, reply) }
            world.coverage.reach(.popped)
            if !world.commons.popped(element, life: world.serverLife) {
                report(.element, "\(element.shown) was popped twice, or was never pushed")
            }
        case (.pop(let patience), .null) where world.now - asked.at >= patience:
            world.coverage.reach(.poppedNothing)
        case (.publish(let edition), .integer): world.commons.published(edition)
        default: reportMismatch(asked.question, reply)
        }
    }
}

extension Question {
    fileprivate var isAboutTwins: Bool {
        switch self {
        case .increment(let counter), .readCounter(let counter): Ledger.twins.contains(counter)
        default: false
        }
    }
}

extension Reply {
    /// What it says of a counter.
    var number: Int? {
        switch self {
        case .integer(let number): number
        case .bulk(let digits): Int(String(decoding: digits, as: UTF8.self))
        default: nil
        }
    }
}
