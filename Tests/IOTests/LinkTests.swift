// Connections that a core wishes for: to names and addresses, that answer, refuse, or say nothing at all.

import Foundation
import IO
import RESP
import Testing

@Suite(.timeLimit(.minutes(2)))
struct LinkTests {
    private let link = LinkID(number: 7)

    private func connection(of loop: RunningLoop) throws -> ConnectionID {
        try loop.journal.wait(for: "connected") { entries in
            for case .connected(link, let id) in entries { return id }
            return nil
        }
    }

    private func refusal(of loop: RunningLoop) throws -> String {
        try loop.journal.wait(for: "refused") { entries in
            for case .refused(link, let reason) in entries { return reason }
            return nil
        }
    }

    @Test(arguments: ["127.0.0.1", "localhost"]) func connectsAndTalks(host: String) throws {
        let server = try RunningLoop()
        let loop = try RunningLoop { core in core.onReceive = { _, _, _ in } }
        let (link, port) = (link, server.port)
        loop.tell { $0.wish(.connect(link, .tcp(host: host, port: port))) }
        let id = try connection(of: loop)
        loop.tell { $0.send("hello", to: id) }
        try loop.journal.wait(for: "echo") { _ in
            loop.journal.bytes(from: id) == Array("hello".utf8) ? () : nil
        }
        server.stop()
    }

