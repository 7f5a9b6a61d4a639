// The audit: the first worker asks each server for its settings, when it is met and then at intervals, and tells what
// is wrong with them once.
//
//     probe answered ─▶ due? ─▶ CONFIG GET … ─▶ ServerSettings ─▶ AuditFinding.findings ─▶ log, event, /status

import RESP

/// What the first worker has found, and what of a server it knows.
struct Audit {
    struct Knowledge {
        var settings = ServerSettings()
        var refusal: String?
        /// Nil: it has not answered yet.
        var process: [UInt8]?
        var isHeard = false
        var isAsked = false
        var due: Instant?
    }

    /// By the number of the server; those behind the end are not known.
    private(set) var servers: [Knowledge] = []
    /// The master's first.
    var findings: [OpenFinding] = []

    subscript(_ server: Int) -> Knowledge {
        get { servers.indices.contains(server) ? servers[server] : Knowledge() }
        set {
            while servers.count <= server { servers.append(Knowledge()) }
            servers[server] = newValue
        }
    }
}

extension ProxyCore {
    // MARK: Asking

    /// A server has answered a probe: it is asked for its settings too when it is another process, or time is up.
    func askForSettings(of server: BackendServer) {
        let interval = configuration.audit.interval
        guard worker == 0, interval > .zero, mayHaveReplicas, server.health.report?.role != nil,
            let control = server.control, control.isReady
        else { return }
        // Who follows it, and who may be promoted, changes more often than settings.
        if withholdsReplies, server === master { judgeSettings() }
        var known = audit[server.index]
        guard !known.isAsked,
            known.due.map({ $0 <= now.instant }) ?? true
                || known.process != server.runID
        else { return }
        known.isAsked = true
        known.process = server.runID
        known.due = now.instant + interval
        audit[server.index] = known
        let errand = beginErrand(
            .settings(server: server.index), parts: ServerSettings.questions.count)
        for (part, name) in ServerSettings.questions.enumerated() {
            ask(
                [Array("CONFIG".utf8), Array("GET".utf8), Array(name.utf8)], part: part,
                of: errand, on: control)
        }
    }

    /// A server has told its settings, or that it will not.
    func hearSettings(_ answers: [[UInt8]?], of server: BackendServer) {
        audit[server.index].isAsked = false
        // The connection was lost: it is asked again over the next.
        guard answers.allSatisfy({ $0 != nil }) else {
            audit[server.index].due = nil
            return
        }
        audit[server.index].isHeard = true
        audit[server.index].settings = ServerSettings(answers)
        audit[server.index].refusal =
            answers.lazy.compactMap { $0.flatMap(ProxyCore.refusal) }.first
        judgeSettings()
    }

    // MARK: Finding

    /// Compares what is known. What a server said last stands while it is away.
    func judgeSettings() {
        guard worker == 0, audit[master.index].isHeard else { return }
        let heard = servers.filter { server in
            !server.isGone && server !== master && server.double == nil
                && audit[server.index].isHeard && server.lastReport?.role == .replica
        }
        let proxy = AuditedProxy(
            ackReplicas: configuration.writes.ackReplicas, databases: configuration.databases)
        become(
            AuditFinding.findings(
                master: audited(master), replicas: heard.map { audited($0) }, proxy: proxy))
    }

    private func audited(_ server: BackendServer) -> AuditedServer {
        let (known, report) = (audit[server.index], server.lastReport)
        return AuditedServer(
            address: "\(server.endpoint)", settings: known.settings, refusal: known.refusal,
            version: report?.version, isSupervised: report?.isSupervised ?? false,
            priority: report?.priority, followers: Set(report?.followers ?? []).count)
    }

    /// Tells what is new, and what is over.
    private func become(_ findings: [AuditFinding]) {
        let old = audit.findings
        guard findings != old.map(\.finding) else { return }
        audit.findings = findings.map { finding in
            let known = old.first { $0.finding.isSame(as: finding) }
            return OpenFinding(finding: finding, since: known?.since ?? now.wall)
        }
        for finding in findings where !old.contains(where: { $0.finding == finding }) {
            tell(
                .auditFinding, finding, finding.severity == .warning ? .warning : .notice,
                finding.text)
        }
        for open in old where !findings.contains(where: { $0.isSame(as: open.finding) }) {
            tell(
                .auditResolved, open.finding, .notice,
                "is not found any more to be wrong: \(open.finding.kind)")
        }
    }

    private func tell(
        _ kind: ProxyEvent.Kind, _ finding: AuditFinding, _ level: LogLevel, _ text: String
    ) {
        guard let server = servers.first(where: { "\($0.endpoint)" == finding.backend }) else {
            preconditionFailure("\(finding.backend) was audited and is not known")
        }
        tell(kind, of: server, level, text)
    }
}
