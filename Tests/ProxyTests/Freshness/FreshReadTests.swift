// Level `fresh`: where reads go before, while and after what they read is written, and what is believed of replicas.

import RESP
import TestSupport
import Testing

@testable import Proxy

@Suite struct FreshReadTests {
    /// A proxy that has just started begins as if every key had just been written.
    @Test func coldStart() {
        let proxy = FreshProxy(isProved: false)
        let client = proxy.driver.connect()
        #expect(proxy.ask("GET", "k", by: client) == 0)
        proxy.proxy.says("$-1\r\n", on: proxy.masterReads)
        proxy.publish()
        #expect(proxy.ask("GET", "k", by: client) == 1)
    }

    /// The life of a fence: on its way, acknowledged, published, delivered.
    @Test func lifeOfAFence() {
        let proxy = FreshProxy()
        let (writer, reader) = (proxy.driver.connect(), proxy.driver.connect())
        #expect(proxy.ask("SET", "k", "1", by: writer) == 0)
        #expect(proxy.ask("GET", "k", by: reader) == 0)
        proxy.proxy.says("$1\r\n1\r\n", on: proxy.masterReads)
        #expect(proxy.ask("GET", "other", by: reader) == 1)
        proxy.answerVetoes()
        proxy.proxy.says("$-1\r\n", on: proxy.reads(of: 0))
        proxy.proxy.says("+OK\r\n", on: proxy.masterWrites)
        #expect(proxy.ask("GET", "k", by: reader) == 0)
        proxy.proxy.says("$1\r\n1\r\n", on: proxy.masterReads)
        proxy.publish(isDelivered: false)
        #expect(proxy.ask("GET", "k", by: reader) == 0)
        proxy.proxy.says("$1\r\n1\r\n", on: proxy.masterReads)
        proxy.deliver(at: 0)
        #expect(proxy.ask("GET", "k", by: reader) == 1)
    }

    /// A watermark stands behind all that is in when the driver asks for it, and behind nothing that comes later.
    @Test func oneWatermarkForATurn() {
        let proxy = FreshProxy()
        let clients = (0..<3).map { _ in proxy.driver.connect() }
        for (number, client) in clients.enumerated() {
            proxy.write("SET", "k\(number)", "1", by: client)
        }
        let before = proxy.published.count
        proxy.publish()
        #expect(proxy.published.count == before + 1)
        #expect(proxy.ask("MGET", "k0", "k1", "k2", by: clients[0]) == 1)
    }

    /// All keys count: one that is fenced is enough.
    @Test func severalKeys() {
        let proxy = FreshProxy()
        let client = proxy.driver.connect()
        proxy.write("MSET", "a", "1", "b", "2", by: client)
        #expect(proxy.ask("MGET", "x", "b", by: client) == 0)
        proxy.proxy.says("*0\r\n", on: proxy.masterReads)
        #expect(proxy.ask("MGET", "x", "y", by: client) == 1)
    }

    /// Of two replicas the one is read that has what is needed (the other lags).
    @Test func theOneThatHasIt() {
        let proxy = FreshProxy(replicas: 2)
        let client = proxy.driver.connect()
        proxy.write("SET", "k", "1", by: client)
        proxy.publish(isDelivered: false)
        proxy.deliver(at: 1)
        for _ in 0..<8 {
            #expect(proxy.ask("GET", "k", by: client) == 2)
            proxy.answerVetoes()
            proxy.proxy.says("$1\r\n1\r\n", on: proxy.reads(of: 1))
        }
    }

    /// What raises a fence for every key, and what raises none.
    @Test(arguments: [
        (["FLUSHALL"], true), (["SWAPDB", "0", "1"], true), (["EVAL", "return 1", "1", "x"], true),
        (["FUNCTION", "LOAD", "x"], true), (["FCALL", "f", "1", "x"], true),
        (["SET", "x", "1"], false), (["PUBLISH", "x", "1"], false),
        (["CONFIG", "SET", "maxmemory", "1"], false), (["COPY", "x", "y"], false),
        (["SORT", "x", "BY", "w_*", "STORE", "y"], true), (["PFCOUNT", "x"], false),
        (["SET", "x"], false),
    ])
    func trapA10_A11_fencesForAll(_ words: [String], _ isForAll: Bool) {
        let proxy = FreshProxy()
        let (writer, reader) = (proxy.driver.connect(), proxy.driver.connect())
        proxy.driver.command(words, to: writer)
        #expect(proxy.place(of: words) == 0)
        #expect(proxy.ask("GET", "k", by: reader) == (isForAll ? 0 : 1))
        proxy.answerVetoes()
        let link = isForAll ? proxy.masterReads : proxy.reads(of: 0)
        proxy.proxy.says("$-1\r\n", on: link)
        proxy.proxy.says("+OK\r\n", on: proxy.masterWrites)
        #expect(proxy.ask("GET", "k", by: reader) == (isForAll ? 0 : 1))
        proxy.answerVetoes()
        proxy.proxy.says("$-1\r\n", on: link)
        proxy.publish()
        #expect(proxy.ask("GET", "k", by: reader) == 1)
    }

