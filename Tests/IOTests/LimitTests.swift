// The bounds of one turn of the loop: each is reached, and not passed.

import Foundation
import IO
import RESP
import Testing

@Suite(.timeLimit(.minutes(2)))
struct LimitTests {
    /// What waits longer than one read takes comes in several, one per turn.
    @Test func aReadIsBounded() throws {
        let (most, gate) = (MostPerTurn(), Gate())
        // Not TCP, whose window may be smaller than a read.
        let scratch = Scratch()
        let path = scratch.file("socket")
        let listener = try Listener.unix(path: path, permissions: 0, options: ListenerOptions())
        let loop = try RunningLoop(listeners: [listener]) { core in
            core.onReceive = { core, _, bytes in most.add(bytes.count, at: core.turn) }
        }
        let client = try TestSocket.connect(path: path)
        _ = try loop.journal.waitForConnection()
        try holdUp(loop, until: gate)
        try client.send([UInt8](repeating: 1, count: Limits.read * 3 / 2))
        gate.open()
        try waitUntil("everything") { most.total == Limits.read * 3 / 2 ? () : nil }
        #expect(most.value == Limits.read)
    }

    /// Of many that wait to be accepted, and then of many that have sent something, one turn takes some.
    @Test func acceptsAndEventsAreBounded() throws {
        let (accepts, events, count) = (MostPerTurn(), MostPerTurn(), 300)
        let loop = try RunningLoop { core in
            core.onOpen = { core in accepts.add(1, at: core.turn) }
            core.onReceive = { core, _, _ in events.add(1, at: core.turn) }
        }
        let first = Gate()
        try holdUp(loop, until: first)
        let clients = try (0..<count).map { _ in try TestSocket.connect(port: loop.port) }
        first.open()
        try waitUntil("all connections") { accepts.total == count ? () : nil }
        #expect(accepts.value == Limits.acceptsPerTurn)

        let second = Gate()
        try holdUp(loop, until: second)
        for client in clients { try client.send("x") }
        for client in clients { try client.waitUntilDelivered() }
        second.open()
        try waitUntil("all bytes") { events.total == count ? () : nil }
        #expect(events.value == Limits.events)
    }

    /// A connection that takes everything is written to so many times in one turn; after a small write nothing
    /// more is asked for.
    @Test(arguments: [
        (Limits.largeWrite, Limits.writesPerTurn, 2_000, 1), (Limits.largeWrite - 1, 1, 3, 3),
    ])
    func writesAreBounded(size: Int, perTurn: Int, all: Int, questions: Int) throws {
        let most = MostPerTurn()
        let loop = try RunningLoop { core in
            core.onDrain = { core, write in
                guard most.total < all else { return }
                most.add(1, at: core.turn)
                var output = OutputQueue(pool: core.pool)
                output.append([UInt8](repeating: 1, count: size).span)
                output.drain(into: write)
                guard most.total == all else { return }
                for id in core.sessions.keys { core.wish(.close(id)) }
            }
        }
        let client = try TestSocket.connect(port: loop.port)
        for _ in 1..<questions {
            try client.send("x")
            _ = try client.receive(exactly: size)
        }
        try client.send("x")
        _ = try client.receiveToEnd()
        #expect(most.total == all)
        #expect(most.value == perTurn)
    }

    /// A core that answers each news with a new wish gets so many in one turn, and others get theirs.
    @Test func roundsAreBounded() throws {
        let most = MostPerTurn()
        let loop = try RunningLoop { core in
            core.onNews = { core, _ in
                most.add(1, at: core.turn)
                core.wish(.connect(LinkID(number: 1), .unix(path: "/nonexistent")))
            }
            core.wish(.connect(LinkID(number: 1), .unix(path: "/nonexistent")))
        }
        let client = try TestSocket.connect(port: loop.port)
        try client.send("me too")
        #expect(try client.receiveText(6) == "me too")
        try waitUntil("rounds") { most.total > 100 ? () : nil }
        #expect(most.value == Limits.roundsPerTurn)
    }

    /// Of many connections that are closed while input is unread, so many linger; the others are reset, as they
    /// would have been without lingering.
    @Test func lingeringIsBoundedInNumber() async {
        await #expect(processExitsWith: .success) {
            let beyond = 6
            var limit = rlimit()
            getrlimit(Int32(RLIMIT_NOFILE.rawValue), &limit)
            limit.rlim_cur = min(limit.rlim_max, 4_096)
            setrlimit(Int32(RLIMIT_NOFILE.rawValue), &limit)
            let loop = try RunningLoop { core in
                core.onReceive = { core, id, bytes in
                    core.wish(.pause(id))
                    core.send(bytes, to: id)
                }
            }
            let clients = try (0..<Limits.lingering + beyond).map { _ in
                let client = try TestSocket.connect(port: loop.port)
                try client.send("x")
                _ = try client.receiveText(1)
                return client
            }
            // Two turns later nobody is read any more.
            for note in ["one", "two"] {
                loop.tell { core in core.journal.add(.note(note)) }
                try loop.journal.waitFor(.note(note))
            }
            for client in clients { try client.send("unread") }
            for client in clients { try client.waitUntilDelivered() }
            loop.tell { core in
                for id in core.sessions.keys { core.wish(.close(id)) }
            }
            let resets = clients.count { (try? $0.receive()) == nil }
            guard resets == beyond else { fatalError("\(resets) resets") }
            loop.stop()
        }
    }

    /// Keeps the loop's thread busy, so that what comes meanwhile is there at once in the next turn.
    private func holdUp(_ loop: RunningLoop, until gate: Gate) throws {
        loop.tell { core in
            core.journal.add(.note("held up"))
            gate.wait()
            core.journal.add(.note("free"))
        }
        try loop.journal.wait(for: "a loop that is held up") { entries in
            let held = entries.count { $0 == .note("held up") }
            return held == entries.count { $0 == .note("free") } + 1 ? () : nil
        }
    }
}

/// Counts something that happens in turns, and knows the turn in which it happened most.
private final class MostPerTurn: Sendable {
    private let counts = Guarded<[Instant: Int]>([:])

    func add(_ count: Int, at turn: Instant) {
        counts.withLock { $0[turn, default: 0] += count }
    }

    var total: Int { counts.withLock { $0.values.reduce(0, +) } }
    var value: Int { counts.withLock { $0.values.max() ?? 0 } }
}
