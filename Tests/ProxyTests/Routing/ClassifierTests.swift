// Decisions about single requests: commands without a row, arguments, rules, and what MULTI changes.

import RESP
import TestSupport
import Testing

@testable import Proxy

@Suite struct ClassifierTests {
    let table = CommandTable.builtIn

    private func disposition(_ line: String, rules: [CommandRule] = []) -> Disposition {
        disposition(line, by: Classifier(table: table, rules: rules))
    }

    private func disposition(_ line: String, by classifier: Classifier) -> Disposition {
        withRequest(line.split(separator: " ").map(String.init)) {
            classifier.disposition(of: $0, table.find($0))
        }
    }

    /// What nobody knows goes to the master, which says so; the proxy's own commands stay, and HTTP is closed.
    @Test(arguments: [
        ("nosuch", Disposition.unknown), ("JSON.GET k", .unknown), ("proxy help", .own(.proxy)),
        ("SENTINEL masters", .own(.sentinel)), ("POST /", .close), ("Host: a", .close),
        ("host", .unknown), ("SCAN 0", .scan(cursor: 1)), ("hscan k 0", .scan(cursor: 2)),
    ])
    func commandsWithoutARow(_ line: String, _ expected: Disposition) {
        #expect(disposition(line) == expected)
    }

    // MARK: Scripts

    /// A script that says so may go to a replica, as redis-server 7.0.15 reads its first line; where the server
    /// would find a mistake, or read what we do not, it goes to the master.
    @Test(arguments: [
        ("#!lua flags=no-writes\nreturn 1", true),
        ("#!lua  flags=no-writes \r\nreturn 1", true),
        ("#!lua\tflags=allow-stale,no-writes\n", true),
        ("#!lua flags= flags=no-writes\n", true),
        ("#!lua\nreturn 1", false),
        ("#!lua flags=\nreturn 1", false),
        ("#!lua flags=allow-stale\nreturn 1", false),
        ("#!lua flags=no-writes", false),
        ("#!LUA flags=no-writes\n", false),
        ("#!lua FLAGS=no-writes\n", false),
        ("#!lua flags=NO-WRITES\n", false),
        ("#!lua name=a flags=no-writes\n", false),
        ("#!lua flags= no-writes\n", false),
        ("#!lua 'flags=no-writes'\n", false),
        ("#!js flags=no-writes\n", false),
        (" #!lua flags=no-writes\n", false),
        ("return 1\n#!lua flags=no-writes\n", false),
        ("\n", false), ("", false),
        ("#!lua flags=no-writes" + String(repeating: " ", count: 600) + "\n", false),
    ])
    func trap12ScriptsThatPromiseNotToWrite(_ script: String, _ promises: Bool) {
        let bytes = Array(script.utf8)
        #expect(ScriptHeader.promisesNoWrites(bytes.span) == promises)
    }

    /// Where the script's text, digest or name is found, and whether a replica may run it.
    @Test(arguments: [
        ("EVAL s 0", ScriptCall(source: .body, readsOnly: false)),
        ("EVAL_RO s 0", ScriptCall(source: .body, readsOnly: true)),
        ("EVALSHA d 0", ScriptCall(source: .digest, readsOnly: false)),
        ("EVALSHA_RO d 0", ScriptCall(source: .digest, readsOnly: true)),
        ("FCALL f 0", ScriptCall(source: .function, readsOnly: false)),
        ("FCALL_RO f 0", ScriptCall(source: .function, readsOnly: true)),
    ])
    func scriptCalls(_ line: String, _ call: ScriptCall) {
        #expect(disposition(line) == .script(call))
    }

    // MARK: Rules