    /// A script that comes in parts is one all the same, by itself and in a transaction.
    @Test(arguments: [10, 5_000], [true, false])
    func trapA10_largeScripts(length: Int, isTransaction: Bool) {
        let proxy = FreshProxy { $0.limits.privateAbove = 1_000 }
        let (writer, reader) = (proxy.driver.connect(), proxy.driver.connect())
        if isTransaction { proxy.driver.command(["MULTI"], to: writer) }
        let digest = String(repeating: "a", count: 40)
        let script = Wire.request(
            ["EVALSHA", digest, "1", "k", String(repeating: "v", count: length)])
        for start in stride(from: 0, to: script.count, by: 700) {
            proxy.driver.send(Array(script[start..<min(start + 700, script.count)]), to: writer)
            proxy.settle()
        }
        if isTransaction { proxy.driver.command(["EXEC"], to: writer) }
        proxy.settle()
        #expect(proxy.core.fencesRaised == 1)
        #expect(proxy.ask("GET", "k", by: reader) == 0)
    }

    /// Scripts that keep to what they declare fence that alone, when the configuration says that they do.
    @Test func trapA10_declaredKeys() {
        let proxy = FreshProxy { $0.scripts = .declared }
        let (writer, reader) = (proxy.driver.connect(), proxy.driver.connect())
        _ = proxy.ask("EVAL", "return 1", "1", "x", by: writer)
        #expect(proxy.ask("GET", "k", by: reader) == 1)
        proxy.answerVetoes()
        proxy.proxy.says("$-1\r\n", on: proxy.reads(of: 0))
        #expect(proxy.ask("GET", "x", by: reader) == 0)
    }

    /// Reads of keys that cannot be told need everything, and nothing on its way.
    @Test(arguments: [
        ["KEYS", "*"], ["SORT_RO", "x", "BY", "w_*"], ["EVAL_RO", "return 1", "1", "x"],
        ["FCALL_RO", "f", "0"],
    ])
    func trapA6_unknownKeys(_ words: [String]) {
        let proxy = FreshProxy()
        let (writer, reader) = (proxy.driver.connect(), proxy.driver.connect())
        _ = proxy.ask("SET", "far", "1", by: writer)
        proxy.driver.command(words, to: reader)
        #expect(proxy.place(of: words) == 0)
        proxy.proxy.says("*0\r\n", on: proxy.masterReads)
        proxy.proxy.says("+OK\r\n", on: proxy.masterWrites)
        proxy.driver.command(words, to: reader)
        #expect(proxy.place(of: words) == 0)
        proxy.proxy.says("*0\r\n", on: proxy.masterReads)
        proxy.publish()
        proxy.driver.command(words, to: reader)
        #expect(proxy.place(of: words) == 1)
    }

    /// Writes outside the shared path fence too: a transaction, whether it is queued here or watched for at the master,
    /// a blocking command, a large request.
    @Test func trapA9_writesElsewhere() {
        let proxy = FreshProxy()
        let (writer, reader) = (proxy.driver.connect(), proxy.driver.connect())
        for words in [["MULTI"], ["SET", "a", "1"], ["EXEC"]] {
            proxy.driver.command(words, to: writer)
        }
        #expect(proxy.ask("GET", "a", by: reader) == 0)
        proxy.proxy.says("$-1\r\n", on: proxy.masterReads)
        proxy.proxy.says("+OK\r\n+QUEUED\r\n*1\r\n+OK\r\n", on: proxy.masterWrites)
        proxy.publish()
        #expect(proxy.ask("GET", "a", by: reader) == 1)
        proxy.answerVetoes()
        proxy.proxy.says("$1\r\n1\r\n", on: proxy.reads(of: 0))
        let blocked = proxy.driver.connect()
        proxy.driver.command(["BLMOVE", "q", "p", "LEFT", "LEFT", "0"], to: blocked)
        proxy.settle()
        for key in ["q", "p"] {
            #expect(proxy.ask("LLEN", key, by: reader) == 0)
            proxy.proxy.says(":0\r\n", on: proxy.masterReads)
        }
    }

    /// The mark outlives a blocked client that leaves: the server may have served it already (traps A7, A9).
    @Test func trapA9_blockedClientThatLeaves() {
        let proxy = FreshProxy()
        let (blocked, reader) = (proxy.driver.connect(), proxy.driver.connect())
        proxy.driver.command(["BLPOP", "q", "0"], to: blocked)
        proxy.settle()
        proxy.killAnswer = nil
        proxy.driver.cut(blocked)
        proxy.settle()
        #expect(proxy.killed.count == 1)
        #expect(proxy.ask("LLEN", "q", by: reader) == 0)
        proxy.proxy.says(":0\r\n", on: proxy.masterReads)
        proxy.proxy.says(":1\r\n", on: proxy.core.servers[0].control!.link)
        proxy.publish()
        #expect(proxy.ask("LLEN", "q", by: reader) == 1)
    }

