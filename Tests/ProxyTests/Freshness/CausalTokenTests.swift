// Causal tokens: what stands for a position, which master has it, and reads behind it at every level.

import RESP
import TestSupport
import Testing

@testable import Proxy

@Suite struct CausalTokenTests {
    private static func report(
        _ history: String?, _ offset: Int?, former: (String, Int)? = nil,
        role: ServerReport.Role = .master
    ) -> ServerReport {
        var report = ServerReport()
        report.role = role
        report.replicationID = history
        report.offset = offset
        report.formerReplicationID = former?.0
        report.formerEnd = former?.1
        return report
    }

    private static func token(_ history: String, _ offset: Int) -> CausalToken {
        CausalToken(report(history, offset))!
    }

    // MARK: Tokens

    @Test(arguments: [0, 1, 1_234_567, Int.max]) func text(_ offset: Int) {
        let token = Self.token("history-1", offset)
        let text = token.text
        #expect(CausalToken(text.span) == token)
        #expect(text.count <= 64)
        #expect(text.allSatisfy { $0 > 0x20 && $0 < 0x7F })
        // Who holds a token does not learn the replication id.
        #expect(!String(decoding: text, as: UTF8.self).contains("history"))
    }

    /// No part of a token is one, and neither is one with a letter changed, added or in another case.
    @Test func onlyWhatWasGiven() {
        let text = Self.token("history-1", 123).text
        for end in 0..<text.count {
            let part = Array(text[..<end])
            #expect(CausalToken(part.span) == nil)
            for byte in [UInt8(ascii: "0"), UInt8(ascii: "a"), UInt8(ascii: "-"), 0, 0xFF]
            where text[end] != byte {
                var changed = text
                changed[end] = byte
                #expect(CausalToken(changed.span) == nil)
            }
        }
        for other in [text + [UInt8(ascii: "0")], [UInt8(ascii: " ")] + text, text + text] {
            #expect(CausalToken(other.span) == nil)
        }
        let shouted = String(decoding: text, as: UTF8.self).uppercased()
        #expect(CausalToken(Array(shouted.utf8).span) == nil)
    }

    /// A server that is no master, or does not say where it is, gives none.
    @Test func noPosition() {
        #expect(CausalToken(Self.report("h", 1, role: .replica)) == nil)
        #expect(CausalToken(Self.report(nil, 1)) == nil)
        #expect(CausalToken(Self.report("h", nil)) == nil)
    }

    /// Offsets of one history are comparable, and of the one that it went out from as long as both were the same:
    /// `second_repl_offset` is the first that may not be.
    @Test(arguments: [
        (report("h", 100), true), (report("h", 101), true), (report("h", 99), false),
        (report("g", 500, former: ("h", 101)), true), (report("g", 500, former: ("h", 100)), false),
        (report("g", 500, former: ("f", 900)), false), (report("g", 500), false),
        (report(nil, 500), false), (report("h", nil), false),
        (report("g", 500, former: (String(repeating: "0", count: 40), -1)), false),
        (report("h", 100, role: .replica), false),
    ])
    func trapB2_whoHasIt(_ report: ServerReport, _ isReached: Bool) {
        #expect(Self.token("h", 100).isReached(by: report) == isReached)
    }

    // MARK: PROXY TOKEN

    /// The proxy's questions over the master's connection for them that are not answered: whether it is asked where it
    /// is. The question is left to `settle` to answer.
    private func isAsking(_ proxy: FreshProxy) -> Bool { proxy.core.causalWaits.isAsking }

    /// The master is asked behind the replies to what the client has sent, and no earlier; what stands behind waits.
    @Test func askedBehindTheReplies() {
        let proxy = FreshProxy()
        let client = proxy.driver.connect()
        let requests = [["SET", "k", "1"], ["PROXY", "TOKEN"], ["PING"]]
        proxy.driver.send(Wire.pipeline(requests), to: client)
        #expect(!isAsking(proxy))
        #expect(proxy.place(of: ["SET", "k", "1"]) == 0)
        proxy.facts[0].offset = 150
        proxy.proxy.says("+OK\r\n", on: proxy.masterWrites)
        #expect(isAsking(proxy))
        proxy.facts[0].offset = 200
        #expect(proxy.place(of: ["PING"]) == 1)
        let token = String(decoding: Self.token("history-1", 200).text, as: UTF8.self)
        #expect(proxy.driver.output(of: client) == "+OK\r\n" + Wire.bulk(token))
    }

