// Which servers may be read: every combination of what is known of them, and what servers say.

import RESP
import TestSupport
import Testing

@testable import Proxy

@Suite struct HealthTests {
    private func report(
        _ role: ServerReport.Role?, link: Bool = false, syncing: Bool = false, loading: Bool = false
    ) -> ServerReport {
        var report = ServerReport()
        (report.role, report.isLinkUp, report.isSyncing) = (role, link, syncing)
        report.isLoading = loading
        return report
    }

    /// Rows in the order in which they are decided: the first that is true of a server counts.
    @Test func judge() {
        typealias Change = (inout BackendHealth.Evidence) -> Void
        let rows: [(isMaster: Bool, Change, BackendState)] = [
            (false, { _ in }, .healthy),
            (false, { $0.isConnected = false }, .connecting),
            (
                false,
                {
                    $0.isConnected = false
                    $0.isRefused = true
                }, .down
            ),
            (false, { $0.isSilent = true }, .ejected),
            (
                false,
                {
                    $0.isSilent = true
                    $0.isAsked = false
                }, .ejected
            ),
            (false, { $0.isBusy = true }, .ejected),
            (false, { $0.wantsPassword = true }, .ejected),
            (
                false,
                {
                    $0.wantsPassword = true
                    $0.isAsked = false
                }, .ejected
            ),
            (
                false,
                { $0.circuit.open(because: .failures(5), .init(), at: Instant(nanoseconds: 0)) },
                .ejected
            ),
            // The master is never set aside by what reads meet there.
            (
                true,
                { $0.circuit.open(because: .failures(5), .init(), at: Instant(nanoseconds: 0)) },
                .healthy
            ),
            // What a server says of itself comes first.
            (
                false,
                {
                    $0.circuit.open(because: .failures(5), .init(), at: Instant(nanoseconds: 0))
                    $0.report?.isLoading = true
                }, .loading
            ),
            (
                false,
                {
                    $0.isAsked = false
                    $0.report = nil
                }, .healthy
            ),
            (false, { $0.report = nil }, .connecting),
            (false, { $0.report?.isLoading = true }, .loading),
            (true, { $0.report?.isLoading = true }, .loading),
            (false, { $0.report?.role = nil }, .healthy),
            (true, { $0.report?.role = .master }, .healthy),
            (true, { $0.report?.role = .replica }, .ejected),
            (false, { $0.report?.role = .master }, .ejected),
            (false, { $0.report?.isLinkUp = false }, .staleLink),
            (
                false,
                {
                    $0.report?.replicationID = "other"
                    $0.mastersHistory = "history"
                }, .ejected
            ),
            (
                false,
                {
                    $0.report?.replicationID = "history"
                    $0.mastersHistory = "history"
                }, .healthy
            ),
            (
                false,
                {
                    $0.report?.isLinkUp = false
                    $0.isMasterHealthy = false
                }, .healthy
            ),
            (
                false,
                {
                    $0.report?.isLinkUp = false
                    $0.report?.isSyncing = true
                }, .syncing
            ),
            (
                false,
                {
                    $0.report?.isLinkUp = false
                    $0.report?.isSyncing = true
                    $0.isMasterHealthy = false
                }, .syncing
            ),
            (
                false,
                {
                    $0.report?.isLinkUp = false
                    $0.hadData = false
                }, .syncing
            ),
            (
                false,
                {
                    $0.report?.isLinkUp = false
                    $0.hadData = false
                    $0.isMasterHealthy = false
                }, .syncing
            ),
            (false, { $0.lag = ReplicaLag(bytes: 1001, time: .zero) }, .lagging),
            (false, { $0.lag = ReplicaLag(bytes: 1, time: .seconds(11)) }, .lagging),
            (false, { $0.lag = ReplicaLag(bytes: 1000, time: .seconds(10)) }, .healthy),
            (
                false,
                {
                    $0.lag = ReplicaLag(bytes: 501, time: .zero)
                    $0.isLagging = true
                }, .lagging
            ),
            // Nobody can say how far it is behind, or not any more.
            (false, { $0.isLagging = true }, .healthy),
            (
                false,
                {
                    $0.lag = ReplicaLag(bytes: 1001, time: .seconds(11))
                    $0.isLagging = true
                    $0.isMasterHealthy = false
                }, .healthy
            ),
        ]
        for (number, (isMaster, change, state)) in rows.enumerated() {
            var evidence = BackendHealth.Evidence(
                isMaster: isMaster, isConnected: true,
                report: report(isMaster ? .master : .replica, link: true), hadData: true,
                ceiling: LagCeiling(bytes: 1000, time: .seconds(10)))
            change(&evidence)
            let (judged, reason) = BackendHealth.judge(evidence)
            #expect(judged == state, "row \(number)")
            #expect(reason.isEmpty == (state == .healthy), "row \(number)")
        }
    }

