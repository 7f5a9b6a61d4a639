// What makes a small server a replica: it follows its master, or another replica, and now and then it loses its link,
// takes a whole copy that is older than what it had, begins anew, or cannot serve at all. A master that steps down goes
// on as one, and one that is promoted is none any more.
//
//     connecting ── the other is there, and has what comes next ──────────────────▶ connected
//         ▲  │                                                                        │ ▲
//         │  └── it is there, and is another or has less ──▶ syncing ── copied ───────┼─┘
//         └──────────────────────────────────── lost, or pointed elsewhere ───────────┘
//
// While the link is down the data stands still. It is found out late that the other has begun anew.

import RESP

/// A replica's copy, and in what state it is.
final class Following {
    /// A whole copy of somebody's data.
    struct Copy {
        var history = ""
        var position = 0
        var data = Dataset()
    }

    private enum Link {
        case connecting(until: Instant)
        case syncing(until: Instant, Copy)
        case connected
    }

    let number: Int
    private let stream: WriteStream
    private unowned let world: World
    private var random: Random
    private(set) var copy: Copy
    private var link: Link
    /// The number of the server that it follows.
    private var upstream: Int
    /// Nothing changes while it is about to be promoted, or while another is that it will follow.
    var standsStill = false
    /// It was the master before: who has not heard of its successor may still ask it to write.
    let hasLed: Bool
    /// How often it has taken a whole copy: what it says after that it may have said before.
    private(set) var epoch = 0
    private var messages: [Message] = []
    private var lag = Duration.zero
    /// When it finds out that its master has begun anew.
    private var noticesAt: Instant?
    private var changesAt: Instant
    private let loadsUntil: Instant
    let runID: String
    private let servesOldData: Bool

    /// What was published, as it reaches who listens here.
    struct Message {
        let channel: [UInt8]
        let text: [UInt8]
        let epoch: Int
    }

    /// A process that has just begun, with what was saved, or with nothing.
    init(_ stream: WriteStream, number: Int, in world: World, random: Random) {
        var random = random
        self.stream = stream
        self.number = number
        self.world = world
        runID = WriteStream.name(from: &random)
        hasLed = stream.leaders.contains(number)
        upstream = stream.leader
        copy = random.chance(0.5) ? stream.saved[number] : Copy()
        stream.saved[number] = copy
        let loads = world.isBreaking && random.chance(0.5)
        loadsUntil = world.now + (loads ? random.wait(mean: .milliseconds(50)) : .zero)
        link = .connecting(until: loadsUntil)
        changesAt = world.now
        servesOldData = random.chance(0.8)
        self.random = random
        stream.followers[number] = self
    }

    /// The master steps down for another, with all that it has written.
    init(_ stream: WriteStream, inFavourOf heir: Int, epoch: Int, in world: World, random: Random) {
        self.stream = stream
        number = stream.leader
        self.world = world
        runID = stream.process
        hasLed = true
        upstream = heir
        let end = stream.units.count
        copy = Copy(history: stream.history, position: end, data: stream.dataset(after: end))
        loadsUntil = world.now
        link = .connecting(until: world.now)
        changesAt = world.now
        servesOldData = true
        standsStill = true
        self.epoch = epoch
        self.random = random
        stream.followers[number] = self
    }

    // MARK: Being promoted

    /// Whether it has part of the master's history, and could be the next.
    var isElectable: Bool { !isLoading && !isSyncing && copy.history == stream.history }

    /// Its master takes no more writes, and waits until it has all of them.
    func takeAll() {
        lag = .zero
        apply(until: stream.units.count)
        standsStill = true
    }

    // MARK: What it says

    private var isLoading: Bool { world.now < loadsUntil }

    private var isConnected: Bool { if case .connected = link { true } else { false } }

    private var isSyncing: Bool { if case .syncing = link { true } else { false } }

