// One connection, and what is owed on it.

import Glibc
import RESP

final class Client {
    let descriptor: Int32
    /// Replies that are still to come.
    private(set) var owed = 0
    /// When the requests that are owed were sent, or were due.
    private(set) var asked = 0
    /// With a rate: when the next request is due.
    var due = 0
    /// What the kernel did not take of the requests.
    private var unsent: [UInt8] = []
    private var scanner = ReplyScanner()
    private(set) var errors = 0

    /// Connects, asks once, and waits for the answer. One client after the other: no backlog overflows.
    init(port: Int, first: [UInt8]) {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        if descriptor < 0 { Console.failed("socket") }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(port).bigEndian
        address.sin_addr.s_addr = in_addr_t(0x7F00_0001).bigEndian
        let connected = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        if connected != 0 { Console.failed("connect to \(port)") }
        var on = Int32(1)
        setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &on, 4)
        var patience = timeval(tv_sec: Load.patience, tv_usec: 0)
        setsockopt(
            descriptor, SOL_SOCKET, SO_RCVTIMEO, &patience,
            socklen_t(MemoryLayout<timeval>.size))
        var scratch = [UInt8](repeating: 0, count: 65_536)
        send(first, count: 1, at: 0)
        while owed > 0 { _ = receive(&scratch) }
        if errors > 0 { Console.fail("port \(port) answers with an error") }
        if fcntl(descriptor, F_SETFL, O_NONBLOCK) != 0 { Console.failed("fcntl") }
    }

    /// Sends requests; true when all of them have left.
    @discardableResult
    func send(_ requests: [UInt8], count: Int, at time: Int) -> Bool {
        precondition(owed == 0, "a client waits for its replies before it asks more")
        owed = count
        asked = time
        let sent = push(requests, from: 0)
        if sent < requests.count { unsent = Array(requests[sent...]) }
        return unsent.isEmpty
    }

    /// Goes on with what was not taken; true when all has left.
    func sendRest() -> Bool {
        unsent.removeFirst(push(unsent, from: 0))
        return unsent.isEmpty
    }

    private func push(_ bytes: [UInt8], from start: Int) -> Int {
        let count = bytes.withUnsafeBytes {
            Glibc.send(
                descriptor, $0.baseAddress! + start, $0.count - start, Int32(MSG_NOSIGNAL))
        }
        if count >= 0 { return count }
        if errno == EAGAIN { return 0 }
        Console.failed("send")
    }

    /// Reads once; returns how many replies have ended.
    func receive(_ scratch: inout [UInt8]) -> Int {
        let room = scratch.count
        let count = recv(descriptor, &scratch, room, 0)
        if count == 0 { Console.fail("a connection was closed with \(owed) replies owed") }
        if count < 0 {
            if errno == EAGAIN, asked > 0 { return 0 }
            Console.failed("recv")
        }
        let before = owed
        do throws(ReplyError) {
            try scan(scratch.span.extracting(0..<count))
        } catch {
            Console.fail("what came is no reply: \(error)")
        }
        return before - owed
    }

    private func scan(_ bytes: Span<UInt8>) throws(ReplyError) {
        var index = 0
        while index < bytes.count {
            if owed == 0 { Console.fail("a reply came that nobody asked for") }
            if scanner.isAtStart {
                let run = scanner.scanRun(bytes, from: index, most: owed)
                owed -= run.count
                index = run.end
                if run.count > 0 { continue }
            }
            guard case .reply(let end) = try scanner.scan(bytes, from: index) else { return }
            if scanner.kind == .error { errors += 1 }
            owed -= 1
            index = end
        }
    }
}
