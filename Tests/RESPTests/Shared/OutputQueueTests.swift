// The chain of blocks against an array, with random operations and at every boundary of a block.

import RESP
import TestSupport
import Testing

@Suite struct OutputQueueTests {
    /// Lets a driver take some of what is offered, and compares all that is offered.
    private func drain(_ queue: inout OutputQueue, _ model: inout [UInt8], taking share: Double) {
        queue.drain { pieces in
            var offered: [UInt8] = []
            for index in 0..<pieces.count { offered += copy(pieces[index]) }
            #expect(offered.count == pieces.total)
            #expect(isSame(offered, Array(model.prefix(offered.count))))
            // Everything is offered unless it stands in more blocks than one write is worth.
            #expect(offered.count == model.count || pieces.count == OutputPieces.most)
            let taken = Int(Double(offered.count) * share)
            model.removeFirst(taken)
            return taken
        }
    }

    @Test(arguments: 0..<6) func behavesLikeAnArray(seed: UInt64) {
        var random = SeededRandom(seed: seed)
        let pool = BlockPool(keeps: 3)
        var queue = OutputQueue(pool: pool)
        var model: [UInt8] = []
        for step in 0..<800 {
            switch Int.random(in: 0..<12, using: &random) {
            case 0..<4:
                let block = BlockPool.payload
                let base = [0, 1, 100, block - 1, block, 3 * block]
                    .randomElement(using: &random)!
                let count = base + Int.random(in: 0...1, using: &random)
                let piece = [UInt8](repeating: UInt8(truncatingIfNeeded: step), count: count)
                queue.append(piece.span)
                model += piece
            case 4..<6:
                queue.append(UInt8(truncatingIfNeeded: step))
                model.append(UInt8(truncatingIfNeeded: step))
            case 6:
                queue.append("+OK\r\n")
                model += "+OK\r\n".bytes
            case 7:
                let piece = [UInt8](repeating: 0x61, count: step)
                queue.appendBulk(piece.span)
                model += "$\(step)\r\n".bytes + piece + "\r\n".bytes
            case 11 where step % 5 == 0:
                queue.removeAll()
                model = []
            default:
                drain(&queue, &model, taking: [0, 0.3, 0.9, 1].randomElement(using: &random)!)
            }
            let (count, isEmpty) = (queue.count, queue.isEmpty)
            #expect(count == model.count)
            #expect(isEmpty == model.isEmpty)
            // A queue at rest holds no block.
            if isEmpty { #expect(pool.inUse == 0) }
        }
        #expect(isSame(contents(&queue), model))
        #expect(pool.inUse == 0)
    }

    /// Fill a block to each of the places around its end, append pieces of each small size, and take them back with
    /// the cut at each place.
    @Test func crossesEveryBoundary() {
        let pool = BlockPool(keeps: 4)
        for room in 0...4 {
            for length in 0...6 {
                for cut in 0...(room + length) {
                    var queue = OutputQueue(pool: pool)
                    let front = [UInt8](repeating: 0x2E, count: BlockPool.payload - room)
                    let piece = (0..<length).map { UInt8($0) }
                    queue.append(front.span)
                    queue.append(piece.span)
                    var model = front + piece
                    queue.drain { pieces in
                        let taken = min(front.count - room + cut, pieces.total)
                        model.removeFirst(taken)
                        return taken
                    }
                    queue.append(0x21)
                    #expect(isSame(contents(&queue), model + [0x21]))
                }
            }
        }
        #expect(pool.inUse == 0)
    }

    /// A burst beyond the sixteen pieces of one write goes out in order over several.
    @Test func offersAFewBlocksAtATime() {
        let pool = BlockPool(keeps: 2)
        var queue = OutputQueue(pool: pool)
        var model: [UInt8] = []
        for number in 0..<(40 * BlockPool.payload) {
            model.append(UInt8(truncatingIfNeeded: number / 7))
        }
        for start in stride(from: 0, to: model.count, by: 10_000) {
            queue.append(Array(model[start..<min(start + 10_000, model.count)]).span)
        }
        var writes = 0
        while !queue.isEmpty {
            drain(&queue, &model, taking: 1)
            writes += 1
        }
        #expect(model.isEmpty)
        #expect(writes == 3)
        #expect(pool.inUse == 0)
    }

    /// What a queue holds goes back to the pool with it.
    @Test func returnsItsBlocks() {
        let pool = BlockPool()
        do {
            var queue = OutputQueue(pool: pool)
            queue.append([UInt8](repeating: 1, count: 100_000).span)
            #expect(pool.inUse >= 100_000)
            let count = queue.count
            #expect(count == 100_000)
        }
        #expect(pool.inUse == 0)
    }

    @Test func refusesADriverThatTakesTooMuch() async {
        await #expect(processExitsWith: .failure) {
            var queue = OutputQueue(pool: BlockPool())
            queue.append(1)
            queue.drain { $0.total + 1 }
        }
    }
}
