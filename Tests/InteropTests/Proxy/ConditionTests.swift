// What may be wrong with real servers, brought about: what reads and writes get at each level, and what an operator
// sees. The whole table, condition by level, is docs/conditions.md.

import Foundation
import Glibc
import RESP
import TestSupport
import Testing

@Suite(.serialized) struct ConditionInteropTests {
    private static let levels = ["master", "fresh", "session", "bounded", "eventual"]

    private static func front(
        probedEvery interval: String = "200ms", _ lines: [String] = []
    ) throws -> Front? {
        let reads = SluiceProxy.Reads(balance: "round_robin", consistency: "fresh")
        let all = lines + ["timeouts: {probe_interval: \(interval)}", "writes: {hold: 60s}"]
        guard
            let front = try Front(
                replicas: 2, reads: reads,
                replicaArguments: ["--enable-debug-command", "yes"], all), !Front.isDirect
        else {
            return nil
        }
        #expect(try front.client().run("SET", "k", "v") == .simple("OK"))
        try #require(try front.deployment.waitUntilReplicated())
        return front
    }

    /// Waits until the proxy has a server in this state, for a reason that says so.
    private static func expect(
        _ endpoint: Endpoint, isIn state: String, _ reason: String, _ front: Front,
        sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        let client = try front.client()
        var seen = ""
        let isSo = try wait(within: .seconds(60)) {
            let backends = try client.run("PROXY", "BACKENDS").items ?? []
            guard let backend = backends.first(where: { $0[key: "address"]?.text == "\(endpoint)" })
            else { return false }
            seen = "\(backend[key: "state"]?.text ?? ""): \(backend[key: "reason"]?.text ?? "")"
            return seen.hasPrefix("\(state): ") && (reason.isEmpty || seen.contains(reason))
        }
        #expect(isSo, "\(endpoint) is \(seen)", sourceLocation: sourceLocation)
    }

    /// At each level reads are answered, each on a connection of its own. What was written a moment ago may not have
    /// reached every replica, and only some levels promise it all the same.
    private static func expectReads(
        _ front: Front, _ value: String = "v", sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        for level in levels {
            let promisesNothingOld = level != "bounded" && level != "eventual"
            for _ in 0..<6 {
                let client = try front.client()
                let answer = try client.run("PROXY", "CONSISTENCY", level)
                #expect(answer == .simple("OK"), sourceLocation: sourceLocation)
                let isSeen = try wait(within: promisesNothingOld ? .zero : .seconds(60)) {
                    try client.run("GET", "k") == .bulk(value)
                }
                #expect(isSeen, "\(level)", sourceLocation: sourceLocation)
            }
        }
    }

    private static func events(_ front: Front) throws -> [String] {
        let events = try front.client().run("PROXY", "EVENTS", "-1").items ?? []
        return events.compactMap { $0[key: "event"]?.text }
    }

    /// What may be wrong with one replica of two.
    enum Trouble: String, CaseIterable, Sendable {
        case stopped, loading, neverSynced, lostItsMaster, wrongMaster, wrongRole, wantsPassword
    }

