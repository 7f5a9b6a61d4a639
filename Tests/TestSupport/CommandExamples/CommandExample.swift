// A request for each row of the command table, with what the proxy is to do with it.

import RESP
import Testing

/// One request and where it goes.
public struct CommandExample: Sendable, CustomTestStringConvertible {
    /// Where the proxy sends a request.
    public enum Place: String, CaseIterable, Sendable {
        /// To any server that reads go to.
        case read
        /// To the master, which it may change.
        case write
        /// To the master, which it does not change.
        case ask
        /// As a read when the cursor is 0, else back to the server that gave it.
        case scan
        /// A script that only the master may run.
        case script
        /// A script that replicas may run too.
        case readingScript
        /// To every server.
        case everywhere
        /// To the master, on connections of their own.
        case blocking, waiting
        /// Depends on the state of the session.
        case transaction, subscription, pinning, session
        /// Answered by the proxy.
        case local
        case refused
    }

    /// What becomes of it behind MULTI.
    public enum InMulti: String, Sendable {
        case queued
        /// An error that leaves the transaction as it was.
        case mistaken
        case ends
        /// An error that makes EXEC fail.
        case refused
    }

    /// The name of its row: `client|id`.
    public let name: String
    /// What a replica is sent instead of the name; nil when that stays.
    public let form: String?
    public let place: Place
    public let inMulti: InMulti
    public let words: [String]
    /// Whether redis-server 7.0 has the command.
    public let isInRedis7: Bool

    public var testDescription: String { words.joined(separator: " ") }

    /// As a replica is sent it.
    public var wordsForReplica: [String] {
        form.map { [$0] + words.dropFirst() } ?? words
    }

    /// A line of a group: the place, the form behind `as`, what MULTI makes of it if that is unusual, a colon, and
    /// the words of the request.
    init(_ line: String) {
        let sides = line.split(separator: ":", maxSplits: 1)
        precondition(sides.count == 2, "an example without a colon: \(line)")
        var facts = sides[0].split(separator: " ").map(String.init)
        guard let place = Place(rawValue: facts.removeFirst()) else {
            preconditionFailure("an example that goes nowhere: \(line)")
        }
        self.place = place
        if facts.first == "as" {
            form = facts[1]
            facts.removeFirst(2)
        } else {
            form = nil
        }
        words = sides[1].split(separator: " ").map {
            CommandExample.scripts[String($0)] ?? String($0)
        }

        let table = CommandTable.builtIn
        guard let id = CommandExample.find(words, in: table) else {
            preconditionFailure("an example of no command: \(line)")
        }
        name = "\(table[id].name)"
        isInRedis7 = table[id].isInRedis7
        let isUnknownSubcommand = table[id].isContainer && words.count > 1
        inMulti =
            facts.first.flatMap(InMulti.init)
            ?? (isUnknownSubcommand ? .refused : CommandExample.usual(place))
    }

    private static func usual(_ place: Place) -> InMulti {
        switch place {
        case .read, .write, .ask, .script, .readingScript, .everywhere, .blocking, .waiting,
            .local:
            .queued
        case .transaction: .mistaken
        case .scan, .subscription, .pinning, .session, .refused: .refused
        }
    }

    private static func find(_ words: [String], in table: CommandTable) -> CommandID? {
        let request = words.map { Array($0.utf8) }
        let bytes = request.flatMap { $0 }
        var end = 0
        let ranges = request.map { word in
            defer { end += word.count }
            return ByteRange(end, end + word.count)
        }
        return table.find(Request(bytes: bytes.span, ranges: ranges.span))
    }

    /// Words that cannot stand in a line.
    private static let scripts = [
        "{plain}": "return redis.call('GET', KEYS[1])",
        "{no-writes}": "#!lua flags=no-writes\nreturn redis.call('GET', KEYS[1])",
        "{allow-stale}": "#!lua flags=allow-stale\nreturn 1",
        "{several}": "#!lua flags=allow-stale,no-writes\nreturn 1",
        "{library}": "#!lua name=other\nredis.register_function('three', function() return 3 end)",
        "{digest}": "e0e1f9fabfc9d4800c877a703b823ac0578ff8db",
        "{empty}": "",
    ]
}

/// All examples, in the groups of the command table.
public enum CommandExamples {
    public static let all: [CommandExample] = groups.flatMap { group in
        group.split(separator: "\n").map { CommandExample(String($0)) }
    }

    private static let groups = [
        strings, lists, sets, sortedSets, hashes, bitmaps, hyperLogLogs, geo, streams, generic,
        pubSub, transactions, connections, cluster, scripting, server, serverTools,
    ]

    /// What a master is to have so that the examples find what they ask for.
    public static let data: [[String]] =
        [
            "FLUSHALL",
            "SET string text",
            "SET number 10",
            "SETBIT bits 7 1",
            "RPUSH list 3 1 2",
            "SADD set a b c",
            "SADD set2 b c d",
            "ZADD zset 1 a 2 b 3 c",
            "ZADD zset2 1 b 2 c",
            "HSET hash f 1 g two",
            "PFADD hll a b c",
            "GEOADD geo 13.361389 38.115556 Palermo 15.087269 37.502669 Catania",
            "XADD stream 1-1 f v",
            "XGROUP CREATE stream group 0",
            "XGROUP CREATECONSUMER stream group consumer",
        ].map { $0.split(separator: " ").map(String.init) } + [
            [
                "FUNCTION", "LOAD", "REPLACE",
                """
                #!lua name=examples
                redis.register_function('one', function() return 1 end)
                redis.register_function{
                    function_name = 'two', callback = function() return 2 end, flags = {'no-writes'}}
                """,
            ]
        ]
}
