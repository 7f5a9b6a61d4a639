// Write concern: what is withheld and what is not, one question for all, and what is answered in the end. Traps C1
// to C3.

import RESP
import TestSupport
import Testing

@testable import Proxy

@Suite struct AcknowledgementTests {
    // MARK: C1: one question for all, and nobody waits for another's

    /// What comes while a question is on its way goes with the next, and reads of others do not wait.
    @Test func trapC1_groupCommit() {
        let proxy = AcknowledgedProxy()
        let driver = proxy.driver
        let (first, second, third) = (driver.connect(), driver.connect(), driver.connect())
        proxy.proxy.ask("SET", "a", "1", by: first)
        proxy.proxy.ask("SET", "b", "1", by: second)
        proxy.proxy.ask("SET", "c", "1", by: third)
        #expect(!proxy.isAsked)
        proxy.proxy.says("+OK\r\n", on: .masterWrites)
        #expect(proxy.isAsked)
        proxy.proxy.says("+OK\r\n", on: .masterWrites)
        proxy.proxy.says("+OK\r\n", on: .masterWrites)
        #expect(!proxy.isAsked)
        #expect(driver.output(of: first) == "")

        let reader = driver.connect()
        proxy.proxy.ask("GET", "a", by: reader)
        proxy.proxy.says("$1\r\n1\r\n", on: .masterReads)
        #expect(driver.output(of: reader) == "$1\r\n1\r\n")

        proxy.confirm()
        #expect(driver.output(of: first) == "+OK\r\n")
        #expect(driver.output(of: second) == "")
        #expect(proxy.isAsked)
        proxy.confirm(3)
        #expect(driver.output(of: second) == "+OK\r\n")
        #expect(driver.output(of: third) == "+OK\r\n")
        #expect(!proxy.isAsked)
        #expect(proxy.core.counters.writesWithheld == 3)
        #expect(proxy.core.counters.writesConfirmed == 3)
        #expect(proxy.core.acknowledgements.replies == 0)
    }

    /// Replies keep the order of their requests: what is asked behind a write comes behind it, the proxy's own too.
    @Test func trapC1_order() {
        let proxy = AcknowledgedProxy()
        let client = proxy.driver.connect()
        proxy.driver.send(
            Wire.pipeline([["GET", "z"], ["SET", "a", "1"], ["GET", "a"]]), to: client)
        proxy.proxy.says("$1\r\nz\r\n", on: .masterReads)
        proxy.proxy.says("+OK\r\n$1\r\n1\r\n", on: .masterWrites)
        proxy.proxy.ask("CLIENT", "GETNAME", by: client)
        // A read by itself goes anywhere, since the write has been answered, and its reply waits all the same.
        proxy.proxy.ask("GET", "b", by: client)
        proxy.proxy.says("$1\r\n2\r\n", on: .masterReads)
        #expect(proxy.driver.output(of: client) == "$1\r\nz\r\n")
        proxy.confirm()
        #expect(proxy.driver.output(of: client) == "+OK\r\n$1\r\n1\r\n$-1\r\n$1\r\n2\r\n")
    }

