// The samples of one worker: when the next is taken, and the one that is under way.

import RESP

/// A read that a replica answers, and that the master is asked as well.
struct RunningAudit {
    let number: Int
    let level: Consistency
    let command: AuditedCommand
    let name: CommandID
    let key: [UInt8]
    /// The fence of its key as it was before the read was sent: what is different now proves a write.
    let slot: FenceTable.Slot
    let fence: Watermark
    let since: Instant
    /// Where the read is waited for: the connection to the replica, and the place of the request on it.
    let server: Int
    let link: LinkID
    let start: Int
    /// Where the master is asked: a connection that has stood since before the read was sent, so that no other process
    /// and no other data can have come in between.
    let master: (link: LinkID, id: ConnectionID)
    var replica = ReplyDigest()
    var answer = ReplyDigest()
}

struct ReadAudits {
    /// From then on a read of a replica may be the next sample; never, when none are taken. Each such read asks.
    private(set) var due: Instant
    /// One at a time: the master is not asked more while it answers slowly.
    var running: RunningAudit?
    var times: WatermarkTimes
    /// When it was said last that a promise was broken.
    var alarmedAt: Instant?
    private var last = 0
    private let interval: Int64
    private var chance: Chance

    /// Requests are copied, so long ones are not sampled.
    static let longestRequest = 4 << 10
    /// The master has as much to do on its connection that a sample would wait, and make others wait.
    static let mostWaiting = 64
    /// Between two alarms of one worker.
    static let pace = Duration.seconds(60)

    init(
        perSecond: Int, workers: Int, arePublished: Bool, seed: UInt64, at now: Instant
    ) {
        interval = perSecond > 0 ? 1_000_000_000 * Int64(workers) / Int64(perSecond) : 0
        due = Instant(nanoseconds: .max)
        times = WatermarkTimes(capacity: perSecond > 0 ? 1024 : 1, arePublished: arePublished)
        chance = Chance(seed: seed)
        if interval > 0 { takeNext(after: now) }
    }

    var isOn: Bool { interval > 0 }

    /// The next is taken after half an interval to one and a half, so that it keeps step with nothing.
    mutating func takeNext(after now: Instant) {
        let part = Int64(chance.next() % UInt64(interval)) + interval / 2
        due = now + .nanoseconds(part)
    }

    /// What came could not be sampled. Not each read is looked at before one comes that can.
    mutating func lookAgainSoon(at now: Instant) {
        due = now + .nanoseconds(interval / 16)
    }

    mutating func nextNumber() -> Int {
        last += 1
        return last
    }
}
