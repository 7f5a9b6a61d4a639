// Which replica is to copy anew, and why it cannot: decided before anything is done.

import RESP

/// A replica as it matters for that.
struct ResyncCandidate: Equatable {
    let server: Int
    let endpoint: Endpoint
    var isAnswering = true
    var isReplica = true
    /// It takes a copy, or reads one, already.
    var isAtWork = false
    var history: String?
    /// Whom it follows, by its own word.
    var following: String?
    /// It could be read in place of another.
    var isReadable = true
}

struct ResyncPlan: Equatable {
    let server: Int
    /// Its master as it reaches it: host and port.
    let source: [String]
    /// The master takes its reads, since no other replica is there.
    let isLast: Bool

    /// `trouble` says why nothing can be done at all now.
    static func make(
        of wanted: Endpoint, master: Endpoint, history: String?, among replicas: [ResyncCandidate],
        masterMayBeRead: Bool, trouble: String? = nil
    ) throws(CommandRefusal) -> ResyncPlan {
        if let trouble { throw CommandRefusal("ERR \(trouble)") }
        guard wanted != master else {
            throw CommandRefusal("ERR \(wanted) is the master, which copies from nobody")
        }
        guard let replica = replicas.first(where: { $0.endpoint == wanted }) else {
            let known = replicas.map { "\($0.endpoint)" }.joined(separator: ", ")
            throw CommandRefusal(
                "ERR \(wanted) is not known here, expected one of \(known.isEmpty ? "no replicas" : known)"
            )
        }
        guard replica.isAnswering else { throw refusal(of: replica, "does not answer") }
        guard replica.isReplica, let history, replica.history == history else {
            throw refusal(of: replica, "is no replica in the master's history")
        }
        guard !replica.isAtWork else { throw refusal(of: replica, "takes a copy already") }
        guard let following = replica.following, let colon = following.lastIndex(of: ":") else {
            throw refusal(of: replica, "does not say whom it follows")
        }
        let isLast = !replicas.contains { $0.server != replica.server && $0.isReadable }
        guard !isLast || masterMayBeRead else {
            throw refusal(
                of: replica,
                "is the last replica that can be read, and reads.include_master is never")
        }
        return ResyncPlan(
            server: replica.server,
            source: [
                String(following[..<colon]),
                String(following[following.index(after: colon)...]),
            ], isLast: isLast)
    }

    private static func refusal(of replica: ResyncCandidate, _ reason: String) -> CommandRefusal {
        CommandRefusal("ERR \(replica.endpoint) \(reason)")
    }

    /// Told in one piece: at no moment does anybody find it to be a master. To leave its master gives it a history of
    /// its own, which no master knows: so its master must give it a whole copy.
    var words: [[String]] {
        [
            ["MULTI"], ["REPLICAOF", "NO", "ONE"], ["REPLICAOF"] + source, ["EXEC"],
        ]
    }

    /// What the answers to these words mean.
    static func outcome(of answers: [[UInt8]?]) -> Resync.Event {
        guard answers.allSatisfy({ $0 != nil }), let last = answers.last ?? nil else {
            return .lost
        }
        var parser = ReplyParser()
        parser.append(last.span)
        guard case .array(let parts)? = try? parser.next(), parts.count == 2 else {
            // Which of them was refused says more than that EXEC was.
            let refusal = answers.lazy.compactMap { $0.flatMap(ProxyCore.refusal) }.first
            return .refused("it refuses: \(refusal ?? "EXEC was answered by nothing")")
        }
        for (index, part) in parts.enumerated() {
            guard case .error(let text) = part else { continue }
            let reason = "it refuses: \(String(decoding: text, as: UTF8.self))"
            return index == 0 ? .refused(reason) : .abandoned(reason)
        }
        return .accepted
    }
}
