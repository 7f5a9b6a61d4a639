// The queue that keeps what it sent, against an array: random operations, and every small case at a block's end.

import RESP
import TestSupport
import Testing

@Suite struct RetainedQueueTests {
    /// All bytes ever appended, and how far they were taken and released.
    private struct Model {
        var bytes: [UInt8] = []
        var sent = 0
        var released = 0

        var unsent: [UInt8] { Array(bytes[sent...]) }
    }

    /// Lets a driver take `share` of what is offered, and compares what is offered.
    private func drain(_ queue: inout RetainedQueue, _ model: inout Model, taking share: Double) {
        drain(&queue, &model) { Int(Double($0) * share) }
    }

    private func drain(
        _ queue: inout RetainedQueue, _ model: inout Model, taking: (Int) -> Int
    ) {
        let retains = queue.retains
        queue.drain { pieces in
            var offered: [UInt8] = []
            for index in 0..<pieces.count { offered += copy(pieces[index]) }
            #expect(offered.count == pieces.total)
            #expect(pieces.total > 0)
            #expect(isSame(offered, Array(model.unsent.prefix(offered.count))))
            // Everything is offered unless it stands in more blocks than one write is worth.
            #expect(offered.count == model.unsent.count || pieces.count == OutputPieces.most)
            let taken = taking(offered.count)
            model.sent += taken
            return taken
        }
        if !retains { model.released = model.sent }
    }

    private func expectSame(
        _ queue: borrowing RetainedQueue, _ model: Model, _ pool: BlockPool,
        at location: SourceLocation = #_sourceLocation
    ) {
        let (end, sent, released) = (queue.end, queue.sent, queue.released)
        #expect(end == model.bytes.count, sourceLocation: location)
        #expect(sent == model.sent, sourceLocation: location)
        #expect(released == model.released, sourceLocation: location)
        let (unsent, held, isEmpty) = (queue.unsent, queue.held, queue.isEmpty)
        #expect(unsent == end - sent, sourceLocation: location)
        #expect(held == end - released, sourceLocation: location)
        #expect(isEmpty == (unsent == 0), sourceLocation: location)
        // A connection at rest holds no block.
        if held == 0 { #expect(pool.inUse == 0, sourceLocation: location) }
    }

    private func bytes(_ queue: borrowing RetainedQueue, from start: Int, to end: Int) -> [UInt8] {
        var buffer = ByteBuffer()
        queue.copy(from: start, to: end, into: &buffer)
        return copy(buffer.bytes)
    }

    @Test(arguments: 0..<8) func behavesLikeAnArray(seed: UInt64) {
        var random = SeededRandom(seed: seed)
        let pool = BlockPool(keeps: 3)
        var queue = RetainedQueue(pool: pool)
        var model = Model()
        for step in 0..<600 {
            switch Int.random(in: 0..<16, using: &random) {
            case 0..<4:
                let block = BlockPool.payload
                let base = [0, 1, 100, block - 1, block, 3 * block, 20 * block]
                    .randomElement(using: &random)!
                let count = base + Int.random(in: 0...1, using: &random)
                let piece = [UInt8](repeating: UInt8(truncatingIfNeeded: step), count: count)
                queue.append(piece.span)
                model.bytes += piece
            case 4:
                queue.append(UInt8(truncatingIfNeeded: step))
                model.bytes.append(UInt8(truncatingIfNeeded: step))
            case 5:
                let piece = [UInt8](repeating: 0x61, count: step)
                queue.appendArrayHeader(step)
                queue.appendBulk(piece.span)
                queue.appendBulk("GET")
                queue.appendBulk(-step)
                queue.append("\r\n")
                let number = "\(-step)".bytes
                model.bytes += "*\(step)\r\n$\(step)\r\n".bytes + piece + "\r\n$3\r\nGET\r\n".bytes
                model.bytes += "$\(number.count)\r\n".bytes + number + "\r\n\r\n".bytes
            case 6..<9:
                let choices = [model.released, model.sent, model.sent - 1, model.sent / 2]
                let position =
                    Bool.random(using: &random)
                    ? choices.randomElement(using: &random)!
                    : Int.random(in: 0...model.sent, using: &random)
                queue.release(upTo: position)
                model.released = max(model.released, position)
            case 9 where step % 5 == 0:
                queue.removeAll()
                model = Model()
            case 10 where step % 3 == 0:
                queue.retains.toggle()
                if !queue.retains { model.released = model.sent }
            case 11:
                let start = Int.random(in: model.released...model.bytes.count, using: &random)
                let end = Int.random(in: start...model.bytes.count, using: &random)
                #expect(
                    isSame(bytes(queue, from: start, to: end), Array(model.bytes[start..<end])))
            default:
                drain(&queue, &model, taking: [0, 0.3, 0.9, 1].randomElement(using: &random)!)
            }
            expectSame(queue, model, pool)
        }
        while !queue.isEmpty { drain(&queue, &model, taking: 1) }
        let held = bytes(queue, from: model.released, to: model.bytes.count)
        #expect(isSame(held, Array(model.bytes[model.released...])))
        queue.release(upTo: queue.sent)
        model.released = model.sent
        expectSame(queue, model, pool)
        #expect(pool.inUse == 0)
    }

