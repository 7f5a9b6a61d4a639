// The proxy's classes held against a live master and its replica: whatever is sent to replicas runs there, and
// what is kept from them is refused there. The proxy itself is not in these tests.

import RESP
import TestSupport
import Testing

@testable import Proxy

@Suite struct CommandExamplesTests {
    /// A master with the data of the examples and a replica that has it too.
    private struct Pair {
        let servers: [LiveServer]
        let master: RESPClient
        let replica: RESPClient

        /// Nil, with a line that says so, without a redis-server 7.0.
        static func start() throws -> Pair? {
            guard let first = try RedisServer.start() else { return nil }
            guard try RedisServer.version(try first.client()).starts(with: [7, 0]) else {
                printSkipped("redis-server is not 7.0, whose commands have examples")
                return nil
            }
            let following = [
                "--replicaof", "127.0.0.1 \(first.port)", "--repl-diskless-sync-delay", "0",
            ]
            guard let second = try RedisServer.start(following) else { return nil }
            let pair = Pair(
                servers: [first, second], master: try first.client(), replica: try second.client())
            for words in CommandExamples.data {
                let reply = try pair.master.run(words)
                #expect(!reply.isError, "\(words): \(reply)")
            }
            let isThere = try wait { try pair.replica.run("EXISTS", "stream").number == 1 }
            #expect(isThere)
            _ = try pair.master.run("WAIT", "1", "30000")
            return pair
        }
    }

    private static let random: Set = [
        "hrandfield", "lolwut", "srandmember", "zrandmember",
        // Tells how many milliseconds a consumer has been idle.
        "xinfo|consumers",
    ]
    /// Sets and the keyspace have another order in each server.
    private static let unordered: Set = ["keys", "sdiff", "sinter", "smembers", "sunion"]

    /// Every read of redis-server 7.0 runs on a replica and says there what the master says; those with a form
    /// of their own for replicas are refused there as they stand.
    @Test func trap1ReadsRunOnReplicas() throws {
        guard let pair = try Pair.start() else { return }
        let reads = CommandExamples.all.filter { $0.isInRedis7 && $0.place == .read }
        #expect(reads.count > 80)
        for example in reads {
            let onReplica = try pair.replica.run(example.wordsForReplica)
            #expect(!onReplica.isError, "\(example): \(onReplica)")
            let onMaster = try pair.master.run(example.words)
            if Self.unordered.contains(example.name) {
                #expect(Set(onReplica.items ?? []) == Set(onMaster.items ?? []), "\(example)")
            } else if !Self.random.contains(example.name) {
                #expect(onReplica == onMaster, "\(example)")
            }
            if example.form != nil {
                let asItStands = try pair.replica.run(example.words)
                #expect(asItStands.text?.hasPrefix("READONLY") == true, "\(example): \(asItStands)")
            }
        }
    }

    /// No command that goes to replicas as it stands has the flag of a write in the live COMMAND, and all that
    /// have it are kept from them.
    @Test func trap1FlagsOfTheLiveServer() throws {
        guard let pair = try Pair.start() else { return }
        var writes: Set<String> = []
        func collect(_ entry: WireReply) {
            guard let items = entry.items, items.count == 10, let name = items[0].text else {
                return
            }
            if items[2].items?.contains(where: { $0.text == "write" }) == true {
                writes.insert(name)
            }
            items[9].items?.forEach(collect)
        }
        let commands = try #require(try pair.master.run("COMMAND").items)
        commands.forEach(collect)
        #expect(writes.count > 100)
        for example in CommandExamples.all where example.isInRedis7 && example.form == nil {
            if [.read, .scan, .readingScript].contains(example.place) {
                #expect(!writes.contains(example.name), "\(example)")
            }
        }
    }

