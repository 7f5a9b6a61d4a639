// Watermarks: published at the master behind what was acknowledged, delivered by replicas that have applied it.
//
// Each worker publishes on a connection of its own, one at a time, since CLIENT PAUSE holds PUBLISH back; the first
// worker listens to the replicas for all.

import RESP

/// One worker's watermarks.
struct WatermarkState {
    /// A write stands behind a watermark that has not been published yet.
    var isWanted = false
    /// One is on its way to the master.
    var isOnItsWay = false
    var publishedAt = Instant(nanoseconds: 0)
    /// The one that was given out last in each of the last seconds, the oldest first.
    var history: [(at: Instant, watermark: Watermark)] = []
    /// What stands behind a later one was written lately; nil as long as all was.
    var recentAbove: Watermark?
    /// The master has refused PUBLISH: it is said once.
    var isRefused = false
    /// Where they are published under the master of today.
    private(set) var channel: [UInt8] = []

    /// Writes within a time so long are vetoed by ROLE: longer than any replica should be behind.
    static let vetoWindow = Duration.seconds(60)
    /// Between two watermarks of one worker, so that a busy worker does not fill the master's stream with them.
    static let pace = Duration.milliseconds(1)
    /// A watermark is published at least so often, so that replicas which have come back are proved to be there.
    static let heartbeat = Duration.seconds(1)

    /// Another master begins: what is on its way to the one before will not be answered.
    mutating func beginReign(_ channel: [UInt8]) {
        self.channel = channel
        isOnItsWay = false
    }
}

extension ProxyCore {
    // MARK: Publishing

    /// What has been acknowledged is to be proved on the replicas, soon: the driver asks for the output of the
    /// connection when all of the turn's replies are in.
    func wantWatermark() {
        guard !watermarks.isWanted else { return }
        watermarks.isWanted = true
        publishIfDue()
    }

    /// Has the driver ask for it, now or when its time has come.
    func publishIfDue() {
        guard watermarks.isWanted, !watermarks.isOnItsWay, let publisher = master.publisher,
            publisher.isReady, let id = publisher.id
        else { return }
        let due = watermarks.publishedAt + WatermarkState.pace
        guard due <= now.instant else { return wake(at: due) }
        guard !publisher.isListed else { return }
        publisher.isListed = true
        pending.output.append(id)
    }

    /// The driver takes the publisher's output: the watermark is given out only now, so that it stands behind
    /// everything of this turn.
    func publish(on publisher: BackendConnection) {
        guard watermarks.isWanted, !watermarks.isOnItsWay, publisher.isReady else { return }
        let watermark = freshness.give()
        watermarks.isWanted = false
        watermarks.isOnItsWay = true
        watermarks.publishedAt = now.instant
        audits.times.note(watermark, at: now.instant)
        let start = publisher.output.end
        let channel = watermarks.channel
        publisher.output.appendArrayHeader(3)
        publisher.output.appendBulk("PUBLISH")
        publisher.output.appendBulk(channel.span)
        publisher.output.appendBulk(Int(watermark.number))
        servers[publisher.server].outstanding += 1
        publisher.tickets.append(
            Ticket(
                client: Ticket.nobody, kind: .errand, delivery: .special, attempts: 0, replies: 1,
                start: start, since: now.instant))
        publisher.specials.append(.published)
    }

    /// The master has answered a PUBLISH.
    func published(_ isRefused: Bool) {
        watermarks.isOnItsWay = false
        if isRefused, !watermarks.isRefused {
            tell(
                .publishRefused, of: master, .warning,
                "refuses PUBLISH: without it no replica is known to be fresh, and reads go to the master"
            )
        } else if watermarks.isRefused, !isRefused {
            tell(.publishAccepted, of: master, .notice, "takes PUBLISH again")
        }
        watermarks.isRefused = isRefused
        publishIfDue()
    }

