// Writes past the proxy: how they are told from its own, and what follows.

import RESP
import TestSupport
import Testing

@testable import Proxy

@Suite struct ForeignWriteTests {
    private typealias Sample = ForeignWrites.Sample

    private static func sample(
        _ calls: Int, answered: Int, sent: Int, opaque: Int = 0, isUnderWay: Bool = false,
        process: String = "a"
    ) -> ForeignWrites.Sample {
        .init(
            process: Array(process.utf8), calls: calls, answered: answered, sent: sent,
            opaque: opaque, isOpaqueUnderWay: isUnderWay)
    }

    /// Samples one after the other, and what each brings to light.
    private static let rows: [(String, [(ForeignWrites.Sample, Int)])] = [
        (
            "only its own",
            [
                (sample(0, answered: 0, sent: 0), 0), (sample(10, answered: 10, sent: 10), 0),
                (sample(500, answered: 480, sent: 520), 0),
            ]
        ),
        (
            "others from the start",
            [
                (sample(1_000, answered: 0, sent: 0), 0), (sample(1_007, answered: 2, sent: 2), 5),
                (sample(1_010, answered: 5, sent: 5), 0), (sample(1_011, answered: 5, sent: 5), 1),
            ]
        ),
        (
            "what was on its way at the first sample is its own",
            [
                (sample(100, answered: 90, sent: 120), 0),
                (sample(130, answered: 120, sent: 120), 0),
                (sample(131, answered: 120, sent: 120), 1),
            ]
        ),
        (
            "what is on its way hides as many",
            [
                (sample(0, answered: 0, sent: 0), 0), (sample(5, answered: 0, sent: 3), 2),
                (sample(5, answered: 3, sent: 3), 0),
            ]
        ),
        (
            "another process counts from the beginning",
            [
                (sample(50, answered: 0, sent: 0), 0),
                (sample(1, answered: 0, sent: 0, process: "b"), 0),
                (sample(2, answered: 0, sent: 0, process: "b"), 1),
            ]
        ),
        (
            "counters that were set back",
            [
                (sample(50, answered: 0, sent: 0), 0), (sample(3, answered: 0, sent: 0), 0),
                (sample(5, answered: 0, sent: 0), 2),
            ]
        ),
        (
            "a script may have written anything",
            [
                (sample(0, answered: 0, sent: 0), 0),
                (sample(9, answered: 0, sent: 0, opaque: 1), 0),
                (sample(10, answered: 0, sent: 0, opaque: 1), 1),
            ]
        ),
        (
            "one that is running at the first sample, too",
            [
                (sample(0, answered: 0, sent: 0, opaque: 1, isUnderWay: true), 0),
                (sample(9, answered: 0, sent: 0, opaque: 1), 0),
                (sample(10, answered: 0, sent: 0, opaque: 1), 1),
            ]
        ),
    ]

    @Test(arguments: rows.indices) func counting(_ row: Int) {
        var writes = ForeignWrites()
        for (sample, found) in Self.rows[row].1 {
            #expect(writes.note(sample) == found, "\(Self.rows[row].0): \(sample)")
        }
    }

    /// Calls of commands that write are counted, refused ones too; subcommands by their own flags.
    @Test func calls() {
        let text = """
            # Commandstats\r
            cmdstat_set:calls=5,usec=9,usec_per_call=1.0,rejected_calls=2,failed_calls=1\r
            cmdstat_get:calls=100,usec=9,usec_per_call=1.0,rejected_calls=0,failed_calls=0\r
            cmdstat_xgroup|create:calls=3,usec=9,usec_per_call=1.0,rejected_calls=0,failed_calls=0\r
            cmdstat_xgroup|help:calls=7,usec=9,usec_per_call=1.0,rejected_calls=0,failed_calls=0\r
            cmdstat_json.set:calls=9,usec=9,usec_per_call=1.0,rejected_calls=0,failed_calls=0\r

            """
        #expect(ForeignWrites.calls(in: Array(Wire.bulk(text).utf8), of: .builtIn) == 10)
        #expect(ForeignWrites.calls(in: Array("-NOPERM no INFO\r\n".utf8), of: .builtIn) == nil)
        #expect(
            ForeignWrites.calls(in: Array(Wire.bulk("role:master\r\n").utf8), of: .builtIn) == nil)
    }

    /// What the master counts as a write and no fence knows of is not taken for answered: it may run after the first
    /// look.
    @Test func underWayAtTheFirstLook() {
        let proxy = FreshProxy(isProved: false)
        for _ in 0..<6 { proxy.probe() }
        let client = proxy.driver.connect()
        // Inside MULTI SORT goes to the master as it stands, and counts there.
        for words in [["MULTI"], ["SORT", "l"], ["EXEC"]] {
            proxy.driver.command(words, to: client)
        }
        #expect(proxy.place(of: ["SORT", "l"]) == 0)
        proxy.facts[0].runID = "run-anew"
        proxy.facts[0].calls = 50
        for _ in 0..<6 { proxy.probe() }
        proxy.facts[0].calls += 1
        for _ in 0..<6 { proxy.probe() }
        #expect(proxy.core.operators.foreignWrites.foreign == 0)
    }

    /// Once seen they are told of, and, where the configuration says so, reads that must be fresh are the master's
    /// until a minute has passed without any.
    @Test(arguments: OnForeignWrites.allCases) func whatFollows(_ policy: OnForeignWrites) {
        let proxy = FreshProxy { $0.reads.onForeignWrites = policy }
        let (client, writer) = (proxy.driver.connect(), proxy.driver.connect())
        for _ in 0..<6 { proxy.probe() }
        proxy.write("SET", "a", "1", by: writer)
        proxy.facts[0].calls += 1
        for _ in 0..<6 { proxy.probe() }
        #expect(proxy.core.operators.foreignWrites.foreign == 0)
        #expect(proxy.core.operators.foreignWrites.all == 1)
        proxy.facts[0].calls += 3
        for _ in 0..<6 { proxy.probe() }
        #expect(proxy.core.operators.foreignWrites.foreign == 3)
        #expect(proxy.core.status().foreignWrites?.found == 3)
        let kinds = proxy.core.operators.events.newest(10).map(\.kind)
        #expect(kinds.count { $0 == .foreignWrites } == 1)
        let place = policy == .master ? 0 : 1
        #expect(proxy.ask("GET", "never-written", by: client) == place)
        proxy.answerVetoes()
        proxy.proxy.says("$-1\r\n", on: place == 0 ? proxy.masterReads : proxy.reads(of: 0))
        for _ in 0..<70 { proxy.probe() }
        #expect(proxy.core.operators.events.newest(1).map(\.kind) == [.foreignWritesEnded])
        proxy.publish()
        #expect(proxy.ask("GET", "never-written", by: client) == 1)
    }
}