    /// Rules go before the table, for a container and all its subcommands unless one has a rule of its own.
    @Test func rulesGoBeforeTheTable() {
        let classifier = Classifier(
            table: table,
            rules: [
                CommandRule(name: "CONFIG GET", route: .master),
                CommandRule(name: "CONFIG", route: .refuse),
                CommandRule(name: "KEYS", route: .replica(tag: "slow")),
                CommandRule(name: "LRANGE", route: .replica(tag: "slow")),
                CommandRule(name: "SMEMBERS", route: .replica(tag: "other")),
                CommandRule(name: "GET", route: .master),
                CommandRule(name: "SORT", route: .master),
                CommandRule(name: "DBSIZE", route: .read),
                CommandRule(name: "PFCOUNT", route: .read),
                CommandRule(name: "OBJECT", route: .read),
                CommandRule(name: "SCAN", route: .master),
                CommandRule(name: "EVAL_RO", route: .master),
                CommandRule(name: "DEBUG", route: .master),
                CommandRule(name: "INFO", route: .master),
                CommandRule(name: "JSON.GET", route: .read),
                CommandRule(name: "JSON.SET", route: .refuse),
                CommandRule(name: "GRAPH.RO_QUERY", route: .replica(tag: "slow")),
            ])
        let expected: [(String, Disposition)] = [
            ("CONFIG GET maxmemory", .ask), ("CONFIG SET a b", .refuse(.configured)),
            ("CONFIG", .refuse(.configured)), ("keys *", .tagged(0)), ("LRANGE l 0 1", .tagged(0)),
            ("SMEMBERS s", .tagged(1)), ("GET k", .ask), ("SORT l", .write),
            ("DBSIZE", .read(.asItIs)), ("PFCOUNT h", .read(.asItIs)),
            ("OBJECT ENCODING k", .read(.asItIs)), ("OBJECT HELP", .ask), ("SCAN 0", .ask),
            ("EVAL_RO s 0", .script(ScriptCall(source: .body, readsOnly: false))),
            ("DEBUG SLEEP 0", .ask), ("INFO", .ask), ("json.get k", .read(.asItIs)),
            ("JSON.SET k", .refuse(.configured)), ("graph.ro_query g", .tagged(0)),
            ("MGET k", .read(.asItIs)),
        ]
        #expect(classifier.tags == ["slow", "other"])
        for (line, disposition) in expected {
            #expect(self.disposition(line, by: classifier) == disposition, "\(line)")
        }
    }

    /// Nobody fakes the proxy's own word, whatever a rule says; other channels are anybody's.
    @Test(arguments: [nil, CommandRoute.master])
    func ownChannels(_ route: CommandRoute?) {
        let rules = route.map { [CommandRule(name: "PUBLISH", route: $0)] } ?? []
        let classifier = Classifier(table: .builtIn, rules: rules)
        let rows: [(String, Disposition)] = [
            ("PUBLISH __sluice__:events x", .refuse(.ownChannel)),
            ("publish __sluice__:watermarks:1f 7", .refuse(.ownChannel)),
            ("SPUBLISH __sluice__: x", .refuse(.ownChannel)), ("PUBLISH __sluice__ x", .ask),
            ("PUBLISH __SLUICE__:events x", .ask), ("PUBLISH events __sluice__:events", .ask),
            ("PUBLISH", .ask),
        ]
        for (line, expected) in rows {
            #expect(disposition(line, by: classifier) == expected, "\(line)")
        }
    }

    /// No rule sends a write to a replica, nor a command elsewhere than where it can work; such a rule is left out
    /// if it gets as far as the classifier.
    @Test(arguments: [
        ("SET", CommandRoute.read, "replicas refuse it as a write"),
        ("SORT", .replica(tag: "t"), "replicas refuse it as a write"),
        ("XREADGROUP", .read, "replicas refuse it as a write"),
        ("XGROUP", .read, "replicas refuse it as a write"),
        ("FUNCTION", .read, "FUNCTION DELETE: replicas refuse it as a write"),
        ("EVAL", .read, "does not count it among the reads"),
        ("PUBLISH", .read, "does not count it among the reads"),
        ("CONFIG SET", .read, "does not count it among the reads"),
        ("CONFIG", .replica(tag: "t"), "does not count it among the reads"),
        ("SCAN", .replica(tag: "t"), "cursors"),
        ("EVAL_RO", .replica(tag: "t"), "scripts"),
        ("XREAD", .replica(tag: "t"), "may block"),
        ("XREAD", .master, "may block"),
        ("MULTI", .master, "the client's own connection"),
        ("CLIENT", .master, "the client's own connection"),
        ("SUBSCRIBE", .read, "does not count it among the reads"),
        ("PSYNC", .master, "would break a connection"),
        ("SCRIPT DEBUG", .master, "would break a connection"),
        ("CONFIG NOSUCH", .refuse, "no such subcommand"),
        ("GET KEY", .refuse, "no such subcommand"),
    ])
    func rulesThatCannotBeFollowed(_ name: String, _ route: CommandRoute, _ reason: String) {
        let rule = CommandRule(name: name, route: route)
        let objection = Classifier.objection(to: rule)
        #expect(objection?.contains(reason) == true, "\(objection ?? "none")")

        let ruled = Classifier(table: table, rules: [rule])
        let plain = Classifier(table: table, rules: [])
        for id in CommandID.allCases {
            #expect(ruled.commandClass(of: id) == plain.commandClass(of: id))
        }
    }

