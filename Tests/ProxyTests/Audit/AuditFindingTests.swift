// What is found to be wrong with how servers are configured, one row for each case and for what comes near to one.

import RESP
import Testing

@testable import Proxy

@Suite struct AuditFindingTests {
    /// What redis-server 7.0 says when nothing is set.
    private static let stock: [String: String] = [
        "maxmemory": "0", "maxmemory-policy": "noeviction", "replica-ignore-maxmemory": "yes",
        "replica-read-only": "yes", "replica-serve-stale-data": "yes",
        "hash-max-listpack-entries": "512", "hash-max-ziplist-entries": "512",
        "hash-max-listpack-value": "64", "zset-max-listpack-entries": "128",
        "zset-max-listpack-value": "64", "list-max-listpack-size": "-2",
        "list-compress-depth": "0", "set-max-intset-entries": "512",
        "stream-node-max-bytes": "4096", "stream-node-max-entries": "100",
        "hll-sparse-max-bytes": "3000", "repl-timeout": "60", "repl-ping-replica-period": "10",
        "repl-backlog-size": "1048576", "timeout": "0", "appendonly": "no",
        "save": "3600 1 300 100 60 10000", "min-replicas-to-write": "0",
        "client-output-buffer-limit":
            "normal 0 0 0 slave 268435456 67108864 60 pubsub 33554432 8388608 60",
        "databases": "16", "notify-keyspace-events": "",
    ]

    /// In place of a value: the server does not know the name.
    private static let untold = "-"

    struct Row: Sendable, CustomTestStringConvertible {
        let name: String
        var master: [String: String] = [:]
        var replica: [String: String] = [:]
        var version = "7.0.15"
        var isSupervised = false
        var priority = 100
        /// Nil: as many as there are here.
        var followers = 0
        var replicas = 1
        var proxy = AuditedProxy()
        let findings: [AuditFinding]

        var testDescription: String { name }
    }

