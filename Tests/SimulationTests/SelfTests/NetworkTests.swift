// The virtual network keeps TCP's promises, and breaks only what it may break.

import RESP
import Testing

@Suite struct NetworkTests {
    /// Collects what arrives at one end.
    private final class Listener: Host {
        var bytes: [UInt8] = []
        var hasEnded = false
        var isLost = false
        var sizes: [Int] = []

        override func accepted(_ end: End) {}

        override func readable(_ end: End) {
            let count = end.incoming.arrived
            if count > 0 {
                end.incoming.bytes.copy(count, to: &bytes)
                world.network.consume(count, from: end)
                sizes.append(count)
            }
            if end.incoming.hasEnded { hasEnded = true }
            if end.isLost { isLost = true }
        }
    }

    /// Two hosts with a connection between them.
    private struct Pair {
        let world: World
        let sender: Listener
        let receiver: Listener
        let connection: Connection

        init(seed: UInt64, faults: Faults = .none) {
            world = World(
                seed: seed,
                setup: Setup(
                    server: { _, _ in SmallServer() }, clients: 0, faults: faults,
                    breaking: .zero))
            sender = Listener("sender", role: .client, in: world)
            receiver = Listener("receiver", role: .server, in: world)
            connection = world.network.join(sender, receiver)
            world.network.accept(connection.ends[1])
        }

        var end: End { connection.ends[0] }

        /// Writes all bytes, however little is taken at a time.
        func send(_ bytes: [UInt8]) {
            var start = 0
            while start < bytes.count, !end.isLost {
                start += world.network.write(bytes, from: start, to: end)
                world.advance(by: .milliseconds(1))
            }
        }
    }

    private static let content = Payload(client: 7, number: 7, size: 5_000).bytes

    @Test func bytesArriveInOrderHoweverTheyAreCut() {
        for seed in UInt64(1)...50 {
            var random = Random(seed: seed)
            let pair = Pair(seed: seed, faults: Faults(from: &random).withoutStrikes)
            pair.send(Self.content)
            pair.world.network.finish(pair.end)
            pair.world.advance(by: .seconds(1))
            #expect(pair.receiver.bytes == Self.content)
            #expect(pair.receiver.hasEnded, "the end of the stream comes behind the bytes")
        }
    }

    /// A cut loses the last bytes only, and both ends learn of it.
    @Test func aCutConnectionLosesOnlyItsLastBytes() {
        var lengths: Set<Int> = []
        for seed in UInt64(1)...50 {
            let pair = Pair(seed: seed)
            _ = pair.world.network.write(Self.content, from: 0, to: pair.end)
            pair.world.network.cut(pair.connection)
            pair.world.advance(by: .seconds(2))
            #expect(Self.content.starts(with: pair.receiver.bytes))
            #expect(pair.receiver.isLost && pair.sender.isLost)
            #expect(!pair.receiver.hasEnded)
            lengths.insert(pair.receiver.bytes.count)
        }
        #expect(lengths.count > 10, "it is cut anywhere")
    }

    /// Whoever is gone without a word is missed later, and in the meantime the other writes into the void.
    @Test func aHalfOpenConnectionIsNoticedLate() {
        let pair = Pair(seed: 1)
        pair.world.network.vanish(pair.connection.ends[1])
        #expect(!pair.end.isLost)
        _ = pair.world.network.write(Self.content, from: 0, to: pair.end)
        pair.world.advance(by: .seconds(2))
        #expect(pair.sender.isLost)
        #expect(pair.receiver.bytes.isEmpty)
    }

    @Test func whatIsSentToAClosedEndBringsAReset() {
        let pair = Pair(seed: 1)
        pair.world.network.close(pair.connection.ends[1])
        pair.world.advance(by: .seconds(1))
        #expect(pair.sender.hasEnded && !pair.sender.isLost)
        _ = pair.world.network.write(Self.content, from: 0, to: pair.end)
        pair.world.advance(by: .seconds(1))
        #expect(pair.sender.isLost)
    }

    @Test func aCloggedPipeHoldsEverythingBack() {
        let pair = Pair(seed: 1)
        pair.world.network.clog(pair.end.outgoing, until: pair.world.now + .seconds(5))
        _ = pair.world.network.write(Self.content, from: 0, to: pair.end)
        pair.world.advance(by: .seconds(4))
        #expect(pair.receiver.bytes.isEmpty)
        pair.world.advance(by: .seconds(2))
        #expect(pair.receiver.bytes == Self.content)
    }

    @Test func aFullSocketTakesNoMore() {
        var faults = Faults.none
        faults.socketCapacity = 1_000
        let pair = Pair(seed: 1, faults: faults)
        #expect(pair.world.network.write(Self.content, from: 0, to: pair.end) == 1_000)
        #expect(pair.world.network.write(Self.content, from: 1_000, to: pair.end) == 0)
        #expect(pair.end.wantsRoom)
    }

    @Test func bandwidthTakesTime() {
        var faults = Faults.none
        faults.nanosecondsPerByte = 1_000_000
        let pair = Pair(seed: 1, faults: faults)
        _ = pair.world.network.write(Self.content, from: 0, to: pair.end)
        pair.world.advance(by: .seconds(4))
        #expect(pair.receiver.bytes.count < Self.content.count)
        pair.world.advance(by: .seconds(2))
        #expect(pair.receiver.bytes == Self.content)
    }
}

@Suite struct RandomTests {
    /// Every size up to the bound comes up, small ones as readily as large ones.
    @Test func sizesCoverTheirRange() {
        var random = Random(seed: 1)
        var seen: Set<Int> = []
        for _ in 0..<2_000 { seen.insert(random.size(upTo: 20)) }
        #expect(seen == Set(1...20))
    }

    @Test func eventsComeInTheOrderOfTheirTimes() {
        var queue = EventQueue()
        var random = Random(seed: 2)
        for _ in 0..<500 {
            let at = Instant(nanoseconds: Int64(random.below(100)))
            queue.add(.fault(.jumpWallClock), at: at)
        }
        var last = Instant(nanoseconds: 0)
        var count = 0
        while let (at, _) = queue.next() {
            #expect(at >= last)
            last = at
            count += 1
        }
        #expect(count == 500)
    }
}
