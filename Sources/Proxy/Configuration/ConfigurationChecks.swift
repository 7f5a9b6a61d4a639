// What no key is wrong about by itself: values that contradict each other, and values that do nothing.

import RESP

/// Looks at a whole configuration, and says where the file contradicts itself.
struct ConfigurationChecks {
    let configuration: ProxyConfiguration
    let reader: ValueReader

    /// Contradictions: with these the proxy does not start.
    func errors() -> [ConfigurationError] {
        addresses() + authentication() + reads() + writes() + failover()
    }

    private func error(_ message: String, at paths: String...) -> ConfigurationError {
        let position = paths.lazy.compactMap { reader.position(of: $0) }.first
        return ConfigurationError(message, at: position ?? YAMLNode.Position(line: 1, column: 1))
    }

    // MARK: Addresses

    private func addresses() -> [ConfigurationError] {
        var errors = sentinel()
        let master = configuration.backends.master
        let replicas = configuration.backends.replicas
        for (number, replica) in replicas.enumerated() {
            let path = "backends.replicas.\(number)"
            if replica.endpoint == master {
                errors.append(
                    error(
                        "backends.replicas: found \(master), which is the master,"
                            + " expected another server; 'reads.include_master' lets it take reads",
                        at: path))
            } else if replicas[..<number].contains(where: { $0.endpoint == replica.endpoint }) {
                errors.append(
                    error(
                        "backends.replicas: found \(replica.endpoint) twice, expected different"
                            + " servers; 'weight' gives one more reads",
                        at: path))
            }
            errors += loops(to: replica.endpoint, path, "backends.replicas")
        }
        if configuration.backends.sentinel == nil {
            errors += loops(to: master, "backends.master", "backends.master")
        }
        if let health = configuration.health,
            configuration.listen.contains(where: {
                ConfigurationChecks.collide($0.endpoint, health)
            })
        {
            errors.append(
                error(
                    "health: found \(health), which 'listen' has too, expected an endpoint of its own",
                    at: "health"))
        }
        return errors
    }

    // Where sentinels say who the servers are, the file does not.
    private func sentinel() -> [ConfigurationError] {
        guard let sentinel = configuration.backends.sentinel else {
            guard reader.position(of: "backends.master") == nil else { return [] }
            return [
                error(
                    "backends.sentinel: found 'off' without 'backends.master', expected one of the two",
                    at: "backends.sentinel")
            ]
        }
        var errors: [ConfigurationError] = []
        if reader.position(of: "backends.master") != nil {
            errors.append(
                error(
                    "backends.master: found a master beside 'backends.sentinel', which names it, expected"
                        + " one of the two",
                    at: "backends.master"))
        }
        if !configuration.backends.replicas.isEmpty {
            errors.append(
                error(
                    "backends.replicas: found replicas beside 'backends.sentinel', which names them,"
                        + " expected one of the two",
                    at: "backends.replicas"))
        }
        for (number, address) in sentinel.addresses.enumerated() {
            errors += loops(to: address, "backends.sentinel.\(number)", "backends.sentinel")
        }
        return errors
    }

    private func loops(to backend: Endpoint, _ path: String, _ key: String) -> [ConfigurationError]
    {
        guard configuration.listen.contains(where: { $0.endpoint == backend }) else { return [] }
        return [
            error(
                "\(key): found \(backend), where the proxy itself listens, expected another server",
                at: path)
        ]
    }

    // A listener on every address takes the port of each.
    private static func collide(_ left: Endpoint, _ right: Endpoint) -> Bool {
        guard case .tcp(let leftHost, let leftPort) = left,
            case .tcp(let rightHost, let rightPort) = right
        else { return left == right }
        let everywhere = ["0.0.0.0", "::"]
        return leftPort == rightPort
            && (leftHost == rightHost || everywhere.contains(leftHost)
                || everywhere.contains(rightHost))
    }

    // MARK: Users

    private func authentication() -> [ConfigurationError] {
        var errors: [ConfigurationError] = []
        let users = configuration.users
        if configuration.authentication == .users, users.isEmpty {
            errors.append(
                error("auth: found 'users', expected users in the key 'users'", at: "auth"))
        }
        if configuration.authentication != .users, !users.isEmpty {
            errors.append(
                error(
                    "users: found users that nobody is asked for, expected 'auth: users'",
                    at: "users"))
        }
        if configuration.backends.username != nil, configuration.backends.password == nil {
            errors.append(
                error(
                    "backends.username: found no password for it, expected 'backends.password'",
                    at: "backends.username"))
        }
        return errors
    }

