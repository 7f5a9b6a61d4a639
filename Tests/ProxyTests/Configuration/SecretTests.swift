// Secrets: where they may come from, what is said when they do not come, and that nothing ever shows one.

import RESP
import Testing

@testable import Proxy

/// An environment and files that hold secrets, each with a piece that no other text has.
private let sources = ConfigurationSources { name in
    switch name {
    case "PASSWORD": Array("hidden-variable".utf8)
    case "HOST": Array("redis-1".utf8)
    case "EMPTY": []
    case "BYTES": [0xFF, 0x00, 0x0A]
    case "LOOKS_LIKE_FILE": Array("file:/run/secret".utf8)
    default: nil
    }
} file: { path in
    switch path {
    case "/run/secret": .contents(Array("hidden-file\n".utf8))
    case "/run/windows": .contents(Array("hidden-file\r\n".utf8))
    case "/run/lines": .contents(Array("hidden\nfile\n\n".utf8))
    case "/run/redis-1": .contents(Array("hidden-host".utf8))
    case "/run/empty": .contents([0x0A])
    case "/run/long": .contents([UInt8](repeating: 0x61, count: 4_097))
    default: .unreadable(reason: "Permission denied")
    }
}

private func load(_ text: String) throws(ConfigurationErrors) -> ProxyConfiguration {
    try ProxyConfiguration.read(Array(text.utf8), name: "f", sources: sources)
}

private func refusal(_ text: String) -> [String] {
    do throws(ConfigurationErrors) {
        _ = try load(text)
        return []
    } catch {
        return error.lines
    }
}

@Suite struct SecretTests {
    /// What is written, and the bytes that it stands for.
    @Test(arguments: [
        ("plain", Array("plain".utf8)),
        ("12345", Array("12345".utf8)),
        ("${PASSWORD}", Array("hidden-variable".utf8)),
        ("\"${PASSWORD}\"", Array("hidden-variable".utf8)),
        ("a-${HOST}-${PASSWORD}-$", Array("a-redis-1-hidden-variable-$".utf8)),
        ("$${PASSWORD}", Array("${PASSWORD}".utf8)),
        ("$$${PASSWORD}", Array("$${PASSWORD}".utf8)),
        ("$PASSWORD $$", Array("$PASSWORD $$".utf8)),
        ("${BYTES}", [0xFF, 0x00, 0x0A]),
        ("${LOOKS_LIKE_FILE}", Array("file:/run/secret".utf8)),
        ("file:/run/secret", Array("hidden-file".utf8)),
        ("file:/run/windows", Array("hidden-file".utf8)),
        ("file:/run/lines", Array("hidden\nfile\n".utf8)),
        ("file:/run/${HOST}", Array("hidden-host".utf8)),
    ])
    func reads(text: String, bytes: [UInt8]) throws {
        let configuration = try load("backends:\n  master: a:1\n  password: \(text)")
        // Not compared in #expect: a failure would show a mask twice.
        #expect(configuration.backends.password?.bytes == bytes)
    }

    /// Variables stand anywhere, not only in secrets.
    @Test func replacesVariablesEverywhere() throws {
        let configuration = try load(
            "backends: {master: \"${HOST}:6379\"}\nlog: {file: \"/var/log/${HOST}.log\"}")
        #expect(configuration.backends.master == .tcp(host: "redis-1", port: 6379))
        #expect(configuration.log.file == "/var/log/redis-1.log")
    }

