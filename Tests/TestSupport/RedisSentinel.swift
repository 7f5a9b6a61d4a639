// Stock sentinels on the loopback that watch a master, as they stand beside the proxy's backends.

import Foundation
import RESP

/// One sentinel with a port and a file of its own that outlive its process.
public final class RedisSentinel: Restartable, Sendable {
    public static let masterName = "mymaster"

    public let life: RestartableServer

    /// Starts one that asks for as many as `quorum` before it holds the master to be down; further lines of its
    /// configuration come last.
    public init(
        path: String, watching master: RedisNode, quorum: Int, lines: [String] = []
    ) throws {
        let directory = try RestartableServer.makeDirectory("sentinel")
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
        life = try RestartableServer(path: path, in: directory) { Self.arguments(directory, $0) }
    }

    private static func arguments(_ directory: URL, _ port: UInt16) -> [String] {
        [
            directory.appendingPathComponent("sentinel.conf").path, "--sentinel", "--port",
            "\(port)",
            "--bind", "127.0.0.1", "--dir", directory.path,
        ]
    }
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
