// Reads the values of a configuration's tree: expands what stands for something else, and remembers where each
// value stood, for the errors that only show once all of them are known.

import RESP

/// What all values are read with.
struct ValueReader {
    typealias Position = YAMLNode.Position

    let sources: ConfigurationSources
    /// Errors within a value that has several parts; a value that is one thing throws its error.
    private(set) var errors: [ConfigurationError] = []
    private var positions: [String: Position] = [:]
    /// The first weight that the file has: it may have no effect.
    private(set) var firstWeight: Position?

    init(sources: ConfigurationSources) {
        self.sources = sources
    }

    mutating func note(_ error: ConfigurationError) {
        errors.append(error)
    }

    mutating func takeErrors() -> [ConfigurationError] {
        defer { errors = [] }
        return errors
    }

    /// Remembers where the value at a path stands: a key's, or an item's of it, as in `backends.replicas.0`.
    mutating func place(_ path: String, at position: Position) {
        positions[path] = position
    }

    func position(of path: String) -> Position? { positions[path] }

    mutating func noteWeight(at position: Position) {
        if firstWeight == nil { firstWeight = position }
    }

    // MARK: Values

    /// A scalar that `parse` understands. An error shows what was written, not what a variable has.
    func value<Value>(
        of node: YAMLNode, _ expected: String, parse: (String) -> Value?
    ) throws(ConfigurationError) -> Value {
        guard case .scalar(let text, _) = node.content else {
            throw ConfigurationError("expected \(expected), found \(node.found)", at: node.position)
        }
        let bytes = try sources.expand(text[...], at: node.position)
        guard let expanded = String(validating: bytes, as: UTF8.self), let value = parse(expanded)
        else {
            let origin = bytes.elementsEqual(text.utf8) ? "" : " as the environment has it"
            throw ConfigurationError(
                "expected \(expected), found \(node.found)\(origin)", at: node.position)
        }
        return value
    }

    /// The same for a part of a value: its error is noted, and it has no value.
    mutating func part<Value>(
        _ name: String, of node: YAMLNode, _ expected: String, parse: (String) -> Value?
    ) -> Value? {
        do throws(ConfigurationError) {
            return try value(of: node, expected, parse: parse)
        } catch {
            note(ConfigurationError("\(name): \(error.message)", at: error.position))
            return nil
        }
    }

    /// One of a few words; another word is told the nearest.
    func choice<Value>(
        of node: YAMLNode, _ choices: [(name: String, value: Value)]
    ) throws(ConfigurationError) -> Value {
        let names = choices.map(\.name)
        do throws(ConfigurationError) {
            return try value(of: node, ValueReader.alternatives(names)) { text in
                choices.first { $0.name == text }?.value
            }
        } catch {
            guard case .scalar(let text, _) = node.content,
                let near = ProxyKeys.nearest(to: text, among: names)
            else { throw error }
            throw ConfigurationError(
                "\(error.message), did you mean '\(near)'?", at: error.position)
        }
    }

    /// `a, b or c`.
    static func alternatives(_ names: [String]) -> String {
        guard let last = names.last, names.count > 1 else { return names.first ?? "" }
        return names.dropLast().joined(separator: ", ") + " or " + last
    }

    // MARK: Secrets

    static let secretForm = "a password: a text, ${NAME} from the environment, or file:/path"

    /// A secret, from wherever it is kept. No error shows any of it.
    func secret(of node: YAMLNode) throws(ConfigurationError) -> Secret {
        guard case .scalar(let text, _) = node.content else {
            throw ConfigurationError(
                "expected \(ValueReader.secretForm), found \(node.found)", at: node.position)
        }
        guard text != Secret.mask else {
            throw ConfigurationError(
                "found '\(Secret.mask)', which is printed in place of a secret, expected "
                    + ValueReader.secretForm,
                at: node.position)
        }
        var bytes: [UInt8]
        // Only what is written here names a file: a variable's value is the secret itself.
        if text.hasPrefix("file:") {
            bytes = try contents(of: text.dropFirst(5), at: node.position)
            if bytes.last == UInt8(ascii: "\n") { bytes.removeLast() }
            if bytes.last == UInt8(ascii: "\r") { bytes.removeLast() }
        } else {
            bytes = try sources.expand(text[...], at: node.position)
        }
        guard (1...Secret.longest).contains(bytes.count) else {
            throw ConfigurationError(
                "expected 1 to \(Secret.longest) bytes of a secret, found \(bytes.count)",
                at: node.position)
        }
        return Secret(bytes)
    }