    /// What the classes call a write is refused by a replica, whatever it looks like. PFCOUNT alone would run
    /// there: it is kept from replicas for what it does on a master.
    @Test func trap3ReplicasRefuseWrites() throws {
        guard let pair = try Pair.start() else { return }
        let writes = CommandExamples.all.filter { $0.isInRedis7 && $0.place == .write }
        #expect(writes.count > 110)
        for example in writes where example.words.count > 1 || !needsArguments(example) {
            let reply = try pair.replica.run(example.words).text ?? ""
            let runs = example.name == "pfcount"
            let isWrong = reply.contains("wrong number of arguments")
            #expect(runs || isWrong || reply.hasPrefix("READONLY"), "\(example): \(reply)")
        }
        for example in CommandExamples.all
        where example.isInRedis7 && example.place == .readingScript {
            let reply = try pair.replica.run(example.words).text ?? ""
            #expect(!reply.hasPrefix("READONLY"), "\(example): \(reply)")
        }
    }

    private func needsArguments(_ example: CommandExample) -> Bool {
        !["flushall", "flushdb"].contains(example.name)
    }

    /// Behind MULTI the live server does with each command what the catalogue says the proxy does, wherever the
    /// proxy does not refuse what it could not do.
    @Test func trap14InsideMulti() throws {
        guard let pair = try Pair.start() else { return }
        let client = pair.master
        let table = CommandTable.builtIn
        for example in CommandExamples.all where example.isInRedis7 {
            let row = try #require(withRequest(example.words) { table.find($0) }.map { table[$0] })
            guard row.accepts(argumentCount: example.words.count) else { continue }
            switch example.inMulti {
            case .ends: continue
            case .refused where example.name != "save" && !row.isContainer: continue
            case .queued, .mistaken, .refused: break
            }
            _ = try client.run("MULTI")
            let reply = try client.run(example.words)
            switch example.inMulti {
            case .queued:
                #expect(reply == .simple("QUEUED"), "\(example): \(reply)")
                _ = try client.run("DISCARD")
            case .mistaken:
                #expect(reply.isError, "\(example): \(reply)")
                #expect(try client.run("EXEC") == .array([]), "\(example)")
            case .refused:
                let words = row.isContainer ? "ERR unknown subcommand" : "ERR Command not allowed"
                #expect(reply.text?.hasPrefix(words) == true, "\(example): \(reply)")
                #expect(try client.run("EXEC").text?.hasPrefix("EXECABORT") == true, "\(example)")
            case .ends: break
            }
        }
    }

    private func parse(_ bytes: [UInt8]) throws -> Reply {
        var parser = ReplyParser()
        parser.append(bytes.span)
        guard let reply = try parser.next() else { throw SupportError("no whole reply") }
        return reply
    }

    /// The rules for commands without a row, tried on those that have one: what they would send to replicas is
    /// what the table sends there, but for commands that the table has a reason to keep at the master.
    @Test func whatCommandTellsIsSafe() throws {
        guard let pair = try Pair.start() else { return }
        try pair.master.send(["COMMAND"])
        let reply = try parse(try pair.master.readReplyBytes())
        let learnt = try #require(LearntCommands(reply))
        #expect(learnt.count == 366)

        let table = CommandTable.builtIn
        let kept: Set = [
            "dbsize", "memory|usage", "object|encoding", "object|freq", "object|idletime",
            "object|refcount", "pfcount", "randomkey", "touch",
        ]
        var different: Set<String> = []
        for id in CommandID.allCases where table[id].isInRedis7 {
            let name = "\(table[id].name)"
            let words = name.split(separator: "|").map(String.init)
            let disposition = withRequest(words) { learnt.disposition(of: $0) }
            guard disposition == .read(.asItIs) else { continue }
            let isSent = CommandClass.of(id).dispositions.allSatisfy {
                switch $0 {
                case .read(.asItIs), .scan: true
                case .script(let call): call.readsOnly
                default: false
                }
            }
            if !isSent { different.insert(name) }
        }
        #expect(different == kept)
    }
}
