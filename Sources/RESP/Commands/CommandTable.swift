// All commands, found by name.

/// The command table: immutable, shared by everything that must know a command.
public final class CommandTable: Sendable {
    /// Every command known when this was built.
    public static let builtIn = CommandTable()

    private init() {}

    /// The command with this name, in any case; for a container without regard to its subcommand.
    public func find(_ name: Span<UInt8>) -> CommandID? {
        nil
    }

    /// The command of a request: for a container (`CLIENT ID`) the row of its subcommand. The container itself
    /// when it has no subcommand of that name.
    public func find(_ request: Request) -> CommandID? {
        nil
    }

    public subscript(_ id: CommandID) -> CommandRow {
        CommandRow(id: .get, name: "get", arity: 2)
    }
}
