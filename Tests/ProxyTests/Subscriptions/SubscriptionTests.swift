// Clients that listen, with servers that the test plays: what goes out on their own connections, what they read, and
// what becomes of them when a connection is lost.

import RESP
import TestSupport
import Testing

@testable import Proxy

@Suite struct SubscriptionTests {
    /// What a server says of one name.
    private func confirmation(_ kind: String, _ name: String?, _ count: Int, _ header: String = "*")
        -> String
    {
        "\(header)3\r\n" + Wire.bulk(kind)
            + (name.map(Wire.bulk) ?? (header == ">" ? "_\r\n" : "$-1\r\n"))
            + ":\(count)\r\n"
    }

    private func message(_ channel: String, _ text: String, _ header: String = "*") -> String {
        "\(header)3\r\n" + Wire.bulk("message") + Wire.bulk(channel) + Wire.bulk(text)
    }

    /// A client that listens to `a` over the link that comes first beside the shared ones.
    private func listener(
        _ proxy: ProxyUnderTest, replicas: Int = 0, version: Int = 2
    ) -> (client: ConnectionID, link: LinkID) {
        let client = proxy.driver.connect()
        if version == 3 {
            proxy.driver.command(["HELLO", "3"], to: client)
            _ = proxy.driver.output(of: client)
        }
        proxy.driver.command(["SUBSCRIBE", "a"], to: client)
        let link = LinkID.next(after: replicas)
        proxy.connectAll()
        if version == 3 { proxy.says("%1\r\n+proto\r\n:3\r\n", on: link) }
        proxy.says(confirmation("subscribe", "a", 1, version == 3 ? ">" : "*"), on: link)
        _ = proxy.driver.output(of: client)
        _ = proxy.sent(to: link)
        return (client, link)
    }

    /// Frames that make no sense are the client's to judge; reading their first words must not trap.
    @Test(arguments: [
        "$2\r\n$\n\r\n", "*2\r\n$20\r\n$9223372036854775807\r\n$1\r\nx\r\n", "*0\r\n", "+\r\n",
        "*1\r\n*0\r\n",
        "*1\r\n$-1\r\n",
    ])
    func framesWithoutSense(_ frame: String) {
        let proxy = ProxyUnderTest()
        let (client, link) = listener(proxy)
        proxy.says(frame, on: link)
        #expect(proxy.driver.output(of: client) == frame)
        proxy.core.checkInvariants()
    }

    /// A message comes while its listener waits for something else, and ends that wait for nobody.
    @Test func messagesEndNoOtherWait() {
        let proxy = ProxyUnderTest()
        let (client, link) = listener(proxy, version: 3)
        proxy.driver.send(
            Wire.pipeline([["AUTH", "nobody", "wrong"], ["CLIENT", "GETNAME"]]), to: client)
        proxy.says(message("a", "hello", ">"), on: link)
        #expect(proxy.driver.output(of: client) == message("a", "hello", ">"))
        proxy.driver.pass(.milliseconds(500))
        let answers = proxy.driver.output(of: client)
        #expect(answers.hasPrefix("-WRONGPASS") && answers.hasSuffix("\r\n_\r\n"))
    }

    /// Messages reach the one who listens, and nobody else; what others ask goes elsewhere.
    @Test func messages() {
        let proxy = ProxyUnderTest()
        let (client, link) = listener(proxy)
        let other = proxy.driver.connect()
        let text = message("a", "hello")
        for cut in 1..<text.utf8.count {
            proxy.says(Array(text.utf8.prefix(cut)), on: link)
            #expect(proxy.driver.output(of: client) == "")
            proxy.says(Array(text.utf8.dropFirst(cut)), on: link)
            #expect(proxy.driver.output(of: client) == text)
        }
        proxy.driver.command(["PUBLISH", "a", "hello"], to: other)
        #expect(proxy.sent(to: .masterWrites) == Wire.text("PUBLISH", "a", "hello"))
        #expect(proxy.driver.output(of: other) == "")
        proxy.core.checkInvariants()
    }

