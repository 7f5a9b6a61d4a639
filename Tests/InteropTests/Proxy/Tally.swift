// Clients that count under load, each a counter of its own, and remember what they were told.

import Foundation
import TestSupport

/// Begins to count at once; `end` returns when all have ended.
final class Tally: Sendable {
    // Not the standard library's Mutex: the thread sanitizer cannot look into it when threads meet there.
    private let lock = NSLock()
    nonisolated(unsafe) private var done: [Int]
    nonisolated(unsafe) private var unknown: [Int]
    nonisolated(unsafe) private var refused = 0
    nonisolated(unsafe) private var isOver = false
    nonisolated(unsafe) private var running: Int
    nonisolated(unsafe) private(set) var complaints: [String] = []

    init(counters: Int, _ connect: @escaping @Sendable () throws -> RESPClient) {
        done = Array(repeating: 0, count: counters)
        unknown = done
        running = counters
        for number in 0..<counters {
            Thread { [self] in
                do { try count(number, connect) } catch { complain("\(error)") }
                lock.withLock { running -= 1 }
            }.start()
        }
    }

    var total: Int { lock.withLock { done.reduce(0, +) } }
    /// How often nobody knows whether a request was carried out, since its client was closed, or was not, since a
    /// replica had it.
    var disturbances: Int { lock.withLock { unknown.reduce(refused, +) } }

    /// A thread that is over holds the servers no longer.
    func end() {
        lock.withLock { isOver = true }
        while lock.withLock({ running > 0 }) { usleep(10_000) }
    }

    func complain(_ text: String) { lock.withLock { complaints.append(text) } }

    func counts(_ number: Int) -> (Int, Int) {
        lock.withLock { (done[number], unknown[number]) }
    }

    static func name(_ number: Int) -> String { "count-\(number)" }

    /// Counts up, and reads what it has counted, until the end.
    private func count(_ number: Int, _ connect: () throws -> RESPClient) throws {
        var client = try connect()
        while !lock.withLock({ isOver }) {
            let reply: WireReply
            do {
                reply = try client.run("INCR", Tally.name(number))
            } catch {
                // Closed: whether it was done nobody knows.
                lock.withLock { unknown[number] += 1 }
                client = try connect()
                continue
            }
            switch reply {
            case .integer: lock.withLock { done[number] += 1 }
            case .error(let text) where text.hasPrefix("READONLY"):
                lock.withLock { refused += 1 }
                continue
            default: complain("INCR was answered by \(reply)")
            }
            let least = lock.withLock { done[number] }
            let seen = try client.run("GET", Tally.name(number)).text.flatMap(Int.init) ?? 0
            if seen < least { complain("\(least) were acknowledged, and \(seen) read") }
        }
    }
}
