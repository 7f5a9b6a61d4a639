// The command table by itself: every row can be found, and says nothing that contradicts the rest of it.

import RESP
import Testing

@Suite struct CommandTableTests {
    let table = CommandTable.builtIn

    /// Every name leads to its row, however it is written.
    @Test(arguments: CommandID.allCases)
    func findsEveryName(_ id: CommandID) {
        let row = table[id]
        #expect(row.id == id)
        for spelling in spellings(of: "\(row.name)") {
            let words = spelling.split(separator: "|").map(String.init)
            #expect(find(words) == id)
            if words.count == 1 {
                // A command without subcommands takes any argument, a container goes on without one it has.
                #expect(find([words[0], "no-such-subcommand"]) == id)
            }
        }
    }

    /// Nothing that merely resembles a name is found: a part of it, more than it, another byte in it.
    @Test(arguments: CommandID.allCases)
    func findsNothingElse(_ id: CommandID) {
        let names = Set(CommandID.allCases.map { "\(table[$0].name)" })
        let name = "\(table[id].name)"
        guard let last = name.split(separator: "|").last.map(String.init) else { return }
        let isSubcommand = name.contains("|")
        var others = [last + "x", "x" + last, last + "\0", last + " ", last + "\r"]
        others.append(String(last.dropLast()))
        for index in last.utf8.indices {
            // The bytes that a careless change of case would confuse with others.
            for bit in [UInt8(0x20), 0x80] {
                var bytes = Array(last.utf8)
                let place = last.utf8.distance(from: last.utf8.startIndex, to: index)
                bytes[place] ^= bit
                let isSameLetter =
                    bit == 0x20
                    && (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(bytes[place] | 0x20)
                if !isSameLetter {
                    #expect(found(bytes, in: table[id].parent) == nil)
                }
            }
        }
        for other in others {
            let full = isSubcommand ? name.replacing(last, with: other) : other
            guard !names.contains(full) else { continue }
            #expect(found(Array(other.utf8), in: table[id].parent) == nil, "\(full)")
        }
    }

    @Test func findsNothingForWhatIsNoName() {
        #expect(find([]) == nil)
        for name in ["", "|", "client|id", "\u{E9}", "GET\0", String(repeating: "a", count: 100)] {
            #expect(find([name]) == nil, "\(name)")
        }
        for length in 0...40 {
            #expect(find([String(repeating: "q", count: length)]) == nil)
        }
        #expect(find(["client", String(repeating: "x", count: 24)]) == .client)
    }

    /// The short cut for commands whose keys need no rule is taken where it can be, and only there.
    @Test func knowsWhereOneRangeHasAllKeys() {
        #expect(table[.get].keyAccess == [.readOnly, .access])
        #expect(table[.mset].keyAccess == [.overwrite, .update])
        for id: CommandID in [.ping, .set, .bitfield, .rename, .sort, .eval, .ssubscribe, .xread] {
            #expect(table[id].keyAccess == nil, "\(id)")
        }
    }

    /// Subcommands of one container are not those of another, nor commands.
    @Test func keepsContainersApart() {
        #expect(find(["CONFIG", "get"]) == .configGet)
        #expect(find(["script", "GET"]) == .script)
        #expect(find(["getkeys"]) == nil)
        #expect(find(["GET", "list"]) == .get)
        #expect(table[.clientID].parent == .client)
        #expect(table[.client].isContainer)
        #expect(!table[.get].isContainer && table[.get].parent == nil)
        #expect(table.details(of: .slowlog).subcommands.count == 4)
    }

    @Test func hasNoNameTwice() {
        let names = CommandID.allCases.map { "\(table[$0].name)" }
        #expect(Set(names).count == names.count)
        for name in names {
            #expect(name == name.lowercased() && !name.isEmpty)
        }
    }

    /// A fixed number of arguments has room for the keys that are always there.
    @Test(arguments: CommandID.allCases)
    func arityAgreesWithKeys(_ id: CommandID) {
        let row = table[id]
        #expect(row.arity != 0)
        // A subcommand needs two words, and so does a container.
        if row.parent != nil { #expect(abs(row.arity) >= 2) }
        if row.isContainer { #expect(row.arity == (id == .command ? -1 : -2) && !row.hasKeys) }

        // SUNSUBSCRIBE alone leaves all channels, PFMERGE may have no source.
        let mayLackKeys: [CommandID] = [.sunsubscribe, .pfmerge]
        let required = Int(abs(row.arity)) + (mayLackKeys.contains(id) ? 1 : 0)
        if row.firstKey > 0 {
            #expect(row.keyStep > 0)
            #expect(Int(row.firstKey) < required, "the first key may be missing")
            if row.lastKey > 0 {
                #expect(row.lastKey >= row.firstKey)
                #expect(Int(row.lastKey) < required, "the last key may be missing")
            }
            if row.lastKey < 0 {
                // Keys up to the end, or nearly so, are of use only when the number of arguments varies.
                #expect(row.arity < 0)
                #expect(required + Int(row.lastKey) >= Int(row.firstKey))
            }
        } else {
            #expect(row.lastKey == 0 && row.keyStep == 0)
        }
        for spec in table.details(of: id).keySpecs {
            switch spec.begin {
            case .index(let index): #expect(index > 0 && Int(index) < required)
            case .keyword(let word, let from):
                #expect(from != 0)
                #expect("\(word.text)" == "\(word.text)".uppercased())
            case .unknown: break
            }
        }
    }

    /// What a command does with its keys fits what it does at all.
    @Test(arguments: CommandID.allCases)
    func flagsAgreeWithEachOther(_ id: CommandID) {
        let row = table[id]
        let details = table.details(of: id)
        let accesses = details.keySpecs.map(\.access)
        #expect(!row.flags.isSuperset(of: [.write, .readOnly]))
        #expect(row.categories.contains(.write) == row.flags.contains(.write))
        #expect(row.categories.contains(.fast) != row.categories.contains(.slow))
        #expect(row.hasKeys == accesses.contains { !$0.contains(.notKey) })
        if let access = row.keyAccess {
            #expect(accesses == [access] && row.firstKey > 0 && !row.flags.contains(.movableKeys))
        }
        if row.flags.contains(.noMandatoryKeys) { #expect(row.hasKeys) }
        let kinds: [KeyAccess] = [.readOnly, .readWrite, .overwrite, .remove]
        for access in accesses where !access.contains(.notKey) {
            #expect(kinds.filter { access.contains($0) }.count == 1)
            let changes = !access.contains(.readOnly)
            if changes { #expect(!row.flags.contains(.readOnly) || id == .pfcount) }
        }
        // XREADGROUP changes what the group has been given, not what the stream holds.
        if row.flags.contains(.write), row.hasKeys, id != .xreadgroup {
            #expect(accesses.contains { !$0.contains(.readOnly) })
        }
    }

    /// What people read: there, and a phrase rather than a sentence.
    @Test(arguments: CommandID.allCases)
    func isDocumented(_ id: CommandID) {
        let details = table.details(of: id)
        for text in [details.summary, details.cost] {
            #expect(text.utf8CodeUnitCount > 0 && !"\(text)".hasSuffix("."))
        }
        #expect("\(details.since)".split(separator: ".").compactMap { Int($0) }.count == 3)
        #expect(details.origin.redis != nil || details.origin.valkey != nil)
        #expect(table[id].isInRedis7 == (details.origin == .redis7))
    }

    /// The sizes that ARCHITECTURE and the issues speak of.
    @Test func hasTheCommandsOfEachServer() {
        let rows = CommandID.allCases.map { table[$0] }
        let old = rows.filter(\.isInRedis7)
        #expect(old.filter { $0.parent == nil }.count == 240)
        #expect(old.filter { !$0.isContainer }.count == 351)
        let later: [CommandID: CommandOrigin] = [
            .waitaof: .init(redis: .init(7, 2), valkey: .init(7, 2)),
            .hexpire: .init(redis: .init(7, 4), valkey: .init(9, 0)),
            .msetex: .init(redis: .init(8, 4), valkey: .init(9, 1)),
            .delifeq: .init(redis: nil, valkey: .init(9, 0)),
            .clusterSlotStats: .init(redis: .init(8, 2), valkey: .init(8, 0)),
        ]
        for (id, origin) in later { #expect(table.details(of: id).origin == origin) }
    }

    // MARK: - Helpers

    private func spellings(of name: String) -> [String] {
        let mixed = name.enumerated().map { index, letter in
            index % 2 == 0 ? letter.uppercased() : letter.lowercased()
        }
        return [name, name.uppercased(), mixed.joined()]
    }

    private func find(_ words: [String]) -> CommandID? {
        withRequest(words) { table.find($0) }
    }

    private func found(_ bytes: [UInt8], in container: CommandID?) -> CommandID? {
        guard let container else { return table.find(bytes.span) }
        return table.find(bytes.span, in: container)
    }
}

/// Hands over words as a request.
func withRequest<Result>(_ words: [String], _ body: (Request) -> Result) -> Result {
    var bytes: [UInt8] = []
    var ranges: [ByteRange] = []
    for word in words {
        ranges.append(ByteRange(bytes.count, bytes.count + word.utf8.count))
        bytes += Array(word.utf8)
    }
    return body(Request(bytes: bytes.span, ranges: ranges.span))
}
