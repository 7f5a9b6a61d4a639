// Where a command would go, and why: what PROXY EXPLAIN tells.

import RESP

/// The router's decision about one command, with what it was made from.
package struct Explanation: Sendable, Equatable {
    package struct Candidate: Sendable, Equatable {
        package var address: String
        package var role: BackendStatus.Role
        package var qualifies: Bool
        /// Why it qualifies or why not.
        package var reason: String

        package init(
            address: String, role: BackendStatus.Role, qualifies: Bool, reason: String
        ) {
            self.address = address
            self.role = role
            self.qualifies = qualifies
            self.reason = reason
        }
    }

    /// The command's name in the table, such as `client|kill`; what was asked for when it is unknown.
    package var command: String
    /// The word for its class, as docs/commands.md has it.
    package var commandClass: String
    package var keys: [[UInt8]]
    package var consistency: String
    package var candidates: [Candidate]
    /// The address of the backend, `proxy` when the proxy answers, nil when the command is refused.
    package var choice: String?
    package var reason: String

    package init(
        command: String, commandClass: String, keys: [[UInt8]] = [], consistency: String,
        candidates: [Candidate] = [], choice: String?, reason: String
    ) {
        self.command = command
        self.commandClass = commandClass
        self.keys = keys
        self.consistency = consistency
        self.candidates = candidates
        self.choice = choice
        self.reason = reason
    }

    var report: Report {
        .fields([
            .init("command", .text(command)),
            .init("class", .text(commandClass)),
            .init("keys", .list(keys.map { .bytes($0) })),
            .init("consistency", .text(consistency)),
            .init("candidates", .list(candidates.map(Explanation.report))),
            .init("choice", .text(choice)),
            .init("reason", .text(reason)),
        ])
    }

    private static func report(_ candidate: Candidate) -> Report {
        .fields([
            .init("address", .text(candidate.address)),
            .init("role", .text(candidate.role.rawValue)),
            .init("qualifies", .flag(candidate.qualifies)),
            .init("reason", .text(candidate.reason)),
        ])
    }
}
