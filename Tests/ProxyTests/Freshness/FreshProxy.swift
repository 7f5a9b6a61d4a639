// A proxy at level `fresh` whose servers the test plays as far as they matter here: they answer who they are, take
// watermarks, and deliver them when the test says so.

import RESP
import TestSupport
import Testing

@testable import Proxy

/// The master is server 0, the replicas follow. What clients ask is the test's to answer.
final class FreshProxy {
    /// What a server says of itself.
    struct Facts {
        var runID: String
        var role: String
        /// INFO does not say which process it is.
        var isNameless = false
        var history = "history-1"
        var offset = 100
        var following = "10.0.0.1:6379"
        var link = "up"
        /// In ROLE.
        var state = "connected"
        var isSyncing = false
        var isBacklogActive = true
        /// Who it says follows it.
        var followers: [String] = []
        var keys = 0
        /// How often it was called to write.
        var calls = 0
        /// It answers nothing any more, refuses connections, reads its data from disk, or wants another password.
        var isHung = false
        var isUnreachable = false
        var isLoading = false
        var wantsPassword = false
        var refusesPassword = false
        /// Of a master that was promoted: the history that its own went out from, and where.
        var former: (history: String, end: Int)?
        /// Of a master: how far it is with FAILOVER.
        var failoverState = "no-failover"
        var priority = 100
        /// Of a replica: for how many seconds it has not heard its master.
        var silence: Int?
        /// What it answers to CONFIG GET, by what it is asked for; or in place of all that.
        var settings: [String: (name: String, value: String)] = [:]
        var refusesSettings: String?
        /// How many whole copies it says that it has given; nil: it does not say.
        var copies: Int? = 1
    }

    let proxy: ProxyUnderTest
    let replicas: Int
    var facts: [Facts]
    /// Numbers that were published at the master, the oldest first.
    private(set) var published: [UInt64] = []
    /// What is answered to CLIENT KILL; nil: nothing yet.
    var killAnswer: String? = ":1\r\n"
    private(set) var killed: [String] = []
    /// What servers were told for a failover, and what they answer to the first words of it; nil: nothing yet.
    private(set) var told: [(server: Int, words: String)] = []
    var answersWhenTold: [String: String?] = [:]
    /// How often the master speaks to idle replicas, in seconds.
    var heartbeat = "10"
    /// How often CONFIG GET was asked, by server.
    var settingsAsked: [Int: Int] = [:]
    /// Servers that are in the middle of a transaction of the proxy's.
    private var isQueuing: Set<Int> = []
    private var clientNumbers = 10

    /// Ready to answer fresh reads, unless told otherwise. What servers say can be given from the start.
    init(
        replicas: Int = 1, isProved: Bool = true, memory: MasterMemory? = nil, worker: Int = 0,
        facts known: [Facts]? = nil,
        configure: (inout ProxyConfiguration) -> Void = { _ in }
    ) {
        self.replicas = replicas
        facts = [Facts(runID: "run-master", role: "master")]
        for number in 0..<replicas {
            facts.append(Facts(runID: "run-replica-\(number)", role: "slave"))
        }
        if let known { facts = known }
        proxy = ProxyUnderTest(
            replicas: replicas, isConnected: false, memory: memory, worker: worker
        ) {
            $0.timeouts.probeInterval = .seconds(1)
            $0.timeouts.request = .seconds(10)
            $0.reads.consistency = .fresh
            $0.reads.auditPerSecond = 0
            configure(&$0)
        }
        settle()
        if isProved { prove() }
    }

    var core: ProxyCore { proxy.core }
    var driver: HandDriver { proxy.driver }
    var masterReads: LinkID { core.servers[0].lanes[0]!.readers[0].link }
    var masterWrites: LinkID { core.servers[0].lanes[0]!.writers[0].link }

    func reads(of replica: Int) -> LinkID {
        core.servers[1 + replica].lanes[0]!.readers[0].link
    }

    /// Answers all that servers are asked by the proxy itself, until nothing more is asked.
    func settle() {
        for _ in 0..<20 {
            answerConnects()
            var isAnyAsked = false
            for case let connection? in core.links where connection.id != nil {
                let isOwn = !connection.isForClients || !connection.isReady
                guard isOwn || connection.use == .alone && !connection.isReady else { continue }
                let asked = requests(in: proxy.sent(to: connection.link))
                let server = connection.server
                for words in asked {
                    if let answer = answer(words, of: server) {
                        isAnyAsked = true
                        proxy.says(answer, on: connection.link)
                    }
                }
            }
            if !isAnyAsked, proxy.wishedLinks.isEmpty { return }
        }
    }

    private func answerConnects() {
        for link in proxy.wishedLinks {
            let server = core.links[Int(link.number)]?.server
            if let server, facts.indices.contains(server), facts[server].isUnreachable {
                proxy.refuse(link)
            } else {
                proxy.connect(link)
            }
        }
    }

    /// A server is gone: its connections are cut, and no new one is taken, until it comes back.
    func lose(_ server: Int) {
        facts[server].isUnreachable = true
        for case let connection? in core.links
        where connection.server == server && connection.id != nil {
            proxy.cut(connection.link)
        }
        settle()
    }

