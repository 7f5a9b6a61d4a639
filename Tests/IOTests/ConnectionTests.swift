// What happens to connections, from the first byte to the last: against real sockets on loopback.

import Foundation
import IO
import RESP
import Testing

@Suite(.timeLimit(.minutes(2)))
struct ConnectionTests {
    @Test func echoesOverIPv4() throws {
        let loop = try RunningLoop()
        let client = try TestSocket.connect(port: loop.port)
        try client.send("hello")
        #expect(try client.receiveText(5) == "hello")
        let id = try loop.journal.waitForConnection()
        client.close()
        try loop.journal.waitFor(.closed(id))
    }

    @Test func echoesOverIPv6() throws {
        // Nothing that could be installed: a machine without IPv6 has run everything that it can.
        guard TestSocket.canBind6("::1") else {
            print("Echoing over IPv6 was not tried: this machine does not have the address ::1.")
            return
        }
        let listener = try Listener.tcp(
            bind: ["::1"], port: 0, options: ListenerOptions(), log: quietLog, role: .starting)
        let loop = try RunningLoop(listeners: listener)
        let client = try TestSocket.connect6(port: loop.port)
        try client.send("hello")
        #expect(try client.receiveText(5) == "hello")
        let entry = try #require(loop.journal.all.first)
        guard case .opened(_, let peer, _) = entry else {
            Issue.record("\(entry)")
            return
        }
        #expect(peer.isLoopback)
        #expect(peer.description.hasPrefix("[::1]:"))
    }

    /// A reader that does not read: the loop writes what fits, waits for room without spinning, and loses no
    /// byte of what waits.
    @Test func aSlowReaderGetsEveryByte() throws {
        let size = 24 << 20
        let pattern = [UInt8](unsafeUninitializedCapacity: size) { buffer, count in
            for index in 0..<size {
                buffer[index] = UInt8(truncatingIfNeeded: index &* 31 &+ index >> 11)
            }
            count = size
        }
        let loop = try RunningLoop { core in
            core.onReceive = { core, id, _ in core.send(pattern, to: id) }
        }
        let client = try TestSocket.connect(port: loop.port, receiveBuffer: 4_096)
        try client.send("go")
        _ = try client.receive(exactly: 1)
        #expect(loop.looksWhileIdle() < 100)
        let rest = try client.receive(exactly: size - 1)
        #expect(rest == Array(pattern.dropFirst()))
    }

    /// Output in many blocks goes out in order, many pieces to a system call.
    @Test func manyPiecesStayInOrder() throws {
        let lines = (0..<200_000).map { "\($0)\n" }.joined()
        let loop = try RunningLoop { core in
            core.onReceive = { core, id, _ in
                for number in 0..<200_000 { core.send("\(number)\n", to: id) }
            }
        }
        let client = try TestSocket.connect(port: loop.port)
        try client.send("go")
        client.finishSending()
        #expect(try client.receiveToEnd() == Array(lines.utf8))
    }

    /// The peer has sent its last byte but reads on: it gets what it is owed, and the loop does not look at the
    /// end of its input again and again.
    @Test func halfCloseStillGetsItsReply() throws {
        let loop = try RunningLoop { core in core.onEnd = { _, _ in } }
        let client = try TestSocket.connect(port: loop.port)
        client.finishSending()
        let id = try loop.journal.waitForConnection()
        try loop.journal.waitFor(.ended(id))
        #expect(loop.looksWhileIdle() < 100)
        loop.tell { core in
            core.send("late", to: id)
            core.closeWhenDrained(id)
        }
        #expect(try client.receiveToEnd() == Array("late".utf8))
        try loop.journal.waitFor(.closed(id))
        #expect(loop.journal.count { $0 == .ended(id) } == 1)
    }

    @Test(arguments: [false, true]) func aResetClosesOnce(whilePaused: Bool) throws {
        let loop = try RunningLoop()
        let client = try TestSocket.connect(port: loop.port)
        let id = try loop.journal.waitForConnection()
        if whilePaused {
            loop.tell { core in
                core.wish(.pause(id))
                core.send("paused", to: id)
            }
            _ = try client.receiveText(6)
        }
        client.reset()
        try loop.journal.waitFor(.closed(id))
        // The core's late wishes for it reach nobody.
        loop.tell { core in
            core.wish(.close(id))
            core.wish(.resume(id))
        }
        loop.tell { core in core.journal.add(.note("told")) }
        try loop.journal.waitFor(.note("told"))
        #expect(loop.journal.count { $0 == .closed(id) } == 1)
    }

