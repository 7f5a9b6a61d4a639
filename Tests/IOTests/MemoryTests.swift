// What a burst has left is given back to the system, even where a small object keeps it from the heap's end.

import Foundation
import Glibc
import RESP
import Testing

@testable import IO

@Suite struct MemoryTests {
    /// Frees 64 MB in pieces that the heap holds, all but the last: without help all of it would stay resident. In a
    /// process of its own, since other tests allocate.
    @Test func freedMemoryGoesBack() async {
        await #expect(processExitsWith: .success) {
            var keeper = MemoryKeeper()
            var now = Instant(nanoseconds: 1)
            keeper.look(at: now)
            var pieces: [UnsafeMutableRawPointer] = []
            for _ in 0..<4096 {
                let piece = UnsafeMutableRawPointer.allocate(byteCount: 16_384, alignment: 16)
                piece.initializeMemory(as: UInt8.self, repeating: 1, count: 16_384)
                pieces.append(piece)
            }
            now = now + MemoryKeeper.interval
            keeper.look(at: now)
            let most = residentBytes()
            let last = pieces.removeLast()
            for piece in pieces { piece.deallocate() }
            // Too early for another look.
            keeper.look(at: now)
            precondition(residentBytes() > most - 1_000_000, "given back without help")
            now = now + MemoryKeeper.interval
            keeper.look(at: now)
            precondition(residentBytes() < most - 60_000_000, "not given back")
            last.deallocate()
        }
    }
}

/// What this process has in memory.
private func residentBytes() -> Int {
    let text = try? String(contentsOfFile: "/proc/self/statm", encoding: .utf8)
    guard let pages = text?.split(separator: " ")[1], let count = Int(pages) else { return 0 }
    return count * 4096
}
