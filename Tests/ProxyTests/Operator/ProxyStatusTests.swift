// Parts of several workers become one status.

import RESP
import TestSupport
import Testing

@testable import Proxy

@Suite struct ProxyStatusTests {
    /// Two workers' parts add up; what belongs to the process stands once.
    @Test func partsAddUp() {
        var status = ProxyStatus.sample()
        var part = ProxyStatus.sample()
        part.heldMemory = 5
        part.counters.errors.count(Array("-WRONGTYPE x".utf8).span)
        part.backends[0].outstanding = 3
        status.merge(part)
        #expect(status.workers == 2)
        #expect(status.clients.connected == 6)
        #expect(status.clients.maximum == 10_000)
        #expect(status.counters.reads == 140)
        #expect(status.counters.errors.all.map(\.count) == [2, 1])
        #expect(status.heldMemory == 5)
        #expect(status.backends.count == 3)
        #expect(status.backends[0].outstanding == 3)
        #expect(status.process == part.process)
        #expect(status.counters.percentOfReadsOnReplicas == 85)
    }

    /// Every count has a row, so that none is forgotten when workers are added up: doubling doubles each.
    @Test func everyCountIsAdded() {
        let counts = Mirror(reflecting: ProxyCounters()).children.count { $0.value is Int }
        #expect(ProxyCounters.rows.count == counts)
        #expect(Set(ProxyCounters.rows.map(\.name)).count == counts)
        var counters = ProxyCounters()
        for (index, row) in ProxyCounters.rows.enumerated() {
            counters[keyPath: row.count] = index + 1
        }
        counters.merge(counters)
        for (index, row) in ProxyCounters.rows.enumerated() {
            #expect(counters[keyPath: row.count] == 2 * (index + 1), "\(row.name)")
        }
    }

    /// A backend that one worker cannot use is not well, whoever is asked first.
    @Test func theWorseStateStands() {
        var well = BackendStatus(address: "a", role: .replica, state: .healthy, since: .noon(5))
        well.latency = 100
        well.replies = 30
        well.offset = 7
        well.isLinkUp = true
        var ill = BackendStatus(
            address: "a", role: .replica, state: .down, reason: "refused", since: .noon(9))
        ill.latency = 200
        ill.replies = 10
        ill.isLinkUp = false
        for (first, second) in [(well, ill), (ill, well)] {
            var merged = first
            merged.merge(second)
            #expect(merged.state == .down)
            #expect(merged.reason == "refused")
            #expect(merged.since == .noon(9))
            #expect(merged.latency == 125)
            #expect(merged.offset == 7)
            #expect(merged.isLinkUp == false)
        }
        var older = well
        older.since = .noon(1)
        well.merge(older)
        #expect(well.since == .noon(1))
    }

    /// Scripts may answer with any first word: so many are told apart, the rest are one number.
    @Test func errorCodesAreBounded() {
        var counts = ErrorCounts()
        for number in 0..<1000 { counts.count(Array("-E\(number) x\r\n".utf8).span) }
        counts.count(Array("-\(String(repeating: "x", count: 100)) y".utf8).span)
        counts.count(Array("".utf8).span)
        counts.count(Array("-E1".utf8).span)
        #expect(counts.all.count == ErrorCounts.most)
        #expect(counts.total == 1003)
        #expect(counts.all.first { $0.code == Array("E1".utf8) }?.count == 2)
        let codes = counts.all.map { text($0.code) }
        #expect(codes == codes.sorted())
        let other = ErrorCounts.most - 1
        #expect(counts.all.first { text($0.code) == "other" }?.count == 1002 - other)
    }

    /// Dates of leap days, turns of centuries and times before 1970.
    @Test(arguments: [
        (0, "1970-01-01T00:00:00Z"), (-1, "1969-12-31T23:59:59Z"),
        (951_782_400, "2000-02-29T00:00:00Z"), (1_709_251_199, "2024-02-29T23:59:59Z"),
        (4_107_542_400, "2100-03-01T00:00:00Z"), (1_772_366_400, "2026-03-01T12:00:00Z"),
        (-62_135_596_800, "0001-01-01T00:00:00Z"),
    ])
    func dates(seconds: Int, expected: String) {
        #expect(WallTime(microseconds: Int64(seconds) * 1_000_000).text == expected)
    }
}
