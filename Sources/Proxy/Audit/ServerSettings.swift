// What a server answers to CONFIG GET, as far as it matters beside other servers.

import RESP

/// Settings by name; what the server does not tell is nil.
struct ServerSettings: Equatable {
    /// One name or pattern for each question: servers before 7.0 take no more, and one that a server refuses spoils
    /// no other. None of them fits a password.
    static let questions = [
        "maxmemory*", "replica-*", "hash-max-*", "zset-max-*", "list-max-*", "list-compress-depth",
        "set-max-*", "stream-node-max-*", "hll-sparse-max-bytes", "repl-timeout",
        "repl-ping-replica-period", "repl-backlog-size", "timeout", "appendonly", "save",
        "min-replicas-to-write", "client-output-buffer-limit", "databases",
        "notify-keyspace-events",
    ]

    private var values: [String: String] = [:]

    init(_ values: [String: String] = [:]) {
        self.values = values
    }

    /// Reads replies to the questions; errors among them tell nothing.
    init(_ replies: [[UInt8]?]) {
        for case let reply? in replies {
            var parser = ReplyParser()
            parser.append(reply.span)
            guard let parsed = try? parser.next() else { continue }
            switch parsed {
            case .array(let items):
                for index in stride(from: 0, to: items.count - 1, by: 2) {
                    note(items[index], items[index + 1])
                }
            case .map(let pairs): for pair in pairs { note(pair.key, pair.value) }
            default: continue
            }
        }
    }

    private mutating func note(_ name: Reply, _ value: Reply) {
        guard case .bulk(let name) = name, case .bulk(let value) = value else { return }
        values[String(decoding: name, as: UTF8.self)] = String(decoding: value, as: UTF8.self)
    }

    subscript(_ name: String) -> String? { values[name] }

    func number(_ name: String) -> Int? { self[name].flatMap(ProxyValues.integer) }

    /// Nil also when it is neither yes nor no.
    func flag(_ name: String) -> Bool? {
        switch self[name] {
        case "yes": true
        case "no": false
        default: nil
        }
    }

    /// By the first of these names that the server knows: what is called listpack was called ziplist before 7.0.
    func first(of names: [String]) -> String? { names.lazy.compactMap { self[$0] }.first }

    /// Of the words `normal 0 0 0 slave 268435456 67108864 60 …`: the most that may wait for a replica, in bytes.
    var replicaOutputLimit: Int? {
        guard let words = self["client-output-buffer-limit"]?.split(separator: " "),
            let place = words.firstIndex(where: { $0 == "slave" || $0 == "replica" }),
            place + 1 < words.count
        else { return nil }
        return Int(words[place + 1])
    }

    /// Each under the names that it has had.
    static let encodings: [[String]] = [
        ["hash-max-listpack-entries", "hash-max-ziplist-entries"],
        ["hash-max-listpack-value", "hash-max-ziplist-value"],
        ["zset-max-listpack-entries", "zset-max-ziplist-entries"],
        ["zset-max-listpack-value", "zset-max-ziplist-value"],
        ["list-max-listpack-size", "list-max-ziplist-size"], ["list-compress-depth"],
        ["set-max-intset-entries"], ["set-max-listpack-entries"], ["set-max-listpack-value"],
        ["stream-node-max-bytes"], ["stream-node-max-entries"], ["hll-sparse-max-bytes"],
    ]
}
