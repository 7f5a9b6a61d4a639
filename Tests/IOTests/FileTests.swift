// Files on their threads: order, sizes, what a full disk does, and what comes after.

import Foundation
import IO
import RESP
import Testing

@Suite(.timeLimit(.minutes(2)))
struct FileTests {
    private let file = FileID(number: 3)

    private func failure(of loop: RunningLoop, number: Int = 0) throws -> String {
        try loop.journal.wait(for: "failure") { entries in
            let reasons = entries.compactMap { entry -> String? in
                if case .failed(file, let reason) = entry { reason } else { nil }
            }
            return number < reasons.count ? reasons[number] : nil
        }
    }

    /// What was ordered first is written first, and the sizes that are told count from the opening.
    @Test func appendsInOrderAndTellsSizes() throws {
        let scratch = Scratch()
        let loop = try RunningLoop()
        let (file, path) = (file, scratch.file("log"))
        loop.tell { core in
            core.wish(.openFile(file, path: path, size: 0))
            for number in 0..<1_000 { core.wish(.append(file, Array("\(number)\n".utf8))) }
            core.wish(.sync(file))
        }
        let lines = (0..<1_000).map { "\($0)\n" }.joined()
        try loop.journal.waitFor(.synced(file, lines.utf8.count))
        #expect(scratch.text("log") == lines)
        let sizes = loop.journal.all.compactMap { entry -> Int? in
            if case .appended(file, let size) = entry { size } else { nil }
        }
        #expect(sizes.last == lines.utf8.count)
        #expect(sizes == sizes.sorted())
    }

    /// What stands behind the given size is cut off: the half of a record that a crash left.
    @Test func cutsOffWhatStandsBehindTheSize() throws {
        let scratch = Scratch()
        try Data("whole half".utf8).write(to: URL(filePath: scratch.file("log")))
        let loop = try RunningLoop()
        let (file, path) = (file, scratch.file("log"))
        loop.tell { core in
            core.wish(.openFile(file, path: path, size: 6))
            core.wish(.append(file, Array("again".utf8)))
        }
        try loop.journal.waitFor(.appended(file, 5))
        #expect(scratch.text("log") == "whole again")
    }

    @Test func aFileShorterThanItShouldBeFails() throws {
        let scratch = Scratch()
        try Data("short".utf8).write(to: URL(filePath: scratch.file("log")))
        let loop = try RunningLoop()
        let (file, path) = (file, scratch.file("log"))
        loop.tell { core in
            core.wish(.openFile(file, path: path, size: 6))
            core.wish(.append(file, [1]))
        }
        #expect(try failure(of: loop) == "open: No data available")
        #expect(scratch.text("log") == "short")
    }

    @Test func aFolderThatIsMissingFails() throws {
        let loop = try RunningLoop()
        let file = file
        loop.tell { $0.wish(.openFile(file, path: "/nonexistent/log", size: 0)) }
        #expect(try failure(of: loop) == "open: No such file or directory")
    }

    /// A full disk is told once; nothing more happens until the file is opened anew, and then it works again.
    @Test func aFullDiskIsToldOnce() throws {
        let scratch = Scratch()
        let loop = try RunningLoop()
        let (file, path) = (file, scratch.file("log"))
        loop.tell { core in
            core.wish(.openFile(file, path: "/dev/full", size: 0))
            core.wish(.append(file, [1, 2, 3]))
            core.wish(.sync(file))
            core.wish(.append(file, [4]))
        }
        #expect(try failure(of: loop) == "write: No space left on device")
        loop.tell { core in
            core.wish(.append(file, [5]))
            core.wish(.openFile(file, path: path, size: 0))
            core.wish(.append(file, [6, 7]))
            core.wish(.sync(file))
        }
        try loop.journal.waitFor(.synced(file, 2))
        #expect(scratch.contents("log") == [6, 7])
        #expect(loop.journal.count { if case .failed = $0 { true } else { false } } == 1)
        #expect(loop.journal.count { if case .synced = $0 { true } else { false } } == 1)
    }