    /// Every command may be refused, and no rule makes a read of a row that has the flag of a write.
    @Test(arguments: CommandID.allCases)
    func everyRowUnderEveryRule(_ id: CommandID) {
        let row = table[id]
        let name = row.displayName
        #expect(Classifier.objection(to: CommandRule(name: name, route: .refuse)) == nil)
        for route in [CommandRoute.read, .replica(tag: "t"), .master] {
            let rule = CommandRule(name: name, route: route)
            let classifier = Classifier(table: table, rules: [rule])
            guard row.flags.contains(.write), route != .master else { continue }
            #expect(Classifier.objection(to: rule) != nil, "\(name)")
            #expect(classifier.commandClass(of: id) == CommandClass.of(id), "\(name)")
        }
    }

    // MARK: Between MULTI and EXEC

    private func refusal(_ line: String, by classifier: Classifier) -> String {
        withRequest(line.split(separator: " ").map(String.init)) { request in
            guard let refusal = classifier.refusalInTransaction(request, table.find(request))
            else { return "" }
            var output = OutputQueue(pool: BlockPool())
            refusal.write(request, to: &output)
            var text: [UInt8] = []
            output.drain { pieces in
                for index in 0..<pieces.count { text.append(pieces[index]) }
                return text.count
            }
            return String(decoding: text, as: UTF8.self)
        }
    }

    /// What MULTI refuses, in redis-server's words where it refuses the same; what the master does not have is
    /// unknown as soon as its COMMAND has been read.
    @Test func trap14MistakesInTransactions() {
        var classifier = Classifier(
            table: table, rules: [CommandRule(name: "KEYS", route: .refuse)])
        let before: [(String, String)] = [
            ("GET k", ""), ("BLPOP k 0", ""), ("WAIT 0 0", ""), ("INFO", ""), ("nosuch", ""),
            ("UNWATCH", ""), ("SCRIPT LOAD s", ""),
            ("SCAN 0", "-ERR 'SCAN' is not served by this proxy inside MULTI: its cursor"),
            ("SAVE", "-ERR Command not allowed inside a transaction\r\n"),
            ("Config nosuch", "-ERR unknown subcommand 'nosuch'. Try CONFIG HELP.\r\n"),
            ("KEYS *", "-ERR 'KEYS' is not served by this proxy inside MULTI: its configuration"),
            ("SELECT 1", "-ERR 'SELECT' is not served by this proxy inside MULTI: the proxy"),
            ("SUBSCRIBE a", "-ERR 'SUBSCRIBE' is not served by this proxy inside MULTI: it needs"),
            ("PROXY HELP", "-ERR 'PROXY' is not served by this proxy inside MULTI: the proxy"),
            ("DEBUG SLEEP 1", "-ERR 'DEBUG' is not served by this proxy inside MULTI: it is for"),
        ]
        for (line, text) in before {
            #expect(refusal(line, by: classifier).hasPrefix(text), "\(line)")
            if text.isEmpty { #expect(refusal(line, by: classifier).isEmpty, "\(line)") }
        }

        classifier.learn(
            LearntCommands(
                LearntCommandsTests.reply([
                    ("get", 2, ["readonly"], []), ("json.get", -2, ["readonly"], []),
                    ("mod", -2, [], ["mod|sub"]),
                ])))
        let after: [(String, String)] = [
            ("GET k", ""), ("JSON.GET k", ""), ("MOD SUB", ""), ("SELECT 1", "-ERR 'SELECT'"),
            ("JSON.get", "-ERR wrong number of arguments for 'json.get' command\r\n"),
            ("Mod nosuch", "-ERR unknown subcommand 'nosuch'. Try MOD HELP.\r\n"),
            ("HGETDEL k", "-ERR unknown command 'HGETDEL', with args beginning with: 'k' \r\n"),
            ("nosuch a b", "-ERR unknown command 'nosuch', with args beginning with: 'a' 'b' \r\n"),
            ("nosuch", "-ERR unknown command 'nosuch', with args beginning with: \r\n"),
        ]
        for (line, text) in after {
            #expect(refusal(line, by: classifier).hasPrefix(text), "\(line)")
            if text.isEmpty { #expect(refusal(line, by: classifier).isEmpty, "\(line)") }
        }
    }
}