    /// A write on a connection that died may run later: its key is the master's alone, and no new write is sent, until
    /// the server has closed what is left of that connection.
    @Test func trapA7_writesThatMayRunYet() {
        let proxy = FreshProxy()
        let (writer, other) = (proxy.driver.connect(), proxy.driver.connect())
        _ = proxy.ask("SET", "k", "1", by: writer)
        proxy.driver.pass(.seconds(2))
        proxy.settle()
        proxy.killAnswer = nil
        proxy.proxy.cut(proxy.masterWrites)
        proxy.settle()
        #expect(proxy.killed.count == 1)
        proxy.driver.command(["SET", "k", "2"], to: other)
        #expect(proxy.place(of: ["SET", "k", "2"]) == nil)
        let reader = proxy.driver.connect()
        #expect(proxy.ask("GET", "k", by: reader) == 0)
        proxy.proxy.says("$-1\r\n", on: proxy.masterReads)
        proxy.proxy.says(":1\r\n", on: proxy.core.servers[0].control!.link)
        #expect(proxy.place(of: ["SET", "k", "2"]) == 0)
        proxy.proxy.says("+OK\r\n", on: proxy.masterWrites)
        #expect(proxy.driver.output(of: other) == "+OK\r\n")
        proxy.publish()
        #expect(proxy.ask("GET", "k", by: reader) == 1)
        #expect(proxy.core.servers[0].doubts.isEmpty)
    }

    /// What is known of a replica is void when it follows another, has another process or has fallen behind itself, and
    /// old watermarks do not prove it again.
    @Test(arguments: [0, 1, 2, 3]) func trapA2b_knowledgeIsOfOneLink(_ change: Int) {
        let proxy = FreshProxy()
        let client = proxy.driver.connect()
        let old = proxy.published.last!
        switch change {
        case 0: proxy.facts[1].following = "10.0.0.9:6379"
        case 1: proxy.facts[1].runID = "run-anew"
        case 2: proxy.facts[1].offset = 50
        default: proxy.facts[1].isSyncing = true
        }
        proxy.probe()
        #expect(proxy.core.freshness.proofs[1].look() == nil)
        proxy.deliver(old, at: 0)
        #expect(proxy.core.freshness.proofs[1].look() == nil)
        #expect(proxy.ask("GET", "k", by: client) == 0)
    }

    /// Between two probes ROLE speaks: reads of what was written lately are done by the master, and none of their
    /// replies is passed on.
    @Test(arguments: [0, 1, 2]) func trapA2b_veto(_ change: Int) {
        let proxy = FreshProxy()
        let (writer, reader, other) = (
            proxy.driver.connect(), proxy.driver.connect(), proxy.driver.connect()
        )
        proxy.write("SET", "k", "2", by: writer)
        proxy.publish()
        switch change {
        case 0: proxy.facts[1].following = "10.0.0.9:6379"
        case 1: proxy.facts[1].offset = 50
        default: proxy.facts[1].state = "sync"
        }
        #expect(proxy.ask("GET", "k", by: reader) == 1)
        #expect(proxy.ask("GET", "j", by: other) == 1)
        #expect(proxy.vetoes.count == 1)
        proxy.answerVetoes()
        #expect(proxy.place(of: ["GET", "k"]) == 0)
        proxy.proxy.says("$1\r\n1\r\n$1\r\n1\r\n", on: proxy.reads(of: 0))
        #expect(proxy.driver.output(of: reader) == "")
        proxy.proxy.says("$1\r\n2\r\n$1\r\n3\r\n", on: proxy.masterReads)
        #expect(proxy.driver.output(of: reader) == "$1\r\n2\r\n")
        #expect(proxy.driver.output(of: other) == "$1\r\n3\r\n")
        #expect(proxy.core.freshness.proofs[1].look() == nil)
    }

    /// A link that is merely down freezes what is known: with the master gone replicas go on serving (trap A3).
    @Test func trapA3_frozenIsNotUnknown() {
        let proxy = FreshProxy()
        let (writer, reader) = (proxy.driver.connect(), proxy.driver.connect())
        proxy.write("SET", "k", "2", by: writer)
        proxy.publish()
        proxy.facts[1].state = "connect"
        proxy.facts[1].offset = -1
        #expect(proxy.ask("GET", "k", by: reader) == 1)
        proxy.answerVetoes()
        proxy.proxy.says("$1\r\n2\r\n", on: proxy.reads(of: 0))
        #expect(proxy.driver.output(of: reader) == "$1\r\n2\r\n")
    }

