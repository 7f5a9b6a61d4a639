// The table that finds an entry by its key: buckets of one cache line, grown and shrunk one bucket at a time.

/// A hash table of entries that belong to a keyspace.
///
///     hash ─▶ bucket number ─▶ segment ─▶ bucket (64 B) ─▶ entry
///                                           └─▶ further bucket, when it is full
///
/// It grows by linear hashing. With a base of N buckets (a power of two) and `split` of them split, buckets
/// 0 ..< split have handed half of their entries to buckets N ..< N + split; a hash is looked up by one bit
/// more there. So there is only one table at any time, a lookup reads one bucket also in the middle of growing,
/// and nothing is ever copied from an old table to a new one. Buckets live in segments that double in size:
/// they never move either.
///
/// Above six entries to a base bucket each insertion splits two buckets, so that N insertions at most, and N/2
/// as a rule, double the table; it then holds about three to a bucket. Below two to a bucket each removal
/// merges two. Between the two a table that goes up and down does not move at all.
@safe
struct HashTable: ~Copyable {
    /// One page of the system's: the least that a table with an entry takes.
    static let fewestBuckets = 64
    static let growAbove = 6
    static let shrinkBelow = 2
    private static let bucketsPerStep = 2
    /// The memory of this many buckets at the end is given back at once while the table shrinks.
    private static let discardedTogether = 1024

    /// Where a bucket number of a segment times 64 is added to; zero for a segment that is not mapped.
    /// Segment 0 has 64 buckets, segment 1 the next 64, each one after that as many as all before it.
    ///
    /// Not an InlineArray: the compiler copies all of one to the stack at each lookup (2.5 ns of 21).
    private let segments: UnsafeMutablePointer<UInt>
    private static let segmentLimit = 40
    /// The base, less one.
    private(set) var mask = HashTable.fewestBuckets - 1
    /// How many buckets of the base are split.
    private(set) var split = 0
    private(set) var count = 0
    /// Buckets beyond the first of their chain.
    private(set) var furtherBuckets = 0
    let hasher: KeyHasher

    init(hasher: KeyHasher) {
        self.hasher = hasher
        unsafe segments = .allocate(capacity: HashTable.segmentLimit)
        unsafe segments.initialize(repeating: 0, count: HashTable.segmentLimit)
    }

    deinit {
        for segment in 0..<HashTable.segmentLimit where unsafe segments[segment] != 0 {
            let first = HashTable.firstBucket(segment)
            unsafe SystemPages.unmap(
                bucket(first), HashTable.bucketCount(segment) * MemoryLayout<Bucket>.size)
        }
        unsafe segments.deallocate()
    }

    var bucketCount: Int { mask + 1 + split }

    /// Bytes that the buckets take, without those of the slab.
    var usedBytes: Int { isMapped ? bucketCount * MemoryLayout<Bucket>.size : 0 }

    var isMapped: Bool { unsafe segments[0] != 0 }

    // MARK: Looking up

    /// Where an entry stands in the table.
    struct Position {
        /// The first bucket of the chain, and the one in it.
        let head: UInt
        let bucket: UInt
        let index: Int
    }

    func find(_ key: UnsafeRawBufferPointer, hash: UInt64) -> Position? {
        guard count > 0 else { return nil }
        let head = unsafe bucket(number(of: hash))
        let tag = Bucket.tag(of: hash)
        var current = unsafe head
        while true {
            var matches = unsafe current.pointee.matches(tag)
            while matches != 0 {
                let index = matches.trailingZeroBitCount >> 3
                if unsafe Entry(current.pointee[index]).hasKey(key) {
                    return Position(
                        head: UInt(bitPattern: head), bucket: UInt(bitPattern: current),
                        index: index)
                }
                matches &= matches &- 1
            }
            guard let next = unsafe current.pointee.next else { return nil }
            unsafe current = HashTable.bucket(at: next)
        }
    }

    func slot(at position: Position) -> Slot {
        unsafe HashTable.bucket(at: position.bucket).pointee[position.index]
    }

