// What a program knows of itself, and how it speaks to the terminal before there is a log.

import Glibc

package enum CurrentProcess {
    package static var id: Int { Int(getpid()) }

    /// The arguments behind the program's name, as bytes: a path need not be UTF-8.
    package static var arguments: [[UInt8]] {
        (1..<max(Int(CommandLine.argc), 1)).compactMap { index in
            unsafe CommandLine.unsafeArgv[index].map { argument in
                unsafe [UInt8](UnsafeRawBufferPointer(start: argument, count: strlen(argument)))
            }
        }
    }

    /// The value of an environment variable, as bytes: it need not be UTF-8. Nil: it is not set.
    package static func environment(_ name: String) -> [UInt8]? {
        unsafe getenv(name).map { value in
            unsafe [UInt8](UnsafeRawBufferPointer(start: value, count: strlen(value)))
        }
    }

    /// The absolute path of the running program.
    package static var executable: String {
        unsafe withUnsafeTemporaryAllocation(of: CChar.self, capacity: Int(PATH_MAX)) { path in
            let count = unsafe readlink("/proc/self/exe", path.baseAddress!, path.count)
            guard count > 0 else { return "" }
            return unsafe path.prefix(count).withMemoryRebound(to: UInt8.self) {
                unsafe String(decoding: $0, as: UTF8.self)
            }
        }
    }

    package static var directory: String {
        guard let path = unsafe getcwd(nil, 0) else { return "" }
        defer { unsafe free(path) }
        return unsafe String(cString: path)
    }

    package static func changeDirectory(to path: String) throws(Errno) {
        _ = try attempt("chdir") { unsafe chdir(path) }
    }

    /// `Linux 6.1.0 x86_64`.
    package static var operatingSystem: String {
        var name = utsname()
        guard unsafe uname(&name) == 0 else { return "" }
        return "\(text(of: name.sysname)) \(text(of: name.release)) \(text(of: name.machine))"
    }

    private static func text<Field>(of field: Field) -> String {
        unsafe withUnsafeBytes(of: field) { bytes in
            unsafe String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
        }
    }

    /// How many processors this process may run on.
    package static var processorCount: Int {
        let lines = SmallFile.read("/proc/self/status")?.split(separator: "\n") ?? []
        guard let line = lines.first(where: { $0.hasPrefix("Cpus_allowed:") }) else { return 1 }
        let mask = line.drop { $0 != ":" }
        return max(1, mask.reduce(0) { $0 + ($1.hexDigitValue?.nonzeroBitCount ?? 0) })
    }
}

/// The terminal, or whatever stands in its place.
package enum Console {
    package static func write(_ text: String) {
        write([UInt8](text.utf8), to: STDOUT_FILENO)
    }

    package static func complain(_ text: String) {
        write([UInt8](text.utf8), to: STDERR_FILENO)
    }

    package static func complain(_ bytes: [UInt8]) {
        write(bytes, to: STDERR_FILENO)
    }

    private static func write(_ bytes: [UInt8], to number: Int32) {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = unsafe rest.withUnsafeBytes {
                unsafe Glibc.write(number, $0.baseAddress, $0.count)
            }
            if count < 0, errno != EINTR { return }
            if count > 0 { rest = rest.dropFirst(count) }
        }
    }

    /// Ends the program.
    package static func exit(_ status: Int32) -> Never {
        Glibc.exit(status)
    }
}
