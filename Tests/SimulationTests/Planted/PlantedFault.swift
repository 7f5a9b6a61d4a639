// Mistakes to make on purpose, one for each guard in the programs: the simulation must notice each of them, or the
// tests that bear a trap's number. A guard whose removal nobody notices is not guarded by a test.

/// One mistake: a text of a source file, and what a careless hand would have put in its place.
struct PlantedFault: CustomStringConvertible, Sendable {
    /// What is wrong then.
    let name: String
    let file: String
    /// Found exactly once in the file; when it is not any more, the fault is to be planted anew.
    let text: String
    let replacement: String
    /// Who must notice, each of them.
    let judges: [Judge]

    enum Judge: Hashable, Sendable {
        case simulation
        /// The tests of `ProxyTests` that bear the number of a trap.
        case trap(String)
    }

    var description: String { name }

    /// One that the simulation must notice, and the tests of a trap besides.
    init(
        _ name: String, in file: String, _ text: String, becomes replacement: String,
        trap: String? = nil
    ) {
        self.init(
            trap.map { "\($0): \(name)" } ?? name,
            [.simulation] + [trap].compactMap { $0 }.map { .trap($0) }, file, text, replacement)
    }

    /// One that the tests of a trap must notice.
    init(
        trap: String, _ name: String, in file: String, _ text: String,
        becomes replacement: String
    ) {
        self.init("\(trap): \(name)", [.trap(trap)], file, text, replacement)
    }

    private init(
        _ name: String, _ judges: [Judge], _ file: String, _ text: String, _ replacement: String
    ) {
        self.name = name
        self.judges = judges
        self.file = file
        self.text = text
        self.replacement = replacement
    }
}

extension PlantedFault {
    static let all: [PlantedFault] =
        tickets + losses + moves + output + input + flow + transactions + streams + freshness
        + anotherMaster + traps

    private static let requests = "Sources/Proxy/ProxyCore+Requests.swift"
    private static let sending = "Sources/Proxy/ProxyCore+Sending.swift"
    private static let replies = "Sources/Proxy/ProxyCore+Replies.swift"
    private static let losing = "Sources/Proxy/ProxyCore+Loss.swift"
    private static let moving = "Sources/Proxy/ProxyCore+MovedReads.swift"
    private static let timing = "Sources/Proxy/ProxyCore+Timeouts.swift"
    private static let connecting = "Sources/Proxy/Backends/ProxyCore+Connections.swift"
    private static let transacting = "Sources/Proxy/Sessions/ProxyCore+Transactions.swift"
    private static let listening = "Sources/Proxy/Sessions/ProxyCore+Subscriptions.swift"
    private static let owning = "Sources/Proxy/ProxyCore+Private.swift"
    private static let pauses = "Sources/Proxy/ProxyCore+Pauses.swift"
    private static let core = "Sources/Proxy/ProxyCore.swift"
    private static let session = "Sources/Proxy/Sessions/ClientSession.swift"
    private static let backend = "Sources/Proxy/Backends/BackendConnection.swift"

    private static let tickets = [
        PlantedFault(
            "replies are swapped between two tickets",
            in: "Sources/Proxy/Backends/TicketQueue.swift",
            "        count += 1\n        replies += Int(ticket.replies)\n    }",
            becomes: """
                        count += 1
                        replies += Int(ticket.replies)
                        if count == 7 {
                            ring.swapAt((head + 5) & (ring.count - 1), (head + 6) & (ring.count - 1))
                        }
                    }
                """),
        PlantedFault(
            "a reply goes to whoever has the slot now",
            in: "Sources/RESP/Shared/ConnectionTable.swift",
            "guard slot < sessions.count, generations[slot] == id.generation else { return nil }",
            becomes: "guard slot < sessions.count else { return nil }"),
        PlantedFault(
            "a ticket is lengthened although a reply of the proxy's own comes in between",
            in: sending,
            "        if client.held.isEmpty,\n            connection.tickets.lengthenLast",
            becomes: "        if connection.tickets.lengthenLast"),
        PlantedFault(
            "a reply of the proxy's own overtakes those of the backend",
            in: core, "        if client.owed == 0, client.held.isEmpty {\n            while",
            becomes: "        if true {\n            while"),
        PlantedFault(
            "a half-closed client is closed before its replies have come",
            in: session, "case .ended: inFlight == 0 && output.isEmpty && pause == nil",
            becomes: "case .ended: output.isEmpty && pause == nil"),
        PlantedFault(
            "a request goes out on another connection before all is answered",
            in: sending,
            "        if client.owed > 0, client.link != connection.link { return .drained }\n",
            becomes: "", trap: "A12"),
        PlantedFault(
            "a read does not follow its client's unanswered write",
            in: sending, "        if client.owed > 0 {\n            let current",
            becomes: "        if client.owed > 0, client.writes == 0 {\n            let current",
            trap: "A12"),
    ]