    /// One ROLE is enough for all reads of a turn, and none is asked for what nobody wrote lately.
    @Test func oneVetoForATurn() {
        let proxy = FreshProxy()
        let readers = (0..<3).map { _ in proxy.driver.connect() }
        proxy.driver.pass(.milliseconds(3))
        for reader in readers { proxy.driver.command(["GET", "k"], to: reader) }
        proxy.settle()
        let sent = proxy.proxy.sent(to: proxy.reads(of: 0))
        #expect(sent.split(separator: "ROLE").count == 2)
        // An hour later nothing of what was written then is recent.
        proxy.answerRole(on: proxy.reads(of: 0))
        proxy.proxy.says("$-1\r\n$-1\r\n$-1\r\n", on: proxy.reads(of: 0))
        for _ in 0..<70 { proxy.probe() }
        proxy.publish()
        proxy.driver.command(["GET", "k"], to: readers[0])
        #expect(!proxy.proxy.sent(to: proxy.reads(of: 0)).contains("ROLE"))
    }

    /// A connection to another process than the one that is proved carries no fresh reads (trap A5).
    @Test func trapA5_anotherProcess() {
        let proxy = FreshProxy()
        let client = proxy.driver.connect()
        proxy.driver.pass(.seconds(2))
        proxy.settle()
        proxy.publish()
        proxy.facts[1].runID = "run-anew"
        proxy.proxy.cut(proxy.reads(of: 0))
        proxy.settle()
        #expect(proxy.core.freshness.proofs[1].look() != nil)
        #expect(proxy.ask("GET", "k", by: client) == 0)
    }

    /// A message that looks like a watermark from elsewhere proves nothing: another channel, a number that was never
    /// given out (trap A15).
    @Test func trapA15_forgery() {
        let proxy = FreshProxy()
        let (writer, reader) = (proxy.driver.connect(), proxy.driver.connect())
        proxy.write("SET", "k", "1", by: writer)
        proxy.deliver(999_999, at: 0)
        let watcher = proxy.core.servers[1].watcher!.link
        proxy.proxy.says(
            "*3\r\n" + Wire.bulk("message") + Wire.bulk("__sluice__:other") + Wire.bulk("5"),
            on: watcher)
        #expect(proxy.ask("GET", "k", by: reader) == 0)
    }

    /// The master begins another history: nothing that was known is true of it.
    @Test(arguments: [true, false]) func trapA1_anotherHistory(_ isRestarted: Bool) {
        let proxy = FreshProxy()
        let client = proxy.driver.connect()
        if isRestarted {
            proxy.facts[0].runID = "run-anew"
        } else {
            for number in 0...1 { proxy.facts[number].history = "2" }
        }
        proxy.probe()
        #expect(proxy.core.freshness.proofs[1].look() == nil)
        #expect(proxy.ask("GET", "k", by: client) == 0)
        proxy.proxy.says("$-1\r\n", on: proxy.masterReads)
        proxy.publish()
        #expect(proxy.ask("GET", "k", by: client) == 1)
    }

    /// With `include_master: never` a read waits for its replica, and is told when it has waited long enough.
    @Test(arguments: [true, false]) func trapA14_waitsWithoutTheMaster(_ isDelivered: Bool) {
        let proxy = FreshProxy { $0.reads.includeMaster = .never }
        let client = proxy.driver.connect()
        proxy.write("SET", "k", "1", by: client)
        #expect(proxy.ask("GET", "k", by: client) == nil)
        proxy.publish(isDelivered: isDelivered)
        proxy.driver.pass(.milliseconds(2))
        #expect(proxy.place(of: ["GET", "k"]) == (isDelivered ? 1 : nil))
        guard !isDelivered else { return }
        for _ in 0..<11 { proxy.driver.pass(.seconds(1)) }
        #expect(proxy.driver.output(of: client).hasPrefix("-NOTFRESH "))
    }

    /// A transaction of reads waits as a read does, and is over when it has been refused.
    @Test(arguments: [true, false]) func trapA14_transactionsWait(_ isDelivered: Bool) {
        let proxy = FreshProxy { $0.writes.hold = .seconds(5) }
        let (writer, reader) = (proxy.driver.connect(), proxy.driver.connect())
        proxy.write("SET", "k", "1", by: writer)
        proxy.publish(isDelivered: false)
        proxy.lose(0)
        for words in [["MULTI"], ["GET", "k"], ["EXEC"]] {
            proxy.driver.command(words, to: reader)
        }
        proxy.settle()
        #expect(proxy.driver.output(of: reader) == "+OK\r\n+QUEUED\r\n")
        if isDelivered { proxy.deliver(at: 0) }
        proxy.driver.pass(.milliseconds(20))
        #expect(proxy.place(of: ["EXEC"]) == (isDelivered ? 1 : nil))
        guard !isDelivered else { return }
        for _ in 0..<12 {
            proxy.driver.pass(.seconds(1))
            proxy.settle()
        }
        let said = proxy.driver.output(of: reader)
        #expect(said.hasPrefix("-ERR cannot reach the master") || said.hasPrefix("-NOTFRESH"))
        #expect(proxy.driver.ask("DISCARD", on: reader) == "-ERR DISCARD without MULTI\r\n")
        proxy.core.checkInvariants()
    }