    /// From time to time: publishes if it is due, and again if it was long ago.
    func lookAfterWatermarks() {
        guard isFencing else { return }
        if worker == 0, watermarks.publishedAt + WatermarkState.heartbeat <= now.instant {
            watermarks.isWanted = true
        }
        publishIfDue()
        let last = watermarks.history.last
        guard last.map({ $0.at + .seconds(1) <= now.instant }) ?? true else { return }
        watermarks.history.append((now.instant, freshness.last))
        audits.times.note(freshness.last, at: now.instant)
        while watermarks.history.count > 1,
            watermarks.history[1].at + WatermarkState.vetoWindow <= now.instant
        {
            watermarks.history.removeFirst()
        }
        guard let oldest = watermarks.history.first,
            oldest.at + WatermarkState.vetoWindow <= now.instant
        else { return }
        watermarks.recentAbove = oldest.watermark
    }

    /// Whether what stands behind a watermark was written so lately that a replica might have lost it again unseen.
    func isRecent(_ watermark: Watermark) -> Bool {
        watermarks.recentAbove.map { watermark > $0 } ?? true
    }

    // MARK: Listening

    /// Makes the connections that fences need, once there are servers to connect to.
    func connectForFreshness(to server: BackendServer) {
        guard isFencing else { return }
        if server.role == .master {
            if server.publisher == nil {
                server.publisher = makeConnection(to: server, lane: 0, .publisher)
            }
        } else if worker == 0, server.watcher == nil {
            server.watcher = makeConnection(to: server, lane: 0, .watcher)
        }
    }

    /// A connection for watermarks stands.
    func beginFreshness(_ connection: BackendConnection) {
        switch connection.use {
        case .publisher:
            watermarks.isOnItsWay = false
            watermarks.isWanted = true
            publishIfDue()
        case .watcher:
            let channel = watermarks.channel
            connection.output.appendArrayHeader(2)
            connection.output.appendBulk("SUBSCRIBE")
            connection.output.appendBulk(channel.span)
            connection.isStream = true
            list(connection)
            // Nobody may be writing: what is there already is to be proved as well.
            wantWatermark()
        default: break
        }
    }

    /// What a replica delivers to the watcher.
    func hearWatermark(_ frame: Span<UInt8>, on connection: BackendConnection) {
        if frame[0] == ReplyKind.error.rawValue {
            let said = ErrorText.string(frame, upTo: 120)
            return distrust(connection, "it answered '\(said)' to SUBSCRIBE")
        }
        let channel = watermarks.channel
        guard let number = PublishedNumber(frame, on: channel.span)?.number else { return }
        let server = servers[connection.server]
        guard let report = server.health.report, let runID = report.runID,
            ProcessMark(runID: runID.span) == connection.process, let following = report.following
        else { return }
        let proof = freshness.proofs[server.index]
        if let seen = proof.look(), seen.process != connection.process {
            freshness.void(server.index)
        }
        // A number that nobody has given out is nobody's word.
        guard number <= freshness.last.number else { return }
        let isNew = proof.deliver(
            Watermark(number: number), by: connection.process, following: following,
            at: report.offset ?? 0)
        if isNew { pending.log(.verbose, "\(server.name) is known to be fresh from now on") }
    }

    /// A probe has told how a server is: what was known of its data may be void.
    func compare(_ old: ServerReport?, with new: ServerReport, of server: BackendServer) {
        guard isFencing, let old else { return }
        if server.role == .master {
            guard old.runID != new.runID || old.replicationID != new.replicationID else { return }
            freshness.voidAll()
            return wantWatermark()
        }
        guard worker == 0 else { return }
        let hasFallen = (new.offset ?? 0) < (old.offset ?? 0)
        if old.runID != new.runID || old.following != new.following || new.isSyncing || hasFallen {
            freshness.void(server.index)
            wantWatermark()
        } else if let offset = new.offset {
            freshness.proofs[server.index].noteOffset(offset)
        }
    }
}

/// A message on the channel of watermarks: `message`, the channel, a number.
struct PublishedNumber {
    let number: UInt64

    init?(_ frame: Span<UInt8>, on channel: Span<UInt8>) {
        guard let word = SubscriptionFrame.bulk(1, of: frame), word.equalsIgnoringCase("message"),
            let name = SubscriptionFrame.bulk(2, of: frame), name.equals(channel),
            let text = SubscriptionFrame.bulk(3, of: frame), let number = Decimal.integer(text),
            number > 0
        else { return nil }
        self.number = UInt64(number)
    }
}
