// What a small master has done, in its order, for its replicas; and the data that comes of it.

import RESP

/// What a server holds.
struct Dataset {
    private(set) var values: [[UInt8]: [UInt8]] = [:]
    private(set) var list: [[UInt8]] = []

    /// What a read of a key shows; of the list its first element.
    subscript(_ key: [UInt8]) -> [UInt8]? { key == Commons.list ? list.first : values[key] }

    func number(_ key: [UInt8]) -> Int {
        values[key].flatMap { Int(String(decoding: $0, as: UTF8.self)) } ?? 0
    }

    /// Does what a write of the stream does.
    mutating func apply(_ write: [[UInt8]]) {
        switch String(decoding: write[0], as: UTF8.self).uppercased() {
        case "SET": values[write[1]] = write[2]
        case "DEL" where write[1] == Commons.list: list.removeAll()
        case "DEL": values[write[1]] = nil
        case "INCR": values[write[1]] = [UInt8]("\(number(write[1]) + 1)")
        case "RPUSH": list.append(write[2])
        case "LPOP": if !list.isEmpty { list.removeFirst() }
        default: break
        }
    }
}

/// The writes of one history, and those of earlier ones as far as they survive in it.
final class WriteStream {
    /// What is done as one: a write, a transaction, or a message.
    struct Unit {
        let at: Instant
        let commands: [[[UInt8]]]
        /// Where the chronicle was afterwards.
        let place: Int
    }

    private unowned let world: World
    private(set) var units: [Unit] = []
    /// The name of the history, and which process writes it.
    private(set) var history = ""
    private(set) var process = ""
    /// The name that it had before its writer was promoted, and how many units the two have in common.
    private(set) var formerHistory: String?
    private(set) var formerEnd = 0
    /// The number of the server that writes it, or that wrote it last.
    private(set) var leader = 0
    /// All that ever were.
    private(set) var leaders: Set<Int> = [0]
    /// What the history has begun with.
    private var base = Dataset()
    private(set) var isUp = false
    private var begun: [[[UInt8]]]?
    private var names: Random
    /// What follows the master, by the number of the server; one that is down is the last that was up.
    var followers: [Following?]
    /// What each server would begin with if it began anew.
    var saved: [Following.Copy]

    init(in world: World, servers: Int, names: Random) {
        self.world = world
        self.names = names
        followers = Array(repeating: nil, count: servers)
        saved = Array(repeating: Following.Copy(), count: servers)
    }

    static func name(from random: inout Random) -> String {
        String((0..<40).map { _ in random.pick(Array("0123456789abcdef")) })
    }

    /// What all of it so far has come to, or as much as was there after so many units.
    func dataset(after count: Int) -> Dataset {
        var dataset = base
        for unit in units.prefix(count) { for write in unit.commands { dataset.apply(write) } }
        return dataset
    }

    /// The master is another process, with what it had after so many units, and it writes another history. The list is
    /// always lost, so that what was popped does not come back.
    func beginAnew(keeping kept: Int, at now: Instant) -> Dataset {
        var dataset = kept == 0 ? Dataset() : dataset(after: kept)
        dataset.apply([[UInt8]("DEL"), Commons.list])
        if !history.isEmpty {
            world.chronicle.lose(behind: kept == 0 ? 0 : units[kept - 1].place) { dataset[$0] }
        }
        base = dataset
        units.removeAll()
        history = WriteStream.name(from: &names)
        process = WriteStream.name(from: &names)
        formerHistory = nil
        beginReign()
        return dataset
    }

    /// A replica is the master from now on, with as much of the history as it has. When something of that is lost, the
    /// list is lost with it, so that what was popped does not come back.
    func goOn(under server: Int, process: String, keeping kept: Int, at now: Instant) -> Dataset {
        let isShort = kept < units.count
        var dataset = dataset(after: kept)
        formerHistory = history
        formerEnd = kept
        history = WriteStream.name(from: &names)
        self.process = process
        leader = server
        leaders.insert(server)
        beginReign()
        guard isShort else { return dataset }
        let removal = [[UInt8]("DEL"), Commons.list]
        dataset.apply(removal)
        let place = kept == 0 ? 0 : units[kept - 1].place
        units.removeLast(units.count - kept)
        world.chronicle.lose(behind: place) { dataset[$0] }
        add([removal], at: now)
        return dataset
    }

    private func beginReign() {
        isUp = true
        begun = nil
        followers[leader] = nil
        for follower in followers { follower?.standsStill = false }
    }

    /// Whether a copy of an earlier history can go on where it is: what it has is part of this one.
    func continues(_ copy: Following.Copy) -> Bool {
        copy.history == formerHistory && copy.position <= formerEnd
    }

    func crash() {
        isUp = false
    }

    /// What follows is done as one.
    func begin() {
        begun = []
    }

    func commit(at now: Instant) {
        if let begun, !begun.isEmpty { add(begun, at: now) }
        begun = nil
    }

    /// The master has run a write for this peer, and the key that it is about holds this value now.
    func append(
        _ write: [[UInt8]], of key: [UInt8]?, _ value: [UInt8]?, from peer: PeerAddress,
        at now: Instant
    ) {
        if let key {
            world.trace("the master writes \(key.shown) = \(value?.shown ?? "nothing")")
            world.chronicle.note(key, value, isStray: world.network.isStray(peer))
        }
        if begun != nil { begun!.append(write) } else { add([write], at: now) }
    }

    private func add(_ commands: [[[UInt8]]], at now: Instant) {
        units.append(Unit(at: now, commands: commands, place: world.chronicle.place))
    }
}
