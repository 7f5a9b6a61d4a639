// The files under configs/, the example that users meet first, and docs/configuration.md.

import Foundation
import RESP
import Testing

@testable import Proxy

private let root = URL(fileURLWithPath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent()

private func load(_ bytes: [UInt8], _ name: String) throws(ConfigurationErrors) -> (
    configuration: ProxyConfiguration, warnings: ConfigurationErrors
) {
    let sources = ConfigurationSources { name in
        name == "APP_PASSWORD" ? Array("apples".utf8) : nil
    } file: { path in
        path == "/etc/sluice/backend-password"
            ? .contents(Array("pears\n".utf8)) : .unreadable(reason: "No such file or directory")
    }
    return try ProxyConfiguration.load(bytes, name: name, sources: sources)
}

@Suite struct ShippedConfigurationTests {
    static let files = [
        "minimal", "read-write-splitting", "zones", "users", "many-cores", "sentinel",
    ]

    private func configuration(_ name: String) throws -> ProxyConfiguration {
        let file = root.appendingPathComponent("configs/\(name).yaml")
        let (configuration, warnings) = try load(Array(try Data(contentsOf: file)), name)
        #expect(warnings.lines == [])
        return configuration
    }

    /// Each file that ships loads without a remark, and what is printed of it loads as the same.
    @Test(arguments: files) func loads(name: String) throws {
        let configuration = try configuration(name)
        guard configuration.users.isEmpty else { return }
        let again = try load(Array(configuration.render().utf8), name).configuration
        #expect(again == configuration)
    }

    @Test func allFilesAreLoaded() throws {
        let names = try FileManager.default.contentsOfDirectory(
            atPath: root.appendingPathComponent("configs").path)
        #expect(names.sorted() == Self.files.map { "\($0).yaml" }.sorted())
    }

    /// They say what their names promise.
    @Test func theyAreAboutTheirNames() throws {
        #expect(try configuration("minimal") == ProxyConfiguration())
        #expect(try configuration("read-write-splitting").backends.replicas.count == 2)
        #expect(try configuration("zones").zone == "a")
        #expect(try configuration("many-cores").threads == .automatic)
        #expect(try configuration("sentinel").backends.sentinel?.addresses.count == 3)
        let users = try configuration("users")
        #expect(users.authentication == .users)
        #expect(users.users.map(\.name) == ["app", "reports"])
        #expect(users.users[0].passwords == [Secret(Array("apples".utf8))])
        #expect(users.backends.password == Secret(Array("pears".utf8)))
    }

    /// The first file that users are shown, letter by letter.
    @Test func loadsTheExample() throws {
        let text = """
            listen: 127.0.0.1:7379
            health: 127.0.0.1:7380
            threads: 1            # or auto
            backends:
              master: 127.0.0.1:6379
              replicas: [127.0.0.1:6380, 127.0.0.1:6381]
            reads:
              consistency: eventual   # left out: eventual in this issue, fresh from the next; \
            other levels are refused with a clear error until then
              balance: least_outstanding   # or round_robin, lowest_latency, weighted
              include_master: fallback     # or never, always

            """
        let (configuration, warnings) = try load(Array(text.utf8), "example")
        var expected = ProxyConfiguration()
        expected.reads.consistency = .eventual
        expected.health = .tcp(host: "127.0.0.1", port: 7380)
        expected.backends.replicas = [6380, 6381].map {
            ProxyConfiguration.Replica(.tcp(host: "127.0.0.1", port: $0))
        }
        #expect(configuration == expected)
        #expect(warnings.lines == [])
        let again = try load(Array(configuration.render().utf8), "printed").configuration
        #expect(again == configuration)
    }

    /// PROXY CONFIG and /status list every key once, in order, and mark what was not set.
    @Test func listsSettings() throws {
        let settings = try configuration("read-write-splitting").settings
        #expect(settings.map(\.path) == ProxyKeys.all.map(\.path))
        let changed = settings.filter { !$0.isDefault }
        #expect(
            changed == [
                ConfigurationSetting(path: "health", value: "127.0.0.1:7380", isDefault: false),
                ConfigurationSetting(
                    path: "backends.replicas", value: "[127.0.0.1:6380, 127.0.0.1:6381]",
                    isDefault: false),
            ])
    }

    /// The document is what the keys say; SLUICE_WRITE_DOCS=1 writes it anew.
    @Test func documentIsCurrent() throws {
        let file = root.appendingPathComponent("docs/configuration.md")
        let text = ConfigurationDocument.text
        if ProcessInfo.processInfo.environment["SLUICE_WRITE_DOCS"] == "1" {
            try Data(text.utf8).write(to: file)
        }
        let written = try String(contentsOf: file, encoding: .utf8)
        #expect(
            written == text,
            "docs/configuration.md is old; run the tests with SLUICE_WRITE_DOCS=1")
    }

    /// Every key that bounds something says what happens there, and every key has its reason.
    @Test func everyLimitSaysWhatHappens() {
        let measures = ["limits.auth_delay", "timeouts.probe_interval"]
        for key in ProxyKeys.all {
            #expect(!key.why.isEmpty && !key.why.hasSuffix("."), "\(key.path)")
            let isLimit = key.path.hasPrefix("limits.") || key.path.hasPrefix("timeouts.")
            guard isLimit, !measures.contains(key.path) else { continue }
            #expect(key.whenReached != nil, "\(key.path)")
        }
    }
}
