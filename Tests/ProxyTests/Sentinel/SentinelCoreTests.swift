// The core that follows sentinels, driven by hand: the test plays every sentinel and decides what it says and when.

import RESP
import TestSupport
import Testing

@testable import Proxy

/// A core, and the connections that it has made.
private final class FollowingCore {
    let driver: HandDriver
    /// The standing connections by the place they lead to: for questions and for events.
    private var questions: [Endpoint: ConnectionID] = [:]
    private var events: [Endpoint: ConnectionID] = [:]
    /// What is under way.
    private(set) var attempts: [(link: LinkID, endpoint: Endpoint)] = []
    private(set) var reports: [SentinelReport] = []

    init(
        _ sentinels: [Int] = [1, 2, 3], password: String? = nil, username: String? = nil,
        addresses: [Endpoint: Endpoint] = [:]
    ) {
        let settings = ProxyConfiguration.Sentinel(
            masterName: "mymaster", addresses: sentinels.map(FollowingCore.place),
            username: username, password: password.map { Secret(Array($0.utf8)) })
        driver = HandDriver(SentinelCore(settings, addresses: addresses, at: HandDriver.start))
        look()
    }

    static func place(_ number: Int) -> Endpoint { .tcp(host: "s\(number)", port: 26379) }

    /// Takes note of what the core wants.
    private func look() {
        for wish in driver.wishes {
            switch wish {
            case .connect(let link, let endpoint): attempts.append((link, endpoint))
            case .abandon(let link): attempts.removeAll { $0.link == link }
            default: Issue.record("an unexpected wish: \(wish)")
            }
        }
        driver.wishes = []
        for (message, receiver) in driver.sent {
            #expect(receiver == 0)
            if let report = message as? SentinelReport { reports.append(report) }
        }
        driver.sent = []
    }

    func pass(_ duration: Duration) {
        driver.pass(duration)
        look()
    }

    /// Lets an attempt succeed: the first one to a place is for questions, one while that stands for events.
    func admit(_ number: Int) throws {
        let place = Self.place(number)
        let index = try #require(attempts.firstIndex { $0.endpoint == place })
        let link = attempts.remove(at: index).link
        let id = driver.newID()
        if let standing = questions[place], !driver.closed.contains(standing) {
            events[place] = id
            driver.tell(.connected(link, id))
            driver.send("*3\r\n$9\r\nsubscribe\r\n$14\r\n+switch-master\r\n:1\r\n", to: id)
            return look()
        }
        questions[place] = id
        driver.tell(.connected(link, id))
        look()
    }

    func refuse(_ number: Int) throws {
        let index = try #require(attempts.firstIndex { $0.endpoint == Self.place(number) })
        driver.tell(.refused(attempts.remove(at: index).link, reason: "Connection refused"))
        look()
    }

    func isAttempted(_ number: Int) -> Bool {
        attempts.contains { $0.endpoint == Self.place(number) }
    }

