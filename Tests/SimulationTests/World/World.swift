// One simulated run: a server, a proxy and their clients in virtual time, and everything that befalls them, all from
// one seed.
//
//     breaking ──▶ healed: who waits is answered ──▶ audit: everybody looks at its data ──▶ rest: nothing is held

import RESP

/// What a run is made of; whatever is not given is drawn from the seed.
struct Setup {
    /// Makes the core of the server.
    var server: (_ seed: UInt64, _ now: Moment) -> any Core
    /// Makes the cores of all workers of the proxy each time it starts, so that they can share what workers of one
    /// process share; without it clients connect to the server.
    var proxy:
        (
            (_ workers: Int, _ replicas: Int, _ level: Level, _ seed: UInt64, _ now: Moment) ->
                [any Core]
        )?
    /// How many workers the proxy has; with none the clients connect to the server.
    var workers: Int?
    /// How many replicas are behind the proxy. With any, the master is a small server whose writes can be followed.
    var replicas: Int?
    var clients = 20
    var faults: Faults?
    /// How long things break.
    var breaking: Duration?
    /// What is asked of reads.
    var level: Level?

    static let serverEndpoint = Endpoint.tcp(host: "server", port: 6379)
    static func replicaEndpoint(_ number: Int) -> Endpoint { endpoint(of: number + 1) }
    /// Servers are counted from the one that is the master at first.
    static func endpoint(of server: Int) -> Endpoint {
        .tcp(host: hostName(of: server), port: 6379)
    }
    static func hostName(of server: Int) -> String {
        server == 0 ? "server" : "replica\(server - 1)"
    }
    static let proxyEndpoint = Endpoint.tcp(host: "proxy", port: 7379)
}

/// How fresh reads are.
enum Level: CaseIterable {
    /// Not older than anything that anybody was told before.
    case fresh
    /// Not older than what was told on the same connection.
    case session
    case eventual
}

/// The state of one run.
final class World {
    let seed: UInt64
    private(set) var now = Instant(nanoseconds: 0)
    private(set) var faults: Faults
    private(set) var serverLife = 1
    private(set) var violation: Violation?
    private(set) var digest = Digest()
    private(set) var answers = 0
    private(set) var eventCount = 0
    var coverage = Coverage()

    private var queue = EventQueue()
    private var random: Random
    private var wallOffset: Int64 = 0
    private(set) var isBreaking = true
    private(set) var replicas = 0
    private var lastAnswer = Instant(nanoseconds: 0)
    private let breaking: Duration
    private(set) var network: Network!
    private(set) var machines: [Machine] = []
    private(set) var clients: [Client] = []
    private(set) var listeners: [Listener] = []
    var stream: WriteStream?
    /// When a server last changed its role.
    var roleChangedAt: Instant?
    /// For what comes of another master: drawn apart, as that was thought of later.
    var switching = Random(seed: 0)
    /// Whether the clients use transactions, lists and messages too: the master must be a small server for that.
    private(set) var asksMore = false
    var commons = Commons()
    let level: Level
    var chronicle = Chronicle()
    /// Whether the master keeps to the chronicle, so that reads can be judged by it.
    private(set) var isChronicled = false
    /// Connections that are over; events on their way may still name them.
    private var retired: [Connection] = []
    private let isTracing: Bool
    private var traceLines: [String] = []

    /// So long may nobody get an answer, after nothing breaks any more, before somebody is held to wait for ever.
    static let patience = Duration.seconds(30)
    /// A hundred times what a run takes.
    static let mostEvents = 1_000_000

    init(seed: UInt64, setup: Setup, isTracing: Bool = false) {
        self.seed = seed
        self.isTracing = isTracing
        var random = Random(seed: seed)
        var menu = random.split()
        faults = setup.faults ?? Faults(from: &menu)
        breaking = setup.breaking ?? menu.between(.milliseconds(50), .milliseconds(800))
        let workers = setup.workers ?? menu.pick([0, 1, 1, 2, 2, 4, 4])
        if setup.proxy != nil, workers > 0 { replicas = setup.replicas ?? menu.pick([0, 1, 2, 2]) }
        let levels: [Level] = [.fresh, .fresh, .fresh, .session, .eventual]
        level = setup.level ?? (workers > 0 ? menu.pick(levels) : .fresh)
        self.random = random.split()
        network = Network(in: self, random: random.split())
        build(setup, workers: workers, from: &random)
    }

