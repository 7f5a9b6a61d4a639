// Leaving the terminal, and saying under which number one can be found.

import CLinux
import Glibc

package enum Daemon {
    /// Goes on as a process of its own, in the background, without a terminal. Called before the first thread is
    /// started: a child has only the thread that made it, and locks of the others would never open.
    package static func detach() throws(StartFailure) {
        let child = linux_fork()
        if child < 0 { throw StartFailure("Cannot fork: \(Errno(errno, in: "fork").reason)") }
        if child > 0 { _exit(0) }
        guard setsid() >= 0 else {
            throw StartFailure("Cannot start a session: \(Errno(errno, in: "setsid").reason)")
        }
        let null = unsafe open("/dev/null", O_RDWR)
        guard null >= 0 else { return }
        for standard in [STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO] { dup2(null, standard) }
        if null > STDERR_FILENO { _ = Glibc.close(null) }
    }
}

/// A file that holds the number of the running process.
package struct PidFile: Sendable {
    private let path: String

    /// Writes the file; nil when that is not possible, which stops nobody.
    package init?(path: String) {
        guard SmallFile.write("\(getpid())\n", to: path) else { return nil }
        self.path = path
    }

    package func remove() {
        _ = unsafe unlink(path)
    }
}
