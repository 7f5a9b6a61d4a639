// A client that listens: it subscribes, judges every message, leaves and comes back.
//
// The small server puts in front of each message which of its connections it is on, and the how-manieth on it: so what
// is lost or comes twice while that connection stands is seen at once, whatever else breaks.

import RESP

/// One listener, over all the connections that it makes in a run.
final class Listener: Host {
    private let endpoint: Endpoint
    private var random: Random
    private let readsSlowly: Bool
    private var state = Client.State.away
    private var reader = ReplyReader()
    private var unsent: [UInt8] = []
    /// What it has asked and has not been told: `subscribe` or `unsubscribe`.
    private var awaited: String?
    private var askedAt = Instant(nanoseconds: 0)
    private var isSubscribed = false
    /// Nothing breaks any more: it stays where it is.
    private var isQuiet = false
    private var willAct = false
    private var willLook = false

    // What it has heard on the server's connection at hand, by the name that the server has for it.
    private var line = ""
    private var count = 0
    private var heard: Set<Edition> = []
    /// The last number of each publisher's connection.
    private var lastNumbers: [[Int]: Int] = [:]
    /// Lines that are over.
    private var earlierLines: Set<String> = []
    /// Came behind a later one of the same connection; that may be only when the publisher was not told of it.
    private var late: [Edition] = []
    private var lastEditions: Set<Int> = []

    init(number: Int, in world: World, random: Random, endpoint: Endpoint) {
        self.endpoint = endpoint
        self.random = random
        readsSlowly = self.random.chance(0.5)
        super.init("listener \(number)", role: .client, in: world)
    }

    override var isSettled: Bool { isQuiet && isSubscribed && awaited == nil }

    /// True when it has heard the last word of every client.
    override var isFinished: Bool { lastEditions.count == world.clients.count }

    override var waitsFor: String {
        "\(name), subscribed: \(isSubscribed), heard the last of \(lastEditions.count) clients,"
    }

    // MARK: Acting

    func start() {
        plan(in: random.wait(mean: .milliseconds(2)))
    }

    private func plan(in delay: Duration) {
        guard !willAct else { return }
        willAct = true
        world.schedule(.act(self), in: delay)
    }

    override func act() {
        willAct = false
        switch state {
        case .away: state = .connecting(world.network.connect(from: self, link: nil, to: endpoint))
        case .connecting: return
        case .talking(let end):
            if awaited == nil { talk(on: end) }
            plan(in: random.wait(mean: .milliseconds(30)))
        }
    }

    private func talk(on end: End) {
        guard isSubscribed else { return ask("subscribe", on: end) }
        // One that reads slowly does nothing else, so that much comes to wait for it.
        guard !isQuiet, !readsSlowly else { return }
        switch random.below(10) {
        case ..<2: ask("unsubscribe", on: end)
        case ..<3:
            world.network.close(end)
            gone()
        case ..<4:
            world.network.vanish(end)
            gone()
        default: break
        }
    }

    private func ask(_ command: String, on end: End) {
        awaited = command
        askedAt = world.now
        _ = RequestForm.multibulk.write([[UInt8](command), Commons.channel], to: &unsent)
        flush(end)
    }

    private func flush(_ end: End) {
        guard !end.isClosed, !unsent.isEmpty else { return }
        unsent.removeFirst(world.network.write(unsent, from: 0, to: end))
    }

    /// Nothing breaks any more: it shall be subscribed, and stay so.
    func fallQuiet() {
        isQuiet = true
        look()
        plan(in: .zero)
    }

    func leave() {
        if case .talking(let end) = state { world.network.close(end) }
        state = .away
    }

    // MARK: What the network says

    override func connected(_ attempt: Attempt, _ end: End) {
        state = .talking(end)
        plan(in: random.wait(mean: .milliseconds(1)))
    }

    override func refused(_ attempt: Attempt, reason: String) {
        state = .away
        plan(in: random.wait(mean: .milliseconds(10)))
    }

