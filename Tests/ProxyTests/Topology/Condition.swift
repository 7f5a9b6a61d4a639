// What may be wrong with servers, and how it is brought about: one row each.

import RESP
import TestSupport

@testable import Proxy

/// One thing that is wrong.
struct Condition: Sendable {
    let name: String
    /// What of it is not to be seen in the table.
    var remark = ""
    /// Whom the operator looks at.
    var server = 1
    var replicas = 1
    var configure: @Sendable (inout ProxyConfiguration) -> Void = { _ in }
    /// Brings it about, in a proxy where all is well.
    var begin: @Sendable (FreshProxy) -> Void
    /// What the master answers to a write, if that is what is wrong.
    var answer: String?

    static let all: [Condition] = replicasConditions + mastersConditions + bothConditions

    /// Time passes in which servers are asked how they are.
    private static func pass(_ proxy: FreshProxy, seconds: Int) {
        for _ in 0..<seconds * 4 {
            proxy.driver.pass(.milliseconds(250))
            proxy.settle()
        }
    }

    private static func change(
        _ server: Int, seconds: Int = 2,
        _ change: @escaping @Sendable (inout FreshProxy.Facts) -> Void
    ) -> @Sendable (FreshProxy) -> Void {
        { proxy in
            change(&proxy.facts[server])
            pass(proxy, seconds: seconds)
        }
    }

    /// All its connections die.
    private static func cut(_ server: Int, _ proxy: FreshProxy) {
        let standing = proxy.core.links.compactMap { $0 }
            .filter { $0.server == server && $0.id != nil }
        for connection in standing where connection.id != nil { proxy.proxy.cut(connection.link) }
    }

    private static let replicasConditions = [
        Condition(name: "all is well", begin: { pass($0, seconds: 1) }),
        Condition(
            name: "a replica stands and answers nothing: stopped, or behind a black hole",
            remark:
                "Reads that it has are done elsewhere as soon as it has left a probe unanswered.",
            begin: change(1) { $0.isHung = true }),
        Condition(
            name: "a replica accepts connections and never answers",
            begin: { proxy in
                proxy.facts[1].isHung = true
                cut(1, proxy)
                pass(proxy, seconds: 3)
            }),
        Condition(
            name: "a replica is gone",
            begin: { proxy in
                proxy.facts[1].isUnreachable = true
                cut(1, proxy)
                pass(proxy, seconds: 1)
            }),
        Condition(
            name: "a replica answers probes and no reads",
            remark: "After the first reads have timed out.",
            configure: { $0.timeouts.request = .seconds(1) },
            begin: { proxy in
                let clients = (0..<5).map { _ in proxy.driver.connect() }
                for client in clients {
                    _ = proxy.driver.ask("PROXY", "CONSISTENCY", "eventual", on: client)
                    proxy.driver.command(["GET", "x"], to: client)
                }
                pass(proxy, seconds: 2)
                for server in 0...1 {
                    _ = proxy.proxy.sent(to: proxy.core.servers[server].lanes[0]!.readers[0].link)
                }
            }),
        Condition(
            name: "a replica answers much more slowly than its peers", server: 3, replicas: 3,
            configure: { $0.reads.balance = .roundRobin },
            begin: { proxy in
                let client = proxy.driver.connect()
                _ = proxy.driver.ask("PROXY", "CONSISTENCY", "eventual", on: client)
                pass(proxy, seconds: 1)
                // Until the last read that it has is done elsewhere.
                while let place = proxy.ask("GET", "x", by: client),
                    !proxy.core.servers[3].circuit.isOpen
                {
                    proxy.driver.pass(.milliseconds(place == 3 ? 80 : 2))
                    proxy.settle()
                    if proxy.core.servers[3].circuit.isOpen { break }
                    let link = proxy.core.servers[place].lanes[0]!.readers[0].link
                    proxy.proxy.says("$-1\r\n", on: link)
                }
                _ = proxy.place(of: ["GET", "x"])
                pass(proxy, seconds: 1)
            }),
        Condition(name: "a replica loads its data", begin: change(1) { $0.isLoading = true }),
        Condition(
            name: "a replica takes a whole copy",
            begin: change(1) {
                $0.link = "down"
                $0.isSyncing = true
            }),
        Condition(
            name: "a replica never had its master's data",
            begin: { proxy in
                proxy.facts[1].link = "down"
                proxy.facts[1].runID = "another"
                cut(1, proxy)
                pass(proxy, seconds: 2)
            }),
        Condition(
            name: "a replica has lost its master, which is well",
            begin: change(1) { $0.link = "down" }),
        Condition(
            name: "a replica is too far behind",
            begin: change(0) { $0.offset += 100_000_000 }),
        Condition(
            name: "a replica follows another master",
            begin: change(1) {
                $0.following = "10.0.0.9:6379"
                $0.history = "another"
            }),
        Condition(
            name: "a replica is a master, and of no common history",
            begin: change(1) {
                $0.role = "master"
                $0.history = "another"
            }),
        Condition(
            name: "a replica takes another password",
            configure: { $0.backends.password = Secret(Array("secret".utf8)) },
            begin: { proxy in
                proxy.facts[1].refusesPassword = true
                cut(1, proxy)
                pass(proxy, seconds: 1)
            }),
        Condition(
            name: "a replica wants a password, and none is set",
            begin: change(1) { $0.wantsPassword = true }),
    ]

