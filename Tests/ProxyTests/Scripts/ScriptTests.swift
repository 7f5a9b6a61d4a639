// Scripts: where they run, and how they come to where they are missing.

import RESP
import TestSupport
import Testing

@testable import Proxy

@Suite struct ScriptTests {
    private let noScript = "-NOSCRIPT No matching script. Please use EVAL.\r\n"
    private let body = "#!lua flags=no-writes\nreturn 1"

    private var digest: String {
        String(decoding: SHA1.hexadecimal(Array(body.utf8).span), as: UTF8.self)
    }

    /// A proxy that has been told of a script.
    private func proxy(replicas: Int = 1) -> ProxyUnderTest {
        let proxy = ProxyUnderTest(replicas: replicas)
        let client = proxy.driver.connect()
        proxy.driver.command(["SCRIPT", "LOAD", body], to: client)
        let load = Wire.text("SCRIPT", "LOAD", body)
        #expect(proxy.sent(to: .masterWrites) == load)
        let reply = Wire.bulk(digest)
        proxy.says(reply, on: .masterWrites)
        for number in 0..<replicas {
            #expect(proxy.sent(to: .replica(number)) == load)
            proxy.says(reply, on: .replica(number))
        }
        #expect(proxy.driver.output(of: client) == reply)
        return proxy
    }

    /// Calls that may write go to the master, those that promise not to to a replica.
    @Test(arguments: [
        (["EVAL", "return 1", "0"], false),
        (["EVAL", "#!lua flags=no-writes\nreturn 1", "0"], true),
        (["EVAL_RO", "return 1", "0"], true), (["FCALL", "f", "0"], false),
        (["FCALL_RO", "f", "0"], true),
        (["EVALSHA", "0000000000000000000000000000000000000000", "0"], false),
        (["EVALSHA", "own", "0"], true), (["EVALSHA_RO", "own", "0"], true),
    ])
    func places(_ words: [String], _ isAtReplica: Bool) {
        let proxy = proxy()
        let client = proxy.driver.connect()
        let words = words.map { $0 == "own" ? digest.uppercased() : $0 }
        proxy.driver.command(words, to: client)
        let text = String(decoding: Wire.request(words), as: UTF8.self)
        #expect(proxy.sent(to: isAtReplica ? .replica(0) : .masterWrites) == text)
    }

    /// A replica lacks the script: it is loaded there and the call repeated, with the client's reads around it in
    /// their order.
    @Test func repaired() {
        let proxy = proxy()
        let (client, other) = (proxy.driver.connect(), proxy.driver.connect())
        let call = ["EVALSHA_RO", digest, "0"]
        proxy.driver.send(
            Wire.pipeline([["GET", "a"], call, ["GET", "b"]]), to: client)
        proxy.driver.command(call, to: other)
        _ = proxy.sent(to: .replica(0))
        proxy.says("$1\r\na\r\n" + noScript + "$1\r\nx\r\n", on: .replica(0))
        #expect(proxy.driver.output(of: client) == "$1\r\na\r\n")
        let again = Wire.text("SCRIPT", "LOAD", body) + Wire.text("EVALSHA_RO", digest, "0")
        #expect(proxy.sent(to: .replica(0)) == again + Wire.text("GET", "b"))
        // The other client's call came too early as well.
        proxy.says(noScript, on: .replica(0))
        #expect(proxy.sent(to: .replica(0)) == again)
        let loaded = Wire.bulk(digest)
        proxy.says(loaded + ":1\r\n$1\r\nb\r\n" + loaded + ":1\r\n", on: .replica(0))
        #expect(proxy.driver.output(of: client) == ":1\r\n$1\r\nb\r\n")
        #expect(proxy.driver.output(of: other) == ":1\r\n")
        proxy.core.checkInvariants()
    }

    /// The error arrives in pieces.
    @Test func repairedInPieces() {
        for cut in 1..<noScript.utf8.count {
            let proxy = proxy()
            let client = proxy.driver.connect()
            proxy.driver.command(["EVALSHA_RO", digest, "0"], to: client)
            proxy.says(Array(noScript.utf8.prefix(cut)), on: .replica(0))
            proxy.says(Array(noScript.utf8.dropFirst(cut)), on: .replica(0))
            proxy.says(Wire.bulk(digest) + ":1\r\n", on: .replica(0))
            #expect(proxy.driver.output(of: client) == ":1\r\n", "cut at \(cut)")
        }
    }

