// What a configuration file says, before anybody asks whether its keys exist: a tree of maps, lists and scalars
// that remembers where each of them stands.

/// A value in a configuration file, with the place where it begins.
package struct YAMLNode: Sendable, Equatable {
    package var position: Position
    package var content: Content

    package init(_ content: Content, at position: Position) {
        self.position = position
        self.content = content
    }

    /// A place in a file, counted from 1; columns count characters (Unicode scalars), as editors do.
    package struct Position: Sendable, Hashable, Comparable {
        package var line: Int
        package var column: Int

        package init(line: Int, column: Int) {
            self.line = line
            self.column = column
        }

        package static func < (left: Position, right: Position) -> Bool {
            (left.line, left.column) < (right.line, right.column)
        }
    }

    package enum Content: Sendable, Equatable {
        /// No value was written, or `null` or `~`.
        case nothing
        /// Text that nobody has given a type yet, as it was written: `${NAME}` is still to be replaced.
        case scalar(String, isQuoted: Bool)
        case list([YAMLNode])
        case map([Entry])
    }

    /// A key of a map and its value. Keys of a map are unique, and stay in the order of the file.
    package struct Entry: Sendable, Equatable {
        package var key: String
        package var position: Position
        package var value: YAMLNode

        package init(key: String, at position: Position, value: YAMLNode) {
            self.key = key
            self.position = position
            self.value = value
        }
    }

    /// How an error message names this value.
    package var found: String {
        switch content {
        case .nothing: "nothing"
        case .scalar(let text, _): "'\(YAMLNode.shortened(YAMLNode.withoutCredentials(text)))'"
        case .list, .map: kind
        }
    }

    /// The same without any of its text.
    var kind: String {
        switch content {
        case .nothing: "nothing"
        case .scalar: "a text"
        case .list: "a list"
        case .map: "a map"
        }
    }

    /// Somebody may write `redis://user:password@host` where no such thing belongs.
    private static func withoutCredentials(_ text: String) -> String {
        guard let sign = text.utf8.lastIndex(of: UInt8(ascii: "@")) else { return text }
        return Secret.mask + text[sign...]
    }

    /// Text short enough for a line of an error message.
    package static func shortened(_ text: String) -> String {
        text.unicodeScalars.count <= 60
            ? text : String(String.UnicodeScalarView(text.unicodeScalars.prefix(57))) + "..."
    }
}