    private static let rows: [Row] = [
        Row(name: "stock settings", findings: []),
        Row(
            name: "a replica that may take less",
            master: ["maxmemory": "200"], replica: ["maxmemory": "100"],
            findings: [.lessMemory(replica: "r0", own: 100, masters: 200, ignoresIt: true)]),
        Row(
            name: "and drops what is too much", master: ["maxmemory": "200"],
            replica: ["maxmemory": "100", "replica-ignore-maxmemory": "no"],
            findings: [.lessMemory(replica: "r0", own: 100, masters: 200, ignoresIt: false)]),
        Row(
            name: "and does not say whether", master: ["maxmemory": "200"],
            replica: ["maxmemory": "100", "replica-ignore-maxmemory": untold],
            findings: [.lessMemory(replica: "r0", own: 100, masters: 200, ignoresIt: nil)]),
        Row(
            name: "a master without a limit", replica: ["maxmemory": "100"],
            findings: [.lessMemory(replica: "r0", own: 100, masters: 0, ignoresIt: true)]),
        Row(name: "a replica without a limit", master: ["maxmemory": "200"], findings: []),
        Row(
            name: "the same limit", master: ["maxmemory": "200"], replica: ["maxmemory": "200"],
            findings: []),
        Row(
            name: "the same limit, heeded", master: ["maxmemory": "200"],
            replica: ["maxmemory": "200", "replica-ignore-maxmemory": "no"],
            findings: [.evictsByItself(replica: "r0")]),
        Row(
            name: "no limit, which is heeded", replica: ["replica-ignore-maxmemory": "no"],
            findings: []),
        Row(
            name: "a limit that the master does not tell", master: ["maxmemory": untold],
            replica: ["maxmemory": "200"], findings: []),
        Row(
            name: "another policy", replica: ["maxmemory-policy": "allkeys-lru"],
            findings: [.otherPolicy(replica: "r0", own: "allkeys-lru", masters: "noeviction")]),
        Row(
            name: "a replica that takes writes", replica: ["replica-read-only": "no"],
            findings: [.writable(replica: "r0")]),
        Row(name: "a master that would", master: ["replica-read-only": "no"], findings: []),
        Row(
            name: "fewer databases", replica: ["databases": "8"],
            findings: [.otherDatabases(replica: "r0", own: 8, masters: 16)]),
        Row(
            name: "more databases", replica: ["databases": "32"],
            findings: [.otherDatabases(replica: "r0", own: 32, masters: 16)]),
        Row(
            name: "fewer than the proxy's", master: ["databases": "8"],
            replica: ["databases": "8"],
            findings: [.beyondDatabases(master: "m", own: 8, proxys: 16)]),
        Row(
            name: "more than the proxy's", master: ["databases": "32"],
            replica: ["databases": "32"], findings: []),
        Row(
            name: "no stale data", replica: ["replica-serve-stale-data": "no"],
            findings: [.refusesStale(replica: "r0")]),
        Row(
            name: "a link that is given up before the next word", replica: ["repl-timeout": "10"],
            findings: [.hearsTooSeldom(replica: "r0", timeout: 10, heartbeat: 10)]),
        Row(
            name: "one that is not", replica: ["repl-timeout": "11"],
            findings: []),
        Row(
            name: "other encodings",
            replica: [
                "hash-max-listpack-entries": "128", "hash-max-ziplist-entries": "128",
                "set-max-intset-entries": "100",
            ],
            findings: [
                .otherEncodings(
                    replica: "r0",
                    settings: ["hash-max-listpack-entries", "set-max-intset-entries"])
            ]),
        Row(
            name: "an older replica with the same",
            master: ["hash-max-ziplist-entries": untold],
            replica: ["hash-max-listpack-entries": untold], findings: []),
        Row(
            name: "an older replica with others",
            replica: ["hash-max-listpack-entries": untold, "hash-max-ziplist-entries": "1"],
            findings: [.otherEncodings(replica: "r0", settings: ["hash-max-listpack-entries"])]),
        Row(
            name: "other notifications", master: ["notify-keyspace-events": "AKE"],
            findings: [.otherNotifications(replica: "r0", own: "", masters: "AKE")]),
        Row(
            name: "idle connections are closed", master: ["timeout": "60"],
            findings: [.closesIdle(server: "m", after: 60)]),
        Row(
            name: "at the replica too", replica: ["timeout": "60"],
            findings: [.closesIdle(server: "r0", after: 60)]),
        Row(
            name: "nothing is kept", master: ["save": ""],
            findings: [.keepsNothing(master: "m", isSupervised: false)]),
        Row(
            name: "nothing is kept, and somebody starts it", master: ["save": ""],
            isSupervised: true, findings: [.keepsNothing(master: "m", isSupervised: true)]),
        Row(name: "a file is kept", master: ["save": "", "appendonly": "yes"], findings: []),
        Row(name: "the replica keeps nothing", replica: ["save": ""], findings: []),
        Row(
            name: "nothing is kept, and nobody follows", master: ["save": ""], replicas: 0,
            findings: []),
        Row(
            name: "nothing is kept, and a stranger follows", master: ["save": ""], followers: 1,
            replicas: 0, findings: [.keepsNothing(master: "m", isSupervised: false)]),
        Row(
            name: "a buffer below the backlog",
            master: [
                "repl-backlog-size": "1000000", "client-output-buffer-limit": "slave 100000 0 0",
            ], version: "6.2.6",
            findings: [.bufferBelowBacklog(master: "m", limit: 100_000, backlog: 1_000_000)]),
        Row(
            name: "which 7.0 raises by itself",
            master: [
                "repl-backlog-size": "1000000", "client-output-buffer-limit": "slave 100000 0 0",
            ], findings: []),
        Row(
            name: "no limit of buffers", master: ["client-output-buffer-limit": "replica 0 0 0"],
            version: "6.2.6", findings: []),
        Row(
            name: "confirmed writes, unguarded", proxy: AuditedProxy(ackReplicas: 1),
            findings: [.unguarded(master: "m", minimum: 0, confirming: 1)]),
        Row(
            name: "confirmed writes, guarded", master: ["min-replicas-to-write": "1"],
            proxy: AuditedProxy(ackReplicas: 1), findings: []),
        Row(
            name: "any of two confirms", master: ["min-replicas-to-write": "1"], replicas: 2,
            proxy: AuditedProxy(ackReplicas: 1),
            findings: [.losesConfirmed(master: "m", confirming: 1, electable: 2)]),
        Row(
            name: "any of two, of whom one is a stranger", master: ["min-replicas-to-write": "1"],
            followers: 2, proxy: AuditedProxy(ackReplicas: 1),
            findings: [.losesConfirmed(master: "m", confirming: 1, electable: 2)]),
        Row(
            name: "of whom one is never promoted", master: ["min-replicas-to-write": "1"],
            priority: 0, followers: 2, proxy: AuditedProxy(ackReplicas: 1), findings: []),
        Row(
            name: "both confirm", master: ["min-replicas-to-write": "2"], replicas: 2,
            proxy: AuditedProxy(ackReplicas: 2), findings: []),
    ]