    /// Who asks while the master is being asked has it asked again: its replies may be behind the first question.
    @Test func askedAnewForThoseThatComeLater() {
        let proxy = FreshProxy()
        let (first, second) = (proxy.driver.connect(), proxy.driver.connect())
        proxy.driver.command(["PROXY", "TOKEN"], to: first)
        proxy.driver.command(["PROXY", "TOKEN"], to: second)
        #expect(proxy.core.causalWaits.asked.map(\.client) == [first])
        #expect(proxy.core.causalWaits.waiting.map(\.client) == [second])
        proxy.settle()
        let token = Wire.bulk(String(decoding: Self.token("history-1", 100).text, as: UTF8.self))
        #expect(proxy.driver.output(of: first) == token)
        #expect(proxy.driver.output(of: second) == token)
        #expect(proxy.core.causalWaits.isEmpty)
    }

    /// While a name moves from one server to another, the one that says where it is may not be the one that has
    /// acknowledged the writes.
    @Test func anotherProcessSaysWhereItIs() {
        let proxy = FreshProxy()
        let client = proxy.driver.connect()
        proxy.write("SET", "k", "1", by: client)
        let run = proxy.facts[0].runID
        proxy.facts[0].runID = "run-of-another"
        proxy.driver.command(["PROXY", "TOKEN"], to: client)
        proxy.settle()
        #expect(proxy.driver.output(of: client) == "")
        proxy.facts[0].runID = run
        proxy.driver.pass(.milliseconds(20))
        proxy.settle()
        #expect(proxy.driver.output(of: client).hasPrefix("$"))
    }

