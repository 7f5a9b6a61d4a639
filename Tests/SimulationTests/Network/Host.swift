// Who can be at the end of a virtual connection: a program's node, or a client of the workload.

import RESP

/// The owner of ends of connections. The network calls it when virtual time has come for something.
class Host {
    unowned let world: World
    let name: String
    /// What this host is within a `Connection`'s description, and in how faults are aimed.
    let role: Role

    enum Role {
        case client
        case proxy
        case server
        case replica
    }

    init(_ name: String, role: Role, in world: World) {
        self.name = name
        self.role = role
        self.world = world
    }

    /// A wished connection stands.
    func connected(_ attempt: Attempt, _ end: End) { preconditionFailure("\(name) cannot connect") }

    /// A wished connection cannot be made.
    func refused(_ attempt: Attempt, reason: String) {
        preconditionFailure("\(name) cannot connect")
    }

    /// A peer has connected.
    func accepted(_ end: End) { preconditionFailure("\(name) does not listen") }

    /// Bytes, the end of the stream, or the news that the connection is gone can be had from `end`.
    func readable(_ end: End) {}

    /// There is room again, after a write was not taken whole.
    func writable(_ end: End) {}

    // MARK: What only those of the workload do

    /// It does what it does next.
    func act() {}

    /// One that reads slowly reads again.
    func look() {}

    /// True when nothing breaks any more and nothing is owed to it.
    var isSettled: Bool { true }

    /// True when its audit is over.
    var isFinished: Bool { true }

    /// What it waits for, in words.
    var waitsFor: String { name }
}

/// A connection that is being made.
final class Attempt {
    enum Outcome {
        case succeeds
        case fails(reason: String)
    }

    unowned let host: Host
    /// The link's name in the core that wished it; nil for a client.
    let link: LinkID?
    let endpoint: Endpoint
    let outcome: Outcome
    var isAbandoned = false

    init(host: Host, link: LinkID?, endpoint: Endpoint, outcome: Outcome) {
        self.host = host
        self.link = link
        self.endpoint = endpoint
        self.outcome = outcome
    }
}
