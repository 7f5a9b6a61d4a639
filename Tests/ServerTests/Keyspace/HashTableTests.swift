// The table by itself: its hash, how it grows, the cursor's guarantee, fair chance.

import RESP
import TestSupport
import Testing

@testable import Server

struct HashTableTests {
    /// Values of CPython 3.11's `hash(bytes)`, which is SipHash-1-3 with a key of zero under PYTHONHASHSEED=0.
    @Test(arguments: [
        (1, 0x68a9_1412_8e01_e473),
        (2, 0x010b_ac45_c41e_3669),
        (3, 0x4d4c_9a4a_8ef6_e0ad),
        (4, 0x7cc4_3f98_813e_4dbd),
        (5, 0x5abe_2169_dff3_6275),
        (6, 0xe3c2_5f87_624f_1cdb),
        (7, 0x2f09_8ab0_c751_325a),
        (8, 0xead4_11e6_7ebe_2eea),
        (9, 0x7592_7f9d_9512_4362),
        (12, 0xa6ba_f4fb_0f9f_e1c2),
        (15, 0xf30e_b725_bb91_c9ea),
        (16, 0x8972_1884_33a5_c5b7),
        (17, 0x4883_c49a_2c00_9c1d),
        (23, 0x3733_2b13_89da_a4ff),
        (24, 0x3118_5a47_af93_2f3a),
        (31, 0x1697_3944_3111_d49b),
        (63, 0x385d_3e39_e5f3_7359),
        (64, 0x75e0_5fd5_bbc8_70c6),
    ])
    func hashesAsOthersDo(count: Int, expected: UInt64) {
        let text = (0..<count).map { UInt8($0) }
        #expect(KeyHasher(low: 0, high: 0).hash(text.span) == expected)
    }

    @Test func seedsChangeTheHash() {
        let key = Array("key".utf8)
        let hashes = Set((0..<100 as Range<UInt64>).map { KeyHasher(seed: $0).hash(key.span) })
        #expect(hashes.count == 100)
    }

    /// The table keeps between two and six and a half entries to a bucket of its base while it fills, and
    /// never does more than two splits for one insertion.
    @Test func growsALittleAtATime() {
        let keyspace = Keyspace(seed: 9)
        var buckets = HashTable.fewestBuckets
        for number in 0..<30_000 {
            keyspace.set("", at: "key:\(number)")
            let table = keyspace.tableShape
            #expect(table.bucketCount - buckets <= 2)
            #expect(keyspace.count <= 13 * (table.mask + 1) / 2)
            buckets = table.bucketCount
        }
        for number in 0..<30_000 {
            keyspace.remove(numberedKey(number).span)
            let table = keyspace.tableShape
            #expect(buckets - table.bucketCount <= 2)
            buckets = table.bucketCount
        }
        #expect(buckets == HashTable.fewestBuckets)
    }

    /// How many operations there are between two calls of SCAN, and in which way they go.
    struct Weather: CustomTestStringConvertible {
        var name: String
        var permanent: Int
        var passing: Int
        var steps: Int
        var hashBits: UInt64 = .max
        var testDescription: String { name }
    }

    /// A key that is there from the first call of a scan to its last is returned, however the table grows and
    /// shrinks in between.
    @Test(
        arguments: [
            Weather(name: "at rest", permanent: 3000, passing: 0, steps: 0),
            Weather(name: "a breeze", permanent: 500, passing: 8000, steps: 7),
            Weather(name: "a wind", permanent: 300, passing: 2000, steps: 60),
            Weather(name: "a storm", permanent: 100, passing: 2000, steps: 200),
            Weather(name: "a flood", permanent: 100, passing: 1000, steps: 400),
            Weather(
                name: "collisions", permanent: 200, passing: 2000, steps: 50,
                hashBits: 0xFF00_0000_0000_01FF),
        ], 1...3 as ClosedRange<UInt64>)
    func scanMissesNothing(weather: Weather, seed: UInt64) {
        var random = SeededRandom(seed: seed)
        let keyspace = Keyspace(hasher: KeyHasher(seed: seed, keeping: weather.hashBits))
        var wind = Wind(weather: weather, isRising: seed % 2 == 0)
        for number in 0..<weather.permanent { keyspace.set("", at: "key:\(number)") }
        wind.settle(keyspace, &random)
        var grown = 0
        var shrunk = 0
        for _ in 0..<2 {
            var missing = Set((0..<weather.permanent).map(numberedKey))
            var cursor: UInt64 = 0
            var calls = 0
            repeat {
                cursor = keyspace.scan(from: cursor) {
                    missing.remove(bytes(keyspace.key(of: $0)))
                }
                let before = keyspace.tableShape.bucketCount
                wind.blow(keyspace, &random)
                let after = keyspace.tableShape.bucketCount
                if after > before { grown += 1 }
                if after < before { shrunk += 1 }
                calls += 1
            } while cursor != 0 && calls < 1_000_000
            #expect(cursor == 0, "the scan does not end")
            #expect(missing.isEmpty)
        }
        keyspace.checkInvariants()
        if weather.steps > 0 { #expect(grown + shrunk > 3, "\(grown) up, \(shrunk) down") }
        if weather.steps >= 50 { #expect(grown > 3 && shrunk > 3, "\(grown) up, \(shrunk) down") }
    }

    /// Keys that come and go. The tide turns when nearly all or nearly none are there.
    struct Wind {
        let weather: Weather
        var isRising: Bool

        /// Half of the passing keys are there when the scan begins.
        func settle(_ keyspace: Keyspace, _ random: inout SeededRandom) {
            for number in 0..<weather.passing where Bool.random(using: &random) {
                keyspace.set("", at: "key:\(weather.permanent + number)")
            }
        }

        mutating func blow(_ keyspace: Keyspace, _ random: inout SeededRandom) {
            for _ in 0..<weather.steps {
                let passing = keyspace.count - weather.permanent
                if passing * 10 < weather.passing { isRising = true }
                if passing * 10 > weather.passing * 9 { isRising = false }
                let number = Int.random(in: 0..<weather.passing, using: &random)
                let key = numberedKey(weather.permanent + number)
                if isRising {
                    keyspace.set(key.span, at: key.span)
                } else {
                    keyspace.remove(key.span)
                }
            }
        }
    }

    /// In the middle of growing, when half of the buckets are sparse, each key still comes up as often as others.
    @Test(arguments: [1, 10, 400])
    func chanceIsFair(count: Int) {
        var random = SeededRandom(seed: UInt64(count))
        let keyspace = Keyspace(seed: 4)
        #expect(keyspace.randomPlace(using: &random) == nil)
        for number in 0..<count { keyspace.set("", at: "key:\(number)") }
        if count == 400 { #expect(keyspace.tableShape.split > 0) }
        var drawn: [[UInt8]: Int] = [:]
        for _ in 0..<(200 * count) {
            drawn[bytes(keyspace.key(of: keyspace.randomPlace(using: &random)!)), default: 0] += 1
        }
        // 200 each with a deviation of 14: six deviations either way.
        #expect(drawn.count == count)
        #expect(drawn.values.allSatisfy { $0 > 115 && $0 < 285 })
    }

    @Test func scansNothing() {
        let keyspace = Keyspace(seed: 4)
        #expect(keyspace.scan(from: 0) { _ in Issue.record("there is no key") } == 0)
        #expect(keyspace.scan(from: 12345) { _ in Issue.record("there is no key") } == 0)
        keyspace.set("", at: "a")
        // A cursor that nobody gave out is as good as any.
        #expect(keyspace.scan(from: .max) { _ in } == 0)
    }
}