    /// With `include_master: never` a transaction of reads does not go to the master either.
    @Test(arguments: [true, false])
    func trapA14_transactionsWithoutTheMaster(_ isDelivered: Bool) {
        let proxy = FreshProxy { $0.reads.includeMaster = .never }
        let (writer, reader) = (proxy.driver.connect(), proxy.driver.connect())
        proxy.write("SET", "k", "1", by: writer)
        for words in [["MULTI"], ["GET", "k"], ["EXEC"]] {
            proxy.driver.command(words, to: reader)
        }
        #expect(proxy.place(of: ["EXEC"]) == nil)
        proxy.publish(isDelivered: isDelivered)
        proxy.driver.pass(.milliseconds(2))
        #expect(proxy.place(of: ["EXEC"]) == (isDelivered ? 1 : nil))
        guard !isDelivered else { return }
        _ = proxy.driver.output(of: reader)
        for _ in 0..<12 { proxy.driver.pass(.seconds(1)) }
        #expect(proxy.driver.output(of: reader).hasPrefix("-NOTFRESH"))
        #expect(proxy.driver.ask("DISCARD", on: reader) == "-ERR DISCARD without MULTI\r\n")
    }

    /// A client whose read waits is not read from meanwhile, as what it goes on sending would have to be kept.
    @Test func waitingReadersAreNotReadFrom() {
        let proxy = FreshProxy { $0.reads.includeMaster = .never }
        let client = proxy.driver.connect()
        proxy.write("SET", "k", "1", by: client)
        #expect(proxy.ask("GET", "k", by: client) == nil)
        proxy.driver.command(["GET", "k"], to: client)
        #expect(proxy.driver.paused.contains(client))
        for _ in 0..<20 {
            proxy.driver.wishes.removeAll()
            proxy.driver.pass(.milliseconds(1))
            #expect(proxy.driver.paused.contains(client))
        }
        proxy.publish()
        proxy.driver.pass(.milliseconds(2))
        proxy.settle()
        #expect(!proxy.driver.paused.contains(client))
    }

    /// A user who may not ask ROLE costs nobody else a replica: nothing is known by the refusal (trap A8).
    @Test func trapA8_roleIsRefused() {
        let proxy = FreshProxy()
        let (writer, reader) = (proxy.driver.connect(), proxy.driver.connect())
        proxy.write("SET", "k", "1", by: writer)
        proxy.publish()
        #expect(proxy.ask("GET", "k", by: reader) == 1)
        proxy.proxy.says(
            "-NOPERM this user has no permissions to run the 'role' command\r\n",
            on: proxy.reads(of: 0))
        #expect(proxy.place(of: ["GET", "k"]) == 0)
        proxy.proxy.says("$1\r\n1\r\n", on: proxy.reads(of: 0))
        proxy.proxy.says("$1\r\n1\r\n", on: proxy.masterReads)
        #expect(proxy.driver.output(of: reader) == "$1\r\n1\r\n")
        #expect(proxy.core.freshness.proofs[1].look() != nil)
        // What was written lately is the master's for whoever shares the lane; the rest is not.
        #expect(proxy.ask("GET", "k", by: reader) == 0)
        #expect(proxy.vetoes.count == 1)
        proxy.proxy.says("$1\r\n1\r\n", on: proxy.masterReads)
        for _ in 0..<70 { proxy.probe() }
        proxy.publish()
        #expect(proxy.ask("GET", "k", by: reader) == 1)
    }

    /// A call that is repeated because its script was missing stands behind a question of its own: the replica may have
    /// been pointed elsewhere since the call was sent first.
    @Test(arguments: [true, false]) func trapE6_repairedScript(_ isPointedElsewhere: Bool) {
        let proxy = FreshProxy()
        let (writer, reader) = (proxy.driver.connect(), proxy.driver.connect())
        let body = Array("return redis.call('get', KEYS[1])".utf8)
        proxy.core.scripts.remember(body.span)
        let digest = String(decoding: SHA1.hexadecimal(body.span), as: UTF8.self)
        let call = ["EVALSHA_RO", digest, "1", "k"]
        proxy.write("SET", "k", "2", by: writer)
        proxy.publish()
        proxy.driver.command(call, to: reader)
        #expect(proxy.place(of: call) == 1)
        proxy.answerVetoes()
        if isPointedElsewhere { proxy.facts[1].following = "10.0.0.9:6379" }
        proxy.driver.pass(.milliseconds(1))
        proxy.proxy.says("-NOSCRIPT No matching script.\r\n", on: proxy.reads(of: 0))
        #expect(proxy.place(of: call) == 1)
        #expect(proxy.vetoes.count == 1)
        proxy.answerVetoes()
        proxy.proxy.says(Wire.bulk(digest) + "$1\r\n1\r\n", on: proxy.reads(of: 0))
        #expect(proxy.driver.output(of: reader) == (isPointedElsewhere ? "" : "$1\r\n1\r\n"))
        #expect(proxy.place(of: call) == (isPointedElsewhere ? 0 : nil))
    }

