// What one sentinel is asked in a round, and what its answers say.

import RESP

/// The questions of one round, in the order in which they are sent and answered.
enum SentinelQuestion: CaseIterable {
    /// Who it is, whatever address it was reached by.
    case identity
    case master
    /// Asked behind `master`: while the sentinel that leads a failover points the other replicas to the new master,
    /// it still calls the old one by the master's name, with the new epoch; this answer alone names the new one. In
    /// this order an address is never older than the epoch that it is taken with.
    case address
    case replicas
    case sentinels

    func words(of name: String) -> [String] {
        switch self {
        case .identity: ["SENTINEL", "MYID"]
        case .master: ["SENTINEL", "MASTER", name]
        case .address: ["SENTINEL", "GET-MASTER-ADDR-BY-NAME", name]
        case .replicas: ["SENTINEL", "REPLICAS", name]
        case .sentinels: ["SENTINEL", "SENTINELS", name]
        }
    }
}

/// What one sentinel says of the master and of those around it.
struct SentinelTestimony: Equatable {
    struct Replica: Equatable {
        let endpoint: Endpoint
        /// The sentinel does not hear it.
        let isDown: Bool
        /// It says that its link to its master stands.
        let isLinked: Bool
        /// Who is promoted first has the lowest; 0: never.
        let priority: Int
    }

    /// Another sentinel that watches the same master.
    struct Other: Equatable {
        let id: String
        let endpoint: Endpoint
    }

    /// The name that it has given itself.
    let id: String
    let master: Endpoint
    /// Which failover made that the master: the later has the higher.
    let epoch: Int
    /// The process at that address; nil while it does not know.
    let runID: String?
    /// It does not hear the master.
    let isMasterDown: Bool
    let replicas: [Replica]
    let others: [Other]
}

/// Why a sentinel's answers are of no use.
enum SentinelRefusal: Error, Equatable {
    case wantsPassword
    case wrongPassword
    case forbidden(String)
    case unknownMaster
    /// It does not know the command at all.
    case noSentinel
    /// An error that no other case is, or an answer that cannot be read.
    case unreadable(String)

    /// The error that begins with a code; `line` is all of it.
    fileprivate init(_ line: [UInt8]) {
        let text = String(decoding: line, as: UTF8.self)
        if text.hasPrefix("NOAUTH") {
            self = .wantsPassword
        } else if text.hasPrefix("WRONGPASS") {
            self = .wrongPassword
        } else if text.hasPrefix("NOPERM") {
            self = .forbidden(text)
        } else if text.hasPrefix("ERR No such master") {
            self = .unknownMaster
        } else if text.lowercased().hasPrefix("err unknown command") {
            self = .noSentinel
        } else {
            self = .unreadable("it answers \(text)")
        }
    }

    /// What is wrong and what to do, to be read behind the sentinel's name.
    func explanation(of name: String) -> String {
        switch self {
        case .wantsPassword: "wants a password: set 'password' in backends.sentinel"
        case .wrongPassword:
            "refuses the password: 'username' and 'password' in backends.sentinel must be right"
        case .forbidden(let text):
            "does not let the proxy ask (\(text)): its user needs the right to call SENTINEL MYID, MASTER, "
                + "GET-MASTER-ADDR-BY-NAME, REPLICAS and SENTINELS"
        case .unknownMaster:
            "does not know '\(name)': 'master_name' in backends.sentinel must be what it calls the master"
        case .noSentinel:
            "is no sentinel: 'addresses' in backends.sentinel must name sentinels, not the servers they watch"
        case .unreadable(let what): "is not understood: \(what)"
        }
    }
}

