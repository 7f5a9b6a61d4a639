// Reads that are done elsewhere when their server dies or says that it cannot: each client gets the full right replies,
// or is closed; nothing else.

import RESP
import TestSupport
import Testing

@testable import Proxy

@Suite struct RetryTests {
    /// A server of the test's: it answers each GET with its key, and knows MULTI.
    private struct Answerer {
        private var queued: [String]?

        mutating func answers(to sent: String) -> String {
            var text = ""
            for words in Answerer.requests(in: sent) { text += answer(to: words) }
            return text
        }

        private mutating func answer(to words: [String]) -> String {
            switch words[0] {
            case "MULTI":
                queued = []
                return "+OK\r\n"
            case "EXEC":
                defer { queued = nil }
                return "*\(queued!.count)\r\n" + queued!.joined()
            default:
                let reply = RetryTests.reply(to: words[1])
                guard queued != nil else { return reply }
                queued!.append(reply)
                return "+QUEUED\r\n"
            }
        }

        /// Requests as the proxy writes them, without line ends in their words.
        static func requests(in text: String) -> [[String]] {
            var lines = text.split(separator: "\r\n", omittingEmptySubsequences: false)[...]
            var requests: [[String]] = []
            while let header = lines.first, header.first == "*", let count = Int(header.dropFirst())
            {
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

    /// What every server holds under a key: replies of several kinds.
    private static func reply(to key: String) -> String {
        switch key.last {
        case "1": "+\(key)\r\n"
        case "2": "-ERR \(key)\r\n"
        case "3": "*2\r\n$2\r\n\(key)\r\n$-1\r\n"
        default: Wire.bulk(key)
        }
    }

    /// Two clients' pipelines through one replica, in the order in which they are sent, and one transaction.
    private static let asked: [(client: Int, words: [String])] = [
        (0, ["GET", "a0"]), (1, ["GET", "b1"]), (1, ["GET", "b2"]), (0, ["GET", "a3"]),
        (2, ["MULTI"]), (2, ["GET", "c0"]), (2, ["GET", "c3"]), (2, ["EXEC"]),
        (1, ["GET", "b0"]), (0, ["GET", "a1"]),
    ]
    private static let expected = [
        reply(to: "a0") + reply(to: "a3") + reply(to: "a1"),
        reply(to: "b1") + reply(to: "b2") + reply(to: "b0"),
        "+OK\r\n+QUEUED\r\n+QUEUED\r\n*2\r\n" + reply(to: "c0") + reply(to: "c3"),
    ]

    private static func ask(_ proxy: ProxyUnderTest) -> [ConnectionID] {
        let clients = (0..<3).map { _ in proxy.driver.connect() }
        for (client, words) in asked { proxy.driver.command(words, to: clients[client]) }
        proxy.core.checkInvariants()
        return clients
    }

    /// The replica dies behind any byte of its replies, and the master does the rest. Who had half of a reply is
    /// closed with what it had; all others have all of theirs.
    @Test func trapE4_lossAtEveryByte() throws {
        let length: Int = {
            var answerer = Answerer()
            let proxy = ProxyUnderTest(replicas: 1)
            _ = Self.ask(proxy)
            return answerer.answers(to: proxy.sent(to: .replica(0))).utf8.count
        }()
        var closings = 0
        for cut in 0..<length {
            let proxy = ProxyUnderTest(replicas: 1)
            let clients = Self.ask(proxy)
            var (replica, master) = (Answerer(), Answerer())
            let replies = [UInt8](replica.answers(to: proxy.sent(to: .replica(0))).utf8)
            proxy.says(Array(replies[..<cut]), on: .replica(0))
            proxy.cut(.replica(0))
            proxy.says(master.answers(to: proxy.sent(to: .masterReads)), on: .masterReads)
            #expect(proxy.sent(to: .masterWrites) == "")
            for (number, client) in clients.enumerated() {
                let output = proxy.driver.output(of: client)
                let expected = Self.expected[number]
                if proxy.driver.closed.contains(client) {
                    closings += 1
                    #expect(
                        expected.utf8.starts(with: output.utf8) && output != expected,
                        "cut at \(cut)")
                } else {
                    #expect(output == expected, "client \(number), cut at \(cut)")
                }
            }
        }
        // Between two replies, in an error's line, and before EXEC's own reply nobody has half of anything.
        #expect(closings > 20 && closings < length)
    }

    /// The same when the requests left only in part: what never left is not lost with the connection.
    @Test func lossAtEveryByteSent() throws {
        let requests = Wire.pipeline(Self.asked.map(\.words)).count
        for room in 0...requests {
            let proxy = ProxyUnderTest(replicas: 1)
            proxy.setRoom(room, of: .replica(0))
            let clients = Self.ask(proxy)
            proxy.cut(.replica(0))
            var master = Answerer()
            proxy.says(master.answers(to: proxy.sent(to: .masterReads)), on: .masterReads)
            for (number, client) in clients.enumerated() {
                #expect(proxy.driver.output(of: client) == Self.expected[number], "room \(room)")
                #expect(!proxy.driver.closed.contains(client))
            }
        }
    }

    /// A replica says in the middle of a pipeline that it cannot: those requests, and what their client asked behind
    /// them, are done by the master in order; other clients have their replies from the replica.
    @Test(arguments: ["-LOADING Redis is loading\r\n", "-MASTERDOWN Link with MASTER is down\r\n"])
    func complaints(complaint: String) throws {
        let keys = [(0, "a0"), (1, "b0"), (0, "a3"), (1, "b1"), (2, "c0"), (1, "b2")]
        for failing in keys.indices {
            let replies = [UInt8](
                keys.enumerated().map { $0 == failing ? complaint : Self.reply(to: $1.1) }
                    .joined().utf8)
            for cut in stride(from: 0, through: replies.count, by: 3) {
                let proxy = ProxyUnderTest(replicas: 1)
                let clients = (0..<3).map { _ in proxy.driver.connect() }
                for (client, key) in keys { proxy.ask("GET", key, by: clients[client]) }
                proxy.says(Array(replies[..<cut]), on: .replica(0))
                proxy.says(Array(replies[cut...]), on: .replica(0))
                var master = Answerer()
                proxy.says(master.answers(to: proxy.sent(to: .masterReads)), on: .masterReads)
                for number in 0..<3 {
                    let expected = keys.filter { $0.0 == number }.map { Self.reply(to: $0.1) }
                    #expect(
                        proxy.driver.output(of: clients[number]) == expected.joined(),
                        "request \(failing) fails, cut at \(cut)")
                }
                #expect(!proxy.isClosed(.replica(0)))
            }
        }
    }

