// redis.conf and the command line: what is read, what is refused and how, and what is only warned of.

import Foundation
import RESP
import Testing

@testable import Server

/// Files in memory; everything else does not exist.
struct FakeFiles: ConfigurationFiles {
    var files: [String: String] = [:]
    var directories: Set<String> = ["/data"]

    func read(_ path: String) throws(FileFailure) -> [UInt8] {
        guard let text = files[path] else { throw FileFailure("No such file or directory") }
        return Array(text.utf8)
    }

    func changeDirectory(to path: String) throws(FileFailure) {
        guard directories.contains(path) else { throw FileFailure("No such file or directory") }
    }

    func openLog(_ path: String) throws(FileFailure) {
        guard path.hasPrefix("/data/") else { throw FileFailure("Permission denied") }
    }
}

private func load(
    _ text: String, files: FakeFiles = FakeFiles()
) throws(ConfigurationFailure) -> LoadedConfiguration {
    var arguments = ServerArguments()
    arguments.readsStandardInput = true
    return try ServerConfiguration.load(arguments, standardInput: Array(text.utf8), files: files)
}

private func refusal(_ text: String, files: FakeFiles = FakeFiles()) -> String? {
    do throws(ConfigurationFailure) {
        _ = try load(text, files: files)
        return nil
    } catch {
        switch error {
        case .fatal(let bytes): return String(decoding: bytes, as: UTF8.self)
        case .logged(let line): return line
        }
    }
}

private func fatal(_ line: Int, _ text: String, _ reason: String) -> String {
    """

    *** FATAL CONFIG FILE ERROR (Redis 7.0.15) ***
    Reading the configuration file, at line \(line)
    >>> '\(text)'
    \(reason)

    """
}

@Suite struct ServerConfigurationTests {
    /// Each heeded directive once, none with its default.
    @Test func readsEveryHeededDirective() throws {
        let loaded = try load(
            """
            # comment
               BIND 127.0.0.1 -::1
            port 7000
            unixsocket /run/s.sock
            unixsocketperm 770
            tcp-backlog 128
            tcp-keepalive 0
            timeout 60
            maxclients 50
            protected-mode no
            requirepass "p\\xff s"
            loglevel VERBOSE
            logfile '/data/server.log'
            syslog-enabled yes
            syslog-ident sluice
            syslog-facility user
            always-show-logo yes
            daemonize Yes
            pidfile /run/s.pid
            dir /data
            databases 4
            proto-max-bulk-len 1gb
            client-query-buffer-limit 2g
            """)
        var expected = ServerConfiguration()
        expected.bind = [
            ServerConfiguration.BindAddress(host: "127.0.0.1", isOptional: false),
            ServerConfiguration.BindAddress(host: "::1", isOptional: true),
        ]
        expected.port = 7000
        expected.unixSocket = "/run/s.sock"
        expected.unixSocketPermissions = 0o770
        expected.tcpBacklog = 128
        expected.tcpKeepalive = .zero
        expected.timeout = .seconds(60)
        expected.maximumClients = 50
        expected.protectedMode = false
        expected.password = [UInt8(ascii: "p"), 0xFF, UInt8(ascii: " "), UInt8(ascii: "s")]
        expected.logLevel = .verbose
        expected.logFile = "/data/server.log"
        expected.syslog.isEnabled = true
        expected.syslog.identity = "sluice"
        expected.syslog.facility = .user
        expected.alwaysShowLogo = true
        expected.daemonize = true
        expected.pidFile = "/run/s.pid"
        expected.directory = "/data"
        expected.databases = 4
        expected.maximumBulkLength = 1 << 30
        expected.clientQueryBufferLimit = 2_000_000_000
        #expect(loaded.configuration == expected)
        #expect(loaded.warnings == [])

        let untouched = Directive.heeded.filter { directive in
            directive.place!.read(loaded.configuration)
                == directive.place!.read(ServerConfiguration())
        }
        #expect(untouched.map(\.name) == [], "this test must set every heeded directive")
    }