    /// The number of the bucket that a hash belongs in.
    func number(of hash: UInt64) -> Int {
        let bits = Int(truncatingIfNeeded: hash)
        let number = bits & mask
        return number < split ? bits & (mask << 1 | 1) : number
    }

    // MARK: Changing

    /// Adds an entry whose key is not there yet.
    mutating func insert(address: UInt, hash: UInt64, slab: inout Slab) {
        if !isMapped { mapSegment(0) }
        let head = unsafe bucket(number(of: hash))
        let slot = Slot(address: address, hash: hash)
        unsafe append(slot, tag: Bucket.tag(of: hash), to: head, slab: &slab)
        count += 1
        grow(slab: &slab)
    }

    /// Puts the entry with the same key at another address.
    mutating func move(_ position: Position, to address: UInt) {
        let bucket = unsafe HashTable.bucket(at: position.bucket)
        let slot = unsafe bucket.pointee[position.index].moved(to: address)
        unsafe bucket.pointee.replace(
            position.index, with: slot, tag: bucket.pointee.tag(position.index))
    }

    /// Takes an entry out. The last entry of the chain fills its place.
    mutating func remove(_ position: Position, slab: inout Slab) {
        let bucket = unsafe HashTable.bucket(at: position.bucket)
        var before: UnsafeMutablePointer<Bucket>? = nil
        var last = unsafe HashTable.bucket(at: position.head)
        while let next = unsafe last.pointee.next {
            unsafe before = unsafe last
            unsafe last = HashTable.bucket(at: next)
        }
        let moved = unsafe last.pointee.removeLast()
        if unsafe bucket != last || position.index < last.pointee.count {
            unsafe bucket.pointee.replace(position.index, with: moved.slot, tag: moved.tag)
        }
        if let before = unsafe before, unsafe last.pointee.count == 1 {
            let only = unsafe last.pointee.removeLast()
            unsafe before.pointee.unlink()
            unsafe before.pointee.append(only.slot, tag: only.tag)
            unsafe freeBucket(last, slab: &slab)
        }
        count -= 1
        shrink(slab: &slab)
    }

    private mutating func append(
        _ slot: Slot, tag: UInt8, to head: UnsafeMutablePointer<Bucket>, slab: inout Slab
    ) {
        var last = unsafe head
        while let next = unsafe last.pointee.next { unsafe last = HashTable.bucket(at: next) }
        if unsafe last.pointee.count < Bucket.capacity {
            unsafe last.pointee.append(slot, tag: tag)
            return
        }
        let pushed = unsafe last.pointee.removeLast()
        let further = unsafe slab.allocate(MemoryLayout<Bucket>.size)
            .bindMemory(to: Bucket.self, capacity: 1)
        unsafe further.initialize(to: Bucket())
        unsafe further.pointee.append(pushed.slot, tag: pushed.tag)
        unsafe further.pointee.append(slot, tag: tag)
        unsafe last.pointee.link(UInt(bitPattern: further))
        furtherBuckets += 1
    }

    private mutating func freeBucket(_ bucket: UnsafeMutablePointer<Bucket>, slab: inout Slab) {
        unsafe slab.free(bucket)
        furtherBuckets -= 1
    }

    // MARK: Growing and shrinking

    private mutating func grow(slab: inout Slab) {
        var steps = HashTable.bucketsPerStep
        while count > HashTable.growAbove * (mask + 1), steps > 0 {
            splitNext(slab: &slab)
            steps -= 1
        }
    }

    private mutating func shrink(slab: inout Slab) {
        var steps = HashTable.bucketsPerStep
        while count < HashTable.shrinkBelow * bucketCount, steps > 0,
            bucketCount > HashTable.fewestBuckets
        {
            mergeLast(slab: &slab)
            steps -= 1
        }
    }

