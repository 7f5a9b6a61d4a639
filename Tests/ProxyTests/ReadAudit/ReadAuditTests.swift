// The audit of reads: what is asked of the master as well, what the two replies are worth, and that no client notices.

import RESP
import TestSupport
import Testing

@testable import Proxy

@Suite struct ReadAuditTests {
    /// Two clients of a proxy that takes a sample each millisecond.
    private struct Audited {
        let proxy: FreshProxy
        let reader: ConnectionID
        let writer: ConnectionID

        init(
            replicas: Int = 1, level: String = "fresh",
            configure: (inout ProxyConfiguration) -> Void = { _ in }
        ) {
            proxy = FreshProxy(replicas: replicas) {
                $0.reads.auditPerSecond = 1_000
                configure(&$0)
            }
            reader = proxy.driver.connect()
            writer = proxy.driver.connect()
            _ = proxy.driver.ask("PROXY", "CONSISTENCY", level, on: reader)
            // A session asks for what there was when it began.
            proxy.publish()
        }

        var counts: AuditCounts { proxy.core.counters.audits }

        /// A replica answers a read; returns what its client is told.
        func read(_ words: String..., reply: String, from replica: Int = 0) -> String {
            proxy.driver.command(words, to: reader)
            #expect(proxy.place(of: words) == 1 + replica)
            proxy.answerVetoes()
            proxy.proxy.says(reply, on: proxy.reads(of: replica))
            return proxy.driver.output(of: reader)
        }

        /// Whether the master is asked the same, without anybody waiting for it.
        func isAsked(_ words: String...) -> Bool { proxy.place(of: words) == 0 }

        func masterSays(_ reply: String) {
            proxy.proxy.says(reply, on: proxy.masterReads)
            #expect(proxy.driver.output(of: reader) == "")
        }
    }

    /// The master is asked when the client has been answered, and what it says reaches nobody.
    @Test(arguments: ["fresh", "session", "bounded", "eventual"])
    func sameReplies(level: String) throws {
        let audited = Audited(level: level)
        #expect(audited.read("GET", "k", reply: "$1\r\n1\r\n") == "$1\r\n1\r\n")
        #expect(audited.isAsked("GET", "k"))
        audited.masterSays("$1\r\n1\r\n")
        let consistency = try #require(Consistency(rawValue: level))
        #expect(audited.counts[consistency].compared == 1)
        #expect(audited.counts[consistency].stale == 0)
        let counters = audited.proxy.core.counters
        #expect(counters.readsOnReplicas == 1)
        #expect(counters.readsOnMaster == 0)
        #expect(counters.replies == 1)
        #expect(counters.requestsToMaster == 0)
        #expect(counters.tombstones == 0)
    }

    /// At level fresh it is an alarm, in the log and as an event, and once a minute is enough. How long ago the write
    /// was that it missed is known from the watermark behind it.
    @Test func staleAtFresh() throws {
        let audited = Audited()
        audited.proxy.write("SET", "k", "2", by: audited.writer)
        audited.proxy.publish()
        audited.proxy.driver.pass(.milliseconds(300))
        for round in 1...2 {
            #expect(audited.read("GET", "k", reply: "$1\r\n1\r\n") == "$1\r\n1\r\n")
            #expect(audited.isAsked("GET", "k"))
            audited.masterSays("$1\r\n2\r\n")
            #expect(audited.counts.fresh.stale == round)
            audited.proxy.driver.pass(.milliseconds(2))
        }
        #expect(audited.counts.fresh.compared == 2)
        #expect((290...310).contains(audited.counts.fresh.oldest))
        let events = audited.proxy.core.operators.events.newest(10).filter {
            $0.kind == .staleRead
        }
        #expect(events.count == 1)
        let event = try #require(events.first)
        #expect(event.backend == "replica0:6379")
        #expect(event.reason.contains("GET at level fresh"))
        #expect(audited.proxy.driver.log.count { $0.contains("out of date") } == 1)
        #expect(audited.counts.fresh.report["stale_per_million"] == .number(1_000_000))
    }

    /// At the other levels it is a figure.
    @Test(arguments: ["session", "bounded", "eventual"])
    func staleElsewhere(level: String) throws {
        let audited = Audited(level: level)
        _ = audited.read("GET", "k", reply: "$1\r\n1\r\n")
        #expect(audited.isAsked("GET", "k"))
        audited.masterSays("$1\r\n2\r\n")
        let consistency = try #require(Consistency(rawValue: level))
        #expect(audited.counts[consistency].stale == 1)
        #expect(audited.proxy.core.operators.events.newest(10).allSatisfy { $0.kind != .staleRead })
    }

