// Command lines and configuration files beside the real redis-server: what it refuses is refused with the same
// bytes on the standard error, and what it accepts is accepted.

import Foundation
import Server
import Testing

/// Where programs are looked for.
private func program(_ name: String) -> String? {
    ["/usr/bin", "/usr/local/bin", "/bin"].map { "\($0)/\(name)" }
        .first { FileManager.default.isExecutableFile(atPath: $0) }
}

private let isInstalled = program("redis-server") != nil && program("redis-cli") != nil

/// Runs a program to its end and returns what it wrote.
private func run(
    _ name: String, _ arguments: [String], input: [UInt8] = [], in directory: URL
) throws -> (output: [UInt8], errors: [UInt8]) {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: try #require(program(name)))
    process.arguments = arguments
    process.currentDirectoryURL = directory
    // Files for what is written: no pipe can fill up and no thread must read it.
    let files = try ["input", "output", "errors"].map { kind in
        let file = directory.appendingPathComponent("\(UUID().uuidString).\(kind)")
        try Data(kind == "input" ? input : []).write(to: file)
        return file
    }
    defer { for file in files { try? FileManager.default.removeItem(at: file) } }
    process.standardInput = try FileHandle(forReadingFrom: files[0])
    process.standardOutput = try FileHandle(forWritingTo: files[1])
    process.standardError = try FileHandle(forWritingTo: files[2])
    try process.run()
    process.waitUntilExit()
    return (Array(try Data(contentsOf: files[1])), Array(try Data(contentsOf: files[2])))
}

/// The file system as seen from a directory, without changing this process's own.
private struct RealFiles: ConfigurationFiles {
    let directory: URL

    private func resolved(_ path: String) -> String {
        path.hasPrefix("/") ? path : directory.appendingPathComponent(path).path
    }

    func read(_ path: String) throws(FileFailure) -> [UInt8] {
        if path.contains(where: { "*?[".contains($0) }) { return [] }
        // A directory can be opened, and has nothing to read.
        var isDirectory: ObjCBool = false
        if FileManager.default.fileExists(atPath: resolved(path), isDirectory: &isDirectory),
            isDirectory.boolValue
        {
            return []
        }
        guard let data = FileManager.default.contents(atPath: resolved(path)) else {
            throw FileFailure("No such file or directory")
        }
        return Array(data)
    }

    func changeDirectory(to path: String) throws(FileFailure) {
        var isDirectory: ObjCBool = false
        guard !path.isEmpty,
            FileManager.default.fileExists(atPath: resolved(path), isDirectory: &isDirectory)
        else { throw FileFailure("No such file or directory") }
        guard isDirectory.boolValue else { throw FileFailure("Not a directory") }
    }

    func openLog(_ path: String) throws(FileFailure) {
        let parent = URL(fileURLWithPath: resolved(path)).deletingLastPathComponent().path
        guard FileManager.default.fileExists(atPath: parent) else {
            throw FileFailure("No such file or directory")
        }
    }
}

/// What sluice-server would write to the standard error, or nil if it would start.
private func ours(_ arguments: [String], input: [UInt8], in directory: URL) -> [UInt8]? {
    switch ServerArguments.parse(arguments.map { Array($0.utf8) }) {
    case .run(let arguments):
        do throws(ConfigurationFailure) {
            _ = try ServerConfiguration.load(
                arguments, standardInput: input, files: RealFiles(directory: directory))
            return nil
        } catch {
            switch error {
            case .fatal(let text): return text
            case .logged: return []
            }
        }
    default: return nil
    }
}

