// Files of a few lines, read and written whole: what the kernel shows under /proc, and pid files.

import Glibc

enum SmallFile {
    /// The first 4,095 bytes of a file; nil when it cannot be read.
    static func read(_ path: String) -> String? {
        guard let file = unsafe fopen(path, "re") else { return nil }
        defer { unsafe fclose(file) }
        var bytes = [UInt8](repeating: 0, count: 4_095)
        let count = unsafe fread(&bytes, 1, bytes.count, file)
        return String(decoding: bytes.prefix(count), as: UTF8.self)
    }

    /// Replaces what a file holds; false when that fails.
    static func write(_ text: String, to path: String) -> Bool {
        guard let file = unsafe fopen(path, "we") else { return false }
        let isWritten = unsafe fputs(text, file) >= 0
        return unsafe fclose(file) == 0 && isWritten
    }
}
