// Stock sentinels on the loopback that watch a master, as they stand beside the proxy's backends.

import Foundation
import Glibc
import RESP

/// One sentinel with a port and a file of its own that outlive its process.
public final class RedisSentinel: Sendable {
    public static let masterName = "mymaster"

    public let port: UInt16
    private let path: String
    private let directory: URL
    // Not the standard library's Mutex: the thread sanitizer cannot look into it when threads meet there.
    private let lock = NSLock()
    nonisolated(unsafe) private var running: LiveServer?

    /// Starts one that asks for as many as `quorum` before it holds the master to be down; further lines of its
    /// configuration come last.
    public init(
        path: String, watching master: RedisNode, quorum: Int, lines: [String] = []
    ) throws {
        let directory = FileManager.default.temporaryDirectory
            .appendingPathComponent("sluice-sentinel-\(UUID().uuidString.prefix(8))")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        // The sentinel writes what it learns into its file.
        let name = Self.masterName
        let all =
            [
                "sentinel monitor \(name) 127.0.0.1 \(master.port) \(quorum)",
                // Machines that run tests are busy: nobody is to be held dead for being slow.
                "sentinel down-after-milliseconds \(name) 10000",
                "sentinel failover-timeout \(name) 20000",
            ] + lines
        let file = directory.appendingPathComponent("sentinel.conf")
        try Data((all.joined(separator: "\n") + "\n").utf8).write(to: file)
        let server = try LiveServer.start(path: path) { Self.arguments(directory, $0) }
        self.path = path
        self.directory = directory
        port = server.port
        running = server
    }

    deinit {
        running?.process.send(signal: SIGCONT)
        running?.process.kill()
        try? FileManager.default.removeItem(at: directory)
    }

    private static func arguments(_ directory: URL, _ port: UInt16) -> [String] {
        [
            directory.appendingPathComponent("sentinel.conf").path, "--sentinel", "--port",
            "\(port)",
            "--bind", "127.0.0.1", "--dir", directory.path,
        ]
    }

    public var endpoint: Endpoint { .tcp(host: "127.0.0.1", port: port) }

    public func client() throws -> RESPClient {
        try RESPClient(connectTo: endpoint)
    }

    /// Ends the process at once, as a crash would.
    public func kill() {
        let server = lock.withLock {
            defer { running = nil }
            return running
        }
        server?.process.kill()
    }

    /// Starts it again on the same port, with the file that it left.
    public func restart() throws {
        let isFree = lock.withLock { running == nil }
        precondition(isFree, "kill it first")
        let deadline = ContinuousClock().now.advanced(by: .seconds(30))
        while true {
            do {
                let started = try LiveServer.start(path: path, onPort: port) {
                    Self.arguments(directory, $0)
                }
                lock.withLock { running = started }
                return
            } catch {
                // Somebody's outgoing connection may have the port for a moment.
                guard ContinuousClock().now < deadline else { throw error }
                usleep(100_000)
            }
        }
    }

    /// Stops or continues the process: it keeps its connections and says nothing.
    public func freeze() { lock.withLock { running }?.process.send(signal: SIGSTOP) }
    public func thaw() { lock.withLock { running }?.process.send(signal: SIGCONT) }
}

extension RedisDeployment {
    /// Sentinels that watch this deployment, ready when each knows the others and the replicas.
    public func watched(by count: Int, lines: [String] = [], password: String? = nil) throws
        -> [RedisSentinel]
    {
        guard let path = RedisServer.path else { throw SupportError("there is no redis-server") }
        let sentinels = try (0..<count).map { _ in
            try RedisSentinel(path: path, watching: master, quorum: count / 2 + 1, lines: lines)
        }
        for sentinel in sentinels {
            let client = try sentinel.client()
            if let password { _ = try client.run("AUTH", password) }
            let isReady = try wait(within: .seconds(60)) {
                let reply = try client.run("SENTINEL", "MASTER", RedisSentinel.masterName)
                return reply[key: "num-other-sentinels"]?.text == "\(count - 1)"
                    && reply[key: "num-slaves"]?.text == "\(replicas.count)"
                    && reply[key: "runid"]?.text?.isEmpty == false
            }
            guard isReady else { throw SupportError("a sentinel does not find the others") }
        }
        return sentinels
    }
}
