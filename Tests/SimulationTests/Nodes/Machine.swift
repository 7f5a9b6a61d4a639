// What restarts as one: a program with its workers behind one address.

import RESP

/// One program: the nodes that share its address, and live and die together.
final class Machine {
    let role: Host.Role
    let endpoint: Endpoint
    private(set) var nodes: [Node] = []
    private(set) var isUp = true
    private unowned let world: World

    init(_ role: Host.Role, at endpoint: Endpoint, in world: World) {
        self.role = role
        self.endpoint = endpoint
        self.world = world
    }

    func add(_ node: Node) {
        nodes.append(node)
    }

    /// The program dies at once; what it leaves on disk and what its peers hear of it is up to chance.
    func crash() {
        precondition(isUp, "the \(role) at \(endpoint) is down already")
        world.trace("the \(role) dies")
        isUp = false
        for node in nodes { node.crash() }
    }

    func start() {
        precondition(!isUp, "the \(role) at \(endpoint) is up already")
        world.trace("the \(role) starts again")
        isUp = true
        for node in nodes { node.start() }
    }
}