    /// Why it cannot be read now.
    var complaint: [UInt8]? {
        advance()
        if isLoading { return [UInt8]("-LOADING Redis is loading the dataset in memory\r\n") }
        guard !isConnected, !servesOldData else { return nil }
        return [UInt8](
            "-MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.\r\n")
    }

    /// How often it looks for messages.
    var pace: Duration { world.isBreaking ? .milliseconds(1) : .milliseconds(5) }

    /// The messages that have come from the master since the last call.
    func takeMessages() -> [Message] {
        advance()
        defer { messages.removeAll() }
        return messages
    }

    /// Nil for what has nothing to do with data.
    func answer(to name: String, _ arguments: [[UInt8]]) -> [UInt8]? {
        advance()
        switch (name, arguments.count) {
        case ("GET", 2), ("LINDEX", 3):
            return complaint ?? SmallServer.found(copy.data[arguments[1]])
        case ("EVAL_RO", 5): return complaint ?? SmallServer.found(copy.data[arguments[4]])
        case ("SET", 3), ("DEL", 2), ("INCR", 2), ("RPUSH", 3), ("BLPOP", 3), ("EVAL", _):
            noteWrite(name)
            return Following.readOnly
        case ("INFO", _): return information
        case ("ROLE", 1): return role
        case ("COMMAND", 1): return [UInt8]("*0\r\n")
        default: return nil
        }
    }

    static let readOnly = [UInt8]("-READONLY You can't write against a read only replica.\r\n")

    /// Only one that was the master may be asked for what only masters do.
    func noteWrite(_ name: String) {
        guard hasLed, world.roleMayBeUnknown(to: world.now) else {
            return world.report(.value, "a write has reached a replica: \(name)")
        }
        world.coverage.reach(.refusedByReplica)
    }

    private var information: [UInt8] {
        let offset = isSyncing ? 0 : copy.position
        let text =
            "run_id:\(runID)\r\nredis_version:7.0.15\r\nrole:slave\r\n"
            + "master_host:\(upstreamName)\r\nmaster_port:6379\r\n"
            + "master_link_status:\(isConnected ? "up" : "down")\r\n"
            + "master_sync_in_progress:\(isSyncing ? 1 : 0)\r\nloading:\(isLoading ? 1 : 0)\r\n"
            + "slave_repl_offset:\(offset)\r\nmaster_replid:\(copy.history)\r\n"
            + "master_repl_offset:\(offset)\r\n"
        return [UInt8]("$\(text.utf8.count)\r\n\(text)\r\n")
    }

    private var role: [UInt8] {
        let state =
            switch link {
            case .connecting: copy.position % 2 == 0 ? "connect" : "connecting"
            case .syncing: "sync"
            case .connected: "connected"
            }
        let offset = isConnected ? copy.position : -1
        return [UInt8](
            "*5\r\n$5\r\nslave\r\n$\(upstreamName.utf8.count)\r\n\(upstreamName)\r\n:6379\r\n"
                + "$\(state.utf8.count)\r\n\(state)\r\n:\(offset)\r\n")
    }

    private var upstreamName: String { Setup.hostName(of: upstream) }

    // MARK: How it goes on

    /// Brings it to what it is by now.
    func advance() {
        guard !standsStill else { return }
        if world.isBreaking { change() } else { settle() }
        if isConnected { stayConnected() }
        if case .connecting(let until) = link, until <= world.now { connect() }
        if case .syncing(let until, let copy) = link, until <= world.now { take(copy) }
        if isConnected { catchUp() }
    }

    /// Once nothing breaks it follows the master without delay.
    private func settle() {
        lag = .zero
        if upstream != stream.leader {
            upstream = stream.leader
            link = .connecting(until: world.now)
        }
        noticesAt = noticesAt.map { min($0, world.now) }
        switch link {
        case .connecting(let until) where !isLoading:
            link = .connecting(until: min(until, world.now))
        case .syncing(let until, let copy): link = .syncing(until: min(until, world.now), copy)
        default: break
        }
    }

