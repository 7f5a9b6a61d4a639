// What a server says of itself in INFO.

import RESP

/// The fields of INFO that matter here; what the server does not say is nil.
struct ServerReport: Equatable {
    enum Role: Equatable {
        case master
        case replica
    }

    var runID: [UInt8]?
    var version: String?
    var role: Role?
    /// Of a replica: whether its link to its master stands, and whether it is taking a whole copy.
    var isLinkUp = false
    var isSyncing = false
    var isLoading = false
    /// How far it has come in its master's history, or in its own.
    var offset: Int?
    /// Of a replica: whom it follows.
    var masterEndpoint: String?
    /// A hash of that, as ROLE would give it.
    var following: UInt64?
    /// The name of its history.
    var replicationID: String?
    /// The name of the history that its own went out from, and the first offset at which they may differ.
    var formerID: String?
    var formerEnd: Int?
    var keysByDatabase: [UInt8]?

    init() {}

    /// Reads one or more replies of INFO, whatever sections they have; nil when there is none among them.
    init?(_ replies: [[UInt8]?]) {
        var host: String?
        var port: String?
        var isAny = false
        for case let reply? in replies
        where reply.first == UInt8(ascii: "$") || reply.first == UInt8(ascii: "=") {
            isAny = true
            for line in reply.split(separator: UInt8(ascii: "\n")) {
                guard let colon = line.firstIndex(of: UInt8(ascii: ":")) else { continue }
                let value = line[(colon + 1)...].prefix { $0 != UInt8(ascii: "\r") }
                let text = String(decoding: value, as: UTF8.self)
                switch String(decoding: line[..<colon], as: UTF8.self) {
                case "run_id": runID = Array(value)
                case "redis_version": version = text
                case "role": role = text == "master" ? .master : .replica
                case "master_link_status": isLinkUp = text == "up"
                case "master_sync_in_progress": isSyncing = text == "1"
                case "loading", "async_loading": isLoading = isLoading || text == "1"
                case "master_host": host = text
                case "master_port": port = text
                case "master_replid": replicationID = text
                case "master_replid2": formerID = text
                case "second_repl_offset": formerEnd = Int(text)
                case "slave_repl_offset": offset = Int(text)
                case "master_repl_offset": offset = offset ?? Int(text)
                default: break
                }
            }
        }
        guard isAny else { return nil }
        guard let host, let port else { return }
        masterEndpoint = "\(host):\(port)"
        let name = Array(host.utf8)
        following = Int(port).map { ReplicaRole.hash(host: name.span, port: $0) }
    }
}
