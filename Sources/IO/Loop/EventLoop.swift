// Drives one core: carries bytes between sockets and the core, and carries its wishes out.
//
//     sleep in epoll ─▶ clocks ─▶ mail ─▶ every ready descriptor ─▶ tick ─▶ settle ─┐
//           ▲                                                                       │
//           └────────── pending taken, outputs drained, wishes carried out ◀────────┘
//
// All reading comes before all writing: replies of one turn leave together, one write per connection, and the
// peers of one turn become ready together for the next.

import Glibc
import RESP

/// The settings of one loop.
package struct LoopOptions: Sendable {
    /// Probe silent connections after so many seconds; 0 never.
    package var keepAlive: Int32 = 300
    /// How long what was sent over a link may go unacknowledged, or unread by a peer whose window is full, before the
    /// link is held to be dead; zero: as long as the kernel sends it again, a quarter of an hour.
    package var userTimeout: Duration = .seconds(30)
    /// How long one address of a link may take to answer before the next is tried.
    package var connectTimeout: Duration = .seconds(4)
    /// How long the name of a link may take to be looked up before the link is refused: the C library asks each
    /// name server twice and waits 5 seconds each time, so that one server that is silent is survived.
    package var lookupTimeout: Duration = .seconds(15)
    /// How often the host name of a standing link is looked up again.
    package var lookupInterval: Duration = .seconds(30)
    package var names = NameService.system

    package init() {}
}

