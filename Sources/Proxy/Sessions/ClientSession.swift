// What the proxy knows of one client. Kept small: an idle client costs this and nothing more.

import RESP

/// A client's connection. All its unanswered requests are on one backend connection, so replies come back in the
/// order of its requests by themselves; replies of the proxy's own wait for their turn.
final class ClientSession {
    enum State {
        case open
        /// The client will send no more; what it is owed is still delivered.
        case ended
        /// Nothing more is taken from it; it is closed when what it is owed has been delivered.
        case closing
    }

    /// Why a client is not read from for a while.
    enum Pause: Equatable {
        /// It has asked too much, or left too much unread.
        case room
        /// That connection takes no more for now.
        case backend(LinkID)
        /// The next request goes out on another connection, and so only when everything has been answered.
        case drained
        /// The answer to a request comes later than the turn, and nothing may overtake it.
        case answer
        /// A server has not confirmed yet what was asked of it on a connection for listening.
        case confirmation
        /// CLIENT PAUSE holds its request back.
        case held
        /// No server is fresh enough for its read.
        case freshness
        /// The master answers for the replicas, and has enough of that to do.
        case turn
        /// Nobody takes writes.
        case master
    }

    /// A reply of the proxy's own that must wait for replies of requests before it.
    struct HeldReply {
        /// How many forwarded requests come before it.
        let position: Int
        let bytes: [UInt8]
    }

    /// A name is kept for as long as its client; longer ones are refused.
    static let longestName = 4096

    let id: ConnectionID
    /// What CLIENT ID says.
    let number: Int
    let peer: PeerAddress
    /// Our end of its connection.
    let local: PeerAddress
    /// Where it came in: its place in the configuration's `listen`.
    var listener = 0
    let openedAt: Instant
    var state: State = .open
    var version = ProtocolVersion.resp2
    /// It may ask for things: no password is wanted, or it has given one.
    var isAuthenticated = true
    /// How fresh its reads are to be.
    var consistency = Consistency.eventual
    /// What PROXY AFTER has asked of its reads, at whatever level.
    var after = Need.nothing
    /// At level `session`: what it has written or seen stands before this watermark.
    var position = Watermark.none
    /// At level `session`: the replica that it reads from.
    var place: (server: Int, process: ProcessMark)?
    /// The number of the lane: which connections its requests go over.
    var lane: Int32 = 0
    var output: OutputQueue
    /// Replies that wait for replicas to confirm writes; made when first wanted.
    private(set) var withheld: WithheldReplies?
    var unfinished: UnfinishedRequest?
    /// The connection that its last request went out on.
    var link: LinkID?
    /// When it last sent something.
    var usedAt: Instant
    /// When the request was put off that it is to hand over again.
    var putOffAt: Instant?
    /// Since when it has wanted room on a connection, or a server that is fresh enough, for that request or for one
    /// before it that was here already.
    var shortSince: Instant?
    /// The reign in which a write was given back to it last.
    var givenBackIn: Int32 = -1
    /// In which era of the master it wrote first since its last WAIT.
    var wroteIn: Int32?
    /// The last that was carried out.
    var command: CommandID?
    /// Requests sent to a backend, and replies delivered, since the client connected.
    var forwarded = 0
    var delivered = 0
    /// Writes that are not answered yet.
    var writes: Int32 = 0
    /// In rising order of position.
    private(set) var held: [HeldReply] = []
    private(set) var heldBytes: Int32 = 0
    var pause: Pause?
    /// Its input is being read: it is not let go of before that is over.
    var isBeingRead = false
    /// It was cut short: nothing is added to what it has.
    private(set) var isCutShort = false
    /// It has part of a reply, whose rest must be the next that it gets.
    var isMidReply = false
    /// The driver was told not to read from it.
    var isStopped = false
    /// It will send nothing more, though not all that it sent may have been read.
    var hasHungUp = false
    /// True while the list of those who wait for a backend names it.
    var isWaiting = false
    /// True while the list of reads that are tried again names it.
    var isToBeRetried = false
    /// True while this turn's list of connections with output names it.
    var isListed = false
    /// What only few clients have: a name, a transaction, a connection of their own.
    var extras: SessionExtras?

    init(
        id: ConnectionID, number: Int, peer: PeerAddress, local: PeerAddress, pool: BlockPool,
        at now: Instant
    ) {
        self.local = local
        openedAt = now
        usedAt = now
        self.id = id
        self.number = number
        self.peer = peer
        output = OutputQueue(pool: pool)
    }

    /// Not any server will do for its reads.
    var asksForFreshness: Bool { consistency != .eventual || after != .nothing }

    /// Requests that the client still waits for.
    var inFlight: Int { forwarded - delivered + held.count + (withheld?.replies ?? 0) }

    /// Replies that backends still owe it.
    var owed: Int { forwarded - delivered }

    /// Bytes of replies that are kept for the client.
    var unread: Int { untaken + Int(heldBytes) }

    /// Bytes that it has not taken, or may not have yet.
    var untaken: Int { output.count + (withheld?.bytes.count ?? 0) }

    /// Where the next reply goes: to the output, or behind a write that replicas have not confirmed.
    var replies: OutputQueue {
        _read {
            if let withheld, withheld.isActive { yield withheld.bytes } else { yield output }
        }
        _modify {
            if let withheld, withheld.isActive {
                yield &withheld.bytes
            } else {
                yield &output
            }
        }
    }

    func makeWithheld(_ pool: BlockPool) -> WithheldReplies {
        if let withheld { return withheld }
        let fresh = WithheldReplies(pool: pool)
        withheld = fresh
        return fresh
    }

    /// True when the client is owed nothing, and nothing of it is left to do.
    var isDone: Bool {
        switch state {
        case .open: false
        case .ended: inFlight == 0 && output.isEmpty && pause == nil
        case .closing: inFlight == 0 && output.isEmpty && pause != .answer && pause != .confirmation
        }
    }

    /// Nobody is there any more who would take what comes some day.
    var isGone: Bool { state == .ended || hasHungUp }

    /// No reply is wanted: CLIENT REPLY.
    var isSilent: Bool { extras.map { $0.replies != .on } ?? false }

    /// The rare things, made when first wanted.
    var rare: SessionExtras {
        if let extras { return extras }
        let fresh = SessionExtras()
        extras = fresh
        return fresh
    }

    /// Keeps a reply until all requests before it have been answered.
    func hold(_ bytes: [UInt8]) {
        held.append(HeldReply(position: forwarded, bytes: bytes))
        heldBytes += Int32(clamping: bytes.count)
    }

    /// Gives up what is not delivered, because no reply will come any more, and what is not read. What has been
    /// delivered can still be taken. Returns the input that was kept.
    func cutShort() -> UnfinishedRequest? {
        forwarded = delivered
        writes = 0
        withheld?.cutShort()
        held = []
        heldBytes = 0
        pause = nil
        state = .closing
        isCutShort = true
        defer { unfinished = nil }
        return unfinished
    }

    /// Puts the held replies whose turn has come behind what was delivered.
    func releaseHeld() {
        var count = 0
        while count < held.count, held[count].position == delivered {
            let bytes = held[count].bytes
            replies.append(bytes.span)
            heldBytes -= Int32(clamping: bytes.count)
            count += 1
        }
        if count > 0 { held.removeFirst(count) }
    }
}
