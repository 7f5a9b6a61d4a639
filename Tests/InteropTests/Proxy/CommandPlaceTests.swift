// Every command class through the proxy, in front of a master and two replicas of redis-server 7.0: each command
// runs where its row says, by the servers' own counts, and is answered as the master answers it directly.

import RESP
import TestSupport
import Testing

@Suite(.serialized) struct CommandPlaceTests {
    /// In RESP2 and in RESP3, replies byte by byte where the row allows it.
    @Test(arguments: [2, 3]) func runsWhereItsRowSays(protocolVersion: Int) throws {
        guard let front = try Front(replicas: 2) else { return }
        for row in PlacedCommand.all {
            try Trial(row: row, front: front, version: protocolVersion).run()
        }
    }

    /// The rows leave out no command that redis-server has.
    @Test func everyCommandHasARow() throws {
        guard let server = try RedisServer.start() else { return }
        let client = try server.client()
        guard try RedisServer.version(client).starts(with: [7, 0]) else {
            printSkipped("redis-server is not 7.0, whose commands have rows")
            return
        }
        let known = try #require(try client.run("COMMAND", "LIST").items).compactMap(\.text)
        let covered = Set(PlacedCommand.all.flatMap { $0.requests.map { $0[0].lowercased() } })
        let missing = Set(known.map { String($0.split(separator: "|")[0]) })
            .subtracting(covered).subtracting(PlacedCommand.withoutRow.keys)
        #expect(missing.sorted() == [])
        #expect(known.count > 240)
    }

    /// QUIT is answered, and what stood before it too; then the connection ends.
    @Test(arguments: [2, 3]) func quitIsAnsweredLast(protocolVersion: Int) throws {
        guard let front = try Front(replicas: 1) else { return }
        let client = try front.client(speaking: protocolVersion)
        try client.send(Wire.request(["ECHO", "a"]) + Wire.request(["QUIT"]))
        #expect(try client.readToEnd() == Array("$1\r\na\r\n+OK\r\n".utf8))
    }
}

/// One row, tried directly and through the proxy on equal data.
struct Trial {
    let row: PlacedCommand
    let front: Front
    let version: Int

    func run() throws {
        let master = try front.deployment.master.server?.client(speaking: version)
        try prepare()
        // The master would do as it is told.
        let direct = row.place == .refused ? [] : try answer(of: #require(master))
        try prepare()
        let before = try front.deployment.commandStatistics()
        let proxied: [UInt8]
        do {
            proxied = try answer(of: try front.client(speaking: version))
        } catch {
            Issue.record("\(row), RESP\(version): no answer through the proxy: \(error)")
            return
        }
        compare(try Wire.replies(direct), try Wire.replies(proxied), direct, proxied)
        // Clears what was counted, and the proxy is not told.
        if row.names["config|resetstat"] != nil || Front.isDirect { return }
        checkPlace(before: before, after: try front.deployment.commandStatistics())
    }

    /// The same data everywhere, no scripts that a replica would remember, no pause.
    private func prepare() throws {
        let deployment = front.deployment
        let replies = try deployment.master.client().say("CLIENT UNPAUSE; " + PlacedCommand.world)
        let errors = replies.filter(\.isError)
        try #require(errors.isEmpty, "\(errors)")
        try #require(try deployment.waitUntilReplicated())
        for replica in deployment.replicas { try replica.client().say("SCRIPT FLUSH") }
    }

    private func answer(of client: RESPClient) throws -> [UInt8] {
        if Front.isDirect, row.place == .refused { return [] }
        return try client.exchange(row.requests)
    }

    // MARK: - What was answered

    private func compare(
        _ direct: [WireReply], _ proxied: [WireReply], _ directBytes: [UInt8],
        _ proxiedBytes: [UInt8]
    ) {
        let areEqual =
            switch row.comparison {
            case .exact: directBytes == proxiedBytes
            case .unordered: direct.map(Self.sorted) == proxied.map(Self.sorted)
            case .sameType: zip(direct, proxied).allSatisfy(Self.isSameType) && !proxied.isEmpty
            case .own: Front.isDirect || isOwnAnswer(proxied)
            }
        guard !areEqual else { return }
        let direct = String(decoding: directBytes.prefix(600), as: UTF8.self)
        let proxied = String(decoding: proxiedBytes.prefix(600), as: UTF8.self)
        Issue.record(
            """
            \(row), RESP\(version): directly \(direct.debugDescription), \
            through the proxy \(proxied.debugDescription)
            """)
    }

    private func isOwnAnswer(_ replies: [WireReply]) -> Bool {
        guard replies.count == row.requests.count else { return false }
        guard row.place == .refused else {
            return !replies.contains { $0.text?.contains("unknown command") == true }
        }
        // Says what to do: more than a name.
        return replies.allSatisfy { $0.isError && ($0.text?.utf8.count ?? 0) > 40 }
    }

    private static func isSameType(_ first: WireReply, _ second: WireReply) -> Bool {
        switch (first, second) {
        case (.simple, .simple), (.integer, .integer), (.bulk, .bulk), (.array, .array),
            (.error, .error), (.double, .double), (.map, .map), (.set, .set), (.push, .push),
            (.verbatim, .verbatim), (.boolean, .boolean):
            true
        default: first == second
        }
    }

    /// The reply with the elements of everything in it in one order, pairs of maps kept together.
    private static func sorted(_ reply: WireReply) -> WireReply {
        func inOrder(_ items: [WireReply]) -> [WireReply] {
            items.map(sorted).sorted { "\($0)" < "\($1)" }
        }
        switch reply {
        case .array(let items): return .array(inOrder(items))
        case .set(let items): return .set(inOrder(items))
        case .push(let items): return .push(inOrder(items))
        case .map(let items):
            let pairs = stride(from: 0, to: items.count - 1, by: 2).map {
                WireReply.array([sorted(items[$0]), sorted(items[$0 + 1])])
            }
            return .map(inOrder(pairs))
        default: return reply
        }
    }

    // MARK: - Where it ran

    private func checkPlace(before: [CommandStatistics], after: [CommandStatistics]) {
        for (name, count) in row.names {
            let asked = zip(before, after).map { $1.asked(name) - $0.asked(name) }
            let errors = zip(before, after).map { $1[name].errors - $0[name].errors }
            let replicas = asked.dropFirst()
            let isRight: Bool
            switch row.place {
            case .anywhere: isRight = true
            case .replica:
                isRight =
                    replicas.reduce(0, +) == count && replicas.max() == count
                    && asked[0] == 0
            case .replicaAs(let form):
                let forms = zip(before, after).map { $1.asked(form) - $0.asked(form) }
                isRight =
                    forms.dropFirst().reduce(0, +) == count && forms[0] == 0
                    && (form == name || asked.reduce(0, +) == 0)
            case .write:
                isRight = asked[0] == count && errors.dropFirst().allSatisfy { $0 == 0 }
            case .master:
                isRight =
                    row.isHousekeeping
                    ? asked[0] >= count : asked[0] == count && replicas.allSatisfy { $0 == 0 }
            case .masterAtLeast: isRight = asked[0] >= count || name == "evalsha_ro"
            case .proxy, .refused:
                isRight = row.isHousekeeping || asked.allSatisfy { $0 == 0 } || isMixed
            }
            if isRight { continue }
            Issue.record(
                """
                \(row), RESP\(version): must run on: \(row.place); \(name) was asked of the master \
                and the replicas \(asked) times, with \(errors) errors
                """)
        }
    }

    /// Whether requests of other places stand beside those that the row is about.
    private var isMixed: Bool { row.requests.count > 1 }
}
