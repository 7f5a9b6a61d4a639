// Mistakes in what follows another master: one for each guard.

extension PlantedFault {
    private static let succession = "Sources/Proxy/Topology/ProxyCore+Succession.swift"

    static let anotherMaster = [
        PlantedFault(
            "one that came back as a replica is asked as if it were the master",
            in: "Sources/Proxy/Backends/ProxyCore+Connections.swift",
            "lesson == .mastery, ReplicaRole(connection.gathered.bytes) != nil {",
            becomes: "lesson == .mastery, connection.gathered.isEmpty {"),
        PlantedFault(
            "the watermarks of one reign prove something in the next",
            in: succession, "watermarks.beginReign(freshness.channel(topology.reign))",
            becomes: "watermarks.beginReign(freshness.channel(0))"),
        PlantedFault(
            "a write is given back although its client waits for more",
            in: "Sources/Proxy/Topology/ProxyCore+HeldWrites.swift",
            "client.owed == 1, client.held.isEmpty,", becomes: "client.held.isEmpty,"),
        PlantedFault(
            "what the master of before has not answered is waited for",
            in: succession, "        dethrone(old)\n        enthrone(new)\n",
            becomes: "        old.lanes.forEach { $0?.writers = [] }\n        enthrone(new)\n"),
    ]
}