    @Test(arguments: rows) func finds(row: Row) {
        var master = AuditedServer(
            address: "m", settings: Self.settings(row.master), version: row.version)
        master.isSupervised = row.isSupervised
        master.followers = row.followers
        let replicas = (0..<row.replicas).map { number in
            AuditedServer(
                address: "r\(number)", settings: Self.settings(row.replica),
                priority: row.priority)
        }
        let found = AuditFinding.findings(master: master, replicas: replicas, proxy: row.proxy)
        #expect(found == row.findings)
        for finding in found { Self.check(finding) }
    }

    private static func settings(_ changes: [String: String]) -> ServerSettings {
        ServerSettings(stock.merging(changes) { $1 }.filter { $0.value != untold })
    }

    /// A sentence that names somebody's data as doubtful says how to renew it, and no other does.
    private static func check(_ finding: AuditFinding) {
        let isDoubtful =
            switch finding {
            case .lessMemory(_, _, _, let ignoresIt): ignoresIt != true
            case .evictsByItself, .writable: true
            default: false
            }
        let names = finding.text.contains("PROXY RESYNC \(finding.backend)")
        #expect(names == isDoubtful, "\(finding.text)")
    }

    /// Who tells nothing is found to tell nothing, and everything else is compared all the same.
    @Test func silentServer() {
        let silent = AuditedServer(address: "r0", refusal: "NOPERM")
        let master = AuditedServer(address: "m", settings: ServerSettings(Self.stock))
        #expect(
            AuditFinding.findings(master: master, replicas: [silent])
                == [.unknown(server: "r0", refusal: "NOPERM")])
        let dumb = AuditedServer(address: "r0")
        #expect(AuditFinding.findings(master: dumb, replicas: [dumb]) == [])
    }

    /// Replies of both versions of the protocol, with errors and half of a pair among them.
    @Test func settingsFromReplies() {
        let replies = [
            "*4\r\n$9\r\nmaxmemory\r\n$1\r\n5\r\n$7\r\ntimeout\r\n$1\r\n0\r\n", "-NOPERM no\r\n",
            "%1\r\n$9\r\ndatabases\r\n$2\r\n16\r\n", "*1\r\n$4\r\nsave\r\n", "*0\r\n", "$5\r\n",
        ]
        let settings = ServerSettings(replies.map { Array($0.utf8) } + [nil])
        #expect(
            settings
                == ServerSettings(["maxmemory": "5", "timeout": "0", "databases": "16"]))
        #expect(settings.number("maxmemory") == 5)
    }
}
