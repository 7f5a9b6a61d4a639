// A server that comes back takes a growing share of its reads.

import RESP
import TestSupport
import Testing

@testable import Proxy

@Suite struct RampUpTests {
    private static func instant(_ seconds: Int) -> Instant {
        Instant(nanoseconds: Int64(seconds) * 1_000_000_000)
    }

    /// The share over ten seconds.
    @Test func share() {
        var rampUp = RampUp()
        rampUp.note(.down, at: Self.instant(0))
        rampUp.note(.healthy, at: Self.instant(100))
        let rows = [
            (100, 26), (101, 26), (102, 51), (105, 128), (109, 230), (110, 256), (500, 256),
        ]
        for (second, share) in rows {
            let found = rampUp.share(at: Self.instant(second), over: .seconds(10))
            #expect(found == share, "\(second)")
        }
        #expect(rampUp.share(at: Self.instant(100), over: .zero) == RampUp.full)
        #expect(rampUp.endIfOver(at: Self.instant(109), over: .seconds(10)) == false)
        #expect(rampUp.endIfOver(at: Self.instant(110), over: .seconds(10)) == true)
        #expect(rampUp.endIfOver(at: Self.instant(110), over: .seconds(10)) == false)
    }

    /// Which changes of its state begin it: one second each.
    @Test func beginnings() {
        let rows: [([BackendState], Bool)] = [
            ([.connecting, .healthy], false),
            ([.connecting, .syncing, .healthy], true),
            ([.healthy, .down, .connecting, .healthy], true),
            ([.healthy, .connecting, .healthy], false),
            ([.healthy, .ejected, .healthy], true),
            ([.healthy, .lagging, .healthy], true),
            ([.healthy, .loading, .healthy], true),
            ([.healthy, .staleLink, .healthy], true),
            // Who goes away for a moment goes on where it was.
            ([.healthy, .down, .healthy, .connecting], true),
        ]
        for (states, expected) in rows {
            var rampUp = RampUp()
            for (second, state) in states.enumerated() {
                rampUp.note(state, at: Self.instant(second))
            }
            #expect((rampUp.since != nil) == expected, "\(states)")
        }
    }

    /// Away for a moment only: it is as warm as it was.
    @Test func shortAbsence() {
        var rampUp = RampUp()
        rampUp.note(.down, at: Self.instant(5))
        rampUp.note(.healthy, at: Self.instant(5) + .milliseconds(999))
        #expect(rampUp.since == nil)
    }

    /// The same while it ramps up: it goes on, and does not take everything at once.
    @Test func shortAbsenceMeanwhile() {
        var rampUp = RampUp()
        rampUp.note(.down, at: Self.instant(0))
        rampUp.note(.healthy, at: Self.instant(100))
        rampUp.note(.down, at: Self.instant(102))
        rampUp.note(.healthy, at: Self.instant(102) + .milliseconds(100))
        #expect(rampUp.since == Self.instant(100))
    }

    /// How many of so many reads a replica gets, each answered before the next.
    private static func reads(_ count: Int, at link: LinkID, of proxy: ProxyUnderTest) -> Int {
        let client = proxy.driver.connect()
        var found = 0
        for _ in 0..<count {
            proxy.ask("GET", "k", by: client)
            for link in [LinkID.replica(0), .replica(1)] where proxy.sent(to: link) != "" {
                proxy.says("$-1\r\n", on: link)
                if link == .replica(0) { found += 1 }
            }
        }
        return found
    }

    /// One of two replicas was away for three seconds: its part of the reads grows to the half that is its.
    @Test func comesBack() {
        let proxy = ProxyUnderTest(replicas: 2)
        #expect(80...120 ~= Self.reads(200, at: .replica(0), of: proxy))
        proxy.cut(.replica(0))
        for _ in 0..<3 {
            proxy.driver.pass(.seconds(1))
            while let link = proxy.wishedLinks.first { proxy.refuse(link) }
        }
        proxy.driver.pass(.seconds(1))
        proxy.connectAll()
        #expect(5...60 ~= Self.reads(400, at: .replica(0), of: proxy))
        proxy.driver.pass(.seconds(5))
        #expect(70...130 ~= Self.reads(400, at: .replica(0), of: proxy))
        proxy.driver.pass(.seconds(5))
        #expect(160...240 ~= Self.reads(400, at: .replica(0), of: proxy))
        #expect(proxy.core.servers[1].rampUp.since == nil)
    }

    /// The one in the own zone is back: until it takes all of its reads the other zone's has a part of them.
    @Test func ownZone() {
        let proxy = ProxyUnderTest(replicas: 2) {
            $0.zone = "a"
            $0.backends.replicas[0].place.zone = "a"
            $0.backends.replicas[1].place.zone = "b"
        }
        #expect(proxy.core.readable == [1])
        proxy.cut(.replica(0))
        for _ in 0..<3 {
            proxy.driver.pass(.seconds(1))
            while let link = proxy.wishedLinks.first { proxy.refuse(link) }
        }
        #expect(proxy.core.readable == [2])
        proxy.driver.pass(.seconds(1))
        proxy.connectAll()
        #expect(proxy.core.readable == [1, 2])
        proxy.driver.pass(.seconds(10))
        #expect(proxy.core.readable == [1])
    }

    /// The only replica takes everything at once.
    @Test func onlyReplica() {
        let proxy = ProxyUnderTest(replicas: 2)
        proxy.cut(.replica(0))
        proxy.cut(.replica(1))
        for _ in 0..<3 {
            proxy.driver.pass(.seconds(1))
            while let link = proxy.wishedLinks.first { proxy.refuse(link) }
        }
        proxy.driver.pass(.seconds(1))
        proxy.connect(.replica(0))
        #expect(proxy.core.servers[1].rampUp.since != nil)
        #expect(Self.reads(50, at: .replica(0), of: proxy) == 50)
    }
}
