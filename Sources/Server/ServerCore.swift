// The server without I/O: its clients, its databases, and the way of a request.
//
//     client bytes ─▶ RequestReader ─▶ CommandTable ─▶ admit ─▶ perform ─▶ client's output
//                                                                  │
//                                                               Keyspace

import RESP

/// A Redis-compatible server.
package final class ServerCore: Core {
    package var pending = PendingActions()

    let configuration: ServerConfiguration
    let identity: ServerIdentity
    let table = CommandTable.builtIn
    var databases: [Keyspace]
    var clients = ConnectionTable<ClientSession>()
    var statistics = Statistics()
    /// The time of the call that is being handled.
    private(set) var now: Moment
    let limits: ServerLimits
    private var requestLimits = RequestLimits()
    private let reader = RequestReader()
    let pool = BlockPool()
    private var lastClientNumber = 0
    /// When idle clients are looked for next; nil when they may stay.
    private var nextIdleCheck: Instant?

    package init(
        configuration: ServerConfiguration, identity: ServerIdentity, seed: UInt64, at now: Moment,
        limits: ServerLimits = ServerLimits()
    ) {
        self.configuration = configuration
        self.identity = identity
        self.limits = limits
        self.now = now
        requestLimits.bulkLength = configuration.maximumBulkLength
        requestLimits.requestLength = configuration.clientQueryBufferLimit
        databases = (0..<configuration.databases).map { Keyspace(seed: seed &+ UInt64($0)) }
        scheduleIdleCheck()
    }

    // MARK: What the driver says

    package func open(
        _ id: ConnectionID, through listener: ListenerID, from peer: PeerAddress,
        to local: PeerAddress, at now: Moment
    ) {
        self.now = now
        lastClientNumber += 1
        let client = ClientSession(
            id: id, number: lastClientNumber, peer: peer,
            isAuthenticated: configuration.password == nil, at: now, pool: pool)
        clients.insert(client, for: id)
        if let refusal = Admission.refusal(of: peer, clients: clients.count, configuration) {
            statistics.rejectedConnections += 1
            client.output.append(refusal)
            client.state = .closing
            settle(client)
        } else {
            statistics.connections += 1
        }
    }

    package func receive(_ bytes: Span<UInt8>, from id: ConnectionID, at now: Moment) {
        self.now = now
        guard let client = clients[id], client.state == .open else { return }
        client.lastActive = now.instant
        statistics.inputBytes += bytes.count
        read(bytes, from: client)
    }

    package func end(_ id: ConnectionID, at now: Moment) {
        self.now = now
        guard let client = clients[id] else { return }
        if client.state == .open { client.state = .ended }
        settle(client)
    }

    package func drain(
        _ id: ConnectionID, at now: Moment, into write: (borrowing OutputPieces) -> Int
    ) {
        self.now = now
        guard let client = clients[id] else { return }
        client.isListed = false
        let waiting = client.output.count
        client.output.drain(into: write)
        statistics.outputBytes += waiting - client.output.count
        // Whoever reads is not idle.
        if client.output.count < waiting { client.lastActive = now.instant }
        if client.isPaused, client.output.count <= limits.clientOutput / 2 {
            client.isPaused = false
            pending.wishes.append(.resume(id))
            read(Span(), from: client)
        } else if client.isDone {
            // What is left needs no listing: the driver comes again when there is room.
            drop(client)
        }
    }

    package func close(_ id: ConnectionID, at now: Moment) {
        self.now = now
        guard let client = clients.remove(id) else { return }
        reader.recycle(client.unfinished)
        client.unfinished = nil
    }

    package func tick(at now: Moment) {
        self.now = now
        guard let due = nextIdleCheck, due <= now.instant else { return }
        closeIdleClients()
        scheduleIdleCheck()
    }

    package func hear(_ news: News, at now: Moment) {
        self.now = now
        switch news {
        case .signal(.terminate):
            shutDown("Received SIGTERM scheduling shutdown...")
        case .signal(.interrupt):
            shutDown("Received SIGINT scheduling shutdown...")
        case .signal, .connected, .refused, .moved, .appended, .synced, .failed, .message,
            .hungUp:
            break
        }
    }

    func shutDown(_ reason: String) {
        pending.log(.warning, reason)
        pending.log(.warning, "Sluice is now ready to exit, bye bye...")
        pending.wishes.append(.exit(0))
    }

    // MARK: Requests

    private func read(_ bytes: Span<UInt8>, from client: ClientSession) {
        do {
            requestLimits.isAuthenticated = client.isAuthenticated
            client.unfinished = try reader.read(
                bytes, after: client.unfinished, limits: requestLimits
            ) {
                handle($0, of: client)
            }
        } catch {
            client.unfinished = nil
            error.append(to: &client.output)
            client.state = .closing
            pending.log(
                .verbose, "Protocol error (\(error.reason)) from client \(client.peer)")
        }
        let limitsChanged = requestLimits.isAuthenticated != client.isAuthenticated
        if limitsChanged, client.unfinished != nil, !client.isPaused {
            return read(Span(), from: client)
        }
        settle(client)
    }

    private func handle(_ request: Request, of client: ClientSession) -> RequestReader.Verdict {
        execute(request, for: client)
        if client.state == .closing { return .drop }
        // What follows AUTH is read anew, under the limits of a client that has authenticated.
        if requestLimits.isAuthenticated != client.isAuthenticated { return .wait }
        if client.output.count > limits.clientOutput {
            client.isPaused = true
            pending.wishes.append(.pause(client.id))
            return .wait
        }
        return .goOn
    }

    // MARK: Output and ends

    /// Lists what is to be written, and closes the client if it is done.
    private func settle(_ client: ClientSession) {
        if !client.isListed, !client.output.isEmpty {
            client.isListed = true
            pending.output.append(client.id)
        }
        if client.isDone { drop(client) }
    }

    private func drop(_ client: ClientSession) {
        guard clients.remove(client.id) != nil else { return }
        reader.recycle(client.unfinished)
        client.unfinished = nil
        pending.wishes.append(.close(client.id))
    }

    private func scheduleIdleCheck() {
        guard configuration.timeout > .zero else { return }
        nextIdleCheck = now.instant + .seconds(1)
        pending.wakeAt = nextIdleCheck
    }

    private func closeIdleClients() {
        let idle = clients.all.filter { now.instant - $0.lastActive > configuration.timeout }
        for client in idle {
            pending.log(.verbose, "Closing idle client \(client.peer)")
            drop(client)
        }
    }
}

/// Counts that INFO shows.
struct Statistics {
    var connections = 0
    var rejectedConnections = 0
    var commands = 0
    var inputBytes = 0
    var outputBytes = 0
}

/// What the program knows about itself and tells in INFO.
package struct ServerIdentity: Sendable {
    package var processID = 0
    /// 40 hexadecimal digits, new at each start.
    package var runID: String
    package var operatingSystem = ""
    package var executable = ""
    package var configurationFile = ""
    package var startedAt: Moment

    package init(runID: String, startedAt: Moment) {
        self.runID = runID
        self.startedAt = startedAt
    }

    /// With a run id made from a seed.
    package init(seed: UInt64, startedAt: Moment) {
        var state = seed
        let digits = Array("0123456789abcdef")
        let runID = (0..<40).map { _ in
            // A step of splitmix64: every seed gives another run id.
            state &+= 0x9E37_79B9_7F4A_7C15
            var mixed = (state ^ (state >> 30)) &* 0xBF58_476D_1CE4_E5B9
            mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
            return digits[Int(truncatingIfNeeded: (mixed ^ (mixed >> 31)) & 15)]
        }
        self.init(runID: String(runID), startedAt: startedAt)
    }
}
