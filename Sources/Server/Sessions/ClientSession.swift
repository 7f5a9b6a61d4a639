// What the server knows of one client.

import RESP

/// A client's connection and what it has chosen on it.
final class ClientSession {
    enum State {
        case open
        /// The client will send no more; what it is owed is still delivered.
        case ended
        /// Nothing more is taken from it; it is closed when its output has been delivered.
        case closing
    }

    let id: ConnectionID
    /// What CLIENT ID says: rises from client to client, never used twice.
    let number: Int
    let peer: PeerAddress
    var state: State = .open
    var output: OutputQueue
    var unfinished: UnfinishedRequest?
    /// Set while too much output waits: nothing is read then.
    var isPaused = false
    /// True while this turn's list of connections with output names it.
    var isListed = false
    var version = ProtocolVersion.resp2
    var database = 0
    var isAuthenticated: Bool
    var name: [UInt8] = []
    var lastActive: Instant

    init(
        id: ConnectionID, number: Int, peer: PeerAddress, isAuthenticated: Bool, at now: Moment,
        pool: BlockPool
    ) {
        self.id = id
        self.number = number
        self.peer = peer
        self.isAuthenticated = isAuthenticated
        lastActive = now.instant
        output = OutputQueue(pool: pool)
    }

    /// True when the client is owed nothing, and nothing of it is left to do.
    var isDone: Bool {
        switch state {
        case .open: false
        case .ended: output.isEmpty && !isPaused
        case .closing: output.isEmpty
        }
    }
}