    /// What the proxy itself publishes at the master is nothing for those who listen to patterns.
    @Test func patternsDoNotHearTheProxy() {
        let proxy = ProxyUnderTest()
        let (client, link) = listener(proxy)
        proxy.driver.command(["PSUBSCRIBE", "*"], to: client)
        proxy.says(confirmation("psubscribe", "*", 2), on: link)
        _ = proxy.driver.output(of: client)
        let heard = { (channel: String) in
            "*4\r\n" + Wire.bulk("pmessage") + Wire.bulk("*") + Wire.bulk(channel) + Wire.bulk("7")
        }
        proxy.says(heard("__sluice__:watermarks:1f") + heard("x") + message("a", "b"), on: link)
        #expect(proxy.driver.output(of: client) == heard("x") + message("a", "b"))
    }

    /// In RESP2 a client that listens may do few things; mistakes are found in the order of redis-server.
    @Test(arguments: [
        (["GET", "k"], "-ERR Can't execute 'get'"),
        (["get"], "-ERR wrong number of arguments for 'get'"),
        (["CLIENT", "GETNAME"], "-ERR Can't execute 'client|getname'"),
        (["CLIENT", "WHAT"], "-ERR unknown subcommand 'WHAT'. Try CLIENT HELP."),
        (["PROXY", "HELP"], "-ERR Can't execute 'proxy'"),
        (["MULTI"], "-ERR Can't execute 'multi'"),
        (["HELLO", "3"], "-ERR Can't execute 'hello'"),
        (["PING"], "*2\r\n$4\r\npong\r\n$0\r\n\r\n"),
        (["PING", "x"], "*2\r\n$4\r\npong\r\n$1\r\nx\r\n"),
        (["PING", "x", "y"], "-ERR wrong number of arguments for 'ping' command\r\n"),
        (["SUBSCRIBE"], "-ERR wrong number of arguments for 'subscribe' command\r\n"),
        (["QUIT"], "+OK\r\n"), (["RESET"], "+RESET\r\n"),
    ])
    func subscribedMode(_ words: [String], _ reply: String) {
        let proxy = ProxyUnderTest()
        let (client, link) = listener(proxy)
        proxy.driver.command(words, to: client)
        #expect(proxy.driver.output(of: client).hasPrefix(reply))
        let isOver = words == ["QUIT"] || words == ["RESET"]
        #expect(proxy.isClosed(link) == isOver)
        proxy.core.checkInvariants()
    }

