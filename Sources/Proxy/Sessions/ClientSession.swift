// What the proxy knows of one client. Kept small: an idle client costs this and nothing more.

import RESP

/// A client's connection. Its replies come back in the order of its requests, whoever answers them.
final class ClientSession {
    enum State {
        case open
        /// The client will send no more; what it is owed is still delivered.
        case ended
        /// Nothing more is taken from it; it is closed when what it is owed has been delivered.
        case closing
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
    var state: State = .open
    var output: OutputQueue
    var unfinished: UnfinishedRequest?
    /// Requests sent to a backend, and replies delivered, since the client connected.
    var forwarded = 0
    var delivered = 0
    /// In rising order of position.
    private(set) var held: [HeldReply] = []
    private var heldBytes = 0
    var isPaused = false
    /// True while the list of those who wait for the backend names it.
    var isWaiting = false
    /// True while this turn's list of connections with output names it.
    var isListed = false
    var name: [UInt8] = []

    init(id: ConnectionID, number: Int, peer: PeerAddress, pool: BlockPool) {
        self.id = id
        self.number = number
        self.peer = peer
        output = OutputQueue(pool: pool)
    }

    /// Requests that the client still waits for.
    var inFlight: Int { forwarded - delivered + held.count }

    /// Bytes of replies that are kept for the client.
    var unread: Int { output.count + heldBytes }

    /// True when the client is owed nothing, and nothing of it is left to do.
    var isDone: Bool {
        switch state {
        case .open: false
        case .ended: inFlight == 0 && output.isEmpty && !isPaused
        case .closing: inFlight == 0 && output.isEmpty
        }
    }

    /// Keeps a reply until all requests before it have been answered.
    func hold(_ bytes: [UInt8]) {
        held.append(HeldReply(position: forwarded, bytes: bytes))
        heldBytes += bytes.count
    }

    /// Gives up what is not delivered, because no reply will come any more, and what is not read. What has been
    /// delivered can still be taken. Returns the input that was kept.
    func cutShort() -> UnfinishedRequest? {
        forwarded = delivered
        held = []
        heldBytes = 0
        isPaused = false
        state = .closing
        defer { unfinished = nil }
        return unfinished
    }

    /// Puts the held replies whose turn has come behind what was delivered.
    func releaseHeld() {
        var count = 0
        while count < held.count, held[count].position == delivered {
            let bytes = held[count].bytes
            output.append(bytes.span)
            heldBytes -= bytes.count
            count += 1
        }
        if count > 0 { held.removeFirst(count) }
    }
}
