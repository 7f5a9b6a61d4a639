// One row of the command table.

/// The facts about one command or subcommand that are needed while requests are handled. Plain old data: reading
/// a row counts no references.
public struct CommandRow: Sendable {
    public let id: CommandID
    /// In lower case; a subcommand is written `client|id`.
    public let name: StaticString
    /// How many arguments, the name included; at least so many when negative.
    public let arity: Int16
}
