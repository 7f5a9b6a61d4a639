// The sentinels that name the master: a map, or off.

import RESP

extension ProxyValueKind {
    static let mostSentinels = 32

    private static let sentinelKeys = [
        InnerKey("master_name", nameForm, "what the sentinels call the master"),
        InnerKey(
            "addresses", ProxyValues.endpointForm + ", or a list of them",
            "where some of them are; they tell of the others"),
        InnerKey(
            "username", "a text", standard: "\"\"",
            "who the proxy is at the sentinels; empty: the default user"),
        InnerKey(
            "password", ValueReader.secretForm, standard: "\"\"",
            "the password at the sentinels, not at the servers; empty: none is sent"),
    ]

    /// `{master_name: mymaster, addresses: [host:port], username: app, password: ...}`, or `off`.
    static func sentinel(_ place: any Place<ProxyConfiguration.Sentinel?>) -> ProxyValueKind {
        let expected = "a map such as {master_name: mymaster, addresses: [host:port]}, or off"
        return ProxyValueKind(
            expected: expected,
            inner: sentinelKeys,
            read: { (node, reader, configuration) throws(ConfigurationError) in
                switch node.content {
                case .scalar("off", _): configuration[keyPath: place] = nil
                case .map:
                    configuration[keyPath: place] = try readSentinel(node, &reader)
                default:
                    throw ConfigurationError(
                        "expected \(expected), found \(node.kind)", at: node.position)
                }
            },
            render: { configuration in
                configuration[keyPath: place].map(rendered) ?? "off"
            })
    }

    // Nil when an error was noted that leaves nothing to go on with.
    private static func readSentinel(
        _ node: YAMLNode, _ reader: inout ValueReader
    ) throws(ConfigurationError) -> ProxyConfiguration.Sentinel? {
        let fields = try reader.fields(of: node, sentinelKeys)
        guard let name = fields["master_name"], let addresses = fields["addresses"] else {
            return nil
        }
        let masterName = reader.part("master_name", of: name, nameForm, parse: ProxyValues.name)
        var items = [addresses]
        if case .list(let list) = addresses.content { items = list }
        guard (1...mostSentinels).contains(items.count) else {
            throw ConfigurationError(
                "addresses: expected 1 to \(mostSentinels) endpoints, found \(items.count)",
                at: addresses.position)
        }
        var endpoints: [Endpoint] = []
        for item in items {
            guard let endpoint = reader.endpoint("addresses", of: item) else { continue }
            guard !endpoints.contains(endpoint) else {
                throw ConfigurationError(
                    "addresses: expected different endpoints, found \(item.found) twice",
                    at: item.position)
            }
            reader.place("backends.sentinel.\(endpoints.count)", at: item.position)
            endpoints.append(endpoint)
        }
        var sentinel = ProxyConfiguration.Sentinel(
            masterName: masterName ?? "", addresses: endpoints)
        if let username = fields["username"] {
            sentinel.username = reader.part("username", of: username, "a text") { $0 }
            if sentinel.username == "" { sentinel.username = nil }
        }
        if let password = fields["password"] {
            sentinel.password = try reader.optionalSecret(of: password)
        }
        guard sentinel.username == nil || sentinel.password != nil else {
            throw ConfigurationError(
                "found a username without a password, expected both or only 'password'",
                at: node.position)
        }
        return sentinel
    }

    private static func rendered(_ sentinel: ProxyConfiguration.Sentinel) -> String {
        let addresses = sentinel.addresses.map(rendered).joined(separator: ", ")
        var parts = [
            "master_name: \(quoted(sentinel.masterName))", "addresses: [\(addresses)]",
        ]
        if let username = sentinel.username {
            parts.append("username: \(quoted(ConfigurationSources.escaped(username)))")
        }
        if let password = sentinel.password {
            parts.append("password: \(quoted(password.description))")
        }
        return "{\(parts.joined(separator: ", "))}"
    }
}