    private func build(_ setup: Setup, workers: Int, from random: inout Random) {
        let serverSeed = random.next()
        let stream = WriteStream(
            in: self, servers: replicas + 1, names: Random(seed: serverSeed ^ 0x5EED))
        var losing = Random(seed: serverSeed)
        // Drawn apart, so that the seeds of the other runs stay what they were.
        var more = Random(seed: ~seed)
        asksMore = setup.clients > 0 && more.chance(0.5)
        let isSmall = replicas > 0 || asksMore && setup.proxy != nil && workers > 0
        let server = Machine(.server, at: Setup.serverEndpoint, in: self) {
            [unowned self] life, now in
            guard stream.leader == 0 else {
                return [follower(0, of: stream, seed: serverSeed &+ UInt64(life))]
            }
            let core =
                isSmall ? SmallServer() : setup.server(serverSeed &+ UInt64(life), now)
            guard let small = core as? SmallServer else { return [core] }
            isChronicled = true
            lead(stream, small, &losing)
            return [small]
        }
        self.stream = stream
        switching = Random(seed: serverSeed ^ 0x5C1)
        server.add(Node("server", role: .server, in: self, random: random.split()))
        machines.append(server)
        for number in 0..<replicas {
            let seed = random.next()
            let replica = Machine(.replica, at: Setup.replicaEndpoint(number), in: self) {
                [unowned self] life, _ in
                guard stream.leader == number + 1 else {
                    return [follower(number + 1, of: stream, seed: seed &+ UInt64(life))]
                }
                let master = SmallServer(named: "replica-\(number)")
                lead(stream, master, &losing)
                return [master]
            }
            replica.add(
                Node("replica \(number)", role: .replica, in: self, random: random.split()))
            machines.append(replica)
        }
        var entrance = server.endpoint
        if let makeProxy = setup.proxy, workers > 0 {
            let proxySeed = random.next()
            let proxy = Machine(.proxy, at: Setup.proxyEndpoint, in: self) {
                [replicas, level] life, now in
                makeProxy(workers, replicas, level, proxySeed &+ UInt64(life), now)
            }
            for worker in 0..<workers {
                let name = "proxy worker \(worker)"
                proxy.add(Node(name, role: .proxy, in: self, random: random.split()))
            }
            machines.append(proxy)
            entrance = proxy.endpoint
        }
        for number in 0..<setup.clients {
            var behaviour = Behaviour(from: &random)
            if asksMore, more.chance(0.2) { behaviour.standStill(from: &more) }
            clients.append(
                Client(
                    number: number, in: self, behaviour: behaviour, random: random.split(),
                    endpoint: entrance))
        }
        for machine in machines { machine.start() }
        for client in clients { client.start() }
        asksMore = asksMore && server.nodes[0].core is SmallServer
        for number in 0..<(asksMore ? 3 : 0) {
            listeners.append(
                Listener(number: number, in: self, random: more.split(), endpoint: entrance))
        }
        for listener in listeners { listener.start() }
        for kind in FaultKind.allCases { planFault(kind) }
    }

    private func follower(_ number: Int, of stream: WriteStream, seed: UInt64) -> SmallServer {
        if stream.leaders.contains(number) { roleChangedAt = now }
        let following = Following(
            stream, number: number, in: self, random: Random(seed: seed))
        return SmallServer(
            named: number == 0 ? "master" : "replica-\(number - 1)", following: following)
    }

    /// The one that was the master begins anew, and still is.
    private func lead(_ stream: WriteStream, _ server: SmallServer, _ losing: inout Random) {
        let kept = kept(of: stream.units.count, &losing)
        if kept < stream.units.count { coverage.reach(.lostWrites) }
        server.lead(stream, keeping: kept, at: now)
    }

    /// How much of what the master has done is still there when it begins anew: all, nothing, or what it had saved.
    private func kept(of count: Int, _ random: inout Random) -> Int {
        guard replicas > 0 else { return 0 }
        return switch random.below(4) {
        case 0: 0
        case 1: count
        default: max(0, count - random.below(40))
        }
    }

    func isServerUp(_ number: Int) -> Bool {
        machine(at: Setup.endpoint(of: number))?.isUp ?? false
    }

    // MARK: Time

    var moment: Moment {
        let wall = 1_760_000_000_000_000 + now.nanoseconds / 1_000 + wallOffset
        return Moment(instant: now, wall: WallTime(microseconds: wall))
    }

    func schedule(_ event: Event, in delay: Duration) {
        queue.add(event, at: now + delay)
    }

