// When a core traps, the process dies in the middle of a run: this says which seed it was.

import Foundation

/// Names the seeds that are being run, in case the process dies of one.
enum CrashReport {
    private static let mostLanes = 64
    private static let width = 256
    /// What to print for each lane: text ready to be written, since a dying process must not allocate.
    private nonisolated(unsafe) static let lines = UnsafeMutablePointer<UInt8>.allocate(
        capacity: mostLanes * width)
    private nonisolated(unsafe) static let lengths = UnsafeMutablePointer<Int>.allocate(
        capacity: mostLanes)

    private static let install: Void = {
        lengths.initialize(repeating: 0, count: mostLanes)
        for number in [SIGILL, SIGTRAP, SIGABRT, SIGSEGV, SIGBUS] {
            signal(number) { number in
                for lane in 0..<CrashReport.mostLanes where CrashReport.lengths[lane] > 0 {
                    let line = CrashReport.lines + lane * CrashReport.width
                    _ = write(2, line, CrashReport.lengths[lane])
                }
                signal(number, SIG_DFL)
                raise(number)
            }
        }
    }()

    /// Runs `body`; if the process dies in it, the last words are how to run this seed again.
    static func naming<Result>(_ seed: UInt64, lane: Int, _ body: () -> Result) -> Result {
        _ = install
        let lane = lane % mostLanes
        let text = "\nThe process died in, or beside: \(Seeds.command(for: seed))\n"
        var length = 0
        for byte in text.utf8.prefix(width) {
            lines[lane * width + length] = byte
            length += 1
        }
        lengths[lane] = length
        defer { lengths[lane] = 0 }
        return body()
    }
}