    /// A user who may not ask ROLE has the call repeated at the master.
    @Test func trapE6_roleIsRefused() {
        let proxy = FreshProxy()
        let reader = proxy.driver.connect()
        let body = Array("return 1".utf8)
        proxy.core.scripts.remember(body.span)
        let digest = String(decoding: SHA1.hexadecimal(body.span), as: UTF8.self)
        let call = ["EVALSHA_RO", digest, "1", "k"]
        for _ in 0..<70 { proxy.probe() }
        proxy.publish()
        proxy.core.servers[1].lanes[0]!.mayNotAskRole = true
        proxy.driver.command(call, to: reader)
        #expect(proxy.place(of: call) == 1)
        proxy.proxy.says("-NOSCRIPT No matching script.\r\n", on: proxy.reads(of: 0))
        #expect(proxy.place(of: call) == 0)
        #expect(proxy.vetoes.isEmpty)
    }

    /// The master's offset does not move, as it has no backlog: what INFO says of both is equal, and proves nothing. A
    /// watermark that nobody delivers does not either (trap A2).
    @Test func trapA2_offsetsThatStandStill() {
        let proxy = FreshProxy()
        let (writer, reader) = (proxy.driver.connect(), proxy.driver.connect())
        proxy.facts[0].isBacklogActive = false
        proxy.probe()
        proxy.write("SET", "k", "2", by: writer)
        proxy.publish(isDelivered: false)
        for _ in 0..<3 { proxy.probe() }
        #expect(proxy.facts[0].offset == proxy.facts[1].offset)
        #expect(proxy.ask("GET", "k", by: reader) == 0)
    }

    /// Who hears of a write by a message, through this proxy, reads it: the message came behind the acknowledgement.
    @Test func trapA16_messageAsCause() {
        let proxy = FreshProxy()
        let (writer, listener) = (proxy.driver.connect(), proxy.driver.connect())
        proxy.driver.command(["SUBSCRIBE", "changes"], to: listener)
        proxy.settle()
        let own = proxy.core.links.compactMap { $0 }.first { $0.use == .alone && $0.id != nil }
        #expect(own?.server == 0)
        proxy.write("SET", "k", "2", by: writer)
        #expect(proxy.ask("PUBLISH", "changes", "k", by: writer) == 0)
        #expect(proxy.ask("GET", "k", by: proxy.driver.connect()) == 0)
    }

    /// A replica that has stayed with the master of before is read by nobody: it may be ahead of what has survived.
    @Test func trapA13_leftBehindWithTheOldHistory() {
        let proxy = FreshProxy(replicas: 2)
        let reader = proxy.driver.connect()
        proxy.facts[2].offset = 500
        proxy.lose(0)
        proxy.promote(demoting: false)
        #expect(proxy.core.master.index == 1)
        #expect(proxy.core.freshness.proofs[2].look() == nil)
        // It delivers what was published before, and says that it is well.
        proxy.deliver(proxy.published.last, at: 1)
        for _ in 0..<8 {
            #expect(proxy.ask("GET", "nobody-wrote", by: reader) == 1)
            proxy.proxy.says("$-1\r\n", on: proxy.core.master.lanes[0]!.readers[0].link)
        }
        proxy.core.checkInvariants()
    }

    /// Of a transaction that reads all keys count.
    @Test func trapE3_unionOfKeys() {
        let proxy = FreshProxy()
        let (writer, reader) = (proxy.driver.connect(), proxy.driver.connect())
        proxy.write("SET", "k", "1", by: writer)
        for words in [["MULTI"], ["GET", "x"], ["GET", "k"], ["EXEC"]] {
            proxy.driver.command(words, to: reader)
        }
        #expect(proxy.place(of: ["EXEC"]) == 0)
    }

