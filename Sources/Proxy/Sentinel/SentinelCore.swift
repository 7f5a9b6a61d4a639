// Follows the sentinels: asks each of them, once a second and after every event, who the master is, and tells the first
// worker what a majority says. It runs on a loop of its own, so that no worker ever waits for a sentinel.
//
//     a sentinel ◀── questions, one round per second ──▶ testimony ─▶ council ─▶ verdict ─▶ report to worker 0
//     a sentinel ─── events: only a reason to ask at once ─▶ the next round
//
// Sentinels that those in the configuration tell of are asked too, and have a vote.

import RESP

/// The proxy's part in a group of sentinels, without I/O.
package final class SentinelCore: Core {
    package var pending = PendingActions()

    let settings: ProxyConfiguration.Sentinel
    /// Where what is announced can be reached, if not where it says.
    let addresses: [Endpoint: Endpoint]
    let timeouts: ProxyConfiguration.Timeouts
    let pool = BlockPool(keeps: 4)
    /// The configuration's first, in its order.
    var peers: [SentinelPeer] = []
    var connections = ConnectionTable<SentinelLine>()
    var lastLink: UInt32 = 0
    var now: Moment
    private var council: SentinelCouncil
    private var report: SentinelReport
    private var sent: SentinelReport?
    /// Since when no majority names one master, and why; told when it has lasted.
    private var lack: (since: Instant, reason: SentinelCouncil.Lack)?

    /// How long there may be no majority before it is told: a failover, or the restart of a sentinel, is shorter.
    static let patience = Duration.seconds(5)
    /// Events come in bursts: a sentinel is asked no more often than this.
    static let shortestInterval = Duration.milliseconds(50)

    /// `highestEpoch` is that of the last verdict which an earlier process acted on.
    package init(
        _ settings: ProxyConfiguration.Sentinel, addresses: [Endpoint: Endpoint] = [:],
        timeouts: ProxyConfiguration.Timeouts = .init(), highestEpoch: Int = 0, at now: Moment
    ) {
        self.settings = settings
        self.addresses = addresses
        self.timeouts = timeouts
        self.now = now
        council = SentinelCouncil(highestEpoch: highestEpoch)
        report = SentinelReport(answering: 0, known: settings.addresses.count)
        lack = (now.instant, .tooFewAnswers)
        for endpoint in settings.addresses {
            peers.append(
                SentinelPeer(endpoint, isConfigured: true, id: nil, pool: pool, at: now.instant))
        }
        lookAfterLines()
    }

    // MARK: What the driver says

    package func open(
        _ id: ConnectionID, through listener: ListenerID, from peer: PeerAddress,
        to local: PeerAddress, at now: Moment
    ) {
        preconditionFailure("nobody connects to who only asks")
    }

    package func receive(_ bytes: Span<UInt8>, from id: ConnectionID, at now: Moment) {
        self.now = now
        if let line = connections[id] { take(bytes, from: line) }
        lookAfterLines()
    }

    package func end(_ id: ConnectionID, at now: Moment) {
        self.now = now
        if let line = connections[id] { lose(line, .unreachable, "it has closed the connection") }
        lookAfterLines()
    }

    package func drain(
        _ id: ConnectionID, at now: Moment, into write: (borrowing OutputPieces) -> Int
    ) {
        self.now = now
        guard let line = connections[id] else { return }
        line.isListed = false
        line.output.drain(into: write)
    }

    package func close(_ id: ConnectionID, at now: Moment) {
        self.now = now
        if let line = connections.remove(id) {
            line.state = .waiting(until: nil)
            lose(line, .unreachable, "the connection was lost")
        }
        lookAfterLines()
    }

    package func tick(at now: Moment) {
        self.now = now
        lookAfterLines()
    }

    package func hear(_ news: News, at now: Moment) {
        self.now = now
        switch news {
        case .connected(let link, let id): welcome(link, as: id)
        case .refused(let link, let reason):
            if let line = line(connecting: link) {
                line.state = .waiting(until: nil)
                lose(line, .unreachable, reason)
            }
        case .moved(let link):
            if let line = line(standing: link) {
                lose(line, .unreachable, "its name has a new address")
            }
        case .signal(.terminate), .signal(.interrupt):
            pending.wishes.append(.exit(0))
        case .message(let order as SentinelOrder, _): take(order)
        case .signal, .appended, .synced, .failed, .message, .hungUp: break
        }
        lookAfterLines()
    }

    // MARK: What follows from time

    /// Whatever is due by now. At the end of each call, since any of them may have brought something nearer.
    private func lookAfterLines() {
        for peer in peers { lookAfter(peer) }
        if let lack, report.withoutMajoritySince == nil,
            lack.since + SentinelCore.patience <= now.instant
        {
            report.withoutMajoritySince = lack.since
            pending.log(
                .warning, "No majority of the sentinels names a master: " + explain(lack.reason))
            send()
        }
        pending.wakeAt = nextDeadline
    }

    private var nextDeadline: Instant? {
        var next = peers.lazy.compactMap { self.deadline(of: $0) }.min()
        if let lack, report.withoutMajoritySince == nil {
            let due = lack.since + SentinelCore.patience
            next = next.map { min($0, due) } ?? due
        }
        return next
    }

    // MARK: What follows from testimonies

    /// Somebody has said something new, or is not heard any more.
    func deliberate() {
        let statements = peers.compactMap { peer in
            peer.testimony.map { (endpoint: peer.endpoint, testimony: $0) }
        }
        switch council.judge(statements, named: namedCount) {
        case .agreed(let verdict): adopt(verdict)
        case .lacking(let reason): lack = (lack?.since ?? now.instant, reason)
        }
        meetMembers()
        report.answering = Set(statements.map(\.testimony.id)).count
        report.known = council.size
        send()
    }

    private func adopt(_ verdict: SentinelVerdict) {
        if report.withoutMajoritySince != nil {
            pending.log(.notice, "A majority of the sentinels names a master again")
        }
        lack = nil
        report.withoutMajoritySince = nil
        let former = report.verdict
        if former?.master != verdict.master || former?.epoch != verdict.epoch {
            pending.log(
                .notice,
                "The sentinels name \(verdict.master) the master of '\(settings.masterName)', epoch \(verdict.epoch)"
            )
        }
        report.verdict = verdict
    }

    /// Says what has changed; nothing before there is anything to say.
    private func send() {
        guard report != sent, report.verdict != nil || report.withoutMajoritySince != nil else {
            return
        }
        sent = report
        pending.wishes.append(.send(report, to: 0))
    }

    private func explain(_ reason: SentinelCouncil.Lack) -> String {
        switch reason {
        case .tooFewAnswers: "\(report.answering) of \(report.known) answer"
        case .disagreement: "they do not agree on one"
        case .outdated(let master, let epoch):
            "they name \(master) with epoch \(epoch), which is older than \(council.highestEpoch), the one that is "
                + "followed; if the sentinels were set up anew, restart the proxy, without its failover.state_file"
        }
    }

    // MARK: Who is asked

    /// How many different sentinels the configuration names, as far as they have said who they are.
    private var namedCount: Int {
        let configured = peers.filter(\.isConfigured)
        return Set(configured.compactMap(\.id)).count + configured.count { $0.id == nil }
    }

    /// Asks whom the others tell of, and no longer those that nobody tells of or that are asked by another address.
    private func meetMembers() {
        for peer in peers where !peer.isConfigured {
            let isMember = council.members.contains { $0.id == peer.id }
            let isAskedElsewhere = peers.contains {
                $0 !== peer && $0.id == peer.id && ($0.isConfigured || $0.testimony != nil)
            }
            let hasMoved =
                peer.testimony == nil
                && council.members.contains { $0.id == peer.id && $0.endpoint != peer.endpoint }
            if !isMember || isAskedElsewhere || hasMoved { leave(peer) }
        }
        for member in council.members
        where !peers.contains(where: { $0.id == member.id || $0.endpoint == member.endpoint }) {
            pending.log(.notice, "The sentinels tell of another one at \(member.endpoint)")
            peers.append(
                SentinelPeer(
                    member.endpoint, isConfigured: false, id: member.id, pool: pool,
                    at: now.instant))
        }
    }

    private func leave(_ peer: SentinelPeer) {
        for line in peer.lines { cut(line) }
        peers.removeAll { $0 === peer }
    }
}
