// How a client judges whether what it reads is fresh enough for the level of the run.

import RESP

extension Client {
    /// The place of what the asker of a question can count on: all that anybody was told.
    func known(to question: Question) -> Int {
        guard world.level == .fresh, question.isRead, let key = question.key(of: number) else {
            return 0
        }
        return world.chronicle.known(of: key)
    }

    func judgeFreshness(of reply: Reply, to asked: Asked) {
        guard world.isChronicled, world.level != .eventual else { return }
        let isSameLife = asked.serverLife == world.serverLife
        switch (asked.question, reply) {
        case (.execute(let parts), .array(let replies)) where parts.count == replies.count:
            for index in parts.indices {
                judge(replies[index], to: parts[index], known: asked.known[index], isSameLife)
            }
        case (.execute, _), (.queued, _): break
        default: judge(reply, to: asked.question, known: asked.known[0], isSameLife)
        }
    }

    private func judge(_ reply: Reply, to question: Question, known: Int, _ isSameLife: Bool) {
        guard let key = question.key(of: number) else { return }
        switch reply {
        case .bulk(let value) where question.isRead: judge(value, of: key, known: known)
        case .null where question.isRead: judge(nil, of: key, known: known)
        case .simple, .integer:
            guard isSameLife else { return }
            // A value too short to be told from others says nothing of when it was written.
            if let value = question.written, value.count >= 24 || question.raisesShared {
                learn(world.chronicle.acknowledged(key, value), of: key)
            } else if case .increment = question, let number = reply.number {
                learn(world.chronicle.acknowledged(key, [UInt8]("\(number)")), of: key)
            }
        case .array(let parts):
            guard isSameLife, case .pop = question, parts.count == 2,
                case .bulk(let value) = parts[1]
            else { return }
            learn(world.chronicle.acknowledged(key, value, isGone: true), of: key)
        default: break
        }
    }

    private func judge(_ value: [UInt8]?, of key: [UInt8], known: Int) {
        let least = max(known, told[key] ?? 0)
        world.trace("\(name) sees \(key.shown) = \(value?.shown ?? "nothing"), knows \(least)")
        switch world.chronicle.shown(key, value, least: least) {
        case .fresh(let place): learn(place, of: key)
        case .stale, .unknown:
            let held = world.chronicle.history(of: key, from: least)
            report(
                .fresh,
                "\(key.shown) was '\(value?.shown ?? "nothing")', and since \(least) held \(held)")
        }
    }

    private func learn(_ place: Int, of key: [UInt8]) {
        world.trace("\(name) learns \(key.shown) at \(place)")
        told[key] = max(told[key] ?? 0, place)
    }
}
