// The key finder held against COMMAND GETKEYS and GETKEYSANDFLAGS of a live redis-server 7.0, for every command:
// requests made from the rows, right and wrong ones, and requests as people write them.

import RESP
import TestSupport
import Testing

@Suite struct CommandTableKeysAgainstRedisTests {
    let table = CommandTable.builtIn

    /// Either the keys with what becomes of them, or an error.
    enum Answer: Equatable, CustomStringConvertible {
        case keys([Key])
        case error(String)

        struct Key: Equatable {
            let name: String
            let access: Set<String>
        }

        var description: String {
            switch self {
            case .error(let text): "error: \(text)"
            case .keys(let keys):
                keys.map { "\($0.name)(\($0.access.sorted().joined(separator: ",")))" }
                    .joined(separator: " ")
            }
        }
    }

    /// Where we differ on purpose: what redis-server 7.0 says, what we say, and why.
    struct Difference: CustomTestStringConvertible {
        let reason: String
        let applies: @Sendable (_ words: [String], _ theirs: Answer, _ ours: Answer) -> Bool
        var testDescription: String { reason }
    }

    static let differences: [Difference] = [
        Difference(
            reason: """
                redis-server looks for keys a second time with atoi when the number of keys is not written as
                numbers are; the command itself then refuses the number, and we find no keys
                """
        ) { words, _, ours in
            guard words.contains("01") || words.contains("+1") else { return false }
            return ours == .keys([]) || ours == .error("\(KeyError.invalidArguments.reason)")
        },
        Difference(
            reason: """
                PFMERGE with no source is valid and touches its destination, which redis-server does not find
                """
        ) { words, theirs, ours in
            words.count == 2 && words[0].lowercased() == "pfmerge"
                && theirs == .error("\(KeyError.invalidArguments.reason)")
                && ours == .keys([Answer.Key(name: words[1], access: ["RW", "access", "insert"])])
        },
    ]

    /// Requests as people write them, for what a row alone cannot make up.
    static let written = """
        SET k v
        SET k v GET
        SET k v EX 10 get
        SET k v NX
        BITFIELD k
        BITFIELD k GET u8 0
        BITFIELD k SET u8 0 1
        BITFIELD k GET u8 0 INCRBY u8 0 1
        BITFIELD k OVERFLOW FAIL GET u8 0
        BITFIELD k GET u8
        SORT k
        SORT k BY w_* GET v_* LIMIT 0 1 STORE d
        SORT k store a STORE b
        SORT k GET store STORE d
        SORT k LIMIT store 1 STORE d
        SORT k STORE
        SORT_RO k BY w_* GET #
        MIGRATE h 1 k 0 5
        MIGRATE h 1 k 0 5 COPY REPLACE AUTH keys
        MIGRATE h 1 k 0 5 AUTH2 keys keys
        MIGRATE h 1 '' 0 5 KEYS a b c
        MIGRATE h 1 '' 0 5 COPY AUTH p KEYS a b c
        MIGRATE h 1 k 0 5 KEYS a b c
        MIGRATE h 1 '' 0 5 KEYS
        XREAD STREAMS a 0
        XREAD COUNT 2 BLOCK 5 STREAMS a b c 0 0 0
        XREAD STREAMS a b 0
        XREAD STREAMS
        XREADGROUP GROUP g c NOACK STREAMS a b > >
        XREADGROUP GROUP STREAMS c STREAMS a >
        GEORADIUS k 1 2 3 m
        GEORADIUS k 1 2 3 m COUNT 1 STORE d
        GEORADIUS k 1 2 3 m STOREDIST d
        GEORADIUS k 1 2 3 m STORE a STOREDIST b
        GEORADIUSBYMEMBER k m 3 m STORE d
        GEORADIUSBYMEMBER k m 3 m STOREDIST d
        GEORADIUS_RO k 1 2 3 m STORE d
        EVAL return 0
        EVAL return 1 a
        EVAL return 2 a b arg
        EVALSHA x 1 a arg
        EVAL_RO return 1 a
        FCALL f 2 a b arg
        FCALL_RO f 0 arg
        ZUNIONSTORE d 2 a b WEIGHTS 1 2
        ZINTER 2 a b
        ZDIFF 1 a WITHSCORES
        ZINTERCARD 2 a b LIMIT 3
        ZMPOP 2 a b MIN
        BZMPOP 0 2 a b MAX COUNT 2
        LMPOP 1 a LEFT
        BLMPOP 0 2 a b RIGHT
        MEMORY USAGE k SAMPLES 5
        OBJECT FREQ k
        PFMERGE d
        PFMERGE d a b
        PFCOUNT a b
        PFDEBUG GETREG k
        BITOP NOT d s
        COPY a b DB 1 REPLACE
        LCS a b LEN
        RESTORE k 0 x REPLACE
        XGROUP CREATE k g $ MKSTREAM
        XINFO STREAM k FULL
        XCLAIM k g c 0 1-1
        SUNSUBSCRIBE c
        SPUBLISH c m
        OBJECT NOSUCH k
        CLIENT ID
        NOSUCH k
        GET a b
        """

