// Mistakes in what keeps reads fresh: one for each guard.

extension PlantedFault {
    private static let fences = "Sources/Proxy/Freshness/ProxyCore+Fences.swift"
    private static let marks = "Sources/Proxy/Freshness/ProxyCore+Watermarks.swift"
    private static let vetoes = "Sources/Proxy/Freshness/ProxyCore+Vetoes.swift"
    private static let proofs = "Sources/Proxy/Freshness/ProofTable.swift"
    private static let table = "Sources/Proxy/Freshness/FenceTable.swift"

    static let freshness = [
        PlantedFault(
            "a read goes to a replica that is not proved to have what it needs",
            in: fences, "            return watermark <= applied && mayAskForVeto",
            becomes: "            return (watermark <= applied || true) && mayAskForVeto",
            trap: "A2"),
        PlantedFault(
            "a write is resolved behind nothing",
            in: fences, "            fences.resolve(slot, behind: next)\n",
            becomes: "            fences.resolve(slot, behind: .none)\n"),
        PlantedFault(
            "a write is resolved behind a watermark that was given out before its reply",
            in: fences, "        let next = freshness.next\n        let fences",
            becomes: "        let next = freshness.last\n        let fences"),
        PlantedFault(
            "a transaction raises no fence",
            in: fences, "transaction.writesEverything ? [.everything] : transaction.written\n",
            becomes: "[FenceTable.Slot]()\n", trap: "A9"),
        PlantedFault(
            "what blocks raises no fence",
            in: "Sources/Proxy/ProxyCore+Sending.swift",
            "            raiseFences(request, client.command, on: connection)\n",
            becomes: """
                            if kind == .blocking {
                                connection.marks.endRequest(entries: 0)
                            } else {
                                raiseFences(request, client.command, on: connection)
                            }

                """),
        PlantedFault(
            "what is written over a connection of its own raises no fence",
            in: fences,
            "        switch written(by: request, command) {\n        case .nothing: break\n"
                + "        case .everything:\n            connection",
            becomes:
                "        switch connection.use == .alone ? .nothing : written(by: request, command) {\n"
                + "        case .nothing: break\n        case .everything:\n            connection"
        ),
        PlantedFault(
            "a script raises no fence",
            in: "Sources/Proxy/Freshness/KeyScope.swift",
            "            guard scripts == .declared else { return .everything }\n            // Without",
            becomes:
                "            guard scripts == .declared else { return .nothing }\n            // Without",
            trap: "A10"),
        PlantedFault(
            "a read of keys that cannot be told needs nothing",
            in: fences,
            "        return freshness.everythingResolved.map { .applied($0) } ?? .master\n",
            becomes: "        return .applied(.none)\n", trap: "A6"),
        PlantedFault(
            "a write on its way is ignored",
            in: table, "        if word >> 44 != 0 { return .pending }\n", becomes: ""),
        PlantedFault(
            "what was known stays known when the master has begun another history",
            in: marks, "            freshness.voidAll()\n", becomes: "", trap: "A1"),
        PlantedFault(
            "what was known of a replica stays known when it has begun anew, or follows another",
            in: marks, "            freshness.void(server.index)\n            wantWatermark()\n",
            becomes: "            wantWatermark()\n", trap: "A2b"),
        PlantedFault(
            "a watermark proves something that was given out before the last doubt",
            in: proofs,
            "watermark.number > voidUpTo.load(ordering: .sequentiallyConsistent)",
            becomes: "watermark.number > 0"),
        PlantedFault(
            "the veto is ignored",
            in: vetoes, "            let role = ReplicaRole(reply), role.agrees(with: seen)\n",
            becomes: "            ReplicaRole(reply) != nil || seen.offset >= 0\n", trap: "A2b"),
        PlantedFault(
            "writes of a lost connection are taken for done",
            in: fences, "        guard wereSent else { return lower(slots, behind: .none) }\n",
            becomes:
                "        guard wereSent, false else { return lower(slots, behind: freshness.next) }\n",
            trap: "A7"),
        PlantedFault(
            "new writes go out while old ones may run yet",
            in: fences, "server.doubts.contains { $0.lane == connection.lane }\n",
            becomes: "server.doubts.contains { $0.lane == -1 }\n", trap: "A7"),
        PlantedFault(
            "what is known of one process is used for another",
            in: proofs, "guard before & 1 == 1, before >> 17 == process.number else",
            becomes: "guard before & 1 == 1, process != .unknown else", trap: "A5"),
    ]
}
