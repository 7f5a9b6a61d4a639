// From a file to `ProxyConfiguration`: values, defaults, the words of every kind of error, and the way back.

import Foundation
import RESP
import Testing

@testable import Proxy

private func read(_ text: String) throws(ConfigurationErrors) -> ProxyConfiguration {
    try ProxyConfiguration.read(Array(text.utf8), name: "proxy.yaml")
}

private func refusal(_ text: String) -> String? {
    do throws(ConfigurationErrors) {
        _ = try read(text)
        return nil
    } catch {
        return error.description
    }
}

@Suite struct ProxyConfigurationTests {
    /// All keys at once, none with its default.
    @Test func readsEveryKey() throws {
        let configuration = try read(
            """
            listen: [0.0.0.0:7000, "[::1]:7000", /run/sluice.sock]
            threads: 4
            maxclients: 77
            backends:
              master: "[fe80::1%eth0]:6380"
              connections: 3
            timeouts: {connect: 250ms}
            log:
              level: debug
              file: '/var/log/sluice proxy.log'
              syslog: yes
            tcp:
              keepalive: 1m
              backlog: 1024
              user_timeout: 10s
            limits:
              client_output: 64KB
              client_requests: 8
              request_bytes: 2GB
              backend_output: 100k
              stall: 250ms
            """)
        var expected = ProxyConfiguration()
        expected.listen = [
            .tcp(host: "0.0.0.0", port: 7000), .tcp(host: "::1", port: 7000),
            .unix(path: "/run/sluice.sock"),
        ]
        expected.threads = .count(4)
        expected.maximumClients = 77
        expected.backends.master = .tcp(host: "fe80::1%eth0", port: 6380)
        expected.backends.connections = 3
        expected.timeouts.connect = .milliseconds(250)
        expected.log.level = .debug
        expected.log.file = "/var/log/sluice proxy.log"
        expected.log.syslog = true
        expected.tcp.keepalive = .seconds(60)
        expected.tcp.backlog = 1024
        expected.tcp.userTimeout = .seconds(10)
        expected.limits.clientOutput = 65_536
        expected.limits.clientRequests = 8
        expected.limits.requestBytes = 2 << 30
        expected.limits.backendOutput = 100_000
        expected.limits.stall = .milliseconds(250)
        #expect(configuration == expected)
        #expect(try read(configuration.render()) == configuration)
        #expect(try read(configuration.render(explained: true)) == configuration)

        let untouched = ProxyKeys.all.filter {
            $0.kind.render(configuration) == $0.kind.render(ProxyConfiguration())
        }
        #expect(untouched.map(\.path) == [], "this test must set every key")
    }

