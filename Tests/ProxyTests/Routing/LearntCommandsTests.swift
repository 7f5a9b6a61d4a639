// Commands of modules and of servers to come, as a server's COMMAND tells of them.

import RESP
import Testing

@testable import Proxy

@Suite struct LearntCommandsTests {
    /// A reply to COMMAND as RESP2 has it, from names, arities, flags and subcommands.
    static func reply(_ commands: [(String, Int, [String], [String])]) -> Reply {
        .array(
            commands.map { name, arity, flags, subcommands in
                entry(name, arity, flags, subcommands.map { entry($0, 2, ["readonly"], []) })
            })
    }

    private static func entry(
        _ name: String, _ arity: Int, _ flags: [String], _ subcommands: [Reply]
    ) -> Reply {
        .array([
            .bulk(Array(name.utf8)), .integer(arity),
            .array(flags.map { .simple(Array($0.utf8)) }), .integer(1), .integer(1), .integer(1),
            .array([]), .array([]), .array([]), .array(subcommands),
        ])
    }

    private func disposition(_ line: String, _ learnt: LearntCommands) -> Disposition? {
        withRequest(line.split(separator: " ").map(String.init)) { learnt.disposition(of: $0) }
    }

    /// Each combination of flags goes to the safest place that serves it.
    @Test(arguments: [
        (["readonly"], Disposition.read(.asItIs)),
        (["readonly", "fast", "movablekeys"], .read(.asItIs)),
        (["write", "denyoom"], .write), (["readonly", "write"], .write),
        (["readonly", "may_replicate"], .ask), (["readonly", "admin"], .ask),
        (["readonly", "blocking"], .blocking), (["write", "blocking"], .blocking),
        (["pubsub", "noscript"], .refuse(.subscription)), (["pubsub", "fast"], .ask),
        (["admin", "noscript"], .ask), ([], .ask),
    ])
    func flagsDecide(_ flags: [String], _ expected: Disposition) throws {
        let learnt = try #require(LearntCommands(Self.reply([("new.command", -1, flags, [])])))
        #expect(disposition("New.Command k", learnt) == expected)
        #expect(disposition("new.commands k", learnt) == nil)
    }

    /// Subcommands are found behind their container, in any case, and the container without one too.
    @Test func subcommands() throws {
        let learnt = try #require(
            LearntCommands(
                Self.reply([
                    ("mod", -2, [], ["mod|get", "other|set"]), ("get", 2, ["write"], []),
                ])))
        #expect(learnt.count == 3)
        #expect(disposition("MOD Get k", learnt) == .read(.asItIs))
        #expect(disposition("mod nosuch", learnt) == .ask)
        #expect(disposition("mod set", learnt) == .ask)
        #expect(disposition("mod", learnt) == .ask)
    }

    /// Names longer than the command table could have, and more of them than a table begins with.
    @Test func manyLongNames() throws {
        let names = (0..<2_000).map { "a.module.with.a.long.name.\($0)" }
        let learnt = try #require(
            LearntCommands(Self.reply(names.map { ($0, 2, ["readonly"], []) })))
        #expect(learnt.count == 2_000)
        for name in names {
            #expect(disposition(name.uppercased(), learnt) == .read(.asItIs))
        }
        #expect(disposition("a.module.with.a.long.name.2000", learnt) == nil)
    }

    /// What is beyond the limits stays unknown, and so do entries of another form; a reply that is no list of
    /// commands teaches nothing.
    @Test func limitsAndMalformedReplies() throws {
        let many = (0..<LearntCommands.most + 10).map { ("c\($0)", 1, ["readonly"], [String]()) }
        let learnt = try #require(LearntCommands(Self.reply(many)))
        #expect(learnt.count == LearntCommands.most)
        #expect(disposition("c\(LearntCommands.most)", learnt) == nil)

        let long = String(repeating: "x", count: LearntCommands.longestName + 1)
        let odd: [Reply] = [
            .integer(1), .array([]), .array([.bulk(Array("short".utf8)), .integer(1)]), .null,
            Self.entry(long, 1, [], []), Self.entry("", 1, [], []), Self.entry("ok", 1, [], []),
            Self.entry("OK", 1, ["readonly"], []),
        ]
        let rest = try #require(LearntCommands(.array(odd)))
        #expect(rest.count == 1)
        #expect(disposition("ok", rest) == .ask)

        for reply in [Reply.error(Array("ERR".utf8)), .array([]), .null, .array([.integer(1)])] {
            #expect(LearntCommands(reply) == nil)
        }
    }

    /// RESP3 has flags and subcommands in sets.
    @Test func resp3() throws {
        let reply = Reply.array([
            .array([
                .bulk(Array("m".utf8)), .integer(-2), .set([.simple(Array("readonly".utf8))]),
                .integer(0), .integer(0), .integer(0), .set([]), .array([]), .array([]),
                .array([]),
            ])
        ])
        let learnt = try #require(LearntCommands(reply))
        #expect(disposition("M x", learnt) == .read(.asItIs))
    }

    /// RediSearch says that its cursors are reads; they are known to one server alone.
    @Test func cursorsOfOneServer() throws {
        let learnt = try #require(
            LearntCommands(
                Self.reply([
                    ("FT.SEARCH", -3, ["readonly"], []), ("FT.AGGREGATE", -3, ["readonly"], []),
                    ("FT.CURSOR", -1, ["readonly"], []),
                ])))
        #expect(disposition("FT.SEARCH i q", learnt) == .read(.asItIs))
        #expect(disposition("FT.AGGREGATE i q", learnt) == .ask)
        #expect(disposition("FT.CURSOR READ i 1", learnt) == .ask)
    }
}
