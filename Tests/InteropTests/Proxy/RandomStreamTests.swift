// Random streams of requests to a server directly, and to another one through the proxy: the same bytes come back.

import Foundation
import RESP
import TestSupport
import Testing

@Suite(.serialized) struct RandomStreamTests {
    static let streams =
        ProcessInfo.processInfo.environment["SLUICE_STREAMS"].flatMap(Int.init) ?? 40
    static let seed = ProcessInfo.processInfo.environment["SLUICE_SEED"].flatMap(UInt64.init)
    static let length = 300

    /// One backend; each stream on a new connection, cut into pieces anywhere. SLUICE_SEED repeats one stream.
    @Test(arguments: [2, 3]) func sameReplies(protocolVersion: Int) throws {
        guard let front = try Front(replicas: 0), let other = try RedisServer.start() else {
            return
        }
        var seeds = SeededRandom.announced()
        for _ in 0..<(Self.seed == nil ? Self.streams : 1) {
            let seed = Self.seed ?? seeds.next()
            let master = try front.deployment.master.client()
            let reference = try other.client()
            for client in [master, reference] {
                try client.say("FLUSHALL; SCRIPT FLUSH; FUNCTION FLUSH")
            }
            var generator = RandomRequests(seed: seed)
            let requests = (0..<Self.length).map { _ in generator.next() }
            let direct = try answer(
                to: requests, from: try other.client(speaking: protocolVersion), cuts: nil)
            let proxied = try answer(
                to: requests, from: try front.client(speaking: protocolVersion),
                cuts: Cuts(seed: withUnsafeBytes(of: seed, Array.init)))
            if direct == proxied { continue }
            try report(requests, direct, proxied, seed: seed, version: protocolVersion)
            return
        }
    }

    private func answer(
        to requests: [[String]], from client: RESPClient, cuts: Cuts?
    ) throws -> [UInt8] {
        let end = "the-end-of-the-stream"
        let all = requests + RandomRequests.ends + [["ECHO", end]]
        let bytes = all.flatMap { Wire.request($0) }
        if var cuts {
            for (index, piece) in cuts.pieces(of: bytes).enumerated() {
                try client.send(piece)
                if index % 50 == 49 { usleep(500) }
            }
        } else {
            try client.send(bytes)
        }
        var answer: [UInt8] = []
        while true {
            let reply = try client.readReplyBytes()
            answer += reply
            if reply == Array("$\(end.utf8.count)\r\n\(end)\r\n".utf8) { return answer }
        }
    }

    /// Says where they first differ, and what was asked up to there.
    private func report(
        _ requests: [[String]], _ direct: [UInt8], _ proxied: [UInt8], seed: UInt64, version: Int
    ) throws {
        let ours = try Wire.replies(proxied)
        let theirs = try Wire.replies(direct)
        let place = zip(theirs, ours).enumerated().first { $1.0 != $1.1 }?.offset
        let index = place ?? min(ours.count, theirs.count)
        let asked = requests[max(0, index - 8)..<min(requests.count, index + 1)]
        let difference = Self.difference(
            theirs.dropFirst(index).first, ours.dropFirst(index).first)
        Issue.record(
            """
            SLUICE_SEED=\(seed), RESP\(version): reply \(index) of \(theirs.count) differs: \
            \(difference), after
            \(asked.map { $0.joined(separator: " ") }.joined(separator: "\n"))
            """)
    }

    /// The first elements in which two replies differ.
    private static func difference(_ direct: WireReply?, _ proxied: WireReply?) -> String {
        if let first = direct?.items, let second = proxied?.items, first.count == second.count,
            let place = zip(first, second).enumerated().first(where: { $0.1.0 != $0.1.1 })
        {
            return "element \(place.offset): " + difference(place.element.0, place.element.1)
        }
        let texts = [direct, proxied].map { reply in
            reply.map { $0.text.map { "\"\($0)\"" } ?? "\($0)" } ?? "none"
        }
        return "\(texts[0]) directly, \(texts[1]) through the proxy"
    }
}
