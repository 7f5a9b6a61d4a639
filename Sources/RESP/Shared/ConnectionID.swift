// Names for the things that a driver and a core talk about: connections, listeners, links and files. A core
// never sees a descriptor.

/// One connection, for as long as it lives; a value is never used for a second one.
///
/// The slot is small and is reused, so that a core can find its session by index; the generation tells the
/// connection from earlier ones in the same slot.
public struct ConnectionID: Hashable, Sendable {
    public let slot: UInt32
    public let generation: UInt32

    @inlinable
    public init(slot: UInt32, generation: UInt32) {
        self.slot = slot
        self.generation = generation
    }
}

/// A listener, named by whoever puts a program together: what comes in through it may be treated in its own way.
public struct ListenerID: Hashable, Sendable {
    public let number: UInt32

    public init(number: UInt32) {
        self.number = number
    }

    /// Where ordinary clients come in. Several listeners may have this name: a port and a Unix socket, for example.
    public static let clients = ListenerID(number: 0)
}

/// A connection that a core asked for, named by the core before it exists.
public struct LinkID: Hashable, Sendable {
    public let number: UInt32

    public init(number: UInt32) {
        self.number = number
    }
}

/// A file that a core asked to append to, named by the core.
public struct FileID: Hashable, Sendable {
    public let number: UInt32

    public init(number: UInt32) {
        self.number = number
    }
}