    /// A complaint moves all that its client is owed, what it wants no reply to as well.
    @Test func complaintsBeforeSilence() throws {
        let proxy = ProxyUnderTest(replicas: 1)
        let client = proxy.driver.connect()
        for words in [["GET", "a0"], ["CLIENT", "REPLY", "SKIP"], ["GET", "b0"], ["GET", "c0"]] {
            proxy.driver.command(words, to: client)
        }
        proxy.says("-LOADING x\r\n-LOADING x\r\n-LOADING x\r\n", on: .replica(0))
        var master = Answerer()
        proxy.says(master.answers(to: proxy.sent(to: .masterReads)), on: .masterReads)
        #expect(proxy.driver.output(of: client) == Wire.bulk("a0") + Wire.bulk("c0"))
    }

    /// Behind a transaction, too.
    @Test func complaintsBehindATransaction() throws {
        let proxy = ProxyUnderTest(replicas: 1)
        let client = proxy.driver.connect()
        proxy.driver.send(
            Wire.pipeline([["MULTI"], ["GET", "b0"], ["EXEC"], ["GET", "c0"], ["GET", "d1"]]),
            to: client)
        let block = "+OK\r\n+QUEUED\r\n*1\r\n" + Wire.bulk("b0")
        proxy.says(block + "-LOADING x\r\n-LOADING x\r\n", on: .replica(0))
        var master = Answerer()
        proxy.says(master.answers(to: proxy.sent(to: .masterReads)), on: .masterReads)
        #expect(proxy.driver.output(of: client) == block + Wire.bulk("c0") + "+d1\r\n")
    }

