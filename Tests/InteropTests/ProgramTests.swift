// How the programs are called, and how they end.

import Foundation
import RESP
import TestSupport
import Testing

@Suite(.serialized) struct ProgramTests {
    /// Runs a program to its end.
    private func run(_ name: String, _ arguments: [String]) throws -> (
        status: Int32?, output: String
    ) {
        let path = try #require(LiveProcess.built(name))
        let process = try LiveProcess(path: path, arguments: arguments)
        let status = process.waitForExit()
        return (status, process.output)
    }

    private func write(_ text: String) throws -> String {
        let file = FileManager.default.temporaryDirectory
            .appendingPathComponent("sluice-\(UUID().uuidString).yaml")
        try text.write(to: file, atomically: true, encoding: .utf8)
        return file.path
    }

    @Test func proxyWithoutArguments() throws {
        let (status, output) = try run("sluice-proxy", [])
        #expect(status == 0)
        #expect(output.contains("sluice-proxy FILE") && output.contains("backends:"))
    }

    @Test func proxyChecksAFile() throws {
        let good = try write("listen: 127.0.0.1:7379\nbackends: {master: 127.0.0.1:6379}\n")
        let bad = try write("lisen: 127.0.0.1:7379\nbackends:\n  master: 127.0.0.1\n")
        defer { for file in [good, bad] { try? FileManager.default.removeItem(atPath: file) } }
        let checked = try run("sluice-proxy", ["check", good])
        #expect(checked.status == 0)
        #expect(checked.output.contains("client_requests: 1024"))
        for arguments in [["check", bad], [bad]] {
            let (status, output) = try run("sluice-proxy", arguments)
            #expect(status == 1)
            #expect(output.contains("\(bad):1:1: unknown key 'lisen', did you mean 'listen'?"))
            #expect(output.contains("\(bad):3:11: "))
        }
        let missing = try run("sluice-proxy", ["/nonexistent.yaml"])
        #expect(missing.status == 1)
        #expect(missing.output == "Cannot read /nonexistent.yaml: No such file or directory\n")
    }

    /// Variables and files are looked up; what is printed shows no secret, and warnings do not stop a start.
    @Test func proxyChecksSecrets() throws {
        let password = try write("hidden-file\n")
        let text = """
            backends: {master: 127.0.0.1:6379, password: "file:\(password)"}
            auth: users
            users: {app: {password: "${PATH}"}}
            zone: a

            """
        let good = try write(text)
        let bad = try write(text.replacing("${PATH}", with: "${SLUICE_NOT_SET}"))
        defer {
            for file in [password, good, bad] { try? FileManager.default.removeItem(atPath: file) }
        }
        let (status, output) = try run("sluice-proxy", ["check", good])
        #expect(status == 0)
        #expect(output.contains("\n  password: \"***\"\n"))
        #expect(output.contains("\nusers: {app: {password: \"***\"}}\n"))
        #expect(output.contains("Warning: \(good):4:7: zone: no backend is in 'a'"))
        #expect(!output.contains("hidden") && !output.contains("/bin"))
        let refused = try run("sluice-proxy", ["check", bad])
        #expect(refused.status == 1)
        #expect(refused.output.hasPrefix("\(bad):3:25: users: app: found ${SLUICE_NOT_SET}, "))
    }

    @Test func versions() throws {
        #expect(try run("sluice-server", ["--version"]).output.hasPrefix("Sluice server v="))
        #expect(try run("sluice-proxy", ["--version"]).output.hasPrefix("Sluice proxy v="))
    }

    /// A port that is taken stops the start, with redis-server's words.
    @Test func takenPort() throws {
        let first = try SluiceServer.start()
        let (status, output) = try run("sluice-server", ["--port", "\(first.port)"])
        #expect(status == 1)
        #expect(output.contains("Address already in use"))
        #expect(output.contains("Failed listening on port \(first.port) (TCP), aborting."))
    }

    /// A proxy is refused a port that another proxy has, even when both have workers that share theirs.
    @Test func portTakenByAnotherProxy() throws {
        let server = try SluiceServer.start()
        let first = try SluiceProxy.start(master: server, ["threads: 2"])
        let file = try write(
            """
            listen: 127.0.0.1:\(first.port)
            threads: 2
            backends: {master: 127.0.0.1:\(server.port)}

            """)
        defer { try? FileManager.default.removeItem(atPath: file) }
        let (status, output) = try run("sluice-proxy", [file])
        #expect(status == 1)
        #expect(output.contains("Failed listening on port \(first.port) (TCP), aborting."))
    }

    /// SIGTERM ends both programs with status 0.
    @Test func signalsEndThem() throws {
        let server = try SluiceServer.start()
        let proxy = try SluiceProxy.start(master: server, ["threads: 2"])
        for program in [proxy, server] {
            program.process.send(signal: SIGTERM)
            #expect(program.process.waitForExit() == 0)
        }
    }

    /// In the background: the caller returns at once, the pid file names who is running.
    @Test func daemon() throws {
        let pidFile = FileManager.default.temporaryDirectory
            .appendingPathComponent("sluice-\(UUID().uuidString).pid").path
        let port = try FreePort.next()
        let path = try #require(LiveProcess.built("sluice-server"))
        // Not by Foundation's Process: that waits for all who hold a descriptor of its own, the daemon too.
        let status = system(
            "'\(path)' --port \(port) --bind 127.0.0.1 --daemonize yes --pidfile '\(pidFile)'")
        #expect(status == 0)
        #expect(wait { (try? RESPClient(connectTo: .tcp(host: "127.0.0.1", port: port))) != nil })
        let client = try RESPClient(connectTo: .tcp(host: "127.0.0.1", port: port))
        let information = try #require(try client.run("INFO", "server").text)
        let written = try String(contentsOfFile: pidFile, encoding: .utf8)
        #expect(information.contains("process_id:\(written.dropLast())\r\n"))
        try client.send(["SHUTDOWN"])
        #expect(wait { !FileManager.default.fileExists(atPath: pidFile) })
    }
}
