// Keys of commands that the table does not have: as far as the master's COMMAND tells them.

import RESP
import TestSupport
import Testing

@testable import Proxy

@Suite struct LearntKeyTests {
    /// A command as COMMAND tells of it: name, flags, first key, last key, step.
    private typealias Row = (name: String, flags: [String], first: Int, last: Int, step: Int)

    private static let rows: [Row] = [
        ("json.set", ["write"], 1, 1, 1), ("json.get", ["readonly"], 1, 1, 1),
        ("json.mget", ["readonly"], 1, -2, 1), ("json.mset", ["write"], 1, -1, 3),
        ("mod.move", ["write", "movablekeys"], 1, 1, 1), ("mod.all", ["write"], 0, 0, 0),
        ("mod.list", ["readonly"], 0, 0, 0), ("mod.admin", [], 1, 1, 1),
        ("ft.search", ["readonly"], 1, 1, 1), ("ts.add", ["write"], 1, 1, 1),
        ("ft", ["write"], 1, 1, 1), ("mod.far", ["write"], 1, -1, .max),
        ("mod.back", ["write"], 1, .min, 1), ("mod.none", ["write"], .max, .max, 1),
    ]

    private static func learn(_ rows: [Row]) -> LearntCommands {
        let commands = rows.map { row in
            Reply.array([
                .bulk(Array(row.name.utf8)), .integer(-1),
                .array(row.flags.map { .simple(Array($0.utf8)) }), .integer(row.first),
                .integer(row.last), .integer(row.step),
            ])
        }
        return LearntCommands(.array(commands))!
    }

    /// Places of keys; nil: they may be any.
    @Test(arguments: [
        ("JSON.SET a $ 1", [1]), ("json.get a", [1]), ("JSON.MGET a b c $", [1, 2, 3]),
        ("JSON.MGET $", nil), ("JSON.MSET a $ 1 b $ 2", [1, 4]), ("JSON.SET", nil),
        ("MOD.MOVE a", nil), ("MOD.ALL a", nil), ("MOD.LIST a", nil), ("MOD.ADMIN a", nil),
        ("FT.SEARCH index q", nil), ("TS.ADD a 1 1", nil), ("FT a", [1]), ("NO.SUCH a", nil),
        ("MOD.FAR a", nil), ("MOD.BACK a", nil), ("MOD.NONE a", nil),
    ])
    func keys(_ line: String, _ expected: [Int]?) {
        var found = FoundKeys()
        let learnt = Self.learn(Self.rows)
        withRequest(line.split(separator: " ").map(String.init)) { request in
            let scope = learnt.keys(of: request, into: &found)
            #expect(scope == (expected == nil ? .everything : .keys))
            if let expected { #expect(found.positions.map(\.index) == expected) }
        }
    }

    /// A write of a module fences its keys and no others, and a read of one needs its keys alone; where the keys cannot
    /// be told, it is all keys.
    @Test(arguments: [
        (["JSON.SET", "k", "$", "1"], ["JSON.GET", "k"], false),
        (["JSON.SET", "k", "$", "1"], ["JSON.GET", "j"], true),
        (["JSON.SET", "k", "$", "1"], ["GET", "j"], true),
        (["JSON.MSET", "x", "$", "1", "k", "$", "1"], ["JSON.MGET", "j", "k", "$"], false),
        (["MOD.ALL", "k"], ["JSON.GET", "j"], false),
        (["TS.ADD", "k", "1", "1"], ["GET", "j"], false),
        (["JSON.SET", "k", "$", "1"], ["FT.SEARCH", "j", "q"], false),
        (["SET", "k", "1"], ["JSON.GET", "j"], true),
        (["SET", "k", "1"], ["JSON.GET", "k"], false),
    ])
    func fences(_ write: [String], _ read: [String], _ isElsewhere: Bool) {
        let proxy = FreshProxy()
        proxy.core.classifier.learn(Self.learn(Self.rows))
        let (writer, reader) = (proxy.driver.connect(), proxy.driver.connect())
        proxy.driver.command(write, to: writer)
        #expect(proxy.place(of: write) == 0)
        proxy.driver.command(read, to: reader)
        #expect(proxy.place(of: read) == (isElsewhere ? 1 : 0))
    }
}
