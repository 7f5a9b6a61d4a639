// HSCAN, SSCAN and ZSCAN at the level of their client: where a walk begins, and when it may go on.

import RESP
import TestSupport
import Testing

@testable import Proxy

@Suite struct FreshWalkTests {
    private func page(_ cursor: String) -> String { "*2\r\n\(Wire.bulk(cursor))*0\r\n" }

    private func connection(_ proxy: FreshProxy, _ server: Int) -> LinkID {
        server == 0 ? proxy.masterReads : proxy.reads(of: server - 1)
    }

    /// Begins a walk, and returns where it did and the client's cursor.
    private func begin(
        _ proxy: FreshProxy, _ words: [String], by client: ConnectionID
    ) throws -> (server: Int, cursor: String) {
        proxy.driver.command(words, to: client)
        let server = try #require(proxy.place(of: words))
        proxy.answerVetoes()
        proxy.proxy.says(page("5"), on: connection(proxy, server))
        let reply = proxy.driver.output(of: client).split(separator: "\r\n")
        return (server, String(reply[2]))
    }

    private func level(_ level: String, _ proxy: FreshProxy, of client: ConnectionID) {
        #expect(proxy.driver.ask("PROXY", "CONSISTENCY", level, on: client) == "+OK\r\n")
    }

    /// A walk over a key that was just written begins at the master, of another one at a replica.
    @Test(arguments: ["HSCAN", "SSCAN", "ZSCAN"]) func beginsWhereItIsFresh(_ name: String) throws {
        let proxy = FreshProxy()
        let client = proxy.driver.connect()
        proxy.write("SET", "k", "1", by: client)
        #expect(try begin(proxy, [name, "k", "0"], by: client).server == 0)
        #expect(try begin(proxy, [name, "other", "0"], by: client).server == 1)
        proxy.publish()
        #expect(try begin(proxy, [name, "k", "0"], by: client).server == 1)
    }

    /// SCAN goes over all keys, and is no less than before: it asks nothing but what a token stands for.
    @Test func scanIsExempt() throws {
        let proxy = FreshProxy()
        let client = proxy.driver.connect()
        proxy.write("SET", "k", "1", by: client)
        let (server, cursor) = try begin(proxy, ["SCAN", "0"], by: client)
        #expect(server == 1)
        proxy.driver.command(["SCAN", cursor], to: client)
        #expect(proxy.place(of: ["SCAN", "5"]) == 1)
        proxy.proxy.says(page("6"), on: proxy.reads(of: 0))
        _ = proxy.driver.output(of: client)
        proxy.core.clients[client]!.after = .applied(proxy.core.freshness.next)
        proxy.driver.command(["SCAN", cursor], to: client)
        #expect(proxy.place(of: ["SCAN", "5"]) == nil)
        proxy.publish()
        proxy.driver.pass(.milliseconds(2))
        #expect(proxy.place(of: ["SCAN", "5"]) == 1)
    }

    /// A walk goes on at the server that gave its cursor, as soon as that has the last write, or never.
    @Test(arguments: [true, false]) func goesOnWhenItIsFresh(_ isDelivered: Bool) throws {
        let proxy = FreshProxy()
        let client = proxy.driver.connect()
        let (server, cursor) = try begin(proxy, ["HSCAN", "k", "0"], by: client)
        #expect(server == 1)
        proxy.write("SET", "k", "1", by: client)
        proxy.driver.command(["HSCAN", "k", cursor], to: client)
        #expect(proxy.place(of: ["HSCAN", "k", "5"]) == nil)
        proxy.publish(isDelivered: isDelivered)
        proxy.driver.pass(.milliseconds(2))
        #expect(proxy.place(of: ["HSCAN", "k", "5"]) == (isDelivered ? 1 : nil))
        guard !isDelivered else { return }
        for _ in 0..<11 { proxy.driver.pass(.seconds(1)) }
        #expect(proxy.driver.output(of: client).hasPrefix("-NOTFRESH the server that gave"))
    }

    /// Any replica's walk goes on for who asks for nothing, and none for who wants the master's answers.
    @Test(arguments: [("eventual", true), ("master", false)]) func levels(
        _ level: String, _ goesOn: Bool
    ) throws {
        let proxy = FreshProxy()
        let client = proxy.driver.connect()
        let (_, cursor) = try begin(proxy, ["HSCAN", "k", "0"], by: client)
        proxy.write("SET", "k", "1", by: client)
        self.level(level, proxy, of: client)
        proxy.driver.command(["HSCAN", "k", cursor], to: client)
        #expect(proxy.place(of: ["HSCAN", "k", "5"]) == (goesOn ? 1 : nil))
        #expect(proxy.driver.output(of: client).hasPrefix("-NOTFRESH ") == !goesOn)
        guard !goesOn else { return }
        #expect(try begin(proxy, ["HSCAN", "other", "0"], by: client).server == 0)
    }

    /// A session that has read from another replica meanwhile goes on when the cursor's has all that there was by then,
    /// and stays there.
    @Test func sessionsMove() throws {
        let proxy = FreshProxy(replicas: 2)
        let client = proxy.driver.connect()
        level("session", proxy, of: client)
        proxy.publish()
        let (server, cursor) = try begin(proxy, ["HSCAN", "k", "0"], by: client)
        let other = 3 - server
        let session = proxy.core.clients[client]!
        let process = proxy.core.links[Int(proxy.reads(of: other - 1).number)]!.process
        session.place = (other, process)
        proxy.driver.command(["HSCAN", "k", cursor], to: client)
        #expect(proxy.place(of: ["HSCAN", "k", "5"]) == nil)
        #expect(session.place == nil)
        proxy.publish()
        proxy.driver.pass(.milliseconds(2))
        #expect(proxy.place(of: ["HSCAN", "k", "5"]) == server)
        #expect(session.place?.server == server)
    }

    /// The cursor's replica has been pointed elsewhere: the page is refused, since no other server can give it, and
    /// reads of others behind it are done by the master.
    @Test func veto() throws {
        let proxy = FreshProxy()
        let (walker, reader) = (proxy.driver.connect(), proxy.driver.connect())
        let (server, cursor) = try begin(proxy, ["HSCAN", "k", "0"], by: walker)
        #expect(server == 1)
        proxy.write("SET", "k", "1", by: reader)
        proxy.publish()
        proxy.facts[1].following = "10.0.0.9:6379"
        proxy.driver.command(["HSCAN", "k", cursor], to: walker)
        #expect(proxy.place(of: ["HSCAN", "k", "5"]) == 1)
        #expect(proxy.ask("GET", "k", by: reader) == 1)
        proxy.answerVetoes()
        #expect(proxy.place(of: ["GET", "k"]) == 0)
        proxy.proxy.says(page("6") + "$1\r\n0\r\n", on: proxy.reads(of: 0))
        #expect(proxy.driver.output(of: walker).hasPrefix("-NOTFRESH "))
        #expect(proxy.driver.output(of: reader) == "")
        proxy.proxy.says("$1\r\n1\r\n", on: proxy.masterReads)
        #expect(proxy.driver.output(of: reader) == "$1\r\n1\r\n")
        proxy.core.checkInvariants()
    }
}