private func makeDirectory() throws -> URL {
    let directory = FileManager.default.temporaryDirectory
        .appendingPathComponent("sluice-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
    return directory
}

/// Ends every configuration, so that redis-server never starts: what came before was accepted.
private let stop = "\nstop-here 1\n"

/// Lines that hold something wrong, or nothing wrong and are followed by `stop`.
private let lines: [String] = [
    "foo bar", "   foo bar  \t ", "FOO bar", "port 0\n\n# c\nfoo", "\"\"", "''",
    "\u{B}port\u{B}0", "port",
    "port 1 2", "port x", "port 01", "port +1", "port -1", "port 65536", "port \"\"",
    "\"port\" x", "port \"1",
    "port \"1\"x", "port '1", "port '1'x", "port 'a\\'b'", "port \"\\x41\\n\\q\"", "port 0 #x",
    "bind",
    "bind \"\"", "bind a b", "bind \"a b\"", "bind \"\\\"a\"",
    "bind a a a a a a a a a a a a a a a a a",
    "loglevel NOTICE", "loglevel loud", "loglevel \"\"", "loglevel notice debug",
    "daemonize NO",
    "daemonize maybe", "unixsocketperm 770", "unixsocketperm 1000", "unixsocketperm 08",
    "unixsocketperm \"\"",
    "unixsocketperm \" +7\"", "unixsocketperm -", "unixsocketperm 7777777777777777777777777",
    "unixsocketperm -0", "unixsocketperm '7 '", "unixsocketperm 0x7", "maxmemory kb",
    "maxmemory \"\"",
    "maxmemory 1tb", "maxmemory 99999999999999999999",
    "proto-max-bulk-len 99999999999999999999gb",
    "proto-max-bulk-len 1k", "proto-max-bulk-len 1gb", "maxmemory-clients 101%",
    "maxmemory-clients -1%",
    "maxmemory-clients 05%", "maxmemory-clients %", "maxmemory-clients 18446744073709551415",
    "maxmemory-clients 9223372036854775807%", "client-output-buffer-limit",
    "client-output-buffer-limit \"\"",
    "client-output-buffer-limit foo 1 1 1", "client-output-buffer-limit master 1 1 1",
    "client-output-buffer-limit normal x 1 1", "client-output-buffer-limit normal 1 1 x",
    "client-output-buffer-limit normal 1 1 -1", "client-output-buffer-limit PUBSUB 1 1 ' 1'",
    "client-output-buffer-limit pubsub 1 1 ''",
    "client-output-buffer-limit replica 1kb 18446744073709551615 01",
    "client-output-buffer-limit \"normal 0 0 0 slave 1mb 1mb 60\"", "save", "save \"\"",
    "save 0 1", "save 1 -1",
    "save 1 0 2", "save 900 1 300 10", "save \"900 1\"", "save '' 1", "save 1 ''",
    "save \"\" \"\"", "save 1x 1",
    "save +1 01", "save 99999999999999999999 1", "save \"\\\"a\"", "oom-score-adj-values 1 2",
    "oom-score-adj-values 1 2 2001", "oom-score-adj-values -2001 2 3",
    "oom-score-adj-values 1 2 x",
    "oom-score-adj-values ' 1' +2 03", "notify-keyspace-events q",
    "notify-keyspace-events Ag$lshzxeKEtmdn",
    "notify-keyspace-events K E", "latency-tracking-info-percentiles",
    "latency-tracking-info-percentiles \"\"",
    "latency-tracking-info-percentiles 101", "latency-tracking-info-percentiles -1",
    "latency-tracking-info-percentiles x", "latency-tracking-info-percentiles nan",
    "latency-tracking-info-percentiles inf", "latency-tracking-info-percentiles infinity",
    "latency-tracking-info-percentiles 0x10", "latency-tracking-info-percentiles 1e1 5. .5",
    "latency-tracking-info-percentiles +5", "latency-tracking-info-percentiles 1e400",
    "latency-tracking-info-percentiles ' 5' 3", "latency-tracking-info-percentiles '5 '",
    "latency-tracking-info-percentiles 1 50.5", "replicaof no one", "replicaof h",
    "replicaof h 1x",
    "replicaof h -1", "replicaof h 65536", "replicaof h ''", "replicaof 'h 1'", "slaveof h 1",
    "shutdown-on-sigint", "shutdown-on-sigint \"\"", "shutdown-on-sigint save nosave",
    "shutdown-on-sigterm \"save now\"", "shutdown-on-sigint nosave x", "appendfilename a/b",
    "appendfilename \"\"",
    "appenddirname a/b", "appenddirname \"\"", "dbfilename a/b", "dbfilename \"\"",
    "proc-title-template \"{foo}\"",
    "proc-title-template \"{title\"", "proc-title-template \"\"",
    "proc-title-template \"{title} {port}\"",
    "proc-title-template {title}", "proc-title-template \"{{\"", "proc-title-template {}",
    "proc-title-template \"{title}}\"", "proc-title-template \" \"",
    "cluster-announce-hostname a_b",
    "cluster-announce-hostname ''",
    "include", "include a b", "include bad.conf", "include good.conf", "include nothing/*.conf",
    "dir /nonexistent", "dir \"\"", "dir bad.conf", "dir .", "logfile /nonexistent/x",
    "logfile \"\"",
    "rename-command get", "rename-command nothing x", "rename-command GET set",
    "rename-command get \"\"", "rename-command get x\nrename-command set get",
    "rename-command get x\nrename-command get y", "rename-command get x\nrename-command set X",
    "user", "loadmodule", "foo.bar", "foo.bar 1", "sentinel",
    "sentinel monitor a b",
    "list-max-ziplist-entries 1", "list-max-ziplist-value 1 2", "lua-replicate-commands yes",
    "lua-replicate-commands yes no", "ignore-warnings a b",
    "cluster-enabled yes\nreplicaof no one",
    "port 0\0 x\nfoo bar", "port 0\r\nfoo bar\r\n",

]

private let commandLines: [[String]] = [
    ["--port"], ["--port", "1", "2"], ["--port", "--bind"], ["--port 1 2"], ["--port 99999"],
    ["missing.conf"],
    ["good.conf", "port", "99999"], ["bad.conf"], ["bad.conf", "--port", "x"],
    ["good.conf", "--port", "x"],
    ["-x"], ["-", "x"], ["", "x"], ["--save", "--port", "x"], ["--save", "--foo", "1"],
    ["--foo", "1", "--save"], ["--SAVE", "--foo"], ["--port", "x", "-"], ["--foo bar", "baz"],
    ["--port", "-1"],
    ["--requirepass", "--x", "--foo", "1"], ["--loglevel", "a b"],
    ["--loglevel", "é\u{1}\n\t\"\\"],
    ["--port", "0", "-v"], ["--port", ""], ["--PORT", "x"], ["--port 1\nfoo"],
    ["--port", "1", "\n"],
    ["--port", "--port", "--port"], ["--bind", "-", "--foo", "1"],
    ["--bind", "a", "-", "b", "--foo"], ["--", "x"],
    ["--port 7000 ", "--foo"], ["--\"port\"", "x"], ["--'", "x"], ["--include", "bad.conf"],
    ["--foo"],
    ["--bind", "a", "b", "--port", "x"],
]

/// `activedefrag` depends on how redis-server was built: Debian's refuses to turn it on.
private let directives = Directive.all.filter { $0.name != "activedefrag" }

private let longLines: [String] = [
    "cluster-announce-hostname \(String(repeating: "a", count: 256))",
    "maxmemory \(String(repeating: "1", count: 127))",
    "maxmemory \(String(repeating: "1", count: 128))",
]

@Suite(.enabled(if: isInstalled, "redis-server and redis-cli are not installed"))
struct ServerArgumentsTests {
    private func expectEqual(_ arguments: [String], input: [UInt8] = []) throws {
        let directory = try makeDirectory()
        defer { try? FileManager.default.removeItem(at: directory) }
        try Data("port 7000\n\nfoo bar\n".utf8).write(
            to: directory.appendingPathComponent("bad.conf"))
        try Data("port 7000\n".utf8).write(to: directory.appendingPathComponent("good.conf"))
        let theirs = try run("redis-server", arguments, input: input, in: directory).errors
        let ours = ours(arguments, input: input, in: directory)
        #expect(
            String(decoding: ours ?? [], as: UTF8.self) == String(decoding: theirs, as: UTF8.self),
            "\(arguments) \(String(decoding: input, as: UTF8.self))")
        #expect(ours == theirs)
    }

    /// Configurations that hold something wrong, or end in `stop`.
    @Test(arguments: lines + longLines)
    func refusesAlike(text: String) throws {
        try expectEqual(["-"], input: Array((text + stop).utf8))
    }

    /// What can only be judged at the end.
    @Test(arguments: [
        "logfile /nonexistent/x", "cluster-enabled yes\nreplicaof h 1", "include missing.conf",
    ])
    func refusesAlikeAtTheEnd(text: String) throws {
        try expectEqual(["-"], input: Array("port 0\n\(text)\n".utf8))
    }

    /// Bytes that are no text come back as they were.
    @Test func repeatsAnyBytes() throws {
        let special: [UInt8] = [0x0A, 0x22, 0x27]
        let all = [UInt8](1...255).filter { !special.contains($0) }
        try expectEqual(["-"], input: Array("x ".utf8) + all + [0x0A])
    }

    @Test(arguments: commandLines)
    func takesArgumentsAlike(arguments: [String]) throws {
        try expectEqual(arguments, input: Array("port x".utf8))
    }

    /// Each directive of the table with values of every kind: what is refused is refused with the same text.
    @Test(arguments: directives.map(\.name) + directives.compactMap(\.alias))
    func refusesValuesAlike(name: String) throws {
        let directive = try #require(Directive.find(Array(name.utf8)))
        for value in values(for: directive.kind) where !accepts(directive, value) {
            try expectEqual(["-"], input: Array("\(name) \"\(value)\"\(stop)".utf8))
        }
    }

    /// All that is accepted, in one file: redis-server accepts it too, to the last line.
    @Test func acceptsValuesAlike() throws {
        var text = ""
        for directive in directives {
            for value in values(for: directive.kind) where accepts(directive, value) {
                text += "\(directive.name) \"\(value)\"\n"
                if let alias = directive.alias { text += "\(alias) \"\(value)\"\n" }
            }
        }
        try expectEqual(["-"], input: Array((text + stop).utf8))
    }

    private func accepts(_ directive: Directive, _ value: String) -> Bool {
        (try? directive.parse([Array(value.utf8)])) != nil && directive.name != "dir"
    }

    /// Values at the edges of a kind, good and bad.
    private func values(for kind: Directive.Kind) -> [String] {
        switch kind {
        case .boolean: ["x", "1", "yes", "NO"]
        case .integer, .octal: ["", "-1", "0", "7", "2147483648", "9223372036854775807", "1kb"]
        case .memory, .memoryOrPercent:
            ["x", "-1", "0", "7", "9223372036854775807", "18446744073709551615", "1kb", "50%"]
        case .choice(let choices): ["", "x"] + choices
        case .text, .words: ["", "x", "7", "a b"]
        }
    }

    /// The table's names, defaults, and when each may change, beside CONFIG GET and CONFIG SET.
    @Test func tableIsTheirs() throws {
        let directory = try makeDirectory()
        defer { try? FileManager.default.removeItem(at: directory) }
        let socket = directory.appendingPathComponent("s").path
        let server = Process()
        server.executableURL = URL(fileURLWithPath: try #require(program("redis-server")))
        // Without arguments of its own every other directive has its default.
        server.arguments = ["--port", "0", "--unixsocket", socket]
        server.currentDirectoryURL = directory
        server.standardOutput = FileHandle.nullDevice
        try server.run()
        defer {
            kill(server.processIdentifier, SIGKILL)
            server.waitUntilExit()
        }
        let deadline = Date().addingTimeInterval(60)
        while !FileManager.default.fileExists(atPath: socket), Date() < deadline { usleep(10_000) }

        func ask(_ lines: [String]) throws -> [String] {
            let input = Array((lines.joined(separator: "\n") + "\n").utf8)
            let output = try run("redis-cli", ["-s", socket], input: input, in: directory).output
            return String(decoding: output, as: UTF8.self).split(
                separator: "\n", omittingEmptySubsequences: false
            ).map(String.init)
        }
        let dump = try ask(["CONFIG GET *"])
        var theirs: [String: String] = [:]
        for index in stride(from: 0, to: dump.count - 1, by: 2) {
            theirs[dump[index]] = dump[index + 1]
        }

        let all = Directive.all
        let unlisted = [
            "key-load-delay", "rdb-key-save-delay", "watchdog-period",
            "loading-process-events-interval-bytes",
            "use-exit-on-panic",
        ]
        #expect(
            Set(all.map(\.name) + all.compactMap(\.alias)).subtracting(unlisted)
                == Set(theirs.keys).subtracting(unlisted))
        for directive in all where !["dir", "port", "unixsocket"].contains(directive.name) {
            for name in [directive.name, directive.alias].compactMap(\.self)
            where !unlisted.contains(name) {
                #expect(theirs[name] == directive.defaultText, "\(name)")
            }
        }

        let settable = all.filter { theirs[$0.name] != nil }
        let answers = try ask(settable.map { "CONFIG SET \($0.name) \"\(theirs[$0.name]!)\"" })
            .filter { !$0.isEmpty }
        try #require(answers.count == settable.count)
        for (directive, answer) in zip(settable, answers) {
            let change: Directive.Change =
                answer.contains("immutable")
                ? .atStart : answer.contains("protected") ? .protected : .anyTime
            #expect(directive.change == change, "\(directive.name): \(answer)")
        }
    }
}
