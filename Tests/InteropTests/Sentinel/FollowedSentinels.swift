// A core that follows sentinels, on a loop beside a worker's as a program runs it; the worker only remembers what it
// hears.

import Foundation
import IO
import Proxy
import RESP
import TestSupport

/// The sentinels as one program sees them, for the length of a test.
final class FollowedSentinels: Sendable {
    /// What the loops share with the test.
    private final class Notes: Sendable {
        // Not the standard library's Mutex: the thread sanitizer cannot look into it when threads meet there.
        private let lock = NSLock()
        nonisolated(unsafe) private var heard: [SentinelReport] = []
        nonisolated(unsafe) private var mailbox: Mailbox?

        var reports: [SentinelReport] { lock.withLock { heard } }
        var isStarted: Bool { lock.withLock { mailbox != nil } }
        func add(_ report: SentinelReport) { lock.withLock { heard.append(report) } }
        func note(_ mailbox: Mailbox) { lock.withLock { self.mailbox = mailbox } }
        func stop() { lock.withLock { mailbox }?.stop(status: 0) }
    }

    private let notes = Notes()
    private let thread: IO.Thread
    private let logFile: URL

    init(_ settings: ProxyConfiguration.Sentinel) throws {
        let logFile = FileManager.default.temporaryDirectory
            .appendingPathComponent("sluice-log-\(UUID().uuidString.prefix(8))")
        self.logFile = logFile
        let notes = notes
        thread = try IO.Thread.start("followed") {
            let log = Log(to: .file(path: logFile.path))
            let workers = 1
            _ = try? Workers.run(count: workers + 1) { number, mailboxes throws(StartFailure) in
                let core: any Core =
                    number == workers
                    ? SentinelCore(settings, at: SystemClock.now())
                    : ReportKeeper { notes.add($0) }
                if number == 0 { notes.note(mailboxes[0]) }
                do throws(Errno) {
                    return try EventLoop(
                        driving: core, mailbox: mailboxes[number], peers: mailboxes,
                        sharers: workers, log: log
                    ) { .sentinel }
                } catch {
                    throw StartFailure("\(error)")
                }
            }
        }
    }

    deinit {
        // The loop may only just be starting.
        while !notes.isStarted { usleep(1_000) }
        notes.stop()
        thread.join()
        try? FileManager.default.removeItem(at: logFile)
    }

    var reports: [SentinelReport] { notes.reports }

    var log: String { (try? String(contentsOf: logFile, encoding: .utf8)) ?? "" }

    /// Waits until the latest report is as `condition` says.
    func waitFor(_ condition: (SentinelReport) -> Bool) -> Bool {
        wait(within: .seconds(90)) { reports.last.map(condition) ?? false }
    }
}

/// Hears what is reported, as the first worker does.
private final class ReportKeeper: SecludedCore {
    var pending = PendingActions()
    private let keep: (SentinelReport) -> Void

    init(_ keep: @escaping (SentinelReport) -> Void) {
        self.keep = keep
    }

    func hear(_ news: News, at now: Moment) {
        switch news {
        case .message(let message as SentinelReport, from: 1): keep(message)
        case .signal(.terminate): pending.wishes.append(.exit(0))
        default: break
        }
    }
}
