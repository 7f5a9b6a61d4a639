// Walks over keys: a cursor comes back to the process that gave it, or to nobody.

import RESP
import TestSupport
import Testing

@testable import Proxy

@Suite struct ScanTests {
    private let runs = [Array("run-of-master".utf8), Array("run-of-replica".utf8)]

    private func tag(_ server: Int) -> CursorTag {
        let run = runs[server]
        return CursorTag(runID: run.span)
    }

    private func page(_ cursor: String) -> String { "*2\r\n\(Wire.bulk(cursor))*1\r\n$1\r\nk\r\n" }

    private func information(_ server: Int) -> String {
        Wire.bulk("# Server\r\nrun_id:\(String(decoding: runs[server], as: UTF8.self))\r\n")
    }

    /// A proxy with a replica whose run ids are known, as if asked by probes; the test plays no probes.
    private func proxy(replicas: Int = 1) -> ProxyUnderTest {
        let proxy = ProxyUnderTest(replicas: replicas) {
            $0.timeouts.probeInterval = .seconds(1_000_000)
        }
        proxy.connectAll()
        for server in proxy.core.servers {
            server.runID = runs[min(server.index, 1)]
            server.health.report = ServerReport()
            proxy.core.changed(server)
        }
        return proxy
    }

    /// A first cursor asks the connection once whose process it leads to; the next goes back there at once.
    @Test func trapE1_goesBack() {
        let proxy = proxy()
        let client = proxy.driver.connect()
        proxy.driver.command(["SCAN", "0"], to: client)
        #expect(proxy.sent(to: .replica(0)) == Wire.text("INFO", "server"))
        proxy.says(information(1), on: .replica(0))
        #expect(proxy.sent(to: .replica(0)) == Wire.text("SCAN", "0"))
        proxy.says(page("5"), on: .replica(0))
        let cursor = "\(tag(1).tagging(5)!)"
        #expect(proxy.driver.output(of: client) == page(cursor))
        // Another client, and requests behind it.
        let other = proxy.driver.connect()
        proxy.driver.send(
            Wire.pipeline([["SCAN", cursor, "COUNT", "9"], ["SELECT", "0"]]), to: other)
        #expect(proxy.sent(to: .replica(0)) == Wire.text("SCAN", "5", "COUNT", "9"))
        proxy.says(page("0"), on: .replica(0))
        #expect(proxy.driver.output(of: other) == page("0") + "+OK\r\n")
        proxy.core.checkInvariants()
    }

    /// The server has begun anew, and only its new connection knows: the old cursor is refused, whatever was last
    /// heard of the server.
    @Test func trapE1_restartedServer() {
        let proxy = proxy()
        let client = proxy.driver.connect()
        proxy.driver.pass(.seconds(2))
        proxy.cut(.replica(0))
        proxy.connect(.replica(0))
        proxy.driver.send(
            Wire.pipeline([["SCAN", "\(tag(1).tagging(5)!)"], ["SELECT", "0"]]), to: client)
        #expect(proxy.sent(to: .replica(0)) == Wire.text("INFO", "server"))
        proxy.says(Wire.bulk("run_id:another\r\n"), on: .replica(0))
        #expect(proxy.sent(to: .replica(0)) == "")
        #expect(proxy.driver.output(of: client) == "\(ProxyCore.cursorIsLost)+OK\r\n")
        proxy.core.checkInvariants()
    }

