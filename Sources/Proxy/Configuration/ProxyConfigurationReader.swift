// From a file's tree to `ProxyConfiguration`, by the rows of `ProxyKeys`; and back to a file that says the same.

extension ProxyConfiguration {
    /// Reads a configuration file; `name` is how error messages call it. What the file leaves out has its
    /// default. On any error nothing is read, and all errors are told.
    package static func read(
        _ bytes: [UInt8], name: String, sources: ConfigurationSources = .none
    ) throws(ConfigurationErrors) -> ProxyConfiguration {
        try load(bytes, name: name, sources: sources).configuration
    }

    /// The same, with what the file says without effect.
    package static func load(
        _ bytes: [UInt8], name: String, sources: ConfigurationSources
    ) throws(ConfigurationErrors) -> (
        configuration: ProxyConfiguration, warnings: ConfigurationErrors
    ) {
        let (root, errors) = YAMLParser.parse(bytes)
        var reader = ProxyConfigurationReader(errors: errors, sources: sources)
        reader.readRoot(root)
        let checks = ConfigurationChecks(
            configuration: reader.configuration, reader: reader.values)
        // Before all values are good, a contradiction may only seem to be one.
        if reader.errors.isEmpty { reader.errors = checks.errors() }
        guard reader.errors.isEmpty else {
            throw ConfigurationErrors(
                file: name, errors: Array(reader.errors.prefix(YAMLParser.maximumErrors)))
        }
        return (
            reader.configuration, ConfigurationErrors(file: name, errors: checks.warnings())
        )
    }

    /// Every key in the order of the documents, for PROXY CONFIG and /status. Secrets are masked.
    package var settings: [ConfigurationSetting] {
        let standard = ProxyConfiguration()
        return keys.map { key in
            let value = key.kind.render(self)
            return ConfigurationSetting(
                path: key.path, value: value, isDefault: value == key.kind.render(standard))
        }
    }

    /// A file that sets every key to this configuration's values; explained, each key has its summary before it.
    package func render(explained: Bool = false) -> String {
        var text = ""
        var section: [Substring] = []
        for key in keys {
            let parents = key.components.dropLast()
            for (depth, name) in parents.enumerated()
            where section.prefix(depth + 1) != parents.prefix(depth + 1) {
                text += ProxyConfiguration.indentation(depth) + "\(name):\n"
            }
            section = Array(parents)
            let indentation = ProxyConfiguration.indentation(parents.count)
            if explained {
                text += "\(indentation)# \(key.summary)\n"
            }
            text += "\(indentation)\(key.components.last!): \(key.kind.render(self))\n"
        }
        return text
    }

    /// Those that mean something: where sentinels name the master, nobody else does.
    private var keys: [ProxyKey] {
        ProxyKeys.all.filter { $0.alternative == nil || backends.sentinel == nil }
    }

    private static func indentation(_ depth: Int) -> String {
        String(repeating: "  ", count: depth)
    }
}

/// A key and what it is set to.
package struct ConfigurationSetting: Sendable, Equatable {
    /// `limits.client_output`.
    package let path: String
    /// As a file would have it.
    package let value: String
    package let isDefault: Bool
}

/// Fills a configuration from a tree, and collects what is wrong.
private struct ProxyConfigurationReader {
    var configuration = ProxyConfiguration()
    var errors: [ConfigurationError]
    private let hadSyntaxErrors: Bool
    private var seen: [String: YAMLNode.Position] = [:]
    private(set) var values: ValueReader

    init(errors: [ConfigurationError], sources: ConfigurationSources) {
        self.errors = errors
        values = ValueReader(sources: sources)
        hadSyntaxErrors = !errors.isEmpty
    }

    mutating func readRoot(_ root: YAMLNode) {
        switch root.content {
        case .map(let entries): readMap(entries, path: "")
        case .nothing: break
        default: errors.append(expectedMap(of: "", found: root))
        }
        // With a broken line somewhere, the missing key may well be in it.
        guard !hadSyntaxErrors else { return }
        for key in ProxyKeys.all
        where key.isRequired && seen[key.path] == nil && !isSaid(key.alternative) {
            let parent = key.components.dropLast().joined(separator: ".")
            errors.append(
                ConfigurationError(
                    "'\(key.path)' is missing, expected \(key.kind.expected)",
                    at: seen[parent] ?? root.position))
        }
    }

    private func isSaid(_ path: String?) -> Bool {
        path.map { seen[$0] != nil } ?? false
    }

    private mutating func readMap(_ entries: [YAMLNode.Entry], path parent: String) {
        for entry in entries where errors.count < YAMLParser.maximumErrors {
            // Only maps make paths: a key with a dot of its own is unknown.
            let path =
                entry.key.contains(".") ? "" : parent.isEmpty ? entry.key : parent + "." + entry.key
            if let key = ProxyKeys.all.first(where: { $0.path == path }) {
                seen[path] = entry.position
                readValue(entry.value, of: key)
            } else if ProxyKeys.all.contains(where: { $0.path.hasPrefix(path + ".") }) {
                seen[path] = entry.position
                switch entry.value.content {
                case .map(let entries): readMap(entries, path: path)
                case .nothing: break
                default: errors.append(expectedMap(of: path, found: entry.value))
                }
            } else {
                let message =
                    "unknown key '\(YAMLNode.shortened(entry.key))', "
                    + ProxyKeys.suggestion(for: entry.key, in: parent)
                errors.append(ConfigurationError(message, at: entry.position))
            }
        }
    }

    private mutating func readValue(_ node: YAMLNode, of key: ProxyKey) {
        values.place(key.path, at: node.position)
        var found: [ConfigurationError] = []
        do throws(ConfigurationError) {
            try key.kind.read(node, &values, &configuration)
        } catch {
            found.append(error)
        }
        for error in values.takeErrors() + found {
            errors.append(
                ConfigurationError("\(key.path): \(error.message)", at: error.position))
        }
    }

    private func expectedMap(of path: String, found node: YAMLNode) -> ConfigurationError {
        let subject = path.isEmpty ? "" : path + ": "
        let names = ProxyKeys.names(in: path).joined(separator: ", ")
        return ConfigurationError(
            "\(subject)expected keys with values (\(names)), found \(node.found)", at: node.position
        )
    }
}
