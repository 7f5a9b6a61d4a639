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
    /// Somebody starts it anew when it has ended.
    var isSupervised = false
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
    /// The name of its history, and of the one that it was promoted from.
    var replicationID: String?
    var formerReplicationID: String?
    /// The first offset at which the two may differ.
    var formerEnd: Int?
    /// Who follows it.
    var followers: [Endpoint] = []
    /// Of a master: whether what it writes is counted in its offset.
    var isBacklogActive: Bool?
    /// Of a replica: seconds since it last heard its master, and how willingly it would become one.
    var secondsSinceMaster: Int?
    /// While its link is down: for how many seconds.
    var secondsLinkDown: Int?
    var priority: Int?
    /// Of a master: how far it is with giving its place to a replica, in its own words.
    var failoverState: String?
    /// How many whole copies it has given.
    var fullCopies: Int?
    /// In all its databases, those too that have expired.
    var keys: Int?

    /// How long it has not heard its master. A link counts as up long after the last word that came over it.
    var silence: Duration? {
        (isLinkUp ? secondsSinceMaster : secondsLinkDown).map { .seconds($0) }
    }

    /// What INFO, and so /status, calls the priority.
    static let priorityField = "slave_priority"

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
                guard let colon = line.firstIndex(of: UInt8(ascii: ":")) else {
                    // Without a database the section is empty.
                    if line.starts(with: "# Keyspace".utf8) { keys = keys ?? 0 }
                    continue
                }
                let value = line[(colon + 1)...].prefix { $0 != UInt8(ascii: "\r") }
                let text = String(decoding: value, as: UTF8.self)
                let name = String(decoding: line[..<colon], as: UTF8.self)
                switch name {
                case "run_id": runID = Array(value)
                case "redis_version": version = text
                case "process_supervised": isSupervised = text != "no"
                case "role": role = text == "master" ? .master : .replica
                case "master_link_status": isLinkUp = text == "up"
                case "master_sync_in_progress": isSyncing = text == "1"
                case "loading", "async_loading": isLoading = isLoading || text == "1"
                case "master_host": host = text
                case "master_port": port = text
                case "master_replid": replicationID = text
                case "master_replid2":
                    let isAny = text.contains { $0 != "0" }
                    formerReplicationID = isAny ? text : nil
                case "second_repl_offset": formerEnd = Int(text)
                case "master_failover_state": failoverState = text
                case "sync_full": fullCopies = Int(text)
                case "repl_backlog_active": isBacklogActive = text == "1"
                case "master_last_io_seconds_ago":
                    // Without a link it says -1.
                    secondsSinceMaster = Int(text).flatMap { $0 >= 0 ? $0 : nil }
                case "master_link_down_since_seconds":
                    secondsLinkDown = Int(text).flatMap { $0 >= 0 ? $0 : nil }
                case ServerReport.priorityField: priority = Int(text)
                case "slave_repl_offset": offset = Int(text)
                case "master_repl_offset": offset = offset ?? Int(text)
                case let field where field.hasPrefix("slave"):
                    if let follower = ServerReport.follower(field, text) {
                        followers.append(follower)
                    }
                default:
                    if name.hasPrefix("db"), let count = ServerReport.keys(of: text) {
                        keys = (keys ?? 0) + count
                    }
                }
            }
        }
        guard isAny else { return nil }
        guard let host, let port else { return }
        masterEndpoint = "\(host):\(port)"
        let name = Array(host.utf8)
        following = Int(port).map { ReplicaRole.hash(host: name.span, port: $0) }
    }

    /// `slave0:ip=10.0.0.2,port=6379,state=online,offset=1,lag=0`.
    private static func follower(_ field: String, _ text: String) -> Endpoint? {
        guard field.dropFirst(5).allSatisfy(\.isNumber), field.count > 5 else { return nil }
        var host: Substring?
        var port: UInt16?
        for part in text.split(separator: ",") {
            if part.hasPrefix("ip=") { host = part.dropFirst(3) }
            if part.hasPrefix("port=") { port = UInt16(part.dropFirst(5)) }
        }
        guard let host, !host.isEmpty, let port, port > 0 else { return nil }
        return .tcp(host: String(host), port: port)
    }

    /// `keys=3,expires=0,avg_ttl=0`.
    private static func keys(of text: String) -> Int? {
        guard text.hasPrefix("keys=") else { return nil }
        return Int(text.dropFirst(5).prefix { $0 != "," })
    }
}
