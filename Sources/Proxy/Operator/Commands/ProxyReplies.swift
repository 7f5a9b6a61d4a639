// The replies to PROXY, ROLE and the HELP subcommands. Fields are a map in RESP3 and names and values by turns in
// RESP2, so that people at redis-cli and programs read the same.

import RESP

package enum ProxyReplies {
    package static func help(_ lines: [String], to output: inout OutputQueue) {
        output.appendArrayHeader(lines.count)
        for line in lines {
            output.append("+")
            output.append(text: line)
            output.append("\r\n")
        }
    }

    package static func status(
        _ status: ProxyStatus, to output: inout OutputQueue, for version: ProtocolVersion
    ) {
        output.append(status.summary, for: version)
    }

    package static func backends(
        _ status: ProxyStatus, to output: inout OutputQueue, for version: ProtocolVersion
    ) {
        output.append(status.backendsReport, for: version)
    }

    package static func audit(
        _ status: ProxyStatus, to output: inout OutputQueue, for version: ProtocolVersion
    ) {
        output.append(status.auditReport, for: version)
    }

    package static func statistics(
        _ status: ProxyStatus, to output: inout OutputQueue, for version: ProtocolVersion
    ) {
        output.append(status.counters.report, for: version)
    }

    package static func explanation(
        _ explanation: Explanation, to output: inout OutputQueue, for version: ProtocolVersion
    ) {
        output.append(explanation.report, for: version)
    }

    package static func events(
        _ events: some Sequence<ProxyEvent>, to output: inout OutputQueue,
        for version: ProtocolVersion
    ) {
        output.append(.list(events.map(\.report)), for: version)
    }

    package static func slowLog(
        _ entries: [SlowLog.Entry], to output: inout OutputQueue, for version: ProtocolVersion
    ) {
        output.append(.list(entries.map(\.report)), for: version)
    }

    /// By rising id.
    package static func clients(
        _ clients: [ProxyClient], to output: inout OutputQueue, for version: ProtocolVersion
    ) {
        let sorted = clients.sorted { $0.line.id < $1.line.id }
        output.append(.list(sorted.map(\.report)), for: version)
    }

    /// The keys that fit, in the order given, each with its value in force. Secrets are the caller's to leave out.
    package static func configuration(
        _ values: [(key: String, value: String)], matching pattern: [UInt8]?,
        to output: inout OutputQueue, for version: ProtocolVersion
    ) {
        let glob = pattern.map { GlobPattern($0, ignoringCase: true) }
        let fields = values.filter { glob?.matches(Array($0.key.utf8)) ?? true }
            .map { Report.Field($0.key, .text($0.value)) }
        output.append(.fields(fields), for: version)
    }

    /// The level of this connection, as a status.
    package static func consistency(_ level: String, to output: inout OutputQueue) {
        output.append("+")
        output.append(text: level)
        output.append("\r\n")
    }

    /// Why a connection cannot have this level.
    package static func refuseConsistency(
        _ level: String, served: [String], to output: inout OutputQueue
    ) {
        output.appendError(
            text: "ERR consistency level '\(level)' is not served here; one of these is: "
                + served.joined(separator: ", "))
    }

    /// ROLE: a master without replicas. Clients that look for a master are content, and none of them finds replicas
    /// to go to past the proxy. The offset is 0 as in INFO: the proxy has no replication of its own.
    package static func role(to output: inout OutputQueue) {
        output.append("*3\r\n$6\r\nmaster\r\n:0\r\n*0\r\n")
    }
}
