// The programs of this package, started for a test.

import Foundation

public enum SluiceServer {
    /// Our server, given further arguments as on its command line.
    public static func start(_ arguments: [String] = []) throws -> LiveServer {
        guard let path = LiveProcess.built("sluice-server") else {
            throw SupportError("sluice-server has not been built")
        }
        return try LiveServer.start(path: path) { port in ["--port", "\(port)"] + arguments }
    }

    /// Our server on the port of one that has ended.
    public static func start(onPort port: UInt16) throws -> LiveServer {
        guard let path = LiveProcess.built("sluice-server") else {
            throw SupportError("sluice-server has not been built")
        }
        return try LiveServer.start(path: path, onPort: port) { port in ["--port", "\(port)"] }
    }
}

public enum SluiceProxy {
    /// Our proxy in front of `master`, with further lines of configuration.
    public static func start(master: LiveServer, _ lines: [String] = []) throws -> LiveServer {
        guard let path = LiveProcess.built("sluice-proxy") else {
            throw SupportError("sluice-proxy has not been built")
        }
        let file = FileManager.default.temporaryDirectory
            .appendingPathComponent("sluice-\(UUID().uuidString).yaml")
        defer { try? FileManager.default.removeItem(at: file) }
        return try LiveServer.start(path: path) { port in
            let text =
                (["listen: 127.0.0.1:\(port)", "backends:", "  master: \(master.endpoint)"] + lines)
                .joined(separator: "\n") + "\n"
            try? text.write(to: file, atomically: true, encoding: .utf8)
            return [file.path]
        }
    }
}
