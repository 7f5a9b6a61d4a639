// Listeners: what they are bound to, what connections inherit, and what happens when there is no room.

import Foundation
import IO
import RESP
import Synchronization
import Testing

@Suite(.timeLimit(.minutes(2)))
struct ListenerTests {
    /// More than the kernel takes is the most that it takes, and no reason not to start.
    @Test(arguments: [(100, 100, 33), (1, 1, 1), (100_000, 32_767, 10_922), (.max, 32_767, 10_922)])
    func acceptedConnectionsInheritTheOptions(keepAlive: Int32, idle: Int32, apart: Int32) throws {
        var options = ListenerOptions()
        options.keepAlive = keepAlive
        let listener = try #require(
            try Listener.tcp(
                bind: ["127.0.0.1"], port: 0, options: options, log: quietLog, role: .starting
            ).first)
        let client = try TestSocket.connect(port: listener.address.port)
        let level = Int32(IPPROTO_TCP)
        let accepted = try waitUntilAccepted(listener)
        #expect(try accepted.option(level, TCP_NODELAY) == 1)
        #expect(try accepted.option(SOL_SOCKET, SO_KEEPALIVE) == 1)
        #expect(try accepted.option(level, TCP_KEEPIDLE) == idle)
        #expect(try accepted.option(level, TCP_KEEPINTVL) == apart)
        #expect(try accepted.option(level, TCP_KEEPCNT) == 3)
        client.close()
    }

    /// A core hears through which of its listeners each client came.
    @Test func theCoreHearsWhichListenerItWas() throws {
        let listeners = try (0..<2).flatMap { _ in
            try Listener.tcp(
                bind: ["127.0.0.1"], port: 0, options: ListenerOptions(), log: quietLog,
                role: .starting)
        }
        let second = ListenerID(number: 7)
        let loop = try RunningLoop(
            listeners: [listeners[0]],
            prepare: { try $0.listen(on: listeners[1], as: second) })
        var clients: [TestSocket] = []
        for (number, id) in [(1, second), (0, .clients), (1, second)] {
            clients.append(try TestSocket.connect(port: listeners[number].address.port))
            _ = try loop.journal.waitForConnection(clients.count - 1)
            guard case .opened(_, _, id) = loop.journal.all.last else {
                Issue.record("\(loop.journal.all)")
                continue
            }
        }
    }

    private func waitUntilAccepted(_ listener: Listener) throws -> Descriptor {
        for _ in 0..<30_000 {
            if let accepted = try listener.descriptor.accept() { return accepted.takeDescriptor() }
            usleep(1_000)
        }
        throw TimeOut(description: "nothing to accept")
    }

    /// One listener for each address that must be there, and one more for an IPv6 address that this machine has.
    @Test(
        arguments: [
            (["*"], 1, nil), (["127.0.0.1", "-::1"], 1, "::1"), (["*", "-::*"], 1, "::"),
            (["127.0.0.1", "-192.0.2.1"], 1, nil), (["localhost"], 1, nil), ([], 0, nil),
        ] as [([String], Int, String?)])
    func bindsWhatTheLineSays(line: [String], always: Int, version6: String?) throws {
        let listeners = try Listener.tcp(
            bind: line, port: 0, options: ListenerOptions(), log: quietLog, role: .starting)
        let isMore = version6.map(TestSocket.canBind6) ?? false
        #expect(listeners.count == always + (isMore ? 1 : 0))
        #expect(Set(listeners.map(\.address.port)).count <= 1)
        for listener in listeners { #expect(listener.address.port != 0) }
    }

    /// An address that is not ours is an error unless it is marked as optional; the log says which.
    @Test func anAddressOfAnotherMachineFails() throws {
        let scratch = Scratch()
        let log = Log(to: .file(path: scratch.file("log")))
        #expect(throws: ListenFailure.self) {
            try Listener.tcp(
                bind: ["192.0.2.1"], port: 6_399, options: ListenerOptions(), log: log,
                role: .starting)
        }
        #expect(
            scratch.text("log").hasSuffix(
                "# Warning: Could not create server TCP listening socket 192.0.2.1:6399: "
                    + "bind: Cannot assign requested address\n"))
    }

    @Test func aPortInUseFailsUnlessItIsShared() throws {
        var options = ListenerOptions()
        options.sharesPort = true
        let first = try Listener.tcp(
            bind: ["127.0.0.1"], port: 0, options: options, log: quietLog, role: .starting)
        let port = try #require(first.first).address.port
        let second = try Listener.tcp(
            bind: ["127.0.0.1"], port: port, options: options, log: quietLog, role: .starting)
        #expect(second.first?.address.port == port)
        #expect(throws: ListenFailure.self) {
            try Listener.tcp(
                bind: ["127.0.0.1"], port: port, options: ListenerOptions(), log: quietLog,
                role: .starting)
        }
    }

    // MARK: Unix sockets

    @Test func aUnixSocketHasItsPermissionsAndIsRemoved() throws {
        let scratch = Scratch()
        let path = scratch.file("socket")
        do {
            let listener = try Listener.unix(
                path: path, permissions: 0o700, options: ListenerOptions())
            var status = stat()
            #expect(stat(path, &status) == 0)
            #expect(status.st_mode & 0o777 == 0o700)
            let loop = try RunningLoop(listeners: [listener])
            let client = try TestSocket.connect(path: path)
            try client.send("hello")
            #expect(try client.receiveText(5) == "hello")
            let id = try loop.journal.waitForConnection()
            #expect(loop.journal.all.first == .opened(id, .unix, .clients))
            // The end of a peer comes first, even of one that is gone altogether; the core answers with a close.
            client.close()
            try loop.journal.waitFor(.closed(id))
            #expect(loop.journal.all.suffix(2) == [.ended(id), .closed(id)])
            loop.stop()
        }
        #expect(access(path, F_OK) != 0)
    }

    /// Somebody who tries to connect all the time gets in only when the permissions stand.
    @Test func aUnixSocketHasItsPermissionsBeforeItListens() throws {
        let scratch = Scratch()
        let early = Atomic<Int>(0)
        let rounds = 300
        for round in 0..<rounds {
            let path = scratch.file("socket \(round)")
            let isTrying = Atomic<Bool>(false)
            let intruder = try IO.Thread.start("intruder") {
                let client = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
                defer { close(client) }
                isTrying.store(true, ordering: .relaxed)
                while !TestSocket.connects(client, to: path) {}
                var status = stat()
                stat(path, &status)
                if status.st_mode & 0o777 != 0o700 { early.add(1, ordering: .relaxed) }
            }
            while !isTrying.load(ordering: .relaxed) {}
            let listener = try Listener.unix(
                path: path, permissions: 0o700, options: ListenerOptions())
            intruder.join()
            withExtendedLifetime(listener) {}
        }
        #expect(early.load(ordering: .relaxed) == 0, "of \(rounds)")
    }

    @Test func aStaleUnixSocketIsReplacedAndALiveOneIsNot() throws {
        let scratch = Scratch()
        let path = scratch.file("socket")
        let abandoned = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        let bound = TestSocket.withGeneric(TestSocket.unixAddress(path)) { bind(abandoned, $0, $1) }
        #expect(bound == 0)
        close(abandoned)

        let options = ListenerOptions()
        let listener = try Listener.unix(path: path, permissions: 0, options: options)
        #expect(throws: ListenFailure.self) {
            try Listener.unix(path: path, permissions: 0, options: options)
        }
        let client = try TestSocket.connect(path: path)
        client.close()
        withExtendedLifetime(listener) {}
    }

    /// Several loops accept at one Unix socket, whose path goes when the first of them ends.
    @Test func loopsShareAUnixSocket() throws {
        let scratch = Scratch()
        let path = scratch.file("socket")
        let listener = try Listener.unix(path: path, permissions: 0, options: ListenerOptions())
        let loops = [
            try RunningLoop(listeners: [listener]), try RunningLoop(listeners: [listener]),
        ]
        for _ in 0..<50 {
            let client = try TestSocket.connect(path: path)
            try client.send("x")
            _ = try client.receiveText(1)
        }
        let opened = loops.map { loop in
            loop.journal.count { if case .opened = $0 { true } else { false } }
        }
        #expect(opened.reduce(0, +) == 50)
        loops[0].stop()
        #expect(access(path, F_OK) != 0)
        withExtendedLifetime(listener) {}
    }

    // MARK: No room

    /// Without a free descriptor the loop rests instead of spinning, says so once though now and then one comes
    /// free, and goes on when there are enough.
    @Test func acceptRestsWhileThereAreNoDescriptors() async {
        await #expect(processExitsWith: .success) {
            let scratch = Scratch()
            let log = Log(to: .file(path: scratch.file("log")))
            log.write(.notice, "ready", as: .master)
            let loop = try RunningLoop(log: log)
            let first = try TestSocket.connect(port: loop.port)
            try first.send("a")
            _ = try first.receiveText(1)
            // Our ends get the last descriptors that there are.
            let waiting = (0..<4).map { _ in
                TestSocket(number: socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0))
            }
            var limit = rlimit()
            getrlimit(Int32(RLIMIT_NOFILE.rawValue), &limit)
            let before = limit.rlim_cur
            limit.rlim_cur = rlim_t((waiting.last?.number ?? 0) + 1)
            setrlimit(Int32(RLIMIT_NOFILE.rawValue), &limit)
            for client in waiting {
                try client.connectLoopback(port: loop.port)
                try client.send("b")
            }
            let looks = loop.looksWhileIdle()
            guard looks < 100 else { fatalError("\(looks) looks") }
            for client in waiting {
                // One more at a time; another thread of the process may take it first.
                var wanted = pollfd(fd: client.number, events: Int16(POLLIN), revents: 0)
                var tries = 0
                repeat {
                    tries += 1
                    guard tries < 60 else { fatalError("no answer") }
                    limit.rlim_cur = client === waiting.last ? before : limit.rlim_cur + 1
                    setrlimit(Int32(RLIMIT_NOFILE.rawValue), &limit)
                } while poll(&wanted, 1, 1_000) == 0
                guard try client.receiveText(1) == "b" else { fatalError("another answer") }
            }
            loop.stop()
            let warning = "Accepting client connection: accept4: Too many open files"
            let lines = scratch.text("log").split(separator: "\n").filter { $0.hasSuffix(warning) }
            guard lines.count == 1 else { fatalError("\(lines.count) warnings") }
        }
    }

    @Test(arguments: [(511, 4_096, false), (511, 511, false), (511, 128, true)])
    func warnsWhenTheKernelCutsTheBacklog(backlog: Int32, limit: Int32, isWarned: Bool) {
        let line =
            "WARNING: The TCP backlog setting of 511 cannot be enforced because "
            + "/proc/sys/net/core/somaxconn is set to the lower value of 128."
        #expect(Backlog.warning(for: backlog, limit: limit) == (isWarned ? line : nil))
    }
}
