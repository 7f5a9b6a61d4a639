// Memory for entries: items of one size, a multiple of 8 bytes, packed in pages without a header each.

/// An allocator for items of 1 to 1024 bytes. Not for threads: a slab belongs to one keyspace.
///
/// An item costs its size rounded up to 8 bytes and nothing more; malloc adds 8 to 16. A page holds items of
/// one size, counts those in use, and goes back when the last one leaves. The items never move.
///
///     page, 64 kB   [ header 64 B | item | item | … | item | never used yet ]
///
/// What a caller frees must be what it was given: that is the one thing the slab cannot check, and why these
/// calls are unsafe.
@safe
struct Slab: ~Copyable {
    /// The largest item. At 1024 bytes a page wastes 1.6 % at its end; larger things are malloc's.
    static let largest = 1024
    /// Items begin here, which keeps 64-byte items on cache lines.
    private static let headerSize = 64

    @unsafe
    private struct Header {
        /// The items given back, linked through their first words.
        var freed: UnsafeMutableRawPointer?
        /// Where the part begins that was never handed out.
        var fresh: Int
        var itemSize: Int32
        var live: Int32
        var limit: Int32
        var chunk: Int32
        var next: UnsafeMutablePointer<Header>?
        var previous: UnsafeMutablePointer<Header>?
    }

    private typealias Page = UnsafeMutablePointer<Header>

    private var pages = SlabPages()
    /// For each size in words, the pages that have room, the one in use first.
    private let roomy: UnsafeMutablePointer<UnsafeMutablePointer<Header>?>
    private static let classLimit = largest / 8 + 1
    /// Bytes in items that are in use.
    private(set) var usedBytes = 0

    init() {
        unsafe roomy = .allocate(capacity: Slab.classLimit)
        unsafe roomy.initialize(repeating: nil, count: Slab.classLimit)
    }

    deinit {
        unsafe roomy.deallocate()
    }

    /// Bytes of memory that the slab holds, in use or not.
    var heldBytes: Int { pages.heldBytes }
    var pagesInUse: Int { pages.pagesInUse }

    /// An item with anything in it, at a multiple of 8.
    mutating func allocate(_ byteCount: Int) -> UnsafeMutableRawPointer {
        precondition(byteCount > 0 && byteCount <= Slab.largest, "an item of \(byteCount) bytes")
        let sizeClass = (byteCount &+ 7) >> 3
        let page = unsafe roomy[sizeClass] ?? addPage(sizeClass)
        usedBytes &+= sizeClass &* 8
        unsafe page.pointee.live &+= 1
        let item: UnsafeMutableRawPointer
        if let freed = unsafe page.pointee.freed {
            unsafe item = freed
            unsafe page.pointee.freed = freed.load(as: UnsafeMutableRawPointer?.self)
        } else {
            unsafe item = UnsafeMutableRawPointer(page) + page.pointee.fresh
            unsafe page.pointee.fresh &+= sizeClass &* 8
        }
        if unsafe page.pointee.live == page.pointee.limit { unsafe unlink(page, sizeClass) }
        return unsafe item
    }

    mutating func free(_ item: UnsafeMutableRawPointer) {
        let page = unsafe Slab.page(of: item)
        let itemSize = unsafe Int(page.pointee.itemSize)
        unsafe precondition(page.pointee.live > 0, "an item came back twice")
        if unsafe page.pointee.live == page.pointee.limit { unsafe link(page, itemSize >> 3) }
        unsafe item.storeBytes(of: page.pointee.freed, as: UnsafeMutableRawPointer?.self)
        unsafe page.pointee.freed = unsafe item
        unsafe page.pointee.live &-= 1
        usedBytes &-= itemSize
        if unsafe page.pointee.live == 0 { unsafe removePage(page, itemSize >> 3) }
    }

    /// The size of an item that is in use, unused bytes at its end included.
    func size(at item: UnsafeMutableRawPointer) -> Int {
        unsafe Int(Slab.page(of: item).pointee.itemSize)
    }

    /// Whether an item may stay where it is when its use changes from `old` to `new` bytes: it must fit, and
    /// must not leave more than half of an item above 64 bytes unused.
    func fits(_ new: Int, replacing old: Int, at item: UnsafeMutableRawPointer) -> Bool {
        if (new &+ 7) >> 3 == (old &+ 7) >> 3 { return true }
        let itemSize = unsafe size(at: item)
        return new <= itemSize && (itemSize <= 64 || new &* 2 >= itemSize)
    }

    mutating func releaseSpares() {
        pages.releaseSpares()
    }

    private static func page(of item: UnsafeMutableRawPointer) -> Page {
        let address = UInt(bitPattern: item) & ~UInt(SlabPages.pageSize - 1)
        return unsafe Page(bitPattern: address).unsafelyUnwrapped
    }

    @inline(never)
    private mutating func addPage(_ sizeClass: Int) -> Page {
        let taken = pages.take()
        let page = unsafe Page(bitPattern: taken.address)!
        let limit = (SlabPages.pageSize - Slab.headerSize) / (sizeClass * 8)
        unsafe page.initialize(
            to: unsafe Header(
                freed: nil, fresh: Slab.headerSize, itemSize: Int32(sizeClass * 8), live: 0,
                limit: Int32(limit), chunk: Int32(taken.chunk), next: nil, previous: nil))
        unsafe link(page, sizeClass)
        return unsafe page
    }

    private mutating func removePage(_ page: Page, _ sizeClass: Int) {
        unsafe unlink(page, sizeClass)
        let chunk = unsafe Int(page.pointee.chunk)
        pages.give(SlabPages.Page(address: UInt(bitPattern: page), chunk: chunk))
    }

    private mutating func link(_ page: Page, _ sizeClass: Int) {
        let next = unsafe roomy[sizeClass]
        unsafe page.pointee.next = unsafe next
        unsafe page.pointee.previous = nil
        unsafe next?.pointee.previous = unsafe page
        unsafe roomy[sizeClass] = unsafe page
    }

    private mutating func unlink(_ page: Page, _ sizeClass: Int) {
        let next = unsafe page.pointee.next
        let previous = unsafe page.pointee.previous
        unsafe next?.pointee.previous = unsafe previous
        if let previous = unsafe previous {
            unsafe previous.pointee.next = unsafe next
        } else {
            unsafe roomy[sizeClass] = unsafe next
        }
    }

    /// For tests: every page with room is where it is looked for, and its counts are sound.
    func checkInvariants() {
        unsafe precondition(MemoryLayout<Header>.size <= Slab.headerSize, "the header has grown")
        pages.checkInvariants()
        for sizeClass in 1..<Slab.classLimit {
            var previous: Page? = nil
            var page = unsafe roomy[sizeClass]
            while let current = unsafe page {
                let header = unsafe current.pointee
                unsafe precondition(header.itemSize == sizeClass * 8, "a page of another size")
                unsafe precondition(header.live > 0 && header.live < header.limit, "a page's count")
                unsafe precondition(header.previous == previous, "a page's links")
                unsafe previous = current
                unsafe page = header.next
            }
        }
    }
}
