// Writes at the master that did not come through this proxy: what `fresh` does not cover. They are told from its own by
// counting: the master counts the calls of each command, and the proxy what it sends.

import RESP

/// How a proxy treats reads while others write past it.
package enum OnForeignWrites: String, Sendable, Equatable, CaseIterable {
    /// They are told of, and nothing else.
    case warn
    /// The master answers what must be fresh for as long as they were seen lately.
    case master
}

/// How requests are counted at the master.
struct WriteTally {
    enum Count: UInt8 {
        case nothing
        /// One call of a command that writes.
        case write
        /// It may write any number of times, each counted as a call of another command.
        case opaque
    }

    /// By the number of the command.
    private let counts: [Count]

    init(_ table: CommandTable) {
        counts = CommandID.allCases.map {
            switch $0 {
            case .evalRO, .evalshaRO, .fcallRO: .nothing
            case _ where $0.runsScripts: .opaque
            default: table[$0].flags.contains(.write) ? .write : .nothing
            }
        }
    }

    @inline(__always)
    func count(_ command: CommandID?) -> Count {
        guard let command else { return .opaque }
        return counts[Int(command.rawValue)]
    }
}

/// What is known of the writes of others. Never more than there were: what has been sent and may not have run yet
/// counts as if it had.
struct ForeignWrites: Equatable {
    /// What was counted for one question.
    struct Sample: Equatable {
        /// Which process answered.
        var process: [UInt8]
        /// Calls of commands that write, refused ones among them, as the master counts them.
        var calls: Int
        /// Writes that had certainly run when the question was sent, and all that had been sent when the answer came.
        var answered: Int
        var sent: Int
        /// Requests of which nobody here can say what they write: scripts, functions, commands without a row.
        var opaque: Int
        /// Such a one may be running.
        var isOpaqueUnderWay = false
    }

    private struct Base: Equatable {
        let process: [UInt8]
        let calls: Int
        /// No more than so many calls were past this proxy by then, or before.
        let past: Int
        let opaque: Int
    }

    private var base: Base?
    /// What was found since the base; and how many calls there were when they were counted last.
    private var found = 0
    private var last = 0
    private var samples = 0

    /// Writes that were sent and never ran, by a transaction whose keys were changed say, hide as many of others; so
    /// counting begins anew after this many samples.
    private static let mostSamples = 12
    /// Since the proxy has started: writes of others, and of all.
    private(set) var foreign = 0
    private(set) var all = 0

    /// Whether there is something to compare with.
    var isCounting: Bool { base != nil }

    /// Returns how many writes of others have come to light.
    mutating func note(_ sample: Sample) -> Int {
        samples += 1
        guard let base, base.process == sample.process, base.opaque == sample.opaque,
            sample.calls >= base.calls, samples < ForeignWrites.mostSamples
        else {
            begin(sample)
            return 0
        }
        let past = sample.calls - sample.sent
        let more = max(0, past - base.past - found)
        found += more
        foreign += more
        all += sample.calls - last
        last = sample.calls
        return more
    }

    /// Counting begins anew: at another process, when the counters were set back, or when something has written what
    /// cannot be counted.
    private mutating func begin(_ sample: Sample) {
        found = 0
        samples = 0
        last = sample.calls
        base =
            sample.isOpaqueUnderWay
            ? nil
            : Base(
                process: sample.process, calls: sample.calls,
                past: sample.calls - sample.answered, opaque: sample.opaque)
    }

    /// The calls of commands that write in the section `commandstats` of INFO; nil when it is none.
    static func calls(in reply: [UInt8], of table: CommandTable) -> Int? {
        guard reply.first == UInt8(ascii: "$") || reply.first == UInt8(ascii: "=") else {
            return nil
        }
        var calls = 0
        var isAny = false
        for line in reply.split(separator: UInt8(ascii: "\n")) {
            if line.starts(with: "# Commandstats".utf8) { isAny = true }
            guard line.starts(with: "cmdstat_".utf8),
                let colon = line.firstIndex(of: UInt8(ascii: ":"))
            else { continue }
            let name = line[line.startIndex + 8..<colon].split(separator: UInt8(ascii: "|"))
            guard let first = name.first, let command = table.find(Array(first).span) else {
                continue
            }
            let id = name.count > 1 ? table.find(Array(name[1]).span, in: command) : command
            guard let id, table[id].flags.contains(.write) else { continue }
            for field in line[(colon + 1)...].split(separator: UInt8(ascii: ",")) {
                for word in ["calls=", "rejected_calls="] where field.starts(with: word.utf8) {
                    let digits = field.dropFirst(word.utf8.count).prefix {
                        $0 != UInt8(ascii: "\r")
                    }
                    calls += Int(String(decoding: digits, as: UTF8.self)) ?? 0
                }
            }
        }
        return isAny ? calls : nil
    }
}
