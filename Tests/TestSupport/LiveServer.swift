// A program that listens on a loopback port and answers PING: redis-server, or one of ours.

import Glibc
import RESP

/// A server on a free loopback port, ready to answer.
public final class LiveServer: Sendable {
    public let process: LiveProcess
    public let port: UInt16

    private init(process: LiveProcess, port: UInt16) {
        self.process = process
        self.port = port
    }

    public var endpoint: Endpoint { .tcp(host: "127.0.0.1", port: port) }

    public func client() throws -> RESPClient {
        try RESPClient(connectTo: endpoint)
    }

    /// Starts the program at `path` with the arguments that `arguments` makes for a port, and waits until it
    /// answers PING with anything at all. When the port was lost to somebody else another is tried.
    public static func start(
        path: String, onPort fixed: UInt16? = nil, arguments: (UInt16) -> [String]
    ) throws -> LiveServer {
        var output = ""
        for _ in 0..<5 {
            let port = try fixed ?? FreePort.next()
            let process = try LiveProcess(path: path, arguments: arguments(port))
            let server = LiveServer(process: process, port: port)
            let isSettled = wait { server.answers() || !process.isRunning }
            // A program that has lost its port ends; the one that answered there is a stranger.
            if isSettled, process.isRunning { return server }
            output = process.output
            if !output.contains("ddress already in use") { break }
        }
        throw SupportError("\(path) did not start: \(output)")
    }

    private func answers() -> Bool {
        guard let client = try? client() else { return false }
        return (try? client.run("PING")) != nil
    }
}

/// The redis-server of this machine, when there is one.
public enum RedisServer {
    public static let path = LiveProcess.locate("redis-server")

    /// A redis-server without persistence, given further arguments as on its command line. Nil, with a line
    /// that says so, when the machine has none.
    public static func start(_ arguments: [String] = []) throws -> LiveServer? {
        guard let path else {
            printSkipped("redis-server is not installed")
            return nil
        }
        return try LiveServer.start(path: path) { port in
            [
                "--port", "\(port)", "--bind", "127.0.0.1", "--save", "", "--appendonly", "no",
                "--daemonize", "no",
            ] + arguments
        }
    }

    /// Its version as `[7, 0, 15]`.
    public static func version(_ client: RESPClient) throws -> [Int] {
        let information = try client.run("INFO", "server").text ?? ""
        let key = "redis_version:"
        guard
            let line = information.utf8.split(whereSeparator: { $0 == 0x0A || $0 == 0x0D })
                .map({ String(decoding: $0, as: UTF8.self) }).first(where: { $0.hasPrefix(key) })
        else { throw SupportError("INFO names no version") }
        return line.dropFirst(key.count).split(separator: ".").compactMap { Int($0) }
    }
}
