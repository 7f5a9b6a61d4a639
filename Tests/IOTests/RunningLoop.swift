// A loop on a thread of its own, for the length of a test.

import Foundation
import IO
import RESP
import Synchronization

final class RunningLoop: Sendable {
    let journal: Journal
    let mailbox: Mailbox
    let port: UInt16
    private let thread: IO.Thread
    private let end: End

    /// How the loop ended.
    private final class End: Sendable {
        let status = Atomic<Int>(-1)
        let isJoined = Atomic<Bool>(false)
    }

    /// Starts a loop that listens on loopback and drives a scripted core; one of several workers if it has peers.
    init(
        options: LoopOptions = LoopOptions(), listeners: [Listener]? = nil, log: Log = quietLog,
        peers: [Mailbox] = [], worker: Int = 0, sharers: Int? = nil,
        script: @escaping @Sendable (ScriptedCore) -> Void = { _ in },
        prepare: @escaping @Sendable (EventLoop) throws -> Void = { _ in }
    ) throws {
        let listening =
            try listeners
            ?? Listener.tcp(
                bind: ["127.0.0.1"], port: 0, options: ListenerOptions(), log: log, role: .starting)
        let (journal, mailbox, end) = (
            Journal(), peers.isEmpty ? try Mailbox() : peers[worker], End()
        )
        self.journal = journal
        self.mailbox = mailbox
        self.end = end
        port = listening.first?.address.port ?? 0
        thread = try IO.Thread.start("test-loop") {
            let core = ScriptedCore(journal: journal)
            script(core)
            do {
                let loop = try EventLoop(
                    driving: core, mailbox: mailbox, peers: peers.isEmpty ? nil : peers,
                    sharers: sharers, log: log, options: options,
                    role: { .master })
                for listener in listening { try loop.listen(on: listener) }
                try prepare(loop)
                end.status.store(Int(loop.run()), ordering: .relaxed)
            } catch {
                journal.add(.note("the loop did not start: \(error)"))
            }
        }
    }

    deinit {
        stop()
    }

    /// Does something with the core on the loop's thread.
    func tell(_ task: @escaping @Sendable (ScriptedCore) -> Void) {
        mailbox.post { core, _ in
            guard let scripted = core as? ScriptedCore else { fatalError("another core") }
            task(scripted)
        }
    }

    /// Waits for the end of the loop, and returns its exit status.
    @discardableResult
    func join() -> Int32 {
        if !end.isJoined.exchange(true, ordering: .relaxed) { thread.join() }
        return Int32(end.status.load(ordering: .relaxed))
    }

    @discardableResult
    func stop() -> Int32 {
        mailbox.stop(status: 0)
        return join()
    }

    /// How often the loop looked for wishes during a fifth of a second in which nothing happens: a few times,
    /// or many thousand times if it spins.
    func looksWhileIdle() -> Int {
        let before = journal.looks.load(ordering: .relaxed)
        usleep(200_000)
        return journal.looks.load(ordering: .relaxed) - before
    }
}

/// A log that nobody reads.
let quietLog = Log(to: .file(path: "/dev/null"))
