// The slab by itself: items keep their bytes, pages come and go.

import TestSupport
import Testing

@testable import Server

struct SlabTests {
    struct Item {
        let start: UnsafeMutableRawPointer
        let count: Int
        let mark: UInt8

        /// Neighbours and the list of freed items would be seen at the ends.
        func isIntact() -> Bool {
            let bytes = UnsafeRawBufferPointer(start: start, count: count)
            return bytes.prefix(8).allSatisfy { $0 == mark }
                && bytes.suffix(8).allSatisfy { $0 == mark }
        }
    }

    /// Items of all sizes come and go at random; none ever touches another.
    @Test(arguments: 1...4 as ClosedRange<UInt64>)
    func itemsKeepTheirBytes(seed: UInt64) {
        var random = SeededRandom(seed: seed)
        var slab = Slab()
        var items: [Item] = []
        var used = 0
        for step in 0..<40_000 {
            let isRising = step / 5000 % 2 == 0
            if Int.random(in: 0..<10, using: &random) < (isRising ? 7 : 3) {
                let count = Int.random(in: 1...Slab.largest, using: &random)
                let start = slab.allocate(count)
                let mark = UInt8(truncatingIfNeeded: step)
                start.initializeMemory(as: UInt8.self, repeating: mark, count: count)
                #expect(UInt(bitPattern: start) % 8 == 0)
                #expect(slab.size(at: start) == (count + 7) / 8 * 8)
                items.append(Item(start: start, count: count, mark: mark))
                used += (count + 7) / 8 * 8
            } else if !items.isEmpty {
                let index = Int.random(in: 0..<items.count, using: &random)
                items.swapAt(index, items.count - 1)
                let item = items.removeLast()
                #expect(item.isIntact())
                slab.free(item.start)
                used -= (item.count + 7) / 8 * 8
            }
            #expect(slab.usedBytes == used)
            if step % 500 == 0 { slab.checkInvariants() }
        }
        for item in items {
            #expect(item.isIntact())
            slab.free(item.start)
        }
        slab.checkInvariants()
        #expect(slab.usedBytes == 0 && slab.pagesInUse == 0)
        #expect(slab.heldBytes <= SlabPages.spareLimit * SlabPages.pageSize)
        slab.releaseSpares()
        slab.checkInvariants()
        #expect(slab.heldBytes == 0)
    }

    /// A page goes back as soon as it is empty, and not before; what it held is used again.
    @Test func emptyPagesGoBack() {
        var slab = Slab()
        let perPage = (SlabPages.pageSize - 64) / 32
        var items = (0..<(100 * perPage)).map { _ in slab.allocate(32) }
        #expect(slab.pagesInUse == 100)
        let last = items.removeLast()
        for item in items[perPage...] { slab.free(item) }
        #expect(slab.pagesInUse == 2)
        #expect(slab.heldBytes == (2 + SlabPages.spareLimit) * SlabPages.pageSize)
        slab.free(last)
        #expect(slab.pagesInUse == 1)
        items = Array(items[..<perPage])
        for _ in 0..<(99 * perPage) { items.append(slab.allocate(32)) }
        #expect(slab.pagesInUse == 100)
        #expect(Set(items).count == 100 * perPage)
        slab.checkInvariants()
    }

    /// Pages that return to the system are taken again before a further chunk is mapped.
    @Test func chunksAreFilledFromTheFirst() {
        var pages = SlabPages()
        var taken = (0..<200).map { _ in pages.take() }
        let addresses = Set(taken.map(\.address))
        #expect(addresses.count == 200)
        #expect(addresses.allSatisfy { $0 % UInt(SlabPages.pageSize) == 0 })
        for page in taken[..<100] { pages.give(page) }
        pages.checkInvariants()
        taken = Array(taken[100...]) + (0..<100).map { _ in pages.take() }
        #expect(taken.map(\.chunk).max() == 3)
        pages.checkInvariants()
        for page in taken { pages.give(page) }
        pages.releaseSpares()
        pages.checkInvariants()
        #expect(pages.heldBytes == 0)
    }

    /// Writing in place is for what fits and leaves no more than half of a larger item unused.
    @Test(arguments: [
        (8, 8, true), (1, 8, true), (8, 9, false), (64, 1, true), (72, 36, true), (72, 35, false),
        (1024, 1024, true), (1024, 512, true), (1024, 511, false), (1016, 1024, false),
    ])
    func knowsWhatFits(old: Int, new: Int, fits: Bool) {
        var slab = Slab()
        let item = slab.allocate(old)
        #expect(slab.fits(new, replacing: old, at: item) == fits)
    }
}
