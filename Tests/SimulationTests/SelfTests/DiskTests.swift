// The virtual disk: what it says is synced survives a crash, what was not synced may be torn, and it fails when it
// is told to.

import RESP
import Testing

@Suite struct DiskTests {
    /// A world with a keeper of a log and nothing else.
    private static func world(seed: UInt64, faults: Faults = .none) -> World {
        World(
            seed: seed,
            setup: Setup(
                server: { _, _ in LogKeeper() }, clients: 0, faults: faults, breaking: .zero))
    }

    private static func keeper(_ world: World) -> (Node, LogKeeper) {
        let node = world.machines[0].nodes[0]
        return (node, node.core as! LogKeeper)
    }

    /// After a crash the file is a beginning of what was appended, at least as long as what was said to be synced.
    @Test func whatIsSyncedSurvivesACrash() throws {
        var tornRecords = 0
        var lostRecords = 0
        for seed in UInt64(1)...60 {
            var faults = Faults.none
            faults.diskDelay = .milliseconds(Int(seed % 4))
            let world = Self.world(seed: seed, faults: faults)
            world.advance(by: .milliseconds(40))
            let (node, keeper) = Self.keeper(world)
            #expect(keeper.written > 0)
            let (synced, appended) = (keeper.synced, keeper.appended)
            node.disk.crash()
            let left = try #require(node.disk.contents(of: LogKeeper.path))
            let all = (0..<appended).flatMap(LogKeeper.record)
            #expect(left.count >= synced)
            #expect(all.starts(with: left), "what is left is a beginning of what was appended")
            if left.count % LogKeeper.recordLength > 0 { tornRecords += 1 }
            if left.count < all.count { lostRecords += 1 }
        }
        #expect(tornRecords > 0 && lostRecords > 0)
    }

    @Test func aFullDiskFailsTheFileOnce() throws {
        let world = Self.world(seed: 1)
        let (node, keeper) = Self.keeper(world)
        node.disk.capacity = 5 * LogKeeper.recordLength + 3
        world.advance(by: .milliseconds(40))
        #expect(keeper.failure == "No space left on device")
        #expect(try #require(node.disk.contents(of: LogKeeper.path)).count <= node.disk.capacity)
    }

    @Test func appendsAndSyncsFailWhenTheyAreTold() {
        for isAppend in [true, false] {
            var faults = Faults.none
            faults.failsAppend = isAppend ? 0.2 : 0
            faults.failsSync = isAppend ? 0 : 0.2
            let world = Self.world(seed: 2, faults: faults)
            world.advance(by: .milliseconds(100))
            let (_, keeper) = Self.keeper(world)
            #expect(keeper.failure == "Input/output error")
        }
    }

    /// Opening a file anew cuts off what its program does not vouch for.
    @Test func openingCutsTheFile() throws {
        let world = Self.world(seed: 3)
        world.advance(by: .milliseconds(20))
        let (node, _) = Self.keeper(world)
        world.machines[0].crash()
        node.disk.open(FileID(number: 9), path: LogKeeper.path, size: 20)
        node.disk.close(FileID(number: 9))
        world.advance(by: .milliseconds(5))
        #expect(try #require(node.disk.contents(of: LogKeeper.path)).count == 20)
    }
}