    /// So many seconds ago.
    private static func loseMaster(_ proxy: FreshProxy, for seconds: Int) {
        proxy.facts[0].isUnreachable = true
        proxy.facts[1].link = "down"
        cut(0, proxy)
        pass(proxy, seconds: seconds)
    }

    private static let mastersConditions = [
        Condition(
            name: "the master stands and answers nothing", server: 0,
            begin: change(0) { $0.isHung = true }),
        Condition(
            name: "the master is gone",
            remark: "Its replicas' links are down then, and they are all there is.", server: 0,
            begin: { loseMaster($0, for: 2) }),
        Condition(
            name: "the master is gone for longer than reads.max_lag",
            remark: "`bounded` knows no limit for the age of the data any more.", server: 0,
            begin: { loseMaster($0, for: 12) }),
        Condition(
            name: "the master loads its data", server: 0, begin: change(0) { $0.isLoading = true }),
        Condition(
            name: "the master is a replica, and there is no other", server: 0,
            begin: change(0) {
                $0.role = "slave"
                $0.following = "10.0.0.9:6379"
            }),
        Condition(
            name: "the master takes another password", server: 0,
            configure: { $0.backends.password = Secret(Array("secret".utf8)) },
            begin: { proxy in
                proxy.facts[0].refusesPassword = true
                cut(0, proxy)
                pass(proxy, seconds: 2)
            }),
        Condition(
            name: "the master cannot save to its disk (MISCONF)",
            remark: "The error is the client's; it is counted in `errors`. It reads as before.",
            server: 0, begin: { pass($0, seconds: 1) },
            answer: "-MISCONF Redis is configured to save RDB snapshots\r\n"),
        Condition(
            name: "the master has too few good replicas (NOREPLICAS)",
            remark: "As with MISCONF.", server: 0, begin: { pass($0, seconds: 1) },
            answer: "-NOREPLICAS Not enough good replicas to write.\r\n"),
        Condition(
            name: "the master has come back empty, and its replica with it",
            remark: "The proxy goes on: only a person can say which data is the right one.",
            server: 0,
            begin: { proxy in
                proxy.facts[0].keys = 1_000
                pass(proxy, seconds: 2)
                proxy.facts[0].runID = "run-master-2"
                proxy.facts[0].history = "history-2"
                proxy.facts[0].keys = 0
                proxy.facts[1].history = "history-2"
                cut(0, proxy)
                pass(proxy, seconds: 2)
                proxy.publish()
            }),
    ]

    private static let bothConditions = [
        Condition(
            name: "all replicas and the master are gone", server: 0,
            begin: { proxy in
                for server in 0...1 {
                    proxy.facts[server].isUnreachable = true
                    cut(server, proxy)
                }
                pass(proxy, seconds: 2)
            }),
        Condition(
            name: "two replicas were promoted, and the master is gone",
            remark: "Nobody is written to until one of the two is no master any more.",
            server: 0, replicas: 2,
            begin: { proxy in
                for server in 1...2 {
                    proxy.facts[server].role = "master"
                    proxy.facts[server].former = ("history-1", 1_000)
                    proxy.facts[server].history = "history-\(server + 1)"
                }
                proxy.facts[0].isUnreachable = true
                cut(0, proxy)
                pass(proxy, seconds: 3)
            }),
        Condition(
            name: "a replica was promoted beside the master that is well",
            remark: "As long as the master is the process that it was.",
            begin: change(1) {
                $0.role = "master"
                $0.former = ("history-1", 1_000)
                $0.history = "history-2"
            }),
        Condition(
            name: "a replica was promoted, and the master is gone", replicas: 2,
            begin: { proxy in
                proxy.facts[1].role = "master"
                proxy.facts[1].former = ("history-1", 1_000)
                proxy.facts[1].history = "history-2"
                proxy.facts[2].history = "history-2"
                proxy.facts[2].following = "replica0:6379"
                proxy.facts[0].isUnreachable = true
                cut(0, proxy)
                pass(proxy, seconds: 3)
                proxy.publish(isDelivered: false)
                proxy.deliver(at: 1)
            }),
    ]
}
