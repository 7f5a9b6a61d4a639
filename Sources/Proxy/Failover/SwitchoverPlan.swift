// Who is to be the next master of a planned change, and why somebody cannot: decided from what servers and sentinels
// say, before anything is done.

import RESP

/// What an operator wants.
package enum FailoverRequest: Sendable, Equatable {
    /// Nil: the replica that fits best, and the usual time.
    case begin(to: Endpoint?, timeout: Duration?)
    case abort
}

/// A server as it matters for who can be the next master.
struct SwitchoverCandidate: Equatable {
    let server: Int
    let endpoint: Endpoint
    /// Why it takes no reads now; nil when it does.
    var trouble: String?
    var isReplica = true
    var history: String?
    var offset: Int?
    var priority: Int?
    /// Where the master says that it is; nil when it does not name it.
    var announced: Endpoint?
    /// What sentinels know of its priority; nil when they do not know it, or take it to be down.
    var priorityAtSentinels: Int?
}

struct SwitchoverPlan: Equatable {
    let master: Int
    let target: Int
    let way: Switchover.Way
    /// The target as the other servers reach it.
    let announced: Endpoint
    /// Replicas that the master names, which are to follow the next one.
    let siblings: [Int]

    /// What sentinels promote first has the lowest priority above 0.
    static let firstPriority = 1

    /// `master` says how the master is; nil when sentinels are not asked.
    static func make(
        to wanted: Endpoint?, from master: SwitchoverCandidate,
        among replicas: [SwitchoverCandidate], withSentinels: Bool
    ) throws(CommandRefusal) -> SwitchoverPlan {
        if let trouble = master.trouble {
            throw CommandRefusal("ERR the master \(master.endpoint) is not well: \(trouble)")
        }
        let target: SwitchoverCandidate
        if let wanted {
            guard wanted != master.endpoint else {
                throw CommandRefusal("ERR \(wanted) is the master already")
            }
            guard let named = replicas.first(where: { $0.endpoint == wanted }) else {
                let known = replicas.map { "\($0.endpoint)" }.joined(separator: ", ")
                throw CommandRefusal(
                    "ERR \(wanted) is not known here, expected one of \(known.isEmpty ? "no replicas" : known)"
                )
            }
            if let objection = objection(to: named, master, withSentinels) {
                throw CommandRefusal("ERR \(wanted) cannot be the master: \(objection)")
            }
            target = named
        } else {
            let able = replicas.filter { objection(to: $0, master, withSentinels) == nil }
            guard let best = able.min(by: isBetter) else {
                let objections = replicas.compactMap { replica in
                    objection(to: replica, master, withSentinels).map {
                        "\(replica.endpoint) \($0)"
                    }
                }
                throw CommandRefusal(
                    "ERR no replica can be the master"
                        + (objections.isEmpty ? "" : ": " + objections.joined(separator: "; ")))
            }
            target = best
        }
        let way = try withSentinels ? wayOfSentinels(to: target, among: replicas) : .servers
        return SwitchoverPlan(
            master: master.server, target: target.server, way: way,
            announced: target.announced ?? target.endpoint,
            siblings: replicas.filter { $0.announced != nil && $0.server != target.server }
                .map(\.server))
    }

    private static func objection(
        to replica: SwitchoverCandidate, _ master: SwitchoverCandidate, _ withSentinels: Bool
    ) -> String? {
        if let trouble = replica.trouble { return "is not well: \(trouble)" }
        guard replica.isReplica, let history = replica.history, history == master.history else {
            return "is no replica in the master's history"
        }
        if replica.priority == 0 { return "has replica-priority 0, which means never" }
        if withSentinels {
            return replica.priorityAtSentinels == nil
                ? "is down for the sentinels, or unknown" : nil
        }
        return replica.announced == nil
            ? "is not known to the master by an address that leads there: name the one that the master's INFO has in "
                + "'backends.addresses'" : nil
    }

    /// By priority, as a server or a sentinel would choose; all will have the same data by then.
    private static func isBetter(
        _ left: SwitchoverCandidate, _ right: SwitchoverCandidate
    ) -> Bool {
        let (first, second) = (left.priority ?? 100, right.priority ?? 100)
        if first != second { return first < second }
        let (near, far) = (left.offset ?? 0, right.offset ?? 0)
        return near != far ? near > far : left.server < right.server
    }

    /// Sentinels cannot be told whom to choose, but they choose by priority.
    private static func wayOfSentinels(
        to target: SwitchoverCandidate, among replicas: [SwitchoverCandidate]
    ) throws(CommandRefusal) -> Switchover.Way {
        let others = replicas.filter { $0.server != target.server }
        let rivals = others.filter { ($0.priorityAtSentinels ?? 0) > 0 }
        guard let lowest = rivals.compactMap(\.priorityAtSentinels).min() else {
            return .sentinels(raisesPriority: false)
        }
        if let own = target.priorityAtSentinels, own > 0, own < lowest {
            return .sentinels(raisesPriority: false)
        }
        guard lowest > firstPriority else {
            let first = rivals.first { $0.priorityAtSentinels == lowest }
            let name = first.map { "\($0.endpoint)" } ?? "another"
            throw CommandRefusal(
                "ERR the sentinels would choose \(name), whose replica-priority is \(lowest): set it higher there"
            )
        }
        return .sentinels(raisesPriority: true)
    }
}
