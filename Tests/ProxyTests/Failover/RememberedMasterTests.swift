// A proxy that an earlier one has left word who the master is, and one that leaves such word.

import RESP
import TestSupport
import Testing

@testable import Proxy

@Suite struct RememberedMasterTests {
    private static let configured = Endpoint.tcp(host: "127.0.0.1", port: 6379)
    private static let replica = Endpoint.tcp(host: "replica0", port: 6379)

    /// Both say that they are masters; the second was promoted from a history that neither names any more.
    private static let twoMasters = [
        FreshProxy.Facts(runID: "run-master", role: "master", history: "new"),
        FreshProxy.Facts(runID: "run-replica-0", role: "master", history: "history-2"),
    ]

    private static func remembered(_ endpoint: Endpoint, runID: String, history: String)
        -> MasterMemory
    {
        MasterMemory(
            origin: .master(configured), endpoint: endpoint, runID: runID, history: history)
    }

    private static func written(by fresh: FreshProxy) -> [MasterMemory] {
        defer {
            fresh.driver.wishes.removeAll {
                if case .replaceFile = $0 { true } else { false }
            }
        }
        return fresh.driver.wishes.compactMap { wish in
            guard case .replaceFile(ProxyCore.stateFile, "f", let contents) = wish else {
                return nil
            }
            return try? MasterMemory(contents, name: "f")
        }
    }

    /// The configuration's master is there as a master too: the file is believed, and not the configuration.
    @Test(arguments: [true, false]) func twoMasters(isRemembered: Bool) throws {
        let memory = Self.remembered(Self.replica, runID: "run-replica-0", history: "history-2")
        let fresh = FreshProxy(
            isProved: false, memory: isRemembered ? memory : nil, facts: Self.twoMasters)
        fresh.probe()
        #expect(fresh.core.master.index == (isRemembered ? 1 : 0))
        let client = fresh.driver.connect()
        #expect(fresh.ask("SET", "a", "1", by: client) == (isRemembered ? 1 : 0))
        #expect(
            fresh.core.servers.map(\.role)
                == (isRemembered ? [.replica, .master] : [.master, .replica]))
    }

    /// The master of the file has been left behind since: who was promoted from its history is followed.
    @Test func trapD2_leftBehind() throws {
        var facts = Self.twoMasters
        facts[0].former = ("history-2", 1_000)
        facts[1].runID = "run-again"
        let memory = Self.remembered(Self.replica, runID: "run-replica-0", history: "history-2")
        let fresh = FreshProxy(isProved: false, memory: memory, facts: facts)
        for _ in 0..<3 { fresh.probe() }
        #expect(fresh.core.master.index == 0)
    }

    /// Who was found by an earlier proxy is known by its address, and behind those of the configuration.
    @Test func foundServer() throws {
        let found = Endpoint.tcp(host: "10.0.0.9", port: 6379)
        let memory = Self.remembered(found, runID: "run-found", history: "history-2")
        var facts = [
            FreshProxy.Facts(runID: "run-master", role: "master"),
            FreshProxy.Facts(runID: "run-replica-0", role: "slave", following: "10.0.0.9:6379"),
        ]
        facts.append(FreshProxy.Facts(runID: "run-found", role: "master", history: "history-2"))
        let fresh = FreshProxy(isProved: false, memory: memory, facts: facts) {
            $0.backends.discover = true
        }
        fresh.probe()
        #expect(fresh.core.master.endpoint == found)
        #expect(fresh.core.master.index == 2)
        let client = fresh.driver.connect()
        #expect(fresh.ask("SET", "a", "1", by: client) == 2)
    }

    /// The master is written down as soon as it has said who it is, again when that changes, and no more often.
    @Test func isWrittenDown() throws {
        let fresh = FreshProxy(isProved: false) { $0.failover.stateFile = "f" }
        #expect(
            Self.written(by: fresh)
                == [Self.remembered(Self.configured, runID: "run-master", history: "history-1")])
        fresh.probe()
        #expect(Self.written(by: fresh) == [])
        fresh.facts[0].history = "history-1b"
        fresh.probe()
        #expect(Self.written(by: fresh).map(\.history) == ["history-1b"])
        fresh.promote()
        #expect(
            Self.written(by: fresh)
                == [Self.remembered(Self.replica, runID: "run-replica-0", history: "history-2")])
    }

    /// What could not be written is told once, and tried again.
    @Test func cannotBeWritten() throws {
        let fresh = FreshProxy(isProved: false) { $0.failover.stateFile = "f" }
        #expect(Self.written(by: fresh).count == 1)
        for _ in 0..<2 {
            fresh.driver.tell(.failed(ProxyCore.stateFile, reason: "No space left on device"))
            // Probes are answered meanwhile: they are no reason to try sooner.
            fresh.probe()
            #expect(Self.written(by: fresh) == [])
            fresh.driver.pass(.seconds(4))
            #expect(Self.written(by: fresh).map(\.runID) == ["run-master"])
        }
        fresh.driver.tell(.synced(ProxyCore.stateFile, size: 1))
        let told = fresh.driver.log.filter { $0.contains("state_file") }
        #expect(told.count == 2, "\(told)")
        #expect(told[0].contains("No space left on device"))
        fresh.driver.pass(.seconds(10))
        #expect(Self.written(by: fresh) == [])
    }

    /// Workers begin with the same master, and only the first one writes.
    @Test func otherWorkers() throws {
        var configuration = ProxyConfiguration()
        configuration.backends.master = Self.configured
        configuration.backends.replicas = [.init(Self.replica)]
        configuration.failover.stateFile = "f"
        let memory = Self.remembered(Self.replica, runID: "r", history: "h")
        let board = TopologyBoard(master: configuration.backends.firstMaster(memory))
        let second = ProxyCore(
            configuration: configuration, worker: 1, workers: 2, board: board, memory: memory,
            at: HandDriver.start)
        #expect(second.master.index == 1)
        second.remember()
        #expect(
            !second.pending.wishes.contains {
                if case .replaceFile = $0 { true } else { false }
            })
    }
}
