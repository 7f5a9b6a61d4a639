// The log: redis-server's line to the letter, whole lines from any thread, and rotation.

import Foundation
import IO
import RESP
import Testing

@Suite struct LogTests {
    @Test(arguments: [
        (0, 0, LogLevel.notice, Log.Role.master, "7:M 01 Jan 1970 00:00:00.000 * text\n"),
        (1_772_874_303_042, 0, .warning, .replica, "7:S 07 Mar 2026 09:05:03.042 # text\n"),
        (1_772_874_303_042, 3_600, .debug, .starting, "7:C 07 Mar 2026 10:05:03.042 . text\n"),
        (1_772_323_199_999, 0, .verbose, .sentinel, "7:X 28 Feb 2026 23:59:59.999 - text\n"),
        (1_709_251_199_999, 1, .notice, .master, "7:M 01 Mar 2024 00:00:00.999 * text\n"),
        (1_709_208_000_000, 0, .notice, .master, "7:M 29 Feb 2024 12:00:00.000 * text\n"),
        (951_782_400_000, 0, .notice, .master, "7:M 29 Feb 2000 00:00:00.000 * text\n"),
        (4_107_542_400_000, 0, .notice, .master, "7:M 01 Mar 2100 00:00:00.000 * text\n"),
        (1_767_225_599_000, -12_600, .notice, .master, "7:M 31 Dec 2025 20:29:59.000 * text\n"),
        (-1, 0, .notice, .master, "7:M 31 Dec 1969 23:59:59.999 * text\n"),
    ])
    func writesRedisLines(
        milliseconds: Int64, offset: Int, level: LogLevel, role: Log.Role, line: String
    ) {
        let time = WallTime(microseconds: milliseconds * 1_000)
        let written = LogLine.format(
            "text", level: level, role: role, process: 7, at: time, offset: offset)
        #expect(written == line)
    }

    /// The same day as the C library's calendar, for every day of a century and a half.
    @Test func agreesWithTheCalendarOfTheSystem() {
        for day in stride(from: -3_650, to: 52_000, by: 1) {
            var seconds = time_t(day * 86_400)
            var expected = tm()
            gmtime_r(&seconds, &expected)
            var text = [UInt8](repeating: 0, count: 64)
            let length = text.withUnsafeMutableBytes {
                strftime(
                    $0.bindMemory(to: CChar.self).baseAddress!, 64,
                    "7:M %d %b %Y %H:%M:%S.000 * text\n", &expected)
            }
            let line = LogLine.format(
                "text", level: .notice, role: .master, process: 7,
                at: WallTime(microseconds: Int64(seconds) * 1_000_000), offset: 0)
            #expect(line == String(decoding: text.prefix(length), as: UTF8.self))
        }
    }

    @Test func onlyUrgentLinesAreWritten() {
        let scratch = Scratch()
        let log = Log(to: .file(path: scratch.file("log")), level: .notice)
        log.write(.verbose, "not this", as: .master)
        log.write(.notice, "this", as: .master)
        log.level = .debug
        log.write(.debug, "and this", as: .replica)
        let lines = scratch.text("log").split(separator: "\n")
        #expect(lines.count == 2)
        #expect(lines.first?.hasSuffix(" * this") == true)
        #expect(lines.last?.hasPrefix("\(getpid()):S ") == true)
    }

    /// A file that was moved away is made anew, without a signal.
    @Test func survivesRotation() {
        let scratch = Scratch()
        let log = Log(to: .file(path: scratch.file("log")))
        log.write(.notice, "one", as: .master)
        rename(scratch.file("log"), scratch.file("log.1"))
        log.write(.notice, "two", as: .master)
        unlink(scratch.file("log"))
        log.write(.notice, "three", as: .master)
        #expect(scratch.text("log.1").hasSuffix("one\n"))
        #expect(scratch.text("log").hasSuffix("three\n"))
        #expect(!scratch.text("log").contains("two"))
    }

    @Test func linesOfSeveralThreadsAreWhole() throws {
        let scratch = Scratch()
        let log = Log(to: .file(path: scratch.file("log")))
        let threads = try (0..<4).map { number in
            try IO.Thread.start("writer") {
                for line in 0..<500 { log.write(.notice, "\(number) \(line) end", as: .master) }
            }
        }
        for thread in threads { thread.join() }
        let lines = scratch.text("log").split(separator: "\n")
        #expect(lines.count == 2_000)
        #expect(lines.allSatisfy { $0.hasPrefix("\(getpid()):M ") && $0.hasSuffix(" end") })
    }

    /// Lines of several threads that a pipe takes only in pieces arrive whole, though the pipe does not block.
    @Test func aPipeThatIsFullIsWaitedFor() async {
        await #expect(processExitsWith: .success) {
            var ends: [Int32] = [0, 0]
            guard pipe(&ends) == 0 else { fatalError("no pipe") }
            _ = fcntl(ends[1], F_SETFL, O_NONBLOCK)
            let output = dup(STDOUT_FILENO)
            dup2(ends[1], STDOUT_FILENO)
            let log = Log()
            let text = String(repeating: "long ", count: 40_000)
            let threads = try (0..<2).map { _ in
                try IO.Thread.start("writer") {
                    for _ in 0..<4 { log.write(.notice, text, as: .master) }
                }
            }
            var bytes: [UInt8] = []
            var piece = [UInt8](repeating: 0, count: 10_000)
            var lines = 0
            while lines < 8 {
                var wanted = pollfd(fd: ends[0], events: Int16(POLLIN), revents: 0)
                guard poll(&wanted, 1, 5_000) == 1 else { fatalError("\(bytes.count) bytes") }
                let count = read(ends[0], &piece, piece.count)
                bytes += piece.prefix(count)
                lines += piece.prefix(count).count { $0 == UInt8(ascii: "\n") }
            }
            for thread in threads { thread.join() }
            dup2(output, STDOUT_FILENO)
            for line in bytes.split(separator: UInt8(ascii: "\n")) {
                guard line.suffix(text.utf8.count).elementsEqual(text.utf8), line.count < 200_100
                else { fatalError("a line of \(line.count) bytes") }
            }
        }
    }

    @Test(arguments: [("user", 8), ("LOCAL0", 128), ("local7", 184), ("daemon", nil), ("", nil)])
    func knowsTheFacilities(word: String, number: Int32?) {
        #expect(Syslog.facility(word) == number)
    }

    @Test func levelsHaveTheirPriorities() {
        let levels: [LogLevel] = [.debug, .verbose, .notice, .warning]
        #expect(levels.map(Syslog.priority) == [LOG_DEBUG, LOG_INFO, LOG_NOTICE, LOG_WARNING])
    }
}