    /// Small requests leave at once, and a backend that vanished is noticed, idle or not.
    @Test func linksHaveTheirOptions() throws {
        let server = try RunningLoop()
        var options = LoopOptions()
        options.keepAlive = 90
        options.userTimeout = .milliseconds(7_500)
        let loop = try RunningLoop(options: options)
        let (link, port) = (link, server.port)
        loop.tell { $0.wish(.connect(link, .tcp(host: "127.0.0.1", port: port))) }
        _ = try connection(of: loop)
        let id = try server.journal.waitForConnection()
        let peer = try #require(
            server.journal.all.compactMap { entry in
                if case .opened(id, let peer, _) = entry { peer } else { nil }
            }.first)
        let number = try #require((0..<4_096).first { localPort(of: $0) == peer.port })
        let level = Int32(IPPROTO_TCP)
        #expect(option(level, TCP_NODELAY, of: number) == 1)
        #expect(option(SOL_SOCKET, SO_KEEPALIVE, of: number) == 1)
        #expect(option(level, TCP_KEEPIDLE, of: number) == 90)
        #expect(option(level, TCP_USER_TIMEOUT, of: number) == 7_500)
    }

    private func localPort(of number: Int32) -> UInt16? {
        var address = sockaddr_in()
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let result = withUnsafeMutablePointer(to: &address) { pointer in
            getsockname(
                number, UnsafeMutableRawPointer(pointer).assumingMemoryBound(to: sockaddr.self),
                &size)
        }
        guard result == 0, address.sin_family == sa_family_t(AF_INET) else { return nil }
        return UInt16(bigEndian: address.sin_port)
    }

    private func option(_ level: Int32, _ option: Int32, of number: Int32) -> Int32 {
        var value: Int32 = -1
        var size = socklen_t(MemoryLayout<Int32>.size)
        getsockopt(number, level, option, &value, &size)
        return value
    }

    @Test func connectsToAUnixSocket() throws {
        let scratch = Scratch()
        let path = scratch.file("socket")
        let listener = try Listener.unix(path: path, permissions: 0, options: ListenerOptions())
        let server = try RunningLoop(listeners: [listener])
        let loop = try RunningLoop()
        let link = link
        loop.tell { $0.wish(.connect(link, .unix(path: path))) }
        _ = try connection(of: loop)
        _ = try server.journal.waitForConnection()
    }

    @Test(arguments: [
        (Endpoint.unix(path: "/nonexistent/socket"), "No such file or directory"),
        (Endpoint.unix(path: String(repeating: "x", count: 108)), "The path is too long"),
        (Endpoint.tcp(host: "127.0.0.1", port: 1), "Connection refused"),
    ]) func saysWhyItIsRefused(endpoint: Endpoint, reason: String) throws {
        let loop = try RunningLoop()
        let link = link
        loop.tell { $0.wish(.connect(link, endpoint)) }
        #expect(try refusal(of: loop) == reason)
    }

    @Test func aNameThatNobodyKnowsIsRefused() throws {
        let loop = try RunningLoop(
            options: options(names: { _, _ in .failure(LookupFailure(reason: "Name not known")) }))
        let link = link
        loop.tell { $0.wish(.connect(link, .tcp(host: "nowhere", port: 6_379))) }
        #expect(try refusal(of: loop) == "Name not known")
    }

    /// Nothing else waits for a name server that takes its time.
    @Test func aSlowLookupHoldsUpNobody() throws {
        let gate = Gate()
        let loop = try RunningLoop(
            options: options(names: { host, _ in
                if host == "slow" { gate.wait() }
                return .failure(LookupFailure(reason: host))
            }))
        let (slow, fast) = (LinkID(number: 1), LinkID(number: 2))
        loop.tell { core in
            core.wish(.connect(slow, .tcp(host: "slow", port: 1)))
            core.wish(.connect(fast, .tcp(host: "fast", port: 1)))
        }
        try loop.journal.waitFor(.refused(fast, "fast"))
        let client = try TestSocket.connect(port: loop.port)
        try client.send("x")
        _ = try client.receiveText(1)
        #expect(!loop.journal.all.contains(.refused(slow, "slow")))
        gate.open()
        try loop.journal.waitFor(.refused(slow, "slow"))
    }

    /// A name whose lookup hangs is refused in time. Trying again takes no second thread, and the answer that
    /// comes in the end is one for whoever waits then, and for nobody else.
    @Test func aLookupThatHangsIsGivenUp() throws {
        let (gate, asked) = (Gate(), Counter())
        var options = options(names: { host, _ in
            asked.add()
            gate.wait()
            return .failure(LookupFailure(reason: host))
        })
        options.lookupTimeout = .milliseconds(20)
        let loop = try RunningLoop(options: options)
        let tooLong = "Looking up the name took too long"
        for number in 0..<10 {
            let link = LinkID(number: UInt32(number))
            loop.tell { $0.wish(.connect(link, .tcp(host: "hangs", port: 1))) }
            try loop.journal.waitFor(.refused(link, tooLong))
        }
        #expect(asked.value == 1)
        gate.open()
        let last = LinkID(number: 10)
        try waitUntil("answer") {
            loop.tell { core in
                if !core.journal.all.contains(.refused(last, "hangs")) {
                    core.wish(.connect(last, .tcp(host: "hangs", port: 1)))
                }
            }
            usleep(10_000)
            return loop.journal.all.contains(.refused(last, "hangs")) ? () : nil
        }
        #expect(
            loop.journal.count { entry in
                if case .refused(let link, "hangs") = entry { link != last } else { false }
            } == 0)
    }

    /// So many names are looked up at a time, and the next ones when those are answered; a link that was given up
    /// before its turn came is not looked up at all.
    @Test func lookupsAreBounded() throws {
        let (gate, asked) = (Gate(), Counter())
        let loop = try RunningLoop(
            options: options(names: { host, _ in
                asked.add()
                gate.wait()
                return .failure(LookupFailure(reason: host))
            }))
        let links = (0..<20).map { LinkID(number: UInt32($0)) }
        loop.tell { core in
            for link in links {
                core.wish(.connect(link, .tcp(host: "name \(link.number)", port: 1)))
            }
            core.wish(.abandon(links[19]))
        }
        try waitUntil("lookups") { asked.value == Limits.lookups ? () : nil }
        usleep(50_000)
        #expect(asked.value == Limits.lookups)
        gate.open()
        for link in links.dropLast() {
            try loop.journal.waitFor(.refused(link, "name \(link.number)"))
        }
        #expect(asked.value == 19)
    }

    /// The first address refuses, the second says nothing, the third answers.
    @Test func severalAddressesAreTriedInTurn() throws {
        let server = try RunningLoop()
        let silent = try SilentListener()
        let addresses = [1, silent.port, server.port].compactMap {
            SocketAddress(literal: "127.0.0.1", port: $0)
        }
        let loop = try RunningLoop(options: options(names: { _, _ in .success(addresses) }))
        let link = link
        loop.tell { $0.wish(.connect(link, .tcp(host: "three", port: 1))) }
        _ = try connection(of: loop)
        _ = try server.journal.waitForConnection()
        silent.close()
    }

    @Test func anAddressThatSaysNothingTimesOut() throws {
        let silent = try SilentListener()
        let loop = try RunningLoop(options: options())
        let (link, port) = (link, silent.port)
        loop.tell { $0.wish(.connect(link, .tcp(host: "127.0.0.1", port: port))) }
        #expect(try refusal(of: loop) == "Connection timed out")
        silent.close()
    }

    /// Of a link that was given up, nothing more is heard: neither its end nor its answer.
    @Test func anAbandonedLinkIsSilent() throws {
        let silent = try SilentListener()
        let loop = try RunningLoop(options: options())
        let (link, port) = (link, silent.port)
        loop.tell { core in
            core.wish(.connect(link, .tcp(host: "127.0.0.1", port: port)))
            core.wish(.abandon(link))
            core.wish(.connect(LinkID(number: 8), .tcp(host: "127.0.0.1", port: port)))
        }
        try loop.journal.waitFor(.refused(LinkID(number: 8), "Connection timed out"))
        #expect(
            !loop.journal.all.contains { entry in
                if case .refused(link, _) = entry { true } else { false }
            })
        silent.close()
    }

    /// A standing link hears that its host now has another address, once, and again after it came back.
    @Test func aHostThatMovesIsNoticed() throws {
        let server = try RunningLoop()
        let here = try #require(SocketAddress(literal: "127.0.0.1", port: server.port))
        let elsewhere = try #require(SocketAddress(literal: "192.0.2.1", port: server.port))
        let current = Addresses([here])
        var options = options(names: { _, _ in .success(current.list) })
        options.lookupInterval = .milliseconds(5)
        let loop = try RunningLoop(options: options)
        let link = link
        loop.tell { $0.wish(.connect(link, .tcp(host: "wanderer", port: server.port))) }
        _ = try connection(of: loop)
        for round in 1...2 {
            try current.set([here])
            #expect(loop.journal.count { $0 == .moved(link) } == round - 1)
            try current.set([elsewhere])
            try loop.journal.wait(for: "move \(round)") { entries in
                entries.count { $0 == .moved(link) } == round ? () : nil
            }
        }
        server.stop()
    }

    private func options(
        names: @escaping @Sendable (String, UInt16) -> Result<[SocketAddress], LookupFailure> = {
            host, _ in .failure(LookupFailure(reason: host))
        }
    ) -> LoopOptions {
        var options = LoopOptions()
        options.connectTimeout = .milliseconds(100)
        options.names = NameService(names)
        return options
    }
}

