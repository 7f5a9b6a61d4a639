// Mistakes to make on purpose, one for each guard in the programs: the simulation must notice each of them. A guard
// whose removal nobody notices is not guarded by a test.

/// One mistake: a text of a source file, and what a careless hand would have put in its place.
struct PlantedFault: CustomStringConvertible, Sendable {
    /// What is wrong then.
    let name: String
    let file: String
    /// Found exactly once in the file; when it is not any more, the fault is to be planted anew.
    let text: String
    let replacement: String

    var description: String { name }

    init(_ name: String, in file: String, _ text: String, becomes replacement: String) {
        self.name = name
        self.file = file
        self.text = text
        self.replacement = replacement
    }
}

extension PlantedFault {
    static let all: [PlantedFault] = tickets + losses + output + input + flow

    private static let requests = "Sources/Proxy/ProxyCore+Requests.swift"
    private static let replies = "Sources/Proxy/ProxyCore+Replies.swift"
    private static let losing = "Sources/Proxy/ProxyCore+Backends.swift"
    private static let pauses = "Sources/Proxy/ProxyCore+Pauses.swift"
    private static let core = "Sources/Proxy/ProxyCore.swift"
    private static let backend = "Sources/Proxy/Backends/BackendConnection.swift"
    private static let tickets = [
        PlantedFault(
            "replies are swapped between two tickets",
            in: "Sources/Proxy/Backends/TicketQueue.swift",
            "        count += 1\n    }",
            becomes: """
                        count += 1
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
            in: requests, "lengthensTicket: client.held.isEmpty", becomes: "lengthensTicket: true"),
        PlantedFault(
            "a reply of the proxy's own overtakes those of the backend",
            in: core, "        if client.inFlight == 0 {\n            write(&client.output)",
            becomes: "        if true || client.inFlight == 0 {\n            write(&client.output)"),
        PlantedFault(
            "a half-closed client is closed before its replies have come",
            in: "Sources/Proxy/Sessions/ClientSession.swift",
            "case .ended: inFlight == 0 && output.isEmpty && !isPaused",
            becomes: "case .ended: output.isEmpty && !isPaused"),
    ]

    private static let losses = [
        PlantedFault(
            "the tickets of a lost backend are dropped",
            in: losing,
            "settleTickets(of: backend, sent: backend.sent, reason: \"the connection was lost\")",
            becomes: "while backend.tickets.popFirst() != nil {}"),
        PlantedFault(
            "requests that were sent are said to have never left",
            in: losing, "if ticket.start < sent {", becomes: "if ticket.start < 0 {"),
        PlantedFault(
            "clients whose requests never left are closed as if they had",
            in: losing, "if ticket.start < sent {", becomes: "if ticket.start <= sent + 1_000_000 {"
        ),
        PlantedFault(
            "requests of a lost connection are sent again on the next one",
            in: backend, "        output.removeAll()\n        scanner", becomes: "        scanner"),
        PlantedFault(
            "a reply that a lost connection had begun is read on from the next one",
            in: backend, "        scanner = ReplyScanner()\n        queued",
            becomes: "        queued"),
        PlantedFault(
            "a connection made anew inherits that its predecessor was listed",
            in: backend, "        isListed = false\n", becomes: ""),
        PlantedFault(
            "who waited for a backend to be drained is not woken when it is lost",
            in: losing, "        wakeThoseWaiting(for: backend)\n", becomes: ""),
        PlantedFault(
            "nobody connects again after a refusal",
            in: core,
            "                continue\n            }\n            connect(backend)\n",
            becomes: "                continue\n            }\n"),
    ]

    private static let output = [
        PlantedFault(
            "half a reply is passed on as a whole one",
            in: replies,
            "pass(bytes.extracting(start..<bytes.count), whole, to: ticket.client, backend, now)",
            becomes:
                "pass(bytes.extracting(start..<bytes.count), whole + 1, to: ticket.client, backend, now)"
        ),
        PlantedFault(
            "the beginning of a reply is dropped when the rest comes later",
            in: replies,
            "pass(bytes.extracting(start..<bytes.count), whole, to: ticket.client, backend, now)",
            becomes:
                "if whole > 0 { pass(bytes.extracting(start..<bytes.count), whole, to: ticket.client, backend, now) }"
        ),
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
            "the proxy never reads on from a client that it paused",
            in: pauses,
            "            client.isPaused = false\n            pending.wishes.append(.resume(id))\n",
            becomes: "            client.isPaused = false\n"),
        PlantedFault(
            "the server never reads on from a client that it paused",
            in: "Sources/Server/ServerCore.swift",
            "            pending.wishes.append(.resume(id))\n", becomes: ""),
        PlantedFault(
            "a client waits for a backend that is half full, and is on no list",
            in: pauses, "if !hasMuchRoom(backend(of: client)), !client",
            becomes: "if !hasRoom(backend(of: client)), !client"),
        PlantedFault(
            "a client that was cut off in the middle of a reply is read on",
            in: "Sources/Proxy/Sessions/ClientSession.swift",
            "        isPaused = false\n        state = .closing\n        defer { unfinished = nil }\n",
            becomes: "        state = .closing\n"),
        PlantedFault(
            "requests are read without regard to how much waits for the backend",
            in: requests, "        guard mayGoOn(client) else {",
            becomes: "        guard true || mayGoOn(client) else {"),
        PlantedFault(
            "a backend that was stopped for a slow client is never read again",
            in: pauses, "        backend.stall = nil\n        pending.wishes.append(.resume(id))\n",
            becomes: "        backend.stall = nil\n"),
    ]
}