    func schedule(_ event: Event, at instant: Instant) {
        queue.add(event, at: max(instant, now))
    }

    // MARK: The run

    /// Runs through all phases, or until a law is broken.
    func run() {
        defer { queue.removeAll() }
        run(until: now + breaking)
        guard !isOver else { return }
        heal()
        comeToRest()
        // Time to learn of connections whose other end vanished: what is said on such a one is lost, or takes long.
        run(until: now + .seconds(2))
        comeToRest()
        run(until: now + .milliseconds(20))
        guard !isOver else { return }
        for client in clients { client.audit() }
        runWhile("waits in the audit") { !$0.isFinished }
        guard !isOver else { return }
        judgeCommons()
        // First with the clients connected, since one at rest must cost no memory; then without them. In between
        // there is time to learn of connections whose other end vanished.
        run(until: now + .seconds(3))
        checkRest()
        for client in clients { client.leave() }
        for listener in listeners { listener.leave() }
        run(until: now + .seconds(3))
        checkRest()
    }

    /// Lets time pass, for tests of the parts.
    func advance(by duration: Duration) {
        run(until: now + duration)
    }

    var isOver: Bool { violation != nil }

    private func run(until deadline: Instant) {
        while !isOver, let (at, event) = queue.next() {
            guard at < deadline else {
                queue.add(event, at: at)
                break
            }
            now = at
            handle(event)
        }
        now = max(now, deadline)
    }

    /// Goes on until no client is in that state, or nobody gets an answer any more.
    private func runWhile(_ state: String, _ isWaiting: (Host) -> Bool) {
        lastAnswer = now
        let guests: [Host] = clients + listeners
        while !isOver, guests.contains(where: isWaiting) {
            run(until: now + .milliseconds(1))
            if now - lastAnswer > World.patience, let guest = guests.first(where: isWaiting) {
                report(.answers, "\(guest.waitsFor) \(state)")
            }
        }
    }

    /// Everybody who waits is answered, and the programs have found each other again.
    private func comeToRest() {
        runWhile("waits for an answer") { !$0.isSettled }
        waitForBackends()
    }

    /// The list is empty by now: whatever was pushed, somebody has got it, or might have.
    private func judgeCommons() {
        for listener in listeners { listener.judgeLate() }
        if commons.unpopped > commons.lostPops {
            let lost = "\(commons.unpopped) elements were pushed and are gone"
            report(.element, "\(lost), and \(commons.lostPops) pops were not answered")
        }
    }

    /// Programs find their way back to each other by themselves.
    private func waitForBackends() {
        let deadline = now + World.patience
        while !isOver, let lost = machines.flatMap(\.nodes).first(where: { $0.isInTrouble }) {
            run(until: now + .milliseconds(10))
            if now > deadline { report(.answers, "\(lost.name) has no backend any more") }
        }
    }

    private func heal() {
        trace("nothing breaks any more")
        isBreaking = false
        faults = faults.healed
        network.heal()
        for client in clients { client.fallQuiet() }
        for listener in listeners { listener.fallQuiet() }
    }

    /// Sees whether there is a moment, soon, at which everybody is at rest: the proxy's own questions come and go.
    private func checkRest() {
        guard !isOver else { return }
        let nodes = machines.flatMap(\.nodes)
        let deadline = now + .seconds(1)
        while now < deadline, nodes.contains(where: { $0.unrest != nil || hasForgotten($0) }) {
            run(until: now + .milliseconds(1))
        }
        for node in nodes {
            if let unrest = node.unrest { report(.rests, "\(node.name) still holds \(unrest)") }
            if hasForgotten(node) {
                report(.rests, "\(node.name) has connections that are gone")
            }
        }
    }

    private func hasForgotten(_ node: Node) -> Bool {
        node.connectionsOpen != network.ends(of: node).count
    }

    private func handle(_ event: Event) {
        eventCount += 1
        if eventCount > World.mostEvents { report(.answers, "this never comes to an end") }
        switch event {
        case .turn(let node):
            node.turn()
            node.checkBounds()
        case .arrive(let pipe): network.arrive(pipe)
        case .room(let end): network.room(end)
        case .learn(let end): network.learn(end)
        case .answer(let attempt): network.answer(attempt)
        case .accept(let end): network.accept(end)
        case .act(let client): client.act()
        case .look(let client): client.look()
        case .fault(let kind): strike(kind)
        case .clog(let host, let until): network.clog(host, until: until)
        case .restart(let machine): machine.start()
        case .promote(let server): promote(server)
        case .deliver(let letter): letter.receiver.receive(letter)
        case .diskDone(let disk): disk.done()
        }
    }