    /// A file is given other contents in one step, for nobody else's eyes, and nothing is left beside it.
    @Test func replacesAFile() throws {
        let scratch = Scratch()
        try Data("a longer text than the next".utf8).write(to: URL(filePath: scratch.file("state")))
        let loop = try RunningLoop()
        let (file, path) = (file, scratch.file("state"))
        loop.tell { $0.wish(.replaceFile(file, path: path, contents: Array("short".utf8))) }
        try loop.journal.waitFor(.synced(file, 5))
        #expect(scratch.text("state") == "short")
        #expect(try FileManager.default.contentsOfDirectory(atPath: scratch.path) == ["state"])
        let mode = try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions]
        #expect(mode as? Int == 0o600)
        // The last of several is the one that counts, and that is heard of.
        loop.tell { core in
            for number in 0..<100 {
                core.wish(
                    .replaceFile(file, path: path, contents: [UInt8](repeating: 7, count: number)))
            }
        }
        try loop.journal.waitFor(.synced(file, 99))
        #expect(scratch.contents("state") == [UInt8](repeating: 7, count: 99))
    }

    /// What cannot be put in its place leaves the file as it was.
    @Test func aReplacementThatFails() throws {
        let scratch = Scratch()
        let path = scratch.file("folder")
        try FileManager.default.createDirectory(
            atPath: path + "/inner", withIntermediateDirectories: true)
        let loop = try RunningLoop()
        let file = file
        loop.tell { $0.wish(.replaceFile(file, path: path, contents: [1])) }
        #expect(try failure(of: loop).hasPrefix("rename: "))
        #expect(try FileManager.default.contentsOfDirectory(atPath: scratch.path) == ["folder"])
        loop.tell { $0.wish(.replaceFile(file, path: "/nonexistent/state", contents: [1])) }
        #expect(try failure(of: loop, number: 1) == "open: No such file or directory")
    }

    /// After a close nothing more is heard of that opening, even when the same name is opened at once.
    @Test func anOldOpeningIsSilent() throws {
        let scratch = Scratch()
        let loop = try RunningLoop()
        let (file, first, second) = (file, scratch.file("first"), scratch.file("second"))
        loop.tell { core in
            core.wish(.openFile(file, path: first, size: 0))
            core.wish(.append(file, [UInt8](repeating: 1, count: 1_000)))
            core.wish(.closeFile(file))
            core.wish(.openFile(file, path: second, size: 0))
            core.wish(.append(file, [2]))
            core.wish(.sync(file))
        }
        try loop.journal.waitFor(.synced(file, 1))
        #expect(scratch.contents("first") == [UInt8](repeating: 1, count: 1_000))
        #expect(scratch.contents("second") == [2])
        #expect(!loop.journal.all.contains(.appended(file, 1_000)))
    }

    /// The thread of a file and what it is woken with go with the file, when everything is written.
    @Test func aClosedFileLeavesNothingBehind() async {
        await #expect(processExitsWith: .success) {
            // By name and kind: the test's own process has threads and descriptors that come and go.
            func threads() throws -> Int {
                try FileManager.default.contentsOfDirectory(atPath: "/proc/self/task").count {
                    let name = FileManager.default.contents(atPath: "/proc/self/task/\($0)/comm")
                    return name == Data("file\n".utf8)
                }
            }
            func bells() throws -> Int {
                try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").count {
                    let kind = try? FileManager.default.destinationOfSymbolicLink(
                        atPath: "/proc/self/fd/\($0)")
                    return kind == "anon_inode:[eventfd]"
                }
            }
            let scratch = Scratch()
            let loop = try RunningLoop()
            loop.tell { core in core.journal.add(.note("running")) }
            try loop.journal.waitFor(.note("running"))
            let before = try bells()
            for round in 0..<3 {
                loop.tell { core in
                    for number in 0..<20 {
                        let file = FileID(number: UInt32(round * 20 + number))
                        core.wish(.openFile(file, path: scratch.file("\(number)"), size: round))
                        core.wish(.append(file, [UInt8(number)]))
                        core.wish(.closeFile(file))
                    }
                }
                // What is written shows that the threads have begun: before that there are none either.
                try waitUntil("bytes in all files, and no threads and bells") {
                    let areWritten = (0..<20).allSatisfy { number in
                        scratch.contents("\(number)")
                            == [UInt8](repeating: UInt8(number), count: round + 1)
                    }
                    return try areWritten && threads() == 0 && bells() == before ? () : nil
                }
            }
            loop.stop()
        }
    }

    /// A file that is opened again at once finds everything that was appended before: otherwise it would be
    /// shorter than it should be, and fail.
    @Test func anOpeningComesAfterTheClosingBefore() throws {
        let scratch = Scratch()
        let loop = try RunningLoop()
        let (file, path, size, rounds) = (file, scratch.file("log"), 100_000, 100)
        for round in 0..<rounds {
            // Sometimes before the thread has closed the file, sometimes after.
            if round % 10 == 0 { usleep(5_000) }
            loop.tell { core in
                core.wish(.openFile(file, path: path, size: round * size))
                core.wish(.append(file, [UInt8](repeating: UInt8(round), count: size)))
                core.wish(.closeFile(file))
            }
        }
        loop.stop()
        let expected = (0..<rounds).flatMap { [UInt8](repeating: UInt8($0), count: size) }
        #expect(scratch.contents("log") == expected)
        #expect(loop.journal.count { if case .failed = $0 { true } else { false } } == 0)
    }

    /// Leaving the program loses nothing of what was ordered before.
    @Test func theEndWaitsForTheFiles() throws {
        let scratch = Scratch()
        let loop = try RunningLoop()
        // A pipe holds its writer up until somebody reads.
        let (file, path) = (file, scratch.file("pipe"))
        #expect(mkfifo(path, 0o600) == 0)
        let size = 10_000_000
        loop.tell { core in
            core.wish(.openFile(file, path: path, size: 0))
            for _ in 0..<100 { core.wish(.append(file, [UInt8](repeating: 9, count: size / 100))) }
            core.wish(.exit(0))
        }
        let journal = loop.journal
        let reader = try IO.Thread.start("reader") {
            usleep(100_000)
            var total = 0
            let number = open(path, O_RDONLY)
            journal.add(.note("reading"))
            var piece = [UInt8](repeating: 0, count: 65_536)
            while total < size {
                let count = read(number, &piece, piece.count)
                guard count > 0 else { break }
                total += count
            }
            journal.add(.note("read \(total)"))
        }
        #expect(loop.join() == 0)
        #expect(journal.all.contains(.note("reading")), "the loop ended before its file")
        reader.join()
        let written = journal.all.contains(.appended(file, size))
        #expect(journal.all.contains(.note("read \(size)")))
        #expect(!written, "the core hears of nothing after the end")
    }
}