    /// A master that does not answer, or is away, is waited for as long as a request may take.
    @Test(arguments: [true, false], [true, false]) func silentMaster(
        _ isAway: Bool, _ isToken: Bool
    ) {
        let proxy = FreshProxy()
        let client = proxy.driver.connect()
        let control = proxy.core.servers[0].control!.link
        if isAway { proxy.proxy.cut(control) }
        let token = String(decoding: Self.token("history-1", 1).text, as: UTF8.self)
        proxy.driver.command(isToken ? ["PROXY", "TOKEN"] : ["PROXY", "AFTER", token], to: client)
        for _ in 0..<9 { proxy.driver.pass(.seconds(1)) }
        #expect(proxy.driver.output(of: client) == "")
        proxy.driver.pass(.seconds(2))
        #expect(
            proxy.driver.output(of: client)
                == "-NOTFRESH the master cannot be asked where it is\r\n")
        #expect(proxy.core.clients[client]!.after == (isToken ? .nothing : .master))
        #expect(proxy.core.causalWaits.isEmpty)
        proxy.core.checkInvariants()
    }

    /// A question that is never answered ends with its connection, and the next one goes over the new one.
    @Test func lostConnection() {
        let proxy = FreshProxy()
        let client = proxy.driver.connect()
        proxy.driver.command(["PROXY", "TOKEN"], to: client)
        #expect(isAsking(proxy))
        proxy.driver.pass(.seconds(2))
        proxy.proxy.cut(proxy.core.servers[0].control!.link)
        #expect(!isAsking(proxy))
        proxy.settle()
        proxy.driver.pass(.milliseconds(200))
        proxy.settle()
        #expect(proxy.driver.output(of: client).hasPrefix("$"))
    }

    /// Servers that are never asked how they are have no position.
    @Test func unaskedServers() {
        let proxy = ProxyUnderTest(replicas: 1)
        let client = proxy.driver.connect()
        #expect(proxy.driver.ask("PROXY", "TOKEN", on: client).hasPrefix("-ERR tokens need "))
        let token = String(decoding: Self.token("h", 1).text, as: UTF8.self)
        #expect(proxy.driver.ask("PROXY", "AFTER", token, on: client).hasPrefix("-ERR tokens "))
        #expect(proxy.core.clients[client]!.after == .master)
    }

    // MARK: PROXY AFTER

    /// Another service has written past this proxy, and hands over a token.
    private func after(_ proxy: FreshProxy, _ token: CausalToken, by client: ConnectionID) -> String
    {
        let text = String(decoding: token.text, as: UTF8.self)
        proxy.driver.command(["PROXY", "AFTER", text], to: client)
        proxy.settle()
        return proxy.driver.output(of: client)
    }

    private func reading(
        _ level: Consistency, replicas: Int = 1,
        configure: (inout ProxyConfiguration) -> Void = { _ in }
    ) -> (FreshProxy, ConnectionID) {
        let proxy = FreshProxy(replicas: replicas) {
            $0.reads.maxLag = .seconds(60)
            configure(&$0)
        }
        proxy.probe()
        proxy.publish()
        let client = proxy.driver.connect()
        #expect(
            proxy.driver.ask("PROXY", "CONSISTENCY", level.rawValue, on: client) == "+OK\r\n")
        if level == .session {
            proxy.publish()
        }
        return (proxy, client)
    }

    private static let before = token("history-1", 90)

    /// Whatever the level, a replica answers only when it has delivered what was published behind the token.
    @Test(arguments: Consistency.allCases) func atEveryLevel(_ level: Consistency) {
        let (proxy, client) = reading(level)
        let alike = level == .master ? 0 : 1
        #expect(proxy.ask("GET", "k", by: client) == alike)
        proxy.answerVetoes()
        proxy.proxy.says("$-1\r\n", on: alike == 0 ? proxy.masterReads : proxy.reads(of: 0))
        _ = proxy.driver.output(of: client)
        #expect(after(proxy, Self.before, by: client) == "+OK\r\n")
        proxy.driver.command(["GET", "k"], to: client)
        var place = proxy.place(of: ["GET", "k"])
        if level == .session {
            // A session waits a little for a replica, rather than see more at the master.
            #expect(place == nil)
            for _ in 0..<10 where place == nil {
                proxy.driver.pass(.milliseconds(1))
                place = proxy.place(of: ["GET", "k"])
            }
        }
        #expect(place == 0)
        proxy.proxy.says("$-1\r\n", on: proxy.masterReads)
        proxy.publish()
        #expect(proxy.ask("GET", "k", by: client) == alike)
    }

    /// Without the master, reads behind a token wait for a replica, and no longer than a request may take.
    @Test(arguments: [true, false]) func withoutTheMaster(_ isDelivered: Bool) {
        let (proxy, client) = reading(.eventual) { $0.reads.includeMaster = .never }
        #expect(after(proxy, Self.before, by: client) == "+OK\r\n")
        #expect(proxy.ask("GET", "k", by: client) == nil)
        proxy.publish(isDelivered: isDelivered)
        proxy.driver.pass(.milliseconds(2))
        #expect(proxy.place(of: ["GET", "k"]) == (isDelivered ? 1 : nil))
        guard !isDelivered else { return }
        for _ in 0..<11 { proxy.driver.pass(.seconds(1)) }
        #expect(proxy.driver.output(of: client).hasPrefix("-NOTFRESH "))
    }

    /// What the master does not have for certain is refused, and the reads behind it go to the master: what another
    /// deployment gave, or this one before it lost some of its history. A later token counts again, and RESET ends all.
    @Test func trapB2_refusedTokens() {
        let (proxy, client) = reading(.eventual)
        for token in [
            Self.token("history-of-others", 1), Self.token("history-1", 101),
        ] {
            #expect(after(proxy, token, by: client).hasPrefix("-LOSTTOKEN "))
            #expect(proxy.ask("GET", "k", by: client) == 0)
            proxy.proxy.says("$-1\r\n", on: proxy.masterReads)
            _ = proxy.driver.output(of: client)
        }
        for text in ["", "s1", "s1-0123456789abcdef01234567-5-00000000"] {
            let answer = proxy.driver.ask("PROXY", "AFTER", text, on: client)
            #expect(answer.hasPrefix("-BADTOKEN "))
            #expect(proxy.core.clients[client]!.after == .master)
        }
        #expect(after(proxy, Self.before, by: client) == "+OK\r\n")
        proxy.publish()
        #expect(proxy.ask("GET", "k", by: client) == 1)
        proxy.answerVetoes()
        proxy.proxy.says("$-1\r\n", on: proxy.reads(of: 0))
        _ = proxy.driver.output(of: client)
        _ = proxy.driver.ask("PROXY", "AFTER", "nonsense", on: client)
        #expect(proxy.driver.ask("RESET", on: client) == "+RESET\r\n")
        #expect(proxy.core.clients[client]!.after == .nothing)
    }

    /// After a failover the new master has what its own history went out from, and nothing that the old one did later.
    @Test func failover() {
        let (proxy, client) = reading(.eventual)
        proxy.facts[0].history = "history-2"
        proxy.facts[0].former = ("history-1", 96)
        proxy.facts[0].offset = 300
        proxy.probe()
        #expect(after(proxy, Self.token("history-1", 95), by: client) == "+OK\r\n")
        #expect(after(proxy, Self.token("history-1", 96), by: client).hasPrefix("-LOSTTOKEN "))
        #expect(after(proxy, Self.token("history-2", 300), by: client) == "+OK\r\n")
    }

    /// A master that has begun another history is believed once a probe has found it, and what was known of the
    /// replicas is void.
    @Test func failoverBeforeAProbe() {
        let (proxy, client) = reading(.eventual)
        proxy.facts[0].history = "history-2"
        proxy.facts[0].offset = 300
        #expect(after(proxy, Self.token("history-2", 300), by: client) == "")
        proxy.probe()
        proxy.driver.pass(.milliseconds(20))
        proxy.settle()
        #expect(proxy.driver.output(of: client) == "+OK\r\n")
        #expect(proxy.core.freshness.proofs[1].look() == nil)
    }

    /// A proxy that publishes no watermarks cannot tell which replica has a token: the master answers.
    @Test func withoutWatermarks() {
        let proxy = FreshProxy(isProved: false) { $0.reads.consistency = .eventual }
        proxy.probe()
        let client = proxy.driver.connect()
        #expect(proxy.ask("GET", "k", by: client) == 1)
        proxy.proxy.says("$-1\r\n", on: proxy.reads(of: 0))
        _ = proxy.driver.output(of: client)
        #expect(after(proxy, Self.before, by: client) == "+OK\r\n")
        #expect(proxy.ask("GET", "k", by: client) == 0)
    }

    /// Requests behind PROXY AFTER in the same piece are carried out behind it, a transaction that reads as well.
    @Test(arguments: [true, false]) func inOnePiece(_ isTransaction: Bool) {
        let (proxy, client) = reading(.eventual)
        let text = String(decoding: Self.before.text, as: UTF8.self)
        let reads = isTransaction ? [["MULTI"], ["GET", "k"], ["EXEC"]] : [["GET", "k"]]
        proxy.driver.send(
            Wire.pipeline([["GET", "j"], ["PROXY", "AFTER", text]] + reads), to: client)
        #expect(proxy.place(of: ["GET", "j"]) == 1)
        proxy.proxy.says("$1\r\nj\r\n", on: proxy.reads(of: 0))
        #expect(proxy.place(of: ["GET", "k"]) == 0)
        let block = "+OK\r\n+QUEUED\r\n*1\r\n$1\r\nk\r\n"
        proxy.proxy.says(isTransaction ? block : "$1\r\nk\r\n", on: proxy.masterReads)
        #expect(
            proxy.driver.output(of: client)
                == "$1\r\nj\r\n+OK\r\n" + (isTransaction ? block : "$1\r\nk\r\n"))
    }

    /// Neither has a place between MULTI and EXEC, or where a client of RESP2 listens.
    @Test(arguments: [["PROXY", "TOKEN"], ["PROXY", "AFTER", "x"]]) func whereTheyHaveNoPlace(
        _ words: [String]
    ) {
        let proxy = FreshProxy()
        let client = proxy.driver.connect()
        #expect(proxy.driver.ask("MULTI", on: client) == "+OK\r\n")
        proxy.driver.command(words, to: client)
        #expect(proxy.driver.output(of: client).hasPrefix("-ERR "))
        #expect(proxy.driver.ask("EXEC", on: client).hasPrefix("-EXECABORT "))
        proxy.driver.command(["SUBSCRIBE", "c"], to: client)
        proxy.settle()
        let listening = proxy.core.links.compactMap { $0 }.first { $0.use == .alone }!
        proxy.proxy.says(
            "*3\r\n" + Wire.bulk("subscribe") + Wire.bulk("c") + ":1\r\n", on: listening.link)
        _ = proxy.driver.output(of: client)
        proxy.driver.command(words, to: client)
        #expect(proxy.driver.output(of: client).contains("only (P|S)SUBSCRIBE"))
        #expect(proxy.core.causalWaits.isEmpty)
        #expect(proxy.core.clients[client]!.after == .nothing)
    }

    /// A replica that has been pointed elsewhere since it delivered the watermark is vetoed, at any level.
    @Test(arguments: [Consistency.eventual, .bounded]) func veto(_ level: Consistency) {
        let (proxy, client) = reading(level)
        #expect(after(proxy, Self.before, by: client) == "+OK\r\n")
        proxy.publish()
        proxy.facts[1].following = "10.0.0.9:6379"
        #expect(proxy.ask("GET", "k", by: client) == 1)
        #expect(proxy.vetoes.count == 1)
        proxy.answerVetoes()
        #expect(proxy.place(of: ["GET", "k"]) == 0)
    }

    /// A read whose replica is lost goes to the master, not to another that may lack the token.
    @Test func lostReplica() {
        let (proxy, client) = reading(.eventual, replicas: 2)
        #expect(after(proxy, Self.before, by: client) == "+OK\r\n")
        proxy.publish(isDelivered: false)
        proxy.deliver(at: 0)
        #expect(proxy.ask("GET", "k", by: client) == 1)
        proxy.proxy.cut(proxy.reads(of: 0))
        #expect(proxy.place(of: ["GET", "k"]) == 0)
    }

    /// The same of one that is set aside: another with its tag may lack the token.
    @Test func lostTaggedReplica() {
        let (proxy, client) = reading(.eventual, replicas: 2) {
            for number in 0..<2 { $0.backends.replicas[number].place.tags = ["slow"] }
            $0.commands = [CommandRule(name: "KEYS", route: .replica(tag: "slow"))]
        }
        #expect(after(proxy, Self.before, by: client) == "+OK\r\n")
        proxy.publish(isDelivered: false)
        proxy.deliver(at: 0)
        #expect(proxy.ask("KEYS", "*", by: client) == 1)
        proxy.proxy.cut(proxy.reads(of: 0))
        #expect(proxy.place(of: ["KEYS", "*"]) == 0)
    }

    /// A command that a rule sends to a tag goes there when the replica has the token.
    @Test func taggedCommands() {
        let (proxy, client) = reading(.eventual, replicas: 2) {
            $0.backends.replicas[1].place.tags = ["slow"]
            $0.commands = [CommandRule(name: "KEYS", route: .replica(tag: "slow"))]
        }
        #expect(after(proxy, Self.before, by: client) == "+OK\r\n")
        #expect(proxy.ask("KEYS", "*", by: client) == 0)
        proxy.proxy.says("*0\r\n", on: proxy.masterWrites)
        proxy.publish()
        #expect(proxy.ask("KEYS", "*", by: client) == 2)
    }
}
