// What is wrong with a configuration file, said so that it can be mended: where, what was found, what was expected.

/// One thing that is wrong in a file.
package struct ConfigurationError: Error, Sendable, Equatable {
    package var position: YAMLNode.Position
    package var message: String

    package init(_ message: String, at position: YAMLNode.Position) {
        self.position = position
        self.message = message
    }
}

/// Everything that is wrong in a file, in the order of the file.
package struct ConfigurationErrors: Error, Sendable, Equatable, CustomStringConvertible {
    package let file: String
    package let errors: [ConfigurationError]

    package init(file: String, errors: [ConfigurationError]) {
        self.file = file
        var sorted = errors
        sorted.sort { ($0.position, $0.message) < ($1.position, $1.message) }
        self.errors = sorted
    }

    /// One for each error: `proxy.yaml:3:5: unknown key 'lisen', did you mean 'listen'?`
    package var lines: [String] {
        errors.map { "\(file):\($0.position.line):\($0.position.column): \($0.message)" }
    }

    package var description: String { lines.joined(separator: "\n") }
}