    /// A veto takes only those reads away that ask for freshness.
    @Test func vetoLeavesEventualReads() {
        let proxy = FreshProxy()
        let (writer, reader, other) = (
            proxy.driver.connect(), proxy.driver.connect(), proxy.driver.connect()
        )
        #expect(proxy.driver.ask("PROXY", "CONSISTENCY", "eventual", on: other) == "+OK\r\n")
        proxy.write("SET", "k", "2", by: writer)
        proxy.publish()
        proxy.facts[1].following = "10.0.0.9:6379"
        #expect(proxy.ask("GET", "k", by: reader) == 1)
        #expect(proxy.ask("GET", "j", by: other) == 1)
        proxy.answerVetoes()
        #expect(proxy.place(of: ["GET", "k"]) == 0)
        proxy.proxy.says("$1\r\n1\r\n$1\r\n3\r\n", on: proxy.reads(of: 0))
        #expect(proxy.driver.output(of: reader) == "")
        #expect(proxy.driver.output(of: other) == "$1\r\n3\r\n")
    }

    /// Another worker voids a proof between the choice of a replica and the question for its role: no answer will do.
    @Test func proofThatIsVoidMeanwhile() {
        let proxy = FreshProxy()
        let connection = proxy.core.servers[1].lanes[0]!.readers[0]
        let need = Need.applied(proxy.core.freshness.next)
        proxy.driver.pass(.milliseconds(3))
        proxy.core.freshness.void(1)
        proxy.core.askForVeto(need, on: connection)
        guard case .veto(let seen)? = connection.specials.first else {
            Issue.record("nothing was asked")
            return
        }
        #expect(seen == .nothing)
    }

    /// PROXY CONSISTENCY changes the level of one connection.
    @Test func levels() {
        let proxy = FreshProxy()
        let client = proxy.driver.connect()
        proxy.write("SET", "k", "1", by: client)
        #expect(proxy.driver.ask("PROXY", "CONSISTENCY", on: client) == "+fresh\r\n")
        #expect(proxy.driver.ask("PROXY", "CONSISTENCY", "eventual", on: client) == "+OK\r\n")
        #expect(proxy.ask("GET", "k", by: client) == 1)
        proxy.proxy.says("$-1\r\n", on: proxy.reads(of: 0))
        _ = proxy.driver.output(of: client)
        #expect(proxy.driver.ask("PROXY", "CONSISTENCY", "MASTER", on: client) == "+OK\r\n")
        #expect(proxy.ask("GET", "nobody-wrote", by: client) == 0)
    }

    /// A replica falls silent: what any server may answer goes to the next one, what must be fresh to the master.
    @Test func silenceMovesFencedReadsToTheMaster() {
        let proxy = FreshProxy(replicas: 2)
        let (any, strict) = (proxy.driver.connect(), proxy.driver.connect())
        _ = proxy.driver.ask("PROXY", "CONSISTENCY", "eventual", on: any)
        let silence = { (number: Int, isSilent: Bool) in
            let server = proxy.core.servers[number]
            server.health.isSilent = isSilent
            proxy.core.changed(server)
        }
        silence(2, true)
        #expect(proxy.ask("GET", "x", by: any) == 1)
        #expect(proxy.ask("GET", "k", by: strict) == 1)
        silence(2, false)
        silence(1, true)
        proxy.driver.pass(.zero)
        proxy.settle()
        let sent = (
            proxy.proxy.sent(to: proxy.masterReads), proxy.proxy.sent(to: proxy.reads(of: 1))
        )
        #expect(sent.0 == Wire.text("GET", "k"))
        #expect(sent.1 == Wire.text("GET", "x"))
    }

