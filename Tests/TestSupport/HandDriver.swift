// Drives a core by hand: a test plays every peer, decides what arrives when, and looks at each wish.

import RESP

/// The smallest driver: no time passes and nothing is delivered unless the test says so.
public final class HandDriver {
    public let core: any Core
    public var now: Moment
    /// Wishes that the test has not looked at yet, log lines apart.
    public var wishes: [Wish] = []
    /// Messages to other workers' cores, for the test to deliver: `other.tell(.message(message, from: 0))`.
    public var sent: [(message: any CoreMessage, to: Int)] = []
    public var log: [String] = []
    private var nextSlot: UInt32 = 0
    private var received: [ConnectionID: [UInt8]] = [:]
    public private(set) var closed: Set<ConnectionID> = []
    public private(set) var paused: Set<ConnectionID> = []
    public private(set) var exitStatus: Int32?
    /// How many bytes a connection takes per drain; all of them when it has no entry.
    public var room: [ConnectionID: Int] = [:]

    public init(_ core: any Core, at now: Moment = HandDriver.start) {
        self.core = core
        self.now = now
        core.tick(at: now)
        takePending()
    }

    public static let start = Moment(
        instant: Instant(nanoseconds: 1_000_000_000),
        wall: WallTime(microseconds: 1_700_000_000_000_000))

    public func newID(slot: UInt32? = nil, generation: UInt32 = 1) -> ConnectionID {
        if let slot { return ConnectionID(slot: slot, generation: generation) }
        defer { nextSlot += 1 }
        return ConnectionID(slot: nextSlot, generation: generation)
    }

    /// A client connects.
    public func connect(
        through listener: ListenerID = .clients,
        from peer: PeerAddress = .ipv4(127, 0, 0, 1, port: 50_000), as id: ConnectionID? = nil
    ) -> ConnectionID {
        let id = id ?? newID()
        closed.remove(id)
        core.open(
            id, through: listener, from: peer, to: .ipv4(127, 0, 0, 1, port: 6379), at: now)
        takePending()
        return id
    }

    public func send(_ bytes: [UInt8], to id: ConnectionID) {
        core.receive(bytes.span, from: id, at: now)
        takePending()
    }

    public func send(_ text: String, to id: ConnectionID) {
        send([UInt8](text.utf8), to: id)
    }

    /// Sends a command as multibulk.
    public func command(_ words: [String], to id: ConnectionID) {
        send(Wire.request(words), to: id)
    }

    /// Sends, and returns what came back at once.
    public func ask(_ words: String..., on id: ConnectionID) -> String {
        command(words, to: id)
        return output(of: id)
    }

    public func end(_ id: ConnectionID) {
        core.end(id, at: now)
        takePending()
    }

    /// The peer hangs up and has left something unread, if the core does not want to read.
    public func hangUp(_ id: ConnectionID) {
        if paused.contains(id) { tell(.hungUp(id)) } else { end(id) }
    }

    /// The connection dies from outside.
    public func cut(_ id: ConnectionID) {
        closed.insert(id)
        core.close(id, at: now)
        takePending()
    }

    public func tell(_ news: News) {
        core.hear(news, at: now)
        takePending()
    }

    public func pass(_ duration: Duration) {
        now.instant = now.instant + duration
        now.wall.microseconds += duration.nanoseconds / 1_000
        core.tick(at: now)
        takePending()
    }

    /// What has arrived at the peer since the last look.
    public func output(of id: ConnectionID) -> String {
        String(decoding: bytes(of: id), as: UTF8.self)
    }

    public func bytes(of id: ConnectionID) -> [UInt8] {
        defer { received[id] = [] }
        return received[id] ?? []
    }

    /// Lets a connection with little room take more.
    public func drain(_ id: ConnectionID) {
        core.drain(id, at: now) { pieces in take(pieces, id) }
        takePending()
    }

    private func take(_ pieces: borrowing OutputPieces, _ id: ConnectionID) -> Int {
        let limit = min(room[id] ?? .max, pieces.total)
        var left = limit
        for index in 0..<pieces.count {
            let piece = pieces[index]
            let count = min(left, piece.count)
            received[id, default: []].append(piece.extracting(0..<count))
            left -= count
        }
        if room[id] != nil { room[id]! -= limit }
        return limit
    }

    private func takePending() {
        while !core.pending.output.isEmpty || !core.pending.wishes.isEmpty {
            let listed = core.pending.output
            let wished = core.pending.wishes
            core.pending.output = []
            core.pending.wishes = []
            for id in listed where !closed.contains(id) {
                core.drain(id, at: now) { pieces in take(pieces, id) }
            }
            for wish in wished { carryOut(wish) }
        }
    }

    private func carryOut(_ wish: Wish) {
        switch wish {
        case .close(let id):
            guard closed.insert(id).inserted else { return }
            core.close(id, at: now)
        case .pause(let id): paused.insert(id)
        case .resume(let id): paused.remove(id)
        case .log(_, let line): log.append(line)
        case .send(let message, let receiver): sent.append((message, receiver))
        case .exit(let status): exitStatus = status
        default: wishes.append(wish)
        }
    }
}

/// Bytes of the protocol for tests.
public enum Wire {
    public static func request(_ words: [String]) -> [UInt8] {
        var text = "*\(words.count)\r\n"
        for word in words { text += "$\(word.utf8.count)\r\n\(word)\r\n" }
        return [UInt8](text.utf8)
    }
}