    func comeBack(_ server: Int) {
        facts[server].isUnreachable = false
    }

    private func answer(_ words: [String], of server: Int) -> String? {
        // Of servers that are found some say nothing.
        guard facts.indices.contains(server) else { return nil }
        let facts = facts[server]
        if facts.isHung { return nil }
        if words[0] == "AUTH" {
            return facts.refusesPassword
                ? "-WRONGPASS invalid username-password pair or user is disabled.\r\n" : "+OK\r\n"
        }
        if facts.wantsPassword { return "-NOAUTH Authentication required.\r\n" }
        switch words.map({ $0.uppercased() })[0] {
        case "INFO" where words[1] == "keyspace":
            return Wire.bulk("# Keyspace\r\ndb0:keys=\(facts.keys),expires=0,avg_ttl=0\r\n")
        case "INFO" where words[1] == "stats":
            return Wire.bulk("# Stats\r\n" + (facts.copies.map { "sync_full:\($0)\r\n" } ?? ""))
        case "INFO" where words[1] == "commandstats":
            return Wire.bulk("# Commandstats\r\ncmdstat_set:calls=\(facts.calls),usec=1\r\n")
        case "INFO":
            var text = facts.isNameless ? "" : "run_id:\(facts.runID)\r\n"
            text += "role:\(facts.role)\r\nloading:\(facts.isLoading ? 1 : 0)\r\n"
            text += "master_replid:\(facts.history)\r\n"
            if facts.role == "master" {
                text += "master_repl_offset:\(facts.offset)\r\n"
                for (number, follower) in facts.followers.enumerated() {
                    let place = follower.split(separator: ":")
                    text +=
                        "slave\(number):ip=\(place[0]),port=\(place[1]),state=online,offset=1\r\n"
                }
                text += "master_failover_state:\(facts.failoverState)\r\n"
                text += "repl_backlog_active:\(facts.isBacklogActive ? 1 : 0)\r\n"
                let former = facts.former ?? (String(repeating: "0", count: 40), -1)
                text += "master_replid2:\(former.history)\r\nsecond_repl_offset:\(former.end)\r\n"
            } else {
                let place = facts.following.split(separator: ":")
                text += "master_host:\(place[0])\r\nmaster_port:\(place[1])\r\n"
                if let former = facts.former { text += "master_replid2:\(former.history)\r\n" }
                text += "master_link_status:\(facts.link)\r\nslave_repl_offset:\(facts.offset)\r\n"
                if let silence = facts.silence {
                    text +=
                        facts.link == "up"
                        ? "master_last_io_seconds_ago" : "master_link_down_since_seconds"
                    text += ":\(silence)\r\n"
                }
                text += "slave_priority:\(facts.priority)\r\n"
                text += "master_sync_in_progress:\(facts.isSyncing ? 1 : 0)\r\n"
            }
            return Wire.bulk(text)
        case "COMMAND": return "*0\r\n"
        case "SELECT": return "+OK\r\n"
        case "ROLE": return role(of: server)
        case "CONFIG" where words[1] == "GET": return setting(words[2], of: server)
        case "MULTI":
            isQueuing.insert(server)
            return "+OK\r\n"
        case "REPLICAOF" where isQueuing.contains(server):
            told.append((server, words.joined(separator: " ")))
            return "+QUEUED\r\n"
        case "EXEC":
            isQueuing.remove(server)
            guard let answer = answer(told: words, server, or: FreshProxy.bothDone) else {
                return nil
            }
            if answer == FreshProxy.bothDone { beginAnew(server) }
            return answer
        case "FAILOVER", "REPLICAOF", "CONFIG":
            return answer(told: words, server)
        case "CLIENT" where ["PAUSE", "UNPAUSE"].contains(words[1]):
            return answer(told: words, server)
        case "CLIENT" where words[1] == "KILL":
            killed.append(words[3])
            return killAnswer
        case "CLIENT":
            clientNumbers += 1
            return ":\(clientNumbers)\r\n"
        case "PUBLISH":
            published.append(UInt64(words[2])!)
            return ":0\r\n"
        case "SUBSCRIBE":
            return "*3\r\n" + Wire.bulk("subscribe") + Wire.bulk(words[1]) + ":1\r\n"
        default: return nil
        }
    }

    private func setting(_ name: String, of server: Int) -> String {
        settingsAsked[server, default: 0] += 1
        if let refusal = facts[server].refusesSettings { return refusal }
        let heartbeat = ["repl-ping-replica-period": (name: name, value: heartbeat)]
        guard let known = facts[server].settings[name] ?? heartbeat[name] else { return "*0\r\n" }
        return "*2\r\n" + Wire.bulk(known.name) + Wire.bulk(known.value)
    }

    private static let bothDone = "*2\r\n+OK\r\n+OK\r\n"

    /// It has left its master, and follows it again: with a history of its own, until it has copied.
    private func beginAnew(_ server: Int) {
        facts[server].link = "down"
        facts[server].former = (facts[server].history, 1)
        facts[server].history = "history-of-its-own"
    }

