// The keyspace against a dictionary: the same random operations on both must give the same answers.

import RESP
import TestSupport
import Testing

@testable import Server

/// A keyspace and a dictionary that must always agree.
struct Model {
    struct Value: Equatable {
        var bytes: [UInt8]
        var expiry: Int64?
        var clock: UInt32 = 0
    }

    let keyspace: Keyspace
    var values: [[UInt8]: Value] = [:]

    mutating func set(_ bytes: [UInt8], at key: [UInt8], expiry: Keyspace.ExpiryChange) {
        keyspace.set(bytes.span, at: key.span, expiry: expiry)
        let old = values[key]
        let time: Int64? =
            switch expiry {
            case .clear: nil
            case .keep: old?.expiry
            case .set(let time): time
            }
        values[key] = Value(bytes: bytes, expiry: time, clock: old?.clock ?? 0)
    }

    mutating func remove(_ key: [UInt8]) {
        let was = values.removeValue(forKey: key) != nil
        #expect(keyspace.remove(key.span) == was)
    }

    mutating func setExpiry(_ time: Int64?, of key: [UInt8]) {
        guard let place = keyspace.find(key.span) else {
            #expect(values[key] == nil)
            return
        }
        keyspace.setExpiry(time, of: place)
        values[key]?.expiry = time
    }

    mutating func setClock(_ clock: UInt32, of key: [UInt8]) {
        guard let place = keyspace.find(key.span) else {
            #expect(values[key] == nil)
            return
        }
        keyspace.setClock(clock, of: place)
        values[key]?.clock = clock
    }

    mutating func removeAll() {
        keyspace.removeAll()
        values = [:]
    }

    func expectEqual(at key: [UInt8]) {
        #expect(keyspace.content(of: key) == values[key])
    }

    /// Every key of the dictionary is in the keyspace, and there are no others.
    func expectEqual() {
        #expect(keyspace.count == values.count)
        #expect(keyspace.expiringCount == values.values.count { $0.expiry != nil })
        for (key, value) in values {
            #expect(keyspace.content(of: key) == value)
        }
        keyspace.checkInvariants()
    }
}

extension Keyspace {
    func content(of key: [UInt8]) -> Model.Value? {
        guard let place = find(key.span) else { return nil }
        return Model.Value(
            bytes: bytes(string(of: place)), expiry: expiry(of: place), clock: clock(of: place))
    }
}

struct KeyspaceModelTests {
    /// What a run of random operations is made of.
    struct Plan: CustomTestStringConvertible {
        var name: String
        /// The bits of each hash that are kept: few of them make collisions.
        var hashBits: UInt64 = .max
        var keys: Int
        var longestKey = 40
        var longestValue = 60
        var steps = 4000
        /// How often everything is compared.
        var compareEach = 500

        var testDescription: String { name }

        static let all = [
            Plan(name: "few keys", keys: 5),
            Plan(name: "some keys", keys: 300),
            Plan(name: "all key lengths to 300", keys: 500, longestKey: 300),
            Plan(name: "long keys", keys: 12, longestKey: 70_000, longestValue: 50, steps: 600),
            Plan(name: "long values", keys: 40, longestValue: 100_000, steps: 1500),
            Plan(name: "values around the slab's limit", keys: 60, longestValue: 1100),
            Plan(name: "one bucket", hashBits: 0, keys: 60, steps: 1500),
            Plan(name: "one bucket, all tags", hashBits: 0xFF << 56, keys: 60, steps: 1500),
            Plan(name: "one tag", hashBits: 0xFFFF_FFFF, keys: 3000, steps: 12_000),
            Plan(name: "four buckets", hashBits: 0xFF00_0000_0000_0003, keys: 200),
            Plan(name: "buckets that cannot be split", hashBits: 0x3F, keys: 3000, steps: 6000),
            Plan(name: "many keys", keys: 20_000, steps: 30_000, compareEach: 5000),
        ]
    }

    @Test(arguments: Plan.all, 1...3 as ClosedRange<UInt64>)
    func agreesWithDictionary(plan: Plan, seed: UInt64) {
        var random = SeededRandom(seed: seed)
        var model = Model(
            keyspace: Keyspace(hasher: KeyHasher(seed: seed, keeping: plan.hashBits)))
        let keys = makeKeys(plan, &random)
        for step in 1...plan.steps {
            // The wind turns: mostly sets, then mostly removals, so that the table grows and shrinks.
            let isGrowing = step / (plan.steps / 6 + 1) % 2 == 0
            let key = keys[Int.random(in: 0..<keys.count, using: &random)]
            perform(on: &model, key, isGrowing, plan, &random)
            model.expectEqual(at: key)
            #expect(model.keyspace.count == model.values.count)
            if plan.steps <= 6000, step % 20 == 0 { model.keyspace.checkInvariants() }
            if step % plan.compareEach == 0 { model.expectEqual() }
        }
        for key in keys { model.remove(key) }
        model.expectEqual()
        #expect(model.keyspace.count == 0)
    }

    private func perform(
        on model: inout Model, _ key: [UInt8], _ isGrowing: Bool, _ plan: Plan,
        _ random: inout SeededRandom
    ) {
        let time = Int64.random(in: 0...(1 << 50), using: &random)
        switch Int.random(in: 0..<100, using: &random) {
        case 0..<10:
            model.setExpiry(time % 3 == 0 ? nil : time, of: key)
        case 10..<20:
            model.setClock(UInt32.random(in: 0..<(1 << 24), using: &random), of: key)
        case 20 where plan.steps < 1000 && time % 50 == 0:
            model.removeAll()
        case let dice where (dice < 80) == isGrowing:
            let changes: [Keyspace.ExpiryChange] = [.clear, .keep, .keep, .set(time)]
            let change = changes[Int.random(in: 0..<4, using: &random)]
            model.set(makeBytes(plan.longestValue, &random), at: key, expiry: change)
        default:
            model.remove(key)
        }
    }

    private func makeKeys(_ plan: Plan, _ random: inout SeededRandom) -> [[UInt8]] {
        var keys: Set<[UInt8]> = [[]]
        while keys.count < plan.keys { keys.insert(makeBytes(plan.longestKey, &random)) }
        return keys.sorted { $0.lexicographicallyPrecedes($1) }
    }

    /// Any length up to `longest`, short ones more often. Few letters, so that keys are much alike.
    private func makeBytes(_ longest: Int, _ random: inout SeededRandom) -> [UInt8] {
        var count = Int.random(in: 0...longest, using: &random)
        if random.next() % 2 == 0 { count = min(count, Int.random(in: 0...40, using: &random)) }
        let fill = UInt8(truncatingIfNeeded: random.next() % 3)
        var bytes = [UInt8](repeating: fill, count: count)
        for index in bytes.indices.suffix(24) { bytes[index] = UInt8(random.next() % 4) }
        return bytes
    }
}
