// Clients that listen to events: how it is confirmed and counted beside what servers confirm, and what they are told,
// with and without servers.

import Foundation
import RESP
import TestSupport
import Testing

@testable import Proxy

@Suite struct EventListenerTests {
    private let events = "__sluice__:events"

    private func confirmation(_ kind: String, _ name: String?, _ count: Int, _ header: String = "*")
        -> String
    {
        "\(header)3\r\n" + Wire.bulk(kind)
            + (name.map(Wire.bulk) ?? (header == ">" ? "_\r\n" : "$-1\r\n")) + ":\(count)\r\n"
    }

    /// A client of this version on a proxy whose servers stand, or cannot be reached.
    private func client(_ proxy: ProxyUnderTest, _ version: Int = 2) -> ConnectionID {
        let client = proxy.driver.connect()
        if version == 3 { _ = proxy.driver.ask("HELLO", "3", on: client) }
        return client
    }

    /// Something happens: the master's connections are refused, or come to stand.
    private func happen(_ proxy: ProxyUnderTest) {
        proxy.cut(.masterWrites)
        if proxy.wishedLinks.contains(.masterWrites) { proxy.refuse(.masterWrites) }
    }

    private func object(_ line: Substring) throws -> [String: Any] {
        let parsed = try JSONSerialization.jsonObject(with: Data(line.utf8))
        return try #require(parsed as? [String: Any])
    }

