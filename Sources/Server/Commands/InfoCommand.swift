// INFO: what the server tells about itself, in redis-server's sections, fields and order.

import RESP

extension ServerCore {
    /// The sections that exist, in the order in which they are printed.
    enum InfoSection: String, CaseIterable {
        case server
        case clients
    }

    func info(_ request: Request, _ client: ClientSession) {
        var wanted: [InfoSection] = []
        for index in 1..<max(request.count, 1) {
            let word = ErrorText.string(request[index], upTo: 32).lowercased()
            if ["default", "all", "everything"].contains(word) { wanted += InfoSection.allCases }
            if let section = InfoSection(rawValue: word) { wanted.append(section) }
        }
        if request.count == 1 { wanted = InfoSection.allCases }

        let texts = InfoSection.allCases.filter(wanted.contains).map(text(of:))
        client.output.appendVerbatim(
            [UInt8](texts.joined(separator: "\r\n").utf8).span, format: "txt", for: client.version)
    }

    private func text(of section: InfoSection) -> String {
        switch section {
        case .server: serverSection
        case .clients: clientsSection
        }
    }

    private var serverSection: String {
        let uptime = (now.instant - identity.startedAt.instant).components.seconds
        return """
            # Server\r
            redis_version:7.0.15\r
            redis_git_sha1:00000000\r
            redis_git_dirty:0\r
            redis_build_id:0\r
            redis_mode:standalone\r
            os:\(identity.operatingSystem)\r
            arch_bits:\(Int.bitWidth)\r
            monotonic_clock:POSIX clock_gettime\r
            multiplexing_api:epoll\r
            process_id:\(identity.processID)\r
            process_supervised:no\r
            run_id:\(identity.runID)\r
            tcp_port:\(configuration.port)\r
            server_time_usec:\(now.wall.microseconds)\r
            uptime_in_seconds:\(uptime)\r
            uptime_in_days:\(uptime / 86_400)\r
            lru_clock:\(now.wall.seconds & 0xFF_FFFF)\r
            executable:\(identity.executable)\r
            config_file:\(identity.configurationFile)\r
            sluice_version:\(SluiceVersion.text)\r

            """
    }

    private var clientsSection: String {
        var input = 0
        var output = 0
        for client in clients.all {
            input = max(input, client.unfinished?.bytes.allocated ?? 0)
            output = max(output, client.output.count)
        }
        return """
            # Clients\r
            connected_clients:\(clients.count)\r
            cluster_connections:0\r
            maxclients:\(configuration.maximumClients)\r
            client_recent_max_input_buffer:\(input)\r
            client_recent_max_output_buffer:\(output)\r
            blocked_clients:0\r
            tracking_clients:0\r
            clients_in_timeout_table:0\r

            """
    }
}