    /// What is printed reads back as the same, and the defaults are what the issue and the documents say.
    @Test func printsDefaults() throws {
        let text = ProxyConfiguration().render()
        #expect(try read(text) == ProxyConfiguration())
        #expect(
            text == """
                listen: 127.0.0.1:7379
                threads: 1
                maxclients: 10000
                backends:
                  master: 127.0.0.1:6379
                  connections: 1
                timeouts:
                  connect: 1s
                log:
                  level: notice
                  file: ""
                  syslog: false
                tcp:
                  keepalive: 5m
                  backlog: 511
                  user_timeout: 30s
                limits:
                  client_output: 1MB
                  client_requests: 1024
                  request_bytes: 1GB
                  backend_output: 16MB
                  stall: 1s

                """)
    }

    @Test func explainsEveryKey() throws {
        let text = ProxyConfiguration().render(explained: true)
        #expect(try read(text) == ProxyConfiguration())
        for key in ProxyKeys.all { #expect(text.contains("# \(key.summary)\n")) }
    }

    @Test func keysAreUniqueAndGrouped() {
        #expect(Set(ProxyKeys.all.map(\.path)).count == ProxyKeys.all.count)
        let sections = ProxyKeys.names(in: "")
        #expect(Set(sections).count == sections.count, "the keys of a map stand together")
    }

    /// The example that ships loads, and says nothing that the defaults do not say.
    @Test func loadsMinimal() throws {
        let root = URL(fileURLWithPath: #filePath)
            .deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().deletingLastPathComponent()
        let bytes = try Data(contentsOf: root.appendingPathComponent("configs/minimal.yaml"))
        let configuration = try ProxyConfiguration.read(Array(bytes), name: "minimal.yaml")
        #expect(configuration == ProxyConfiguration())
    }

    /// A file and the whole of what is said about it.
    @Test(arguments: [
        (
            "",
            "proxy.yaml:1:1: 'backends.master' is missing, expected an endpoint: host:port,"
                + " \"[::1]:port\" or /path/of/a/socket"
        ),
        (
            "\nbackends:\n  connections: 2",
            "proxy.yaml:2:1: 'backends.master' is missing, expected an endpoint: host:port,"
                + " \"[::1]:port\" or /path/of/a/socket"
        ),
        (
            "lisen: 127.0.0.1:7379\nbackends: {master: a:1}",
            "proxy.yaml:1:1: unknown key 'lisen', did you mean 'listen'?"
        ),
        (
            "backends: {master: a:1, conections: 2}",
            "proxy.yaml:1:25: unknown key 'conections', did you mean 'connections'?"
        ),
        (
            "backends: {master: a:1}\nlimits:\n  client-output: 1MB",
            "proxy.yaml:3:3: unknown key 'client-output', did you mean 'client_output'?"
        ),
        (
            "backends: {master: a:1}\nMaxClients: 1",
            "proxy.yaml:2:1: unknown key 'MaxClients', did you mean 'maxclients'?"
        ),
        (
            "backends: {master: a:1}\nlevel: debug",
            "proxy.yaml:2:1: unknown key 'level', did you mean 'level' in 'log'?"
        ),
        (
            "backends: {master: a:1}\nlog.level: debug",
            "proxy.yaml:2:1: unknown key 'log.level', did you mean 'level' in 'log'?"
        ),
        (
            "backends: {master: a:1, threads: 1}",
            "proxy.yaml:1:25: unknown key 'threads', did you mean 'threads' outside of any map?"
        ),
        (
            "backends: {master: a:1}\ntimeouts: {zebra: 1}",
            "proxy.yaml:2:12: unknown key 'zebra', expected one of: connect"
        ),
        (
            "backends: 127.0.0.1:6379",
            """
            proxy.yaml:1:1: 'backends.master' is missing, expected an endpoint: host:port, \
            "[::1]:port" or /path/of/a/socket
            proxy.yaml:1:11: backends: expected keys with values (master, connections), found '127.0.0.1:6379'
            """
        ),
        (
            "[a, b]",
            "proxy.yaml:1:1: found '[a, b]', expected text; quote it if it is (a key cannot be a list or a map)"
        ),
        (
            "- a",
            """
            proxy.yaml:1:1: 'backends.master' is missing, expected an endpoint: host:port, \
            "[::1]:port" or /path/of/a/socket
            proxy.yaml:1:1: expected keys with values (listen, threads, maxclients, backends, timeouts, log, \
            tcp, limits), found a list
            """
        ),
        (
            "backends: {master: a:1}\nthreads: many",
            "proxy.yaml:2:10: threads: expected auto, or a number from 1 to 1024, found 'many'"
        ),
        (
            "backends: {master: a:1}\nthreads: 0",
            "proxy.yaml:2:10: threads: expected auto, or a number from 1 to 1024, found '0'"
        ),
        (
            "backends: {master: a:1}\nmaxclients:",
            "proxy.yaml:2:12: maxclients: expected a number from 1 to 1000000, found nothing"
        ),
        (
            "backends: {master: a:1}\ntimeouts: {connect: 10}",
            "proxy.yaml:2:21: timeouts.connect: expected a duration such as 250ms, 10s, 1m or 1h,"
                + " from 1ms to 1h, found '10'"
        ),
        (
            "backends: {master: a:1}\ntcp: {keepalive: 500ms}",
            "proxy.yaml:2:18: tcp.keepalive: expected a duration of whole seconds such as 10s or 5m,"
                + " up to 24h, found '500ms'"
        ),
        (
            "backends: {master: a:1}\nlimits: {client_output: 1TB}",
            "proxy.yaml:2:25: limits.client_output: expected a size such as 64KB or 10MB,"
                + " from 4KB to 64GB, found '1TB'"
        ),
        (
            "backends: {master: a:1}\nlog: {level: loud, syslog: 1}",
            """
            proxy.yaml:2:14: log.level: expected debug, verbose, notice or warning, found 'loud'
            proxy.yaml:2:28: log.syslog: expected true or false, found '1'
            """
        ),
        (
            "backends: {master: a:1}\nlisten: [a:1, b]",
            "proxy.yaml:2:15: listen: expected an endpoint: host:port, \"[::1]:port\" or"
                + " /path/of/a/socket, found 'b'"
        ),
        (
            "backends: {master: a:1}\nlisten: []",
            "proxy.yaml:2:9: listen: expected at least one endpoint, found an empty list"
        ),
        (
            "backends: {master: a:1}\nlisten: [a:1, a:1]",
            "proxy.yaml:2:15: listen: expected different endpoints, found 'a:1' twice"
        ),
        (
            "backends: {master: [a:1]}",
            "proxy.yaml:1:20: backends.master: expected an endpoint: host:port, \"[::1]:port\" or"
                + " /path/of/a/socket, found a list"
        ),
        // Broken lines and wrong values are told together, and a key that a broken line may hide is not missed.
        (
            "threads: x\nbackends:\n  master: \"a:1\nlog: {leve: debug}",
            """
            proxy.yaml:1:10: threads: expected auto, or a number from 1 to 1024, found 'x'
            proxy.yaml:3:11: the quote " is not closed in this line
            proxy.yaml:4:7: unknown key 'leve', did you mean 'level'?
            """
        ),
    ])
    func refuses(text: String, message: String) {
        #expect(refusal(text) == message)
    }

    @Test func limitsErrors() {
        let text = (0..<1_000).map { "unknown\($0): 1\n" }.joined()
        #expect(refusal(text)?.split(separator: "\n").count == YAMLParser.maximumErrors)
    }
}

@Suite struct ProxyValuesTests {
    @Test(arguments: [
        ("0", 0), ("17", 17), ("17b", 17), ("1k", 1_000), ("1KB", 1_024), ("64kb", 65_536),
        ("2m", 2_000_000),
        ("10MB", 10 << 20), ("1g", 1_000_000_000), ("1GB", 1 << 30),
        ("9223372036854775807", Int.max),
        ("", nil), ("MB", nil), ("-1", nil), ("1.5MB", nil), ("1 MB", nil), ("1MiB", nil),
        ("1TB", nil),
        ("9223372036854775808", nil), ("9007199254740993KB", nil), ("+1", nil),
    ])
    func sizes(text: String, bytes: Int?) {
        #expect(ProxyValues.size(text) == bytes)
    }

    @Test(arguments: [
        ("0", 0), ("0s", 0), ("250ms", 250), ("10s", 10_000), ("1m", 60_000), ("1h", 3_600_000),
        ("2d", 172_800_000),
        ("10", nil), ("", nil), ("s", nil), ("1 s", nil), ("1.5s", nil), ("-1s", nil),
        ("1S", 1_000), ("1w", nil),
        ("9223372036854775807h", nil),
    ])
    func durations(text: String, milliseconds: Int?) {
        #expect(ProxyValues.duration(text) == milliseconds.map { .milliseconds($0) })
    }

    @Test(arguments: [
        ("127.0.0.1:6379", Endpoint.tcp(host: "127.0.0.1", port: 6379)),
        ("redis-1.example_net:1", .tcp(host: "redis-1.example_net", port: 1)),
        ("[::1]:6379", .tcp(host: "::1", port: 6379)),
        ("[::ffff:127.0.0.1]:65535", .tcp(host: "::ffff:127.0.0.1", port: 65535)),
        ("/run/redis.sock", .unix(path: "/run/redis.sock")),
        ("./redis.sock", .unix(path: "./redis.sock")),
        (
            "/" + String(repeating: "x", count: 106),
            .unix(path: "/" + String(repeating: "x", count: 106))
        ),
        ("/" + String(repeating: "x", count: 107), nil),
        ("6379", nil), (":6379", nil), ("host", nil), ("host:", nil), ("host:0", nil),
        ("host:65536", nil),
        ("host:+1", nil), ("::1:6379", nil), ("[::1]", nil), ("[host]:1", nil), ("[:]:1", nil),
        ("*:6379", nil),
        ("redis://host:1", nil), ("a b:1", nil), ("", nil), ("[::1%]:1", nil), ("unix:/x", nil),
    ])
    func endpoints(text: String, endpoint: Endpoint?) {
        #expect(ProxyValues.endpoint(text) == endpoint)
        if let endpoint { #expect(ProxyValues.endpoint(endpoint.description) == endpoint) }
    }

    /// Any text, quoted, reads back as itself.
    @Test(arguments: [
        "", "plain", "a b", "it's", "\"", "\\", "\n\t\r\u{1}", "#x", "x #y", "a: b", "~", "null",
        "é", "-", "x:", "[x]",
    ])
    func quotes(text: String) {
        let (root, errors) = YAMLParser.parse(Array("key: \(ProxyValueKind.quoted(text))".utf8))
        #expect(errors == [])
        guard case .map(let entries) = root.content,
            case .scalar(let read, _) = entries[0].value.content
        else {
            Issue.record("not a scalar")
            return
        }
        #expect(read == text)
    }
}
