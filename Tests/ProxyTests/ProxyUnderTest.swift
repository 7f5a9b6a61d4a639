// A proxy whose servers the test plays: a master with a connection for reads and one for writes, and replicas.

import RESP
import TestSupport
import Testing

@testable import Proxy

final class ProxyUnderTest {
    let core: ProxyCore
    let driver: HandDriver
    /// The connections that stand, by the number of their link, and how often each was made.
    private var standing: [UInt32: ConnectionID] = [:]
    private var generations: [UInt32: UInt32] = [:]

    /// Nothing is asked of the servers by the proxy itself unless `configure` says so; a replica is healthy as soon
    /// as it is connected. `memory` is what an earlier proxy wrote down; the other
    /// workers say nothing.
    init(
        replicas: Int = 0, isConnected: Bool = true, memory: MasterMemory? = nil,
        worker: Int = 0, configure: (inout ProxyConfiguration) -> Void = { _ in }
    ) {
        var configuration = ProxyConfiguration()
        configuration.timeouts.probeInterval = .zero
        configuration.reads.consistency = .eventual
        configuration.reads.auditPerSecond = 0
        configuration.writes.hold = .zero
        configuration.audit.interval = .zero
        for number in 0..<replicas {
            configuration.backends.replicas.append(
                ProxyConfiguration.Replica(.tcp(host: "replica\(number)", port: 6379)))
        }
        configure(&configuration)
        core = ProxyCore(
            configuration: configuration, worker: worker, workers: worker + 1, memory: memory,
            at: HandDriver.start)
        driver = HandDriver(core)
        if isConnected { connectAll() }
    }

    // MARK: Connections

    /// The connection that stands for a link.
    func id(of link: LinkID, sourceLocation: SourceLocation = #_sourceLocation) -> ConnectionID {
        if let id = standing[link.number] { return id }
        Issue.record("link \(link.number) does not stand", sourceLocation: sourceLocation)
        return ConnectionID(slot: 999_999, generation: 1)
    }

    /// Answers the wish to connect a link.
    func connect(_ link: LinkID, sourceLocation: SourceLocation = #_sourceLocation) {
        #expect(
            takeConnectWish(link) != nil, "nothing was asked for", sourceLocation: sourceLocation)
        generations[link.number, default: 0] += 1
        let id = ConnectionID(slot: 1000 + link.number, generation: generations[link.number]!)
        standing[link.number] = id
        driver.tell(.connected(link, id))
        core.checkInvariants()
    }

    /// Answers all wishes to connect, those too that come up meanwhile.
    func connectAll() {
        while let link = wishedLinks.first { connect(link) }
    }

    func refuse(
        _ link: LinkID, _ reason: String = "Connection refused",
        sourceLocation: SourceLocation = #_sourceLocation
    ) {
        #expect(
            takeConnectWish(link) != nil, "nothing was asked for", sourceLocation: sourceLocation)
        driver.tell(.refused(link, reason: reason))
        core.checkInvariants()
    }

    /// Links that the proxy wants connected.
    var wishedLinks: [LinkID] {
        driver.wishes.compactMap {
            if case .connect(let link, _) = $0 { link } else { nil }
        }
    }

    /// The wish to connect a link that waits, taken.
    func takeConnectWish(_ link: LinkID) -> Endpoint? {
        for (index, wish) in driver.wishes.enumerated() {
            if case .connect(link, let endpoint) = wish {
                driver.wishes.remove(at: index)
                return endpoint
            }
        }
        return nil
    }

    /// The connection of a link dies.
    func cut(_ link: LinkID) {
        driver.cut(id(of: link))
        core.checkInvariants()
    }

    func isClosed(_ link: LinkID) -> Bool {
        driver.closed.contains(id(of: link))
    }

    func isPaused(_ link: LinkID) -> Bool {
        driver.paused.contains(id(of: link))
    }

    /// Whether requests of a client wait for something. The driver is told to stop reading from it only when more
    /// arrives.
    func isHeldBack(_ client: ConnectionID) -> Bool {
        core.clients[client]?.pause != nil
    }

    // MARK: What is said

    func says(_ text: String, on link: LinkID) {
        says([UInt8](text.utf8), on: link)
    }

    func says(_ bytes: [UInt8], on link: LinkID) {
        driver.send(bytes, to: id(of: link))
        core.checkInvariants()
    }

    /// What has arrived at a server over this link since the last look.
    func sent(to link: LinkID) -> String {
        driver.output(of: id(of: link))
    }

    /// A client sends a command.
    func ask(_ words: String..., by client: ConnectionID) {
        driver.command(words, to: client)
        core.checkInvariants()
    }

    /// So many bytes a server takes, and no more until it is asked again.
    func setRoom(_ count: Int?, of link: LinkID) {
        driver.room[id(of: link)] = count
        if count != 0 { driver.drain(id(of: link)) }
    }
}

/// The links of the first lane, as the proxy numbers them with one connection for each purpose.
extension LinkID {
    static let masterReads = LinkID(number: 0)
    static let masterWrites = LinkID(number: 1)

    static func replica(_ number: Int) -> LinkID { LinkID(number: UInt32(2 + number)) }

    /// What comes up first beside them, with so many replicas.
    static func next(after replicas: Int) -> LinkID { LinkID(number: UInt32(2 + replicas)) }
}

extension Wire {
    /// A command as text.
    static func text(_ words: String...) -> String {
        String(decoding: request(words), as: UTF8.self)
    }

    static func bulk(_ text: String) -> String { "$\(text.utf8.count)\r\n\(text)\r\n" }

    /// Several commands in one piece.
    static func pipeline(_ commands: [[String]]) -> [UInt8] {
        commands.flatMap(request)
    }
}
