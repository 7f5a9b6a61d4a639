// Keys of requests, row by row. What redis-server says about the same requests is asked in InteropTests.

import RESP
import Testing

@Suite struct KeyFinderTests {
    let table = CommandTable.builtIn

    struct Row: CustomTestStringConvertible {
        let request: String
        let keys: [Int]
        var isComplete = true
        var testDescription: String { request }
    }

    /// One row per kind of rule, and the corners of each.
    static let rows: [Row] = [
        Row(request: "PING", keys: []),
        Row(request: "GET k", keys: [1]),
        Row(request: "MGET a b c", keys: [1, 2, 3]),
        Row(request: "MSET a 1 b 2", keys: [1, 3]),
        Row(request: "BLPOP a b 0", keys: [1, 2]),
        Row(request: "RENAME a b", keys: [1, 2]),
        Row(request: "BITOP AND d a b", keys: [2, 3, 4]),
        Row(request: "OBJECT ENCODING k", keys: [2]),
        Row(request: "XINFO STREAM k FULL", keys: [2]),
        Row(request: "SINTERCARD 2 a b LIMIT 1", keys: [2, 3]),
        Row(request: "ZUNIONSTORE d 2 a b WEIGHTS 1 2", keys: [1, 3, 4]),
        Row(request: "MSETEX 2 a 1 b 2 EX 5", keys: [2, 4]),
        Row(request: "XREAD COUNT 1 STREAMS a b 0 0", keys: [4, 5]),
        Row(request: "XREADGROUP GROUP g c streams a >", keys: [5]),
        Row(request: "GEORADIUS k 1 2 3 m", keys: [1]),
        Row(request: "GEORADIUS k 1 2 3 m store d", keys: [1, 7]),
        Row(request: "GEORADIUS k 1 2 3 m STORE", keys: [1]),
        Row(request: "PFMERGE d", keys: [1]),
        Row(request: "PFMERGE d a b", keys: [1, 2, 3]),
        Row(request: "SSUBSCRIBE channel", keys: []),
        Row(request: "SORT k", keys: [1]),
        Row(request: "SORT k LIMIT 0 store STORE d", keys: [1, 6]),
        Row(request: "SORT k STORE a STORE b", keys: [1, 5]),
        Row(request: "SORT k BY nosort GET #", keys: [1]),
        Row(request: "SORT k BY w_*", keys: [1], isComplete: false),
        Row(request: "SORT_RO k GET v_*", keys: [1], isComplete: false),
        Row(request: "MIGRATE h 1 k 0 5", keys: [3]),
        Row(request: "MIGRATE h 1 k 0 5 AUTH keys COPY", keys: [3]),
        Row(request: "MIGRATE h 1 k 0 5 KEYS", keys: [3]),
        Row(request: "EVAL return 2 a b c", keys: [3, 4], isComplete: false),
        Row(request: "EVAL return 0 a", keys: [], isComplete: false),
        Row(request: "FCALL_RO f 1 a", keys: [3], isComplete: false),
        Row(request: "SCAN 0", keys: [], isComplete: false),
        Row(request: "FLUSHALL", keys: [], isComplete: false),
    ]

    @Test(arguments: rows) func findsKeys(_ row: Row) throws {
        var found = FoundKeys()
        // Nothing of an earlier request is left over.
        try find("EVAL return 1 z".words, into: &found)
        try find(row.request.words, into: &found)
        #expect(found.positions.map(\.index) == row.keys)
        #expect(found.isComplete == row.isComplete)
    }

    @Test func findsAllKeysBehindTheWordOfMigrate() throws {
        var found = FoundKeys()
        try find(["MIGRATE", "h", "1", "", "0", "5", "REPLACE", "KEYS", "a", "b"], into: &found)
        #expect(found.positions.map(\.index) == [8, 9])
        #expect(found.isComplete)
    }

