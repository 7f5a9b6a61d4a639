// CLIENT: its options, its errors and its lines, held against a live redis-server.

import RESP
import TestSupport
import Testing

@testable import Proxy

@Suite struct ClientCommandTests {
    /// What the proxy would say to a line; nil when it takes it.
    private func refusal(_ line: String) -> String? {
        let table = CommandTable.builtIn
        do throws(CommandRefusal) {
            try withRequest(line) { (request: Request) throws(CommandRefusal) in
                guard let id = table.find(request) else { throw CommandRefusal("no such command") }
                let row = table[id]
                guard row.accepts(argumentCount: request.count) else {
                    throw .wrongCount(row.name.description)
                }
                switch id {
                case .clientList: _ = try ClientListFilter(request)
                case .clientKill:
                    _ = try ClientKillFilter(request) { $0.equalsIgnoringCase("default") }
                case .clientPause: _ = try ClientPause(request)
                case .clientReply: _ = try ClientReplyMode(request)
                case .clientNoEvict: _ = try ClientSwitch(request)
                case .clientUnblock: _ = try ClientUnblock(request)
                case .client where request.count > 1:
                    throw .unknownSubcommand(request[1], of: "client")
                default: break
                }
            }
            return nil
        } catch {
            return error.text
        }
    }

    static let rows: [String] = [
        "client", "client foo", "client list type", "client list type foo",
        "client list type normal x", "client list id", "client list id x", "client list id 0",
        "client list id 99 98", "client list foo", "client list type MASTER", "client kill",
        "client kill 1.2.3.4:1", "client kill id", "client kill id x", "client kill id 0",
        "client kill id -1", "client kill id 1 x", "client kill type foo", "client kill addr x",
        "client kill laddr x", "client kill user nobody", "client kill user default skipme",
        "client kill user default skipme maybe", "client kill foo bar",
        "client kill id 99 type normal", "client kill type slave", "client kill type replica",
        "client kill id 99 skipme no", "client kill maxage 1", "client pause", "client pause x",
        "client pause -1", "client pause x foo", "client pause 0 foo", "client pause 0 write extra",
        "client pause 99999999999999999999", "client pause 0 WRITE", "client pause 0 all",
        "client pause 1.5", "client unpause x", "client unpause", "client reply",
        "client reply foo", "client no-evict", "client no-evict foo", "client no-evict on",
        "client no-evict off", "client unblock", "client unblock x", "client unblock 1 foo",
        "client unblock x foo", "client unblock 99", "client unblock 99 error",
        "client unblock 99 timeout", "client unblock 99 error x", "client id x", "client info x",
    ]

    /// Whatever redis-server refuses, or takes, so do we, in the same words.
    @Test func errorsAreThoseOfRedis() throws {
        guard let server = try RedisServer.start() else { return }
        let client = try server.client()
        for row in ClientCommandTests.rows {
            let reply = try client.run(row.split(separator: " ").map(String.init))
            var theirs = reply.isError ? reply.text : nil
            // Not a refusal of the options: nobody fits them.
            if theirs == "ERR No such client" { theirs = nil }
            #expect(refusal(row) == theirs, "\(row)")
        }
    }

    private func kill(_ line: String) throws -> ClientKillFilter {
        try withRequest(line) { (request: Request) throws(CommandRefusal) in
            try ClientKillFilter(request) { _ in true }
        }
    }

    private static let ann: ClientLine = {
        var line = ClientLine(id: 5, address: "10.0.0.1:5", localAddress: "10.0.0.9:7379")
        line.user = Array("ann".utf8)
        line.flags = [.subscribed]
        return line
    }()

    /// Each option picks the clients that fit; all given ones must.
    @Test(arguments: [
        ("CLIENT KILL 10.0.0.1:5", true, true), ("CLIENT KILL 10.0.0.1:6", false, false),
        ("CLIENT KILL ID 5", true, false), ("CLIENT KILL ID 5 SKIPME no", true, true),
        ("CLIENT KILL ID 6", false, false), ("CLIENT KILL ADDR 10.0.0.1:5", true, false),
        ("CLIENT KILL LADDR 10.0.0.9:7379", true, false), ("CLIENT KILL LADDR x", false, false),
        ("CLIENT KILL USER ann", true, false), ("CLIENT KILL USER bob", false, false),
        ("CLIENT KILL TYPE pubsub", true, false), ("CLIENT KILL TYPE normal", false, false),
        ("CLIENT KILL TYPE replica", false, false),
        ("CLIENT KILL USER ann TYPE pubsub ID 5", true, false),
        ("CLIENT KILL USER ann TYPE normal ID 5", false, false),
    ])
    func killFilter(line: String, matchesOther: Bool, matchesCaller: Bool) throws {
        let filter = try kill(line)
        #expect(filter.matches(ClientCommandTests.ann, caller: 1) == matchesOther)
        #expect(filter.matches(ClientCommandTests.ann, caller: 5) == matchesCaller)
    }

