// What a test of the proxy talks to, and how requests are written in these tests.

import Foundation
import RESP
import TestSupport
import Testing

/// Where clients connect: our proxy, or with SLUICE_INTEROP=direct the master itself. The latter asks the tests
/// whether they are right: what a master alone fails was never the proxy's fault.
struct Front {
    static let isDirect = ProcessInfo.processInfo.environment["SLUICE_INTEROP"] == "direct"

    let server: LiveServer
    let deployment: RedisDeployment

    /// A proxy before a deployment, ready to place reads on every replica.
    init?(
        replicas: Int, reads: SluiceProxy.Reads = SluiceProxy.Reads(),
        masterArguments: [String] = [], replicaArguments: [String] = [], _ lines: [String] = []
    ) throws {
        guard
            let deployment = try RedisDeployment.start(
                replicas: replicas, masterArguments: masterArguments,
                replicaArguments: replicaArguments)
        else { return nil }
        try self.init(before: deployment, reads: reads, lines)
    }

    init(
        before deployment: RedisDeployment, reads: SluiceProxy.Reads = SluiceProxy.Reads(),
        as user: [String] = [], _ lines: [String] = []
    ) throws {
        self.deployment = deployment
        if Front.isDirect {
            server = try #require(deployment.master.server)
            return
        }
        server = try SluiceProxy.start(before: deployment, reads: reads, lines)
        var readers = deployment.replicas
        if reads.includeMaster == "always" { readers.append(deployment.master) }
        let areReached = try SluiceProxy.waitUntilReadsReach(
            readers, through: server, as: user)
        try #require(areReached, "the proxy does not read from every server that it should")
    }

    func client() throws -> RESPClient { try server.client() }

    /// A client that has said HELLO in this version.
    func client(speaking version: Int) throws -> RESPClient {
        try server.client(speaking: version)
    }
}

extension LiveServer {
    func client(speaking version: Int) throws -> RESPClient {
        let client = try client()
        if version == 3 {
            let reply = try client.run("HELLO", "3")
            guard reply[key: "proto"] == .integer(3) else {
                throw SupportError("HELLO 3 was answered by \(reply)")
            }
        }
        return client
    }
}

extension RESPClient {
    /// Sends requests in one piece and gives what comes back as it is, up to the end that an ECHO behind them has.
    func exchange(_ requests: [[String]]) throws -> [UInt8] {
        let end = "end-of-\(UInt64.random(in: 0...(.max)))"
        try send((requests + [["ECHO", end]]).flatMap { Wire.request($0) })
        var answer: [UInt8] = []
        let last = Array("$\(end.utf8.count)\r\n\(end)\r\n".utf8)
        let deadline = ContinuousClock().now.advanced(by: .seconds(30))
        while true {
            // Of a stream of pushes each comes in time, and the end never.
            guard ContinuousClock().now < deadline else {
                throw SupportError("the last request is not answered: \(answer.count) bytes")
            }
            let reply = try readReplyBytes()
            if reply == last { return answer }
            answer += reply
        }
    }

    /// Sends a line of requests, as `Words` writes them.
    @discardableResult
    func say(_ line: String) throws -> [WireReply] {
        try Wire.replies(exchange(Words.requests(line)))
    }
}

/// Requests written in one line: `SET k 'two words'; GET k`. Within quotes, `\n` is a line feed.
enum Words {
    static func requests(_ line: String) -> [[String]] {
        var requests: [[String]] = [[]]
        var word: String?
        var isQuoted = false
        var isEscaped = false
        for letter in line {
            if isQuoted {
                if isEscaped {
                    word!.append(letter == "n" ? "\n" : letter)
                    isEscaped = false
                } else if letter == "\\" {
                    isEscaped = true
                } else if letter == "'" {
                    isQuoted = false
                } else {
                    word!.append(letter)
                }
                continue
            }
            switch letter {
            case "'":
                isQuoted = true
                word = word ?? ""
            case " ", ";", "\n":
                if let word { requests[requests.count - 1].append(word) }
                word = nil
                if letter == ";" { requests.append([]) }
            default: word = (word ?? "") + String(letter)
            }
        }
        precondition(!isQuoted, "an open quote: \(line)")
        if let word { requests[requests.count - 1].append(word) }
        return requests.filter { !$0.isEmpty }
    }
}