    /// INFO of a master, of a replica, in RESP3, of a server that says little, and what is no INFO.
    @Test func reports() throws {
        let text =
            "# Server\r\nredis_version:7.0.15\r\nrun_id:abc\r\n\r\n# Replication\r\nrole:slave\r\n"
            + "master_host:10.0.0.1\r\nmaster_port:6379\r\nmaster_link_status:up\r\n"
            + "master_last_io_seconds_ago:3\r\nmaster_sync_in_progress:0\r\n"
            + "slave_repl_offset:42\r\nslave_priority:90\r\nmaster_replid:h\r\n"
            + "master_repl_offset:43\r\nrepl_backlog_active:1\r\n"
        let replica = try #require(ServerReport([Array("$1\r\n\(text)".utf8)]))
        #expect(replica.role == .replica && replica.isLinkUp && !replica.isSyncing)
        #expect(replica.runID == Array("abc".utf8) && replica.version == "7.0.15")
        #expect(replica.offset == 42 && replica.masterEndpoint == "10.0.0.1:6379")
        #expect(replica.secondsSinceMaster == 3 && replica.priority == 90)
        #expect(replica.replicationID == "h" && replica.isBacklogActive == true)
        let rows: [([String?], (ServerReport?) -> Bool)] = [
            (
                ["$1\r\nrole:master\r\nmaster_repl_offset:7\r\n"],
                { $0?.role == .master && $0?.offset == 7 }
            ),
            (["=9\r\ntxt:role:master\r\nloading:1\r\n"], { $0?.isLoading == true }),
            (
                ["$1\r\nmaster_last_io_seconds_ago:-1\r\nrepl_backlog_active:0\r\n"],
                { $0?.secondsSinceMaster == nil && $0?.isBacklogActive == false }
            ),
            (["$1\r\nasync_loading:1\r\nloading:0\r\n"], { $0?.isLoading == true }),
            (
                ["$1\r\nmaster_link_status:down\r\nmaster_sync_in_progress:1\r\n"],
                { $0?.isLinkUp == false && $0?.isSyncing == true }
            ),
            (
                [
                    "$1\r\n# Keyspace\r\ndb0:keys=3,expires=0,avg_ttl=0\r\n"
                        + "db7:keys=40,expires=1,avg_ttl=9\r\n"
                ], { $0?.keys == 43 }
            ),
            (["$1\r\n# Keyspace\r\n"], { $0?.keys == 0 }),
            (["$1\r\nrole:master\r\ndbx:y\r\n"], { $0?.keys == nil }),
            (["-NOPERM no\r\n", nil], { $0 == nil }), (["+OK\r\n"], { $0 == nil }),
            (["-NOPERM no\r\n", "$1\r\nrole:master\r\n"], { $0?.role == .master }),
            (["$-1\r\n"], { $0?.role == nil }), (["$3\r\nx:y:z\r\n:\r\n"], { $0 != nil }),
        ]
        for (answers, check) in rows {
            #expect(check(ServerReport(answers.map { $0.map { Array($0.utf8) } })), "\(answers)")
        }
    }
}

/// Servers that are asked how they are, and what follows from their answers.
@Suite struct ProbeRoundTests {
    private let probes =
        Wire.text("INFO", "server") + Wire.text("INFO", "replication")
        + Wire.text("INFO", "persistence")

    private func proxy() -> ProxyUnderTest {
        let proxy = ProxyUnderTest(replicas: 1) { $0.timeouts.probeInterval = .seconds(1) }
        proxy.connectAll()
        return proxy
    }

    /// The connection for questions to a server.
    private func control(_ server: Int, of proxy: ProxyUnderTest) -> LinkID {
        proxy.core.servers[server].control!.link
    }