    /// Nobody knows the script: the master is asked, and what it says counts.
    @Test func unknownScript() {
        let proxy = proxy()
        proxy.core.scripts.forgetAll()
        let client = proxy.driver.connect()
        proxy.driver.command(["EVALSHA_RO", digest, "0"], to: client)
        proxy.says(noScript, on: .replica(0))
        #expect(proxy.sent(to: .masterReads) == Wire.text("EVALSHA_RO", digest, "0"))
        proxy.says(noScript, on: .masterReads)
        #expect(proxy.driver.output(of: client) == noScript)
        proxy.core.checkInvariants()
    }

    /// A server that forgets at once what it is told is not told for ever.
    @Test func neverLearns() {
        let proxy = proxy()
        let client = proxy.driver.connect()
        proxy.driver.command(["EVALSHA_RO", digest, "0"], to: client)
        proxy.says(noScript, on: .replica(0))
        proxy.says(Wire.bulk(digest) + noScript, on: .replica(0))
        proxy.says(Wire.bulk(digest) + noScript, on: .replica(0))
        #expect(proxy.driver.output(of: client) == noScript)
        proxy.core.checkInvariants()
    }

    /// SCRIPT FLUSH goes to all servers, the master first, and empties the memory of all workers.
    @Test func flush() {
        let proxy = proxy()
        let client = proxy.driver.connect()
        proxy.driver.command(["SCRIPT", "FLUSH"], to: client)
        #expect(proxy.sent(to: .masterWrites) == Wire.text("SCRIPT", "FLUSH"))
        #expect(proxy.sent(to: .replica(0)) == "")
        proxy.says("+OK\r\n", on: .masterWrites)
        #expect(proxy.driver.output(of: client) == "+OK\r\n")
        #expect(proxy.sent(to: .replica(0)) == Wire.text("SCRIPT", "FLUSH"))
        #expect(proxy.core.scripts.count == 0)
        proxy.core.scripts.remember(Array(body.utf8).span)
        proxy.driver.tell(.message(ScriptsForgotten(), from: 1))
        #expect(proxy.core.scripts.count == 0)
    }

