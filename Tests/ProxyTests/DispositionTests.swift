// What the proxy does with every command: nothing that acts on a shared connection may reach it.

import RESP
import Testing

@testable import Proxy

@Suite struct DispositionTests {
    /// Everything that is not forwarded, by name; a command that is added to the table is forwarded unless it is
    /// put here, so whoever adds one that is about its connection finds this list.
    static let kept: [String: Disposition] = {
        var kept: [String: Disposition] = [:]
        for name in ["select", "quit", "hello"] { kept[name] = .local }
        for name in ["auth", "reset", "readonly", "readwrite", "asking", "script|debug"] {
            kept[name] = .refuse(.changesTheConnection)
        }
        for name in ["multi", "exec", "discard", "watch", "unwatch"] {
            kept[name] = .refuse(.transaction)
        }
        for name in ["monitor", "sync", "psync", "replconf"] { kept[name] = .refuse(.stream) }
        for name in ["shutdown", "replicaof", "slaveof", "failover", "debug"] {
            kept[name] = .refuse(.operators)
        }
        for name in [
            "subscribe", "psubscribe", "ssubscribe", "unsubscribe", "punsubscribe", "sunsubscribe",
        ] { kept[name] = .refuse(.subscription) }
        for name in [
            "blpop", "brpop", "blmove", "brpoplpush", "blmpop", "bzpopmin", "bzpopmax", "bzmpop",
            "xread", "xreadgroup", "wait", "waitaof",
        ] { kept[name] = .refuse(.blocks) }
        return kept
    }()

    @Test(arguments: CommandID.allCases)
    func everyCommand(id: CommandID) {
        let row = CommandTable.builtIn[id]
        let name = row.name.description
        let parent = row.parent.map { CommandTable.builtIn[$0].name.description } ?? name
        let expected: Disposition =
            switch parent {
            case "client": .local
            case "module": .refuse(.operators)
            default: DispositionTests.kept[name] ?? .forward
            }
        #expect(Disposition(id, row) == expected, "\(name)")
    }

    @Test(arguments: [("post", true), ("Host:", true), ("nosuch", false), ("host", false)])
    func unknownCommands(name: String, isClosed: Bool) {
        let bytes = [UInt8](name.utf8)
        let ranges = [ByteRange(0, bytes.count)]
        let request = Request(bytes: bytes.span, ranges: ranges.span)
        let expected: Disposition = isClosed ? .close : .forward
        #expect(Disposition(request, nil, in: .builtIn) == expected)
    }
}
