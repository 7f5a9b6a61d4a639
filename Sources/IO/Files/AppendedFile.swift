// A file that grows at its end. Its calls block: they belong on a thread of their own.

import Glibc
import RESP

struct AppendedFile: ~Copyable {
    let incarnation: FileStore.Incarnation
    private let descriptor: Descriptor
    /// The path of a file that we made: its entry in its folder must survive a power failure too.
    private var newAt: String?
    /// Bytes appended since the file was opened.
    private(set) var appended = 0

    var id: FileID { incarnation.file }

    /// Opens for appending behind the first `size` bytes; what stands there is cut off. A file that is shorter
    /// is not what its owner believes, and fails.
    init(_ incarnation: FileStore.Incarnation, path: String, size: Int) throws(Errno) {
        precondition(size >= 0, "a file of \(size) bytes")
        self.incarnation = incarnation
        var isNew = false
        let opened = try AppendedFile.open(path, isNew: &isNew)
        try AppendedFile.cut(opened, to: size)
        descriptor = opened
        newAt = isNew ? path : nil
    }

    private static func open(_ path: String, isNew: inout Bool) throws(Errno) -> Descriptor {
        let flags = O_WRONLY | O_APPEND | O_CLOEXEC
        do throws(Errno) {
            return Descriptor(owning: try attempt("open") { unsafe Glibc.open(path, flags) })
        } catch {
            guard error.code == ENOENT else { throw error }
            isNew = true
            return Descriptor(
                owning: try attempt("open") { unsafe Glibc.open(path, flags | O_CREAT, 0o644) })
        }
    }

    private static func cut(_ descriptor: borrowing Descriptor, to size: Int) throws(Errno) {
        let number = descriptor.number
        var status = stat()
        _ = try attempt("fstat") { unsafe fstat(number, &status) }
        // A device has no length and nothing to cut.
        guard status.st_mode & S_IFMT == S_IFREG else { return }
        if status.st_size < size { throw Errno(ENODATA, in: "open") }
        if status.st_size > size {
            _ = try attempt("ftruncate") { ftruncate(number, off_t(size)) }
        }
    }

    /// Writes all bytes, in as many calls as the kernel needs.
    mutating func append(_ bytes: [UInt8]) throws(Errno) {
        var written = 0
        while written < bytes.count {
            let count = try write(bytes, from: written)
            written += count
            appended += count
        }
    }

    private func write(_ bytes: [UInt8], from start: Int) throws(Errno) -> Int {
        let number = descriptor.number
        return try attempt("write") {
            unsafe bytes.withUnsafeBytes {
                unsafe Glibc.write(number, $0.baseAddress! + start, bytes.count - start)
            }
        }
    }

    /// Makes what was appended survive a power failure, and says how much that is.
    mutating func sync() throws(Errno) -> Int {
        let number = descriptor.number
        _ = try attempt("fdatasync") { fdatasync(number) }
        if let path = newAt {
            try WholeFile.syncFolder(of: path)
            newAt = nil
        }
        return appended
    }
}
