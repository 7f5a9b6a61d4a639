// Which seeds are run: those that once failed, always; and new ones, as many as the environment asks for.

import Foundation

/// The choice of seeds.
enum Seeds {
    /// Seeds that once broke a law, each with what it was.
    static let onceFailed: [(seed: UInt64, why: String)] = [
        (325, "a client waited for a backend whose queue was dropped with its connection"),
        (417, "the same, with two connections to the backend"),
        (1_000_212, "a client that was cut off in the middle of a reply got an error behind it"),
        (1_002_766, "requests of a client that had been cut off were run all the same"),
        (2_007_940, "a connection that waited for a doubt was to be woken for in the past"),
        (202_611_282_232_000_025, "a master that had become a replica was read at level fresh"),
    ]

    /// Without a word from the environment: few, and always the same, so that a plain `swift test` stays quick.
    private static let few = 12

    /// What to run.
    ///
    /// - `SLUICE_SEED=n`: this seed alone.
    /// - `SLUICE_SEEDS=n`: this many; the first follows from the date and time, so that each run is a new one,
    ///   or is given by `SLUICE_BASE`.
    static var chosen: [UInt64] {
        if let seed = number("SLUICE_SEED") { return [seed] }
        guard let count = number("SLUICE_SEEDS") else { return (0..<UInt64(few)).map { $0 + 1 } }
        let base = number("SLUICE_BASE") ?? today
        print("simulation: \(count) seeds from SLUICE_BASE=\(base)")
        return (0..<count).map { base + $0 }
    }

    /// True when one seed is looked at, with everything that can be said about it.
    static var isOne: Bool { number("SLUICE_SEED") != nil }

    /// True when so many seeds run that every mark of coverage must be reached.
    static var areMany: Bool { (number("SLUICE_SEEDS") ?? 0) >= 200 }

    /// How many of the last lines of a trace are printed; `SLUICE_LINES=n` for more.
    static var traceLength: Int { Int(number("SLUICE_LINES") ?? 200) }

    static func command(for seed: UInt64) -> String {
        "SLUICE_SEED=\(seed) swift test --filter SimulationTests.survives"
    }

    /// Date and minute as one number, with room behind it: 2026-07-25 14:30 is 202607251430000000.
    private static var today: UInt64 {
        var calendar = Calendar(identifier: .gregorian)
        calendar.timeZone = TimeZone(identifier: "UTC") ?? calendar.timeZone
        let date = calendar.dateComponents([.year, .month, .day, .hour, .minute], from: Date())
        var number = UInt64(date.year ?? 0)
        for part in [date.month, date.day, date.hour, date.minute] {
            number = number * 100 + UInt64(part ?? 0)
        }
        return number * 1_000_000
    }

    private static func number(_ name: String) -> UInt64? {
        guard let text = ProcessInfo.processInfo.environment[name] else { return nil }
        guard let number = UInt64(text) else { fatalError("\(name) is no number: \(text)") }
        return number
    }
}
