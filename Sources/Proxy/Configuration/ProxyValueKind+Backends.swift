// The master and the replicas: an endpoint, or a map with what else is known of the server.

import RESP

extension ProxyValueKind {
    private static let placeKeys = [
        InnerKey("address", ProxyValues.endpointForm, "where it is"),
        InnerKey("zone", nameForm, standard: "\"\"", "where it stands; see `zone`"),
        InnerKey(
            "tags", "names such as [slow, big]", standard: "[]",
            "what it is set aside for; see `commands`"),
    ]

    private static let weights = 1...1_000
    private static let weightForm = "a number from \(weights.lowerBound) to \(weights.upperBound)"
    static let mostReplicas = 256
    static let mostTags = 16

    private static let replicaKeys =
        placeKeys + [
            InnerKey(
                "weight", weightForm, standard: "1",
                "its share of the reads with `balance: weighted`")
        ]

    /// The master: `host:port`, or `{address: host:port, zone: a, tags: [b]}`.
    static func master(
        _ endpoint: any Place<Endpoint>, _ place: any Place<BackendPlace>
    ) -> ProxyValueKind {
        ProxyValueKind(
            expected: ProxyValues.endpointForm,
            inner: placeKeys,
            read: { (node, reader, configuration) throws(ConfigurationError) in
                if let replica = try backend(node, placeKeys, &reader) {
                    configuration[keyPath: endpoint] = replica.endpoint
                    configuration[keyPath: place] = replica.place
                }
            },
            render: { configuration in
                rendered(
                    ProxyConfiguration.Replica(
                        configuration[keyPath: endpoint], place: configuration[keyPath: place]))
            })
    }

    /// A list of replicas, each as the master is written, with a weight.
    static func replicas(
        _ place: any Place<[ProxyConfiguration.Replica]>, path: String
    ) -> ProxyValueKind {
        let expected = "a list of endpoints, or of maps such as {address: host:port, zone: a}"
        return ProxyValueKind(
            expected: expected,
            inner: replicaKeys,
            read: { (node, reader, configuration) throws(ConfigurationError) in
                guard case .list(let items) = node.content, items.count <= mostReplicas else {
                    throw ConfigurationError(
                        "expected \(expected), at most \(mostReplicas), found \(node.found)",
                        at: node.position)
                }
                var replicas: [ProxyConfiguration.Replica] = []
                for item in items {
                    do throws(ConfigurationError) {
                        guard let replica = try backend(item, replicaKeys, &reader) else {
                            continue
                        }
                        reader.place("\(path).\(replicas.count)", at: item.position)
                        replicas.append(replica)
                    } catch {
                        reader.note(error)
                    }
                }
                configuration[keyPath: place] = replicas
            },
            render: { configuration in
                "[" + configuration[keyPath: place].map(rendered).joined(separator: ", ") + "]"
            })
    }

    // Nil when an error was noted that leaves nothing to go on with.
    private static func backend(
        _ node: YAMLNode, _ keys: [InnerKey], _ reader: inout ValueReader
    ) throws(ConfigurationError) -> ProxyConfiguration.Replica? {
        guard case .map = node.content else {
            return ProxyConfiguration.Replica(try reader.endpoint(of: node))
        }
        let fields = try reader.fields(of: node, keys)
        guard let address = fields["address"],
            let endpoint = reader.endpoint("address", of: address)
        else { return nil }
        var replica = ProxyConfiguration.Replica(endpoint)
        if let zone = fields["zone"] {
            let name = reader.part("zone", of: zone, nameForm) { text in
                text.isEmpty ? "" : ProxyValues.name(text)
            }
            replica.place.zone = name.flatMap { $0.isEmpty ? nil : $0 }
        }
        if let tags = fields["tags"] {
            replica.place.tags = try readTags(tags, &reader)
        }
        if let weight = fields["weight"] {
            let share = reader.part("weight", of: weight, weightForm) { text in
                ProxyValues.integer(text).flatMap { weights.contains($0) ? $0 : nil }
            }
            if let share { replica.weight = share }
            reader.noteWeight(at: weight.position)
        }
        return replica
    }

    private static func readTags(
        _ node: YAMLNode, _ reader: inout ValueReader
    ) throws(ConfigurationError) -> [String] {
        var items = [node]
        if case .list(let list) = node.content { items = list }
        guard items.count <= mostTags else {
            throw ConfigurationError(
                "tags: expected at most \(mostTags) names, found \(items.count)", at: node.position)
        }
        var tags: [String] = []
        for item in items {
            guard let tag = reader.part("tags", of: item, nameForm, parse: ProxyValues.name)
            else { continue }
            if !tags.contains(tag) { tags.append(tag) }
        }
        return tags
    }

    // As short as it can be said.
    private static func rendered(_ replica: ProxyConfiguration.Replica) -> String {
        let endpoint = rendered(replica.endpoint)
        var parts: [String] = []
        if let zone = replica.place.zone { parts.append("zone: \(quoted(zone))") }
        if !replica.place.tags.isEmpty {
            parts.append("tags: [\(replica.place.tags.map(quoted).joined(separator: ", "))]")
        }
        if replica.weight != 1 { parts.append("weight: \(replica.weight)") }
        if parts.isEmpty { return endpoint }
        return "{" + (["address: \(endpoint)"] + parts).joined(separator: ", ") + "}"
    }

    /// A map from announced addresses to those where the servers are reached.
    static func addresses(_ place: any Place<[Endpoint: Endpoint]>) -> ProxyValueKind {
        let expected = "a map of announced addresses, each with \(ProxyValues.endpointForm)"
        return ProxyValueKind(
            expected: expected,
            read: { (node, reader, configuration) throws(ConfigurationError) in
                var addresses: [Endpoint: Endpoint] = [:]
                for entry in try reader.entries(of: node, expected) {
                    do throws(ConfigurationError) {
                        guard let announced = ProxyValues.endpoint(entry.key) else {
                            throw ConfigurationError(
                                "found '\(YAMLNode.shortened(entry.key))', expected \(ProxyValues.endpointForm)",
                                at: entry.position)
                        }
                        let reached = try reader.endpoint(of: entry.value)
                        guard addresses.updateValue(reached, forKey: announced) == nil else {
                            throw ConfigurationError(
                                "found \(announced) twice, expected one place for each address",
                                at: entry.position)
                        }
                    } catch {
                        reader.note(error)
                    }
                }
                configuration[keyPath: place] = addresses
            },
            render: { configuration in
                let pairs = configuration[keyPath: place].map { announced, reached in
                    "\(quoted(announced.description)): \(rendered(reached))"
                }
                return "{" + pairs.sorted().joined(separator: ", ") + "}"
            })
    }
}