    /// Where nothing is fenced, no level can be had that needs it.
    @Test func levelsWithoutFences() {
        let proxy = FreshProxy(isProved: false) { $0.reads.consistency = .bounded }
        let client = proxy.driver.connect()
        #expect(
            proxy.driver.ask("PROXY", "CONSISTENCY", "fresh", on: client)
                == "-ERR consistency level 'fresh' is not served here; one of these is: master, "
                + "bounded, eventual\r\n")
        #expect(proxy.published.isEmpty)
    }

    /// Level `bounded` counts from the last probe of the master that a replica has reached: with the master silent its
    /// data grows older.
    @Test func trapB3_bounded() {
        let proxy = FreshProxy(isProved: false) {
            $0.reads.consistency = .bounded
            $0.reads.maxLag = .seconds(3)
            $0.reads.maxLagBytes = 1000
        }
        let client = proxy.driver.connect()
        proxy.probe()
        #expect(proxy.ask("GET", "k", by: client) == 1)
        proxy.proxy.says("$-1\r\n", on: proxy.reads(of: 0))
        proxy.facts[0].offset = 1200
        proxy.probe()
        proxy.probe()
        #expect(proxy.ask("GET", "k", by: client) == 0)
        proxy.proxy.says("$-1\r\n", on: proxy.masterReads)
        proxy.facts[1].offset = 1200
        proxy.probe()
        #expect(proxy.ask("GET", "k", by: client) == 1)
        proxy.proxy.says("$-1\r\n", on: proxy.reads(of: 0))
        proxy.driver.pass(.seconds(4))
        #expect(proxy.ask("GET", "k", by: client) == 0)
    }

    /// A session reads what it has written, stays with its replica, and waits a little rather than read at the master.
    @Test func trapB1_sessions() {
        let proxy = FreshProxy(replicas: 2) { $0.reads.consistency = .session }
        let client = proxy.driver.connect()
        let first = proxy.ask("GET", "k", by: client)!
        proxy.answerVetoes()
        proxy.proxy.says("$-1\r\n", on: proxy.reads(of: first - 1))
        for _ in 0..<8 {
            #expect(proxy.ask("GET", "k", by: client) == first)
            proxy.answerVetoes()
            proxy.proxy.says("$-1\r\n", on: proxy.reads(of: first - 1))
        }
        _ = proxy.driver.output(of: client)
        // Its replica is gone: the other one must have what this one may have shown.
        proxy.core.servers[first].health.isSilent = true
        proxy.core.changed(proxy.core.servers[first])
        let other = 3 - first
        #expect(proxy.ask("GET", "k", by: client) == nil)
        proxy.publish(isDelivered: false)
        proxy.deliver(at: other - 1)
        proxy.driver.pass(.milliseconds(2))
        #expect(proxy.place(of: ["GET", "k"]) == other)
        proxy.answerVetoes()
        proxy.proxy.says("$1\r\n2\r\n", on: proxy.reads(of: other - 1))
        _ = proxy.driver.output(of: client)
        proxy.write("SET", "k", "3", by: client)
        #expect(proxy.ask("GET", "k", by: client) == nil)
        for _ in 0..<4 { proxy.driver.pass(.milliseconds(2)) }
        #expect(proxy.place(of: ["GET", "k"]) == 0)
    }

    /// A read that was asked at level fresh, when its client has changed its level since.
    @Test func levelChangedBehindAFreshRead() throws {
        let proxy = FreshProxy(replicas: 2)
        let strict = proxy.driver.connect()
        proxy.write("SET", "k", "2", by: strict)
        // Replica 1 has the write, replica 2 has not.
        proxy.driver.pass(.milliseconds(2))
        proxy.settle()
        proxy.deliver(at: 0)
        let place = proxy.ask("GET", "k", by: strict)
        proxy.answerVetoes()
        #expect(place == 1)
        proxy.driver.command(["PROXY", "CONSISTENCY", "eventual"], to: strict)
        proxy.core.servers[1].health.isSilent = true
        proxy.core.changed(proxy.core.servers[1])
        proxy.driver.pass(.zero)
        proxy.settle()
        let atSecond = proxy.proxy.sent(to: proxy.reads(of: 1))
        #expect(atSecond == "")
    }

    /// RESET makes a client what it was when it connected.
    @Test func resetForgetsTheLevel() throws {
        let proxy = FreshProxy(replicas: 2)
        let client = proxy.driver.connect()
        _ = proxy.driver.ask("PROXY", "CONSISTENCY", "eventual", on: client)
        #expect(proxy.driver.ask("RESET", on: client) == "+RESET\r\n")
        #expect(proxy.driver.ask("PROXY", "CONSISTENCY", on: client).contains("fresh"))
    }

    /// A fresh read stands behind a large reply, with its veto before it.
    @Test func largeReplyBeforeAVeto() throws {
        let proxy = FreshProxy(replicas: 1) { $0.limits.replyPrivateAbove = 1_000 }
        let (big, strict) = (proxy.driver.connect(), proxy.driver.connect())
        _ = proxy.driver.ask("PROXY", "CONSISTENCY", "eventual", on: big)
        proxy.write("SET", "k", "2", by: strict)
        proxy.publish()
        let old = proxy.reads(of: 0)
        #expect(proxy.ask("GET", "huge", by: big) == 1)
        #expect(proxy.ask("GET", "k", by: strict) == 1)
        proxy.proxy.says("$2000\r\nxxx", on: old)
        let fresh = proxy.reads(of: 0)
        #expect(fresh != old)
        proxy.proxy.connectAll()
        // It says who it is, as each connection does.
        _ = proxy.proxy.sent(to: fresh)
        proxy.proxy.says(
            Wire.bulk("run_id:run-replica-0\r\nrole:slave\r\nloading:0\r\n"), on: fresh)
        let sent = proxy.proxy.sent(to: fresh)
        if !sent.isEmpty { proxy.proxy.says("$1\r\n1\r\n", on: fresh) }
        let read = proxy.driver.output(of: strict)
        // What ROLE says now comes too late.
        proxy.facts[1].following = "10.0.0.9:6379"
        proxy.proxy.says(String(repeating: "x", count: 1_997) + "\r\n", on: old)
        proxy.answerVetoes()
        #expect(read == "")
        #expect(proxy.proxy.sent(to: proxy.masterReads) == Wire.text("GET", "k"))
    }
}