    private static let losses = [
        PlantedFault(
            "the tickets of a lost connection are dropped",
            in: connecting,
            """
                    settleTickets(of: connection, sent: connection.output.sent, "the connection was lost")
                    beginAnew(connection)
            """,
            becomes: """
                        while connection.tickets.popFirst() != nil {}
                        beginAnew(connection)
                """),
        PlantedFault(
            "requests that were sent are said to have never left",
            in: losing, "if ticket.start >= sent {", becomes: "if ticket.start >= 0 {"),
        PlantedFault(
            "clients whose requests never left are closed as if they had",
            in: losing, "if ticket.start >= sent {", becomes: "if ticket.start > sent + 1_000_000 {"
        ),
        PlantedFault(
            "requests of a lost connection are sent again on the next one",
            in: backend, "        output.removeAll()\n        greetingOutput",
            becomes: "        greetingOutput"),
        PlantedFault(
            "a reply that a lost connection had begun is read on from the next one",
            in: backend, "        scanner = ReplyScanner()\n        gathered",
            becomes: "        gathered"),
        PlantedFault(
            "a connection made anew inherits that its predecessor was listed",
            in: backend, "        isListed = false\n", becomes: ""),
        PlantedFault(
            "who waited for a connection is not woken when it is lost",
            in: connecting,
            "{ lostAcknowledger() }\n        wakeThoseWaiting(for: connection)\n",
            becomes: "{ lostAcknowledger() }\n"),
        PlantedFault(
            "nobody connects again after a refusal",
            in: core, "where until <= now.instant: connect(connection)",
            becomes: "where until <= now.instant: break"),
    ]

    /// Reads that are done elsewhere, and requests that are given up.
    private static let moves = [
        PlantedFault(
            "a read is done elsewhere although its client has half of the reply",
            in: moving, "guard kind == .read, !isBound, !isPassedOn else",
            becomes: "guard kind == .read, !isBound else", trap: "E4"),
        PlantedFault(
            "writes of a lost connection are done elsewhere",
            in: moving, "guard kind == .read, !isBound, !isPassedOn else",
            becomes: "guard !isBound, !isPassedOn else"),
        PlantedFault(
            "reads that were answered are done again",
            in: moving,
            "let answered = lengthOfRequests(Int(ticket.done), in: requests.bytes)",
            becomes: "let answered = 0"),
        PlantedFault(
            "a moved read is answered twice",
            in: moving,
            "            runs.append((ticket, special, connection.output.end))\n"
                + "            ticket.client = Ticket.nobody\n",
            becomes: "            runs.append((ticket, special, connection.output.end))\n"),
        PlantedFault(
            "the late reply to a request that was given up is passed on",
            in: timing,
            "            late.append(ticket)\n            ticket.client = Ticket.nobody\n",
            becomes: "            late.append(ticket)\n"),
        PlantedFault(
            "a time-out is answered in the middle of a reply",
            in: timing, "guard ticket.client != patient, ", becomes: "guard "),
        PlantedFault(
            "requests are forgotten before they are answered",
            in: replies,
            """
                    connection.output.release(
                        upTo: min(
                            connection.output.sent, connection.tickets.first?.start ?? connection.output.end))
            """,
            becomes: "        connection.output.release(upTo: connection.output.sent)"),
        PlantedFault(
            "a connection that has answered all after a large reply is kept",
            in: replies, "case .retired: discard(connection)", becomes: "case .retired: break"),
    ]

    private static let output = [
        PlantedFault(
            "half a reply is passed on as a whole one",
            in: replies,
            "        pass(bytes.extracting(start..<index), whole, of: ticket, connection)\n        return",
            becomes:
                "        pass(bytes.extracting(start..<index), whole + 1, of: ticket, connection)\n        return"
        ),
        PlantedFault(
            "the beginning of a reply is dropped when the rest comes later",
            in: replies,
            "        pass(bytes.extracting(start..<index), whole, of: ticket, connection)\n        return",
            becomes: """
                        if whole > 0 { pass(bytes.extracting(start..<index), whole, of: ticket, connection) }
                        return
                """),
        PlantedFault(
            "what a short write did not take is lost",
            in: "Sources/RESP/Shared/OutputQueue.swift",
            "        removeFirst(taken)\n    }", becomes: "        removeFirst(pieces.total)\n    }"
        ),
        PlantedFault(
            "the proxy goes on answering after a QUIT",
            in: requests, "        if client.state == .closing { return .drop }\n", becomes: ""),
        PlantedFault(
            "the server goes on answering after a QUIT",
            in: "Sources/Server/ServerCore.swift",
            "        if client.state == .closing { return .drop }\n", becomes: ""),
    ]

    private static let input = [
        PlantedFault(
            "the tail of a read is dropped",
            in: "Sources/RESP/Requests/RequestReader.swift",
            "kept.bytes.append(bytes.extracting(rest..<bytes.count))",
            becomes: "kept.bytes.append(bytes.extracting(rest..<max(rest, bytes.count - 1)))"),
        PlantedFault(
            "an unfinished request stays in memory after it is finished",
            in: "Sources/RESP/Requests/RequestReader.swift",
            "if !unfinished.bytes.isEmpty { return unfinished }", becomes: "return unfinished"),
        PlantedFault(
            "a request that is read on begins where the last one ended",
            in: "Sources/RESP/Requests/RequestReader.swift",
            "            unfinished.bytes.removeFirst(rest)\n", becomes: ""),
        PlantedFault(
            "the length of a bulk that has not come whole is forgotten",
            in: "Sources/RESP/Requests/RequestParser.swift",
            "                bulkLength = length\n", becomes: ""),
    ]