    private func answer(
        _ proxy: ProxyUnderTest, _ server: Int, run: String = "r", _ replication: String,
        loading: Bool = false
    ) {
        let link = control(server, of: proxy)
        _ = proxy.sent(to: link)
        let replies = [
            Wire.bulk("run_id:\(run)\r\n"), Wire.bulk(replication),
            Wire.bulk("loading:\(loading ? 1 : 0)\r\n"),
        ]
        let keyspace = server == 0 ? Wire.bulk("# Keyspace\r\n") : ""
        proxy.says(replies.joined() + keyspace, on: link)
    }

    private let master = "role:master\r\n"
    private let up = "role:slave\r\nmaster_link_status:up\r\nmaster_sync_in_progress:0\r\n"
    private let down = "role:slave\r\nmaster_link_status:down\r\nmaster_sync_in_progress:0\r\n"

    /// Both are asked at once; the answer to COMMAND comes behind.
    private func begin(_ proxy: ProxyUnderTest) {
        for server in 0...1 {
            let link = control(server, of: proxy)
            let keyspace = server == 0 ? Wire.text("INFO", "keyspace") : ""
            #expect(proxy.sent(to: link) == probes + keyspace + Wire.text("COMMAND"))
            answer(proxy, server, server == 0 ? master : up)
            proxy.says("*0\r\n", on: link)
        }
        #expect(proxy.core.readable == [1])
    }

    /// Round by round what a replica says and whether it is read then.
    @Test func rounds() {
        let proxy = proxy()
        #expect(proxy.core.readable.isEmpty || proxy.core.readable == [0])
        begin(proxy)
        let rows: [(run: String, says: String, loading: Bool, state: BackendState)] = [
            ("r", down, false, .staleLink), ("r", up, false, .healthy),
            ("r", up, true, .loading), ("r", "role:master\r\n", false, .ejected),
            ("r", up, false, .healthy), ("another", down, false, .syncing),
            ("another", up, false, .healthy),
        ]
        for (run, says, loading, state) in rows {
            proxy.driver.pass(.seconds(1))
            answer(proxy, 0, master)
            answer(proxy, 1, run: run, says, loading: loading)
            #expect(proxy.core.servers[1].health.state == state, "\(says)")
            #expect(proxy.core.readable == (state == .healthy ? [1] : [0]))
        }
        proxy.core.checkInvariants()
    }

    /// The link of a replica is down because the master is gone: it is all there is, unless it never had its data.
    @Test(arguments: [true, false]) func masterIsGone(hadData: Bool) {
        let proxy = proxy()
        begin(proxy)
        if !hadData { proxy.core.servers[1].health.hadData = false }
        proxy.driver.pass(.seconds(1))
        answer(proxy, 0, master)
        answer(proxy, 1, down)
        #expect(proxy.core.servers[1].health.state == (hadData ? .staleLink : .syncing))
        proxy.cut(.masterReads)
        #expect(proxy.core.servers[1].health.state == (hadData ? .healthy : .syncing))
    }

    /// A server that stands and says nothing is not read; slow answers within the limit change nothing.
    @Test func silence() {
        let proxy = proxy()
        begin(proxy)
        proxy.driver.pass(.seconds(1))
        proxy.driver.pass(.milliseconds(999))
        #expect(proxy.core.servers[1].health.state == .healthy)
        answer(proxy, 0, master)
        answer(proxy, 1, up)
        proxy.driver.pass(.milliseconds(1))
        for _ in 0..<3 { proxy.driver.pass(.seconds(1)) }
        #expect(proxy.core.servers[1].health.state == .ejected)
        #expect(proxy.core.servers[1].health.reason == "it does not answer")
        answer(proxy, 1, up)
        #expect(proxy.core.servers[1].health.state == .healthy)
    }

    /// INFO is not allowed: the server is what the configuration says. A busy one is another matter.
    @Test func refusedQuestions() {
        let proxy = proxy()
        begin(proxy)
        let link = control(1, of: proxy)
        proxy.driver.pass(.seconds(1))
        proxy.says(String(repeating: "-BUSY a script runs\r\n", count: 3), on: link)
        #expect(proxy.core.servers[1].health.state == .ejected)
        #expect(!proxy.core.servers[1].health.isMute)
        proxy.driver.pass(.seconds(1))
        answer(proxy, 1, up)
        #expect(proxy.core.servers[1].health.state == .healthy)
        proxy.driver.pass(.seconds(1))
        proxy.says(String(repeating: "-NOPERM no\r\n", count: 3), on: link)
        #expect(proxy.core.servers[1].health.isMute)
        #expect(proxy.core.servers[1].health.state == .healthy)
    }

