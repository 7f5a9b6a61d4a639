// A master and its replicas: stock redis-servers on the loopback, as the proxy stands before them.

import Foundation
import Glibc
import RESP

/// One redis-server with a port and a directory that outlive its process. Any thread may kill and restart it.
public final class RedisNode: Restartable, Sendable {
    public let life: RestartableServer

    init(path: String, arguments: [String]) throws {
        let directory = try RestartableServer.makeDirectory("redis")
        let all = arguments + ["--dir", directory.path]
        life = try RestartableServer(path: path, in: directory) { RedisNode.common($0) + all }
    }

    /// Where the server keeps its files; they outlive the process.
    public var directory: URL { life.directory }

    /// Removes the files that the server has left, so that it starts empty.
    public func empty() throws {
        precondition(server == nil, "kill it first")
        try FileManager.default.removeItem(at: directory)
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
    }

    /// A replica applies nothing of what its master sends, and answers reads as before, until `resumeReplication`.
    public func pauseReplication() throws {
        let reply = try client().run("CLIENT", "PAUSE", "600000", "WRITE")
        guard reply == .simple("OK") else { throw SupportError("CLIENT PAUSE: \(reply)") }
    }

    public func resumeReplication() throws {
        _ = try client().run("CLIENT", "UNPAUSE")
    }

    /// One field of a section of INFO.
    public func information(_ section: String, _ field: String) throws -> String? {
        try Self.information(client(), section, field)
    }

    static func information(
        _ client: RESPClient, _ section: String, _ field: String
    ) throws -> String? {
        let text = try client.run("INFO", section).text ?? ""
        // Carriage return and line feed are one Character: part by bytes.
        for line in text.utf8.split(whereSeparator: { $0 == 0x0A || $0 == 0x0D }) {
            let line = String(decoding: line, as: UTF8.self)
            if line.hasPrefix(field + ":") { return String(line.dropFirst(field.count + 1)) }
        }
        return nil
    }

    /// How often each command was called since `resetStatistics`, by commandstats. What a replica got from its
    /// master counts there too.
    public func commandStatistics() throws -> CommandStatistics {
        CommandStatistics(try client().run("INFO", "commandstats").text ?? "")
    }

    public func resetStatistics() throws {
        _ = try client().run("CONFIG", "RESETSTAT")
    }

    private static func common(_ port: UInt16) -> [String] {
        [
            "--port", "\(port)", "--bind", "127.0.0.1", "--save", "", "--daemonize", "no",
            "--repl-diskless-sync-delay", "0", "--maxclients", "4000",
        ]
    }
}

/// What INFO commandstats says, by command in lower case; a subcommand is `config|get`.
public struct CommandStatistics: Sendable {
    public struct Count: Equatable, Sendable {
        /// Requests that were executed.
        public var calls = 0
        /// Requests that ended with an error, before or while they were executed.
        public var errors = 0
        /// Requests that were refused before they were executed.
        public var rejected = 0
    }

    public private(set) var counts: [String: Count] = [:]

    init(_ text: String) {
        for line in text.utf8.split(whereSeparator: { $0 == 0x0A || $0 == 0x0D }) {
            let line = String(decoding: line, as: UTF8.self)
            guard line.hasPrefix("cmdstat_"), let colon = line.firstIndex(of: ":") else { continue }
            var count = Count()
            for pair in line[line.index(after: colon)...].split(separator: ",") {
                let parts = pair.split(separator: "=")
                guard parts.count == 2, let number = Int(parts[1]) else { continue }
                switch parts[0] {
                case "calls": count.calls = number
                case "rejected_calls":
                    count.rejected = number
                    count.errors += number
                case "failed_calls": count.errors += number
                default: break
                }
            }
            counts[String(line[..<colon].dropFirst("cmdstat_".count))] = count
        }
    }

    public subscript(name: String) -> Count { counts[name] ?? Count() }

    /// How often the command was asked for, executed or not.
    public func asked(_ name: String) -> Int { self[name].calls + self[name].rejected }
}

/// A master with replicas, ready when each replica has what the master has.
public final class RedisDeployment: Sendable {
    public let master: RedisNode
    public let replicas: [RedisNode]

    public var nodes: [RedisNode] { [master] + replicas }

    /// Starts them. Nil, with a line that says so, when the machine has no redis-server.
    public static func start(
        replicas count: Int, masterArguments: [String] = [], replicaArguments: [String] = []
    ) throws -> RedisDeployment? {
        guard let path = RedisServer.path else {
            printSkipped("redis-server is not installed")
            return nil
        }
        let master = try RedisNode(path: path, arguments: masterArguments)
        let replicas = try (0..<count).map { _ in
            try RedisNode(
                path: path,
                arguments: ["--replicaof", "127.0.0.1 \(master.port)"] + replicaArguments)
        }
        let deployment = RedisDeployment(master: master, replicas: replicas)
        guard try deployment.waitUntilReplicated() else {
            throw SupportError("the replicas did not follow their master")
        }
        return deployment
    }

    /// One more replica, of the master or of another replica.
    public static func startReplica(
        of node: RedisNode, _ arguments: [String] = []
    ) throws -> RedisNode? {
        guard let path = RedisServer.path else { return nil }
        return try RedisNode(
            path: path, arguments: ["--replicaof", "127.0.0.1 \(node.port)"] + arguments)
    }

    private init(master: RedisNode, replicas: [RedisNode]) {
        self.master = master
        self.replicas = replicas
    }

    /// Waits until every replica's link is up and it has applied what the master had written when this was asked.
    /// False when that did not come about in time.
    public func waitUntilReplicated(within limit: Duration = .seconds(60)) throws -> Bool {
        let text = try master.information("replication", "master_repl_offset") ?? ""
        guard let offset = Int(text) else {
            throw SupportError("the master names no offset: \(text)")
        }
        for replica in replicas {
            let isLevel = wait(within: limit) {
                guard let client = try? replica.client(),
                    let link = try? RedisNode.information(
                        client, "replication", "master_link_status"),
                    let applied = try? RedisNode.information(
                        client, "replication", "slave_repl_offset")
                else { return false }
                return link == "up" && Int(applied).map { $0 >= offset } == true
            }
            guard isLevel else { return false }
        }
        return true
    }

    public func resetStatistics() throws {
        for node in nodes { try node.resetStatistics() }
    }

    /// Of every node, the master first.
    public func commandStatistics() throws -> [CommandStatistics] {
        try nodes.map { try $0.commandStatistics() }
    }
}