    /// What is withheld counts against the limits of its client.
    @Test func limits() {
        let proxy = AcknowledgedProxy { $0.limits.clientRequests = 4 }
        let client = proxy.driver.connect()
        let sets = (1...6).map { ["SET", "k", "\($0)"] }
        proxy.driver.send(Wire.pipeline(sets), to: client)
        proxy.proxy.says(String(repeating: "+OK\r\n", count: 4), on: .masterWrites)
        #expect(proxy.proxy.isHeldBack(client))
        _ = proxy.proxy.sent(to: .masterWrites)
        proxy.core.checkInvariants()
        proxy.confirm()
        #expect(
            proxy.proxy.sent(to: .masterWrites) == Wire.text("SET", "k", "5")
                + Wire.text("SET", "k", "6"))
    }

    /// Who wants no replies has none withheld.
    @Test func silentClient() {
        let proxy = AcknowledgedProxy()
        let client = proxy.driver.connect()
        proxy.proxy.ask("CLIENT", "REPLY", "OFF", by: client)
        proxy.proxy.ask("SET", "a", "1", by: client)
        proxy.proxy.says("+OK\r\n", on: .masterWrites)
        #expect(!proxy.isAsked)
        #expect(proxy.core.acknowledgements.replies == 0)
    }

    // MARK: C2: a command before WAIT, and what needs no connection of its own

    /// A served BLPOP is withheld like any other write; one whose time was up has written nothing.
    @Test func trapC2_blocking() throws {
        let proxy = AcknowledgedProxy()
        let client = proxy.driver.connect()
        proxy.proxy.ask("BLPOP", "q", "0", by: client)
        proxy.connect()
        let own = try #require(proxy.core.links.compactMap { $0 }.first { $0.use == .alone })
        #expect(proxy.proxy.sent(to: own.link) == Wire.text("BLPOP", "q", "0"))
        let popped = "*2\r\n$1\r\nq\r\n$1\r\nx\r\n"
        proxy.proxy.says(popped, on: own.link)
        #expect(proxy.driver.output(of: client) == "")
        #expect(proxy.isAsked)
        proxy.confirm()
        #expect(proxy.driver.output(of: client) == popped)

        proxy.proxy.ask("BLPOP", "q", "1", by: client)
        proxy.proxy.says("*-1\r\n", on: own.link)
        #expect(proxy.driver.output(of: client) == "*-1\r\n")
        #expect(!proxy.isAsked)
    }

    /// A script that comes in parts is withheld as a short one.
    @Test func largeScript() throws {
        let proxy = AcknowledgedProxy { $0.limits.privateAbove = 1_000 }
        let client = proxy.driver.connect()
        let digest = String(repeating: "a", count: 40)
        let script = Wire.request(
            ["EVALSHA", digest, "1", "k", String(repeating: "v", count: 5_000)])
        for start in stride(from: 0, to: script.count, by: 700) {
            proxy.driver.send(Array(script[start..<min(start + 700, script.count)]), to: client)
            proxy.connect()
        }
        let link = try #require(proxy.core.clients[client]?.link)
        proxy.proxy.says(":1\r\n", on: link)
        #expect(proxy.driver.output(of: client) == "")
        #expect(proxy.isAsked)
        proxy.confirm()
        #expect(proxy.driver.output(of: client) == ":1\r\n")
    }

    /// WAIT behind a command that was refused counts from an earlier one: its answer proves nothing.
    @Test func trapC2_refusedCommand() {
        let proxy = AcknowledgedProxy()
        let client = proxy.driver.connect()
        for _ in 0..<2 {
            proxy.proxy.ask("SET", "a", "1", by: client)
            proxy.proxy.says("+OK\r\n", on: .masterWrites)
            proxy.proxy.says("-NOPERM no PING\r\n:2\r\n", on: proxy.acknowledger)
            #expect(
                proxy.driver.output(of: client)
                    == AcknowledgedProxy.short(
                        0, "the master answered '-NOPERM no PING' when it was asked"))
        }
        #expect(proxy.driver.log.count { $0.contains("the proxy's user needs") } == 1)
    }

    /// The same when WAIT itself is refused, here in pieces.
    @Test func refusedWait() {
        let proxy = AcknowledgedProxy()
        let client = proxy.driver.connect()
        proxy.proxy.ask("SET", "a", "1", by: client)
        proxy.proxy.says("+OK\r\n", on: .masterWrites)
        for piece in ["+PO", "NG\r\n-ERR unk", "nown command\r\n"] {
            proxy.proxy.says(piece, on: proxy.acknowledger)
        }
        #expect(
            proxy.driver.output(of: client)
                == AcknowledgedProxy.short(
                    0, "the master answered '-ERR unknown command' when it was asked"))
    }

    // MARK: C3: too few

    /// An error in place of each reply, in order, and nothing is sent again. What was refused itself stays as it is.
    @Test func trapC3_shortCount() {
        let proxy = AcknowledgedProxy()
        let client = proxy.driver.connect()
        proxy.driver.send(
            Wire.pipeline([
                ["INCR", "n"], ["INCR", "n"], ["LPUSH", "n", "x"], ["GET", "n"], ["INCR", "n"],
            ]), to: client)
        _ = proxy.proxy.sent(to: .masterWrites)
        proxy.proxy.says(
            ":1\r\n:2\r\n-WRONGTYPE no list\r\n$1\r\n2\r\n:3\r\n", on: .masterWrites)
        proxy.confirm(1)
        let short = AcknowledgedProxy.short(1)
        #expect(
            proxy.driver.output(of: client)
                == short + short + "-WRONGTYPE no list\r\n$1\r\n2\r\n" + short)
        #expect(proxy.proxy.sent(to: .masterWrites) == "")
        #expect(proxy.core.counters.writesNotReplicated == 3)
        #expect(proxy.core.counters.errors.all.contains { $0.code == Array("NOTREPLICATED".utf8) })
    }

    /// An error of a write by itself is not withheld.
    @Test func refusedWrite() {
        let proxy = AcknowledgedProxy()
        let client = proxy.driver.connect()
        proxy.proxy.ask("LPUSH", "n", "x", by: client)
        proxy.proxy.says("-WRONGTYPE no list\r\n", on: .masterWrites)
        #expect(proxy.driver.output(of: client) == "-WRONGTYPE no list\r\n")
        #expect(!proxy.isAsked)
    }

    /// Of a transaction EXEC's whole reply is replaced; QUEUED is not a write's reply, and one that was aborted since
    /// a watched key had changed wrote nothing.
    @Test func transactions() throws {
        let proxy = AcknowledgedProxy()
        let client = proxy.driver.connect()
        for words in [["MULTI"], ["SET", "a", "1"], ["INCR", "n"], ["EXEC"]] {
            proxy.driver.command(words, to: client)
        }
        #expect(proxy.driver.output(of: client) == "+OK\r\n+QUEUED\r\n+QUEUED\r\n")
        proxy.proxy.says("+OK\r\n+QUEUED\r\n+QUEUED\r\n*2\r\n+OK\r\n", on: .masterWrites)
        #expect(proxy.isAsked)
        proxy.confirm(0)
        proxy.proxy.says(":1\r\n", on: .masterWrites)
        #expect(proxy.driver.output(of: client) == AcknowledgedProxy.short(0))

        proxy.proxy.ask("WATCH", "a", by: client)
        proxy.connect()
        let own = try #require(proxy.core.links.compactMap { $0 }.first { $0.use == .alone })
        proxy.proxy.says("+OK\r\n", on: own.link)
        #expect(proxy.driver.output(of: client) == "+OK\r\n")
        for words in [["MULTI"], ["SET", "a", "2"], ["EXEC"]] {
            proxy.driver.command(words, to: client)
        }
        _ = proxy.driver.output(of: client)
        proxy.proxy.says("+OK\r\n+QUEUED\r\n*-1\r\n", on: own.link)
        #expect(proxy.driver.output(of: client) == "*-1\r\n")
        #expect(!proxy.isAsked)
    }

    /// Nothing is asked about a transaction that only reads.
    @Test func readingTransaction() {
        let proxy = AcknowledgedProxy()
        let client = proxy.driver.connect()
        for words in [["SET", "a", "1"], ["MULTI"], ["GET", "a"], ["EXEC"]] {
            proxy.driver.command(words, to: client)
        }
        proxy.proxy.says("+OK\r\n", on: .masterWrites)
        #expect(proxy.isAsked)
        proxy.confirm()
        _ = proxy.driver.output(of: client)
        proxy.proxy.says("+OK\r\n+QUEUED\r\n*1\r\n$1\r\n1\r\n", on: .masterWrites)
        #expect(proxy.driver.output(of: client) == "*1\r\n$1\r\n1\r\n")
        #expect(!proxy.isAsked)
    }
}