    /// One name leads to several processes: a cursor of the one that was heard of last is not for the connection that
    /// leads to another.
    @Test func trapE1_connectionToAnother() {
        let proxy = proxy()
        let client = proxy.driver.connect()
        proxy.driver.command(["SCAN", "0"], to: client)
        _ = proxy.sent(to: .replica(0))
        proxy.says(Wire.bulk("run_id:another\r\n"), on: .replica(0))
        _ = proxy.sent(to: .replica(0))
        proxy.says(page("0"), on: .replica(0))
        _ = proxy.driver.output(of: client)
        proxy.core.servers[1].runID = runs[1]
        #expect(
            proxy.driver.ask("SCAN", "\(tag(1).tagging(5)!)", on: client)
                == "\(ProxyCore.cursorIsLost)")
        #expect(proxy.sent(to: .replica(0)) == "")
    }

    /// A cursor whose tag no server has, or two, is refused.
    @Test func trapE1_tagsOfNoneOrTwo() {
        let proxy = proxy(replicas: 2)
        let client = proxy.driver.connect()
        for cursor in [tag(1).tagging(5)!, CursorTag(value: tag(0).value ^ 1).tagging(5)!, 7] {
            #expect(
                proxy.driver.ask("SCAN", "\(cursor)", on: client) == "\(ProxyCore.cursorIsLost)")
        }
    }

    /// A connection that dies while it is asked: the walk begins elsewhere, or is refused.
    @Test func lostWhileAsked() {
        let proxy = proxy()
        let client = proxy.driver.connect()
        proxy.driver.command(["SCAN", "0"], to: client)
        proxy.cut(.replica(0))
        #expect(proxy.sent(to: .masterReads) == Wire.text("INFO", "server"))
        proxy.says(information(0), on: .masterReads)
        proxy.says(page("3"), on: .masterReads)
        #expect(proxy.driver.output(of: client) == page("\(tag(0).tagging(3)!)"))
        proxy.core.checkInvariants()
    }

    /// The first SCAN is done elsewhere when its server dies; a later one cannot be.
    @Test func lostWhileScanning() {
        let proxy = proxy()
        let client = proxy.driver.connect()
        proxy.driver.command(["SCAN", "0"], to: client)
        proxy.says(information(1), on: .replica(0))
        proxy.cut(.replica(0))
        #expect(proxy.sent(to: .masterReads) == Wire.text("SCAN", "0"))
        proxy.says(page("3"), on: .masterReads)
        let cursor = "\(tag(0).tagging(3)!)"
        #expect(proxy.driver.output(of: client) == page(cursor))
        proxy.driver.command(["SCAN", cursor], to: client)
        #expect(proxy.sent(to: .masterReads) == Wire.text("INFO", "server"))
        proxy.says(information(0), on: .masterReads)
        #expect(proxy.sent(to: .masterReads) == Wire.text("SCAN", "3"))
        proxy.cut(.masterReads)
        #expect(proxy.driver.output(of: client) == "\(ProxyCore.cursorIsLost)")
        proxy.core.checkInvariants()
    }

    /// A server that does not say who it is goes by what the proxy knows of it, and one that is silent keeps nobody
    /// waiting for longer than a request may take.
    @Test(arguments: [true, false]) func doesNotSay(isSilent: Bool) {
        let proxy = proxy()
        let client = proxy.driver.connect()
        proxy.driver.command(["SCAN", "\(tag(1).tagging(5)!)"], to: client)
        if isSilent {
            for _ in 0..<12 { proxy.driver.pass(.seconds(1)) }
        } else {
            proxy.says("-NOPERM no\r\n", on: .replica(0))
        }
        #expect(proxy.sent(to: .replica(0)).hasSuffix(Wire.text("SCAN", "5")))
        proxy.core.checkInvariants()
    }

    /// Texts that redis-server takes for cursors though they are no numbers here: what it gives back has a tag.
    @Test func strangeCursors() {
        let proxy = proxy()
        let client = proxy.driver.connect()
        proxy.driver.command(["SCAN", "-1"], to: client)
        proxy.says(information(0), on: .masterWrites)
        #expect(proxy.sent(to: .masterWrites).hasSuffix(Wire.text("SCAN", "-1")))
        proxy.says(page("9"), on: .masterWrites)
        #expect(proxy.driver.output(of: client) == page("\(tag(0).tagging(9)!)"))
        proxy.driver.command(["SCAN", "x"], to: client)
        proxy.says("-ERR invalid cursor\r\n", on: .masterWrites)
        #expect(proxy.driver.output(of: client) == "-ERR invalid cursor\r\n")
    }

    /// Inside MULTI the cursor in EXEC's reply would be one server's own: refused.
    @Test func insideMulti() {
        let proxy = proxy()
        let client = proxy.driver.connect()
        proxy.driver.send(Wire.pipeline([["MULTI"], ["HSCAN", "h", "0"], ["EXEC"]]), to: client)
        let output = proxy.driver.output(of: client)
        #expect(
            output.hasPrefix(
                "+OK\r\n-ERR 'HSCAN' is not served by this proxy inside MULTI: its cursor"))
        #expect(
            output.hasSuffix("-EXECABORT Transaction discarded because of previous errors.\r\n"))
    }

    /// Without the wish for replies there are none, and the walk goes on in order.
    @Test func silently() {
        let proxy = proxy()
        let client = proxy.driver.connect()
        proxy.driver.send(
            Wire.pipeline([["CLIENT", "REPLY", "OFF"], ["SCAN", "0"], ["CLIENT", "REPLY", "ON"]]),
            to: client)
        proxy.says(information(1), on: .replica(0))
        proxy.says(page("5"), on: .replica(0))
        #expect(proxy.driver.output(of: client) == "+OK\r\n")
        proxy.core.checkInvariants()
    }

    /// A walk begins elsewhere when its server says that it cannot, however the error is cut; one that goes on hears of
    /// it, and the server is asked how it is in both cases.
    @Test(arguments: [1, 10, 27]) func complaints(cut: Int) {
        let proxy = proxy()
        let client = proxy.driver.connect()
        proxy.core.links[Int(LinkID.replica(0).number)]?.tag = tag(1)
        proxy.core.links[Int(LinkID.masterReads.number)]?.tag = tag(0)
        let complaint = Array("-LOADING Redis is loading\r\n".utf8)
        proxy.driver.command(["HSCAN", "h", "0"], to: client)
        #expect(proxy.sent(to: .replica(0)) == Wire.text("HSCAN", "h", "0"))
        proxy.says(Array(complaint[..<cut]), on: .replica(0))
        proxy.says(Array(complaint[cut...]), on: .replica(0))
        #expect(proxy.sent(to: .masterReads) == Wire.text("HSCAN", "h", "0"))
        proxy.says(page("5"), on: .masterReads)
        #expect(proxy.driver.output(of: client) == page("\(tag(0).tagging(5)!)"))
        proxy.core.servers[1].probe = nil
        proxy.driver.command(["HSCAN", "h", "\(tag(1).tagging(7)!)"], to: client)
        proxy.says(complaint, on: .replica(0))
        #expect(proxy.driver.output(of: client) == String(decoding: complaint, as: UTF8.self))
        #expect(proxy.core.servers[1].probe != nil)
        proxy.core.checkInvariants()
    }
}
