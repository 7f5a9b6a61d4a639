// docs/operating.md against what is really written.

import Foundation
import RESP
import TestSupport
import Testing

@testable import Proxy

/// docs/operating.md is what operators and their programs go by.
@Suite struct OperatingDocumentTests {
    private static let document: String = {
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().deletingLastPathComponent()
        return (try? String(contentsOf: root.appending(path: "docs/operating.md"), encoding: .utf8))
            ?? ""
    }()

    private func names(_ report: Report) -> [String] {
        switch report {
        case .fields(let fields): fields.flatMap { [$0.name] + names($0.value) }
        case .list(let values): values.flatMap(names)
        default: []
        }
    }

    /// Every field that is ever written is in the document, and so is every state, page and subcommand.
    @Test func namesEveryField() {
        var status = ProxyStatus.sample()
        status.counters = ProxyCounters()
        for (index, state) in BackendStatus.State.allCases.enumerated() {
            status.backends.append(
                BackendStatus(address: "\(index)", role: .replica, state: state, since: .noon()))
        }
        var log = SlowLog(capacity: 1, threshold: .zero)
        withRequest("GET k") {
            log.record($0, .init(time: .noon(), total: .seconds(1), client: .unix))
        }
        status.slowLog = log.entries
        status.events = [ProxyEvent(.state, status.backends[0], "", at: .noon())]
        status.findings = [OpenFinding(finding: .writable(replica: "a"), since: .noon())]
        status.levels = ["listener", "user"].map {
            .init(kind: $0, name: "a", consistency: "bounded")
        }
        let line = ClientLine(id: 1, address: "a", localAddress: "b")
        let client = ProxyClient(line: line, worker: 0, consistency: "eventual")
        let explanation = Explanation(
            command: "get", commandClass: "read", consistency: "eventual",
            candidates: [.init(address: "a", role: .replica, qualifies: true, reason: "")],
            choice: nil, reason: "")
        let written = names(status.report) + names(client.report) + names(explanation.report)
        for name in written + HealthPage.allCases.map(\.rawValue) {
            #expect(Self.document.contains("`\(name)`"), "\(name)")
        }
        for line in HelpText.proxy.dropFirst() where !line.hasPrefix(" ") {
            let word = line.prefix { $0 != " " }
            #expect(Self.document.contains("`PROXY \(word)"), "\(line)")
        }
    }
}
