// Closing by the core's wish while the peer still sends: the last reply arrives, and nobody is held up.

import Foundation
import IO
import RESP
import Testing

@Suite(.timeLimit(.minutes(2)))
struct ClosingTests {
    private static func isClose(_ entry: Journal.Entry) -> Bool {
        if case .closed = entry { true } else { false }
    }

    /// Input that nobody read must not turn the close into a reset that overtakes the last reply.
    @Test func theLastReplyArrivesThoughInputWasLeft() throws {
        let reply = [UInt8](repeating: 7, count: 200_000)
        let loop = try RunningLoop { core in
            core.onReceive = { core, id, bytes in
                guard core.sessions[id]?.closesWhenDrained == false else { return }
                core.wish(.pause(id))
                core.send(reply, to: id)
                core.closeWhenDrained(id)
            }
        }
        for round in 0..<20 {
            let client = try TestSocket.connect(port: loop.port)
            try client.send([UInt8](repeating: 1, count: 300_000))
            // Read only when the loop has closed its end.
            try loop.journal.wait(for: "close \(round)") {
                $0.count(where: ClosingTests.isClose) > round ? () : nil
            }
            #expect(try client.receiveToEnd() == reply, "round \(round)")
        }
    }

    /// A peer that never stops sending is cut off after a bounded number of bytes.
    @Test func lingeringIsBoundedInBytes() throws {
        let loop = try RunningLoop { core in
            core.onReceive = { core, id, _ in core.wish(.close(id)) }
        }
        let client = try TestSocket.connect(port: loop.port)
        var sent = 0
        while (try? client.send([UInt8](repeating: 1, count: 65_536))) != nil {
            sent += 65_536
            try #require(sent < 64 << 20)
        }
        #expect(loop.journal.count(ClosingTests.isClose) == 1)
    }

    /// A peer that falls silent without closing is let go after a while.
    @Test func lingeringIsBoundedInTime() throws {
        let loop = try RunningLoop { core in
            core.onReceive = { core, id, _ in core.wish(.close(id)) }
        }
        let client = try TestSocket.connect(port: loop.port)
        try client.send([UInt8](repeating: 1, count: 300_000))
        _ = try? client.receiveToEnd()
        // Silence for a while; sooner or later a byte is answered by a reset.
        try waitUntil("reset") {
            usleep(100_000)
            return (try? client.send("x")) == nil ? () : nil
        }
    }

    /// What a core said before it wished to exit is delivered.
    @Test func exitComesAfterTheOutputOfItsTurn() throws {
        let loop = try RunningLoop { core in
            core.onReceive = { core, id, _ in
                core.wish(.exit(3))
                core.send("bye", to: id)
            }
        }
        let client = try TestSocket.connect(port: loop.port)
        try client.send("x")
        #expect(try client.receiveText(3) == "bye")
        #expect(loop.join() == 3)
    }
}