    /// Fill a block to each of the places around its end, append pieces of each small size, take them with the cut at
    /// each place, release up to each place, and append again.
    @Test(arguments: [true, false]) func crossesEveryBoundary(retains: Bool) {
        let pool = BlockPool(keeps: 4)
        for room in 0...3 {
            for length in 0...4 {
                for cut in 0...(room + length) {
                    for freed in 0...cut {
                        cross(pool, room: room, length: length, cut, freed, retains: retains)
                    }
                }
            }
        }
        #expect(pool.inUse == 0)
    }

    private func cross(
        _ pool: BlockPool, room: Int, length: Int, _ cut: Int, _ freed: Int, retains: Bool
    ) {
        var queue = RetainedQueue(pool: pool)
        queue.retains = retains
        let front = [UInt8](repeating: 0x2E, count: BlockPool.payload - room)
        let piece = (0..<length).map { UInt8($0) }
        queue.append(front.span)
        queue.append(piece.span)
        var model = Model(bytes: front + piece)
        let start = front.count - room
        drain(&queue, &model) { min(start + cut, $0) }
        queue.release(upTo: min(start + freed, model.sent))
        model.released = retains ? min(start + freed, model.sent) : model.sent
        expectSame(queue, model, pool)
        queue.append(0x21)
        model.bytes.append(0x21)
        #expect(
            isSame(
                bytes(queue, from: model.released, to: model.bytes.count),
                Array(model.bytes[model.released...])))
        for position in model.released...model.bytes.count {
            let rest = bytes(queue, from: position, to: model.bytes.count)
            #expect(isSame(rest, Array(model.bytes[position...])))
        }
        while !queue.isEmpty { drain(&queue, &model, taking: 1) }
        queue.release(upTo: queue.sent)
        model.released = model.sent
        expectSame(queue, model, pool)
    }

    /// Whole blocks go back as soon as all of their bytes are released, though later ones are held.
    @Test func freesWholeBlocks() {
        let pool = BlockPool()
        var queue = RetainedQueue(pool: pool)
        for _ in 0..<5 {
            queue.append([UInt8](repeating: 1, count: BlockPool.payload).span)
        }
        queue.drain { $0.total }
        #expect(pool.inUse == 5 * BlockPool.payload)
        for blocks in 1...5 {
            queue.release(upTo: blocks * BlockPool.payload - 1)
            #expect(pool.inUse == (6 - blocks) * BlockPool.payload)
            queue.release(upTo: blocks * BlockPool.payload)
            #expect(pool.inUse == (5 - blocks) * BlockPool.payload)
        }
    }

    /// What a queue holds goes back to the pool with it, sent or not.
    @Test func returnsItsBlocks() {
        let pool = BlockPool()
        do {
            var queue = RetainedQueue(pool: pool)
            queue.append([UInt8](repeating: 1, count: 100_000).span)
            queue.drain { $0.total / 2 }
            let held = queue.held
            #expect(held == 100_000)
            #expect(pool.inUse >= 100_000)
        }
        #expect(pool.inUse == 0)
    }

    @Test func refusesADriverThatTakesTooMuch() async {
        await #expect(processExitsWith: .failure) {
            var queue = RetainedQueue(pool: BlockPool())
            queue.append(1)
            queue.drain { $0.total + 1 }
        }
    }

    @Test func refusesToReleaseWhatWasNotSent() async {
        await #expect(processExitsWith: .failure) {
            var queue = RetainedQueue(pool: BlockPool())
            queue.append("abc")
            queue.drain { _ in 2 }
            queue.release(upTo: 3)
        }
    }

    @Test func refusesToLendWhatWasReleased() async {
        await #expect(processExitsWith: .failure) {
            var queue = RetainedQueue(pool: BlockPool())
            queue.append("abc")
            queue.drain { _ in 2 }
            queue.release(upTo: 2)
            queue.withBytes(from: 1, to: 3) { _ in }
        }
    }
}
