// The command table held against a live redis-server 7.0: what COMMAND and COMMAND DOCS print, both ways.

import RESP
import TestSupport
import Testing

@Suite struct CommandTableAgainstRedisTests {
    let table = CommandTable.builtIn

    /// What COMMAND says of a command, in a form that does not depend on the order of flags.
    struct Printed: Equatable {
        var arity: Int?
        var flags: Set<String> = []
        var keys: [Int?] = []
        var categories: Set<String> = []
        var tips: Set<String> = []
        var keySpecs: [String] = []
        var subcommands: Set<String> = []
    }

    /// Where the table differs on purpose. Nothing but notes does: they are sentences of redis-server's, and
    /// ours are our own; only whether there is one is compared.
    @Test func printsWhatRedisPrints() throws {
        guard let server = try RedisServer.start() else { return }
        let client = try server.client()
        guard try RedisServer.version(client).starts(with: [7, 0]) else {
            printSkipped("redis-server is not 7.0, whose commands the table has")
            return
        }

        var live: [String: Printed] = [:]
        for entry in try #require(try client.run("COMMAND").items) { collect(entry, into: &live) }
        let rows = CommandID.allCases.map { table[$0] }.filter(\.isInRedis7)
        #expect(live.count == 366)
        #expect(Set(live.keys) == Set(rows.map { "\($0.name)" }))
        for row in rows {
            let theirs = live["\(row.name)"]
            let ours = printed(row)
            #expect(ours.arity == theirs?.arity, "\(row.name)")
            #expect(ours.flags == theirs?.flags, "\(row.name)")
            #expect(ours.keys == theirs?.keys, "\(row.name)")
            #expect(ours.categories == theirs?.categories, "\(row.name)")
            #expect(ours.tips == theirs?.tips, "\(row.name)")
            #expect(ours.keySpecs == theirs?.keySpecs, "\(row.name)")
            #expect(ours.subcommands == theirs?.subcommands, "\(row.name)")
        }
    }

    /// The facts of COMMAND DOCS; its sentences are our own, and its arguments and history are not in the table.
    @Test func documentsTheSameFacts() throws {
        guard let server = try RedisServer.start() else { return }
        let client = try server.client()
        guard try RedisServer.version(client).starts(with: [7, 0]) else {
            printSkipped("redis-server is not 7.0, whose commands the table has")
            return
        }

        let docs = try #require(try client.run("COMMAND", "DOCS").items)
        var seen = 0
        func compare(_ name: String, _ entry: WireReply) throws {
            let words = name.split(separator: "|").map(String.init)
            let id = try #require(withRequest(words) { table.find($0) }, "\(name)")
            let details = table.details(of: id)
            seen += 1
            #expect(entry[key: "since"]?.text == "\(details.since)", "\(name)")
            #expect(entry[key: "group"]?.text == details.group.rawValue, "\(name)")
            let flags = Set((entry[key: "doc_flags"]?.items ?? []).compactMap(\.text))
            #expect(flags.contains("deprecated") == (details.deprecation != nil), "\(name)")
            #expect(flags.contains("syscmd") == details.isSystem, "\(name)")
            let since = details.deprecation.map { "\($0.since)" }
            #expect(entry[key: "deprecated_since"]?.text == since, "\(name)")
            #expect(entry[key: "summary"]?.text != "\(details.summary)", "\(name)")
            let inner = entry[key: "subcommands"]?.items ?? []
            for index in stride(from: 0, to: inner.count, by: 2) {
                try compare(try #require(inner[index].text), inner[index + 1])
            }
        }
        for index in stride(from: 0, to: docs.count, by: 2) {
            try compare(try #require(docs[index].text), docs[index + 1])
        }
        #expect(seen == 366)
    }

    // MARK: - Their side

    private func collect(_ entry: WireReply, into all: inout [String: Printed]) {
        guard let items = entry.items, items.count == 10, let name = items[0].text else {
            Issue.record("an entry of COMMAND has another form: \(entry)")
            return
        }
        let subcommands = items[9].items ?? []
        all[name] = Printed(
            arity: items[1].number,
            flags: texts(items[2]),
            keys: items[3...5].map(\.number),
            categories: texts(items[6]),
            tips: texts(items[7]),
            keySpecs: (items[8].items ?? []).map(render),
            subcommands: Set(subcommands.compactMap { $0.items?.first?.text }))
        for subcommand in subcommands { collect(subcommand, into: &all) }
    }

    private func texts(_ reply: WireReply) -> Set<String> {
        Set((reply.items ?? []).compactMap(\.text))
    }

    /// A key spec as one line, its note as the fact that there is one.
    private func render(_ spec: WireReply) -> String {
        func part(_ name: String) -> String {
            let type = spec[key: name]?[key: "type"]?.text ?? "none"
            let facts = spec[key: name]?[key: "spec"]?.items ?? []
            return "\(type)(\(facts.compactMap(\.text).joined(separator: " ")))"
        }
        let flags = texts(spec[key: "flags"] ?? .nullArray).sorted().joined(separator: ",")
        let note = spec[key: "notes"] == nil ? "" : " noted"
        return "\(part("begin_search")) \(part("find_keys")) \(flags)\(note)"
    }

    // MARK: - Our side

    private func printed(_ row: CommandRow) -> Printed {
        let details = table.details(of: row.id)
        return Printed(
            arity: Int(row.arity),
            flags: names(row.flags, CommandFlags.printed),
            keys: [row.firstKey, row.lastKey, row.keyStep].map { Int($0) },
            categories: Set(names(row.categories, CommandCategories.printed).map { "@" + $0 }),
            tips: names(details.tips, CommandTips.printed),
            keySpecs: details.keySpecs.map(render),
            subcommands: Set(
                details.subcommands.map { table[$0] }.filter(\.isInRedis7).map { "\($0.name)" }))
    }

    private func render(_ spec: KeySpec) -> String {
        let begin =
            switch spec.begin {
            case .index(let index): "index(index \(index))"
            case .keyword(let word, let from): "keyword(keyword \(word.text) startfrom \(from))"
            case .unknown: "unknown()"
            }
        let find =
            switch spec.find {
            case .range(let last, let step, let limit):
                "range(lastkey \(last) keystep \(step) limit \(limit))"
            case .counted(let count, let first, let step):
                "keynum(keynumidx \(count) firstkey \(first) keystep \(step))"
            case .unknown: "unknown()"
            }
        let flags = names(spec.access, KeyAccess.printed).sorted().joined(separator: ",")
        return "\(begin) \(find) \(flags)\(spec.note == nil ? "" : " noted")"
    }
}

/// The names of the bits that are set.
func names<Bits: OptionSet & Sendable>(_ bits: Bits, _ all: [NamedBit<Bits>]) -> Set<String>
where Bits.Element == Bits {
    Set(all.filter { bits.contains($0.bit) }.map { "\($0.name)" })
}

/// Hands over words as a request.
func withRequest<Result>(_ words: [String], _ body: (Request) throws -> Result) rethrows -> Result {
    var bytes: [UInt8] = []
    var ranges: [ByteRange] = []
    for word in words {
        ranges.append(ByteRange(bytes.count, bytes.count + word.utf8.count))
        bytes += Array(word.utf8)
    }
    return try body(Request(bytes: bytes.span, ranges: ranges.span))
}