    /// What the master refuses, or does not answer, changes nothing: no script is remembered or forgotten, and no
    /// replica is told. What follows waits for its answer.
    @Test(arguments: [["LOAD", "return 2"], ["FLUSH"]], [true, false])
    func refusedByTheMaster(_ words: [String], isLost: Bool) {
        let proxy = proxy()
        let client = proxy.driver.connect()
        proxy.driver.send(
            Wire.pipeline([["SCRIPT"] + words, ["CLIENT", "ID"]]), to: client)
        #expect(proxy.driver.output(of: client) == "")
        let refusal = "-NOPERM this user has no permissions\r\n"
        if isLost {
            proxy.cut(.masterWrites)
            #expect(
                proxy.driver.output(of: client).hasPrefix("-ERR the master did not answer; it may"))
        } else {
            proxy.says(refusal, on: .masterWrites)
            #expect(proxy.driver.output(of: client) == refusal + ":2\r\n")
        }
        #expect(proxy.core.scripts.count == 1)
        #expect(proxy.sent(to: .replica(0)) == "")
        #expect(proxy.driver.sent.isEmpty)
        proxy.core.checkInvariants()
    }

    /// What the master has done is done everywhere, whether the client has stayed for the answer or not.
    @Test func leftBeforeTheAnswer() {
        let proxy = proxy()
        let client = proxy.driver.connect()
        proxy.driver.command(["SCRIPT", "FLUSH"], to: client)
        proxy.driver.cut(client)
        proxy.says("+OK\r\n", on: .masterWrites)
        #expect(proxy.core.scripts.count == 0)
        #expect(proxy.sent(to: .replica(0)) == Wire.text("SCRIPT", "FLUSH"))
        proxy.core.checkInvariants()
    }

    /// SCRIPT KILL asks all servers; the one that had something to end answers for all, or the one that could not.
    @Test(arguments: [
        (["+OK\r\n", "-NOTBUSY no\r\n"], "+OK\r\n"), (["-NOTBUSY no\r\n", "+OK\r\n"], "+OK\r\n"),
        (["-NOTBUSY no\r\n", "-UNKILLABLE it wrote\r\n"], "-UNKILLABLE it wrote\r\n"),
        (["-NOTBUSY a\r\n", "-NOTBUSY b\r\n"], "-NOTBUSY a\r\n"),
        ([nil, "-NOTBUSY b\r\n"], "-NOTBUSY b\r\n"),
    ])
    func kill(_ answers: [String?], _ reply: String) {
        let proxy = ProxyUnderTest(replicas: 1) { $0.timeouts.probeInterval = .seconds(1_000) }
        proxy.connectAll()
        let client = proxy.driver.connect()
        let links = proxy.core.servers.map { $0.control!.link }
        // The questions of the beginning; the master is asked for its keys too.
        for (server, link) in links.enumerated() {
            let answers = String(repeating: "$-1\r\n", count: server == 0 ? 4 : 3)
            proxy.says(answers + "*0\r\n", on: link)
        }
        proxy.driver.send(Wire.pipeline([["SCRIPT", "KILL"], ["SELECT", "0"]]), to: client)
        for (link, answer) in zip(links, answers) {
            #expect(proxy.sent(to: link).hasSuffix(Wire.text("SCRIPT", "KILL")))
            if let answer { proxy.says(answer, on: link) } else { proxy.cut(link) }
        }
        #expect(proxy.driver.output(of: client) == reply + "+OK\r\n")
        proxy.core.checkInvariants()
    }

    /// The oldest scripts are forgotten first, a quarter of the memory at once; what takes more than all of it is not
    /// kept, and the shortest take some too.
    @Test func memoryIsBounded() {
        var memory = ScriptMemory(limit: 4 * (ScriptMemory.overhead + 4))
        for text in ["aaaa", "bbbb", "aaaa", "cccc", "dddd"] {
            memory.remember(Array(text.utf8).span)
        }
        #expect(memory.count == 4)
        memory.remember(Array(repeating: UInt8(ascii: "x"), count: 4_000).span)
        #expect(memory.count == 4)
        memory.remember(Array("eeee".utf8).span)
        #expect(memory.count == 3 && memory.bytes == 3 * (ScriptMemory.overhead + 4))
        for (text, isKnown) in [("aaaa", false), ("bbbb", false), ("cccc", true), ("eeee", true)] {
            let digest = SHA1.hexadecimal(Array(text.utf8).span)
            #expect((memory[digest.span] != nil) == isKnown, "\(text)")
        }
    }

    /// Inside MULTI scripts run at the master, in their place.
    @Test func insideMulti() {
        let proxy = proxy()
        let client = proxy.driver.connect()
        let call = ["EVAL_RO", "return 1", "0"]
        proxy.driver.send(Wire.pipeline([["MULTI"], call, ["EXEC"]]), to: client)
        #expect(
            proxy.sent(to: .masterWrites)
                == Wire.text("MULTI") + Wire.text("EVAL_RO", "return 1", "0") + Wire.text("EXEC"))
    }

    /// On a connection of the client's own nothing is kept to be sent again: NOSCRIPT is the client's to read.
    @Test(arguments: [["EVALSHA_RO", String(repeating: "a", count: 40), "0"], ["GET", "k"]])
    func complaintsOnAConnectionOfItsOwn(words: [String]) {
        let proxy = proxy()
        let client = proxy.driver.connect()
        proxy.driver.send(Wire.pipeline([["BLPOP", "q", "1"], words]), to: client)
        let own = LinkID.next(after: 1)
        proxy.connect(own)
        let call = String(decoding: Wire.request(words), as: UTF8.self)
        #expect(proxy.sent(to: own) == Wire.text("BLPOP", "q", "1") + call)
        proxy.says("*-1\r\n" + noScript, on: own)
        #expect(proxy.driver.output(of: client) == "*-1\r\n" + noScript)
    }
}
