// CLIENT REPLY: what a client does not want to read it never reads, and nothing else is missing.

import RESP
import TestSupport
import Testing

@testable import Proxy

@Suite struct ClientReplyTests {
    /// A run of requests, and what of the answers is read. The master answers `:1` to each INCR.
    static let rows: [(requests: [[String]], output: String)] = [
        ([["CLIENT", "REPLY", "SKIP"], ["INCR", "a"], ["INCR", "a"]], ":1\r\n"),
        (
            [
                ["CLIENT", "REPLY", "SKIP"], ["CLIENT", "REPLY", "SKIP"], ["INCR", "a"], ["SELECT"],
            ], "-"
        ),
        (
            [
                ["CLIENT", "REPLY", "SKIP"], ["CLIENT", "REPLY", "OFF"], ["INCR", "a"],
                ["INCR", "a"],
            ], ""
        ),
        (
            [["CLIENT", "REPLY", "SKIP"], ["CLIENT", "REPLY", "ON"], ["INCR", "a"]], "+OK\r\n:1\r\n"
        ),
        (
            [
                ["CLIENT", "REPLY", "OFF"], ["INCR", "a"], ["CLIENT", "REPLY", "ON"],
                ["INCR", "a"],
            ], "+OK\r\n:1\r\n"
        ),
        (
            [
                ["CLIENT", "REPLY", "OFF"], ["CLIENT", "REPLY", "SKIP"], ["CLIENT", "REPLY", "ON"],
            ], "+OK\r\n"
        ),
        ([["CLIENT", "REPLY", "SKIP"], ["MULTI"], ["CLIENT", "GETNAME", "x"]], "-"),
        ([["CLIENT", "REPLY", "SKIP"], ["RESET"], ["CLIENT", "GETNAME"]], "$-1\r\n"),
        ([["CLIENT", "REPLY", "OFF"], ["RESET"], ["CLIENT", "GETNAME"]], "+RESET\r\n$-1\r\n"),
        ([["CLIENT", "REPLY", "OFF"], ["SELECT", "x"], ["EXEC"], ["CLIENT", "REPLY"]], ""),
        (
            [["CLIENT", "REPLY", "SKIP"], ["SELECT", "1"], ["SELECT", "0"], ["INCR", "a"]],
            "+OK\r\n:1\r\n"
        ),
    ]

    @Test(arguments: rows)
    func runs(requests: [[String]], output: String) {
        for isPiped in [true, false] {
            let proxy = ProxyUnderTest()
            let client = proxy.driver.connect()
            for bytes in isPiped ? [Wire.pipeline(requests)] : requests.map(Wire.request) {
                proxy.driver.send(bytes, to: client)
                proxy.connectAll()
                let sent = proxy.sent(to: .masterWrites).components("INCR")
                for _ in 0..<sent { proxy.says(":1\r\n", on: .masterWrites) }
                proxy.core.checkInvariants()
            }
            let read = proxy.driver.output(of: client)
            if output == "-" {
                #expect(read.hasPrefix("-ERR wrong number"), "\(requests)")
                #expect(read.components("\r\n") == 1)
            } else {
                #expect(read == output, "\(requests), piped: \(isPiped)")
            }
        }
    }

    /// A transaction, a scan and a request that is answered late are as silent as any.
    @Test func otherWays() {
        let proxy = ProxyUnderTest()
        let client = proxy.driver.connect()
        proxy.driver.send(
            Wire.pipeline([
                ["CLIENT", "REPLY", "OFF"], ["MULTI"], ["INCR", "a"], ["EXEC"],
            ]), to: client)
        proxy.says("+OK\r\n+QUEUED\r\n*1\r\n:1\r\n", on: .masterWrites)
        proxy.driver.command(["SCAN", "0"], to: client)
        proxy.says("*2\r\n$1\r\n5\r\n*0\r\n", on: .masterReads)
        #expect(proxy.driver.output(of: client) == "")
        #expect(proxy.driver.ask("CLIENT", "REPLY", "ON", on: client) == "+OK\r\n")
        proxy.core.checkInvariants()
    }

    /// A silent transaction that is lost, or that the master cannot take, says nothing either.
    @Test func lostInSilence() {
        for taken in [0, 20, 1000] {
            let proxy = ProxyUnderTest()
            let client = proxy.driver.connect()
            proxy.setRoom(taken, of: .masterWrites)
            proxy.driver.send(
                Wire.pipeline([
                    ["CLIENT", "REPLY", "OFF"], ["MULTI"], ["INCR", "a"], ["EXEC"],
                ]), to: client)
            proxy.cut(.masterWrites)
            #expect(proxy.driver.output(of: client) == "")
        }
    }

    /// A failed AUTH is answered late; SKIP skips that answer and not the one to the next request.
    @Test func lateAnswer() {
        let proxy = ProxyUnderTest()
        let client = proxy.driver.connect()
        proxy.driver.send(
            Wire.pipeline([
                ["CLIENT", "REPLY", "SKIP"], ["AUTH", "somebody", "x"], ["CLIENT", "GETNAME"],
            ]), to: client)
        proxy.driver.pass(.seconds(1))
        #expect(proxy.driver.output(of: client) == "$-1\r\n")
    }
}

extension String {
    /// How often a text is in it.
    fileprivate func components(_ text: String) -> Int {
        var count = 0
        var rest = self[...]
        while let place = rest.firstRange(of: text) {
            count += 1
            rest = rest[place.upperBound...]
        }
        return count
    }
}
