// The keys of one database and their values.

import RESP

/// A table of binary keys and values, each with or without an expiry.
///
///     HashTable ── slot ──▶ entry: header, expiry, key, short value     (an item of the Slab, or malloc's if large)
///                             └──▶ block with a long value              (malloc's)
///
/// The owner looks a key up once (`find`) and then reads or changes what is at that place. A place is good until
/// a key is added, removed or moved; using an old one ends the process. Expired keys are the owner's business:
/// the keyspace knows no time.
///
/// A value that spells a number is kept as its text. As a number it would spare an INCR of eight digits 30 ns of
/// 53, but each GET would spend 8 ns to spell it and each SET 16 to find out that it is one; and it would save
/// memory only above eight digits.
@safe
package final class Keyspace {
    private var table: HashTable
    private var slab = Slab()
    /// Bytes of what malloc holds: blocks with long values, and entries with long keys.
    private var separateBytes = 0
    /// How many such blocks and entries there are; without any there is nothing to free one by one.
    private var separateCount = 0
    /// Keys that have an expiry.
    package private(set) var expiringCount = 0
    /// Rises whenever a place may have become wrong.
    private var version: UInt = 0

    /// An empty keyspace. The seed should be secret: whoever knows it can choose keys that collide.
    package convenience init(seed: UInt64) {
        self.init(hasher: KeyHasher(seed: seed))
    }

    init(hasher: KeyHasher) {
        table = HashTable(hasher: hasher)
    }

    deinit {
        freeSeparate()
    }

    package var count: Int { table.count }

    /// Bytes that keys and values take, with what is needed to find them; what is set aside is not counted.
    package var usedMemory: Int { table.usedBytes + slab.usedBytes + separateBytes }

    /// Bytes that are held for keys and values, used or not.
    package var heldMemory: Int { table.usedBytes + slab.heldBytes + separateBytes }

    // MARK: Finding

    /// Where a key and its value are, for as long as the keyspace is not changed elsewhere.
    package struct Place {
        fileprivate let position: HashTable.Position
        fileprivate let version: UInt
    }

    package func find(_ key: Span<UInt8>) -> Place? {
        let version = self.version
        return unsafe key.withUnsafeBytes { bytes in
            let hash = unsafe table.hasher.hash(bytes)
            guard let position = unsafe table.find(bytes, hash: hash) else { return nil }
            return Place(position: position, version: version)
        }
    }

    package func contains(_ key: Span<UInt8>) -> Bool {
        find(key) != nil
    }

    @inline(__always)
    private func entry(_ place: Place) -> Entry {
        precondition(place.version == version, "the keyspace has changed since the key was found")
        return unsafe Entry(table.slot(at: place.position))
    }

    // MARK: Reading

    @_lifetime(borrow self)
    package func key(of place: Place) -> Span<UInt8> {
        unsafe _overrideLifetime(Span(_unsafeBytes: entry(place).key), borrowing: self)
    }

    package func type(of place: Place) -> ValueType {
        unsafe entry(place).header.type
    }

    /// The bytes of a string value, where they are.
    @inline(__always)
    @_lifetime(borrow self)
    package func string(of place: Place) -> Span<UInt8> {
        unsafe _overrideLifetime(Span(_unsafeBytes: entry(place).value), borrowing: self)
    }

    /// The number that a string value spells, if it spells one as redis-server would.
    package func integer(of place: Place) -> Int? {
        Decimal.integer(string(of: place))
    }

    /// When the key expires, in milliseconds since 1970.
    package func expiry(of place: Place) -> Int64? {
        let entry = unsafe entry(place)
        return unsafe entry.header.hasExpiry ? entry.expiry : nil
    }

    /// 24 bits on the use of the key, in whatever way `maxmemory-policy` counts it.
    package func clock(of place: Place) -> UInt32 {
        unsafe entry(place).header.clock
    }

    package func setClock(_ clock: UInt32, of place: Place) {
        unsafe entry(place).header.clock = clock
    }

    // MARK: Changing

    /// What becomes of a key's expiry when its value is set.
    package enum ExpiryChange: Sendable {
        case clear
        case keep
        case set(Int64)
    }

    /// Sets a key to a string, whether or not it was there.
    package func set(
        _ value: Span<UInt8>, at key: Span<UInt8>, expiry: ExpiryChange = .clear
    ) {
        unsafe key.withUnsafeBytes { key in
            let hash = unsafe table.hasher.hash(key)
            if let position = unsafe table.find(key, hash: hash) {
                set(value, of: Place(position: position, version: version), expiry: expiry)
            } else {
                unsafe add(value, key: key, hash: hash, expiry: expiry)
            }
        }
    }

    /// Sets the key at a place to a string. Allocates only if the value does not fit where the old one is.
    package func set(
        _ value: Span<UInt8>, of place: Place, expiry: ExpiryChange = .clear
    ) {
        let entry = unsafe entry(place)
        let time = unsafe expiry.applied(to: entry)
        let shape = unsafe EntryShape(
            keyCount: entry.keyCount, valueCount: value.count, hasExpiry: time != nil)
        unsafe value.withUnsafeBytes { value in
            unsafe replaceValue(of: entry, at: place.position, shape, value, expiry: time)
        }
    }

    /// Sets a key to a number, whether or not it was there.
    package func set(_ number: Int, at key: Span<UInt8>) {
        var text = InlineArray<20, UInt8>(repeating: 0)
        let start = Decimal.write(number, into: &text)
        set(text.span.extracting(start..<Decimal.longest), at: key)
    }

    /// Sets the key at a place to a number, and keeps its expiry.
    package func set(_ number: Int, of place: Place) {
        var text = InlineArray<20, UInt8>(repeating: 0)
        let start = Decimal.write(number, into: &text)
        set(text.span.extracting(start..<Decimal.longest), of: place, expiry: .keep)
    }

    /// Gives a key an expiry in milliseconds since 1970, or takes it away.
    package func setExpiry(_ time: Int64?, of place: Place) {
        let entry = unsafe entry(place)
        let header = unsafe entry.header
        if header.hasExpiry == (time != nil) {
            if let time { unsafe entry.expiry = time }
            return
        }
        let value = unsafe entry.value
        let shape = unsafe EntryShape(
            keyCount: entry.keyCount, valueCount: value.count, hasExpiry: time != nil)
        unsafe rebuild(entry, at: place.position, shape, value, expiry: time)
    }

    /// Whether the key was there.
    @discardableResult
    package func remove(_ key: Span<UInt8>) -> Bool {
        guard let place = find(key) else { return false }
        remove(place)
        return true
    }

    package func remove(_ place: Place) {
        let entry = unsafe entry(place)
        if unsafe entry.header.hasExpiry { expiringCount -= 1 }
        table.remove(place.position, slab: &slab)
        unsafe freeValue(of: entry)
        unsafe free(entry)
        version &+= 1
    }

    /// Removes every key and gives the memory back. O(memory); `takeAll` is O(1).
    package func removeAll() {
        _ = takeAll()
    }

    /// Moves every key to a keyspace of its own and leaves this one empty. It may be let go elsewhere, and later.
    package func takeAll() -> Keyspace {
        let taken = Keyspace(hasher: table.hasher)
        swap(&taken.table, &table)
        swap(&taken.slab, &slab)
        swap(&taken.separateBytes, &separateBytes)
        swap(&taken.separateCount, &separateCount)
        swap(&taken.expiringCount, &expiringCount)
        version &+= 1
        return taken
    }

    // MARK: Walking

    /// Visits some keys and says with which cursor to go on: zero at the beginning and at the end. A key that
    /// is there from the first call to the last is visited at least once. The visitor must change nothing.
    package func scan(from cursor: UInt64, visit: (Place) -> Void) -> UInt64 {
        let version = self.version
        return table.scan(from: cursor) { position in
            visit(Place(position: position, version: version))
            precondition(self.version == version, "the keyspace was changed while being scanned")
        }
    }

    /// A key that chance picks, each with the same probability.
    package func randomPlace(using random: inout some RandomNumberGenerator) -> Place? {
        guard let position = table.randomPosition(using: &random) else { return nil }
        return Place(position: position, version: version)
    }

    // MARK: Entries

    private func add(
        _ value: Span<UInt8>, key: UnsafeRawBufferPointer, hash: UInt64, expiry: ExpiryChange
    ) {
        let time = expiry.applied
        let shape = EntryShape(
            keyCount: key.count, valueCount: value.count, hasExpiry: time != nil)
        let entry = unsafe makeEntry(shape)
        unsafe entry.initialize(shape, type: .string, clock: 0, key: key)
        if let time {
            unsafe entry.expiry = time
            expiringCount += 1
        }
        unsafe value.withUnsafeBytes { unsafe fill(entry, with: $0) }
        unsafe table.insert(address: entry.address, hash: hash, slab: &slab)
        version &+= 1
    }

    private func replaceValue(
        of entry: Entry, at position: HashTable.Position, _ shape: EntryShape,
        _ value: UnsafeRawBufferPointer, expiry: Int64?
    ) {
        let header = unsafe entry.header
        guard header.hasExpiry == shape.hasExpiry, header.isSeparate == shape.isSeparate else {
            unsafe rebuild(entry, at: position, shape, value, expiry: expiry)
            return
        }
        if shape.isSeparate {
            if unsafe entry.block.fits(value.count) {
                unsafe entry.block.write(value)
            } else {
                let old = unsafe entry.block
                unsafe entry.block = unsafe makeBlock(value)
                unsafe free(old)
            }
        } else {
            guard
                unsafe slab.fits(
                    shape.byteCount, replacing: entry.byteCount, at: entry.start)
            else {
                unsafe rebuild(entry, at: position, shape, value, expiry: expiry)
                return
            }
            unsafe entry.writeValue(value)
        }
        if let expiry { unsafe entry.expiry = expiry }
    }

    /// Puts a new entry of another shape in the place of one with the same key. The value may be the old one's.
    @inline(never)
    private func rebuild(
        _ old: Entry, at position: HashTable.Position, _ shape: EntryShape,
        _ value: UnsafeRawBufferPointer, expiry: Int64?
    ) {
        let header = unsafe old.header
        let entry = unsafe makeEntry(shape)
        unsafe entry.initialize(shape, type: header.type, clock: header.clock, key: old.key)
        if let expiry { unsafe entry.expiry = expiry }
        unsafe fill(entry, with: value)
        expiringCount += (shape.hasExpiry ? 1 : 0) - (header.hasExpiry ? 1 : 0)
        unsafe table.move(position, to: entry.address)
        unsafe freeValue(of: old)
        unsafe free(old)
        version &+= 1
    }

    private func fill(_ entry: Entry, with value: UnsafeRawBufferPointer) {
        if unsafe entry.header.isSeparate {
            unsafe entry.block = unsafe makeBlock(value)
        } else {
            unsafe entry.writeValue(value)
        }
    }

    // MARK: Memory

    private func makeEntry(_ shape: EntryShape) -> Entry {
        if shape.byteCount <= Slab.largest {
            return unsafe Entry(start: slab.allocate(shape.byteCount))
        }
        separateBytes += shape.byteCount
        separateCount += 1
        return unsafe Entry(
            start: UnsafeMutableRawPointer.allocate(byteCount: shape.byteCount, alignment: 8))
    }

    private func free(_ entry: Entry) {
        let byteCount = unsafe entry.byteCount
        if byteCount <= Slab.largest {
            unsafe slab.free(entry.start)
        } else {
            unsafe entry.start.deallocate()
            separateBytes -= byteCount
            separateCount -= 1
        }
    }

    private func makeBlock(_ value: UnsafeRawBufferPointer) -> ValueBlock {
        let block = unsafe ValueBlock(copying: value)
        unsafe separateBytes += block.byteCount
        separateCount += 1
        return unsafe block
    }

    private func free(_ block: ValueBlock) {
        unsafe separateBytes -= block.byteCount
        separateCount -= 1
        unsafe block.free()
    }

    private func freeValue(of entry: Entry) {
        if unsafe entry.header.isSeparate { unsafe free(entry.block) }
    }

    /// Frees what malloc holds, entry by entry; the slab and the table free themselves whole.
    private func freeSeparate() {
        var number = 0
        while separateCount > 0, number < table.bucketCount {
            table.visitChain(number) { position in
                let entry = unsafe Entry(table.slot(at: position))
                unsafe freeValue(of: entry)
                if unsafe entry.byteCount > Slab.largest { unsafe free(entry) }
            }
            number += 1
        }
    }

    /// For tests: how many buckets there are.
    var tableShape: (bucketCount: Int, mask: Int, split: Int) {
        (table.bucketCount, table.mask, table.split)
    }

    /// For tests: the table, the slab and the counts agree with the entries.
    package func checkInvariants() {
        table.checkInvariants()
        slab.checkInvariants()
        var expiring = 0
        var separate = 0
        var separateCount = 0
        var items = table.furtherBuckets * MemoryLayout<Bucket>.size
        for number in 0..<(table.isMapped ? table.bucketCount : 0) {
            table.visitChain(number) { position in
                let entry = unsafe Entry(table.slot(at: position))
                let byteCount = unsafe entry.byteCount
                if unsafe entry.header.hasExpiry { expiring += 1 }
                if unsafe entry.header.isSeparate {
                    unsafe separate += entry.block.byteCount
                    separateCount += 1
                }
                if byteCount > Slab.largest {
                    separate += byteCount
                    separateCount += 1
                } else {
                    items += unsafe slab.size(at: entry.start)
                    precondition(unsafe byteCount <= slab.size(at: entry.start), "an entry spills")
                }
            }
        }
        precondition(expiring == expiringCount, "\(expiring) keys with an expiry")
        precondition(separate == separateBytes, "\(separate) bytes are malloc's")
        precondition(separateCount == self.separateCount, "\(separateCount) blocks are malloc's")
        precondition(items == slab.usedBytes, "\(items) bytes are the slab's")
    }
}

extension Keyspace.ExpiryChange {
    /// The expiry of a new key.
    fileprivate var applied: Int64? {
        if case .set(let time) = self { return time }
        return nil
    }

    /// The expiry of a key that has this entry.
    fileprivate func applied(to entry: Entry) -> Int64? {
        switch self {
        case .clear: nil
        case .set(let time): time
        case .keep: unsafe entry.header.hasExpiry ? entry.expiry : nil
        }
    }
}
