// What the tests of the operator's side share: requests from words, output as bytes, and one status that has
// something in every field.

import RESP
import TestSupport

@testable import Proxy

/// Calls `body` with a request of these arguments.
func withRequest<Value, Failure: Error>(
    _ words: [[UInt8]], _ body: (Request) throws(Failure) -> Value
) throws(Failure) -> Value {
    var bytes: [UInt8] = []
    var ranges: [ByteRange] = []
    for word in words {
        ranges.append(ByteRange(bytes.count, bytes.count + word.count))
        bytes += word
    }
    return try body(Request(bytes: bytes.span, ranges: ranges.span))
}

/// A request as somebody types it.
func withRequest<Value, Failure: Error>(
    _ line: String, _ body: (Request) throws(Failure) -> Value
) throws(Failure) -> Value {
    try withRequest(line.split(separator: " ").map { Array($0.utf8) }, body)
}

/// What `body` appends.
func output(_ body: (inout OutputQueue) -> Void) -> [UInt8] {
    var queue = OutputQueue(pool: BlockPool())
    body(&queue)
    var bytes: [UInt8] = []
    while !queue.isEmpty {
        queue.drain { pieces in
            for index in 0..<pieces.count { bytes.append(pieces[index]) }
            return pieces.total
        }
    }
    return bytes
}

func text(_ bytes: [UInt8]) -> String {
    String(decoding: bytes, as: UTF8.self)
}

/// The one reply that these bytes are; nil when they are anything else.
func reply(_ bytes: [UInt8]) -> Reply? {
    guard case .reply(let reply, let end) = NaiveReplyParser.parse(bytes), end == bytes.count
    else { return nil }
    return reply
}

extension WallTime {
    /// So many seconds after 2026-03-01T12:00:00Z.
    static func noon(_ seconds: Int64 = 0) -> WallTime {
        WallTime(microseconds: (1_772_366_400 + seconds) * 1_000_000)
    }
}

extension ProxyStatus {
    /// A master and two replicas, all well, and one worker that has been busy for a minute.
    static func sample() -> ProxyStatus {
        var status = ProxyStatus(
            now: .noon(60), startedAt: .noon(), uptime: .seconds(60), consistency: "eventual")
        status.process.processID = 4711
        status.process.runID = String(repeating: "a", count: 40)
        status.process.operatingSystem = "Linux 6.1 x86_64"
        status.process.port = 7379
        status.process.residentMemory = 10 << 20
        status.process.userTime = .milliseconds(1_234)
        status.clients.connected = 3
        status.clients.maximum = 10_000
        status.clients.blocked = 1
        status.counters.reads = 70
        status.counters.writes = 20
        status.counters.others = 10
        status.counters.readsOnReplicas = 60
        status.counters.readsOnMasterAsFallback = 10
        status.counters.errors.count(Array("-ERR no".utf8).span)
        status.backends = [
            BackendStatus(address: "127.0.0.1:1", role: .master, state: .healthy, since: .noon()),
            BackendStatus(address: "127.0.0.1:2", role: .replica, state: .healthy, since: .noon()),
            BackendStatus(address: "127.0.0.1:3", role: .replica, state: .healthy, since: .noon()),
        ]
        return status
    }
}