    /// UNSUBSCRIBE and GET in one piece: the mode is over when the confirmation is there, and then the GET runs.
    @Test func unsubscribeAndGet() {
        let proxy = ProxyUnderTest()
        let (client, link) = listener(proxy)
        proxy.driver.send(
            Wire.pipeline([["UNSUBSCRIBE"], ["GET", "k"], ["SELECT", "0"]]), to: client)
        #expect(proxy.sent(to: link) == Wire.text("UNSUBSCRIBE"))
        #expect(proxy.sent(to: .masterReads) == "")
        proxy.says(message("a", "last") + confirmation("unsubscribe", "a", 0), on: link)
        #expect(proxy.isClosed(link))
        #expect(proxy.sent(to: .masterReads) == Wire.text("GET", "k"))
        proxy.says("$1\r\nv\r\n", on: .masterReads)
        #expect(
            proxy.driver.output(of: client)
                == message("a", "last") + confirmation("unsubscribe", "a", 0) + "$1\r\nv\r\n+OK\r\n"
        )
        proxy.core.checkInvariants()
    }

    /// Confirmations are counted for what was asked: names twice, names that were not subscribed to, none at all.
    @Test func confirmationsAreCounted() {
        let proxy = ProxyUnderTest()
        let (client, link) = listener(proxy)
        let rows: [([String], [String])] = [
            (
                ["SUBSCRIBE", "b", "b", "a"],
                [
                    confirmation("subscribe", "b", 2), confirmation("subscribe", "b", 2),
                    confirmation("subscribe", "a", 2),
                ]
            ),
            (["PSUBSCRIBE", "x*"], [confirmation("psubscribe", "x*", 3)]),
            (["SSUBSCRIBE", "s"], [confirmation("ssubscribe", "s", 1)]),
            (
                ["UNSUBSCRIBE", "no", "b"],
                [confirmation("unsubscribe", "no", 3), confirmation("unsubscribe", "b", 2)]
            ),
            (["SUNSUBSCRIBE"], [confirmation("sunsubscribe", "s", 0)]),
            (["SUNSUBSCRIBE"], [confirmation("sunsubscribe", nil, 0)]),
            (["PUNSUBSCRIBE"], [confirmation("punsubscribe", "x*", 1)]),
        ]
        for (words, answers) in rows {
            proxy.driver.send(Wire.pipeline([words, ["PING", "behind"]]), to: client)
            #expect(proxy.sent(to: link) == String(decoding: Wire.request(words), as: UTF8.self))
            for (number, answer) in answers.enumerated() {
                proxy.says(answer, on: link)
                let isLast = number == answers.count - 1
                let behind = isLast ? "*2\r\n$4\r\npong\r\n" + Wire.bulk("behind") : ""
                #expect(proxy.driver.output(of: client) == answer + behind, "\(words)")
            }
        }
        proxy.core.checkInvariants()
    }

    /// Who has subscribed to nothing is answered without a server.
    @Test func unsubscribingFromNothing() {
        let proxy = ProxyUnderTest()
        let client = proxy.driver.connect()
        #expect(
            proxy.driver.ask("UNSUBSCRIBE", on: client) == confirmation("unsubscribe", nil, 0))
        #expect(
            proxy.driver.ask("PUNSUBSCRIBE", "a", "b", on: client)
                == confirmation("punsubscribe", "a", 0) + confirmation("punsubscribe", "b", 0))
        _ = proxy.driver.ask("HELLO", "3", on: client)
        #expect(
            proxy.driver.ask("SUNSUBSCRIBE", on: client)
                == confirmation("sunsubscribe", nil, 0, ">"))
        #expect(proxy.wishedLinks.isEmpty)
    }

    /// In RESP3 messages come between replies: also when half of a huge one has been passed on.
    @Test func pushesBetweenReplies() {
        let proxy = ProxyUnderTest()
        let (client, link) = listener(proxy, version: 3)
        proxy.driver.send(Wire.pipeline([["GET", "k"], ["GET", "l"]]), to: client)
        proxy.connectAll()
        let reads = LinkID(number: link.number + 1)
        #expect(proxy.sent(to: reads).hasPrefix(Wire.text("HELLO", "3")))
        proxy.says("%1\r\n+proto\r\n:3\r\n", on: reads)
        proxy.says("$10\r\n12345", on: reads)
        proxy.says(message("a", "one", ">") + message("a", "two", ">"), on: link)
        #expect(proxy.driver.output(of: client) == "$10\r\n12345")
        proxy.says("67890\r\n", on: reads)
        #expect(
            proxy.driver.output(of: client)
                == "67890\r\n" + message("a", "one", ">") + message("a", "two", ">"))
        proxy.says(message("a", "three", ">"), on: link)
        proxy.says("$1\r\nl\r\n", on: reads)
        #expect(proxy.driver.output(of: client) == message("a", "three", ">") + "$1\r\nl\r\n")
        proxy.core.checkInvariants()
    }

    /// SUBSCRIBE behind other requests: it goes out when they are answered, and its confirmation comes behind them.
    @Test func behindOtherRequests() {
        let proxy = ProxyUnderTest()
        let client = proxy.driver.connect()
        proxy.driver.send(
            Wire.pipeline([["GET", "k"], ["SUBSCRIBE", "a"], ["PING"]]), to: client)
        #expect(proxy.wishedLinks.isEmpty)
        proxy.says("$-1\r\n", on: .masterReads)
        proxy.connectAll()
        let link = LinkID.next(after: 0)
        proxy.says(confirmation("subscribe", "a", 1), on: link)
        #expect(
            proxy.driver.output(of: client)
                == "$-1\r\n" + confirmation("subscribe", "a", 1) + "*2\r\n$4\r\npong\r\n$0\r\n\r\n")
    }

    /// The connection dies: all is subscribed to again, at a replica while the master is away, and the client reads of
    /// it only that there are messages again.
    @Test func subscribesAgainElsewhere() {
        let proxy = ProxyUnderTest(replicas: 1)
        let (client, link) = listener(proxy, replicas: 1)
        proxy.driver.command(["PSUBSCRIBE", "x*", "y*"], to: client)
        proxy.says(
            confirmation("psubscribe", "x*", 2) + confirmation("psubscribe", "y*", 3), on: link)
        _ = proxy.driver.output(of: client)
        proxy.cut(.masterReads)
        proxy.cut(.masterWrites)
        proxy.cut(link)
        for link in [LinkID.masterReads, .masterWrites] where proxy.wishedLinks.contains(link) {
            proxy.refuse(link)
        }
        proxy.driver.pass(.milliseconds(100))
        #expect(proxy.wishedLinks.count == 1 || proxy.wishedLinks.contains(link))
        proxy.connect(link)
        #expect(
            proxy.sent(to: link) == Wire.text("subscribe", "a")
                + Wire.text("psubscribe", "x*", "y*"))
        proxy.says(
            confirmation("subscribe", "a", 1) + confirmation("psubscribe", "x*", 2)
                + message("a", "between") + confirmation("psubscribe", "y*", 3), on: link)
        proxy.says(message("a", "again"), on: link)
        #expect(proxy.driver.output(of: client) == message("a", "between") + message("a", "again"))
        // What is asked now is confirmed as ever.
        proxy.driver.command(["UNSUBSCRIBE", "a"], to: client)
        #expect(proxy.sent(to: link) == Wire.text("UNSUBSCRIBE", "a"))
        proxy.says(confirmation("unsubscribe", "a", 2), on: link)
        #expect(proxy.driver.output(of: client) == confirmation("unsubscribe", "a", 2))
        proxy.core.checkInvariants()
    }

    /// The connection dies when some of what was asked is confirmed: the rest is asked of the next one, in counts as
    /// the client expects them, and what it asks meanwhile waits.
    @Test(arguments: [
        (
            ["SUBSCRIBE", "b", "c", "d"], "subscribe", 1,
            [["subscribe", "a", "b"], ["subscribe", "c", "d"]]
        ),
        (["UNSUBSCRIBE", "z", "a", "q"], "unsubscribe", 2, [["unsubscribe", "q"]]),
        (["PUNSUBSCRIBE"], "punsubscribe", 0, [["subscribe", "a"], ["punsubscribe"]]),
    ])
    func halfConfirmed(_ words: [String], _ kind: String, _ confirmed: Int, _ again: [[String]]) {
        let proxy = ProxyUnderTest()
        let (client, link) = listener(proxy)
        proxy.driver.send(Wire.pipeline([words, ["PING"]]), to: client)
        for name in words.dropFirst().prefix(confirmed) {
            proxy.says(confirmation(kind, name, 7), on: link)
        }
        _ = proxy.driver.output(of: client)
        proxy.cut(link)
        #expect(!proxy.driver.closed.contains(client))
        proxy.driver.pass(.milliseconds(100))
        proxy.connect(link)
        #expect(proxy.sent(to: link) == String(decoding: Wire.pipeline(again), as: UTF8.self))
        if again.count == 2 {
            for name in again[0].dropFirst() {
                proxy.says(confirmation("subscribe", name, 1), on: link)
            }
        }
        #expect(proxy.driver.output(of: client) == "")
        let rest = words.dropFirst().dropFirst(confirmed).map { Optional($0) }
        for name in rest.isEmpty ? [nil] : rest {
            let answer = confirmation(kind, name, 9)
            proxy.says(answer, on: link)
            #expect(proxy.driver.output(of: client).hasPrefix(answer))
        }
        #expect(!proxy.isHeldBack(client))
        proxy.core.checkInvariants()
    }

    /// What a client asks while there is no connection is asked of the next one.
    @Test func askedWithoutAConnection() {
        let proxy = ProxyUnderTest()
        let (client, link) = listener(proxy)
        proxy.cut(link)
        proxy.driver.send(Wire.pipeline([["SUBSCRIBE", "b"], ["PING"]]), to: client)
        proxy.driver.pass(.milliseconds(100))
        proxy.connect(link)
        #expect(proxy.sent(to: link) == Wire.text("subscribe", "a") + Wire.text("subscribe", "b"))
        proxy.says(confirmation("subscribe", "a", 1) + confirmation("subscribe", "b", 2), on: link)
        #expect(
            proxy.driver.output(of: client)
                == confirmation("subscribe", "b", 2) + "*2\r\n$4\r\npong\r\n$0\r\n\r\n")
        proxy.core.checkInvariants()
    }

    /// A server that refuses what another one allowed is left, and the client knows nothing of it.
    @Test func refusedRepetition() {
        let proxy = ProxyUnderTest()
        let (client, link) = listener(proxy)
        proxy.cut(link)
        proxy.driver.pass(.milliseconds(100))
        proxy.connect(link)
        proxy.says("-ERR max number of clients reached\r\n", on: link)
        #expect(proxy.isClosed(link))
        #expect(proxy.driver.output(of: client) == "")
        proxy.driver.pass(.milliseconds(100))
        proxy.connect(link)
        proxy.says(confirmation("subscribe", "a", 1) + message("a", "x"), on: link)
        #expect(proxy.driver.output(of: client) == message("a", "x"))
        proxy.core.checkInvariants()
    }

    /// An error to the first SUBSCRIBE leaves nothing behind: the client is as it was, and its connection is closed.
    @Test func refusedSubscription() {
        let proxy = ProxyUnderTest()
        let client = proxy.driver.connect()
        proxy.driver.send(Wire.pipeline([["SUBSCRIBE", "a", "b"], ["GET", "k"]]), to: client)
        proxy.connectAll()
        let link = LinkID.next(after: 0)
        let error = "-NOPERM this user has no permissions to access one of the channels\r\n"
        proxy.says(error, on: link)
        #expect(proxy.isClosed(link))
        #expect(proxy.sent(to: .masterReads) == Wire.text("GET", "k"))
        proxy.says("$-1\r\n", on: .masterReads)
        #expect(proxy.driver.output(of: client) == error + "$-1\r\n")
        proxy.core.checkInvariants()
    }

    /// An error to a later one ends only that one.
    @Test func refusedSecondSubscription() {
        let proxy = ProxyUnderTest()
        let (client, link) = listener(proxy)
        proxy.driver.send(Wire.pipeline([["SUBSCRIBE", "b", "c"], ["PING"]]), to: client)
        proxy.says("-NOPERM no\r\n", on: link)
        #expect(!proxy.isClosed(link))
        #expect(proxy.driver.output(of: client) == "-NOPERM no\r\n*2\r\n$4\r\npong\r\n$0\r\n\r\n")
        proxy.says(message("a", "x"), on: link)
        #expect(proxy.driver.output(of: client) == message("a", "x"))
    }

    /// Nobody can be reached: the first SUBSCRIBE is answered so, and the client may go on.
    @Test func nobodyToSubscribeAt() {
        let proxy = ProxyUnderTest(isConnected: false)
        proxy.refuse(.masterReads)
        proxy.refuse(.masterWrites)
        let client = proxy.driver.connect()
        proxy.driver.send(Wire.pipeline([["SUBSCRIBE", "a"], ["SELECT", "0"]]), to: client)
        proxy.refuse(.next(after: 0))
        #expect(
            proxy.driver.output(of: client)
                == "-ERR no server can be reached to subscribe at; nothing is subscribed\r\n+OK\r\n"
        )
        proxy.core.checkInvariants()
    }

    /// Private connections run out: a clear error, and no half of a subscription.
    @Test func noConnectionLeft() {
        let proxy = ProxyUnderTest { $0.limits.privateConnections = 1 }
        let (_, link) = listener(proxy)
        let second = proxy.driver.connect()
        #expect(
            proxy.driver.ask("SUBSCRIBE", "a", on: second).hasPrefix(
                "-ERR too many connections of their own are in use"))
        #expect(proxy.driver.ask("SELECT", "0", on: second) == "+OK\r\n")
        withExtendedLifetime(link) {}
        proxy.core.checkInvariants()
    }

    /// The first SUBSCRIBE loses its connection, and there is none left for the next: it is told so, and not kept
    /// waiting.
    @Test func noConnectionLeftForAnother() {
        let proxy = ProxyUnderTest { $0.limits.privateConnections = 1 }
        let (client, other) = (proxy.driver.connect(), proxy.driver.connect())
        proxy.driver.command(["SUBSCRIBE", "a"], to: client)
        let link = LinkID.next(after: 0)
        proxy.connectAll()
        proxy.cut(link)
        proxy.driver.command(["BLPOP", "q", "0"], to: other)
        for _ in 0..<20 { proxy.driver.pass(.milliseconds(100)) }
        #expect(
            proxy.driver.output(of: client).hasPrefix(
                "-ERR too many connections of their own are in use"))
        #expect(proxy.driver.ask("SELECT", "0", on: client) == "+OK\r\n")
        proxy.core.checkInvariants()
    }

    /// A listener that does not read is not read for: its server is stopped, others go on; when the server has had
    /// enough the client is closed rather than left with a hole in its messages.
    @Test func listenerThatDoesNotRead() {
        let proxy = ProxyUnderTest { $0.limits.clientOutput = 1_000 }
        let (client, link) = listener(proxy)
        let other = proxy.driver.connect()
        proxy.driver.room[client] = 0
        for _ in 0..<50 where !proxy.isPaused(link) {
            proxy.says(message("a", String(repeating: "x", count: 200)), on: link)
        }
        #expect(proxy.isPaused(link))
        proxy.driver.command(["GET", "k"], to: other)
        proxy.says("$-1\r\n", on: .masterReads)
        #expect(proxy.driver.output(of: other) == "$-1\r\n")
        // Being slow is its own affair.
        proxy.driver.pass(.seconds(60))
        #expect(!proxy.driver.closed.contains(client))
        proxy.core.checkInvariants()
        proxy.cut(link)
        #expect(proxy.driver.closed.contains(client))
        proxy.core.checkInvariants()
    }

    /// It reads again, and so is its server.
    @Test func listenerThatReadsAgain() {
        let proxy = ProxyUnderTest { $0.limits.clientOutput = 1_000 }
        let (client, link) = listener(proxy)
        proxy.driver.room[client] = 0
        for _ in 0..<50 where !proxy.isPaused(link) {
            proxy.says(message("a", String(repeating: "x", count: 200)), on: link)
        }
        proxy.driver.room[client] = nil
        proxy.driver.drain(client)
        #expect(!proxy.isPaused(link))
        #expect(!proxy.driver.closed.contains(client))
        proxy.core.checkInvariants()
    }

    /// A client that leaves takes its connection with it: the server counts one listener less.
    @Test(arguments: [true, false]) func leaves(isCut: Bool) {
        let proxy = ProxyUnderTest()
        let (client, link) = listener(proxy)
        if isCut { proxy.driver.cut(client) } else { proxy.driver.end(client) }
        #expect(proxy.isClosed(link))
        proxy.core.checkInvariants()
    }

    /// It leaves while its connection is being made anew.
    @Test func leavesWithoutAConnection() {
        let proxy = ProxyUnderTest()
        let (client, link) = listener(proxy)
        proxy.cut(link)
        proxy.driver.cut(client)
        proxy.driver.pass(.milliseconds(100))
        #expect(proxy.wishedLinks.isEmpty)
        proxy.core.checkInvariants()
    }

    /// A message beyond what is kept closes its client.
    @Test func messageTooLong() {
        let proxy = ProxyUnderTest()
        let (client, link) = listener(proxy)
        proxy.says("*3\r\n" + Wire.bulk("message") + Wire.bulk("a") + "$90000000\r\n", on: link)
        let piece = [UInt8](repeating: 0x78, count: 1 << 20)
        for _ in 0...64 where !proxy.driver.closed.contains(client) { proxy.says(piece, on: link) }
        #expect(proxy.driver.closed.contains(client))
        #expect(proxy.isClosed(link))
        #expect(proxy.driver.output(of: client) == "")
        proxy.core.checkInvariants()
    }

    /// A replica to which no messages come any more is left for another server.
    @Test func replicaThatHearsNothing() {
        let proxy = ProxyUnderTest(replicas: 2)
        proxy.cut(.masterReads)
        let (client, link) = listener(proxy, replicas: 2)
        #expect(proxy.core.links[Int(link.number)]?.server == 1)
        let replica = proxy.core.servers[1]
        replica.health.isSilent = true
        proxy.core.changed(replica)
        proxy.driver.pass(.milliseconds(100))
        #expect(proxy.isClosed(link))
        proxy.connectAll()
        #expect(proxy.core.links[Int(link.number)]?.server != 1)
        #expect(proxy.sent(to: link) == Wire.text("subscribe", "a"))
        #expect(!proxy.driver.closed.contains(client))
    }
    /// A master that has stopped answering is left too; whoever waits there for a first answer is told, or closed.
    @Test func masterThatHangs() {
        let proxy = ProxyUnderTest(replicas: 1)
        let (_, link) = listener(proxy, replicas: 1)
        let waiting = proxy.driver.connect()
        proxy.ask("SUBSCRIBE", "b", by: waiting)
        let watching = proxy.driver.connect()
        proxy.ask("MONITOR", by: watching)
        proxy.connectAll()
        proxy.core.master.health.isSilent = true
        proxy.core.changed(proxy.core.master)
        proxy.core.leaveStreams(at: proxy.core.master)
        proxy.driver.pass(.milliseconds(100))
        #expect(proxy.isClosed(link))
        #expect(proxy.driver.closed.contains(watching))
        proxy.connectAll()
        let streams = proxy.core.links.compactMap { $0 }.filter { $0.isStream }
        #expect(streams.map(\.server) == [1, 1])
        #expect(
            Set(streams.map { proxy.sent(to: $0.link) })
                == [Wire.text("subscribe", "a"), Wire.text("subscribe", "b")])
        proxy.core.checkInvariants()
    }

    /// Without another server a first subscription fails, rather than wait for as long as the master hangs.
    @Test func masterThatHangsAlone() {
        let proxy = ProxyUnderTest()
        let client = proxy.driver.connect()
        proxy.ask("SUBSCRIBE", "a", by: client)
        proxy.connectAll()
        proxy.core.master.health.isSilent = true
        proxy.core.changed(proxy.core.master)
        proxy.core.leaveStreams(at: proxy.core.master)
        proxy.driver.pass(.zero)
        #expect(proxy.driver.output(of: client).hasPrefix("-ERR no server can be reached"))
        #expect(!proxy.driver.closed.contains(client))
        // Who comes now is told at once.
        let late = proxy.driver.connect()
        proxy.driver.send(Wire.pipeline([["SUBSCRIBE", "a"], ["MONITOR"]]), to: late)
        #expect(
            proxy.driver.output(of: late)
                == "-ERR no server can be reached to subscribe at; nothing is subscribed\r\n"
                + "-ERR the master does not answer\r\n")
    }
}