    enum Moment: CaseIterable {
        case beforeTheReplicaAnswers, beforeTheMasterAnswers, answeredMeanwhile
        /// Two writes with no watermark between them: their fences look the same but for the sample's own number.
        case sameNumber
        /// Of all keys.
        case ofAnything
    }

    /// A write that is on its way between the two replies explains any difference.
    @Test(arguments: Moment.allCases)
    func trapE5_writesInBetween(_ moment: Moment) {
        let audited = Audited(level: "eventual")
        let proxy = audited.proxy
        if moment == .sameNumber {
            proxy.write("SET", "l", "0", by: audited.writer)
            // Too soon behind the one before for a watermark of its own.
            proxy.write("SET", "k", "0", by: audited.writer)
        }
        proxy.driver.command(["GET", "k"], to: audited.reader)
        #expect(proxy.place(of: ["GET", "k"]) == 1)
        if moment == .beforeTheReplicaAnswers {
            #expect(proxy.ask("SET", "k", "1", by: audited.writer) == 0)
        }
        proxy.proxy.says("$1\r\n0\r\n", on: proxy.reads(of: 0))
        #expect(proxy.driver.output(of: audited.reader) == "$1\r\n0\r\n")
        #expect(audited.isAsked("GET", "k") == (moment != .beforeTheReplicaAnswers))
        switch moment {
        case .beforeTheReplicaAnswers: break
        case .beforeTheMasterAnswers:
            #expect(proxy.ask("SET", "k", "1", by: audited.writer) == 0)
        case .answeredMeanwhile, .sameNumber:
            #expect(proxy.ask("SET", "k", "1", by: audited.writer) == 0)
            proxy.proxy.says("+OK\r\n", on: proxy.masterWrites)
        case .ofAnything: #expect(proxy.ask("FLUSHDB", by: audited.writer) == 0)
        }
        if moment != .beforeTheReplicaAnswers { audited.masterSays("$1\r\n1\r\n") }
        #expect(audited.counts.eventual.compared == 0)
        #expect(audited.counts.eventual.undecided == 1)
    }

    /// The same where no level asks for fences, and writes are marked for the audit alone.
    @Test(arguments: [false, true]) func withoutFences(isWritten: Bool) {
        let proxy = ProxyUnderTest(replicas: 1) { $0.reads.auditPerSecond = 1_000 }
        #expect(!proxy.core.isFencing)
        let (reader, writer) = (proxy.driver.connect(), proxy.driver.connect())
        proxy.ask("SET", "k", "1", by: writer)
        proxy.says("+OK\r\n", on: .masterWrites)
        proxy.driver.pass(.milliseconds(500))
        proxy.ask("GET", "k", by: reader)
        proxy.says("$-1\r\n", on: .replica(0))
        #expect(proxy.sent(to: .masterReads) == Wire.text("GET", "k"))
        if isWritten {
            proxy.ask("SET", "k", "2", by: writer)
            proxy.says("+OK\r\n", on: .masterWrites)
        }
        proxy.says("$1\r\n1\r\n", on: .masterReads)
        let counts = proxy.core.counters.audits.eventual
        guard !isWritten else {
            #expect(counts.undecided == 1)
            return
        }
        #expect(proxy.sent(to: .masterReads) == Wire.text("PTTL", "k"))
        proxy.says(":-1\r\n", on: .masterReads)
        #expect(proxy.core.counters.audits.eventual.stale == 1)
        #expect((480...500).contains(proxy.core.counters.audits.eventual.oldest))
        #expect(proxy.core.fencesRaised == 0)
    }