    private func answer(
        told words: [String], _ server: Int, or usual: String = "+OK\r\n"
    ) -> String? {
        told.append((server, words.joined(separator: " ")))
        for (start, answer) in answersWhenTold where words.joined(separator: " ").hasPrefix(start) {
            return answer
        }
        return usual
    }

    /// What a server was told for a failover since the last look.
    func wordsTold(to server: Int) -> [String] {
        defer { told.removeAll { $0.server == server } }
        return told.filter { $0.server == server }.map(\.words)
    }

    /// A replica delivers a watermark, the last one when none is named.
    func deliver(_ number: UInt64? = nil, at replica: Int) {
        guard let number = number ?? published.last,
            let watcher = core.servers[1 + replica].watcher
        else { return }
        let channel = String(decoding: core.watermarks.channel, as: UTF8.self)
        proxy.says(
            "*3\r\n" + Wire.bulk("message") + Wire.bulk(channel) + Wire.bulk("\(number)"),
            on: watcher.link)
    }

    /// Time passes in which a watermark is published that stands behind everything; all replicas deliver it, or none.
    func publish(isDelivered: Bool = true) {
        driver.pass(.milliseconds(2))
        settle()
        guard isDelivered else { return }
        for replica in 0..<replicas { deliver(at: replica) }
    }

    private func prove() {
        publish()
        for number in 1...replicas {
            #expect(core.freshness.proofs[number].look() != nil, "a replica is not proved")
        }
    }

    /// Some time in which servers are asked and answer.
    func go(_ duration: Duration, by step: Duration = .milliseconds(10)) {
        var left = duration
        while left > .zero {
            driver.pass(step)
            settle()
            left -= step
        }
        core.checkInvariants()
    }

    /// A second passes, in which servers are asked how they are.
    func probe() {
        driver.pass(.seconds(1))
        settle()
    }

    /// Server 1 is promoted; the one before follows it, unless it is gone.
    func promote(demoting: Bool = true) {
        facts[1].role = "master"
        facts[1].former = (facts[0].history, 1_000_000)
        facts[1].history = "history-2"
        if demoting {
            facts[0].role = "slave"
            facts[0].following = "replica0:6379"
            facts[0].history = "history-2"
        }
        for _ in 0..<4 { probe() }
    }

    // MARK: Clients

    /// What a client's request leads to: the server that gets it, other requests of the proxy's own left out.
    func ask(_ words: String..., by client: ConnectionID) -> Int? {
        driver.command(words, to: client)
        core.checkInvariants()
        return place(of: words)
    }

    /// The server at which a request has arrived since the last look; nil when none has it.
    func place(of words: [String]) -> Int? {
        settle()
        var found: Int?
        for case let connection? in core.links where connection.id != nil && connection.isForClients
        {
            // A walk begins when the process at the other end has said who it is.
            if connection.isReady, connection.tag == nil,
                case .gathered? = connection.specials.first
            {
                #expect(proxy.sent(to: connection.link) == Wire.text("INFO", "server"))
                proxy.says(
                    Wire.bulk("run_id:\(facts[connection.server].runID)\r\n"), on: connection.link)
            }
            let sent = requests(in: proxy.sent(to: connection.link))
            for request in sent {
                if request == words {
                    #expect(found == nil, "a request was sent twice")
                    found = connection.server
                } else if request == ["ROLE"] {
                    vetoes.append(connection.link)
                }
            }
        }
        return found
    }

    /// Connections on which a replica was asked for its role, and has not answered.
    private(set) var vetoes: [LinkID] = []

    /// Answers ROLE where it was asked.
    func answerVetoes() {
        let asked = vetoes
        vetoes = []
        for link in asked { answerRole(on: link) }
    }

    func answerRole(on link: LinkID) {
        proxy.says(role(of: core.links[Int(link.number)]!.server), on: link)
    }

    private func role(of server: Int) -> String {
        let facts = facts[server]
        if facts.role == "master" {
            return "*3\r\n" + Wire.bulk("master") + ":\(facts.offset)\r\n*0\r\n"
        }
        let place = facts.following.split(separator: ":")
        return "*5\r\n" + Wire.bulk("slave") + Wire.bulk(String(place[0])) + ":\(place[1])\r\n"
            + Wire.bulk(facts.state) + ":\(facts.offset)\r\n"
    }

    /// A write that the master has answered.
    func write(_ words: String..., by client: ConnectionID) {
        driver.command(words, to: client)
        #expect(place(of: words) == 0)
        proxy.says("+OK\r\n", on: masterWrites)
        #expect(driver.output(of: client) == "+OK\r\n")
    }

    /// Requests in what was sent, as words.
    private func requests(in text: String) -> [[String]] {
        var lines = text.split(separator: "\r\n", omittingEmptySubsequences: false)[...]
        var requests: [[String]] = []
        while let header = lines.first, header.first == "*", let count = Int(header.dropFirst()) {
            lines = lines.dropFirst()
            var words: [String] = []
            for _ in 0..<count {
                words.append(String(lines[lines.startIndex + 1]))
                lines = lines.dropFirst(2)
            }
            requests.append(words)
        }
        return requests
    }
}