    /// What was asked of a sentinel since the last look.
    func asked(_ number: Int) throws -> String {
        driver.output(of: try #require(questions[Self.place(number)]))
    }

    func eventWords(_ number: Int) throws -> String {
        driver.output(of: try #require(events[Self.place(number)]))
    }

    func eventsConnection(_ number: Int) -> ConnectionID? { events[Self.place(number)] }

    func isClosed(_ number: Int) throws -> Bool {
        driver.closed.contains(try #require(questions[Self.place(number)]))
    }

    func cut(_ number: Int) throws {
        driver.cut(try #require(questions[Self.place(number)]))
        look()
    }

    func send(_ text: String, from number: Int) throws {
        driver.send(text, to: try #require(questions[Self.place(number)]))
        look()
    }

    func tellEvent(_ number: Int, _ channel: String, _ text: String) throws {
        let bytes = Wire.request(["message", channel, text])
        driver.send(bytes, to: try #require(events[Self.place(number)]))
        look()
    }

    /// Answers a whole round: who is the master by which epoch, and which sentinels there are.
    func answer(_ number: Int, master: String, epoch: Int, group: ClosedRange<Int> = 1...3) throws {
        func list(_ lists: [[String]]) -> String {
            "*\(lists.count)\r\n"
                + lists.map { String(decoding: Wire.request($0), as: UTF8.self) }.joined()
        }
        let others = group.filter { $0 != number }.map {
            ["ip", "s\($0)", "port", "26379", "runid", "id\($0)", "flags", "sentinel"]
        }
        let fields = [
            "name", "mymaster", "ip", master, "port", "6379", "runid", "run-\(master)", "flags",
            "master", "config-epoch", "\(epoch)",
        ]
        let text =
            "$3\r\nid\(number)\r\n" + String(decoding: Wire.request(fields), as: UTF8.self)
            + String(decoding: Wire.request([master, "6379"]), as: UTF8.self)
            + list([["ip", "r", "port", "6379", "flags", "slave", "master-link-status", "ok"]])
            + list(others)
        try send(text, from: number)
    }

    var master: String? {
        guard case .tcp(let host, _) = reports.last?.verdict?.master else { return nil }
        return host
    }

    /// All three answer, and are heard.
    func settle(master: String = "a", epoch: Int = 1) throws {
        for number in 1...3 {
            try admit(number)
            _ = try asked(number)
            try answer(number, master: master, epoch: epoch)
            try admit(number)
            _ = try eventWords(number)
        }
    }
}

@Suite struct SentinelCoreTests {
    private static let round = [
        ["SENTINEL", "MYID"], ["SENTINEL", "MASTER", "mymaster"],
        ["SENTINEL", "GET-MASTER-ADDR-BY-NAME", "mymaster"], ["SENTINEL", "REPLICAS", "mymaster"],
        ["SENTINEL", "SENTINELS", "mymaster"],
    ].map { String(decoding: Wire.request($0), as: UTF8.self) }.joined()

    private static let unknownCommand = String(
        repeating: "-ERR unknown command 'SENTINEL', with args beginning with: 'MYID' \r\n",
        count: 5)
    private static let unknownMaster =
        "$3\r\nid1\r\n-ERR No such master with that name\r\n*-1\r\n"
        + String(repeating: "-ERR No such master with that name\r\n", count: 2)

    /// One that answers is not enough of three, two are; the report says who, and when more is known.
    @Test func aMajorityIsReported() throws {
        let core = FollowingCore()
        try core.admit(1)
        #expect(try core.asked(1) == Self.round)
        try core.answer(1, master: "a", epoch: 1)
        #expect(core.reports == [])
        try core.admit(2)
        try core.answer(2, master: "a", epoch: 1)
        #expect(
            core.reports == [
                SentinelReport(
                    verdict: SentinelVerdict(
                        master: .tcp(host: "a", port: 6379), epoch: 1, runID: "run-a",
                        isMasterDown: false,
                        replicas: [
                            .init(
                                endpoint: .tcp(host: "r", port: 6379), isDown: false,
                                isLinked: true,
                                priority: 0)
                        ]),
                    answering: 2, known: 3, withoutMajoritySince: nil)
            ])
        // It is asked every second, and the same answer is no news.
        core.pass(.milliseconds(999))
        #expect(try core.asked(1) == "")
        core.pass(.milliseconds(1))
        #expect(try core.asked(1) == Self.round)
        try core.answer(1, master: "a", epoch: 1)
        #expect(core.reports.count == 1)
    }

    /// One sentinel is configured; the two that it tells of are asked too, and no verdict is reached without them.
    @Test func othersAreLearnt() throws {
        let core = FollowingCore([1])
        try core.admit(1)
        try core.answer(1, master: "a", epoch: 1)
        #expect(core.reports == [])
        #expect(core.isAttempted(2) && core.isAttempted(3))
        try core.admit(3)
        try core.answer(3, master: "a", epoch: 1)
        #expect(core.master == "a")
        #expect(core.reports.last?.known == 3)
    }

    /// What is announced is looked up before it is used: sentinels that are learnt, and the master.
    @Test func announcedAddresses() throws {
        let core = FollowingCore(
            [1],
            addresses: [
                FollowingCore.place(2): FollowingCore.place(7),
                .tcp(host: "a", port: 6379): .tcp(host: "nat", port: 1),
            ])
        try core.admit(1)
        try core.answer(1, master: "a", epoch: 1)
        #expect(core.isAttempted(7) && !core.isAttempted(2))
        try core.admit(3)
        try core.answer(3, master: "a", epoch: 1)
        #expect(core.reports.last?.verdict?.master == .tcp(host: "nat", port: 1))
    }

    /// What was learnt and is configured under another name is one sentinel, asked once.
    @Test func twoNamesOfOne() throws {
        let core = FollowingCore([1, 9])
        try core.admit(1)
        try core.answer(1, master: "a", epoch: 1)
        #expect(core.isAttempted(2) && core.isAttempted(3))
        // 9 is 2 by another name.
        try core.admit(9)
        _ = try core.asked(9)
        let two = FollowingCore.place(2)
        try core.send(
            "$3\r\nid2\r\n"
                + String(
                    decoding: Wire.request([
                        "ip", "a", "port", "6379", "config-epoch", "1", "runid", "run-a",
                    ]), as: UTF8.self)
                + String(decoding: Wire.request(["a", "6379"]), as: UTF8.self) + "*0\r\n*0\r\n",
            from: 9)
        #expect(!core.attempts.contains { $0.endpoint == two })
        #expect(core.master == "a")
        #expect(core.reports.last?.known == 3)
        #expect(core.reports.last?.answering == 2)
    }

    /// An event makes the core ask all of them at once, not more often than is decent, and is believed in nothing.
    @Test func eventsAreHints() throws {
        let core = FollowingCore()
        try core.settle()
        core.pass(.milliseconds(500))
        try core.tellEvent(1, "+switch-master", "other 10.0.0.1 6379 10.0.0.2 6379")
        for number in 1...3 { #expect(try core.asked(number) == "") }
        try core.tellEvent(1, "+switch-master", "mymaster 10.0.0.1 6379 10.0.0.2 6379")
        for number in 1...3 { #expect(try core.asked(number) == Self.round) }
        #expect(core.master == "a")
        try core.tellEvent(2, "+sdown", "slave r:6379 r 6379 @ mymaster a 6379")
        try core.answer(1, master: "b", epoch: 2)
        core.pass(.milliseconds(49))
        #expect(try core.asked(1) == "")
        core.pass(.milliseconds(1))
        #expect(try core.asked(1) == Self.round)
        // A second one has to say so.
        #expect(core.master == "a")
        try core.answer(3, master: "b", epoch: 2)
        #expect(core.master == "b")
        #expect(core.reports.last?.verdict?.epoch == 2)
    }

    /// Who does not answer in time confirms nothing, is connected to anew, and may confirm again.
    @Test func silence() throws {
        let core = FollowingCore()
        try core.settle()
        core.pass(.seconds(1))
        for number in 1...3 { #expect(try core.asked(number) == Self.round) }
        for number in 2...3 { try core.answer(number, master: "a", epoch: 1) }
        core.pass(.milliseconds(999))
        #expect(try !core.isClosed(1))
        core.pass(.milliseconds(1))
        #expect(try core.isClosed(1))
        #expect(core.reports.last?.answering == 2)
        #expect(core.master == "a")
        #expect(core.driver.log.filter { $0.contains("s1:26379 does not answer") }.count == 1)
        core.pass(.milliseconds(100))
        try core.admit(1)
        for number in 2...3 { try core.answer(number, master: "a", epoch: 1) }
        try core.answer(1, master: "a", epoch: 1)
        #expect(core.reports.last?.answering == 3)
        #expect(core.driver.log.last == "Sentinel s1:26379 answers again")
    }

    /// A connection for events that has died without a word is found by a question of its own; nothing else is lost.
    @Test func silentEvents() throws {
        let core = FollowingCore()
        try core.settle()
        core.pass(.seconds(1))
        #expect(try core.eventWords(1) == String(decoding: Wire.request(["PING"]), as: UTF8.self))
        for number in 1...3 { try core.answer(number, master: "a", epoch: 1) }
        for number in 2...3 { try core.tellEvent(number, "pong", "") }
        core.pass(.seconds(1))
        #expect(try !core.isClosed(1))
        #expect(!core.isAttempted(1))
        core.pass(.milliseconds(100))
        #expect(core.isAttempted(1))
        #expect(!core.isAttempted(2))
        #expect(core.reports.last?.answering == 3)
    }

    /// Attempts come further and further apart, up to a second, and one line tells of all.
    @Test func backsOff() throws {
        let core = FollowingCore([1])
        for delay in [100, 200, 400, 800, 1_000, 1_000] {
            try core.refuse(1)
            core.pass(.milliseconds(delay - 1))
            #expect(!core.isAttempted(1))
            core.pass(.milliseconds(1))
            #expect(core.isAttempted(1))
        }
        let lines = core.driver.log.filter { $0.contains("cannot be asked: Connection refused") }
        #expect(lines.count == 1)
    }

    /// Without a majority nothing is said of a master, and after a while that is told; the last verdict stays.
    @Test func withoutMajority() throws {
        let core = FollowingCore()
        try core.settle()
        let begin = core.driver.now.instant
        try core.cut(1)
        try core.cut(2)
        #expect(core.reports.last?.answering == 1)
        #expect(core.reports.last?.withoutMajoritySince == nil)
        func keepThird() throws {
            for _ in 1...4 {
                core.pass(.seconds(1))
                try core.answer(3, master: "b", epoch: 9)
                try core.tellEvent(3, "pong", "")
            }
        }
        try keepThird()
        #expect(core.reports.last?.withoutMajoritySince == nil)
        core.pass(.seconds(1))
        #expect(core.reports.last?.withoutMajoritySince == begin)
        #expect(core.master == "a")
        #expect(core.driver.log.last?.contains("1 of 3 answer") == true)
        try core.answer(3, master: "b", epoch: 9)
        try core.admit(1)
        try core.answer(1, master: "b", epoch: 9)
        #expect(core.reports.last?.withoutMajoritySince == nil)
        #expect(core.master == "b")
    }

    /// From the start on as well, with no verdict at all.
    @Test func neverAMajority() throws {
        let core = FollowingCore()
        try core.admit(2)
        try core.answer(2, master: "a", epoch: 1)
        core.pass(.seconds(5))
        #expect(
            core.reports == [
                SentinelReport(
                    verdict: nil, answering: 1, known: 3,
                    withoutMajoritySince: HandDriver.start.instant)
            ])
    }

    /// AUTH goes first, alone, with the user if there is one; events are asked for in the same way.
    @Test(arguments: [nil, "app"])
    func authenticates(username: String?) throws {
        let core = FollowingCore([1], password: "pears", username: username)
        let words = ["AUTH"] + (username.map { [$0] } ?? []) + ["pears"]
        let authentication = String(decoding: Wire.request(words), as: UTF8.self)
        try core.admit(1)
        #expect(try core.asked(1) == authentication)
        try core.send("+OK\r\n", from: 1)
        #expect(try core.asked(1) == Self.round)
        try core.answer(1, master: "a", epoch: 1, group: 1...1)
        #expect(core.master == "a")
        try core.admit(1)
        #expect(try core.eventWords(1).hasPrefix(authentication + "*16\r\n$9\r\nSUBSCRIBE\r\n"))
    }

    /// What a person has to put right is said once, with what to do, and tried again after a while.
    @Test(arguments: [
        (
            "-WRONGPASS invalid username-password pair or user is disabled.\r\n", "",
            "refuses the password"
        ),
        ("+OK\r\n", unknownCommand, "is no sentinel"),
        ("+OK\r\n", unknownMaster, "does not know 'mymaster'"),
        ("+OK\r\n", String(repeating: "-NOPERM no\r\n", count: 5), "needs the right to call"),
        ("+OK\r\n", "HTTP/1.1 400 Bad Request\r\n", "is not understood"),
        ("+OK\r\n", "+\r\n+\r\n+\r\n+\r\n+\r\n", "does not say who it is"),
        ("+OK\r\n+OK\r\n", "", "answers what it was not asked"),
    ])
    func refusals(toPassword: String, toQuestions: String, complaint: String) throws {
        let core = FollowingCore([1], password: "pears")
        for _ in 1...2 {
            try core.admit(1)
            try core.send(toPassword, from: 1)
            if !toQuestions.isEmpty { try core.send(toQuestions, from: 1) }
            #expect(try core.isClosed(1))
            core.pass(.milliseconds(4_999))
            #expect(!core.isAttempted(1))
            core.pass(.milliseconds(1))
        }
        #expect(core.driver.log.filter { $0.contains(complaint) }.count == 1)
        #expect(core.reports.allSatisfy { $0.verdict == nil })
    }

    /// A sentinel without a password is asked all the same, while passwords are being introduced.
    @Test func takesNoPassword() throws {
        let core = FollowingCore([1], password: "pears")
        try core.admit(1)
        try core.send(
            "-ERR AUTH <password> called without any password configured for the default user.\r\n",
            from: 1)
        try core.answer(1, master: "a", epoch: 1, group: 1...1)
        #expect(core.master == "a")
        #expect(core.driver.log.filter { $0.contains("takes no password") }.count == 1)
        // It would take the error for a refusal to tell events.
        _ = try core.asked(1)
        try core.admit(1)
        #expect(try core.eventWords(1).hasPrefix("*16\r\n$9\r\nSUBSCRIBE\r\n"))
    }

    /// A sentinel that tells no events is asked every second as before.
    @Test func tellsNoEvents() throws {
        let core = FollowingCore([1])
        try core.admit(1)
        _ = try core.asked(1)
        try core.answer(1, master: "a", epoch: 1, group: 1...1)
        try core.admit(1)
        let id = try #require(core.eventsConnection(1))
        core.driver.send("-NOPERM no channels\r\n", to: id)
        #expect(core.driver.closed.contains(id))
        #expect(core.driver.log.last?.contains("tells no events (NOPERM no channels)") == true)
        core.pass(.seconds(1))
        #expect(try core.asked(1) == Self.round)
        #expect(core.master == "a")
    }

    /// An attempt that nobody wants any more may succeed all the same: it is closed.
    @Test func lateConnection() throws {
        let core = FollowingCore([1])
        let id = core.driver.newID()
        core.driver.tell(.connected(LinkID(number: 999), id))
        #expect(core.driver.closed.contains(id))
    }

    @Test func endsWithTheProgram() {
        let core = FollowingCore([1])
        core.driver.tell(.signal(.terminate))
        #expect(core.driver.exitStatus == 0)
    }
}
