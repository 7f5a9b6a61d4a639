// The names of all commands and subcommands, as the programs switch over them.

/// One command or subcommand; the raw value is its row in the command table.
public enum CommandID: UInt16, CaseIterable, Sendable {
    case get
}