    // MARK: What the parts report

    func report(_ law: Law, _ text: String) {
        trace("broken: \(law): \(text)")
        if violation == nil { violation = Violation(law: law, text: text) }
    }

    func delivered(_ bytes: Span<UInt8>, to host: Host, on end: End) {
        digest.add(Int(now.nanoseconds))
        digest.add(end.connection.number << 1 | end.side)
        digest.add(bytes)
        if isTracing {
            var text: [UInt8] = []
            text.append(bytes)
            trace("\(host.name) reads from connection \(end.connection.number): \(text.shown)")
        }
    }

    func answered() {
        answers += 1
        lastAnswer = now
    }

    func retire(_ connection: Connection) {
        retired.append(connection)
    }

    func machine(at endpoint: Endpoint) -> Machine? {
        machines.first { $0.endpoint == endpoint }
    }

    func trace(_ text: @autoclosure () -> String) {
        guard isTracing else { return }
        traceLines.append("\(Double(now.nanoseconds) / 1e6) ms: \(text())")
    }

    /// The last lines of the trace.
    func lastLines(_ count: Int) -> String {
        traceLines.suffix(count).joined(separator: "\n")
    }

    // MARK: Faults

    private func planFault(_ kind: FaultKind) {
        guard isBreaking, let mean = faults.mean(of: kind) else { return }
        schedule(.fault(kind), in: random.wait(mean: mean))
    }

    private func strike(_ kind: FaultKind) {
        guard isBreaking else { return }
        trace("fault: \(kind)")
        switch kind {
        case .cutClientLink:
            cutAny(.cutClientLink) { $0.ends[0].host.role == .client }
        case .cutBackendLink:
            cutAny(.cutBackendLink) { $0.isBackendLink }
        case .clogLink:
            guard let connection = network.anyConnection(where: { _ in true }) else { break }
            let pipe = connection.ends[random.below(2)].outgoing!
            network.clog(pipe, until: soon)
            coverage.reach(.cloggedLink)
        case .clogNode:
            network.clog(anyNode, until: soon)
            coverage.reach(.cloggedNode)
        case .swizzleClog: swizzle()
        case .stallNode:
            anyNode.stall(until: soon)
            coverage.reach(.stalledNode)
        case .restartServer: restart(.serverRestart) { [unowned self] in isMaster($0) }
        case .restartProxy: restart(.proxyRestart) { $0.role == .proxy }
        case .restartReplica:
            restart(.replicaRestart) { [unowned self] in
                ($0.role == .server || $0.role == .replica) && !isMaster($0)
            }
        case .switchMaster: switchMaster()
        case .jumpWallClock:
            let forward = random.chance(0.5)
            let jump = Int64(random.below(86_400_000_000))
            wallOffset += forward ? jump : -jump
            coverage.reach(forward ? .wallClockForward : .wallClockBack)
        }
        planFault(kind)
    }

    /// At most a tenth of a second from now.
    private var soon: Instant { now + random.between(.milliseconds(1), .milliseconds(100)) }

    private var anyNode: Node { random.pick(machines.flatMap(\.nodes)) }

    private func cutAny(_ mark: Mark, where isWanted: (Connection) -> Bool) {
        guard let connection = network.anyConnection(where: isWanted) else { return }
        coverage.reach(mark)
        network.cut(connection)
    }

    /// Stops the links of some hosts one after the other, and releases them in another order.
    private func swizzle() {
        let hosts: [Host] = machines.flatMap(\.nodes) + clients + listeners
        for host in hosts where random.chance(0.3) {
            let delay = random.between(.zero, .milliseconds(30))
            schedule(.clog(host, until: now + delay + (soon - now)), in: delay)
        }
        coverage.reach(.swizzleClog)
    }

    private func restart(_ mark: Mark, where isWanted: (Machine) -> Bool) {
        let candidates = machines.filter { $0.isUp && isWanted($0) }
        guard !candidates.isEmpty else { return }
        let machine = random.pick(candidates)
        coverage.reach(mark)
        let isMaster = isMaster(machine)
        if isMaster {
            serverLife += 1
            stream?.crash()
            for client in clients { client.serverRestarted(mayKeep: replicas > 0) }
            commons.serverRestarted()
        }
        machine.crash()
        let delay = random.between(.milliseconds(1), .milliseconds(200))
        schedule(.restart(machine), in: delay)
        if isMaster { mayPromote() }
    }
}
