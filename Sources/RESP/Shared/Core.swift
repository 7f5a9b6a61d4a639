// The one interface between a program without I/O and whoever drives it: the event loop in production, the
// simulator in tests.
//
//                 open · receive · end · close · tick · hear
//        driver ───────────────────────────────────────────────▶ core
//           ▲                                                      │
//           └────────── pending: who has output, wishes ◀──────────┘
//                       drain: the bytes themselves
//
// A turn: the driver reads the clocks once, hands over everything that arrived, then takes `pending`, drains
// each connection named there with one write, and carries the wishes out. Nothing calls back in between.

/// A program without I/O: bytes and time go in; output waits until the driver takes it.
public protocol Core: AnyObject {
    /// A peer has connected to us.
    func open(
        _ id: ConnectionID, through listener: ListenerID, from peer: PeerAddress,
        to local: PeerAddress, at now: Moment)

    /// Bytes have arrived. The core takes all of them, and copies what it cannot use yet.
    func receive(_ bytes: Span<UInt8>, from id: ConnectionID, at now: Moment)

    /// The peer will send nothing more, but may still read: what it is owed can be delivered.
    func end(_ id: ConnectionID, at now: Moment)

    /// Offers the waiting output of a connection to `write`, and forgets as many bytes as it took.
    func drain(_ id: ConnectionID, at now: Moment, into write: (borrowing OutputPieces) -> Int)

    /// The connection is gone, whoever wished it. Called exactly once for each connection that was opened.
    func close(_ id: ConnectionID, at now: Moment)

    /// The time asked for by `pending.wakeAt` has come; earlier calls are harmless.
    func tick(at now: Moment)

    /// What became of a wish, or a word from outside.
    func hear(_ news: News, at now: Moment)

    /// What to carry out before the driver sleeps.
    var pending: PendingActions { get set }
}

/// A word from one worker's core to another's. Each program has its own; only what is rare travels in this way.
public protocol CoreMessage: Sendable {}

/// What a core hears besides bytes.
public enum News: Sendable {
    /// A wished connection stands and is `id` from now on; `open` is not called for it.
    case connected(LinkID, ConnectionID)
    /// A wished connection could not be made; the reason is for people.
    case refused(LinkID, reason: String)
    /// The host name of a standing link no longer leads to the address it is connected to.
    case moved(LinkID)
    /// Everything appended to the file so far, `size` bytes in all since it was opened, is written.
    case appended(FileID, size: Int)
    /// Everything appended before the wish, `size` bytes in all, would survive a power failure.
    case synced(FileID, size: Int)
    /// The file could not be opened, appended to or synced. Nothing more is done with it until it is opened anew.
    case failed(FileID, reason: String)
    case signal(Signal)
    /// The core of another worker says something. What one sender says arrives in the order of its wishes.
    case message(any CoreMessage, from: Int)
    /// The peer of a paused connection will send nothing more. What it has sent before may be unread: it comes when
    /// reading goes on, and `end` behind it as ever. Told once per pause, since a core may wait for what nobody is
    /// there to take.
    case hungUp(ConnectionID)
}

/// The signals that mean something to a program.
public enum Signal: Sendable {
    case terminate
    case interrupt
    case hangup
    case user1
}

/// How urgent a line of the log is; the order is redis-server's.
public enum LogLevel: UInt8, Comparable, Sendable {
    case debug
    case verbose
    case notice
    case warning

    public static func < (left: LogLevel, right: LogLevel) -> Bool {
        left.rawValue < right.rawValue
    }
}

/// A rare thing that a core wants done in the world.
public enum Wish: Sendable {
    /// Connect; answered by `connected` or `refused`.
    case connect(LinkID, Endpoint)
    /// Give up a connection that is being made; nothing more is heard of it.
    case abandon(LinkID)
    /// Close now. Waiting output is dropped: a core that wants it delivered waits until it is drained.
    case close(ConnectionID)
    /// Stop handing over bytes from this connection until told to go on; `hungUp` tells when no more will come.
    case pause(ConnectionID)
    case resume(ConnectionID)
    case log(LogLevel, String)
    /// Open for appending, creating it; what stands behind `size` bytes is cut off first.
    case openFile(FileID, path: String, size: Int)
    case append(FileID, [UInt8])
    case sync(FileID)
    case closeFile(FileID)
    /// Have a file hold these bytes and nothing else, even if the power fails meanwhile: then it has these or those of
    /// before. Answered by `synced` or `failed`, for the last such wish alone when one follows the other.
    case replaceFile(FileID, path: String, contents: [UInt8])
    /// Say something to the core of another worker of the same program, by its number; a core alone has nobody to
    /// say it to. One that has ended meanwhile does not hear it.
    case send(any CoreMessage, to: Int)
    /// Leave the program with this exit status after this turn's output is written.
    case exit(Int32)
}

/// What a core leaves for its driver at the end of a turn. The arrays are reused from turn to turn.
public struct PendingActions: Sendable {
    /// Connections that have output; each is named once per turn by its core.
    public var output: [ConnectionID] = []
    public var wishes: [Wish] = []
    /// When `tick` is next wanted; nil when nothing waits for time.
    public var wakeAt: Instant?

    public init() {}

    public mutating func log(_ level: LogLevel, _ line: String) {
        wishes.append(.log(level, line))
    }
}
