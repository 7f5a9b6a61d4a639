// A virtual connection, as TCP makes them: two pipes in which bytes neither vanish nor change places while the
// connection lives. What varies is where the bytes are cut, when they come, and when the connection dies.

import RESP

/// Two ends and the two pipes between them.
final class Connection {
    let number: Int
    /// Which life of the connecting program it belongs to.
    let life: Int
    let local: PeerAddress
    let remote: PeerAddress
    private(set) var ends: [End] = []

    init(number: Int, from connecting: Host, to accepting: Host, faults: Faults) {
        self.number = number
        life = (connecting as? Node)?.life ?? 0
        local = .ipv4(10, 0, UInt8(number >> 8 & 0xFF), UInt8(number & 0xFF), port: 40_000)
        remote = .ipv4(10, 1, 0, 1, port: 6379)
        let first = End(of: connecting, on: self, side: 0)
        let second = End(of: accepting, on: self, side: 1)
        ends = [first, second]
        first.outgoing = Pipe(to: second, capacity: faults.socketCapacity)
        second.outgoing = Pipe(to: first, capacity: faults.socketCapacity)
    }

    /// True when it leads from the proxy to a server.
    var isBackendLink: Bool { ends[0].host.role == .proxy }

    /// True when neither end can be told anything more.
    var isOver: Bool { ends[0].isClosed && ends[1].isClosed }
}

/// One end of a connection: a socket, as its owner sees it.
final class End {
    unowned let host: Host
    unowned let connection: Connection
    let side: Int
    fileprivate(set) var outgoing: Pipe!

    /// The name that the core at this end knows it by.
    var id = ConnectionID(slot: 0, generation: 0)
    /// False until the accepting side has taken it.
    var isAccepted: Bool
    /// The owner has closed it: nothing reaches it any more.
    var isClosed = false
    /// Lost, and the owner may know it.
    var isLost = false
    /// A word that it is lost is on its way.
    var willLearn = false
    /// The owner has been told that the peer will send nothing more.
    var hasSeenEnd = false
    /// The owner does not want bytes at present.
    var isPaused = false
    /// While it does not, it has been told that the peer will send nothing more.
    var hasToldHangUp = false
    /// The owner has more to write than there was room for.
    var wantsRoom = false
    /// A call of `writable` is on its way.
    var willHaveRoom = false
    /// Since when others wait for it, and the owner does not read because of somebody who does not read either.
    var heldUpSince: Instant?
    /// It waits for the owner's turn.
    var isReady = false
    /// The workload lost interest in what comes, or a fault hit: the client may be closed without more reason.
    var wasHarmed = false

    init(of host: Host, on connection: Connection, side: Int) {
        self.host = host
        self.connection = connection
        self.side = side
        isAccepted = side == 0
    }

    var peer: End { connection.ends[1 - side] }
    var incoming: Pipe { peer.outgoing }
}

/// Bytes on their way in one direction, the oldest first: those that have arrived, then those still under way.
final class Pipe {
    struct Segment {
        /// How many bytes arrive together; 0 is the end of the stream.
        let count: Int
    }

    unowned let receiver: End
    var capacity: Int
    var bytes = ByteBuffer()
    /// How many of `bytes` the receiver can read.
    var arrived = 0
    var underWay: [Segment] = []
    /// Index of the next segment to arrive; the ones before it are done.
    var next = 0
    /// When the last segment arrives, before any clogging.
    var latest = Instant(nanoseconds: 0)
    /// Nothing arrives before this time.
    var cloggedUntil = Instant(nanoseconds: 0)
    /// The writer has said that nothing more comes.
    var isFinished = false
    var hasEnded = false
    /// Bytes that can still arrive on a connection that is broken; nil while it is whole.
    var survivors: Int?

    init(to receiver: End, capacity: Int) {
        self.receiver = receiver
        self.capacity = capacity
    }

    var room: Int { max(0, capacity - bytes.count) }

    /// Bytes that have not arrived.
    var flying: Int { bytes.count - arrived }
}