    /// What one of the replies does not show may have expired: the master is asked how long it keeps the key.
    @Test(arguments: [
        // The replica shows nothing.
        ("GET", "$-1\r\n", "$1\r\n1\r\n", ":-1\r\n", true),
        ("GET", "$-1\r\n", "$1\r\n1\r\n", ":120000\r\n", true),
        ("GET", "$-1\r\n", "$1\r\n1\r\n", ":50\r\n", false),
        ("GET", "$-1\r\n", "$1\r\n1\r\n", ":-2\r\n", false),
        ("LLEN", ":0\r\n", ":3\r\n", ":-1\r\n", true),
        // The master shows nothing.
        ("GET", "$1\r\n1\r\n", "$-1\r\n", ":-2\r\n", false),
        ("SISMEMBER", ":1\r\n", ":0\r\n", ":-1\r\n", true),
        ("ZRANGE", "*1\r\n$1\r\na\r\n", "*0\r\n", ":10\r\n", true),
        ("GET", "$1\r\n1\r\n", "$-1\r\n", "-NOPERM no\r\n", false),
    ])
    func expiry(command: String, replica: String, master: String, ttl: String, isStale: Bool) {
        let audited = Audited()
        let words = [command, "k", "0", "-1"].prefix(
            ["ZRANGE": 4, "SISMEMBER": 3][command] ?? 2)
        audited.proxy.driver.command(Array(words), to: audited.reader)
        #expect(audited.proxy.place(of: Array(words)) == 1)
        audited.proxy.answerVetoes()
        audited.proxy.proxy.says(replica, on: audited.proxy.reads(of: 0))
        #expect(audited.proxy.driver.output(of: audited.reader) == replica)
        #expect(audited.proxy.place(of: Array(words)) == 0)
        audited.masterSays(master)
        #expect(
            audited.proxy.proxy.sent(to: audited.proxy.masterReads) == Wire.text("PTTL", "k"))
        audited.masterSays(ttl)
        #expect(audited.counts.fresh.stale == (isStale ? 1 : 0))
        #expect(audited.counts.fresh.undecided == (isStale ? 0 : 1))
    }

    /// A field may expire by itself, in its key that stays: only another value is judged.
    @Test func fieldsThatExpire() {
        let audited = Audited()
        _ = audited.read("HGET", "h", "f", reply: "$1\r\n1\r\n")
        #expect(audited.isAsked("HGET", "h", "f"))
        audited.masterSays("$-1\r\n")
        #expect(audited.proxy.proxy.sent(to: audited.proxy.masterReads) == "")
        #expect(audited.counts.fresh.undecided == 1)
        audited.proxy.driver.pass(.milliseconds(2))
        _ = audited.read("HGET", "h", "f", reply: "$1\r\n1\r\n")
        #expect(audited.isAsked("HGET", "h", "f"))
        audited.masterSays("$1\r\n2\r\n")
        #expect(audited.counts.fresh.stale == 1)
    }

    /// What does not follow from the data of one key alone is not asked again.
    @Test(arguments: [
        ["TTL", "k"], ["PTTL", "k"], ["RANDOMKEY"], ["SRANDMEMBER", "k"], ["HRANDFIELD", "k"],
        ["SMEMBERS", "k"], ["HGETALL", "k"], ["KEYS", "*"], ["OBJECT", "FREQ", "k"],
        ["MGET", "k", "l"], ["EXISTS", "k"], ["SORT_RO", "k"], ["DUMP", "k"], ["DBSIZE"],
        ["EVAL_RO", "return 1", "1", "k"], ["PING"],
    ])
    func whatIsNotCompared(_ words: [String]) {
        let audited = Audited()
        audited.proxy.driver.command(words, to: audited.reader)
        _ = audited.proxy.place(of: words)
        audited.proxy.answerVetoes()
        if audited.proxy.core.clients[audited.reader]?.owed == 1 {
            audited.proxy.proxy.says(":0\r\n", on: audited.proxy.reads(of: 0))
        }
        #expect(audited.proxy.place(of: words) == nil)
        #expect(audited.proxy.core.audits.running == nil)
        #expect(audited.counts == AuditCounts())
    }

    /// Long replies pass through as they come, and the master is spared them.
    @Test func longReplies() {
        let audited = Audited()
        let long = String(repeating: "x", count: ReplyDigest.most)
        let whole = Wire.bulk(long)
        audited.proxy.driver.command(["GET", "k"], to: audited.reader)
        #expect(audited.proxy.place(of: ["GET", "k"]) == 1)
        audited.proxy.answerVetoes()
        var passed = ""
        for piece in [whole.prefix(1), whole.dropFirst().prefix(9_000), whole.dropFirst(9_001)] {
            audited.proxy.proxy.says(String(piece), on: audited.proxy.reads(of: 0))
            passed += audited.proxy.driver.output(of: audited.reader)
            #expect(passed == whole.prefix(passed.count))
        }
        #expect(passed == whole)
        #expect(!audited.isAsked("GET", "k"))
        #expect(audited.counts.fresh.undecided == 1)
    }

    /// Of a pipeline one read is the sample; replies come in the order of the requests, cut anywhere.
    @Test(arguments: 1...12) func pipelines(cut: Int) {
        let audited = Audited()
        let proxy = audited.proxy
        proxy.driver.send(
            Wire.pipeline((0..<3).map { ["GET", "k\($0)"] }), to: audited.reader)
        #expect(proxy.place(of: ["GET", "k2"]) == 1)
        proxy.answerVetoes()
        let replies = "$1\r\na\r\n$1\r\nb\r\n$1\r\nc\r\n"
        proxy.proxy.says(String(replies.prefix(cut)), on: proxy.reads(of: 0))
        proxy.proxy.says(String(replies.dropFirst(cut)), on: proxy.reads(of: 0))
        #expect(proxy.driver.output(of: audited.reader) == replies)
        #expect(audited.isAsked("GET", "k0"))
        audited.masterSays("$1\r\na\r\n")
        #expect(audited.counts.fresh.compared == 1)
    }

    /// A replica that cannot answer is left as ever, and the sample with it.
    @Test func errors() {
        let audited = Audited(replicas: 2, level: "eventual")
        let proxy = audited.proxy
        proxy.driver.command(["GET", "k"], to: audited.reader)
        let first = proxy.place(of: ["GET", "k"])! - 1
        proxy.proxy.says("-LOADING not yet\r\n", on: proxy.reads(of: first))
        #expect(proxy.place(of: ["GET", "k"]) == 2 - first)
        proxy.proxy.says("$1\r\n1\r\n", on: proxy.reads(of: 1 - first))
        #expect(proxy.driver.output(of: audited.reader) == "$1\r\n1\r\n")
        #expect(!audited.isAsked("GET", "k"))
        #expect(audited.counts.eventual.undecided == 1)
        #expect(audited.counts.eventual.compared == 0)
    }

    /// The same when its connection is lost before it has answered, or the master's before that has.
    @Test(arguments: [true, false]) func losses(isReplica: Bool) {
        let audited = Audited(replicas: 2, level: "eventual")
        let proxy = audited.proxy
        proxy.driver.command(["GET", "k"], to: audited.reader)
        let first = proxy.place(of: ["GET", "k"])! - 1
        if isReplica {
            proxy.proxy.cut(proxy.reads(of: first))
            #expect(proxy.place(of: ["GET", "k"]) == 2 - first)
            proxy.proxy.says("$1\r\n1\r\n", on: proxy.reads(of: 1 - first))
        } else {
            proxy.proxy.says("$1\r\n1\r\n", on: proxy.reads(of: first))
            #expect(audited.isAsked("GET", "k"))
            proxy.proxy.cut(proxy.masterReads)
            proxy.settle()
            #expect(proxy.proxy.sent(to: proxy.masterReads) == "")
        }
        #expect(proxy.driver.output(of: audited.reader) == "$1\r\n1\r\n")
        #expect(!audited.isAsked("GET", "k"))
        #expect(audited.counts.eventual.undecided == (isReplica ? 1 : 0))
        // Another begins when nobody can answer this one any more.
        proxy.driver.pass(.seconds(11))
        proxy.settle()
        proxy.driver.command(["GET", "l"], to: audited.reader)
        #expect(proxy.core.audits.running?.key == Array("l".utf8))
        #expect(audited.counts.eventual.undecided == 1)
        #expect(audited.counts.eventual.compared == 0)
    }

    /// A connection to the master that was made meanwhile may lead to other data, and is not asked.
    @Test func masterThatCameAnew() {
        let audited = Audited(level: "eventual")
        let proxy = audited.proxy
        proxy.driver.command(["GET", "k"], to: audited.reader)
        #expect(proxy.place(of: ["GET", "k"]) == 1)
        proxy.proxy.cut(proxy.masterReads)
        proxy.driver.pass(.seconds(1))
        proxy.settle()
        proxy.proxy.says("$1\r\n1\r\n", on: proxy.reads(of: 0))
        #expect(proxy.core.servers[0].lanes[0]!.readers[0].isReady)
        #expect(!audited.isAsked("GET", "k"))
        #expect(audited.counts.eventual.undecided == 1)
    }

    /// A read whose replica is doubted before its reply is passed on was shown to nobody.
    @Test func vetoedReads() {
        let audited = Audited()
        let proxy = audited.proxy
        proxy.driver.command(["GET", "k"], to: audited.reader)
        #expect(proxy.place(of: ["GET", "k"]) == 1)
        proxy.facts[1].following = "10.9.9.9:1"
        proxy.answerVetoes()
        #expect(proxy.place(of: ["GET", "k"]) == 0)
        proxy.proxy.says("$1\r\n0\r\n", on: proxy.reads(of: 0))
        proxy.proxy.says("$1\r\n1\r\n", on: proxy.masterReads)
        #expect(proxy.driver.output(of: audited.reader) == "$1\r\n1\r\n")
        #expect(!audited.isAsked("GET", "k"))
        #expect(audited.counts.fresh.undecided == 1)
    }

    /// The master has better things to do when much waits for it, and while its clients are paused.
    @Test func busyMaster() {
        let audited = Audited(level: "eventual")
        let proxy = audited.proxy
        let other = proxy.driver.connect()
        _ = proxy.driver.ask("PROXY", "CONSISTENCY", "master", on: other)
        proxy.driver.send(
            Wire.pipeline(
                (0..<ReadAudits.mostWaiting).map { ["GET", "x\($0)"] }), to: other)
        _ = audited.read("GET", "k", reply: "$1\r\n1\r\n")
        #expect(proxy.core.audits.running == nil)
        proxy.proxy.says(
            String(repeating: "$-1\r\n", count: ReadAudits.mostWaiting), on: proxy.masterReads)
        _ = proxy.proxy.sent(to: proxy.masterReads)
        let pausing = proxy.driver.connect()
        _ = proxy.driver.ask("CLIENT", "PAUSE", "60000", "WRITE", on: pausing)
        proxy.driver.pass(.milliseconds(2))
        _ = audited.read("GET", "k", reply: "$1\r\n1\r\n")
        #expect(proxy.core.audits.running == nil)
        _ = proxy.driver.ask("CLIENT", "UNPAUSE", on: pausing)
        proxy.driver.pass(.milliseconds(2))
        _ = audited.read("GET", "k", reply: "$1\r\n1\r\n")
        #expect(audited.isAsked("GET", "k"))
        #expect(audited.counts.eventual.undecided == 0)
    }

    /// The master is asked in the client's database.
    @Test func databases() {
        let audited = Audited(level: "eventual")
        let proxy = audited.proxy
        #expect(proxy.driver.ask("SELECT", "3", on: audited.reader) == "+OK\r\n")
        let links = {
            proxy.core.servers.map { $0.lanes.count > 1 ? $0.lanes[1]!.readers[0].link : nil }
        }
        // The connections of the lane are made first.
        for _ in 0..<2 {
            proxy.driver.command(["GET", "k"], to: audited.reader)
            proxy.settle()
            if let link = links()[1] { proxy.proxy.says("$1\r\n1\r\n", on: link) }
            #expect(proxy.driver.output(of: audited.reader) == "$1\r\n1\r\n")
            proxy.driver.pass(.milliseconds(2))
        }
        #expect(proxy.proxy.sent(to: links()[0]!).hasSuffix(Wire.text("GET", "k")))
        #expect(proxy.proxy.sent(to: proxy.masterReads) == "")
        proxy.proxy.says("$1\r\n1\r\n", on: links()[0]!)
        #expect(audited.counts.eventual.compared == 1)
    }

    /// No more are asked than the configuration allows, of two workers each a half, and none when it wants none or the
    /// master is not to be read.
    @Test(arguments: [(10, 0, 90...110), (10, 1, 40...60), (0, 0, 0...0)])
    func budget(perSecond: Int, worker: Int, expected: ClosedRange<Int>) {
        let proxy = ProxyUnderTest(replicas: 1, worker: worker) {
            $0.reads.auditPerSecond = perSecond
            $0.timeouts.probeInterval = .zero
        }
        let client = proxy.driver.connect()
        var asked = 0
        for _ in 0..<10_000 {
            proxy.driver.now.instant = proxy.driver.now.instant + .milliseconds(1)
            proxy.ask("GET", "k", by: client)
            proxy.says("$-1\r\n", on: .replica(0))
            guard proxy.sent(to: .masterReads) != "" else { continue }
            asked += 1
            proxy.says("$-1\r\n", on: .masterReads)
        }
        #expect(expected.contains(asked), "\(asked)")
        #expect(proxy.core.counters.audits.eventual.compared == asked)
    }

    @Test func includeMasterNever() {
        let audited = Audited(level: "eventual") { $0.reads.includeMaster = .never }
        #expect(!audited.proxy.core.audits.isOn)
    }

    /// The first worker keeps the events of all.
    @Test func otherWorkers() {
        let proxy = OperatedProxy(workers: 2) {
            $0.backends.replicas = [.init(.tcp(host: "replica0", port: 6379))]
        }
        let endpoint = Endpoint.tcp(host: "replica0", port: 6379)
        proxy.drivers[0].tell(
            .message(WorkerMessage.staleRead(of: endpoint, "has answered"), from: 1))
        let client = proxy.drivers[0].connect()
        #expect(proxy.ask("PROXY EVENTS 1", on: client).contains("stale_read"))
    }
}
