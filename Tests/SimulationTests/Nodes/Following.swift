// What makes a small server a replica: it applies its master's writes later, and now and then it cannot serve at all.

import RESP

/// The writes that a master has done, in their order, for its replicas: a stream that never breaks and that each
/// replica reads at its own pace. How replication itself survives a bad network is for the tests of replication.
final class WriteStream {
    struct Write {
        let at: Instant
        let arguments: [[UInt8]]
    }

    private(set) var writes: [Write] = []
    /// How often the master has begun with nothing, and when it did last.
    private(set) var epoch = 0
    private(set) var begunAt = Instant(nanoseconds: 0)

    func append(_ arguments: [[UInt8]], at now: Instant) {
        writes.append(Write(at: now, arguments: arguments))
    }

    func beginAnew(at now: Instant) {
        writes.removeAll()
        epoch += 1
        begunAt = now
    }
}

/// A replica's copy, and in what state it is.
final class Following {
    private let stream: WriteStream
    private unowned let world: World
    private var random: Random
    private var values: [[UInt8]: [UInt8]] = [:]
    private var messages: [[UInt8]] = []
    private var epoch: Int
    private var position = 0
    private var lag = Duration.zero
    private var isLinkDown = false
    private var changesAt: Instant
    private let loadsUntil: Instant
    private let runID: String

    init(_ stream: WriteStream, in world: World, random: Random) {
        var random = random
        self.stream = stream
        self.world = world
        epoch = stream.epoch - 1
        runID = String((0..<40).map { _ in random.pick(Array("0123456789abcdef")) })
        let loads = world.isBreaking && random.chance(0.5)
        loadsUntil = world.now + (loads ? random.wait(mean: .milliseconds(50)) : .zero)
        changesAt = world.now
        self.random = random
    }

    private var isLoading: Bool { world.now < loadsUntil }

    /// Why it cannot be read now.
    var complaint: [UInt8]? {
        change()
        if isLoading { return [UInt8]("-LOADING Redis is loading the dataset in memory\r\n") }
        guard isLinkDown else { return nil }
        return [UInt8](
            "-MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.\r\n")
    }

    /// The messages that have come from the master since the last call.
    func takeMessages() -> [[UInt8]] {
        change()
        catchUp()
        defer { messages.removeAll() }
        return messages
    }

    /// Nil for what has nothing to do with data.
    func answer(to name: String, _ arguments: [[UInt8]]) -> [UInt8]? {
        change()
        catchUp()
        switch (name, arguments.count) {
        case ("GET", 2):
            if let complaint { return complaint }
            guard let value = values[arguments[1]] else { return [UInt8]("$-1\r\n") }
            return [UInt8]("$\(value.count)\r\n") + value + [UInt8]("\r\n")
        case ("SET", 3), ("DEL", 2), ("INCR", 2), ("RPUSH", 3), ("BLPOP", 3), ("PUBLISH", 3):
            world.report(.value, "a write has reached a replica: \(name)")
            return [UInt8]("-READONLY You can't write against a read only replica.\r\n")
        case ("INFO", _):
            let text =
                "run_id:\(runID)\r\nredis_version:7.0.15\r\nrole:slave\r\n"
                + "master_link_status:\(isLinkDown ? "down" : "up")\r\n"
                + "master_sync_in_progress:0\r\nloading:\(isLoading ? 1 : 0)\r\n"
                + "slave_repl_offset:\(position)\r\n"
            return [UInt8]("$\(text.utf8.count)\r\n\(text)\r\n")
        case ("COMMAND", 1): return [UInt8]("*0\r\n")
        default: return nil
        }
    }

    /// How far behind it is, and whether it says so, changes from time to time, as long as things break.
    private func change() {
        guard world.isBreaking else {
            lag = .zero
            isLinkDown = false
            return
        }
        guard changesAt <= world.now else { return }
        changesAt = world.now + random.wait(mean: .milliseconds(40))
        lag = random.chance(0.3) ? .zero : random.wait(mean: .milliseconds(20))
        isLinkDown = random.chance(0.15)
    }

    private func catchUp() {
        if stream.epoch != epoch {
            guard stream.begunAt + lag <= world.now else { return }
            epoch = stream.epoch
            position = 0
            values = [:]
        }
        while position < stream.writes.count, stream.writes[position].at + lag <= world.now {
            apply(stream.writes[position].arguments)
            position += 1
        }
    }

    private func apply(_ arguments: [[UInt8]]) {
        switch arguments.count {
        case 3 where arguments[1] == Commons.channel: messages.append(arguments[2])
        case 3: values[arguments[1]] = arguments[2]
        default:
            if arguments[0].count == 3 {
                values[arguments[1]] = nil
            } else {
                let old = values[arguments[1]].flatMap { Int(String(decoding: $0, as: UTF8.self)) }
                values[arguments[1]] = [UInt8]("\((old ?? 0) + 1)")
            }
        }
    }
}
