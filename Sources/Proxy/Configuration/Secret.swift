// A password or another text that must never be seen again once it has been read.

/// Bytes that do not print: whatever describes, dumps or interpolates one shows `***`.
package struct Secret: Sendable, Hashable {
    /// What is shown in its place.
    package static let mask = "***"
    /// More bytes are no password but the wrong file.
    static let longest = 4_096

    /// For AUTH at a backend and for comparing with a client's; never for logs, errors or replies.
    package let bytes: [UInt8]

    package init(_ bytes: [UInt8]) {
        self.bytes = bytes
    }
}

extension Secret: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    package var description: String { Secret.mask }
    package var debugDescription: String { Secret.mask }
    /// `dump` and the messages of failed tests look through mirrors.
    package var customMirror: Mirror { Mirror(self, children: [(label: String?, value: Any)]()) }
}
