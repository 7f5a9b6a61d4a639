// What restarts as one: a program with its workers behind one address.

import RESP

/// One program: the nodes that share its address, and live and die together.
final class Machine {
    /// Makes the cores of all nodes, in their order, for one life of the program.
    typealias MakeCores = (_ life: Int, _ now: Moment) -> [any Core]

    let role: Host.Role
    let endpoint: Endpoint
    private(set) var nodes: [Node] = []
    private(set) var isUp = false
    /// How often it was started.
    private(set) var life = 0
    private let make: MakeCores
    private unowned let world: World

    init(_ role: Host.Role, at endpoint: Endpoint, in world: World, make: @escaping MakeCores) {
        self.role = role
        self.endpoint = endpoint
        self.world = world
        self.make = make
    }

    func add(_ node: Node) {
        node.join(self, as: nodes.count)
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
        world.trace("the \(role) starts")
        isUp = true
        life += 1
        let cores = make(life, world.moment)
        precondition(cores.count == nodes.count, "\(cores.count) cores for \(nodes.count) nodes")
        for (node, core) in zip(nodes, cores) { node.start(core, life: life) }
    }
}

/// A message on its way from one worker's core to another's.
final class Letter {
    let message: any CoreMessage
    let sender: Int
    let receiver: Node
    /// The life of the program in which it was sent: it dies with it.
    let life: Int

    init(_ message: any CoreMessage, from sender: Int, to receiver: Node, life: Int) {
        self.message = message
        self.sender = sender
        self.receiver = receiver
        self.life = life
    }
}