/// What a name stands for at the moment, and how often that was asked.
private final class Addresses: Sendable {
    private let state: Guarded<(list: [SocketAddress], asked: Int)>

    init(_ list: [SocketAddress]) {
        state = Guarded((list, 0))
    }

    var list: [SocketAddress] {
        state.withLock { state in
            state.asked += 1
            return state.list
        }
    }

    /// Changes the answer, and waits until it has been given and taken in.
    func set(_ list: [SocketAddress]) throws {
        let before = state.withLock { state in
            state.list = list
            return state.asked
        }
        try waitUntil("two lookups") { state.withLock { $0.asked } >= before + 2 ? () : nil }
    }
}

/// A port whose connections are never accepted and whose backlog is full: the kernel drops what comes.
private final class SilentListener {
    let port: UInt16
    private let descriptor: Int32
    private var waiting: [Int32] = []

    init() throws {
        var options = ListenerOptions()
        options.backlog = 0
        let listener = try Listener.tcp(
            bind: ["127.0.0.1"], port: 0, options: options, log: quietLog, role: .starting)
        guard let first = listener.first else { throw TimeOut(description: "no listener") }
        port = first.address.port
        descriptor = dup(first.descriptor.number)
        for _ in 0..<4 {
            let client = socket(
                AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue), 0)
            var address = sockaddr_in()
            address.sin_family = sa_family_t(AF_INET)
            address.sin_port = port.bigEndian
            address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
            _ = withUnsafePointer(to: address) {
                connect(
                    client, UnsafeRawPointer($0).assumingMemoryBound(to: sockaddr.self),
                    socklen_t(MemoryLayout<sockaddr_in>.size))
            }
            waiting.append(client)
        }
    }

    func close() {
        for client in waiting { Glibc.close(client) }
        Glibc.close(descriptor)
    }
}
