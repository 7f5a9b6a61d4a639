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
        /// Opened for each line, as redis-server does: a file that is moved away or removed is made anew, and
        /// nobody needs to be told.
        case file(path: String)
    }

    private let target: Target
    private let syslog: Syslog?
    private let least: Atomic<UInt8>

    package init(
        to target: Target = .standardOutput, level: LogLevel = .notice, syslog: Syslog? = nil
    ) {
        self.target = target
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
        switch target {
        case .standardOutput:
            Log.write(&line, to: STDOUT_FILENO)
        case .file(let path):
            let flags = O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC
            let number = unsafe open(path, flags, 0o644)
            if number >= 0 {
                let file = Descriptor(owning: number)
                Log.write(&line, to: file.number)
            }
        }
        syslog?.write(level, message)
    }

    /// In one system call, so that lines of several threads do not mix.
    private static func write(_ line: inout String, to number: Int32) {
        line.withUTF8 { bytes in
            while unsafe Glibc.write(number, bytes.baseAddress, bytes.count) < 0, errno == EINTR {}
        }
    }

    /// How far local time is ahead of UTC at some time, in seconds.
    private static func offset(at time: WallTime) -> Int {
        var seconds = time_t(time.seconds)
        var local = unsafe tm()
        guard unsafe localtime_r(&seconds, &local) != nil else { return 0 }
        return unsafe local.tm_gmtoff
    }
}
