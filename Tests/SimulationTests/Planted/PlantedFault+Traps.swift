// Mistakes that walk into the traps of consistency, and that the tests which bear the trap's number must notice: they
// show the schedule step by step. Those that the simulation must notice as well stand among its own, with the number.

extension PlantedFault {
    private static let sources = "Sources/Proxy/"
    private static let fences = sources + "Freshness/ProxyCore+Fences.swift"
    private static let freshReads = sources + "Freshness/ProxyCore+FreshReads.swift"
    private static let marks = sources + "Freshness/ProxyCore+Watermarks.swift"
    private static let vetoes = sources + "Freshness/ProxyCore+Vetoes.swift"
    private static let scopes = sources + "Freshness/KeyScope.swift"
    private static let asking = sources + "Acknowledgement/ProxyCore+Acknowledgements.swift"

    /// What a read may be answered with.
    static let trapsOfFreshness = [
        PlantedFault(
            trap: "A3", "a replica whose link is down is taken for one that has fallen back",
            in: vetoes, "        return isConnected && offset >= seen.offset || isFrozen\n",
            becomes: "        return isConnected && offset >= seen.offset\n"),
        PlantedFault(
            trap: "A4", "one write's end clears another's mark",
            in: sources + "Freshness/FenceTable.swift",
            "(seen & ~FenceTable.numberMask) - FenceTable.one | number", becomes: "number"),
        PlantedFault(
            trap: "A8", "who may not ask for a role voids what is known for all", in: vetoes,
            "if reply.count > 0, reply[0] == ReplyKind.error.rawValue {\n            // Nothing",
            becomes: "if reply.count > 1_000_000 {\n            // Nothing"),
        PlantedFault(
            trap: "A9", "a blocked client that leaves takes its mark along",
            in: fences,
            "        server.doubts.append(\n            Doubt(",
            becomes:
                "        lower(slots, behind: freshness.next)\n        _ = (\n            Doubt("),
        PlantedFault(
            trap: "A11", "a write to all keys raises no fence", in: scopes,
            "            ? .keys : .everything\n    }\n\n    /// The place",
            becomes: "            ? .keys : .nothing\n    }\n\n    /// The place"),
        // Health sets such replicas aside as well, so that no read shows it.
        PlantedFault(
            trap: "A13", "what was known stays known under another master",
            in: sources + "Topology/ProxyCore+Succession.swift",
            "        freshness.voidAll()\n        board.crown(server.index)\n",
            becomes: "        board.crown(server.index)\n"),
        PlantedFault(
            trap: "A13", "a master is read that has become a replica", in: freshReads,
            "isFencing && master.health.report?.role == .replica", becomes: "false"),
        PlantedFault(
            trap: "A14", "the master is read where the configuration forbids it", in: freshReads,
            "guard configuration.reads.includeMaster != .never, !isMasterDeposed else { return nil }",
            becomes: "guard !isMasterDeposed else { return nil }"),
        PlantedFault(
            trap: "A15", "a number that nobody has given out is believed", in: marks,
            "        guard number <= freshness.last.number else { return }\n", becomes: ""),
        PlantedFault(
            trap: "A16", "messages come from any server",
            in: sources + "Sessions/ProxyCore+Subscriptions.swift",
            "healthy[max(0, failures) % healthy.count]",
            becomes: "healthy[(failures + 1) % healthy.count]"),
        PlantedFault(
            trap: "B1", "a session that moves asks for no more than it is known to have seen",
            in: freshReads,
            "        let need = need.joined(with: .applied(client.position))\n", becomes: ""),
        PlantedFault(
            trap: "B2", "a token of a history counts beyond that history's end",
            in: sources + "Freshness/CausalToken.swift", "        return offset < end\n",
            becomes: "        return offset < .max && end > 0\n"),
        PlantedFault(
            trap: "B3", "with the master silent its data does not age",
            in: sources + "Topology/ProxyCore+Lag.swift",
            "        return now.instant - reached <= configuration.reads.maxLag\n            && lag",
            becomes: "        return reached <= now.instant\n            && lag"),
    ]