    override func writable(_ end: End) {
        flush(end)
    }

    override func readable(_ end: End) {
        guard readsSlowly, !isQuiet else { return look() }
        guard !willLook else { return }
        willLook = true
        world.schedule(.look(self), in: random.wait(mean: .milliseconds(500)))
    }

    override func look() {
        willLook = false
        guard case .talking(let end) = state else { return }
        let count = end.incoming.arrived
        if count > 0 {
            var bytes: [UInt8] = []
            end.incoming.bytes.copy(count, to: &bytes)
            world.network.consume(count, from: end)
            world.delivered(bytes.span, to: self, on: end)
            reader.append(bytes.span)
            while !world.isOver, let reply = reader.next() { judge(reply, on: end) }
        }
        guard end.isLost || end.incoming.hasEnded else { return }
        if !end.wasHarmed { report(.closesWithReason, "closed, and it had not asked for it") }
        world.network.close(end)
        gone()
    }

    private func gone() {
        state = .away
        reader = ReplyReader()
        unsent.removeAll()
        awaited = nil
        isSubscribed = false
        plan(in: random.wait(mean: .milliseconds(5)))
    }

    // MARK: Judging

    private func report(_ law: Law, _ text: String) {
        world.report(law, "\(name): \(text)")
    }

    private func judge(_ reply: Reply, on end: End) {
        switch reply {
        case .array(let parts) where parts.count == 3 && parts[1] == .bulk(Commons.channel):
            switch (parts[0], parts[2]) {
            case (.bulk(let word), .bulk(let text)) where word == [UInt8]("message"):
                return hear(text)
            case (.bulk(let word), .integer(let count)) where awaited.map([UInt8].init) == word:
                awaited = nil
                isSubscribed = count == 1
                return
            default: break
            }
        case .error(let text) where awaited != nil:
            guard text.starts(with: "ERR no server can be reached to ".utf8),
                end.programWasTroubled(since: askedAt)
            else {
                return report(.failsWithReason, "was told '\(text.shown)'")
            }
            awaited = nil
            return
        default: break
        }
        report(.replyMatches, "\(reply) came, and \(awaited ?? "nothing") was asked")
    }

    private func hear(_ text: [UInt8]) {
        let words = String(decoding: text, as: UTF8.self).split(separator: " ")
        guard words.count == 7, let place = Int(words[1]), let edition = Edition(words[2...]) else {
            return report(.message, "this is no message: \(text.shown)")
        }
        guard isSubscribed || awaited == "unsubscribe" else {
            return report(.message, "\(edition) came to one who does not listen")
        }
        world.coverage.reach(.heard)
        begin(line: String(words[0]))
        count += 1
        guard place == count else {
            return report(.message, "message \(place) of \(line) came as number \(count)")
        }
        guard heard.insert(edition).inserted else {
            return report(.message, "\(edition) came twice on \(line)")
        }
        let publisher = [edition.client, edition.connection]
        if lastNumbers[publisher, default: 0] > edition.number {
            late.append(edition)
        } else {
            lastNumbers[publisher] = edition.number
        }
        if edition.isLast, isQuiet {
            lastEditions.insert(edition.client)
        }
    }

    /// The server's connection is another one now: what was heard before is no measure for it.
    private func begin(line next: String) {
        guard next != line else { return }
        if !line.isEmpty {
            world.coverage.reach(.heardElsewhere)
            earlierLines.insert(line)
        }
        if earlierLines.contains(next) { report(.message, "\(next) is over, and is heard again") }
        line = next
        count = 0
        heard.removeAll()
        lastNumbers.removeAll()
    }

    /// What only the end of the run can say: whether the publisher had to know that it might come late.
    func judgeLate() {
        for edition in late where world.commons.wasPublished(edition) {
            report(.message, "\(edition) came behind what was published after it")
        }
    }
}