    /// One replica of two is in trouble: it is shown with the reason, it gets no read at any level, and writes go on.
    @Test(arguments: Trouble.allCases) func replica(_ trouble: Trouble) throws {
        guard let front = try Self.front() else { return }
        let replica = front.deployment.replicas[0]
        var strangers: [RedisNode] = []
        let (state, reason): (String, String)
        switch trouble {
        case .stopped:
            replica.freeze()
            (state, reason) = ("ejected", "does not answer")
        case .loading:
            let client = try front.client()
            for start in 0..<10 {
                let keys = (0..<500).flatMap { ["key-\(start * 500 + $0)", "v"] }
                #expect(try client.run(["MSET"] + keys) == .simple("OK"))
            }
            try #require(try front.deployment.waitUntilReplicated())
            #expect(try replica.client().run("SAVE") == .simple("OK"))
            replica.kill()
            try replica.restart([
                "--key-load-delay", "20000", "--loading-process-events-interval-bytes", "1024",
            ])
            (state, reason) = ("loading", "")
        case .neverSynced:
            replica.kill()
            try replica.empty()
            try replica.restart(["--replicaof", "127.0.0.1 1"])
            (state, reason) = ("syncing", "never had")
        case .lostItsMaster:
            _ = try replica.client().run("REPLICAOF", "127.0.0.1", "1")
            (state, reason) = ("stale link", "is down")
        case .wrongMaster:
            strangers = try #require(try RedisDeployment.start(replicas: 0)).nodes
            _ = try replica.client().run("REPLICAOF", "127.0.0.1", "\(strangers[0].port)")
            (state, reason) = ("ejected", "another master (127.0.0.1:\(strangers[0].port))")
        case .wrongRole:
            _ = try replica.client().run("REPLICAOF", "NO", "ONE")
            (state, reason) = ("ejected", "should be a replica")
        case .wantsPassword:
            replica.kill()
            try replica.restart(["--requirepass", "secret"])
            (state, reason) = ("ejected", "backends.password")
        }
        try Self.expect(replica.endpoint, isIn: state, reason, front)
        let isReadable = trouble != .stopped && trouble != .loading && trouble != .wantsPassword
        if isReadable { try replica.resetStatistics() }
        try Self.expectReads(front)
        #expect(try front.client().run("SET", "k", "w") == .simple("OK"))
        try Self.expectReads(front, "w")
        if isReadable { #expect(try replica.commandStatistics()["get"].calls == 0) }
        #expect(try Self.events(front).contains("state"))
        replica.thaw()
        withExtendedLifetime(strangers) {}
    }

    /// A replica that is a black hole: the system takes its connections, and nobody ever answers.
    @Test func blackHole() throws {
        guard let deployment = try RedisDeployment.start(replicas: 1), !Front.isDirect else {
            return
        }
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(descriptor) }
        let port = try FreePort.next()
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        let isBound = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        try #require(isBound == 0 && listen(descriptor, 100) == 0)
        let replica = deployment.replicas[0]
        let server = try SluiceProxy.start(
            backends: [
                "  master: \(deployment.master.endpoint)",
                "  replicas: [127.0.0.1:\(port), \(replica.endpoint)]",
            ],
            [
                "reads: {consistency: fresh}",
                "timeouts: {probe_interval: 200ms, probe: 300ms, request: 5s}",
            ])
        let client = try server.client()
        #expect(try client.run("SET", "k", "v") == .simple("OK"))
        try #require(try deployment.waitUntilReplicated())
        for level in Self.levels {
            #expect(try client.run("PROXY", "CONSISTENCY", level) == .simple("OK"))
            for _ in 0..<20 { #expect(try client.run("GET", "k") == .bulk("v"), "\(level)") }
        }
        let isKnown = try wait(within: .seconds(60)) {
            let state = try client.run("PROXY", "BACKENDS").items?[1][key: "state"]?.text
            return state == "down" || state == "ejected"
        }
        #expect(isKnown)
    }

    /// A replica that is kept busy answers each read late: it is set aside, the others take its reads, and it is taken
    /// back when it is well.
    @Test func slowReplica() throws {
        let outliers = "outliers: {latency_floor: 20ms, latency_factor: 3, ejection_time: 500ms}"
        guard let front = try Self.front(probedEvery: "1s", [outliers]) else { return }
        let replica = front.deployment.replicas[0]
        let isOver = DispatchSemaphore(value: 0)
        let busy = Thread {
            guard let client = try? replica.client() else { return }
            while isOver.wait(timeout: .now()) == .timedOut {
                guard (try? client.run("DEBUG", "SLEEP", "0.05")) != nil else { return }
            }
        }
        busy.start()
        defer {
            isOver.signal()
            while !busy.isFinished { usleep(10_000) }
        }
        let reader = try front.client()
        #expect(try reader.run("PROXY", "CONSISTENCY", "eventual") == .simple("OK"))
        let isEjected = try wait(within: .seconds(60)) {
            for _ in 0..<10 { #expect(try reader.run("GET", "k") == .bulk("v")) }
            let reason = try reader.run("PROXY", "BACKENDS").items?[1][key: "reason"]?.text
            return reason?.contains("it answers in") == true
        }
        #expect(isEjected)
        isOver.signal()
        let isBack = try wait(within: .seconds(60)) {
            for _ in 0..<10 { #expect(try reader.run("GET", "k") == .bulk("v")) }
            let backend = try reader.run("PROXY", "BACKENDS").items?[1]
            return backend?[key: "state"]?.text == "healthy" && backend?[key: "reason"]?.text == ""
        }
        #expect(isBack)
        isOver.signal()
    }

    /// A full disk and too few replicas are the master's word to the client; reads go on, and so does everything when
    /// it is over.
    @Test(arguments: ["MISCONF", "NOREPLICAS"]) func refusedWrites(code: String) throws {
        guard let front = try Self.front() else { return }
        let master = front.deployment.master
        let client = try master.client()
        if code == "MISCONF" {
            // A directory stands where the snapshot is to be.
            let place = master.directory.appending(path: "dump.rdb")
            try? FileManager.default.removeItem(at: place)
            try FileManager.default.createDirectory(
                at: place.appending(path: "in-the-way"), withIntermediateDirectories: true)
            try client.say("CONFIG SET save '3600 1'; BGSAVE")
            let hasFailed = try wait {
                try master.information("persistence", "rdb_last_bgsave_status") == "err"
            }
            try #require(hasFailed)
        } else {
            try client.say("CONFIG SET min-replicas-to-write 9")
        }
        let writer = try front.client()
        let reply = try writer.run("SET", "k", "w")
        #expect(reply.text?.hasPrefix(code) == true, "\(reply)")
        try Self.expectReads(front)
        try Self.expect(master.endpoint, isIn: "healthy", "", front)
        let errors = try writer.run("PROXY", "STATS")[key: "errors"]
        #expect(errors?[key: code]?.number == 1)
        try client.say("CONFIG SET save ''; CONFIG SET min-replicas-to-write 0")
        #expect(try writer.run("SET", "k", "w") == .simple("OK"))
        try Self.expectReads(front, "w")
    }

    /// The master hangs: replicas answer, a write waits, and is done when it goes on.
    @Test func stoppedMaster() throws {
        guard let front = try Self.front() else { return }
        let master = front.deployment.master
        let reader = try front.client()
        let writer = try front.client()
        master.freeze()
        defer { master.thaw() }
        try Self.expect(master.endpoint, isIn: "ejected", "does not answer", front)
        try writer.send(["SET", "k", "w"])
        #expect(try reader.run("GET", "k") == .bulk("v"))
        master.thaw()
        #expect(try writer.readReply() == .simple("OK"))
        try Self.expectReads(front, "w")
    }

    /// Two replicas are promoted when the master has died: nobody is written to until one of them follows the other.
    @Test func twoMasters() throws {
        guard let front = try Self.front() else { return }
        let (first, second) = (front.deployment.replicas[0], front.deployment.replicas[1])
        // Each knows who it was promoted from.
        let writer = try front.client()
        front.deployment.master.kill()
        for replica in [first, second] {
            #expect(try replica.client().run("REPLICAOF", "NO", "ONE") == .simple("OK"))
        }
        let isContested = try wait(within: .seconds(60)) {
            try Self.events(front).contains("contested_master")
        }
        #expect(isContested)
        try writer.send(["SET", "k", "w"])
        usleep(300_000)
        for replica in [first, second] {
            #expect(try replica.client().run("GET", "k") == .bulk("v"))
        }
        _ = try second.client().run("REPLICAOF", "127.0.0.1", "\(first.port)")
        #expect(try writer.readReply() == .simple("OK"))
        #expect(try first.client().run("GET", "k") == .bulk("w"))
        try Self.expectReads(front, "w")
    }
}