    /// What is wrong is named with its place, by the variable's or the file's name.
    @Test(arguments: [
        (
            "backends:\n  master: a:1\n  password: ${NONE}",
            "f:3:13: backends.password: found ${NONE}, expected an environment variable that is set"
        ),
        (
            "backends: {master: \"${NONE}:1\"}",
            "f:1:20: backends.master: found ${NONE}, expected an environment variable that is set"
        ),
        (
            "backends:\n  master: ${PASSWORD}",
            "f:2:11: backends.master: expected an endpoint: host:port, \"[::1]:port\" or"
                + " /path/of/a/socket, found '${PASSWORD}' as the environment has it"
        ),
        (
            "backends:\n  master: a:1\n  password: ${PASSWORD",
            "f:3:13: backends.password: found '${' without a name and '}' behind it, expected a"
                + " variable such as ${NAME}; '$${' stands for '${' itself"
        ),
        (
            "backends:\n  master: a:1\n  password: ${EMPTY}",
            "f:3:13: backends.password: expected 1 to 4096 bytes of a secret, found 0"
        ),
        (
            "backends:\n  master: a:1\n  password: file:/run/none",
            "f:3:13: backends.password: cannot read the file '/run/none': Permission denied"
        ),
        (
            "backends:\n  master: a:1\n  password: file:/run/empty",
            "f:3:13: backends.password: expected 1 to 4096 bytes of a secret, found 0"
        ),
        (
            "backends:\n  master: a:1\n  password: file:/run/long",
            "f:3:13: backends.password: expected 1 to 4096 bytes of a secret, found 4097"
        ),
        (
            "backends: {master: a:1, password: ${PASSWORD}}",
            "f:1:36: found '***', expected ',' or '}'; a text with braces in it needs quotes:"
                + " \"${NAME}\""
        ),
        (
            "backends: {master: a:1, password: \"***\"}",
            "f:1:35: backends.password: found '***', which is printed in place of a secret, expected"
                + " a password: a text, ${NAME} from the environment, or file:/path"
        ),
        (
            "auth: users\nbackends: {master: a:1}\nusers: {app: {}}",
            "f:3:14: users: 'password' is missing, expected a password: a text, ${NAME} from the"
                + " environment, or file:/path; or a list of them"
        ),
        (
            "auth: users\nbackends: {master: a:1}\nusers: {app: {password: []}}",
            "f:3:25: users: app: password: expected 1 to 16 passwords, found 0"
        ),
        (
            "auth: users\nbackends: {master: a:1}\nusers: {app: {password: x, backend_user: y}}",
            "f:3:9: users: app: expected 'backend_user' and 'backend_password' together, found one"
                + " of them"
        ),
    ])
    func refuses(text: String, message: String) {
        #expect(refusal(text) == [message])
    }

    /// Files that are wrong just where a secret stands, in every way that the parser knows: none is shown.
    @Test(arguments: [
        "backends:\n  password: @hidden", "backends:\n  password: \"hidden",
        "backends:\n  password: 'x' hidden", "backends:\n  password: hidden: hidden",
        "backends:\n  password: *hidden", "backends:\n  password: |\n    hidden",
        "backends:\n  password hidden", "backends:\n  password:hidden",
        "backends:\n  password:\n    hidden", "backends:\n  password:\n    - @hidden",
        "backends: {password: hidden", "backends: {password: hidden: 1}",
        "backends: {password: [hidden]}", "backends: {password: {a: hidden}}",
        "backends: {password: \"x\" hidden}", "backends: {password: \"\\hidden\"}",
        "users: hidden", "users: [hidden]", "users: {app: hidden}", "users: {app: [hidden]}",
        "users: {app: {password: {a: hidden}}}", "users: {app: {password: [@hidden]}}",
        "users:\n  app:\n    password:\n    - {a: hidden}\n    - %hidden",
        "users:\n  app:\n    password: ${PASSWORD}\n    backend_password: x",
        "backends: {master: \"redis://me:hidden@host:1\"}", "listen: hidden@host",
        "threads: ${PASSWORD}\nreads: {balance: \"${PASSWORD}\"}",
        "commands: {KEYS: \"${PASSWORD}\"}", "password: hidden", "pasword: hidden",
    ])
    func errorsShowNoSecret(text: String) {
        let errors = refusal(text).joined(separator: "\n")
        #expect(errors != "")
        #expect(!errors.contains("hidden"))
    }

    /// Printed, described, dumped or listed, a configuration shows its secrets as `***`.
    @Test func nothingShowsASecret() throws {
        let configuration = try load(
            """
            auth: users
            users:
              app: {password: [hidden-1, "${PASSWORD}"], backend_user: u, backend_password: hidden-2}
            backends:
              master: a:1
              username: u
              password: file:/run/secret
            """)
        var dumped = ""
        dump(configuration, to: &dumped)
        let settings = configuration.settings.map { "\($0.path) \($0.value)" }
        let texts =
            [
                "\(configuration)", String(reflecting: configuration), dumped,
                configuration.render(), configuration.render(explained: true),
                "\(configuration.users[0].passwords[0])",
            ] + settings
        for text in texts { #expect(!text.contains("hidden")) }
        #expect(settings.contains("backends.password \"***\""))
        #expect(
            settings.contains(
                "users {app: {password: [\"***\", \"***\"], backend_user: u, backend_password: \"***\"}}"
            ))
    }
}
