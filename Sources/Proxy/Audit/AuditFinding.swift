// What is wrong with how the servers are configured beside each other, and what it may lead to: decided from what they
// say, by a pure function, and told in words that name what to do.

import RESP

/// A server as the audit sees it.
struct AuditedServer: Equatable {
    let address: String
    var settings = ServerSettings()
    /// Why it does not tell its settings; nil when it does.
    var refusal: String?
    var version: String?
    /// Somebody starts it anew when it has ended.
    var isSupervised = false
    /// Of a replica: how willingly it becomes a master; 0 means never.
    var priority: Int?
    /// Of a master: how many follow it, whether they are known here or not.
    var followers = 0
}

/// What of the proxy's own configuration depends on the servers'.
struct AuditedProxy: Equatable {
    var ackReplicas = 0
    var databases = 16
}

/// One thing that is not as it should be. What the server does not tell is no finding.
enum AuditFinding: Equatable {
    /// It may not be asked.
    case unknown(server: String, refusal: String)
    /// It is empty when it is started anew, and so are its replicas then.
    case keepsNothing(master: String, isSupervised: Bool)
    /// It closes connections that are idle.
    case closesIdle(server: String, after: Int)
    /// It has fewer databases than the proxy lets clients select.
    case beyondDatabases(master: String, own: Int, proxys: Int)
    /// What may wait for a replica is less than what the backlog holds, and the server goes by it.
    case bufferBelowBacklog(master: String, limit: Int, backlog: Int)
    /// It takes writes with fewer replicas than are to confirm them.
    case unguarded(master: String, minimum: Int, confirming: Int)
    /// A write that was confirmed may not have reached whoever is promoted.
    case losesConfirmed(master: String, confirming: Int, electable: Int)

    /// Memory in bytes, 0: without a limit. Nil: it does not say whether it evicts by itself.
    case lessMemory(replica: String, own: Int, masters: Int, ignoresIt: Bool?)
    /// It removes keys that its master has.
    case evictsByItself(replica: String)
    case otherPolicy(replica: String, own: String, masters: String)
    case writable(replica: String)
    case otherDatabases(replica: String, own: Int, masters: Int)
    /// It answers nothing while its link is down.
    case refusesStale(replica: String)
    /// It takes a master that has nothing to say for a lost one.
    case hearsTooSeldom(replica: String, timeout: Int, heartbeat: Int)
    case otherEncodings(replica: String, settings: [String])
    case otherNotifications(replica: String, own: String, masters: String)

    enum Severity: String {
        /// Data may be lost or differ, or clients fail.
        case warning
        /// Somebody may be surprised.
        case notice
    }

    // MARK: Finding

    /// What is wrong with these, the master's first and then in the order of the replicas.
    static func findings(
        master: AuditedServer, replicas: [AuditedServer], proxy: AuditedProxy = AuditedProxy()
    ) -> [AuditFinding] {
        findings(ofMaster: master, replicas, proxy)
            + replicas.flatMap { findings(ofReplica: $0, master.settings) }
    }

    private static func findings(
        ofMaster master: AuditedServer, _ replicas: [AuditedServer], _ proxy: AuditedProxy
    ) -> [AuditFinding] {
        let (name, settings) = (master.address, master.settings)
        var found = findings(ofAny: master)
        if settings["save"] == "", settings.flag("appendonly") == false,
            max(replicas.count, master.followers) > 0
        {
            found.append(.keepsNothing(master: name, isSupervised: master.isSupervised))
        }
        if let own = settings.number("databases"), own < proxy.databases {
            found.append(.beyondDatabases(master: name, own: own, proxys: proxy.databases))
        }
        // From 7.0 on a limit below the backlog counts as that.
        if let limit = settings.replicaOutputLimit, limit > 0,
            let backlog = settings.number("repl-backlog-size"), limit < backlog,
            let version = master.version?.prefix(while: { $0 != "." }), let major = Int(version),
            major < 7
        {
            found.append(.bufferBelowBacklog(master: name, limit: limit, backlog: backlog))
        }
        guard proxy.ackReplicas > 0 else { return found }
        if let minimum = settings.number("min-replicas-to-write"), minimum < proxy.ackReplicas {
            found.append(
                .unguarded(master: name, minimum: minimum, confirming: proxy.ackReplicas))
        }
        // Those that the master alone knows may be promoted too.
        let never = replicas.count { $0.priority == 0 }
        let electable = max(replicas.count, master.followers) - never
        if electable > proxy.ackReplicas {
            found.append(
                .losesConfirmed(
                    master: name, confirming: proxy.ackReplicas, electable: electable))
        }
        return found
    }

    private static func findings(ofAny server: AuditedServer) -> [AuditFinding] {
        var found: [AuditFinding] = []
        if let refusal = server.refusal {
            found.append(.unknown(server: server.address, refusal: refusal))
        }
        if let seconds = server.settings.number("timeout"), seconds > 0 {
            found.append(.closesIdle(server: server.address, after: seconds))
        }
        return found
    }

    private static func findings(
        ofReplica replica: AuditedServer, _ masters: ServerSettings
    ) -> [AuditFinding] {
        let (name, own) = (replica.address, replica.settings)
        var found = findings(ofAny: replica)
        let ignoresMemory = own.flag("replica-ignore-maxmemory")
        if let memory = own.number("maxmemory"), memory > 0 {
            if let limit = masters.number("maxmemory"), limit == 0 || memory < limit {
                found.append(
                    .lessMemory(
                        replica: name, own: memory, masters: limit, ignoresIt: ignoresMemory))
            } else if ignoresMemory == false {
                found.append(.evictsByItself(replica: name))
            }
        }
        if let (its, masters) = difference("maxmemory-policy", own, masters) {
            found.append(.otherPolicy(replica: name, own: its, masters: masters))
        }
        if own.flag("replica-read-only") == false { found.append(.writable(replica: name)) }
        if let its = own.number("databases"), let masters = masters.number("databases"),
            its != masters
        {
            found.append(.otherDatabases(replica: name, own: its, masters: masters))
        }
        if own.flag("replica-serve-stale-data") == false {
            found.append(.refusesStale(replica: name))
        }
        if let timeout = own.number("repl-timeout"),
            let heartbeat = masters.number("repl-ping-replica-period"), timeout <= heartbeat
        {
            found.append(.hearsTooSeldom(replica: name, timeout: timeout, heartbeat: heartbeat))
        }
        let encodings = ServerSettings.encodings.filter { names in
            guard let its = own.first(of: names), let masters = masters.first(of: names) else {
                return false
            }
            return its != masters
        }
        if !encodings.isEmpty {
            found.append(.otherEncodings(replica: name, settings: encodings.map { $0[0] }))
        }
        if let (its, masters) = difference("notify-keyspace-events", own, masters) {
            found.append(.otherNotifications(replica: name, own: its, masters: masters))
        }
        return found
    }

    /// Nil when both say the same, or one says nothing.
    private static func difference(
        _ name: String, _ own: ServerSettings, _ masters: ServerSettings
    ) -> (own: String, masters: String)? {
        guard let own = own[name], let masters = masters[name], own != masters else { return nil }
        return (own, masters)
    }
}