    /// Writing to a peer that is gone is the end of that connection and of nothing else.
    @Test func aWriteThatFailsClosesOnce() throws {
        let loop = try RunningLoop { core in core.onEnd = { _, _ in } }
        let client = try TestSocket.connect(port: loop.port)
        let id = try loop.journal.waitForConnection()
        client.close()
        try loop.journal.waitFor(.ended(id))
        try waitUntil("close") {
            loop.tell { core in core.send("into the void", to: id) }
            usleep(10_000)
            return loop.journal.all.contains(.closed(id)) ? () : nil
        }
        let other = try TestSocket.connect(port: loop.port)
        try other.send("still here")
        #expect(try other.receiveText(10) == "still here")
    }

    /// A slot and a descriptor number that are used again belong to the new connection alone.
    @Test func aReusedSlotHasNoPast() throws {
        let loop = try RunningLoop()
        let first = try TestSocket.connect(port: loop.port)
        let old = try loop.journal.waitForConnection(0)
        first.close()
        try loop.journal.waitFor(.closed(old))
        let second = try TestSocket.connect(port: loop.port)
        let new = try loop.journal.waitForConnection(1)
        #expect(old.slot == new.slot)
        #expect(old.generation != new.generation)
        loop.tell { core in
            core.wish(.close(old))
            core.wish(.pause(old))
        }
        try second.send("mine")
        #expect(try second.receiveText(4) == "mine")
        #expect(!loop.journal.all.contains(.closed(new)))
    }

    @Test func aPausedConnectionIsNotRead() throws {
        let loop = try RunningLoop()
        let paused = try TestSocket.connect(port: loop.port)
        let id = try loop.journal.waitForConnection(0)
        let other = try TestSocket.connect(port: loop.port)
        _ = try loop.journal.waitForConnection(1)
        loop.tell { core in core.wish(.pause(id)) }
        // An answer on another connection comes from a later turn than the one that carried the wish out.
        try other.send("1")
        _ = try other.receiveText(1)
        try paused.send("hello")
        try other.send("2")
        _ = try other.receiveText(1)
        #expect(loop.looksWhileIdle() < 100)
        #expect(loop.journal.bytes(from: id).isEmpty)
        loop.tell { core in core.wish(.resume(id)) }
        #expect(try paused.receiveText(5) == "hello")
    }

    /// A peer that hangs up while it is not read from: the core hears of that once per pause, and still gets what was
    /// sent before, and its end.
    @Test func aPausedPeerHangsUp() throws {
        let loop = try RunningLoop()
        let client = try TestSocket.connect(port: loop.port)
        let id = try loop.journal.waitForConnection()
        loop.tell { core in
            core.wish(.pause(id))
            core.send("paused", to: id)
        }
        _ = try client.receiveText(6)
        try client.send("unread")
        client.finishSending()
        try loop.journal.waitFor(.hungUp(id))
        #expect(loop.looksWhileIdle() < 100)
        #expect(loop.journal.count { $0 == .hungUp(id) } == 1)
        loop.tell { core in
            core.wish(.resume(id))
            core.wish(.pause(id))
        }
        try waitUntil("second word") {
            loop.journal.count { $0 == .hungUp(id) } == 2 ? () : nil
        }
        #expect(loop.journal.bytes(from: id).isEmpty)
        loop.tell { core in core.wish(.resume(id)) }
        try loop.journal.waitFor(.ended(id))
        #expect(loop.journal.bytes(from: id) == Array("unread".utf8))
        #expect(try client.receiveToEnd() == Array("unread".utf8))
    }

    /// Far more than one turn accepts and reads at a time: all are served.
    @Test func manyConnectionsAtOnce() throws {
        let loop = try RunningLoop()
        let clients = try (0..<600).map { _ in try TestSocket.connect(port: loop.port) }
        for (number, client) in clients.enumerated() { try client.send("client \(number)\n") }
        for (number, client) in clients.enumerated() {
            let text = "client \(number)\n"
            #expect(try client.receiveText(text.utf8.count) == text)
        }
        for client in clients { client.close() }
        try loop.journal.wait(for: "600 closes") { entries in
            entries.count { if case .closed = $0 { true } else { false } } == 600 ? () : nil
        }
    }
}
