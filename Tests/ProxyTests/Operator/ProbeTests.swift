// What the proxy tells clients that look for a cluster or for a sentinel.

import RESP
import TestSupport
import Testing

@testable import Proxy

@Suite struct ProbeTests {
    private func sentinel(_ line: String, at local: PeerAddress) throws(CommandRefusal) -> String {
        var queue = OutputQueue(pool: BlockPool())
        try withRequest(line) { (request: Request) throws(CommandRefusal) in
            try ProbeReplies.sentinel(request, at: local, to: &queue)
        }
        return text(output { $0.append(contents(&queue).span) })
    }

    private func contents(_ queue: inout OutputQueue) -> [UInt8] {
        var bytes: [UInt8] = []
        queue.drain { pieces in
            for index in 0..<pieces.count { bytes.append(pieces[index]) }
            return pieces.total
        }
        return bytes
    }

    /// A client that asks for any master is led back to where it already is.
    @Test func sentinelNamesTheProxy() throws {
        let line = "sentinel GET-MASTER-ADDR-BY-NAME mymaster"
        #expect(
            try sentinel(line, at: .ipv4(10, 0, 0, 9, port: 7379))
                == "*2\r\n$8\r\n10.0.0.9\r\n$4\r\n7379\r\n")
        let local = PeerAddress(family: .ipv6, port: 1, high: 0, low: 1)
        #expect(try sentinel(line, at: local) == "*2\r\n$3\r\n::1\r\n$1\r\n1\r\n")
    }

    /// What else is asked of a sentinel is refused with a reason.
    @Test(arguments: [
        ("SENTINEL", "ERR wrong number of arguments for 'sentinel' command"),
        (
            "SENTINEL get-master-addr-by-name",
            "ERR wrong number of arguments for 'sentinel|get-master-addr-by-name' command"
        ),
        (
            "SENTINEL Masters",
            "ERR 'sentinel|masters' is not served here: this is a proxy, which is the master to its clients"
        ),
    ])
    func sentinelRefuses(line: String, expected: String) {
        #expect(throws: CommandRefusal(expected)) {
            try sentinel(line, at: .ipv4(10, 0, 0, 9, port: 7379))
        }
    }

    /// The words about clusters are those of a live redis-server.
    @Test func clusterIsRefusedAsByRedis() throws {
        guard let server = try RedisServer.start() else { return }
        let client = try server.client()
        for line in ["CLUSTER INFO", "CLUSTER SLOTS", "READONLY", "READWRITE", "ASKING"] {
            let theirs = try client.run(line.split(separator: " ").map(String.init))
            let ours = text(output { ProbeReplies.cluster(to: &$0) })
            #expect(theirs.text.map { "-\($0)\r\n" } == ours, "\(line)")
        }
    }
}
