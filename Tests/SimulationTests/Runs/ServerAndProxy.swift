// The programs of this house in the simulator: one server behind one proxy, with limits small enough to be met.

import Proxy
import RESP
import Server

extension Setup {
    /// A server, a proxy with 1, 2 or 4 workers, and 20 clients.
    static var serverAndProxy: Setup {
        Setup(server: makeServer, proxy: makeProxy)
    }

    private static func makeServer(seed: UInt64, now: Moment) -> any Core {
        var random = Random(seed: seed)
        let runID = String((0..<40).map { _ in random.pick(Array("0123456789abcdef")) })
        var limits = ServerLimits()
        limits.clientOutput = random.pick([1_000, 20_000, limits.clientOutput])
        var configuration = ServerConfiguration()
        configuration.protectedMode = false
        return ServerCore(
            configuration: configuration, identity: ServerIdentity(runID: runID, startedAt: now),
            seed: seed, at: now, limits: limits)
    }

    private static func makeProxy(
        workers: Int, replicas: Int, level: Level, seed: UInt64, now: Moment
    ) -> [any Core] {
        var random = Random(seed: seed)
        var configuration = ProxyConfiguration()
        configuration.reads.consistency = .eventual
        for number in 0..<replicas {
            configuration.backends.replicas.append(
                ProxyConfiguration.Replica(Setup.replicaEndpoint(number)))
        }
        configuration.reads.balance = random.pick(Balance.allCases)
        configuration.reads.includeMaster =
            replicas == 0 ? .always : random.pick(IncludeMaster.allCases)
        configuration.writes.hold = .milliseconds(random.pick([0, 0, 50, 10_000]))
        configuration.writes.holdRequests = random.pick([1, 10_000])
        configuration.reads.retries = random.pick([0, 1, 2, 2])
        configuration.timeouts.request = random.pick([.zero, .milliseconds(60), .seconds(10)])
        configuration.timeouts.probe = .milliseconds(random.within(5...200))
        // Without probes nothing else finds out what requests find out; but nobody finds another master.
        let interval = random.pick([0, 50, 50, 300])
        configuration.timeouts.probeInterval = .milliseconds(
            interval == 0 && replicas > 0 ? 300 : interval)
        configuration.limits.backendRequests = random.pick([3, 50, 100_000])
        configuration.limits.replyPrivateAbove = random.pick([500, 20_000, 1 << 20])
        configuration.backends.master = Setup.serverEndpoint
        configuration.backends.connections = random.pick([1, 1, 2])
        configuration.limits.clientOutput = random.pick([1_000, 20_000, 1 << 20])
        configuration.limits.clientRequests = random.pick([2, 16, 1_024])
        configuration.limits.backendOutput = random.pick([1_000, 50_000, 16 << 20])
        configuration.limits.stall = random.between(.milliseconds(20), .milliseconds(200))
        configuration.limits.transactionBytes = random.pick([200, 1 << 20])
        configuration.reads.consistency =
            switch level {
            case .fresh: .fresh
            case .session: .session
            case .eventual: .eventual
            }
        configuration.reads.auditPerSecond = random.pick([0, 10, 1_000])
        let clientCount = ClientCount()
        let freshness = Freshness(workers: workers, servers: replicas + 1, secret: random.next())
        let board = TopologyBoard()
        return (0..<workers).map { worker in
            ProxyCore(
                configuration: configuration, worker: worker, workers: workers,
                clientCount: clientCount, freshness: freshness, board: board, seed: seed, at: now)
        }
    }
}

/// No request of the workload, and no reply, is longer.
private let longest = 160_000

extension ServerCore: Inspectable {
    var requestsWaiting: Int { 0 }

    var missesServers: Bool { false }

    var longestHoldUp: Duration { .zero }

    func isHeldUp(_ id: ConnectionID) -> Bool { false }

    func mostBytesHeld(connections: Int) -> Int {
        mostBytesHeld(clients: connections, longest: longest)
    }
}

extension ProxyCore: Inspectable {
    func mostBytesHeld(connections: Int) -> Int {
        mostBytesHeld(clients: connections, longest: longest)
    }
}
