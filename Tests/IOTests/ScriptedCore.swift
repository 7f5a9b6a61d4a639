// A small core for the loop's tests: does what a test tells it to, and writes down what it is told by the loop.

import Foundation
import IO
import RESP
import Synchronization
import Testing

/// What the scripted cores of several workers tell each other.
struct Note: CoreMessage, Equatable {
    let number: Int
}

/// What a core was told, in order; the test's thread waits for entries while the loop's thread adds them.
final class Journal: Sendable {
    enum Entry: Equatable, Sendable {
        case opened(ConnectionID, PeerAddress, ListenerID)
        case received(ConnectionID, [UInt8])
        case ended(ConnectionID)
        case closed(ConnectionID)
        case ticked(Instant)
        case connected(LinkID, ConnectionID)
        case refused(LinkID, String)
        case moved(LinkID)
        case appended(FileID, Int)
        case synced(FileID, Int)
        case failed(FileID, String)
        case signal(Signal)
        case hungUp(ConnectionID)
        case message(Note, from: Int)
        case note(String)
    }

    private let entries = Guarded<[Entry]>([])
    /// How often the loop looked for wishes: more than once per turn, so that a loop that spins shows.
    let looks = Atomic<Int>(0)

    var all: [Entry] { entries.withLock { $0 } }

    func add(_ entry: Entry) {
        entries.withLock { $0.append(entry) }
    }

    func count(_ isWanted: (Entry) -> Bool) -> Int {
        all.count(where: isWanted)
    }

    /// What one connection has sent so far.
    func bytes(from id: ConnectionID) -> [UInt8] {
        all.reduce(into: []) { bytes, entry in
            if case .received(id, let more) = entry { bytes += more }
        }
    }

    /// Waits until a value can be made out of what was written down.
    func wait<Value>(
        for what: String, location: SourceLocation = #_sourceLocation,
        _ find: ([Entry]) -> Value?
    ) throws -> Value {
        try waitUntil(what, location: location) { find(all) }
    }

    func waitForConnection(_ number: Int = 0) throws -> ConnectionID {
        try wait(for: "connection \(number)") { entries in
            let ids = entries.compactMap { entry -> ConnectionID? in
                if case .opened(let id, _, _) = entry { id } else { nil }
            }
            return number < ids.count ? ids[number] : nil
        }
    }

    func waitFor(_ entry: Entry, location: SourceLocation = #_sourceLocation) throws {
        try wait(for: "\(entry)", location: location) { $0.contains(entry) ? () : nil }
    }
}

struct TimeOut: Error, CustomStringConvertible {
    let description: String
}

/// Waits generously for something that happens on another thread or in the kernel.
func waitUntil<Value>(
    _ what: String, location: SourceLocation = #_sourceLocation, _ find: () throws -> Value?
) throws -> Value {
    let deadline = Date(timeIntervalSinceNow: 30)
    while true {
        if let value = try find() { return value }
        guard Date() < deadline else { throw TimeOut(description: "\(location): no \(what)") }
        usleep(1_000)
    }
}

final class ScriptedCore: Core {
    final class Session {
        var output: OutputQueue
        var isListed = false
        var closesWhenDrained = false

        init(_ pool: BlockPool) {
            output = OutputQueue(pool: pool)
        }
    }

    let journal: Journal
    let pool = BlockPool()
    var sessions: [ConnectionID: Session] = [:]
    var onReceive: (ScriptedCore, ConnectionID, [UInt8]) -> Void = { core, id, bytes in
        core.send(bytes, to: id)
    }
    var onEnd: (ScriptedCore, ConnectionID) -> Void = { core, id in core.closeWhenDrained(id) }
    var onTick: (ScriptedCore, Moment) -> Void = { _, _ in }
    var onNews: (ScriptedCore, News) -> Void = { _, _ in }
    var onOpen: (ScriptedCore) -> Void = { _ in }
    /// Offers something other than what was sent, when it is set.
    var onDrain: ((ScriptedCore, (borrowing OutputPieces) -> Int) -> Void)?
    /// The time of the loop's turn: all calls of one turn have the same.
    private(set) var turn = Instant(nanoseconds: 0)
    private var actions = PendingActions()

    var pending: PendingActions {
        get { actions }
        set {
            journal.looks.add(1, ordering: .relaxed)
            actions = newValue
        }
    }

    init(journal: Journal) {
        self.journal = journal
    }

    func send(_ bytes: [UInt8], to id: ConnectionID) {
        guard let session = sessions[id] else { return }
        session.output.append(bytes.span)
        guard !session.isListed else { return }
        session.isListed = true
        actions.output.append(id)
    }

    func send(_ text: String, to id: ConnectionID) {
        send(Array(text.utf8), to: id)
    }

    func closeWhenDrained(_ id: ConnectionID) {
        guard let session = sessions[id] else { return }
        session.closesWhenDrained = true
        if session.output.isEmpty { wish(.close(id)) }
    }

    func wish(_ wish: Wish) {
        actions.wishes.append(wish)
    }

    func wake(at time: Instant?) {
        actions.wakeAt = time
    }

    func open(
        _ id: ConnectionID, through listener: ListenerID, from peer: PeerAddress,
        to local: PeerAddress, at now: Moment
    ) {
        turn = now.instant
        sessions[id] = Session(pool)
        journal.add(.opened(id, peer, listener))
        onOpen(self)
    }

    func receive(_ bytes: Span<UInt8>, from id: ConnectionID, at now: Moment) {
        turn = now.instant
        let copy = bytes.withUnsafeBufferPointer { Array($0) }
        journal.add(.received(id, copy))
        onReceive(self, id, copy)
    }

    func end(_ id: ConnectionID, at now: Moment) {
        journal.add(.ended(id))
        onEnd(self, id)
    }

    func drain(_ id: ConnectionID, at now: Moment, into write: (borrowing OutputPieces) -> Int) {
        turn = now.instant
        guard let session = sessions[id] else { return }
        session.isListed = false
        if let onDrain {
            onDrain(self, write)
            return
        }
        session.output.drain(into: write)
        if session.closesWhenDrained, session.output.isEmpty { wish(.close(id)) }
    }

    func close(_ id: ConnectionID, at now: Moment) {
        precondition(sessions.removeValue(forKey: id) != nil, "\(id) was closed twice")
        journal.add(.closed(id))
    }

    func tick(at now: Moment) {
        journal.add(.ticked(now.instant))
        onTick(self, now)
    }

    func hear(_ news: News, at now: Moment) {
        turn = now.instant
        switch news {
        case .connected(let link, let id):
            sessions[id] = Session(pool)
            journal.add(.connected(link, id))
        case .refused(let link, let reason): journal.add(.refused(link, reason))
        case .moved(let link): journal.add(.moved(link))
        case .appended(let file, let size): journal.add(.appended(file, size))
        case .synced(let file, let size): journal.add(.synced(file, size))
        case .failed(let file, let reason): journal.add(.failed(file, reason))
        case .signal(let signal): journal.add(.signal(signal))
        case .hungUp(let id): journal.add(.hungUp(id))
        case .message(let message, let sender):
            guard let note = message as? Note else { fatalError("another program's message") }
            journal.add(.message(note, from: sender))
        }
        onNews(self, news)
    }
}