    /// What becomes of a write, and who is the master.
    static let trapsOfMasters = [
        PlantedFault(
            trap: "C1", "a question covers what came behind it", in: asking,
            "        next += 1\n        swap", becomes: "        swap"),
        PlantedFault(
            trap: "C2", "what was popped is not confirmed", in: asking,
            "guard kind == .write || kind == .blocking, client.extras?",
            becomes: "guard kind == .write, client.extras?"),
        PlantedFault(
            trap: "C2", "WAIT counts although the command before it was refused", in: asking,
            "                acknowledgements.refusal = ProxyCore.line(reply)\n",
            becomes: "                return\n"),
        PlantedFault(
            trap: "C3", "too few is enough", in: asking,
            "            if count < wanted {", becomes: "            if count < 1 {"),
        PlantedFault(
            trap: "C4", "what a script says is taken for the server's word",
            in: sources + "ProxyCore+Replies.swift",
            "        note(complaint, of: server) { isServersOwn(ticket, on: connection) }\n",
            becomes: "        note(complaint, of: server) { true }\n"),
        PlantedFault(
            trap: "C5", "a held write outlives its client",
            in: sources + "Topology/ProxyCore+HeldWrites.swift",
            "if hold == .zero || client.isGone || since", becomes: "if hold == .zero || since"),
        PlantedFault(
            trap: "C6", "others wait behind a large reply",
            in: sources + "ProxyCore+Replies.swift",
            "connection.scanner.announced > configuration.limits.replyPrivateAbove {",
            becomes: "connection.scanner.announced > 1 << 40 {"),
        PlantedFault(
            trap: "C7", "the master is read on the connection of writes",
            in: freshReads,
            "lane(client.lane, of: server).readers[",
            becomes: "lane(client.lane, of: server).writers["),
        PlantedFault(
            trap: "D1", "sentinels are told before the master holds what others write",
            in: sources + "Failover/Switchover.swift",
            "                ? go(to: .asking, .askServer) : go(to: .pausing, .pauseMaster)\n",
            becomes:
                "                ? go(to: .asking, .askServer) : go(to: .asking, .askSentinels)\n"
        ),
        PlantedFault(
            trap: "D2", "of two that were promoted the first will do",
            in: sources + "Topology/Succession.swift",
            "        default: .contested(heirs.map(\\.server))\n",
            becomes: "        default: .adopt(heirs[0].server, because: reason)\n"),
        PlantedFault(
            trap: "D2", "a past epoch is believed",
            in: sources + "Sentinel/SentinelCouncil.swift",
            "testimonies.filter { $0.epoch >= highestEpoch }", becomes: "testimonies"),
        PlantedFault(
            trap: "D3", "one replica is enough to say that the master is lost",
            in: sources + "Failover/Takeover.swift",
            "        guard 2 * voices > electors.count else {",
            becomes: "        guard voices > 0 else {"),
    ]

    /// What is bound to one connection.
    static let trapsOfBoundThings = [
        PlantedFault(
            trap: "E1", "a cursor goes to a server that begins anew meanwhile",
            in: sources + "Routing/ProxyCore+Scans.swift",
            "            guard known == tag else { break }\n", becomes: ""),
        PlantedFault(
            trap: "E2", "a client that caches is not told that it missed something",
            in: sources + "Sessions/ProxyCore+Pins.swift",
            "            push(invalidateAll.span, to: client, from: nil)\n",
            becomes: "            _ = invalidateAll\n"),
        PlantedFault(
            trap: "E3", "of a transaction's keys one is looked at", in: fences,
            "        for slot in transaction.read {\n",
            becomes: "        for slot in transaction.read.prefix(1) {\n"),
        PlantedFault(
            trap: "E5", "a read is called stale although its key was written in between",
            in: sources + "ReadAudit/ProxyCore+ReadAudits.swift",
            "freshness.fences.fence(of: audit.slot) == .behind(audit.fence)",
            becomes: "audit.number > 0"),
        PlantedFault(
            trap: "E6", "a call is repeated without another look at the replica",
            in: sources + "Scripts/ProxyCore+Scripts.swift",
            "        if client.asksForFreshness { askForVeto(.applied(newest), on: connection) }\n",
            becomes: ""),
    ]

    static let traps = trapsOfFreshness + trapsOfMasters + trapsOfBoundThings
}
