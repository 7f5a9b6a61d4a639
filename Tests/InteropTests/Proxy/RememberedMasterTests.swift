// A proxy that is started anew after a failover, while the master of before runs as a master again: only its state file
// tells which of the two is right.

import Foundation
import RESP
import TestSupport
import Testing

@Suite struct RememberedMasterTests {
    /// A folder of its own for a test, with a state file in it.
    final class StateFile {
        let folder: URL

        init() throws {
            folder = FileManager.default.temporaryDirectory
                .appendingPathComponent("sluice-state-\(UUID().uuidString.prefix(8))")
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        }

        deinit { try? FileManager.default.removeItem(at: folder) }

        var path: String { folder.appendingPathComponent("master").path }
        var text: String { (try? String(contentsOfFile: path, encoding: .utf8)) ?? "" }
    }

    private static func start(_ deployment: RedisDeployment, _ file: StateFile, _ threads: Int)
        throws -> LiveServer
    {
        let lines = [
            "threads: \(threads)", "timeouts: {probe_interval: 100ms}", "writes: {hold: 60s}",
            "failover: {state_file: \(file.path)}",
        ]
        return try SluiceProxy.start(before: deployment, reads: .init(consistency: "fresh"), lines)
    }

    @Test(arguments: [1, 2])
    func startedAnew(threads: Int) throws {
        guard !Front.isDirect, let deployment = try RedisDeployment.start(replicas: 2) else {
            return
        }
        let (old, heir, other) = (
            deployment.master, deployment.replicas[0], deployment.replicas[1]
        )
        let file = try StateFile()
        let proxy = try Self.start(deployment, file, threads)
        let client = try proxy.client()
        #expect(try client.run("SET", "who", "before") == .simple("OK"))
        #expect(try deployment.waitUntilReplicated())
        old.kill()
        #expect(try heir.client().run("REPLICAOF", "NO", "ONE") == .simple("OK"))
        _ = try other.client().run("REPLICAOF", "127.0.0.1", "\(heir.port)")
        let isFollowed = try wait(within: .seconds(60)) {
            guard let client = try? proxy.client() else { return false }
            return try client.run("SET", "who", "heir") == .simple("OK")
        }
        #expect(isFollowed)
        #expect(wait(within: .seconds(60)) { file.text.contains("master \(heir.endpoint)\n") })
        proxy.process.kill()
        try old.restart()

        let next = try Self.start(deployment, file, threads)
        let writer = try next.client()
        #expect(try writer.run("SET", "who", "after") == .simple("OK"))
        // Without the file the one of the configuration may be taken for the master, as a proxy driven by hand shows.
        #expect(try heir.client().run("GET", "who") == .bulk("after"))
        #expect(try old.client().run("GET", "who") != .bulk("after"))
        next.process.kill()
    }

    /// A damaged file is not guessed about: the program says where, and does not start.
    @Test func damagedFile() throws {
        guard let path = LiveProcess.built("sluice-proxy") else { throw SupportError("not built") }
        let file = try StateFile()
        let configuration = file.folder.appendingPathComponent("proxy.yaml")
        let port = try FreePort.next()
        try
            "listen: 127.0.0.1:\(port)\nbackends: {master: 127.0.0.1:1}\nfailover: {state_file: \(file.path)}\n"
            .write(to: configuration, atomically: true, encoding: .utf8)
        for (text, told) in [
            ("half a file", "\(file.path):1: is no state file"),
            (
                "sluice-proxy state 1\norigin master 127.0.0.1:1\nmaster 127.0.0.1:2\nend\n",
                "names 127.0.0.1:2 as the master, which is neither"
            ),
        ] {
            try text.write(toFile: file.path, atomically: true, encoding: .utf8)
            let process = try LiveProcess(path: path, arguments: [configuration.path])
            #expect(wait(within: .seconds(60)) { !process.isRunning })
            #expect(process.output.contains("Cannot start: failover.state_file: "))
            #expect(process.output.contains(told), "\(process.output)")
            #expect(process.output.contains("remove the file"))
        }
    }
}
