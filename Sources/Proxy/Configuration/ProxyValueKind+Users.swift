// Who may use the proxy: users, passwords, and who they are at the backends.

extension ProxyValueKind {
    static func authentication(_ place: any Place<Authentication>) -> ProxyValueKind {
        choice(
            place,
            [
                (name: "none", value: .none), (name: "users", value: .users),
                (name: "backend", value: .backend),
            ])
    }

    /// A secret that may be left empty.
    static func secret(_ place: any Place<Secret?>) -> ProxyValueKind {
        ProxyValueKind(
            expected: ValueReader.secretForm,
            read: { (node, reader, configuration) throws(ConfigurationError) in
                configuration[keyPath: place] = try reader.optionalSecret(of: node)
            },
            render: { configuration in quoted(configuration[keyPath: place]?.description ?? "") })
    }

    static let mostPasswords = 16

    private static let userKeys = [
        InnerKey(
            "password", ValueReader.secretForm + "; or a list of them",
            "what AUTH must have; any of a list"),
        InnerKey(
            "backend_user", "a text", standard: "\"\"",
            "who this user is at the backends; empty: whom the proxy is"),
        InnerKey(
            "backend_password", ValueReader.secretForm, standard: "\"\"",
            "the password of `backend_user`"),
        levelKey(of: "this user", otherwise: "the listener"),
    ]

    /// A map from names to users.
    static func users(_ place: any Place<[User]>, path: String) -> ProxyValueKind {
        let expected = "a map of users, each with keys such as {password: ...}"
        return ProxyValueKind(
            expected: expected,
            inner: userKeys,
            read: { (node, reader, configuration) throws(ConfigurationError) in
                // Whatever stands here may be a password.
                guard case .map(let entries) = node.content else {
                    throw ConfigurationError(
                        "expected \(expected), found \(node.kind)", at: node.position)
                }
                var users: [User] = []
                for entry in entries {
                    do throws(ConfigurationError) {
                        reader.place("\(path).\(entry.key)", at: entry.position)
                        if let user = try readUser(entry, &reader) { users.append(user) }
                    } catch {
                        reader.note(
                            ConfigurationError(
                                "\(YAMLNode.shortened(entry.key)): \(error.message)",
                                at: error.position))
                    }
                }
                configuration[keyPath: place] = users
            },
            render: { configuration in
                "{" + configuration[keyPath: place].map(rendered).joined(separator: ", ") + "}"
            })
    }

    private static func readUser(
        _ entry: YAMLNode.Entry, _ reader: inout ValueReader
    ) throws(ConfigurationError) -> User? {
        let fields = try reader.fields(of: entry.value, userKeys)
        guard let password = fields["password"] else { return nil }
        var items = [password]
        if case .list(let list) = password.content { items = list }
        guard (1...mostPasswords).contains(items.count) else {
            throw ConfigurationError(
                "password: expected 1 to \(mostPasswords) passwords, found \(items.count)",
                at: password.position)
        }
        var user = User(name: entry.key, passwords: [])
        for item in items { user.passwords.append(try reader.secret(of: item)) }
        if let name = fields["backend_user"] {
            user.backendUser = try reader.value(of: name, "a text") { $0 }
            if user.backendUser == "" { user.backendUser = nil }
        }
        if let password = fields["backend_password"] {
            user.backendPassword = try reader.secret(of: password)
        }
        if let level = fields["consistency"] { user.consistency = try readLevel(level, reader) }
        guard (user.backendUser == nil) == (user.backendPassword == nil) else {
            throw ConfigurationError(
                "expected 'backend_user' and 'backend_password' together, found one of them",
                at: entry.position)
        }
        return user
    }

    private static func rendered(_ user: User) -> String {
        let passwords = user.passwords.map { quoted($0.description) }
        let password =
            passwords.count == 1 ? passwords[0] : "[\(passwords.joined(separator: ", "))]"
        var parts = ["password: \(password)"]
        if let name = user.backendUser {
            parts.append("backend_user: \(quoted(ConfigurationSources.escaped(name)))")
        }
        if let password = user.backendPassword {
            parts.append("backend_password: \(quoted(password.description))")
        }
        if let level = user.consistency { parts.append("consistency: \(level.rawValue)") }
        return "\(quoted(user.name)): {\(parts.joined(separator: ", "))}"
    }
}
