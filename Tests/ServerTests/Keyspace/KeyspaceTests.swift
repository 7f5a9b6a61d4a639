// The keyspace's own promises, one at a time: places, expiries, sizes, memory that goes back.

import RESP
import Testing

@testable import Server

struct KeyspaceTests {
    /// A place is good after a value was written where it was, and ends the process after anything moved.
    @Test func placesOutliveOnlyWhatMovesNothing() async {
        let keyspace = Keyspace(seed: 1)
        keyspace.set("12345678", at: "a")
        let place = keyspace.find("a")!
        keyspace.set("87654321", at: "a")
        keyspace.setClock(7, of: place)
        keyspace.set(99, of: place)
        #expect(keyspace.integer(of: place) == 99)

        await #expect(processExitsWith: .failure) {
            let keyspace = Keyspace(seed: 1)
            keyspace.set("1", at: "a")
            let place = keyspace.find("a")!
            keyspace.set("2", at: "b")
            _ = keyspace.integer(of: place)
        }
        await #expect(processExitsWith: .failure) {
            let keyspace = Keyspace(seed: 1)
            keyspace.set("1", at: "a")
            let place = keyspace.find("a")!
            keyspace.set(String(repeating: "1", count: 200), at: "a")
            _ = keyspace.integer(of: place)
        }
        await #expect(processExitsWith: .failure) {
            let keyspace = Keyspace(seed: 1)
            keyspace.set("1", at: "a")
            let place = keyspace.find("a")!
            keyspace.removeAll()
            _ = keyspace.integer(of: place)
        }
        await #expect(processExitsWith: .failure) {
            let keyspace = Keyspace(seed: 1)
            keyspace.set("1", at: "a")
            var cursor: UInt64 = 0
            repeat {
                cursor = keyspace.scan(from: cursor) { keyspace.remove($0) }
            } while cursor != 0
        }
    }

    /// Each shape of entry becomes each other one: short and long keys, values in the entry and in a block, sizes
    /// on both sides of the slab's limit, with and without an expiry.
    @Test(arguments: [0, 1, 7, 8, 100, 1000, 1007, 1008, 1009, 1016, 1017, 65_535, 65_536])
    func everyShapeBecomesEveryOther(keyCount: Int) {
        let keyspace = Keyspace(seed: 5)
        let key = [UInt8](repeating: 65, count: keyCount)
        let counts = [0, 1, 8, 9, 16, 900, 908, 909, 1008, 1016, 1017, 3000, 5000, 40_000]
        let values = counts.map { count in (0..<count).map { UInt8($0 % 251) } }
        for first in values {
            for second in values {
                for change in [Keyspace.ExpiryChange.clear, .keep, .set(77)] {
                    for time in [nil, 55] as [Int64?] {
                        keyspace.set(
                            first.span, at: key.span,
                            expiry: time.map { .set($0) } ?? .clear)
                        keyspace.setClock(0xABCDEF, of: keyspace.find(key.span)!)
                        keyspace.set(second.span, at: key.span, expiry: change)
                        let content = keyspace.content(of: key)
                        #expect(content?.bytes == second)
                        #expect(content?.clock == 0xABCDEF)
                        #expect(content?.expiry == expected(change, time))
                        keyspace.setExpiry(time == nil ? 66 : nil, of: keyspace.find(key.span)!)
                        #expect(keyspace.content(of: key)?.bytes == second)
                    }
                }
            }
            keyspace.checkInvariants()
        }
        #expect(keyspace.remove(key.span) == true)
        keyspace.checkInvariants()
    }

    private func expected(_ change: Keyspace.ExpiryChange, _ time: Int64?) -> Int64? {
        switch change {
        case .clear: nil
        case .keep: time
        case .set(let time): time
        }
    }

    @Test func holdsHugeKeysAndValues() {
        let keyspace = Keyspace(seed: 3)
        let key = [UInt8](repeating: 1, count: 4 << 20)
        let value = [UInt8](repeating: 2, count: 32 << 20)
        keyspace.set(value.span, at: key.span, expiry: .set(9))
        #expect(keyspace.content(of: key) == Model.Value(bytes: value, expiry: 9))
        let isShorterThere = keyspace.contains(key.span.extracting(first: key.count - 1))
        #expect(!isShorterThere)
        #expect(keyspace.usedMemory > key.count + value.count)
        keyspace.remove(key.span)
        #expect(keyspace.usedMemory < 10_000)
    }

    /// A value may come from the keyspace itself: from another key, or from the key that is written.
    @Test func copiesValuesOfItsOwn() {
        let keyspace = Keyspace(seed: 3)
        for count in [5, 500, 5000] {
            let text = String(repeating: "x", count: count)
            keyspace.set(text, at: "from")
            for number in 0..<200 {
                keyspace.set(
                    keyspace.string(of: keyspace.find("from")!),
                    at: numberedKey(number).span, expiry: number % 2 == 0 ? .clear : .set(1))
            }
            let place = keyspace.find("from")!
            keyspace.set(keyspace.string(of: place), of: place, expiry: .set(3))
            #expect(keyspace.text(at: "from") == text)
            for number in 0..<200 { #expect(keyspace.text(at: "key:\(number)") == text) }
        }
    }

    @Test(arguments: [
        ("0", 0), ("-1", -1), ("9223372036854775807", Int.max), ("-9223372036854775808", Int.min),
    ])
    func readsAndWritesIntegers(text: String, number: Int) {
        let keyspace = Keyspace(seed: 3)
        keyspace.set(text, at: "n", expiry: .set(5))
        #expect(keyspace.integer(of: keyspace.find("n")!) == number)
        keyspace.set("17", at: "n", expiry: .keep)
        keyspace.set(number, of: keyspace.find("n")!)
        #expect(keyspace.text(at: "n") == text)
        #expect(keyspace.expiry(of: keyspace.find("n")!) == 5)
        keyspace.set("01", at: "n")
        #expect(keyspace.integer(of: keyspace.find("n")!) == nil)
    }

    @Test func takesEverythingAtOnce() {
        let keyspace = Keyspace(seed: 3)
        for number in 0..<10_000 {
            let value = [UInt8](repeating: 1, count: number % 1500)
            keyspace.set(value.span, at: numberedKey(number).span)
        }
        let used = keyspace.usedMemory
        let taken = keyspace.takeAll()
        #expect(keyspace.count == 0 && keyspace.usedMemory == 0)
        #expect(taken.count == 10_000 && taken.usedMemory == used)
        #expect(taken.content(of: numberedKey(77))?.bytes.count == 77)
        keyspace.set("new", at: "key:77")
        #expect(keyspace.text(at: "key:77") == "new")
        taken.checkInvariants()
        keyspace.checkInvariants()
    }

    /// The memory of removed keys goes back: the table merges its buckets, the slab gives up its pages.
    @Test func shrinksAsKeysGo() {
        let keyspace = Keyspace(seed: 3)
        let count = 50_000
        for number in 0..<count { keyspace.set("12345678", at: "key:\(number)") }
        let full = keyspace.heldMemory
        #expect(full < 65 * count)
        for number in 0..<count where number >= 1000 { keyspace.remove(numberedKey(number).span) }
        #expect(keyspace.count == 1000)
        #expect(keyspace.usedMemory < 1000 * 85)
        keyspace.checkInvariants()
        for number in 0..<1000 { keyspace.remove(numberedKey(number).span) }
        #expect(keyspace.usedMemory == HashTable.fewestBuckets * 64)
        #expect(keyspace.heldMemory < full / 2)
        keyspace.checkInvariants()
    }
}
