// From a file's tree to `ProxyConfiguration`, by the rows of `ProxyKeys`; and back to a file that says the same.

extension ProxyConfiguration {
    /// Reads a configuration file; `name` is how error messages call it. What the file leaves out has its
    /// default. On any error nothing is read, and all errors are told.
    package static func read(
        _ bytes: [UInt8], name: String
    ) throws(ConfigurationErrors) -> ProxyConfiguration {
        let (root, errors) = YAMLParser.parse(bytes)
        var reader = ProxyConfigurationReader(errors: errors)
        reader.readRoot(root)
        guard reader.errors.isEmpty else {
            throw ConfigurationErrors(
                file: name, errors: Array(reader.errors.prefix(YAMLParser.maximumErrors)))
        }
        return reader.configuration
    }

    /// A file that sets every key to this configuration's values; explained, each key has its summary before it.
    package func render(explained: Bool = false) -> String {
        var text = ""
        var section: [Substring] = []
        for key in ProxyKeys.all {
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

    private static func indentation(_ depth: Int) -> String {
        String(repeating: "  ", count: depth)
    }
}

/// Fills a configuration from a tree, and collects what is wrong.
private struct ProxyConfigurationReader {
    var configuration = ProxyConfiguration()
    var errors: [ConfigurationError]
    private let hadSyntaxErrors: Bool
    private var seen: [String: YAMLNode.Position] = [:]

    init(errors: [ConfigurationError]) {
        self.errors = errors
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
        for key in ProxyKeys.all where key.isRequired && seen[key.path] == nil {
            let parent = key.components.dropLast().joined(separator: ".")
            errors.append(
                ConfigurationError(
                    "'\(key.path)' is missing, expected \(key.kind.expected)",
                    at: seen[parent] ?? root.position))
        }
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
        do throws(ConfigurationError) {
            try key.kind.read(node, &configuration)
        } catch {
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
