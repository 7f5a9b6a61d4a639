// Files that are read whole before a program starts to serve: configuration. These calls block.

import Glibc

package enum WholeFile {
    /// The contents of a file.
    package static func read(_ path: String) throws(Errno) -> [UInt8] {
        let number = try attempt("open") { unsafe open(path, O_RDONLY | O_CLOEXEC) }
        return try read(Descriptor(owning: number))
    }

    /// Everything that comes from the standard input until it ends.
    package static func readStandardInput() throws(Errno) -> [UInt8] {
        try read(Descriptor(owning: try attempt("dup") { dup(STDIN_FILENO) }))
    }

    private static func read(_ file: consuming Descriptor) throws(Errno) -> [UInt8] {
        var contents: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: 64 * 1024)
        while true {
            let number = file.number
            let capacity = piece.count
            let count = try attempt("read") { unsafe Glibc.read(number, &piece, capacity) }
            if count == 0 { return contents }
            contents += piece[..<count]
        }
    }

    /// The paths that a pattern with `*`, `?` or `[` matches, in order; none when none does.
    package static func matches(of pattern: String) -> [String] {
        var found = unsafe glob_t()
        defer { unsafe globfree(&found) }
        guard unsafe glob(pattern, 0, nil, &found) == 0 else { return [] }
        return unsafe (0..<Int(found.gl_pathc)).compactMap { index in
            unsafe found.gl_pathv[index].map { unsafe String(cString: $0) }
        }
    }

    /// Checks that a file can be appended to, creating it.
    package static func checkAppending(to path: String) throws(Errno) {
        let flags = O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC
        _ = Descriptor(owning: try attempt("open") { unsafe open(path, flags, 0o644) })
    }
}
