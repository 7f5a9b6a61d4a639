// The log: to standard output or a file, and to syslog beside it; any thread may write.

import Glibc
import RESP
import Synchronization

package final class Log: Sendable {
    /// What the process is when it writes a line: the letter behind its number.
    package struct Role: Sendable, Equatable {
        package let letter: Character

        package init(_ letter: Character) {
            self.letter = letter
        }

        package static let master = Role("M")
        package static let replica = Role("S")
        package static let sentinel = Role("X")
        /// Before the program has become anything.
        package static let starting = Role("C")
    }

    package enum Target: Sendable {
        case standardOutput
        /// A file that is moved away or removed is made anew, and nobody needs to be told.
        case file(path: String)
    }

    private enum Sink: Sendable {
        case standardOutput
        case file(LogFile)
    }

    private let sink: Sink
    /// Who writes to the standard output does so alone, as a line may take several system calls.
    private let output = Guarded(STDOUT_FILENO)
    private let syslog: Syslog?
    private let least: Atomic<UInt8>

    package init(
        to target: Target = .standardOutput, level: LogLevel = .notice, syslog: Syslog? = nil
    ) {
        switch target {
        case .standardOutput: sink = .standardOutput
        case .file(let path): sink = .file(LogFile(path: path))
        }
        self.syslog = syslog
        least = Atomic(level.rawValue)
    }

    /// The least urgent level that is written.
    package var level: LogLevel {
        get {
            guard let level = LogLevel(rawValue: least.load(ordering: .relaxed)) else {
                preconditionFailure("a level that is none")
            }
            return level
        }
        set { least.store(newValue.rawValue, ordering: .relaxed) }
    }

    /// Writes one line if its level is urgent enough. A log that cannot be written is nobody's error: there is
    /// nowhere to say it.
    package func write(_ level: LogLevel, _ message: String, as role: Role) {
        guard level >= self.level else { return }
        let time = SystemClock.wall()
        var line = LogLine.format(
            message, level: level, role: role, process: getpid(), at: time,
            offset: Log.offset(at: time))
        switch sink {
        case .standardOutput: output.withLock { Log.write(&line, to: $0) }
        case .file(let file): file.write(&line)
        }
        syslog?.write(level, message)
    }

    /// Writes a whole line, in one system call if the kernel takes it in one.
    ///
    /// Whoever writes waits: a pipe that nobody empties, or a disk that is slow, holds up the loop, as it holds up
    /// redis-server. The other ways are worse. To drop lines is to lose those that tell of the trouble, and a
    /// thread with a queue would grow without bound, or drop too, and would lose the last lines of a crash. So the
    /// rest of a line that was taken in part is written as well, and a pipe that a parent process has made
    /// non-blocking is waited for. Only an error ends a line early: a full disk, or a reader that is gone.
    fileprivate static func write(_ line: inout String, to number: Int32) {
        line.withUTF8 { bytes in
            var written = 0
            while written < bytes.count {
                let count = unsafe Glibc.write(
                    number, bytes.baseAddress! + written, bytes.count - written)
                if count >= 0 {
                    written += count
                } else if errno == EAGAIN {
                    waitForRoom(in: number)
                } else if errno != EINTR {
                    return
                }
            }
        }
    }

    private static func waitForRoom(in number: Int32) {
        var wanted = pollfd(fd: number, events: Int16(POLLOUT), revents: 0)
        // Woken for whatever reason, the write is tried again, and says what is wrong if something is.
        _ = unsafe poll(&wanted, 1, -1)
    }

    /// How far local time is ahead of UTC at some time, in seconds.
    private static func offset(at time: WallTime) -> Int {
        var seconds = time_t(time.seconds)
        var local = unsafe tm()
        guard unsafe localtime_r(&seconds, &local) != nil else { return 0 }
        return unsafe local.tm_gmtoff
    }
}

/// The file of a log, held open: a line must be possible when there is no descriptor left to open one with,
/// which is among the things that are worth a line. Whether the path still leads to the file is looked at
/// before each line, so that rotation needs no signal.
private final class LogFile: Sendable {
    /// The file that is open now, and which one on the disk that is.
    private final class Open: Sendable {
        let descriptor: Descriptor
        let device: dev_t
        let inode: ino_t

        init?(_ path: String) {
            let number = unsafe open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0o644)
            guard number >= 0 else { return nil }
            descriptor = Descriptor(owning: number)
            var status = stat()
            guard unsafe fstat(number, &status) == 0 else { return nil }
            device = status.st_dev
            inode = status.st_ino
        }

        func isAt(_ path: String) -> Bool {
            var status = stat()
            return unsafe stat(path, &status) == 0 && status.st_ino == inode
                && status.st_dev == device
        }
    }

    private let path: String
    private let current = Guarded<Open?>(nil)

    init(path: String) {
        self.path = path
    }

    func write(_ line: inout String) {
        current.withLock { current in
            if current?.isAt(path) != true {
                // When it cannot be opened, the old file is better than none.
                current = Open(path) ?? current
            }
            if let current { Log.write(&line, to: current.descriptor.number) }
        }
    }
}
