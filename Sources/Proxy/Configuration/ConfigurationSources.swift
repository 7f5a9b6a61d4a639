// What a configuration file may take from elsewhere: the environment and other files. Looking there is I/O, so
// the program hands in how it is done.

/// Answers for `${NAME}` and `file:/path`.
package struct ConfigurationSources: Sendable {
    /// The value of an environment variable; nil: it is not set.
    package var environment: @Sendable (_ name: String) -> [UInt8]?
    package var file: @Sendable (_ path: String) -> FileContents

    package enum FileContents: Sendable, Equatable {
        case contents([UInt8])
        /// Why there are none, as the system says it.
        case unreadable(reason: String)
    }

    package init(
        environment: @escaping @Sendable (_ name: String) -> [UInt8]?,
        file: @escaping @Sendable (_ path: String) -> FileContents
    ) {
        self.environment = environment
        self.file = file
    }

    /// An empty environment, and no files.
    package static var none: ConfigurationSources {
        ConfigurationSources { _ in
            nil
        } file: { _ in
            .unreadable(reason: "No such file or directory")
        }
    }
}

extension ConfigurationSources {
    /// The text with its variables replaced; `$${` stands for `${`. Bytes, since a password need not be UTF-8.
    /// An error names the variable, never a value.
    func expand(
        _ text: Substring, at position: YAMLNode.Position
    ) throws(ConfigurationError) -> [UInt8] {
        var result: [UInt8] = []
        var rest = text.utf8[...]
        while let byte = rest.first {
            if rest.starts(with: "$${".utf8) {
                result += "${".utf8
                rest = rest.dropFirst(3)
            } else if rest.starts(with: "${".utf8) {
                let name = rest.dropFirst(2).prefix { $0 != UInt8(ascii: "}") }
                rest = rest.dropFirst(2 + name.count)
                guard rest.first != nil, let variable = ConfigurationSources.name(name) else {
                    throw ConfigurationError(
                        "found '${' without a name and '}' behind it, expected a variable such as"
                            + " ${NAME}; '$${' stands for '${' itself",
                        at: position)
                }
                guard let value = environment(variable) else {
                    throw ConfigurationError(
                        "found ${\(variable)}, expected an environment variable that is set",
                        at: position)
                }
                result += value
                rest = rest.dropFirst()
            } else {
                result.append(byte)
                rest = rest.dropFirst()
            }
        }
        return result
    }

    /// A text as it must be written so that `expand` gives it back.
    static func escaped(_ text: String) -> String {
        var result: [UInt8] = []
        var rest = text.utf8[...]
        while let byte = rest.first {
            if rest.starts(with: "${".utf8) { result.append(byte) }
            result.append(byte)
            rest = rest.dropFirst()
        }
        return String(decoding: result, as: UTF8.self)
    }

    private static func name(_ text: Substring.UTF8View.SubSequence) -> String? {
        guard let first = text.first, !(UInt8(ascii: "0")...UInt8(ascii: "9")).contains(first)
        else { return nil }
        let isName = text.allSatisfy {
            switch $0 {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"):
                true
            default: false
            }
        }
        return isName ? String(Substring(text)) : nil
    }
}
