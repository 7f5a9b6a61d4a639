// How findings are told: a word for programs, whom it is about, how bad it is, and for people what may come of it and
// what to do.

import RESP

extension AuditFinding {
    /// What tells two findings apart, besides whom they are about.
    var kind: String {
        switch self {
        case .unknown: "unknown"
        case .keepsNothing: "keeps_nothing"
        case .closesIdle: "closes_idle"
        case .beyondDatabases: "beyond_databases"
        case .bufferBelowBacklog: "buffer_below_backlog"
        case .unguarded: "unguarded"
        case .losesConfirmed: "loses_confirmed"
        case .lessMemory: "less_memory"
        case .evictsByItself: "evicts_by_itself"
        case .otherPolicy: "other_policy"
        case .writable: "writable"
        case .otherDatabases: "other_databases"
        case .refusesStale: "refuses_stale"
        case .hearsTooSeldom: "hears_too_seldom"
        case .otherEncodings: "other_encodings"
        case .otherNotifications: "other_notifications"
        }
    }

    /// The address of the server that is configured so.
    var backend: String {
        switch self {
        case .unknown(let name, _), .keepsNothing(let name, _), .closesIdle(let name, _),
            .beyondDatabases(let name, _, _), .bufferBelowBacklog(let name, _, _),
            .unguarded(let name, _, _), .losesConfirmed(let name, _, _),
            .lessMemory(let name, _, _, _), .evictsByItself(let name),
            .otherPolicy(let name, _, _), .writable(let name), .otherDatabases(let name, _, _),
            .refusesStale(let name), .hearsTooSeldom(let name, _, _),
            .otherEncodings(let name, _), .otherNotifications(let name, _, _):
            name
        }
    }

    var severity: Severity {
        switch self {
        case .unknown, .refusesStale, .otherEncodings, .otherNotifications: .notice
        case .otherDatabases(_, let own, let masters): own < masters ? .warning : .notice
        default: .warning
        }
    }

    /// Goes on behind the name of the server.
    var text: String {
        switch self {
        case .unknown(_, let refusal):
            return "does not tell its configuration, which is not compared: \(refusal)"
        case .keepsNothing(_, let isSupervised):
            let who = isSupervised ? "and its supervisor does that by itself" : "whoever does that"
            return
                "keeps nothing on disk (appendonly no, save \"\"): started anew it is empty, \(who), and its "
                + "replicas copy that. Turn one of the two on, or do not let it be started by itself"
        case .closesIdle(_, let seconds):
            return
                "closes connections that are idle for \(seconds) s (timeout), the proxy's too: a write that is "
                + "sent at that moment may be lost, and its client is closed. Set timeout to 0"
        case .beyondDatabases(_, let own, let proxys):
            return
                "has \(own) databases, and this proxy lets clients select \(proxys): those beyond answer with "
                + "errors. Set 'databases' of the proxy to \(own)"
        case .bufferBelowBacklog(_, let limit, let backlog):
            return
                "closes a replica for which \(Self.size(limit)) wait (client-output-buffer-limit), and keeps "
                + "\(Self.size(backlog)) to catch up with (repl-backlog-size): one that catches up with more is "
                + "closed again and again. Set the limit higher, or to 0"
        case .unguarded(_, let minimum, let confirming):
            return
                "takes writes with \(minimum) replicas left (min-replicas-to-write), and writes.ack_replicas is "
                + "\(confirming): cut off from the others it goes on taking what is lost when it comes back. Set "
                + "min-replicas-to-write to at least \(confirming), and min-replicas-max-lag"
        case .losesConfirmed(_, let confirming, let electable):
            return
                "may be replaced by any of \(electable) replicas, and any \(confirming) of them confirm a write "
                + "(writes.ack_replicas): a failover to another one loses it. Give those that may not be promoted "
                + "replica-priority 0, or ask for all"
        case .lessMemory, .evictsByItself, .otherPolicy, .writable, .otherDatabases, .refusesStale,
            .hearsTooSeldom, .otherEncodings, .otherNotifications:
            return textOfReplica
        }
    }

    private var textOfReplica: String {
        switch self {
        case .lessMemory(_, let own, let masters, let ignoresIt):
            let limits =
                "has a maxmemory of \(Self.size(own)), and its master "
                + (masters == 0 ? "none" : "one of \(Self.size(masters))")
            let remedy = "Give it as much as its master"
            guard ignoresIt != true else {
                return "\(limits): once it is the master it drops keys or refuses writes. \(remedy)"
            }
            let condition = ignoresIt == nil ? ", unless it ignores that as a replica," : ""
            return
                "\(limits): it drops keys or writes\(condition) without a word. \(remedy), then \(again)"
        case .evictsByItself:
            return
                "evicts by itself (replica-ignore-maxmemory no), and other keys than its master: reads miss them. "
                + "Set it to yes, then \(again)"
        case .otherPolicy(_, let own, let masters):
            return
                "evicts by maxmemory-policy \(own), and its master by \(masters): once it is the master other keys "
                + "go, or writes are refused. Set them alike"
        case .writable:
            return
                "takes writes (replica-read-only no): they are read there, and lost with the next copy. Set it to "
                + "yes, then \(again)"
        case .otherDatabases(_, let own, let masters) where own < masters:
            return
                "has \(own) databases, and its master \(masters): what is written to the others is missing there, "
                + "and it ends when it copies them. Set databases to \(masters) and start it anew"
        case .otherDatabases(_, let own, let masters):
            return
                "has \(own) databases, and its master \(masters): other replicas could not follow it as a master. "
                + "Set them alike"
        case .refusesStale:
            return
                "answers no reads while its link is down (replica-serve-stale-data no): when the master is lost "
                + "nobody is left to be read"
        case .hearsTooSeldom(_, let timeout, let heartbeat):
            return
                "gives its link up after \(timeout) s of silence (repl-timeout), and an idle master speaks every "
                + "\(heartbeat) s (repl-ping-replica-period): it loses its link again and again. Set repl-timeout to "
                + "more than that"
        case .otherEncodings(_, let settings):
            return
                "has other limits of encodings than its master: it needs more or less memory, and so does "
                + "everybody once it is the master: \(settings.joined(separator: ", "))"
        case .otherNotifications(_, let own, let masters):
            return
                "tells other keyspace events than its master (notify-keyspace-events \"\(own)\" and "
                + "\"\(masters)\"): who listens hears something else once it is the master"
        default: preconditionFailure("\(kind) is about no replica")
        }
    }

    /// What is in its data nobody knows any more.
    private var again: String {
        "have it copy its master's data anew: PROXY RESYNC \(backend)"
    }

    private static func size(_ bytes: Int) -> String { ProxyValues.render(size: bytes) }

    /// Whether it is about the same, whatever has changed of it.
    func isSame(as other: AuditFinding) -> Bool {
        kind == other.kind && backend == other.backend
    }
}

/// A finding, and since when it is one.
struct OpenFinding: Sendable, Equatable {
    var finding: AuditFinding
    let since: WallTime

    var report: Report {
        .fields([
            .init("finding", .text(finding.kind)),
            .init("severity", .text(finding.severity.rawValue)),
            .init("backend", .text(finding.backend)),
            .init("since", .text(since.text)),
            .init("text", .text(finding.text)),
        ])
    }
}
