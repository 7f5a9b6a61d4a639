// Writes that may run yet on connections that are gone: who is told to forget them, and what waits for that.

import RESP
import TestSupport
import Testing

@testable import Proxy

@Suite struct DoubtTests {
    /// CLIENT UNBLOCK where writes raise fences.
    @Test(arguments: [["BLPOP", "k", "0"], ["WAIT", "1", "0"]])
    func unblockWithFences(words: [String]) throws {
        let proxy = FreshProxy(replicas: 1)
        let (blocked, other) = (proxy.driver.connect(), proxy.driver.connect())
        let number = proxy.driver.ask("CLIENT", "ID", on: blocked).dropFirst().dropLast(1)
        proxy.driver.command(words, to: blocked)
        #expect(proxy.place(of: words) == 0)
        let answer = proxy.driver.ask("CLIENT", "UNBLOCK", String(number), on: other)
        #expect(answer == ":1\r\n")
        proxy.core.checkInvariants()
    }

    /// The proxy's user may not use CLIENT KILL: writes must go on all the same, sooner or later.
    @Test(arguments: [
        "-NOPERM this user has no permissions to run the 'client|kill' command",
        "-BUSY a script is running",
    ])
    func writesWhereKillIsRefused(answer kill: String) throws {
        let proxy = FreshProxy(replicas: 1)
        proxy.killAnswer = kill + "\r\n"
        let (writer, other) = (proxy.driver.connect(), proxy.driver.connect())
        _ = proxy.ask("SET", "k", "1", by: writer)
        for _ in 0..<3 { proxy.probe() }
        proxy.proxy.cut(proxy.masterWrites)
        for turn in 0..<40 {
            proxy.driver.pass(.milliseconds(500))
            if turn == 10, kill.hasPrefix("-BUSY") { proxy.killAnswer = ":1\r\n" }
            proxy.settle()
        }
        proxy.driver.command(["SET", "k", "2"], to: other)
        var place: Int?
        for _ in 0..<40 {
            place = place ?? proxy.place(of: ["SET", "k", "2"])
            proxy.driver.pass(.milliseconds(500))
            proxy.settle()
        }
        #expect(place == 0)
    }

    /// The proxy's user may ask neither INFO nor CLIENT KILL (`-@dangerous`).
    @Test func writesWhereInfoIsRefused() throws {
        let proxy = ProxyUnderTest(replicas: 1, isConnected: false) {
            $0.timeouts.probeInterval = .seconds(1)
            $0.reads.consistency = .fresh
        }
        var number = 10
        var writes = 0
        let settle = {
            for _ in 0..<20 {
                proxy.connectAll()
                var isAny = false
                for case let connection? in proxy.core.links where connection.id != nil {
                    for word in proxy.sent(to: connection.link).split(separator: "\r\n") {
                        var answer: String?
                        switch word {
                        case "INFO": answer = "-NOPERM no INFO\r\n"
                        case "COMMAND": answer = "*0\r\n"
                        case "ROLE": answer = "-NOPERM no ROLE\r\n"
                        case "KILL": answer = "-NOPERM no KILL\r\n"
                        case "ID":
                            number += 1
                            answer = ":\(number)\r\n"
                        case "PUBLISH": answer = ":0\r\n"
                        case "SET": writes += 1
                        default: break
                        }
                        if let answer {
                            isAny = true
                            proxy.says(answer, on: connection.link)
                        }
                    }
                }
                if !isAny { return }
            }
        }
        settle()
        for _ in 0..<4 {
            proxy.driver.pass(.seconds(1))
            settle()
        }
        let (writer, other) = (proxy.driver.connect(), proxy.driver.connect())
        proxy.driver.command(["SET", "k", "1"], to: writer)
        settle()
        proxy.cut(.masterWrites)
        for _ in 0..<30 {
            proxy.driver.pass(.milliseconds(500))
            settle()
        }
        proxy.driver.command(["SET", "k", "2"], to: other)
        for _ in 0..<4 {
            proxy.driver.pass(.milliseconds(500))
            settle()
        }
        #expect(writes == 2)
    }

