// A program that a test starts, reads and kills.

import Foundation
import Glibc
import RESP

/// A running program with a directory of its own and all it printed in a file there. It is killed when the
/// last reference to it goes, so also when a test fails half-way.
public final class LiveProcess: Sendable {
    /// Where the program runs; removed with it.
    public let directory: URL
    public let name: String
    private let process: Process

    /// Starts the program at `path`.
    public init(path: String, arguments: [String], environment: [String: String]? = nil) throws {
        name = (path as NSString).lastPathComponent
        directory = try Self.makeDirectory()
        let outputFile = directory.appendingPathComponent("output")
        try Data().write(to: outputFile)
        let output = try FileHandle(forWritingTo: outputFile)

        process = Process()
        process.executableURL = URL(fileURLWithPath: path)
        process.arguments = arguments
        process.currentDirectoryURL = directory
        process.environment = environment ?? ProcessInfo.processInfo.environment
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = output
        process.standardError = output
        try process.run()
        try output.close()
    }

    deinit {
        kill()
        try? FileManager.default.removeItem(at: directory)
    }

    public var id: Int32 { process.processIdentifier }
    public var isRunning: Bool { process.isRunning }

    /// Everything printed so far, to either stream.
    public var output: String {
        let file = directory.appendingPathComponent("output")
        guard let data = try? Data(contentsOf: file) else { return "" }
        return String(decoding: data, as: UTF8.self)
    }

    public func send(signal: Int32) {
        if process.isRunning { Glibc.kill(id, signal) }
    }

    /// Ends the program at once and waits until it is gone.
    public func kill() {
        send(signal: SIGKILL)
        process.waitUntilExit()
    }

    /// Waits until the program has ended by itself; nil when it has not done so in time.
    public func waitForExit(within limit: Duration = .seconds(30)) -> Int32? {
        guard wait(within: limit, until: { !process.isRunning }) else { return nil }
        return process.terminationStatus
    }

    /// Waits until the program has printed `text`.
    public func waitForOutput(_ text: String, within limit: Duration = .seconds(30)) -> Bool {
        wait(within: limit) { output.contains(text) || !process.isRunning } && output.contains(text)
    }

    /// The program of this name in PATH, or where Debian keeps what administrators run.
    public static func locate(_ program: String) -> String? {
        let path = ProcessInfo.processInfo.environment["PATH"] ?? "/usr/local/bin:/usr/bin:/bin"
        let folders =
            path.split(separator: ":").map(String.init) + ["/usr/local/sbin", "/usr/sbin"]
        return folders.map { "\($0)/\(program)" }
            .first { FileManager.default.isExecutableFile(atPath: $0) }
    }

    /// A program built from this package, which lies beside the running test bundle.
    public static func built(_ program: String) -> String? {
        let places = [Bundle.main.bundleURL, Bundle(for: LiveProcess.self).bundleURL]
        let folders = places.flatMap { [$0, $0.deletingLastPathComponent()] }
        return folders.map { $0.appendingPathComponent(program).path }
            .first { FileManager.default.isExecutableFile(atPath: $0) }
    }

    private static func makeDirectory() throws -> URL {
        let name = "sluice-test-\(UUID().uuidString.prefix(8))"
        let url = FileManager.default.temporaryDirectory.appendingPathComponent(name)
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
        return url
    }
}

/// Asks again and again until `condition` holds; false when it did not within the limit, which is generous
/// because machines that run tests are busy.
public func wait(
    within limit: Duration = .seconds(30), until condition: () throws -> Bool
) rethrows -> Bool {
    let clock = ContinuousClock()
    let deadline = clock.now.advanced(by: limit)
    while try !condition() {
        if clock.now >= deadline { return false }
        usleep(5_000)
    }
    return true
}

/// Says that a test did not run, in the one form that continuous integration looks for.
public func printSkipped(_ reason: String) {
    let line = Array("SKIPPED: \(reason)\n".utf8)
    _ = line.withUnsafeBytes { write(STDOUT_FILENO, $0.baseAddress, $0.count) }
}

/// Ports on the loopback address that nobody listens on.
public enum FreePort {
    // Not the standard library's Mutex: the thread sanitizer cannot look into it when threads meet there.
    private static let lock = NSLock()
    nonisolated(unsafe) private static var given: Set<UInt16> = []

    /// A port that was free just now and that this process has not handed out before. Somebody else may still
    /// take it first: whoever starts a program there must be ready to try another.
    public static func next() throws -> UInt16 {
        for _ in 0..<1_000 {
            let port = try unusedByKernel()
            if lock.withLock({ given.insert(port).inserted }) { return port }
        }
        throw SupportError("no free port on the loopback address")
    }

    private static func unusedByKernel() throws -> UInt16 {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        guard descriptor >= 0 else { throw SupportError.errno("socket") }
        defer { close(descriptor) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let status = withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { generic in
                let bound = bind(descriptor, generic, size)
                return bound == 0 ? getsockname(descriptor, generic, &size) : bound
            }
        }
        guard status == 0 else { throw SupportError.errno("bind") }
        return UInt16(bigEndian: address.sin_port)
    }
}

/// Something outside the code under test went wrong.
public struct SupportError: Error, CustomStringConvertible {
    public let description: String

    public init(_ description: String) {
        self.description = description
    }

    static func errno(_ what: String) -> SupportError {
        SupportError("\(what): \(String(cString: strerror(Glibc.errno)))")
    }
}
