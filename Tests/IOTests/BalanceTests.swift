// Loops of one program even out their clients, and none is lost or left open on the way.

import Foundation
import RESP
import Testing

@testable import IO

@Suite(.timeLimit(.minutes(2)))
struct BalanceTests {
    /// A worker keeps a client unless it has more than eight, and more than an eighth, above the emptiest.
    @Test(
        arguments: [
            ([5], 0, 0), ([8, 0], 0, 0), ([9, 0], 0, 1), ([0, 9], 0, 0), ([100, 88], 0, 0),
            ([100, 87], 0, 1), ([800, 700], 0, 0), ([800, 699], 0, 1), ([20, 5, 0], 0, 2),
            ([20, 5, 5], 0, 1), ([5, 20, 0], 0, 0),
        ] as [([Int], Int, Int)])
    func whoTakes(loads: [Int], worker: Int, taker: Int) {
        #expect(Balance.taker(of: worker, loads: loads) == taker)
    }

    private func opened(_ loop: RunningLoop) -> Int {
        loop.journal.count { if case .opened = $0 { true } else { false } }
    }

    private func pair(_ listeners: [[Listener]?]) throws -> [RunningLoop] {
        let mailboxes = [try Mailbox(), try Mailbox()]
        return try (0..<2).map {
            try RunningLoop(listeners: listeners[$0], peers: mailboxes, worker: $0)
        }
    }

    /// All clients come to one loop; about half are served by the other, and all are closed when both have stopped.
    @Test func aFullLoopHandsClientsOver() throws {
        let loops = try pair([nil, []])
        let clients = try (0..<200).map { _ in try TestSocket.connect(port: loops[0].port) }
        for client in clients {
            try client.send("x")
            #expect(try client.receiveText(1) == "x")
        }
        #expect(opened(loops[0]) + opened(loops[1]) == 200)
        #expect(abs(opened(loops[0]) - opened(loops[1])) <= 2 * 100 / Balance.part)
        for loop in loops { loop.stop() }
        for client in clients { #expect(try client.receive().isEmpty) }
    }

    /// A loop behind those that share the clients talks to their cores and is handed nobody.
    @Test func aLoopBesideTheWorkersGetsNoClients() throws {
        let mailboxes = try (0..<3).map { _ in try Mailbox() }
        let loops = try (0..<3).map { number in
            try RunningLoop(
                listeners: number == 0 ? nil : [], peers: mailboxes, worker: number, sharers: 2)
        }
        let clients = try (0..<60).map { _ in try TestSocket.connect(port: loops[0].port) }
        for client in clients {
            try client.send("x")
            #expect(try client.receiveText(1) == "x")
        }
        #expect(opened(loops[1]) > 0)
        #expect(opened(loops[2]) == 0)
        loops[2].tell { $0.wish(.send(Note(number: 7), to: 0)) }
        try loops[0].journal.waitFor(.message(Note(number: 7), from: 2))
    }

    /// Whoever leaves makes room: it is the clients that are there which count.
    @Test func clientsThatLeftDoNotCount() throws {
        let loops = try pair([nil, []])
        for number in 0..<40 {
            let client = try TestSocket.connect(port: loops[0].port)
            try client.send("x")
            _ = try client.receiveText(1)
            client.close()
            try loops[0].journal.wait(for: "close \(number)") { entries in
                entries.count { if case .closed = $0 { true } else { false } } > number ? () : nil
            }
        }
        #expect(opened(loops[1]) == 0)
    }

    /// A Unix socket that both hear gives both about as many, whoever wakes first.
    @Test func aSharedUnixSocketIsEvenedOut() throws {
        let scratch = Scratch()
        let path = scratch.file("socket")
        let listener = try Listener.unix(path: path, permissions: 0, options: ListenerOptions())
        let loops = try pair([[listener], [listener]])
        let clients = try (0..<100).map { _ in try TestSocket.connect(path: path) }
        for client in clients {
            try client.send("x")
            #expect(try client.receiveText(1) == "x")
        }
        for loop in loops { #expect(opened(loop) >= 50 - Balance.margin) }
    }

    /// A client that is handed to a loop which has ended is closed; it does not wait for ever.
    @Test func aLoopThatEndsClosesWhatItWasHanded() throws {
        let loops = try pair([nil, []])
        loops[1].stop()
        let clients = try (0..<20).map { _ in try TestSocket.connect(port: loops[0].port) }
        let served = clients.count { client in
            guard (try? client.send("x")) != nil else { return false }
            return (try? client.receiveText(1)) == "x"
        }
        #expect(served < 20)
        #expect(served == opened(loops[0]))
        #expect(opened(loops[1]) == 0)
    }
}
