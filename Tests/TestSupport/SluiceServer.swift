// The programs of this package, started for a test.

import Foundation

public enum SluiceServer {
    /// Our server, given further arguments as on its command line.
    public static func start(_ arguments: [String] = []) throws -> LiveServer {
        guard let path = LiveProcess.built("sluice-server") else {
            throw SupportError("sluice-server has not been built")
        }
        return try LiveServer.start(path: path) { port in ["--port", "\(port)"] + arguments }
    }

    /// Our server on the port of one that has ended.
    public static func start(onPort port: UInt16) throws -> LiveServer {
        guard let path = LiveProcess.built("sluice-server") else {
            throw SupportError("sluice-server has not been built")
        }
        return try LiveServer.start(path: path, onPort: port) { port in ["--port", "\(port)"] }
    }
}

public enum SluiceProxy {
    /// Our proxy in front of `master`, with further lines of configuration.
    public static func start(master: LiveServer, _ lines: [String] = []) throws -> LiveServer {
        try start(backends: ["  master: \(master.endpoint)"], lines)
    }

    /// How reads are told to go.
    public struct Reads: Sendable {
        public var balance = "least_outstanding"
        public var includeMaster = "fallback"
        /// Most tests want reads on replicas, whatever was written before.
        public var consistency = "eventual"
        /// Most tests look at where requests arrive.
        public var audit = 0

        public init(
            balance: String = "least_outstanding", includeMaster: String = "fallback",
            consistency: String = "eventual", audit: Int = 0
        ) {
            self.audit = audit
            self.balance = balance
            self.includeMaster = includeMaster
            self.consistency = consistency
        }
    }

    /// Our proxy in front of a master and its replicas. Reads are not placed on every replica at once: see
    /// `waitUntilReadsReach`. Clients may connect at further listeners than its port, each as the file has it.
    public static func start(
        before deployment: RedisDeployment, reads: Reads = Reads(), health: UInt16? = nil,
        listeners: [String] = [], _ lines: [String] = []
    ) throws -> LiveServer {
        var backends = ["  master: \(deployment.master.endpoint)"]
        if !deployment.replicas.isEmpty {
            let addresses = deployment.replicas.map { "\($0.endpoint)" }
            backends.append("  replicas: [\(addresses.joined(separator: ", "))]")
        }
        let levels = [
            "reads:", "  consistency: \(reads.consistency)", "  balance: \(reads.balance)",
            "  include_master: \(reads.includeMaster)", "  audit_per_second: \(reads.audit)",
        ]
        let listener = health.map { ["health: 127.0.0.1:\($0)"] } ?? []
        return try start(backends: backends, listeners: listeners, levels + listener + lines)
    }

    /// Reads through the proxy until each of these nodes has been asked; false when one never was.
    public static func waitUntilReadsReach(
        _ nodes: [RedisNode], through proxy: LiveServer, as user: [String] = [],
        within limit: Duration = .seconds(60)
    ) throws -> Bool {
        for node in nodes { try node.resetStatistics() }
        return try wait(within: limit) {
            let client = try proxy.client()
            if !user.isEmpty { _ = try client.run(["AUTH"] + user) }
            for _ in 0..<20 { _ = try client.run("STRLEN", "app:is-anybody-there") }
            return try nodes.allSatisfy { try $0.commandStatistics()["strlen"].calls > 0 }
        }
    }

    /// Our proxy with these lines below `backends:`, and others.
    public static func start(
        backends: [String], listeners: [String] = [], _ lines: [String]
    ) throws -> LiveServer {
        guard let path = LiveProcess.built("sluice-proxy") else {
            throw SupportError("sluice-proxy has not been built")
        }
        let file = FileManager.default.temporaryDirectory
            .appendingPathComponent("sluice-\(UUID().uuidString).yaml")
        defer { try? FileManager.default.removeItem(at: file) }
        return try LiveServer.start(path: path) { port in
            let entries = ["127.0.0.1:\(port)"] + listeners
            let text =
                (["listen: [\(entries.joined(separator: ", "))]", "backends:"] + backends + lines)
                .joined(separator: "\n") + "\n"
            try? text.write(to: file, atomically: true, encoding: .utf8)
            return [file.path]
        }
    }
}
