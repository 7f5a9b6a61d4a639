// Ways through all entries of a table: the cursor of SCAN, a random entry, every bucket in order.

extension HashTable {
    /// Visits one bucket of the base, with what was split from it, and says where to go on; zero is the end.
    ///
    /// The cursor counts through the base's buckets with its bits reversed, as Redis's does: it adds one at the
    /// highest bit of the mask. When the base doubles, the buckets behind the cursor have become pairs that are
    /// behind it; when it halves, pairs of which one is behind and one ahead become one that is ahead. So an entry
    /// that is there from the first call to the last is visited at least once; some may be visited twice.
    func scan(from cursor: UInt64, visit: (Position) -> Void) -> UInt64 {
        guard isMapped else { return 0 }
        let mask = UInt64(self.mask)
        let number = Int(cursor & mask)
        let hasTwin = number < split
        let twin = number + self.mask + 1
        visitChain(number, visit)
        if hasTwin { visitChain(twin, visit) }

        // Set the bits above the mask, so that a carry from the lowest reversed bit stops at the mask's highest.
        var next = cursor | ~mask
        next = next.bitReversed &+ 1
        return next.bitReversed
    }

    /// Visits every entry of a bucket.
    func visitChain(_ number: Int, _ visit: (Position) -> Void) {
        let head = unsafe bucket(number)
        var current: UnsafeMutablePointer<Bucket>? = unsafe head
        while let bucket = unsafe current {
            for index in 0..<(unsafe bucket.pointee.count) {
                visit(
                    Position(
                        head: UInt(bitPattern: head), bucket: UInt(bitPattern: bucket),
                        index: index))
            }
            unsafe current = bucket.pointee.next.map { unsafe HashTable.bucket(at: $0) }
        }
    }

    /// An entry that chance picks, each with the same probability unless a chain is longer than 14.
    ///
    /// A bucket and a place in it are drawn until an entry stands there. Were the entry drawn from those of the
    /// bucket alone, entries in sparse buckets would come up more often, and in the middle of growing half of
    /// the buckets are sparse.
    func randomPosition(using random: inout some RandomNumberGenerator) -> Position? {
        guard count > 0 else { return nil }
        let places = 2 * Bucket.capacity
        while true {
            let number = Int.random(in: 0..<bucketCount, using: &random)
            var wanted = Int.random(in: 0..<places, using: &random)
            let length = chainLength(number)
            if length > places { wanted = Int.random(in: 0..<length, using: &random) }
            if wanted < length { return position(wanted, inChain: number) }
        }
    }

    func chainLength(_ number: Int) -> Int {
        var length = 0
        visitChain(number) { _ in length += 1 }
        return length
    }

    private func position(_ wanted: Int, inChain number: Int) -> Position? {
        var left = wanted
        var found: Position? = nil
        visitChain(number) { position in
            if left == 0 { found = position }
            left -= 1
        }
        return found
    }

    /// For tests: every entry is where its hash says, buckets are dense, chains are as short as they can be.
    func checkInvariants() {
        precondition(MemoryLayout<Bucket>.size == 64, "a bucket is a cache line")
        precondition(split >= 0 && split <= mask, "\(split) of \(mask + 1) buckets are split")
        guard isMapped else {
            precondition(count == 0, "\(count) entries and no bucket")
            return
        }
        var entries = 0
        var further = 0
        for number in 0..<bucketCount {
            var current = unsafe bucket(number)
            while true {
                unsafe checkBucket(current.pointee, number: number)
                unsafe entries += current.pointee.count
                guard let next = unsafe current.pointee.next else { break }
                unsafe current = HashTable.bucket(at: next)
                unsafe precondition(current.pointee.count >= 2, "a bucket to be folded back")
                further += 1
            }
        }
        precondition(entries == count, "\(entries) entries, \(count) counted")
        precondition(further == furtherBuckets, "\(further) further buckets")
    }

    private func checkBucket(_ bucket: Bucket, number: Int) {
        for index in 0..<Bucket.capacity where index < bucket.count {
            let slot = bucket[index]
            let hash = unsafe hasher.hash(Entry(slot).key)
            precondition(self.number(of: hash) == number, "an entry in the wrong bucket")
            precondition(bucket.tag(index) == Bucket.tag(of: hash), "a wrong tag")
            precondition(
                slot.word == Slot(address: slot.address, hash: hash).word, "wrong hash bits")
        }
        for index in bucket.count..<Bucket.capacity {
            precondition(bucket.tag(index) == 0, "a tag without an entry")
        }
        precondition(bucket.next == nil || bucket.count == 6, "a gap before a further bucket")
    }
}

extension UInt64 {
    /// The bits in opposite order.
    fileprivate var bitReversed: UInt64 {
        var bits = self.byteSwapped
        bits = (bits >> 4 & 0x0F0F_0F0F_0F0F_0F0F) | (bits & 0x0F0F_0F0F_0F0F_0F0F) << 4
        bits = (bits >> 2 & 0x3333_3333_3333_3333) | (bits & 0x3333_3333_3333_3333) << 2
        return (bits >> 1 & 0x5555_5555_5555_5555) | (bits & 0x5555_5555_5555_5555) << 1
    }
}