    /// Splits the first bucket of the base that is whole.
    @inline(never)
    private mutating func splitNext(slab: inout Slab) {
        let base = mask + 1
        let segment = HashTable.segment(of: base)
        if split == 0, unsafe segments[segment] == 0 { mapSegment(segment) }

        let low = unsafe bucket(split)
        let high = unsafe bucket(split + base)
        var piece = unsafe low.pointee
        unsafe low.pointee = Bucket()
        unsafe high.pointee = Bucket()
        let position = base.trailingZeroBitCount
        while true {
            for index in 0..<piece.count {
                let half = unsafe isHigh(piece[index], position) ? high : low
                unsafe append(piece[index], tag: piece.tag(index), to: half, slab: &slab)
            }
            guard let next = piece.next else { break }
            let further = unsafe HashTable.bucket(at: next)
            piece = unsafe further.pointee
            unsafe freeBucket(further, slab: &slab)
        }
        split += 1
        if split == base {
            mask = mask << 1 | 1
            split = 0
        }
    }

    /// The bit of an entry's hash that decides a split. Small tables and vast ones hash the key again.
    private func isHigh(_ slot: Slot, _ position: Int) -> Bool {
        if Slot.hashBits.contains(position) { return slot.hashBit(position) }
        return unsafe hasher.hash(Entry(slot).key) >> UInt64(position) & 1 == 1
    }

    /// Merges the last bucket into the one that it was split from.
    @inline(never)
    private mutating func mergeLast(slab: inout Slab) {
        if split == 0 {
            mask >>= 1
            split = mask + 1
        }
        split -= 1
        let number = split + mask + 1
        let low = unsafe bucket(split)
        let high = unsafe bucket(number)
        var piece = unsafe high.pointee
        unsafe high.pointee = Bucket()
        while true {
            for index in 0..<piece.count {
                unsafe append(piece[index], tag: piece.tag(index), to: low, slab: &slab)
            }
            guard let next = piece.next else { break }
            let further = unsafe HashTable.bucket(at: next)
            piece = unsafe further.pointee
            unsafe freeBucket(further, slab: &slab)
        }
        if split == 0 {
            unmapSegment(HashTable.segment(of: number))
        } else if number % HashTable.discardedTogether == 0 {
            unsafe SystemPages.discard(
                high, HashTable.discardedTogether * MemoryLayout<Bucket>.size)
        }
    }

    // MARK: Where buckets are

    private static func segment(of number: Int) -> Int {
        Int.bitWidth &- (number >> 6).leadingZeroBitCount
    }

    private static func firstBucket(_ segment: Int) -> Int {
        segment == 0 ? 0 : fewestBuckets << (segment - 1)
    }

    private static func bucketCount(_ segment: Int) -> Int {
        segment == 0 ? fewestBuckets : firstBucket(segment)
    }

    func bucket(_ number: Int) -> UnsafeMutablePointer<Bucket> {
        assert(number >= 0 && number < bucketCount + 1, "bucket \(number) of \(bucketCount)")
        let start = unsafe segments[HashTable.segment(of: number)]
        return unsafe HashTable.bucket(
            at: start &+ UInt(truncatingIfNeeded: number) &* UInt(MemoryLayout<Bucket>.size))
    }

    static func bucket(at address: UInt) -> UnsafeMutablePointer<Bucket> {
        unsafe UnsafeMutablePointer(bitPattern: address).unsafelyUnwrapped
    }

    private func mapSegment(_ segment: Int) {
        precondition(segment < HashTable.segmentLimit, "no segment \(segment)")
        unsafe precondition(segments[segment] == 0, "segment \(segment) is mapped already")
        let size = MemoryLayout<Bucket>.size
        let start = unsafe SystemPages.map(HashTable.bucketCount(segment) * size)
        let before = UInt(HashTable.firstBucket(segment) * size)
        unsafe segments[segment] = UInt(bitPattern: start) &- before
    }

    private func unmapSegment(_ segment: Int) {
        let size = MemoryLayout<Bucket>.size
        let first = HashTable.firstBucket(segment)
        let start = unsafe segments[segment] &+ UInt(first * size)
        unsafe SystemPages.unmap(
            UnsafeMutableRawPointer(bitPattern: start)!, HashTable.bucketCount(segment) * size)
        unsafe segments[segment] = 0
    }
}