    /// Without any server: it is confirmed, each event comes as one line of JSON, and it can be ended.
    @Test(arguments: [2, 3]) func withoutServers(version: Int) throws {
        let proxy = ProxyUnderTest(isConnected: false)
        let header = version == 3 ? ">" : "*"
        let client = client(proxy, version)
        #expect(
            proxy.driver.ask("SUBSCRIBE", events, on: client)
                == confirmation("subscribe", events, 1, header))
        proxy.refuse(.masterReads)
        let frame = proxy.driver.output(of: client)
        let start = "\(header)3\r\n" + Wire.bulk("message") + Wire.bulk(events) + "$"
        try #require(frame.hasPrefix(start))
        let lines = frame.utf8.dropFirst(start.utf8.count).split(separator: UInt8(ascii: "\r"))
        let line = Substring(lines[1].dropFirst())
        #expect(Int(Substring(lines[0])) == line.utf8.count)
        #expect(!line.utf8.contains(UInt8(ascii: "\n")))
        let event = try object(line)
        #expect(event["event"] as? String == "state" && event["id"] as? Int == 1)
        #expect(event["backend"] as? String == "127.0.0.1:6379")
        #expect(event["old_state"] as? String == "connecting")
        #expect(event["state"] as? String == "down" && event["lag_ms"] is NSNull)
        #expect(
            line.hasPrefix(#"{"id":1,"time":"2023-11-14T22:13:20Z","unix_time_ms":1700000000000,"#))
        #expect(
            proxy.driver.ask("UNSUBSCRIBE", on: client)
                == confirmation("unsubscribe", events, 0, header))
        #expect(
            proxy.driver.ask("CLIENT", "GETNAME", on: client)
                == (version == 3 ? "_\r\n" : "$-1\r\n"))
        proxy.core.checkInvariants()
    }

    /// In RESP2 it puts the client into the mode of those who listen.
    @Test func subscribedMode() {
        let proxy = ProxyUnderTest()
        let client = client(proxy)
        _ = proxy.driver.ask("SUBSCRIBE", events, on: client)
        #expect(proxy.driver.ask("GET", "k", on: client).hasPrefix("-ERR Can't execute 'get'"))
        #expect(proxy.driver.ask("PING", on: client) == "*2\r\n$4\r\npong\r\n$0\r\n\r\n")
        #expect(proxy.driver.ask("RESET", on: client) == "+RESET\r\n")
        happen(proxy)
        #expect(proxy.driver.output(of: client) == "")
    }

    /// Beside ordinary channels: what a server is asked, what it says, and what the client reads. Each row goes on
    /// where the last one ended.
    @Test(arguments: [2, 3]) func besideOtherChannels(version: Int) {
        let proxy = ProxyUnderTest()
        let header = version == 3 ? ">" : "*"
        let client = client(proxy, version)
        let own = { (kind: String, count: Int) in confirmation(kind, events, count, header) }
        let said = { (kind: String, name: String, count: Int) in
            confirmation(kind, name, count, header)
        }
        let rows: [(asked: [String], server: [String]?, answers: [(String?, String)])] = [
            (
                ["SUBSCRIBE", "a", events, "b"], ["subscribe", "a", "b"],
                [
                    (said("subscribe", "a", 1), said("subscribe", "a", 1) + own("subscribe", 2)),
                    (said("subscribe", "b", 2), said("subscribe", "b", 3)),
                ]
            ),
            (["SUBSCRIBE", events], nil, [(nil, own("subscribe", 3))]),
            (
                ["PSUBSCRIBE", "x*"], ["PSUBSCRIBE", "x*"],
                [(said("psubscribe", "x*", 3), said("psubscribe", "x*", 4))]
            ),
            (
                ["SSUBSCRIBE", "s"], ["SSUBSCRIBE", "s"],
                [(said("ssubscribe", "s", 1), said("ssubscribe", "s", 1))]
            ),
            (
                ["UNSUBSCRIBE", events, "a"], ["unsubscribe", "a"],
                [
                    (
                        said("unsubscribe", "a", 2),
                        own("unsubscribe", 3) + said("unsubscribe", "a", 2)
                    )
                ]
            ),
            (
                ["SUBSCRIBE", events, events], nil,
                [(nil, own("subscribe", 3) + own("subscribe", 3))]
            ),
            (
                ["UNSUBSCRIBE"], ["unsubscribe", "b"],
                [
                    (
                        said("unsubscribe", "b", 1),
                        own("unsubscribe", 2) + said("unsubscribe", "b", 1)
                    )
                ]
            ),
            (["SUBSCRIBE", events], nil, [(nil, own("subscribe", 2))]),
            (["UNSUBSCRIBE"], nil, [(nil, own("unsubscribe", 1))]),
        ]
        let link = LinkID.next(after: 0)
        for (number, row) in rows.enumerated() {
            proxy.driver.command(row.asked, to: client)
            if number == 0 {
                proxy.connectAll()
                if version == 3 { proxy.says("%1\r\n+proto\r\n:3\r\n", on: link) }
                let sent = proxy.sent(to: link)
                #expect(sent.hasSuffix(Wire.text("subscribe", "a", "b")))
            } else {
                let expected = row.server.map { String(decoding: Wire.request($0), as: UTF8.self) }
                #expect(proxy.sent(to: link) == expected ?? "", "\(row.asked)")
            }
            for (said, shown) in row.answers {
                if let said { proxy.says(said, on: link) }
                #expect(proxy.driver.output(of: client) == shown, "\(row.asked)")
            }
            #expect(!proxy.isHeldBack(client), "\(row.asked)")
        }
        proxy.core.checkInvariants()
    }

    /// The last channel at a server is left: the connection goes, the events stay, and other requests of the kind are
    /// answered without a server.
    @Test func withoutAConnectionAgain() {
        let proxy = ProxyUnderTest()
        let client = client(proxy)
        proxy.driver.command(["SUBSCRIBE", "a", events], to: client)
        proxy.connectAll()
        let link = LinkID.next(after: 0)
        proxy.says(confirmation("subscribe", "a", 1), on: link)
        proxy.driver.command(["UNSUBSCRIBE", "a"], to: client)
        _ = proxy.driver.output(of: client)
        proxy.says(confirmation("unsubscribe", "a", 0), on: link)
        #expect(proxy.driver.output(of: client) == confirmation("unsubscribe", "a", 1))
        #expect(proxy.isClosed(link))
        let rows: [([String], [(String, String?, Int)])] = [
            (["UNSUBSCRIBE", "a", "b"], [("unsubscribe", "a", 1), ("unsubscribe", "b", 1)]),
            (["PUNSUBSCRIBE"], [("punsubscribe", nil, 1)]),
            (["SUNSUBSCRIBE"], [("sunsubscribe", nil, 0)]),
        ]
        for (words, answers) in rows {
            proxy.driver.command(words, to: client)
            #expect(
                proxy.driver.output(of: client)
                    == answers.map { confirmation($0.0, $0.1, $0.2) }.joined())
        }
        happen(proxy)
        #expect(proxy.driver.output(of: client).contains("\"state\":\"down\""))
        // And a server is asked again when there is something to ask it.
        proxy.driver.command(["SUBSCRIBE", "c"], to: client)
        proxy.connectAll()
        #expect(proxy.sent(to: link) == Wire.text("SUBSCRIBE", "c"))
        proxy.core.checkInvariants()
    }

    /// A server that refuses the request refuses all of it.
    @Test func refusedByTheServer() {
        let proxy = ProxyUnderTest()
        let client = client(proxy)
        proxy.driver.command(["SUBSCRIBE", events, "a"], to: client)
        proxy.connectAll()
        #expect(proxy.driver.output(of: client) == "")
        proxy.says("-NOPERM no\r\n", on: LinkID.next(after: 0))
        #expect(proxy.driver.output(of: client) == "-NOPERM no\r\n")
        happen(proxy)
        #expect(proxy.driver.output(of: client) == "")
        #expect(proxy.core.clients[client]?.extras?.subscription == nil)
    }

    /// The connection to the server is lost in the middle: what is confirmed stays confirmed, the rest is asked again,
    /// and events come in between.
    @Test func lostConnection() {
        let proxy = ProxyUnderTest()
        let client = client(proxy)
        proxy.driver.command(["SUBSCRIBE", "a", events, "b"], to: client)
        proxy.connectAll()
        let link = LinkID.next(after: 0)
        proxy.says(confirmation("subscribe", "a", 1), on: link)
        #expect(
            proxy.driver.output(of: client)
                == confirmation("subscribe", "a", 1) + confirmation("subscribe", events, 2))
        proxy.cut(link)
        happen(proxy)
        #expect(proxy.driver.output(of: client).contains("\"state\":\"down\""))
        proxy.driver.pass(.milliseconds(100))
        while proxy.wishedLinks.contains(where: { $0 != link }) {
            proxy.connect(proxy.wishedLinks.first { $0 != link }!)
        }
        if !proxy.wishedLinks.contains(link) { proxy.driver.pass(.milliseconds(100)) }
        proxy.connect(link)
        _ = proxy.driver.output(of: client)
        #expect(proxy.sent(to: link) == Wire.text("subscribe", "a") + Wire.text("subscribe", "b"))
        proxy.says(confirmation("subscribe", "a", 1) + confirmation("subscribe", "b", 2), on: link)
        #expect(proxy.driver.output(of: client) == confirmation("subscribe", "b", 3))
        proxy.core.checkInvariants()
    }

    /// Who does not read is closed; one that reads is told everything.
    @Test func slowReader() {
        let proxy = ProxyUnderTest { $0.limits.clientOutput = 1000 }
        let (slow, quick) = (client(proxy), client(proxy))
        for client in [slow, quick] { _ = proxy.driver.ask("SUBSCRIBE", events, on: client) }
        proxy.driver.room[slow] = 0
        let before = proxy.core.operators.events.newest(.max).count
        var told = 0
        for _ in 0..<8 {
            happen(proxy)
            told += proxy.driver.output(of: quick).components(separatedBy: "\"id\":").count - 1
            proxy.driver.pass(.seconds(2))
            proxy.connectAll()
            told += proxy.driver.output(of: quick).components(separatedBy: "\"id\":").count - 1
        }
        #expect(told == proxy.core.operators.events.newest(.max).count - before)
        #expect(told > 8)
        #expect(proxy.driver.closed.contains(slow))
        #expect(!proxy.driver.closed.contains(quick))
        #expect(proxy.driver.log.contains { $0.contains("does not read its messages") })
        proxy.core.checkInvariants()
    }

    /// Clients of every worker are told what the first one sees, once; what another sees is told to nobody.
    @Test func allWorkers() {
        let proxy = OperatedProxy(workers: 3)
        let clients = proxy.drivers.map { $0.connect() }
        for (driver, client) in zip(proxy.drivers, clients) {
            _ = driver.ask("SUBSCRIBE", events, on: client)
        }
        for worker in [2, 1, 0] {
            proxy.drivers[worker].tell(.refused(LinkID(number: 0), reason: "no"))
            proxy.relay()
            for (driver, client) in zip(proxy.drivers, clients) {
                let count = driver.output(of: client).components(separatedBy: "\"id\":1,").count - 1
                #expect(count == (worker == 0 ? 1 : 0))
            }
        }
    }

    /// It is counted among the subscriptions, and as no connection of the client's own.
    @Test func isShown() {
        let proxy = OperatedProxy(workers: 1)
        let listener = proxy.drivers[0].connect()
        _ = proxy.drivers[0].ask("SUBSCRIBE", events, on: listener)
        let client = proxy.drivers[0].connect()
        #expect(proxy.ask("CLIENT LIST TYPE pubsub", on: client).contains(" sub=1 psub=0 "))
        let status = proxy.ask("PROXY STATUS", on: client)
        #expect(status.contains("subscribed\r\n:1\r\n") && status.contains("pinned\r\n:0\r\n"))
        #expect(proxy.ask("INFO stats", on: client).contains("pubsub_channels:1\r\n"))
    }
}