    /// A connection that waits for a doubt to end has been greeted, and is not taken for one that does not answer.
    @Test func doubtThatTakesLong() throws {
        let proxy = FreshProxy(replicas: 1) { $0.timeouts.probe = .milliseconds(300) }
        let writer = proxy.driver.connect()
        proxy.driver.pass(.seconds(2))
        proxy.settle()
        #expect(proxy.ask("SET", "k", "1", by: writer) == 0)
        proxy.killAnswer = nil
        proxy.proxy.cut(proxy.masterWrites)
        proxy.settle()
        let anew = proxy.masterWrites
        let losses = proxy.core.servers[0].counters.losses
        // Not so long that the server is asked something else: it would have to answer in order.
        for _ in 0..<4 {
            proxy.driver.pass(.milliseconds(100))
            proxy.settle()
        }
        #expect(proxy.masterWrites == anew)
        #expect(proxy.core.servers[0].counters.losses == losses)
        #expect(proxy.core.links[Int(anew.number)]?.isReady == false)
        // Nor is the proxy to be woken for what it does not do.
        proxy.core.scheduleWake()
        #expect(try #require(proxy.core.pending.wakeAt) > proxy.driver.now.instant)
    }

    /// Who wants no replies gets none when somebody ends its wait: the next one would be taken for that.
    @Test func unblockOfAClientThatWantsNoReply() throws {
        let proxy = FreshProxy(replicas: 1)
        let (blocked, other) = (proxy.driver.connect(), proxy.driver.connect())
        let number = proxy.driver.ask("CLIENT", "ID", on: blocked).dropFirst().dropLast(1)
        proxy.driver.command(["CLIENT", "REPLY", "OFF"], to: blocked)
        proxy.driver.command(["BLPOP", "k", "0"], to: blocked)
        #expect(proxy.place(of: ["BLPOP", "k", "0"]) == 0)
        #expect(proxy.driver.ask("CLIENT", "UNBLOCK", String(number), on: other) == ":1\r\n")
        #expect(proxy.driver.ask("CLIENT", "REPLY", "ON", on: blocked) == "+OK\r\n")
    }

    /// Where CLIENT KILL is refused, what can never be asked about is kept once for each key, and ends with the server.
    @Test func doubtsThatNobodyEnds() throws {
        let proxy = FreshProxy(replicas: 1)
        proxy.killAnswer = "-NOPERM this user has no permissions\r\n"
        for _ in 0..<5 {
            let writer = proxy.driver.connect()
            #expect(proxy.ask("SET", "k", "1", by: writer) == 0)
            proxy.proxy.cut(proxy.masterWrites)
            for _ in 0..<6 {
                proxy.driver.pass(.milliseconds(500))
                proxy.settle()
            }
        }
        let master = proxy.core.servers[0]
        #expect(master.doubts.isEmpty)
        #expect(master.despaired.values.map(\.count) == [1])
        proxy.core.checkInvariants()
        proxy.facts[0].runID = "run-anew"
        proxy.probe()
        #expect(master.despaired.isEmpty)
        proxy.core.checkInvariants()
    }

    /// What a process was told that did not say who it is ends when another one answers in its place.
    @Test func doubtsOfANamelessProcess() throws {
        let proxy = FreshProxy(replicas: 1, isProved: false)
        proxy.facts[0].isNameless = true
        proxy.proxy.cut(proxy.masterWrites)
        for _ in 0..<3 { proxy.probe() }
        #expect(proxy.ask("SET", "k", "1", by: proxy.driver.connect()) == 0)
        proxy.proxy.cut(proxy.masterWrites)
        for _ in 0..<3 { proxy.probe() }
        let master = proxy.core.servers[0]
        #expect(master.despaired[.unknown]?.count == 1)
        proxy.facts[0].isNameless = false
        proxy.probe()
        #expect(master.despaired[.unknown]?.count == 1)
        proxy.facts[0].runID = "run-anew"
        proxy.probe()
        #expect(master.despaired.isEmpty)
        proxy.core.checkInvariants()
    }
}