    /// The table's default, the property's default, and what the default's text parses to are one.
    @Test func defaultsAgree() throws {
        for directive in Directive.heeded {
            let place = try #require(directive.place)
            let text = String(decoding: place.read(ServerConfiguration()), as: UTF8.self)
            #expect(text == directive.defaultText, "\(directive.name)")
            var configuration = ServerConfiguration()
            place.write(try directive.parse([Array(directive.defaultText.utf8)]), &configuration)
            #expect(configuration == ServerConfiguration(), "\(directive.name)")
        }
        for directive in Directive.unheeded {
            #expect(directive.place == nil)
            if directive.name == "replicaof" { continue }  // No master has no text.
            #expect(throws: Never.self) { try directive.parse([Array(directive.defaultText.utf8)]) }
        }
    }

    @Test func namesAreUnique() {
        let all = Directive.all
        let names = all.map(\.name) + all.compactMap(\.alias)
        #expect(Set(names).count == names.count)
        for name in names {
            #expect(Directive.find(Array(name.uppercased().utf8)) != nil)
        }
    }

    /// The last word counts; file, then standard input, then command line.
    @Test func laterWins() throws {
        let files = FakeFiles(files: ["/etc/redis.conf": "port 1\ntimeout 1\ndatabases 1"])
        guard
            case .run(let arguments) = ServerArguments.parse(
                ["/etc/redis.conf", "--port", "3", "-"].map { Array($0.utf8) })
        else {
            Issue.record("does not run")
            return
        }
        #expect(arguments.readsStandardInput)
        let loaded = try ServerConfiguration.load(
            arguments, standardInput: Array("\nport 2\ntimeout 2\n".utf8), files: files)
        #expect(loaded.configuration.port == 3)
        #expect(loaded.configuration.timeout == .seconds(2))
        #expect(loaded.configuration.databases == 1)
    }

    @Test func includes() throws {
        let files = FakeFiles(files: [
            "a.conf": "port 1\ninclude b.conf\n", "b.conf": "timeout 9\nport 2\n",
        ])
        let loaded = try load("port 5\ninclude a.conf\ndatabases 3", files: files)
        #expect(loaded.configuration.port == 2)
        #expect(loaded.configuration.timeout == .seconds(9))
        #expect(loaded.configuration.databases == 3)
    }

