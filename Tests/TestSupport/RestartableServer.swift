// A program that tests kill and start again.

import Foundation
import Glibc
import RESP

/// A server with a port and a directory that outlive its process. Any thread may kill and restart it.
public final class RestartableServer: Sendable {
    public let port: UInt16
    /// Where the server keeps its files.
    public let directory: URL
    private let path: String
    private let arguments: @Sendable (UInt16) -> [String]
    // Not the standard library's Mutex: the thread sanitizer cannot look into it when threads meet there.
    private let lock = NSLock()
    nonisolated(unsafe) private var running: LiveServer?

    /// Starts the program at `path` in a directory that is there already, and is removed at the end.
    init(
        path: String, in directory: URL, arguments: @escaping @Sendable (UInt16) -> [String]
    ) throws {
        let server = try LiveServer.start(path: path, arguments: arguments)
        self.path = path
        self.directory = directory
        self.arguments = arguments
        port = server.port
        running = server
    }

    deinit {
        running?.process.send(signal: SIGCONT)
        running?.process.kill()
        try? FileManager.default.removeItem(at: directory)
    }

    /// A new directory for one.
    static func makeDirectory(_ name: String) throws -> URL {
        let directory = FileManager.default.temporaryDirectory
            .appendingPathComponent("sluice-\(name)-\(UUID().uuidString.prefix(8))")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        return directory
    }

    public var endpoint: Endpoint { .tcp(host: "127.0.0.1", port: port) }

    /// The running process; nil after `kill`.
    public var server: LiveServer? { lock.withLock { running } }

    public func client() throws -> RESPClient {
        try RESPClient(connectTo: endpoint)
    }

    /// Ends the process at once, as a crash would.
    public func kill() {
        let server = lock.withLock {
            defer { running = nil }
            return running
        }
        server?.process.kill()
    }

    /// Starts the server again on the same port, with the files that it left; further arguments come last and win.
    public func restart(_ further: [String] = []) throws {
        precondition(server == nil, "kill it first")
        let deadline = ContinuousClock().now.advanced(by: .seconds(30))
        while true {
            do {
                let started = try LiveServer.start(path: path, onPort: port) {
                    arguments($0) + further
                }
                lock.withLock { running = started }
                return
            } catch {
                // Somebody's outgoing connection may have the port for a moment.
                guard ContinuousClock().now < deadline else { throw error }
                usleep(100_000)
            }
        }
    }

    /// Stops or continues the process: it keeps its connections and says nothing.
    public func freeze() { server?.process.send(signal: SIGSTOP) }
    public func thaw() { server?.process.send(signal: SIGCONT) }
}

/// Whatever stands for one.
public protocol Restartable {
    var life: RestartableServer { get }
}

extension Restartable {
    public var port: UInt16 { life.port }
    public var endpoint: Endpoint { life.endpoint }
    /// The running process; nil after `kill`.
    public var server: LiveServer? { life.server }
    public func client() throws -> RESPClient { try life.client() }
    public func kill() { life.kill() }
    public func restart(_ further: [String] = []) throws { try life.restart(further) }
    public func freeze() { life.freeze() }
    public func thaw() { life.thaw() }
}