    /// Retries have an end: the last complaint is the answer.
    @Test(arguments: 0...3) func retriesAreBounded(retries: Int) throws {
        let proxy = ProxyUnderTest(replicas: 3) {
            $0.reads.retries = retries
            $0.reads.includeMaster = .never
        }
        let client = proxy.driver.connect()
        proxy.ask("GET", "a", by: client)
        var sent = 0
        while sent <= retries {
            guard let asked = (0..<3).first(where: { !proxy.sent(to: .replica($0)).isEmpty }) else {
                break
            }
            sent += 1
            proxy.says("-LOADING \(sent)\r\n", on: .replica(asked))
        }
        #expect(sent == retries + 1)
        #expect(proxy.driver.output(of: client) == "-LOADING \(retries + 1)\r\n")
    }

    /// A read that nobody else can do: its client is closed, or told when it never left.
    @Test func nobodyElse() throws {
        let proxy = ProxyUnderTest(replicas: 1) { $0.reads.includeMaster = .never }
        let clients = (0..<2).map { _ in proxy.driver.connect() }
        proxy.ask("GET", "a", by: clients[0])
        proxy.setRoom(0, of: .replica(0))
        proxy.ask("GET", "b", by: clients[1])
        proxy.cut(.replica(0))
        #expect(proxy.driver.closed == [clients[0], proxy.id(of: .replica(0))])
        #expect(proxy.driver.output(of: clients[1]).hasSuffix("; nothing was sent\r\n"))
    }

    /// A write is never sent twice, wherever the connection dies, and neither is a read moved that would then
    /// overtake it, or be overtaken.
    @Test func writesAreNeverSentTwice() throws {
        let requests = Wire.pipeline([["GET", "a0"], ["SET", "b", "1"]])
        for room in 0...requests.count {
            let proxy = ProxyUnderTest(replicas: 1)
            let client = proxy.driver.connect()
            proxy.ask("SET", "a0", "1", by: client)
            #expect(proxy.sent(to: .masterWrites) == Wire.text("SET", "a0", "1"))
            proxy.setRoom(room, of: .masterWrites)
            proxy.ask("GET", "a0", by: client)
            proxy.says("+OK\r\n", on: .masterWrites)
            proxy.ask("SET", "b", "1", by: client)
            _ = proxy.sent(to: .masterWrites)
            proxy.cut(.masterWrites)
            #expect(proxy.sent(to: .masterReads) == "" && proxy.sent(to: .replica(0)) == "")
            if room == 0 {
                let lines = proxy.driver.output(of: client).split(separator: "\r\n")
                #expect(lines.count == 3 && lines[0] == "+OK")
                #expect(lines.dropFirst().allSatisfy { $0.hasSuffix("; nothing was sent") })
            } else {
                #expect(proxy.driver.output(of: client) == "+OK\r\n")
                #expect(proxy.driver.closed.contains(client))
            }
            proxy.driver.pass(.seconds(2))
            proxy.connectAll()
            #expect(proxy.sent(to: .masterWrites) == "")
        }
    }

    /// A client that took half of EXEC's reply gets nothing behind it.
    @Test func halfOfATransaction() throws {
        let proxy = ProxyUnderTest()
        let client = proxy.driver.connect()
        proxy.driver.send(Wire.pipeline([["MULTI"], ["SET", "a", "1"], ["EXEC"]]), to: client)
        #expect(proxy.driver.output(of: client) == "+OK\r\n+QUEUED\r\n")
        proxy.says("+OK\r\n+QUEUED\r\n*1\r\n+O", on: .masterWrites)
        proxy.cut(.masterWrites)
        #expect(proxy.driver.output(of: client) == "*1\r\n+O")
        #expect(proxy.driver.closed.contains(client))
    }
}