    @Test func findsWhatRedisFinds() throws {
        guard let server = try RedisServer.start() else { return }
        let client = try server.client()
        guard try RedisServer.version(client).starts(with: [7, 0]) else {
            printSkipped("redis-server is not 7.0, whose commands the table has")
            return
        }

        var requests = Self.written.split(separator: "\n").map { line in
            line.split(separator: " ").map { $0 == "''" ? "" : String($0) }
        }
        for id in CommandID.allCases where table[id].isInRedis7 {
            requests += madeUp(for: table[id])
        }
        var withKeys: Set<String> = []
        var differed: Set<String> = []
        for words in requests {
            let theirs = answer(
                try client.run(["COMMAND", "GETKEYSANDFLAGS"] + words))
            let names = answer(try client.run(["COMMAND", "GETKEYS"] + words))
            #expect(namesOnly(theirs) == names, "\(words)")
            let ours = answer(words)
            if case .keys(let keys) = ours, !keys.isEmpty { withKeys.insert(words[0].lowercased()) }
            if ours == theirs { continue }
            let difference = Self.differences.first { $0.applies(words, theirs, ours) }
            if let difference {
                differed.insert(difference.reason)
            } else {
                Issue.record("\(words.joined(separator: " ")): redis \(theirs), ours \(ours)")
            }
        }
        #expect(differed == Set(Self.differences.map(\.reason)), "a difference is no more")

        // Each command that can have keys was asked about with some.
        for id in CommandID.allCases where table[id].isInRedis7 && table[id].hasKeys {
            let name = "\(table[id].name)".split(separator: "|")[0]
            #expect(withKeys.contains(String(name)), "\(name)")
        }
    }

    // MARK: - Requests from rows

    /// Requests of several lengths, every argument different; with numbers where the row counts keys, and with
    /// the words that it looks for in some places.
    private func madeUp(for row: CommandRow) -> [[String]] {
        let name = "\(row.name)".split(separator: "|").map(String.init)
        let least = Int(abs(row.arity))
        var requests: [[String]] = []
        // COMMAND GETKEYS itself wants two words at least.
        for count in max(2, least - 1)...least + 4 where count >= name.count {
            let plain = name + (name.count..<max(name.count, count)).map { "a\($0)" }
            requests.append(plain)
            for spec in table.details(of: row.id).keySpecs {
                switch (spec.begin, spec.find) {
                case (.index(let index), .counted(let offset, _, _)):
                    for number in ["0", "1", "2", "3", "-1", "99", "x", "01", "+1"] {
                        requests.append(replacing(Int(index + offset), in: plain, by: number))
                    }
                case (.keyword(let word, _), _):
                    for place in max(1, count - 4)..<max(2, count) {
                        let text = "\(word.text)"
                        requests.append(replacing(place, in: plain, by: text))
                        requests.append(replacing(place, in: plain, by: text.lowercased()))
                    }
                default: break
                }
            }
        }
        return requests
    }

    private func replacing(_ place: Int, in words: [String], by word: String) -> [String] {
        guard words.indices.contains(place) else { return words }
        var changed = words
        changed[place] = word
        return changed
    }

    // MARK: - Answers

    private func answer(_ reply: WireReply) -> Answer {
        guard let items = reply.items else {
            return .error((reply.text ?? "").replacing("ERR ", with: "", maxReplacements: 1))
        }
        return .keys(
            items.map { item in
                guard let pair = item.items else {
                    return Answer.Key(name: item.text ?? "", access: [])
                }
                let access = Set((pair[1].items ?? []).compactMap(\.text))
                return Answer.Key(name: pair[0].text ?? "", access: access)
            })
    }

    private func answer(_ words: [String]) -> Answer {
        var found = FoundKeys()
        let error = withRequest(["COMMAND", "GETKEYS"] + words) { request -> KeyError? in
            do throws(KeyError) {
                try table.findKeys(ofNamed: request.nested(from: 2), into: &found)
                return nil
            } catch {
                return error
            }
        }
        if let error { return .error("\(error.reason)") }
        return .keys(
            found.positions.map {
                Answer.Key(name: words[$0.index], access: names($0.access, KeyAccess.printed))
            })
    }

    private func namesOnly(_ answer: Answer) -> Answer {
        guard case .keys(let keys) = answer else { return answer }
        return .keys(keys.map { Answer.Key(name: $0.name, access: []) })
    }
}