    private func contents(
        of path: Substring, at position: Position
    ) throws(ConfigurationError) -> [UInt8] {
        let expanded = try sources.expand(path, at: position)
        guard !expanded.isEmpty, let name = String(validating: expanded, as: UTF8.self) else {
            throw ConfigurationError("expected the path of a file behind 'file:'", at: position)
        }
        switch sources.file(name) {
        case .contents(let bytes): return bytes
        case .unreadable(let reason):
            throw ConfigurationError(
                "cannot read the file '\(YAMLNode.shortened(String(path)))': \(reason)",
                at: position)
        }
    }

    /// A secret, or nil where it is left empty.
    func optionalSecret(of node: YAMLNode) throws(ConfigurationError) -> Secret? {
        if case .scalar("", _) = node.content { return nil }
        return try secret(of: node)
    }

    // MARK: Endpoints

    func endpoint(of node: YAMLNode) throws(ConfigurationError) -> Endpoint {
        try value(of: node, ProxyValues.endpointForm, parse: ProxyValues.endpoint)
    }

    /// One that is part of a larger value: an error is noted, with the name of the part.
    mutating func endpoint(_ name: String, of node: YAMLNode) -> Endpoint? {
        part(name, of: node, ProxyValues.endpointForm, parse: ProxyValues.endpoint)
    }

    // MARK: Maps

    /// The entries of a map whose keys are names of the file's own.
    func entries(
        of node: YAMLNode, _ expected: String
    ) throws(ConfigurationError) -> [YAMLNode.Entry] {
        guard case .map(let entries) = node.content else {
            throw ConfigurationError(
                "expected \(expected), found \(node.found)", at: node.position)
        }
        return entries
    }

    /// The values of a map that has few keys; those that it does not know are noted, and what is missing too.
    mutating func fields(
        of node: YAMLNode, _ keys: [InnerKey]
    ) throws(ConfigurationError) -> [String: YAMLNode] {
        let names = keys.map(\.name)
        guard case .map(let entries) = node.content else {
            throw ConfigurationError(
                "expected keys with values (\(names.joined(separator: ", "))), found \(node.kind)",
                at: node.position)
        }
        var fields: [String: YAMLNode] = [:]
        for entry in entries {
            guard names.contains(entry.key) else {
                let remedy =
                    ProxyKeys.nearest(to: entry.key, among: names).map { "did you mean '\($0)'?" }
                    ?? "expected one of: " + names.joined(separator: ", ")
                note(
                    ConfigurationError(
                        "unknown key '\(YAMLNode.shortened(entry.key))', \(remedy)",
                        at: entry.position))
                continue
            }
            fields[entry.key] = entry.value
        }
        for key in keys where key.isRequired && fields[key.name] == nil {
            note(
                ConfigurationError(
                    "'\(key.name)' is missing, expected \(key.expected)", at: node.position))
        }
        return fields
    }
}

/// A key of a map that is one value of many alike: of a replica, or a user.
struct InnerKey: Sendable {
    let name: String
    let expected: String
    /// As a file would have it.
    let standard: String
    let summary: String

    init(_ name: String, _ expected: String, standard: String = "", _ summary: String) {
        self.name = name
        self.expected = expected
        self.standard = standard
        self.summary = summary
    }

    /// What has no default must be there.
    var isRequired: Bool { standard.isEmpty }
}