    /// The old form says OK or that there is nobody; the new one counts.
    @Test func killReplies() throws {
        let (old, new) = (try kill("CLIENT KILL a:1"), try kill("CLIENT KILL ADDR a:1"))
        #expect(text(output { old.reply(closed: 1, to: &$0) }) == "+OK\r\n")
        #expect(text(output { old.reply(closed: 0, to: &$0) }) == "-ERR No such client\r\n")
        #expect(text(output { new.reply(closed: 0, to: &$0) }) == ":0\r\n")
    }

    /// LIST's options pick lines.
    @Test(arguments: [
        ("CLIENT LIST", true), ("CLIENT LIST ID 4 5", true), ("CLIENT LIST ID 4", false),
        ("CLIENT LIST TYPE pubsub", true), ("CLIENT LIST TYPE normal", false),
    ])
    func listFilter(line: String, matches: Bool) throws {
        let filter = try withRequest(line) { (request: Request) throws(CommandRefusal) in
            try ClientListFilter(request)
        }
        #expect(filter.matches(ClientCommandTests.ann) == matches)
    }

    /// A pause has a mode and an end that can be added to any time.
    @Test func pauses() throws {
        let pause = { (line: String) throws(CommandRefusal) in
            try withRequest(line) { (request: Request) throws(CommandRefusal) in
                try ClientPause(request)
            }
        }
        #expect(try pause("CLIENT PAUSE 100").duration == .milliseconds(100))
        #expect(try pause("CLIENT PAUSE 100").mode == .all)
        #expect(try pause("CLIENT PAUSE 100 write").mode == .writes)
        let longest = try pause("CLIENT PAUSE 9223372036854775807")
        #expect(longest.duration == ClientPause.longest)
        #expect(Instant(nanoseconds: 1 << 60) + longest.duration > Instant(nanoseconds: 1 << 60))
    }

    /// A line has the fields of a live redis-server's, in their order.
    @Test func linesHaveTheFieldsOfRedis() throws {
        guard let server = try RedisServer.start() else { return }
        let client = try server.client()
        let theirs = try #require(client.run("CLIENT", "LIST").text)
        let fields = { (line: String) in
            line.split(separator: " ").map { $0.prefix { $0 != "=" } }
        }
        let line = ClientLine(id: 1, address: "127.0.0.1:1", localAddress: "127.0.0.1:2")
        var ours = text(ClientLine.text(of: [line]))
        #expect(ours.hasSuffix("\n"))
        ours.removeLast()
        #expect(fields(ours) == fields(String(theirs.dropLast())))
    }

    /// Values stand where they belong, lines by rising id.
    @Test func lines() {
        var line = ClientCommandTests.ann
        line.name = Array("app".utf8)
        line.age = 9
        line.idle = 2
        line.flags = [.transaction, .tracking, .noEvict, .subscribed]
        line.database = 3
        line.queuedRequests = 4
        line.command = "client|list"
        line.version = .resp3
        line.unreadOutput = 11
        line.hasOutput = true
        let other = ClientLine(id: 2, address: "a:1", localAddress: "b:2")
        let lines = text(ClientLine.text(of: [line, other])).split(separator: "\n")
        #expect(lines[0].hasPrefix("id=2 addr=a:1 laddr=b:2 fd=0 name= age=0 idle=0 flags=N "))
        #expect(lines[0].hasSuffix("events=r cmd=NULL user=default redir=-1 resp=2"))
        #expect(
            lines[1] == "id=5 addr=10.0.0.1:5 laddr=10.0.0.9:7379 fd=0 name=app age=9 idle=2 "
                + "flags=Pxte db=3 sub=0 psub=0 ssub=0 multi=4 qbuf=0 qbuf-free=0 argv-mem=0 "
                + "multi-mem=0 rbs=0 rbp=0 obl=11 oll=0 omem=11 tot-mem=0 events=rw "
                + "cmd=client|list user=ann redir=-1 resp=3")
    }
}
