// Where clients connect: endpoints, or maps with the level of those that come in there.

import RESP

extension ProxyValueKind {
    /// The level of whoever comes in at a listener, or is a user: it may be left empty.
    static func levelKey(of whom: String, otherwise: String) -> InnerKey {
        InnerKey(
            "consistency", ValueReader.alternatives(Consistency.allCases.map(\.rawValue)),
            standard: "\"\"", "how fresh the reads of \(whom) are; empty: as \(otherwise) says")
    }

    static func readLevel(
        _ node: YAMLNode, _ reader: ValueReader
    ) throws(ConfigurationError) -> Consistency? {
        if case .scalar("", _) = node.content { return nil }
        do throws(ConfigurationError) {
            return try reader.choice(
                of: node, Consistency.allCases.map { (name: $0.rawValue, value: $0) })
        } catch {
            throw ConfigurationError("consistency: \(error.message)", at: error.position)
        }
    }

    private static let listenerKeys = [
        InnerKey("address", ProxyValues.endpointForm, "where it is"),
        levelKey(of: "clients that come in here", otherwise: "`reads.consistency`"),
    ]

    /// One listener, or a list of at least one.
    static func listeners(_ place: any Place<[ClientListener]>) -> ProxyValueKind {
        ProxyValueKind(
            expected: ProxyValues.endpointForm
                + ", or a map such as {address: host:port, consistency: eventual}, or a list of them",
            inner: listenerKeys,
            read: { (node, reader, configuration) throws(ConfigurationError) in
                var items = [node]
                if case .list(let list) = node.content { items = list }
                var listeners: [ClientListener] = []
                for item in items {
                    guard let listener = try readListener(item, &reader) else { continue }
                    guard !listeners.contains(where: { $0.endpoint == listener.endpoint }) else {
                        throw ConfigurationError(
                            "expected different endpoints, found '\(listener.endpoint)' twice",
                            at: item.position)
                    }
                    listeners.append(listener)
                }
                guard !items.isEmpty else {
                    throw ConfigurationError(
                        "expected at least one endpoint, found an empty list", at: node.position)
                }
                configuration[keyPath: place] = listeners
            },
            render: { configuration in
                let texts = configuration[keyPath: place].map(rendered)
                return texts.count == 1 ? texts[0] : "[\(texts.joined(separator: ", "))]"
            })
    }

    // Nil when an error was noted that leaves nothing to go on with.
    private static func readListener(
        _ node: YAMLNode, _ reader: inout ValueReader
    ) throws(ConfigurationError) -> ClientListener? {
        guard case .map = node.content else {
            return ClientListener(try reader.endpoint(of: node))
        }
        let fields = try reader.fields(of: node, listenerKeys)
        guard let address = fields["address"],
            let endpoint = reader.endpoint("address", of: address)
        else { return nil }
        var listener = ClientListener(endpoint)
        if let level = fields["consistency"] {
            listener.consistency = try readLevel(level, reader)
        }
        return listener
    }

    private static func rendered(_ listener: ClientListener) -> String {
        let endpoint = rendered(listener.endpoint)
        guard let level = listener.consistency else { return endpoint }
        return "{address: \(endpoint), consistency: \(level.rawValue)}"
    }
}