    /// How far behind it is, and whom it follows, changes from time to time, as long as things break.
    private func change() {
        guard changesAt <= world.now else { return }
        changesAt = world.now + random.wait(mean: .milliseconds(40))
        switch random.below(10) {
        case ..<4: lag = .zero
        case ..<9: lag = random.wait(mean: .milliseconds(20))
        default: lag = random.wait(mean: .milliseconds(200))
        }
        if random.chance(0.15) { stream.saved[number] = copy }
        if random.chance(0.1) { link = .connecting(until: soon) }
        if random.chance(0.15) { pointElsewhere() }
    }

    private var soon: Instant { world.now + random.wait(mean: .milliseconds(15)) }

    /// To the other replica, or back. Never in a circle.
    private func pointElsewhere() {
        if upstream != stream.leader {
            upstream = stream.leader
        } else if let other = stream.followers.first(where: { isApart($0) }) ?? nil {
            upstream = other.number
            world.coverage.reach(.chainedReplica)
        } else {
            return
        }
        link = .connecting(until: random.chance(0.5) ? world.now : soon)
    }

    /// Another that follows the master itself.
    private func isApart(_ other: Following?) -> Bool {
        guard let other, other !== self, other.number != stream.leader else { return false }
        return other.upstream == stream.leader
    }

    private var followsMaster: Bool { upstream == stream.leader }

    /// The replica that it follows.
    private func source() -> Following? {
        guard !followsMaster, world.isServerUp(upstream) else { return nil }
        let source = stream.followers[upstream]
        source?.advance()
        return source
    }

    /// A master that has begun anew is noticed when nothing has come from it for a while.
    private func stayConnected() {
        let isThere: Bool
        if followsMaster {
            if stream.isUp, stream.continues(copy) { copy.history = stream.history }
            isThere = stream.isUp && stream.history == copy.history
        } else {
            let source = source()
            guard let source, source.copy.history == copy.history,
                source.copy.position >= copy.position
            else {
                link = .connecting(until: soon)
                return
            }
            isThere = true
        }
        guard !isThere else {
            noticesAt = nil
            return
        }
        if noticesAt == nil { noticesAt = world.now + random.wait(mean: .milliseconds(60)) }
        guard let due = noticesAt, due <= world.now else { return }
        noticesAt = nil
        link = .connecting(until: soon)
    }

    private func connect() {
        var offered: Copy?
        if followsMaster {
            if stream.isUp {
                offered = Copy(history: stream.history, position: stream.units.count)
            }
        } else if let source = source(), source.isConnected {
            offered = source.copy
        }
        guard var offered, !isLoading else {
            link = .connecting(until: max(loadsUntil, world.now + .milliseconds(2)))
            return
        }
        if offered.history == stream.history, stream.continues(copy) {
            copy.history = stream.history
        }
        if offered.history == copy.history, offered.position >= copy.position {
            link = .connected
            return
        }
        if followsMaster { offered.data = stream.dataset(after: offered.position) }
        let takes = world.isBreaking ? random.wait(mean: .milliseconds(15)) : .zero
        link = .syncing(until: world.now + takes, offered)
    }

    private func take(_ copy: Copy) {
        if copy.history == self.copy.history, copy.position < self.copy.position {
            world.coverage.reach(.rolledBack)
        }
        self.copy = copy
        epoch += 1
        link = .connected
        stayConnected()
    }

    private func catchUp() {
        // What belongs to another history never comes.
        guard copy.history == stream.history else { return }
        var end = stream.units.count
        if !followsMaster { end = min(end, source()?.copy.position ?? 0) }
        apply(until: end)
    }

    private func apply(until end: Int) {
        while copy.position < end, stream.units[copy.position].at + lag <= world.now {
            for write in stream.units[copy.position].commands {
                copy.data.apply(write)
                guard write[0].count == 7 else { continue }
                messages.append(Message(channel: write[1], text: write[2], epoch: epoch))
            }
            copy.position += 1
        }
    }
}
