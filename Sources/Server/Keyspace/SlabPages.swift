// The slab's supply of pages: 64 kB each, cut from chunks of 4 MB that are mapped and unmapped whole.

/// Hands out 64 kB pages at multiples of 64 kB, and gives memory back to the system when they return.
///
/// A mapping per page would meet the kernel's limit of 65,530 mappings at 4 GB, hence chunks; and 64 pages to
/// a chunk make its free pages one word. A page that returns is first kept as a spare, so that a value that
/// comes and goes costs no system call; further ones are discarded, and a chunk without a page in use is
/// unmapped.
@safe
struct SlabPages: ~Copyable {
    static let pageSize = 64 << 10
    static let spareLimit = 16
    private static let pagesPerChunk = 64
    private static let chunkSize = pageSize * pagesPerChunk

    /// A page, and the chunk that it goes back to.
    struct Page {
        let address: UInt
        let chunk: Int
    }

    private struct Chunk {
        /// Zero once it is unmapped; its place in the array then waits for the next chunk.
        var address: UInt
        /// A bit for each page that nobody has: neither handed out nor a spare.
        var free: UInt64
    }

    private var chunks: [Chunk] = []
    private var spares: [Page] = []
    /// No chunk before this one has a free page.
    private var firstWithRoom = 0
    private(set) var pagesInUse = 0

    init() {}

    deinit {
        for chunk in chunks where chunk.address != 0 {
            unsafe SystemPages.unmap(SlabPages.pointer(chunk.address), SlabPages.chunkSize)
        }
    }

    /// Bytes that may be resident: pages in use and spares.
    var heldBytes: Int { (pagesInUse + spares.count) * SlabPages.pageSize }

    /// A page whose first 64 bytes may hold anything.
    mutating func take() -> Page {
        pagesInUse += 1
        if let spare = spares.popLast() { return spare }
        while firstWithRoom < chunks.count, chunks[firstWithRoom].free == 0 {
            firstWithRoom += 1
        }
        if firstWithRoom == chunks.count { addChunk() }
        let chunk = firstWithRoom
        let number = chunks[chunk].free.trailingZeroBitCount
        chunks[chunk].free &= chunks[chunk].free - 1
        let address = chunks[chunk].address + UInt(number * SlabPages.pageSize)
        return Page(address: address, chunk: chunk)
    }

    mutating func give(_ page: Page) {
        precondition(pagesInUse > 0, "a page came back that nobody took")
        pagesInUse -= 1
        if spares.count < SlabPages.spareLimit {
            spares.append(page)
        } else {
            unsafe SystemPages.discard(SlabPages.pointer(page.address), SlabPages.pageSize)
            markFree(page)
        }
    }

    /// Gives the spares back too.
    mutating func releaseSpares() {
        while let page = spares.popLast() {
            unsafe SystemPages.discard(SlabPages.pointer(page.address), SlabPages.pageSize)
            markFree(page)
        }
    }

    private mutating func addChunk() {
        let address = unsafe UInt(bitPattern: SystemPages.mapAligned(SlabPages.chunkSize))
        let chunk = Chunk(address: address, free: .max)
        if let vacant = chunks.firstIndex(where: { $0.address == 0 }) {
            chunks[vacant] = chunk
            firstWithRoom = vacant
        } else {
            chunks.append(chunk)
            firstWithRoom = chunks.count - 1
        }
    }

    private mutating func markFree(_ page: Page) {
        let number = Int(page.address - chunks[page.chunk].address) / SlabPages.pageSize
        let bit = UInt64(1) << UInt64(number)
        precondition(chunks[page.chunk].free & bit == 0, "a page came back twice")
        chunks[page.chunk].free |= bit
        if chunks[page.chunk].free == .max {
            let address = chunks[page.chunk].address
            unsafe SystemPages.unmap(SlabPages.pointer(address), SlabPages.chunkSize)
            chunks[page.chunk] = Chunk(address: 0, free: 0)
        } else {
            firstWithRoom = min(firstWithRoom, page.chunk)
        }
    }

    private static func pointer(_ address: UInt) -> UnsafeMutableRawPointer {
        unsafe UnsafeMutableRawPointer(bitPattern: address)!
    }

    /// For tests: pages counted by the chunks' words equal those counted by hand.
    func checkInvariants() {
        var taken = 0
        for (index, chunk) in chunks.enumerated() where chunk.address != 0 {
            taken += SlabPages.pagesPerChunk - chunk.free.nonzeroBitCount
            precondition(chunk.address % UInt(SlabPages.chunkSize) == 0, "a chunk is not aligned")
            precondition(chunk.free == 0 || index >= firstWithRoom, "a chunk with room is hidden")
        }
        precondition(taken == pagesInUse + spares.count, "\(taken) pages taken")
        precondition(spares.count <= SlabPages.spareLimit, "\(spares.count) spares")
    }
}
