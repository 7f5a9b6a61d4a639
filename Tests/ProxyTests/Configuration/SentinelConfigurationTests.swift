// The key `backends.sentinel`: what it may hold, what is told of mistakes, and that it is printed as it is read.

import RESP
import Testing

@testable import Proxy

@Suite struct SentinelConfigurationTests {
    private static func read(_ text: String) throws -> ProxyConfiguration {
        try ProxyConfiguration.read(Array(text.utf8), name: "f")
    }

    private static let two = [26379, 26380].map { Endpoint.tcp(host: "10.0.0.1", port: $0) }

    @Test(arguments: [
        (
            "{master_name: mymaster, addresses: 10.0.0.1:26379}",
            ProxyConfiguration.Sentinel(masterName: "mymaster", addresses: [two[0]])
        ),
        (
            "{master_name: a.b-c_1, addresses: [10.0.0.1:26379, 10.0.0.1:26380], username: '',"
                + " password: ''}",
            ProxyConfiguration.Sentinel(masterName: "a.b-c_1", addresses: two)
        ),
        (
            "{master_name: m, addresses: [10.0.0.1:26379], username: app, password: pears}",
            ProxyConfiguration.Sentinel(
                masterName: "m", addresses: [two[0]], username: "app",
                password: Secret(Array("pears".utf8)))
        ),
    ])
    func reads(text: String, sentinel: ProxyConfiguration.Sentinel) throws {
        let configuration = try Self.read("backends:\n  sentinel: \(text)")
        #expect(configuration.backends.sentinel == sentinel)
        guard sentinel.password == nil else { return }
        #expect(try Self.read(configuration.render()) == configuration)
    }

    @Test func masksThePassword() throws {
        let configuration = try Self.read(
            "backends: {sentinel: {master_name: m, addresses: a:1, password: pears}}")
        let text = configuration.render()
        #expect(text.contains("sentinel: {master_name: m, addresses: [a:1], password: \"***\"}"))
        #expect(!text.contains("pears"))
        // Nobody is to take the default for the master's address.
        #expect(!text.contains("  master:"))
        #expect(!configuration.settings.contains { $0.path == "backends.master" })
    }

    /// Reads of any server have to be proved fresh: there may be replicas.
    @Test func needsFences() throws {
        let text = "backends: {sentinel: {master_name: m, addresses: a:1}}"
        #expect(try Self.read(text).needsFences)
        #expect(try !Self.read("backends: {master: a:1}").needsFences)
    }

    @Test(arguments: [
        (
            "{master_nam: m, addresses: a:1}",
            """
            f:1:22: backends.sentinel: 'master_name' is missing, expected a name of letters, digits, \
            '.', '-' and '_', at most 64
            f:1:23: backends.sentinel: unknown key 'master_nam', did you mean 'master_name'?
            """
        ),
        (
            "{master_name: m}",
            "f:1:22: backends.sentinel: 'addresses' is missing, expected an endpoint: host:port,"
                + " \"[::1]:port\" or /path/of/a/socket, or a list of them"
        ),
        (
            "{master_name: 'my master', addresses: [a:1, b]}",
            """
            f:1:36: backends.sentinel: master_name: expected a name of letters, digits, '.', '-' and \
            '_', at most 64, found 'my master'
            f:1:66: backends.sentinel: addresses: expected an endpoint: host:port, "[::1]:port" or \
            /path/of/a/socket, found 'b'
            """
        ),
        (
            "{master_name: m, addresses: []}",
            "f:1:50: backends.sentinel: addresses: expected 1 to 32 endpoints, found 0"
        ),
        (
            "{master_name: m, addresses: [a:1, a:1]}",
            "f:1:56: backends.sentinel: addresses: expected different endpoints, found 'a:1' twice"
        ),
        (
            "{master_name: m, addresses: a:1, username: app}",
            "f:1:22: backends.sentinel: found a username without a password, expected both or only"
                + " 'password'"
        ),
        (
            "mymaster",
            "f:1:22: backends.sentinel: expected a map such as {master_name: mymaster, addresses:"
                + " [host:port]}, or off, found a text"
        ),
    ])
    func refuses(value: String, message: String) {
        let error = #expect(throws: ConfigurationErrors.self) {
            try Self.read("backends: {sentinel: \(value)}")
        }
        #expect(error?.description == message)
    }
}