    /// An error in an included file names that file's line; a missing file is a line in the log.
    @Test func refusesBrokenIncludes() {
        let files = FakeFiles(files: ["a.conf": "\nfoo bar\n", "self.conf": "include self.conf"])
        #expect(
            refusal("port 1\n\n\ninclude a.conf", files: files)
                == fatal(2, "foo bar", "Bad directive or wrong number of arguments"))
        #expect(
            refusal("include b.conf", files: files)
                == "Fatal error, can't open config file 'b.conf': No such file or directory")
        #expect(
            refusal("include self.conf", files: files)
                == fatal(1, "include self.conf", "more than 256 files are included"))
    }

    @Test func refusesWhatTheSystemRefuses() {
        #expect(refusal("dir /nowhere") == fatal(1, "dir /nowhere", "No such file or directory"))
        #expect(
            refusal("logfile /x") == """

                *** FATAL CONFIG FILE ERROR (Redis 7.0.15) ***
                Can't open the log file: Permission denied

                """)
    }

    // MARK: The hash

    /// A `#` that stands alone as a word ends the line.
    @Test(arguments: [
        ("bind 0.0.0.0\t\t# all of them, \"really", "bind", "0.0.0.0"),
        ("port 7000 #", "port", "7000"),
        ("port 7000 # 8000", "port", "7000"),
        ("requirepass '#' # secret", "requirepass", "#"),
        ("requirepass \"a # b\"", "requirepass", "a # b"),
        ("requirepass a#b", "requirepass", "a#b"),
        ("requirepass #b", "requirepass", "#b"),
        ("bind \"127.0.0.1 # b\"", "bind", "127.0.0.1 # b"),
    ])
    func hashEndsTheLine(line: String, name: String, value: String) throws {
        let loaded = try load(line)
        let directive = try #require(Directive.find(Array(name.utf8)))
        let read = String(decoding: directive.place!.read(loaded.configuration), as: UTF8.self)
        #expect(read == value)
    }

    @Test func hashDoesNotEndOtherLines() throws {
        let line = Array("user default on nopass # +@all".utf8)
        #expect(ConfigurationWords.split(line[...], endsAtHash: true)?.count == 6)
        #expect(refusal("port 7000 #x") == fatal(1, "port 7000 #x", "wrong number of arguments"))
        #expect(refusal("port # 7000") == fatal(1, "port # 7000", "wrong number of arguments"))
        // From the command line a hash is a word like any other.
        guard
            case .run(let arguments) = ServerArguments.parse(
                ["--requirepass", "#"].map { Array($0.utf8) })
        else {
            Issue.record("does not run")
            return
        }
        let loaded = try ServerConfiguration.load(arguments, standardInput: [], files: FakeFiles())
        #expect(loaded.configuration.password == [UInt8(ascii: "#")])
    }

    // MARK: What has no effect

    /// Each directive that nothing heeds is named, once, in the words of the file.
    @Test func warns() throws {
        let loaded = try load(
            """
            save 900 1
            save 300 10
            Appendonly yes
            slaveof 127.0.0.1 6380
            hash-max-ziplist-entries 5
            user default on
            rename-command FLUSHALL ""
            loadmodule /x.so a
            search.timeout 5
            lua-replicate-commands yes
            port 7000
            """)
        let names = [
            "save", "appendonly", "slaveof", "hash-max-ziplist-entries", "user", "rename-command",
            "loadmodule",
            "search.timeout", "lua-replicate-commands",
        ]
        #expect(
            loaded.warnings
                == names.map { "'\($0)' has no effect: sluice-server does not support it yet" })
        #expect(loaded.configuration.port == 7000)
    }

    @Test func refusesModuleParametersWithoutModules() {
        #expect(
            refusal("search.timeout 5")
                == "Module Configuration detected without loadmodule directive or no ApplyConfig call: aborting"
        )
    }

    /// Debian's redis.conf loads as it is, and says what it says.
    @Test func loadsStockFile() throws {
        let path = "/etc/redis/redis.conf"
        guard let data = FileManager.default.contents(atPath: path) else {
            print("skipped: \(path) is not there or may not be read")
            return
        }
        let files = FakeFiles(
            files: [path: String(decoding: data, as: UTF8.self)], directories: ["/var/lib/redis"])
        struct AnyLog: ConfigurationFiles {
            let files: FakeFiles
            func read(_ path: String) throws(FileFailure) -> [UInt8] { try files.read(path) }
            func changeDirectory(to path: String) throws(FileFailure) {
                try files.changeDirectory(to: path)
            }
            func openLog(_ path: String) {}
        }
        var arguments = ServerArguments()
        arguments.file = path
        let loaded = try ServerConfiguration.load(
            arguments, standardInput: [], files: AnyLog(files: files))
        #expect(loaded.configuration.port == 6379)
        #expect(loaded.configuration.bind.map(\.description) == ["127.0.0.1", "-::1"])
        #expect(loaded.configuration.directory == "/var/lib/redis")
        #expect(loaded.configuration.daemonize)
        #expect(loaded.warnings.contains { $0.hasPrefix("'appendonly' ") })
    }

    // MARK: Any bytes

    /// Any bytes are read or refused; what is refused names a line that is there.
    @Test(arguments: 0..<20) func survivesAnything(seed: UInt64) {
        var state = seed &* 2 &+ 1
        func next(below limit: Int) -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int((state >> 33) % UInt64(limit))
        }
        let pieces = [
            "port", "bind", "save", "include", "user", "maxmemory-clients",
            "client-output-buffer-limit", " ", "\t",
            "\n", "\"", "'", "\\", "\\x4", "#", " # ", "1", "-1", "99999999999999999999gb", "%",
            "yes", "normal", "\0",
            "\u{B}", "é", "{", "}", "proc-title-template", "latency-tracking-info-percentiles",
            "1e400", ".", "--",
        ]
        for _ in 0..<1_000 {
            var text = ""
            for _ in 0..<next(below: 30) { text += pieces[next(below: pieces.count)] }
            _ = refusal(text)
            let arguments = text.split(separator: "\n").map { Array($0.utf8) }
            if case .run(let run) = ServerArguments.parse(arguments) {
                _ = try? ServerConfiguration.load(run, standardInput: [], files: FakeFiles())
            }
        }
        // Every directive with every value: the values' range checks hold on 64-bit edges.
        let values = [
            "", "-1", "0", "9223372036854775807", "-9223372036854775808", "18446744073709551615",
            "100%", "a b",
        ]
        for directive in Directive.all {
            for value in values { _ = refusal("\(directive.name) \"\(value)\"") }
        }
    }
}

