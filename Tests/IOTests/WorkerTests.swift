// Several loops at once, the mail between them, and the signals that reach all.

import Foundation
import IO
import RESP
import Synchronization
import Testing

@Suite(.timeLimit(.minutes(2)))
struct WorkerTests {
    /// Mail from many threads arrives, each sender's in its order.
    @Test func mailFromManyThreadsKeepsItsOrder() throws {
        let loop = try RunningLoop()
        let mailbox = loop.mailbox
        let threads = try (0..<4).map { sender in
            try IO.Thread.start("sender") {
                for number in 0..<1_000 {
                    mailbox.post(.appended(FileID(number: UInt32(sender)), size: number))
                }
            }
        }
        for thread in threads { thread.join() }
        let all = try loop.journal.wait(for: "4,000 messages") { entries in
            entries.count == 4_000 ? entries : nil
        }
        for sender in 0..<4 {
            let file = FileID(number: UInt32(sender))
            let sizes = all.compactMap { entry -> Int? in
                if case .appended(file, let size) = entry { size } else { nil }
            }
            #expect(sizes == Array(0..<1_000))
        }
    }

    /// Each loop has its own core; what one does to end the program ends all, with its status.
    @Test func workersStartAndStopTogether() throws {
        let journals = (0..<3).map { _ in Journal() }
        let status = try Workers.run(count: 3) { number, mailboxes throws(StartFailure) in
            let core = ScriptedCore(journal: journals[number])
            core.onNews = { core, news in
                guard case .moved(let link) = news else { return }
                if link.number == 2 {
                    core.wish(.exit(42))
                } else {
                    mailboxes[Int(link.number) + 1].post(
                        .moved(LinkID(number: link.number + 1)))
                }
            }
            let loop = try makeLoop(core, mailboxes[number])
            if number == 0 { mailboxes[0].post(.moved(LinkID(number: 0))) }
            return loop
        }
        #expect(status == 42)
        for (number, journal) in journals.enumerated() {
            #expect(journal.all == [.moved(LinkID(number: UInt32(number)))])
        }
    }

    /// What cores tell each other arrives, each sender's in its order, and says who said it.
    @Test func coresTellEachOther() throws {
        let journals = (0..<3).map { _ in Journal() }
        let last = Note(number: 99)
        _ = try Workers.run(count: 3) { number, mailboxes throws(StartFailure) in
            let core = ScriptedCore(journal: journals[number])
            if number > 0 {
                for note in 0..<100 { core.wish(.send(Note(number: note), to: 0)) }
                core.wish(.send(Note(number: number), to: 3 - number))
            } else {
                core.onNews = { core, _ in
                    let ends = core.journal.count { entry in
                        if case .message(last, _) = entry { true } else { false }
                    }
                    if ends == 2 { core.wish(.exit(0)) }
                }
            }
            return try makeLoop(core, mailboxes[number], peers: mailboxes)
        }
        for sender in [1, 2] {
            let heard = journals[0].all.filter { entry in
                if case .message(_, sender) = entry { true } else { false }
            }
            #expect(heard == (0..<100).map { .message(Note(number: $0), from: sender) })
        }
    }

    @Test func aWorkerThatCannotStartStopsAll() throws {
        let journals = (0..<3).map { _ in Journal() }
        let failure = #expect(throws: StartFailure.self) {
            try Workers.run(count: 3) { number, mailboxes throws(StartFailure) in
                if number == 1 { throw StartFailure("the second cannot start") }
                return try makeLoop(ScriptedCore(journal: journals[number]), mailboxes[number])
            }
        }
        #expect(failure?.message == "the second cannot start")
    }

    /// The kernel deals the connections out to all listeners that share the port.
    @Test func workersShareAPort() throws {
        var options = ListenerOptions()
        options.sharesPort = true
        let first = try Listener.tcp(
            bind: ["127.0.0.1"], port: 0, options: options, log: quietLog, role: .starting)
        let port = try #require(first.first).address.port
        let second = try Listener.tcp(
            bind: ["127.0.0.1"], port: port, options: options, log: quietLog, role: .starting)
        let loops = [
            try RunningLoop(listeners: first), try RunningLoop(listeners: second),
        ]
        let clients = try (0..<64).map { _ in try TestSocket.connect(port: port) }
        for client in clients {
            try client.send("x")
            _ = try client.receiveText(1)
        }
        for loop in loops {
            #expect(loop.journal.count { if case .opened = $0 { true } else { false } } > 0)
        }
    }

    /// The signals of the process arrive as news, at the loop that reads them and at the others.
    @Test(arguments: [
        (SIGTERM, Signal.terminate), (SIGINT, .interrupt), (SIGHUP, .hangup), (SIGUSR1, .user1),
    ]) func signalsAreNews(number: Int32, signal: Signal) throws {
        let other = try RunningLoop()
        let mailbox = other.mailbox
        let loop = try RunningLoop(prepare: { loop in
            // Blocked in this thread alone, and sent to this thread alone: the test's process goes on.
            Signals.prepare()
            try loop.hearSignals(forwardingTo: [mailbox])
            raise(number)
        })
        try loop.journal.waitFor(.signal(signal))
        try other.journal.waitFor(.signal(signal))
    }
}

private func makeLoop(
    _ core: ScriptedCore, _ mailbox: Mailbox, peers: [Mailbox]? = nil
) throws(StartFailure) -> EventLoop {
    do {
        return try EventLoop(
            driving: core, mailbox: mailbox, peers: peers, log: quietLog, role: { .master })
    } catch {
        throw StartFailure("\(error)")
    }
}
