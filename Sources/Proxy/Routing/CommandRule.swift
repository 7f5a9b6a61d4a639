// What a configuration says about single commands, over what the command table says.

/// One command, or one subcommand, and where it goes.
package struct CommandRule: Sendable, Equatable {
    /// In upper case; a subcommand behind a space: `CONFIG SET`.
    package var name: String
    package var route: CommandRoute

    package init(name: String, route: CommandRoute) {
        self.name = name
        self.route = route
    }
}

/// Where a rule sends a command.
package enum CommandRoute: Sendable, Equatable {
    /// Wherever reads go.
    case read
    case master
    /// Nowhere: the client gets an error.
    case refuse
    /// To a backend that has this tag, and to no other.
    case replica(tag: String)
}
