// Which sections INFO is asked for, read as redis-server 7.0 reads it.

import RESP

/// The sections of the proxy's INFO, in the order in which they are printed.
package enum InfoSection: String, CaseIterable, Sendable {
    case server
    case clients
    case memory
    case persistence
    case stats
    case replication
    case cpu
    case modules
    case commandstats
    case errorstats
    case latencystats
    case cluster
    case keyspace
    case sluice

    /// Sections that are shown only by name, or when everything is asked for.
    var isExtra: Bool { self == .commandstats || self == .latencystats }
}

/// The sections asked for, each once, in the order in which they are printed.
package struct InfoSelection: Sendable, Equatable {
    package let sections: [InfoSection]

    /// Reads `INFO [section ...]`. Words that name no section are passed over, as redis-server does.
    package init(_ request: Request) {
        var wanted: [InfoSection] = []
        for index in 1..<max(request.count, 1) {
            let word = CommandRefusal.quoted(request[index]).lowercased()
            switch word {
            case "all", "everything": wanted = InfoSection.allCases
            case "default": wanted += InfoSection.allCases.filter { !$0.isExtra }
            default: if let section = InfoSection(rawValue: word) { wanted.append(section) }
            }
        }
        if request.count == 1 { wanted = InfoSection.allCases.filter { !$0.isExtra } }
        sections = InfoSection.allCases.filter(wanted.contains)
    }

    /// Whether the master's own keyspace section is to be asked for (`INFO keyspace`) before this can be answered.
    package var needsKeyspace: Bool { sections.contains(.keyspace) }
}