@Suite struct ServerArgumentsTests {
    private func parse(_ arguments: String...) -> ServerInvocation {
        ServerArguments.parse(arguments.map { Array($0.utf8) })
    }

    private func options(_ arguments: String...) -> String? {
        guard case .run(let run) = ServerArguments.parse(arguments.map { Array($0.utf8) }) else {
            return nil
        }
        return String(decoding: run.options, as: UTF8.self)
    }

    @Test func namesWhatToDo() {
        #expect(parse() == .run(ServerArguments()))
        #expect(parse("-v") == .version)
        #expect(parse("--version", "x") == .version)
        #expect(parse("-h") == .help)
        #expect(parse("--help") == .help)
        for refused in [
            parse("--test-memory"), parse("--test-memory", "5"), parse("--check-system"),
            parse("a", "--sentinel"),
        ] {
            guard case .refused = refused else {
                Issue.record("not refused")
                continue
            }
        }
        var expected = ServerArguments()
        expected.file = "redis.conf"
        #expect(parse("redis.conf") == .run(expected))
        expected.readsStandardInput = true
        #expect(parse("redis.conf", "-") == .run(expected))
        expected.file = nil
        #expect(parse("-") == .run(expected))
    }

    /// Options become lines; a value may have dashes, and `--save` may have none.
    @Test func makesLines() {
        #expect(options("--port", "7000") == "port \"7000\" ")
        #expect(options("--port 7000", "--timeout", "1") == "port 7000 \ntimeout \"1\" ")
        #expect(options("--bind", "a", "b", "--port", "1") == "bind \"a\" \"b\" \nport \"1\" ")
        #expect(
            options("--requirepass", "--x", "--port", "1") == "requirepass \"--x\" \nport \"1\" ")
        #expect(options("--save", "--port", "1") == "save \"\"\nport \"1\" ")
        #expect(options("--save") == "save \"\"")
        #expect(options("--bind", "-", "--port", "1") == "bind \"-\" \nport \"1\" ")
        #expect(options("x.conf", "port", "1") == "\"port\" \"1\" ")
        #expect(
            options("--logfile", "a\n\"\\\t\u{1}é") == "logfile \"a\\n\\\"\\\\\\t\\x01\\xc3\\xa9\" "
        )
    }

    @Test(arguments: [
        ("x.conf", "/a/b", "/a/b/x.conf"), ("/x.conf", "/a/b", "/x.conf"),
        ("../x.conf", "/a/b", "/a/x.conf"),
        ("../../../x", "/a/b", "/x"), ("./x", "/a", "/a/./x"), (" x ", "/", "/x"),
        ("", "/a", "/a/"),
    ])
    func makesPathsAbsolute(path: String, directory: String, expected: String) {
        #expect(ServerArguments.absolutePath(of: path, in: directory) == expected)
    }

    /// What is quoted is read back as it was, whatever the bytes.
    @Test func quotingIsReversible() {
        let all = (1...255).map { UInt8($0) }
        for word in [all, [], Array("plain".utf8), [0x20], [0x22, 0x5C]] {
            let quoted = ConfigurationWords.quoted(word)
            #expect(ConfigurationWords.split(quoted[...], endsAtHash: true) == [word])
        }
    }
}