    /// A server that wants a password which the proxy does not have is of no use, and says why; where clients say
    /// themselves who they are, it is taken for what the configuration says.
    @Test(arguments: [Authentication.none, .backend]) func missingPassword(_ who: Authentication) {
        let proxy = ProxyUnderTest(replicas: 1) {
            $0.timeouts.probeInterval = .seconds(1)
            $0.authentication = who
        }
        let link = control(1, of: proxy)
        // Behind INFO stands COMMAND.
        proxy.says(String(repeating: "-NOAUTH Authentication required.\r\n", count: 4), on: link)
        let health = proxy.core.servers[1].health
        #expect(health.state == (who == .backend ? .healthy : .ejected))
        #expect(health.reason.contains("backends.password") == (who != .backend))
        answer(proxy, 0, master)
        proxy.driver.pass(.seconds(1))
        answer(proxy, 1, up)
        #expect(proxy.core.servers[1].health.state == .healthy)
    }

    /// Why there is no connection is told with the state.
    @Test func refusal() {
        let proxy = ProxyUnderTest(replicas: 1, isConnected: false)
        proxy.refuse(.replica(0), "No route to host")
        #expect(proxy.core.servers[1].health.state == .down)
        #expect(proxy.core.servers[1].health.reason == "No route to host")
    }

    /// The connection for questions is lost: it is made anew and asked; while that fails the server is not read.
    @Test func lostControl() {
        let proxy = proxy()
        begin(proxy)
        let link = control(1, of: proxy)
        proxy.driver.pass(.seconds(1))
        answer(proxy, 0, master)
        answer(proxy, 1, up)
        proxy.cut(link)
        proxy.connect(link)
        #expect(proxy.sent(to: link) == probes + Wire.text("COMMAND"))
        answer(proxy, 1, up)
        #expect(proxy.core.servers[1].health.state == .healthy)
        proxy.driver.pass(.seconds(1))
        answer(proxy, 1, up)
        proxy.cut(link)
        for _ in 0..<4 {
            if proxy.wishedLinks.contains(link) { proxy.refuse(link) }
            proxy.driver.pass(.seconds(1))
        }
        #expect(proxy.core.servers[1].health.state != .healthy)
        if !proxy.wishedLinks.contains(link) { proxy.driver.pass(.seconds(2)) }
        proxy.connect(link)
        answer(proxy, 1, up)
        #expect(proxy.core.servers[1].health.state == .healthy)
        proxy.core.checkInvariants()
    }

    /// A replica begins anew, and is connected to for reads before it can be asked: what its predecessor has said is
    /// not true of it. What the chaos test found on a busy machine.
    @Test func begunAnewBeforeItIsAsked() {
        let proxy = proxy()
        begin(proxy)
        let link = control(1, of: proxy)
        proxy.driver.pass(.seconds(1))
        answer(proxy, 0, master)
        answer(proxy, 1, up)
        #expect(proxy.core.servers[1].health.state == .healthy)
        proxy.driver.pass(.seconds(1))
        answer(proxy, 0, master)
        answer(proxy, 1, up)
        proxy.cut(.replica(0))
        proxy.cut(link)
        proxy.connect(.replica(0))
        #expect(proxy.core.servers[1].health.state == .connecting)
        #expect(!proxy.core.readable.contains(1))
        proxy.connect(link)
        answer(proxy, 1, up)
        #expect(proxy.core.servers[1].health.state == .healthy)
        proxy.core.checkInvariants()
    }

    /// A command that our table does not have goes where the master's COMMAND says.
    @Test func learntCommands() throws {
        let proxy = proxy()
        let link = control(0, of: proxy)
        answer(proxy, 0, master)
        answer(proxy, 1, up)
        proxy.says(
            "*1\r\n*6\r\n$8\r\njson.get\r\n:-2\r\n*1\r\n+readonly\r\n:1\r\n:1\r\n:1\r\n", on: link)
        let client = proxy.driver.connect()
        proxy.driver.command(["JSON.GET", "k"], to: client)
        #expect(proxy.sent(to: .replica(0)) == Wire.text("JSON.GET", "k"))
        proxy.says("$-1\r\n", on: .replica(0))
        proxy.driver.command(["JSON.SET", "k"], to: client)
        let own = try #require(proxy.wishedLinks.first)
        proxy.connect(own)
        #expect(proxy.sent(to: own) == Wire.text("JSON.SET", "k"))
    }
}
