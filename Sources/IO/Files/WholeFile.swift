// Files that are read or written whole: configuration, before a program starts to serve, and what it remembers. These
// calls block.

import Glibc

package enum WholeFile {
    /// The contents of a file.
    package static func read(_ path: String) throws(Errno) -> [UInt8] {
        let number = try attempt("open") { unsafe open(path, O_RDONLY | O_CLOEXEC) }
        return try read(Descriptor(owning: number))
    }

    /// Nil when there is no such file.
    package static func readIfAny(_ path: String) throws(Errno) -> [UInt8]? {
        do throws(Errno) {
            return try read(path)
        } catch {
            guard error.code == ENOENT else { throw error }
            return nil
        }
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

    /// Gives a file other contents in one step: whoever reads it, after a power failure too, finds these or those of
    /// before. They are written beside it first, for the owner's eyes alone.
    package static func replace(_ path: String, with contents: [UInt8]) throws(Errno) {
        let new = path + ".new"
        do throws(Errno) {
            try write(contents, to: new)
            _ = try attempt("rename") { unsafe rename(new, path) }
        } catch {
            // What is left of it is of no use to anybody.
            _ = unsafe unlink(new)
            throw error
        }
        try syncFolder(of: path)
    }

    private static func write(_ contents: [UInt8], to path: String) throws(Errno) {
        let flags = O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC
        let file = Descriptor(
            owning: try attempt("open") { unsafe open(path, flags, 0o600) })
        let number = file.number
        var written = 0
        while written < contents.count {
            written += try attempt("write") {
                unsafe contents.withUnsafeBytes {
                    unsafe Glibc.write(
                        number, $0.baseAddress! + written, contents.count - written)
                }
            }
        }
        _ = try attempt("fsync") { fsync(number) }
    }

    /// The entry of a file in its folder must survive a power failure too.
    static func syncFolder(of path: String) throws(Errno) {
        let folder = folder(of: path)
        let opened = Descriptor(
            owning: try attempt("open") { unsafe open(folder, O_RDONLY | O_CLOEXEC) })
        _ = try attempt("fsync") { fsync(opened.number) }
    }

    private static func folder(of path: String) -> String {
        guard let slash = path.lastIndex(of: "/") else { return "." }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }

    /// Checks that a file can be given other contents: that one can be made beside it.
    package static func checkReplacing(_ path: String) throws(Errno) {
        try write([], to: path + ".new")
        _ = unsafe unlink(path + ".new")
    }

    /// Checks that a file can be appended to, creating it.
    package static func checkAppending(to path: String) throws(Errno) {
        let flags = O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC
        _ = Descriptor(owning: try attempt("open") { unsafe open(path, flags, 0o644) })
    }
}
