// The fences of keys: marked before a write leaves, resolved after it has run, and never less than the truth.

import RESP
import Synchronization
import Testing

@testable import Proxy

@Suite struct FenceTableTests {
    private func mark(_ number: UInt64) -> Watermark { Watermark(number: number) }

    private func slot(_ key: String) -> FenceTable.Slot {
        FenceTable.slot(of: Array(key.utf8).span)
    }

    @Test func markAndResolve() {
        let table = FenceTable()
        let key = slot("k")
        #expect(table.fence(of: key) == .behind(.none))
        #expect(table.mark(key) == key)
        #expect(table.fence(of: key) == .pending)
        table.resolve(key, behind: mark(7))
        #expect(table.fence(of: key) == .behind(mark(7)))
        #expect(table.fence(of: slot("other")) == .behind(.none))
    }

    /// One of two writes is resolved, perhaps by another worker: the key is pending still, and keeps the later
    /// watermark whichever comes first (trap A4).
    @Test(arguments: [[3, 5], [5, 3]] as [[UInt64]]) func trapA4_twoWrites(_ order: [UInt64]) {
        let table = FenceTable()
        let key = slot("k")
        _ = table.mark(key)
        _ = table.mark(key)
        table.resolve(key, behind: mark(order[0]))
        #expect(table.fence(of: key) == .pending)
        table.resolve(key, behind: mark(order[1]))
        #expect(table.fence(of: key) == .behind(mark(5)))
    }

    /// A write to unknown keys fences every key.
    @Test func everything() {
        let table = FenceTable()
        let key = slot("k")
        _ = table.mark(.everything)
        #expect(table.fence(of: key) == .pending)
        #expect(table.fence(of: .everything) == .pending)
        table.resolve(.everything, behind: mark(4))
        #expect(table.fence(of: key) == .behind(mark(4)))
        _ = table.mark(key)
        table.resolve(key, behind: mark(2))
        #expect(table.fence(of: key) == .behind(mark(4)))
        #expect(table.fence(of: .everything) == .behind(mark(4)))
    }

    /// A slot that cannot count one more write counts them for all keys.
    @Test func saturation() {
        let table = FenceTable()
        let key = slot("k")
        let most = 1 << 20 - 1
        for _ in 0..<most - 1 { _ = table.mark(key) }
        #expect(table.mark(key) == key)
        #expect(table.mark(key) == .everything)
        #expect(table.fence(of: slot("other")) == .pending)
        table.resolve(.everything, behind: mark(1))
        #expect(table.fence(of: slot("other")) == .behind(mark(1)))
        #expect(table.fence(of: key) == .pending)
        for _ in 0..<most { table.resolve(key, behind: mark(2)) }
        #expect(table.fence(of: key) == .behind(mark(2)))
    }

    /// Keys of any length spread over the table.
    @Test func spread() {
        var seen: Set<UInt32> = []
        for number in 0..<10_000 { seen.insert(slot("user:\(number)").index) }
        #expect(seen.count > 9_000)
        #expect(slot("").index != slot("a").index)
        #expect(slot("12345678").index != slot("12345678\0").index)
        #expect(slot("ab").index != slot("ba").index)
    }

    /// Workers mark and resolve the same slot at once; nothing is lost.
    @Test func trapA4_concurrently() async {
        let table = FenceTable()
        let key = slot("k")
        await withTaskGroup(of: Void.self) { group in
            for worker in 0..<4 {
                group.addTask {
                    for step in 0..<20_000 {
                        let marked = table.mark(step % 7 == 0 ? .everything : key)
                        if table.fence(of: key) != .pending { Issue.record("not pending") }
                        table.resolve(marked, behind: Watermark(number: UInt64(step * 4 + worker)))
                    }
                }
            }
        }
        #expect(table.fence(of: key) == .behind(mark(19_999 * 4 + 3)))
    }
}
