// What a proxy remembers of its master in a file, so that one which is started anew does not take the master of its
// configuration for the right one when another has been adopted since.

import RESP

/// The master that was adopted last, and what it was when it was seen last.
package struct MasterMemory: Sendable, Equatable {
    /// Whom the configuration named at that time: when it names another now, somebody has decided anew.
    package enum Origin: Sendable, Equatable {
        case master(Endpoint)
        /// What the sentinels call the master.
        case sentinel(String)
    }

    package var origin: Origin
    package var endpoint: Endpoint
    package var runID: String?
    /// Its replication id.
    package var history: String?
    /// Of sentinels: which failover made it the master.
    package var epoch: Int?

    package init(
        origin: Origin, endpoint: Endpoint, runID: String? = nil, history: String? = nil,
        epoch: Int? = nil
    ) {
        self.origin = origin
        self.endpoint = endpoint
        self.runID = runID
        self.history = history
        self.epoch = epoch
    }
}

/// A state file that cannot be believed: what is wrong, where, and what to do.
package struct StateFileError: Error, Equatable, CustomStringConvertible {
    package let description: String

    package init(_ name: String, line: Int? = nil, _ problem: String) {
        let place = line.map { "\(name):\($0)" } ?? name
        description =
            "\(place): \(problem); remove the file if the configuration names the right master"
    }

    /// It cannot be read, or no other put in its place.
    package init(unusable name: String, _ reason: String) {
        description =
            "\(name) cannot be read and replaced: \(reason); its folder must be there, and the proxy must be "
            + "allowed to make files in it"
    }
}

// MARK: The file

extension MasterMemory {
    private static let heading = "sluice-proxy state 1"
    private static let end = "end"

    /// One fact per line; the last line tells that nothing is missing.
    package var text: String {
        var lines = [
            MasterMemory.heading,
            "# Written by sluice-proxy: the master that it follows. Without this file it believes its configuration.",
            "origin \(origin.words)", "master \(endpoint)",
        ]
        if let runID, MasterMemory.isWord(runID) { lines.append("run_id \(runID)") }
        if let history, MasterMemory.isWord(history) { lines.append("replication_id \(history)") }
        if let epoch { lines.append("epoch \(epoch)") }
        lines.append(MasterMemory.end)
        return lines.joined(separator: "\n") + "\n"
    }

    /// Reads a file; `name` is how errors call it.
    package init(_ bytes: [UInt8], name: String) throws(StateFileError) {
        let lines = bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
            .map { String(decoding: $0, as: UTF8.self) }
        guard lines[0] == MasterMemory.heading else {
            throw StateFileError(
                name, line: 1,
                "is no state file of this sluice-proxy, which begins with '\(MasterMemory.heading)'"
            )
        }
        var fields: [String: (value: String, line: Int)] = [:]
        var isWhole = false
        for (index, line) in lines.enumerated().dropFirst() where !line.hasPrefix("#") {
            if isWhole {
                guard line.isEmpty else {
                    throw StateFileError(name, line: index + 1, "goes on behind its end")
                }
                continue
            }
            if line.isEmpty, index == lines.count - 1 { break }
            let parts = line.split(separator: " ", maxSplits: 1)
            if line == MasterMemory.end {
                isWhole = true
            } else if parts.count == 2, MasterMemory.names.contains(String(parts[0])),
                fields[String(parts[0])] == nil
            {
                fields[String(parts[0])] = (String(parts[1]), index + 1)
            } else {
                throw StateFileError(name, line: index + 1, "is damaged, found '\(line)'")
            }
        }
        guard isWhole else {
            throw StateFileError(name, line: lines.count, "is damaged: its end is missing")
        }

        func value<Value>(
            _ field: String, _ read: (String) -> Value?
        ) throws(StateFileError) -> Value? {
            guard let found = fields[field] else { return nil }
            guard let value = read(found.value) else {
                throw StateFileError(
                    name, line: found.line, "is damaged: '\(found.value)' is no \(field)")
            }
            return value
        }
        guard let origin = try value("origin", Origin.init(words:)),
            let endpoint = try value("master", ProxyValues.endpoint)
        else {
            throw StateFileError(name, "is damaged: it names no origin or no master")
        }
        self.origin = origin
        self.endpoint = endpoint
        runID = try value("run_id") { MasterMemory.isWord($0) ? $0 : nil }
        history = try value("replication_id") { MasterMemory.isWord($0) ? $0 : nil }
        epoch = try value("epoch") { ProxyValues.integer($0).flatMap { $0 >= 0 ? $0 : nil } }
    }

    private static let names = ["origin", "master", "run_id", "replication_id", "epoch"]

    /// What a server is called by, not by a person: nothing that could be taken for another line or field.
    private static func isWord(_ text: String) -> Bool {
        (1...128).contains(text.utf8.count) && text.utf8.allSatisfy { 0x21...0x7E ~= $0 }
    }
}

extension MasterMemory.Origin {
    fileprivate var words: String {
        switch self {
        case .master(let endpoint): "master \(endpoint)"
        case .sentinel(let name): "sentinel \(name)"
        }
    }

    fileprivate init?(words: String) {
        let parts = words.split(separator: " ", maxSplits: 1)
        guard parts.count == 2 else { return nil }
        switch parts[0] {
        case "master":
            guard let endpoint = ProxyValues.endpoint(String(parts[1])) else { return nil }
            self = .master(endpoint)
        case "sentinel": self = .sentinel(String(parts[1]))
        default: return nil
        }
    }

    package init(of configuration: ProxyConfiguration) {
        self =
            configuration.backends.sentinel.map { .sentinel($0.masterName) }
            ?? .master(configuration.backends.master)
    }
}

// MARK: Beside a configuration

extension MasterMemory {
    /// What a file is worth to a proxy with a configuration.
    package enum Worth: Equatable {
        case believed
        /// The configuration names another master than when the file was written: it is the newer word.
        case outdated
    }

    /// Throws when the file names a master that the proxy may not follow.
    package func worth(
        beside configuration: ProxyConfiguration, name: String
    ) throws(StateFileError) -> Worth {
        guard origin == Origin(of: configuration) else { return .outdated }
        let backends = configuration.backends
        guard backends.sentinel != nil || backends.discover || backends.names(endpoint) else {
            throw StateFileError(
                name,
                "names \(endpoint) as the master, which is neither 'backends.master' nor in 'backends.replicas': "
                    + "add it there")
        }
        return .believed
    }
}

extension ProxyConfiguration.Backends {
    fileprivate func names(_ endpoint: Endpoint) -> Bool {
        master == endpoint || replicas.contains { $0.endpoint == endpoint }
    }

    /// The number of the server that is the master at the start: those of the configuration come first, and one that
    /// was found behind them.
    package func firstMaster(_ memory: MasterMemory?) -> Int {
        guard sentinel == nil, let memory, memory.endpoint != master else { return 0 }
        return 1
            + (replicas.firstIndex { $0.endpoint == memory.endpoint } ?? replicas.count)
    }
}