    private static let flow = [
        PlantedFault(
            "the proxy never reads on from a client that it stopped",
            in: pauses,
            "        client.isStopped = false\n        pending.wishes.append(.resume(client.id))\n",
            becomes: "        client.isStopped = false\n"),
        PlantedFault(
            "the server never reads on from a client that it paused",
            in: "Sources/Server/ServerCore.swift",
            "            pending.wishes.append(.resume(id))\n", becomes: ""),
        PlantedFault(
            "a client waits for a connection that is half full, and is on no list",
            in: pauses, "if !client.isWaiting { blocked.append((connection, id)) }", becomes: ""),
        PlantedFault(
            "who waits for a connection to owe less is not woken by its replies",
            in: replies, "        if !connection.waiting.isEmpty, hasMuchRoom(connection) {",
            becomes: "        if false, hasMuchRoom(connection) {"),
        PlantedFault(
            "a client that was cut off in the middle of a reply is read on",
            in: session,
            "        pause = nil\n        state = .closing\n        isCutShort = true\n"
                + "        defer { unfinished = nil }\n",
            becomes: "        state = .closing\n        isCutShort = true\n"),
        PlantedFault(
            "requests are read without regard to how much waits for the backend",
            in: requests, "        guard mayGoOn(client) else {",
            becomes: "        guard true || mayGoOn(client) else {"),
        PlantedFault(
            "a connection that was stopped for a slow client is never read again",
            in: pauses, "        stalled -= 1\n        pending.wishes.append(.resume(id))\n",
            becomes: "        stalled -= 1\n        _ = id\n"),
        PlantedFault(
            "a client that does not read is let be, whoever waits behind it",
            in: pauses, "guard isInTheWay(stall.client, of: connection), let client",
            becomes: "guard false, let client"),
        PlantedFault(
            "nobody looks after a client that does not read",
            in: pauses,
            "            if let stall = connection.stall { "
                + "wake(at: stall.since + configuration.limits.stall) }\n",
            becomes: ""),
        PlantedFault(
            "a client that does not read is closed for the sake of one that is gone",
            in: pauses, "in id != client && clients[id] != nil }",
            becomes: "in _ = clients; return id != client && id != Ticket.nobody }"),
    ]
    private static let transactions = [
        PlantedFault(
            "a lost transaction is said not to have run",
            in: losing, "            wasComplete\n                ? ",
            becomes: "            wasComplete && false\n                ? "),
        PlantedFault(
            "a transaction runs although the connection is lost that watched for it",
            in: owning, "        if pin.isWatching { extras.watchIsLost = true }\n", becomes: ""),
        PlantedFault(
            "a transaction runs beside the connection that watches for it",
            in: transacting,
            "        if let pin = client.extras?.pin, let own = links[Int(pin.link.number)] {\n"
                + "            connection = own\n        } else if transaction.onlyReads",
            becomes: "        if transaction.onlyReads"),
        PlantedFault(
            "a connection is given back on which a transaction was begun",
            in: transacting, "sendUnanswered(Array(forget.utf8).span, replies: 1, on: pin.link)",
            becomes: "_ = forget"),
        PlantedFault(
            "what was queued is sent twice when a transaction becomes too large",
            in: transacting, "        if !transaction.isShipped {\n            connection.output",
            becomes: "        if true {\n            connection.output"),
        PlantedFault(
            "a transaction that was discarded runs",
            in: transacting, "case .discard?: return .done(discard(transaction, of: client))",
            becomes: "case .discard?: return .done(execute(transaction, of: client))"),
        PlantedFault(
            "a transaction with a write is done by a replica",
            in: transacting, "        transaction.onlyReads = false\n", becomes: ""),
    ]

    /// What comes when it comes: answers to who waits for others, and messages.
    private static let streams = [
        PlantedFault(
            "who waits for others is given up like anybody",
            in: timing, "            if ticket.kind == .blocking { patient = ticket.client }\n",
            becomes: ""),
        PlantedFault(
            "a blocking request goes out on a connection that others share",
            in: requests, "return sendBlocking(request, of: client)",
            becomes: "return sendWrite(request, of: client)"),
        PlantedFault(
            "the beginning of a message is dropped when the rest comes later",
            in: listening,
            "            connection.gathered.append(bytes.extracting(start..<bytes.count))\n",
            becomes: ""),
        PlantedFault(
            "a subscription is not made again elsewhere",
            in: listening, "        subscriptionsToRetry.append(client.id)\n", becomes: ""),
        PlantedFault(
            "the client reads twice that it has subscribed",
            in: listening,
            "                subscription.failures = 0\n                return\n",
            becomes: "                subscription.failures = 0\n"),
        PlantedFault(
            "a message wakes who waits for an answer",
            in: listening, "        guard client.pause == pause else { return }\n", becomes: ""),
    ]
}
