// The byte buffer against an array, with random operations.

import RESP
import TestSupport
import Testing

@Suite struct ByteBufferTests {
    @Test(arguments: 0..<10) func behavesLikeAnArray(seed: UInt64) {
        var random = SeededRandom(seed: seed)
        var buffer = ByteBuffer()
        var model: [UInt8] = []
        for step in 0..<2_000 {
            switch Int.random(in: 0..<20, using: &random) {
            case 0..<6:
                // Sizes around the first allocation and its doublings.
                let base = [0, 1, 16, 511, 512, 1024].randomElement(using: &random)!
                let count = base + Int.random(in: 0...2, using: &random)
                let piece = (0..<count).map { UInt8(truncatingIfNeeded: step &+ $0) }
                buffer.append(piece.span)
                model += piece
            case 6..<10:
                buffer.append(UInt8(truncatingIfNeeded: step))
                model.append(UInt8(truncatingIfNeeded: step))
            case 10..<17:
                let count = Int.random(in: 0...model.count, using: &random)
                buffer.removeFirst(count)
                model.removeFirst(count)
            case 17: buffer.reserve(Int.random(in: 0...5_000, using: &random))
            case 18:
                buffer.removeAll()
                model = []
            default:
                if step % 10 == 0 {
                    buffer.release()
                    model = []
                    let allocated = buffer.allocated
                    #expect(allocated == 0)
                }
            }
            let (count, isEmpty, allocated) = (buffer.count, buffer.isEmpty, buffer.allocated)
            #expect(count == model.count)
            #expect(isEmpty == model.isEmpty)
            #expect(allocated >= model.count)
            #expect(isSame(copy(buffer.bytes), model))
        }
    }

    /// A queue of constant length does not grow however much passes through it.
    @Test func staysSmallWhenDrained() {
        var buffer = ByteBuffer()
        for _ in 0..<10_000 {
            buffer.append([1, 2, 3, 4, 5].span)
            if buffer.count > 100 { buffer.removeFirst(50) }
        }
        let allocated = buffer.allocated
        #expect(allocated == 512)
    }

    @Test func refusesToRemoveMoreThanThereIs() async {
        await #expect(processExitsWith: .failure) {
            var buffer = ByteBuffer()
            buffer.append(1)
            buffer.removeFirst(2)
        }
    }
}
