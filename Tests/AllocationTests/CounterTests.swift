// The counter itself: every other test here believes it.

import AllocationCounter
import Glibc
import Testing

@Suite struct CounterTests {
    /// Ways of asking for memory, each with a way that the optimiser cannot see through.
    static let ways: [(name: String, ask: @Sendable () -> UnsafeMutableRawPointer?)] = [
        ("malloc", { malloc(64) }),
        ("calloc", { calloc(4, 16) }),
        ("realloc", { realloc(nil, 64) }),
        ("aligned_alloc", { aligned_alloc(64, 128) }),
        (
            "posix_memalign",
            {
                var memory: UnsafeMutableRawPointer?
                return posix_memalign(&memory, 64, 128) == 0 ? memory : nil
            }
        ),
        ("a Swift pointer", { UnsafeMutableRawPointer.allocate(byteCount: 64, alignment: 16) }),
        (
            "a Swift pointer with a large alignment",
            { UnsafeMutableRawPointer.allocate(byteCount: 64, alignment: 256) }
        ),
    ]

    @Test(arguments: ways.indices)
    func countsTenAllocationsAsTen(_ index: Int) {
        let way = CounterTests.ways[index]
        let counted = allocations {
            for _ in 0..<10 { free(way.ask()) }
        }
        #expect(counted == 10, "\(way.name)")
    }

    /// Ten copies of an array, each a buffer of its own.
    @Test func countsCopiesOfArrays() {
        var copies: [[UInt8]] = []
        copies.reserveCapacity(10)
        let original = [UInt8](repeating: 1, count: 64)
        let counted = allocations {
            for byte in 0..<10 {
                var copy = original
                copy[0] = UInt8(byte)
                copies.append(copy)
            }
        }
        #expect(counted == 10)
        #expect(copies.count == 10)
    }

    @Test func countsNothingForNothing() {
        var sum = 0
        let counted = allocations {
            for number in 0..<10 { sum &+= number }
        }
        #expect(counted == 0)
        #expect(sum == 45)
    }

    /// What other threads ask for must not be taken for ours: tests run side by side.
    @Test func countsThisThreadAlone() {
        let counted = allocations {
            var thread = pthread_t()
            let body: @convention(c) (UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? = { _ in
                for _ in 0..<1_000 { free(malloc(64)) }
                return nil
            }
            #expect(pthread_create(&thread, nil, body, nil) == 0)
            pthread_join(thread, nil)
        }
        #expect(counted < 100, "starting a thread takes a few, its thousand are its own")
    }

    @Test func steadyStateSkipsTheWarmUp() {
        var turns = 0
        let counted = allocationsInSteadyState {
            turns += 1
            if turns == 50 { free(malloc(64)) }
        }
        #expect(counted == 0)
        #expect(turns == 200)
    }
}