extension SentinelTestimony {
    /// Reads the replies to the questions of one round.
    init(_ replies: [Reply]) throws(SentinelRefusal) {
        precondition(
            replies.count == SentinelQuestion.allCases.count, "a round with other questions")
        for case .error(let line) in replies { throw SentinelRefusal(line) }
        guard case .bulk(let id) = replies[0], !id.isEmpty else {
            throw .unreadable("it does not say who it is")
        }
        self.id = String(decoding: id, as: UTF8.self)

        let fields = SentinelFields(replies[1])
        guard let named = fields.endpoint, let epoch = fields.number("config-epoch") else {
            throw .unreadable("its answer to SENTINEL MASTER has no address or no config-epoch")
        }
        self.epoch = epoch
        guard let master = SentinelTestimony.address(replies[2]) else {
            throw .unreadable("its answer to SENTINEL GET-MASTER-ADDR-BY-NAME is no address")
        }
        self.master = master
        // What it says of the master of before is nothing about the new one.
        let isAboutMaster = named == master
        runID = isAboutMaster ? fields["runid"].flatMap { $0.isEmpty ? nil : $0 } : nil
        isMasterDown = isAboutMaster && fields.isDown

        guard case .array(let replicas) = replies[3], case .array(let others) = replies[4] else {
            throw .unreadable("its replicas or other sentinels are no list")
        }
        self.replicas = replicas.compactMap { SentinelTestimony.replica(SentinelFields($0)) }
        self.others = others.compactMap { SentinelTestimony.other(SentinelFields($0)) }
    }

    /// The same with addresses that can be reached, where those that are announced cannot.
    func translated(by addresses: [Endpoint: Endpoint]) -> SentinelTestimony {
        if addresses.isEmpty { return self }
        return SentinelTestimony(
            id: id, master: addresses[master] ?? master, epoch: epoch, runID: runID,
            isMasterDown: isMasterDown,
            replicas: replicas.map {
                Replica(
                    endpoint: addresses[$0.endpoint] ?? $0.endpoint, isDown: $0.isDown,
                    isLinked: $0.isLinked, priority: $0.priority)
            },
            others: others.map {
                Other(id: $0.id, endpoint: addresses[$0.endpoint] ?? $0.endpoint)
            })
    }

    private static func address(_ reply: Reply) -> Endpoint? {
        guard case .array(let parts) = reply, parts.count == 2,
            case .bulk(let host) = parts[0], case .bulk(let port) = parts[1]
        else { return nil }
        return SentinelFields.endpoint(
            host: String(decoding: host, as: UTF8.self),
            port: String(decoding: port, as: UTF8.self))
    }

    private static func replica(_ fields: SentinelFields) -> Replica? {
        guard let endpoint = fields.endpoint else { return nil }
        return Replica(
            endpoint: endpoint, isDown: fields.isDown || fields.hasFlag("disconnected"),
            isLinked: fields["master-link-status"] == "ok",
            priority: fields.number("slave-priority") ?? fields.number("replica-priority") ?? 0)
    }

    private static func other(_ fields: SentinelFields) -> Other? {
        // One that has never been heard has no name yet, and no vote either.
        guard let endpoint = fields.endpoint, let id = fields["runid"], !id.isEmpty else {
            return nil
        }
        return Other(id: id, endpoint: endpoint)
    }
}

/// The fields of one instance as sentinels tell them: names and values, one behind the other.
private struct SentinelFields {
    private var values: [String: String] = [:]

    init(_ reply: Reply) {
        guard case .array(let parts) = reply else { return }
        var index = 0
        while index + 1 < parts.count {
            if case .bulk(let name) = parts[index], case .bulk(let value) = parts[index + 1] {
                values[String(decoding: name, as: UTF8.self)] =
                    String(decoding: value, as: UTF8.self)
            }
            index += 2
        }
    }

    subscript(_ name: String) -> String? { values[name] }

    func number(_ name: String) -> Int? { values[name].flatMap { Int($0) } }

    func hasFlag(_ flag: String) -> Bool {
        values["flags"]?.split(separator: ",").contains { $0 == flag } ?? false
    }

    var isDown: Bool { hasFlag("s_down") || hasFlag("o_down") }

    var endpoint: Endpoint? {
        guard let host = values["ip"], let port = values["port"] else { return nil }
        return SentinelFields.endpoint(host: host, port: port)
    }

    static func endpoint(host: String, port: String) -> Endpoint? {
        guard !host.isEmpty, let port = UInt16(port), port > 0 else { return nil }
        return .tcp(host: host, port: port)
    }
}