    struct Access: CustomTestStringConvertible {
        let request: String
        let access: [KeyAccess]
        var testDescription: String { request }
    }

    static let accesses: [Access] = [
        Access(request: "GET k", access: [[.readOnly, .access]]),
        Access(request: "SET k v", access: [[.overwrite, .update]]),
        Access(request: "SET k v ex 5 Get", access: [[.readWrite, .access, .update]]),
        Access(request: "SET k get", access: [[.overwrite, .update]]),
        Access(request: "BITFIELD k GET u8 0", access: [[.readOnly, .access]]),
        Access(request: "BITFIELD k", access: [[.readOnly, .access]]),
        Access(request: "BITFIELD k OVERFLOW WRAP get u8 0", access: [[.readOnly, .access]]),
        Access(
            request: "BITFIELD k GET u8 0 SET u8 0 1", access: [[.readWrite, .access, .update]]),
        Access(request: "BITFIELD k GET u8", access: [[.readWrite, .access, .update]]),
        Access(
            request: "COPY a b", access: [[.readOnly, .access], [.overwrite, .update]]),
    ]

    @Test(arguments: accesses) func tellsWhatBecomesOfKeys(_ row: Access) throws {
        var found = FoundKeys()
        try find(row.request.words, into: &found)
        #expect(found.positions.map(\.access) == row.access)
    }

    static let refused: [(request: String, error: KeyError)] = [
        ("GET", .invalidArgumentCount),
        ("GET a b", .invalidArgumentCount),
        ("EVAL return x", .invalidArguments),
        ("SINTERCARD 9 a", .invalidArguments),
        ("SINTERCARD 9223372036854775807 a", .invalidArguments),
        ("SINTERCARD -1 a", .invalidArguments),
        ("ZUNIONSTORE d 0 a", .invalidArguments),
        ("XREAD COUNT 1 a 0", .invalidArguments),
        ("MIGRATE h 1 k 0 5 KEYS a", .invalidArguments),
        ("XREAD COUNT 1 STREAMS", .invalidArguments),
    ]

    /// EVAL may do without keys, so that a bad number of them is no error of the finder's, as in redis-server.
    @Test(arguments: refused) func refuses(_ row: (request: String, error: KeyError)) throws {
        var found = FoundKeys()
        if row.request.hasPrefix("EVAL") {
            try find(row.request.words, into: &found)
            #expect(found.positions.isEmpty && !found.isComplete)
            return
        }
        #expect(throws: row.error) { try find(row.request.words, into: &found) }
        #expect(found.positions.isEmpty)
    }

    static let nested: [(request: String, error: KeyError)] = [
        ("NOSUCH k", .invalidCommand),
        ("OBJECT nosuch k", .invalidCommand),
        ("PING", .noKeyArguments),
        ("OBJECT", .noKeyArguments),
        ("SSUBSCRIBE c", .noKeyArguments),
        ("GET", .invalidArgumentCount),
        ("SINTERCARD x a", .invalidArguments),
    ]

    @Test(arguments: nested) func refusesAsCommandGetkeysDoes(
        _ row: (request: String, error: KeyError)
    ) {
        var found = FoundKeys()
        let error = withRequest(["COMMAND", "GETKEYS"] + row.request.words) {
            request -> KeyError? in
            do throws(KeyError) {
                try table.findKeys(ofNamed: request.nested(from: 2), into: &found)
                return nil
            } catch {
                return error
            }
        }
        #expect(error == row.error)
    }

    private func find(_ words: [String], into found: inout FoundKeys) throws {
        let id = try #require(withRequest(words) { table.find($0) })
        let error = withRequest(words) { request -> KeyError? in
            do throws(KeyError) {
                try table.findKeys(of: request, command: id, into: &found)
                return nil
            } catch {
                return error
            }
        }
        if let error { throw error }
    }
}

extension String {
    fileprivate var words: [String] { split(separator: " ").map(String.init) }
}