    // MARK: Reads

    private func reads() -> [ConfigurationError] {
        var errors: [ConfigurationError] = []
        let backends = configuration.backends
        if configuration.reads.includeMaster == .never, !backends.mayHaveReplicas {
            errors.append(
                error(
                    "reads.include_master: found 'never' without replicas, so that no read could be"
                        + " answered, expected 'fallback' or 'always'",
                    at: "reads.include_master"))
        }
        if configuration.reads.includeMaster == .never,
            configuration.levels.contains(.master)
        {
            errors.append(
                error(
                    "reads.include_master: found 'never' beside the consistency level 'master', whose reads nobody"
                        + " else may answer, expected 'fallback' or 'always'",
                    at: "reads.include_master"))
        }
        var tags = backends.masterPlace.tags
        for replica in backends.replicas { tags += replica.place.tags }
        for rule in configuration.commands {
            guard case .replica(let tag) = rule.route, !tags.contains(tag) else { continue }
            let near = ProxyKeys.nearest(to: tag, among: tags).map { ", did you mean '\($0)'?" }
            errors.append(
                error(
                    "commands: \(rule.name): found the tag '\(tag)', which no backend has"
                        + (near ?? ", expected one of a backend's 'tags'"),
                    at: "commands.\(rule.name)"))
        }
        return errors
    }

    // MARK: Failover

    private func failover() -> [ConfigurationError] {
        guard configuration.failover.mode == .auto else {
            guard configuration.failover.rejoins else { return [] }
            return [
                error(
                    "failover.rejoin: found 'true' without 'failover.mode: auto', expected both: this proxy tells"
                        + " nobody to follow a master that others have made",
                    at: "failover.rejoin")
            ]
        }
        var errors: [ConfigurationError] = []
        if configuration.backends.sentinel != nil {
            errors.append(
                error(
                    "failover.mode: found 'auto' beside 'backends.sentinel', which does that, expected 'off'",
                    at: "failover.mode"))
        }
        if configuration.failover.stateFile == nil {
            errors.append(
                error(
                    "failover.mode: found 'auto' without 'failover.state_file', expected one: started anew, the proxy"
                        + " would take the old master for the right one",
                    at: "failover.mode"))
        }
        if !configuration.backends.mayHaveReplicas {
            errors.append(
                error(
                    "failover.mode: found 'auto' without replicas, expected 'backends.replicas' or"
                        + " 'backends.discover'",
                    at: "failover.mode"))
        }
        return errors
    }

    // MARK: Writes

    private func writes() -> [ConfigurationError] {
        let (patience, limit) = (configuration.writes.ackTimeout, configuration.timeouts.request)
        guard configuration.writes.ackReplicas > 0, limit > .zero, patience > limit else {
            return []
        }
        return [
            error(
                "writes.ack_timeout: found \(ProxyCore.text(patience)), longer than a request may take,"
                    + " expected at most 'timeouts.request', \(ProxyCore.text(limit))",
                at: "writes.ack_timeout", "timeouts.request", "writes.ack_replicas")
        ]
    }

    // MARK: Warnings

    /// What does nothing, or not what was meant: the proxy starts all the same.
    func warnings() -> [ConfigurationError] {
        var warnings: [ConfigurationError] = []
        let backends = configuration.backends
        if configuration.reads.balance != .weighted, let position = reader.firstWeight {
            warnings.append(
                ConfigurationError(
                    "backends.replicas: 'weight' does nothing without 'reads.balance: weighted'",
                    at: position))
        }
        let zones = [backends.masterPlace.zone] + backends.replicas.map(\.place.zone)
        if let zone = configuration.zone, !zones.contains(zone) {
            warnings.append(
                error("zone: no backend is in '\(zone)', so that no zone is preferred", at: "zone"))
        }
        if configuration.zone == nil, zones.contains(where: { $0 != nil }) {
            warnings.append(
                error(
                    "backends: their zones do nothing without the proxy's own 'zone'",
                    at: "backends.master", "backends.replicas"))
        }
        for rule in configuration.commands {
            guard let doubt = ProxyValueKind.doubt(of: rule) else { continue }
            warnings.append(error("commands: \(doubt)", at: "commands.\(rule.name)"))
        }
        return warnings
    }
}