/// One thread's loop. Made, run and let go on that thread; others reach it through its mailbox alone.
@safe
package final class EventLoop {
    let core: any Core
    let log: Log
    let options: LoopOptions
    /// The letter of the log's lines; asked for per line, as a server's role changes while it runs.
    let role: () -> Log.Role
    package let mailbox: Mailbox
    /// The mailboxes of all workers of the program by number, this loop's among them.
    let peers: [Mailbox]
    /// How many of them, from the first on, serve clients and so may be handed some.
    let sharers: Int
    /// The number of this loop's worker.
    let worker: Int

    var poller: Poller
    var watches = WatchTable()
    var deadlines = Deadlines()
    var listeners: [ListenerSeat] = []
    var links: [LinkID: Link] = [:]
    var lookups = 0
    var lingering = 0
    var resolver: Resolver
    var files: FileStore
    var signals: SignalSource?
    private var memory = MemoryKeeper()

    private let scratch: UnsafeMutableRawBufferPointer
    /// Both clocks as this turn read them.
    var now: Moment
    /// When the core wants its next tick, as told when its wishes were last taken.
    private var wakeAt: Instant?
    /// What was taken from the core; its arrays and the core's change places each round, so that neither is
    /// copied nor made anew.
    private var wanted = PendingActions()
    /// Connections that were blocked and can take more now.
    private var writable: [Token] = []
    var exitStatus: Int32?

    /// `peers` are the mailboxes of all loops whose cores may send each other messages, this one's among them; the
    /// first `sharers` of them, or all, even out their clients.
    package init(
        driving core: any Core, mailbox: Mailbox, peers: [Mailbox]? = nil, sharers: Int? = nil,
        log: Log,
        options: LoopOptions = LoopOptions(), role: @escaping () -> Log.Role
    ) throws(Errno) {
        let peers = peers ?? [mailbox]
        guard let worker = peers.firstIndex(where: { $0 === mailbox }) else {
            preconditionFailure("a loop is not among its peers")
        }
        self.peers = peers
        self.sharers = sharers ?? peers.count
        precondition(self.sharers <= peers.count, "more loops share clients than there are")
        self.worker = worker
        self.core = core
        self.log = log
        self.options = options
        self.role = role
        self.mailbox = mailbox
        poller = try Poller()
        resolver = Resolver(asking: options.names, mailbox: mailbox)
        files = FileStore(mailbox: mailbox)
        unsafe scratch = .allocate(byteCount: Limits.read, alignment: 64)
        now = SystemClock.now()
        // The mailbox outlives the watch, and a descriptor has one owner: the watch gets its own.
        try watch(try mailbox.bell.descriptor.duplicate(), as: .wakeUp, for: .input)
    }

    deinit {
        unsafe scratch.deallocate()
    }

    /// Runs until the core wishes to exit or somebody stops the loop, and returns the exit status. The core
    /// hears of nothing after that; what it wanted written to files is written.
    package func run() -> Int32 {
        settle()
        while true {
            if let exitStatus {
                for seat in listeners { seat.listener.withdraw() }
                files.finish()
                mailbox.retire()
                return exitStatus
            }
            turn()
        }
    }

    private func turn() {
        // The clock is as old as the turn that ends; that makes a sleep too long by that turn at most.
        let patience = Patience.milliseconds(until: wakeAt, deadlines.first, at: now.instant)
        let count = poller.wait(milliseconds: patience)
        now = SystemClock.now()
        readMail()
        for index in 0..<count {
            let event = poller.event(index)
            handle(event.readiness, of: event.token)
        }
        while let due = deadlines.takeDue(at: now.instant) { meet(due) }
        if let wakeAt, wakeAt <= now.instant { tick() }
        settle()
        // The heaps are the process's: one worker is enough.
        if worker == 0 { memory.look(at: now.instant) }
    }

    /// What epoll told of one descriptor; nothing if that was closed earlier in this turn.
    private func handle(_ readiness: Readiness, of token: Token) {
        guard watches.holds(token) else { return }
        switch watches[token].role {
        case .connection(let connection):
            serve(connection, token, readiness)
        case .listener(let seat):
            accept(at: seat, token)
        case .connecting(let link):
            finishConnecting(link, token)
        case .lingering(let left):
            readAndForget(token, left: left)
        case .wakeUp:
            mailbox.bell.hush()
            readMail()
        case .signals:
            readSignals()
        }
    }

    private func serve(_ connection: Connection, _ token: Token, _ readiness: Readiness) {
        if readiness.contains(.output), connection.writing == .blocked {
            var ready = connection
            ready.writing = .ready
            watches[token].role = .connection(ready)
            writable.append(token)
        }
        if connection.reading == .open {
            if !readiness.isDisjoint(with: [.input, .broken]) { receive(from: token) }
        } else if !readiness.isDisjoint(with: .broken) {
            // The core does not want to read, or has read everything; epoll would tell of this for ever.
            close(token)
        } else if readiness.contains(.hangUp), connection.reading == .paused(isTold: false) {
            changeConnection(token) { $0.reading = .paused(isTold: true) }
            guard watches.holds(token) else { return }
            core.hear(.hungUp(token.connection), at: now)
        }
    }

    private func receive(from token: Token) {
        let arrived: Int?
        do {
            arrived = try unsafe watches[token].descriptor.receive(into: scratch)
        } catch {
            close(token)
            return
        }
        guard let count = arrived else { return }
        if count == 0 {
            changeConnection(token) { $0.reading = .ended }
            guard watches.holds(token) else { return }
            core.end(token.connection, at: now)
            return
        }
        let bytes = unsafe Span(
            _unsafeStart: scratch.baseAddress!.assumingMemoryBound(to: UInt8.self), count: count)
        core.receive(bytes, from: token.connection, at: now)
    }

    /// Reads what has arrived and throws it away; 0 when nothing more will come, nil when nothing is there now.
    func discardInput(of token: Token) -> Int? {
        do {
            return try unsafe watches[token].descriptor.receive(into: scratch)
        } catch {
            return 0
        }
    }

    private func tick() {
        // Asked again: what arrived in this turn may have moved it. Taken away, so that a core which forgets
        // to set the next one sleeps instead of spinning.
        guard let due = core.pending.wakeAt, due <= now.instant else { return }
        core.pending.wakeAt = nil
        core.tick(at: now)
    }

    /// Takes what the core wants until it wants nothing more: what it learns while its output is drained and
    /// its wishes are carried out may make it want again. A core that never has enough goes on next turn.
    private func settle() {
        for _ in 0..<Limits.roundsPerTurn {
            take(from: &core.pending)
            wakeAt = wanted.wakeAt
            if wanted.output.isEmpty && wanted.wishes.isEmpty && writable.isEmpty { return }
            for token in writable { drain(token) }
            writable.removeAll(keepingCapacity: true)
            for connection in wanted.output { drain(Token(connection)) }
            for wish in wanted.wishes { carryOut(wish) }
            wanted.output.removeAll(keepingCapacity: true)
            wanted.wishes.removeAll(keepingCapacity: true)
        }
        wakeAt = now.instant
    }

    private func take(from pending: inout PendingActions) {
        swap(&pending, &wanted)
        pending.wakeAt = wanted.wakeAt
    }

    /// Writes what waits on a connection: one system call, unless there is a lot and the kernel takes it all.
    private func drain(_ token: Token) {
        guard watches.holds(token), case .connection(var connection) = watches[token].role,
            connection.writing == .ready
        else { return }
        for _ in 0..<Limits.writesPerTurn {
            switch write(token) {
            case .everything:
                update(token)
                return
            case .more:
                continue
            case .blocked:
                connection.writing = .blocked
                watches[token].role = .connection(connection)
                update(token)
                return
            case .failed:
                close(token)
                return
            }
        }
        // There is more, and it would be taken; the kernel will say so at once, behind the others' turns.
        connection.writing = .blocked
        watches[token].role = .connection(connection)
        update(token)
    }

    private enum Written {
        case everything
        case more
        case blocked
        case failed
    }

    private func write(_ token: Token) -> Written {
        var outcome = Written.everything
        core.drain(token.connection, at: now) { pieces in
            let offered = pieces.total
            guard offered > 0 else { return 0 }
            do {
                let sent = try watches[token].descriptor.send(pieces)
                if sent < offered {
                    outcome = .blocked
                } else if offered >= Limits.largeWrite {
                    outcome = .more
                }
                return sent
            } catch {
                outcome = .failed
                return 0
            }
        }
        return outcome
    }
}
