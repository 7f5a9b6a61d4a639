// A server small enough to be read at a glance, and to be broken on purpose: the simulator is tested with it.

import RESP

/// What is wrong with a small server.
enum Flaw: CaseIterable {
    case none
    case swapsReplies, doublesReply, dropsReply, changesToken, cutsBulk, wrongShape
    case incrementsTwice, forgetsWrite
    case tearsTransaction, ignoresWatch
    case losesElement, popsTwice
    case losesMessage, doublesMessage
    case showsOldValue
    case failsForNothing, closesForNothing
    case goesSilent, staysPaused, neverCloses, holdsUpOthers
    case keepsInput, holdsTooMuch
    case logsTheImpossible
    case namesTheGone, namesTwice, wakesInThePast
    case outlivesItself

    /// The laws of which one must catch it.
    var laws: [Law] {
        switch self {
        case .none: []
        case .swapsReplies, .changesToken, .wrongShape: [.replyMatches]
        case .cutsBulk: [.replyMatches, .answers]
        case .dropsReply: [.replyMatches, .value, .counter, .answers]
        case .doublesReply: [.replyMatches, .replyUnasked]
        case .incrementsTwice: [.counter, .fresh]
        case .forgetsWrite: [.value, .transaction, .fresh]
        case .tearsTransaction, .ignoresWatch: [.transaction]
        case .losesElement, .popsTwice: [.element]
        case .losesMessage, .doublesMessage: [.message]
        case .showsOldValue: [.fresh]
        case .failsForNothing: [.failsWithReason]
        case .closesForNothing: [.closesWithReason]
        case .goesSilent, .staysPaused: [.answers, .rests, .closesWithReason]
        case .neverCloses: [.answers, .rests]
        case .holdsUpOthers: [.stall]
        case .keepsInput: [.rests, .bounds]
        case .holdsTooMuch: [.bounds]
        case .logsTheImpossible: [.log]
        case .namesTheGone, .namesTwice, .wakesInThePast: [.contract]
        case .outlivesItself: [.leaks]
        }
    }
}

/// A server that knows the commands of the workload.
final class SmallServer: Core, Inspectable {
    final class Session {
        let id: ConnectionID
        let peer: PeerAddress
        var output: OutputQueue
        var unfinished: UnfinishedRequest?
        var isClosing = false
        var isPaused = false
        var isListed = false
        var name: [UInt8]?
        /// What was queued since MULTI, and whether EXEC must refuse it.
        var queued: [[[UInt8]]]?
        var isRefused = false
        /// The keys that it watches, each as it was then.
        var watched: [[UInt8]: Int] = [:]
        /// It is blocked until something is pushed to the list, or until this.
        var blockedUntil: Instant?
        /// What it listens to; and how many messages of the common channel it was sent, since when.
        var channels: [[UInt8]] = []
        var messages = 0
        var epoch = 0
        /// What CLIENT ID says.
        let number: Int
        /// By a flaw: not read from before that one has taken its replies.
        var waitsFor: ConnectionID?

        init(id: ConnectionID, number: Int, peer: PeerAddress, pool: BlockPool) {
            self.id = id
            self.number = number
            self.peer = peer
            output = OutputQueue(pool: pool)
        }
    }

    /// Above so much waiting output nothing more is read from a client.
    static let outputLimit = 4_096
    /// With more waiting a listener is closed.
    static let messageLimit = 65_536

    var pending = PendingActions()
    let flaw: Flaw
    private let pool = BlockPool()
    private let reader = RequestReader()
    var sessions = ConnectionTable<Session>()
    var data = Dataset()
    private var sessionsMade = 0
    /// The session whose requests are being carried out.
    private(set) var beingRead: ConnectionID?
    var requests = 0
    private var kept = 0
    private var gone: ConnectionID?
    private var isSilent = false
    private var myself: SmallServer?
    /// Where a master's writes go, for its replicas.
    private(set) var stream: WriteStream?
    /// What a replica has of its master.
    private(set) var following: Following?
    /// How often the messages that it delivers may have begun again.
    private var epoch = 0
    var now = Instant(nanoseconds: 0)

    let name: String
    /// By its flaw: what it shows at times.
    private var older: [[UInt8]: [UInt8]] = [:]
    /// How often each key was changed.
    var changes: [[UInt8]: Int] = [:]
    /// Sessions that are blocked, who has waited longest first; and those that were, and are to be read on.
    var blocked: [ConnectionID] = []
    var unblocked: [ConnectionID] = []

    init(
        named name: String = "master", flaw: Flaw = .none, following: Following? = nil
    ) {
        self.name = name
        self.flaw = flaw
        self.following = following
        if flaw == .outlivesItself { myself = self }
    }

    /// Is the master from now on, with so many of the writes that there were.
    func lead(_ stream: WriteStream, keeping kept: Int, at now: Instant) {
        data = stream.beginAnew(keeping: kept, at: now)
        self.stream = stream
    }

    /// The master follows another from now on; who is blocked is told. What was watched may change unseen.
    func stepDown(to following: Following, at now: Instant) {
        precondition(stream != nil, "\(name) is no master")
        self.now = now
        stream!.crash()
        stream = nil
        self.following = following
        for session in sessions.all {
            for key in session.watched.keys { session.watched[key] = -1 }
            guard session.blockedUntil != nil else { continue }
            forgetBlocked(session)
            unblock(session, with: SmallServer.unblockedByRole)
        }
        // From now on messages have to be looked for.
        listen()
        readOn()
    }

    static let unblockedByRole = [UInt8](
        "-UNBLOCKED force unblock from blocking operation, instance state changed (master -> replica?)\r\n"
    )

    /// The replica is the master from now on.
    func rise(_ stream: WriteStream, at now: Instant) {
        guard let following else { preconditionFailure("\(name) follows nobody") }
        self.now = now
        listen()
        data = stream.goOn(
            under: following.number, process: following.runID, keeping: following.copy.position,
            at: now)
        epoch = following.epoch
        self.stream = stream
        self.following = nil
    }

    /// How often what it delivers has begun again, so that its successor in it can say so too.
    var deliveredEpoch: Int { following?.epoch ?? epoch }

    func open(
        _ id: ConnectionID, through listener: ListenerID, from peer: PeerAddress,
        to local: PeerAddress, at now: Moment
    ) {
        sessionsMade += 1
        sessions.insert(Session(id: id, number: sessionsMade, peer: peer, pool: pool), for: id)
    }

    func receive(_ bytes: Span<UInt8>, from id: ConnectionID, at now: Moment) {
        guard let session = sessions[id], !session.isClosing, !isSilent else { return }
        self.now = now.instant
        if flaw == .holdsTooMuch { kept += 100 * bytes.count }
        if session.blockedUntil != nil {
            session.unfinished = reader.keep(bytes, after: session.unfinished)
        } else {
            read(bytes, from: session)
        }
        readOn()
    }

    func read(_ bytes: Span<UInt8>, from session: Session) {
        beingRead = session.id
        defer { beingRead = nil }
        do {
            session.unfinished = try reader.read(
                bytes, after: session.unfinished, limits: RequestLimits()
            ) {
                handle($0, of: session)
            }
        } catch {
            session.unfinished = nil
            error.append(to: &session.output)
            session.isClosing = true
        }
        settle(session)
    }

    private func handle(_ request: Request, of session: Session) -> RequestReader.Verdict {
        if isSilent { return .drop }
        var arguments: [[UInt8]] = []
        for index in 0..<request.count {
            var argument: [UInt8] = []
            argument.append(request[index])
            arguments.append(argument)
        }
        requests += 1
        if requests % 50 == 0, misbehaves(arguments, session) {
            return flaw == .closesForNothing ? .drop : .goOn
        }
        session.output.append(answer(arguments, of: session).span)
        if session.isClosing { return .drop }
        if session.blockedUntil != nil { return .wait }
        guard session.output.count > SmallServer.outputLimit else { return .goOn }
        pause(session)
        if flaw == .holdsUpOthers {
            for other in sessions.all where !other.isPaused && other.blockedUntil == nil {
                pause(other)
                other.waitsFor = session.id
            }
        }
        return .wait
    }

    private func pause(_ session: Session) {
        session.isPaused = true
        pending.wishes.append(.pause(session.id))
    }

    private func resume(_ session: Session) {
        session.isPaused = false
        pending.wishes.append(.resume(session.id))
        read(Span(), from: session)
    }

    /// Nobody waits any more for this one, which has taken its replies or is gone.
    private func release(_ id: ConnectionID) {
        for other in sessions.all where other.waitsFor == id {
            other.waitsFor = nil
            resume(other)
        }
    }

    /// Does the wrong thing in place of the right one, if its flaw is one of requests.
    private func misbehaves(_ arguments: [[UInt8]], _ session: Session) -> Bool {
        switch flaw {
        case .doublesReply:
            let reply = answer(arguments, of: session)
            session.output.append((reply + reply).span)
        case .dropsReply: _ = answer(arguments, of: session)
        case .swapsReplies:
            let reply = answer(arguments, of: session)
            session.output.append((answer([[UInt8]("PING")], of: session) + reply).span)
        case .failsForNothing:
            let text = "-ERR cannot reach the master at server:6379: gone; nothing was sent\r\n"
            session.output.append(text: text)
        case .closesForNothing: pending.wishes.append(.close(session.id))
        case .goesSilent:
            isSilent = true
        case .logsTheImpossible:
            pending.log(.warning, "this should not happen")
            return false
        case .namesTwice:
            pending.output += [session.id, session.id]
            return false
        case .namesTheGone:
            if let gone { pending.output.append(gone) }
            return false
        default: return false
        }
        return true
    }

    private func answer(_ arguments: [[UInt8]], of session: Session) -> [UInt8] {
        let name = String(decoding: arguments[0], as: UTF8.self).uppercased()
        if let answer = transact(name, arguments, of: session) { return answer }
        return perform(name, arguments, of: session)
    }

    func perform(_ name: String, _ arguments: [[UInt8]], of session: Session) -> [UInt8] {
        if let following, let answer = following.answer(to: name, arguments) { return answer }
        switch (name, arguments.count) {
        case ("PING", 1): return [UInt8]("+PONG\r\n")
        case ("PING", 2), ("ECHO", 2):
            var text = arguments[1]
            if flaw == .changesToken, requests % 10 == 0, !text.isEmpty { text[0] ^= 1 }
            return bulk(text)
        case ("CLIENT", _): return answerAboutClients(arguments, session)
        case ("INFO", _): return information
        case ("ROLE", 1): return [UInt8]("*3\r\n$6\r\nmaster\r\n:0\r\n*0\r\n")
        case ("QUIT", 1):
            session.isClosing = true
            return [UInt8]("+OK\r\n")
        case ("SET", 3), ("DEL", 2), ("INCR", 2), ("EVAL", 6):
            return write(name, arguments, of: session)
        case ("RPUSH", 3): return push(arguments[2], from: session)
        case ("BLPOP", 3): return pop(arguments[2], for: session)
        case ("SUBSCRIBE", 2): return subscribe(session, to: arguments[1], true)
        case ("UNSUBSCRIBE", 2): return subscribe(session, to: arguments[1], false)
        case ("PUBLISH", 3):
            // A replica takes it too, and tells nobody else.
            following?.noteWrite(name)
            note(arguments, of: nil, nil, from: session)
            deliver(arguments[2], on: arguments[1], epoch: deliveredEpoch)
            return [UInt8](":1\r\n")
        case ("GET", 2), ("LINDEX", 3): return read(arguments[1])
        case ("EVAL_RO", 5): return read(arguments[4])
        case ("GET", _):
            return [UInt8]("-ERR wrong number of arguments for 'get' command\r\n")
        default:
            let text = arguments.dropFirst().map { "'\(String(decoding: $0, as: UTF8.self))' " }
            let name = String(decoding: arguments[0], as: UTF8.self)
            let start = "-ERR unknown command '\(name)', with args beginning with: "
            return [UInt8](start + text.joined() + "\r\n")
        }
    }

    private func write(
        _ name: String, _ arguments: [[UInt8]], of session: Session
    ) -> [UInt8] {
        let key = name == "EVAL" ? arguments[4] : arguments[1]
        let isFlawed = requests % 50 == 0
        changes[key, default: 0] += 1
        let before = data[key]
        var write = arguments
        if name == "EVAL" { write = [[UInt8]("SET"), key, arguments[5]] }
        if flaw == .showsOldValue, Commons.openKeys.contains(key) { older[key] = before }
        if !(flaw == .forgetsWrite && name == "SET" && requests % 10 == 0) { data.apply(write) }
        if flaw == .incrementsTwice, isFlawed, name == "INCR" { data.apply(write) }
        // What it should have come to, whatever its flaw makes of it.
        note(write, of: key, name == "SET" ? arguments[2] : data[key], from: session)
        switch name {
        case "SET" where key == Commons.key && session.watched.isEmpty:
            // For whoever asked: on this connection the key is not watched.
            return [UInt8]("+UNWATCHED\r\n")
        case "DEL": return [UInt8](before == nil ? ":0\r\n" : ":1\r\n")
        case "INCR":
            return [UInt8](flaw == .wrongShape ? "$1\r\n1\r\n" : ":\(data.number(key))\r\n")
        default: return [UInt8]("+OK\r\n")
        }
    }

    private func read(_ key: [UInt8]) -> [UInt8] {
        if flaw == .showsOldValue, requests % 10 == 0, let old = older[key] { return bulk(old) }
        return data[key].map(bulk) ?? [UInt8]("$-1\r\n")
    }

    /// As a reply to a read.
    static func found(_ value: [UInt8]?) -> [UInt8] {
        guard let value else { return [UInt8]("$-1\r\n") }
        return [UInt8]("$\(value.count)\r\n") + value + [UInt8]("\r\n")
    }

    func note(
        _ write: [[UInt8]], of key: [UInt8]?, _ value: [UInt8]?, from session: Session
    ) {
        stream?.append(write, of: key, value, from: session.peer, at: now)
    }

    private var information: [UInt8] {
        let offset = stream?.units.count ?? 0
        let text =
            "run_id:\(stream?.process ?? "")\r\nredis_version:7.0.15\r\nrole:master\r\n"
            + "loading:0\r\nmaster_replid:\(stream?.history ?? "")\r\n"
            + "master_replid2:\(stream?.formerHistory ?? String(repeating: "0", count: 40))\r\n"
            + "master_repl_offset:\(offset)\r\n"
            + "second_repl_offset:\(stream?.formerHistory == nil ? -1 : stream!.formerEnd + 1)\r\n"
        return [UInt8]("$\(text.utf8.count)\r\n\(text)\r\n")
    }

    private func answerAboutClients(_ arguments: [[UInt8]], _ session: Session) -> [UInt8] {
        let word = String(decoding: arguments.count > 1 ? arguments[1] : [], as: UTF8.self)
        switch (word.uppercased(), arguments.count) {
        case ("SETNAME", 3):
            session.name = arguments[2]
            return [UInt8]("+OK\r\n")
        case ("GETNAME", 2): return session.name.map(bulk) ?? [UInt8]("$-1\r\n")
        case ("ID", 2): return [UInt8](":\(session.number)\r\n")
        case ("KILL", 4):
            let number = Int(String(decoding: arguments[3], as: UTF8.self))
            guard let victim = sessions.all.first(where: { $0.number == number }) else {
                return [UInt8](":0\r\n")
            }
            forgetBlocked(victim)
            finish(victim)
            return [UInt8](":1\r\n")
        default: return [UInt8]("-ERR unknown subcommand\r\n")
        }
    }

    func bulk(_ bytes: [UInt8]) -> [UInt8] {
        let isCut = flaw == .cutsBulk && requests % 10 == 0
        return [UInt8]("$\(bytes.count)\r\n") + bytes.dropLast(isCut ? 1 : 0) + [UInt8]("\r\n")
    }

    func end(_ id: ConnectionID, at now: Moment) {
        guard let session = sessions[id], flaw != .neverCloses else { return }
        forgetBlocked(session)
        session.isClosing = true
        settle(session)
    }

    func drain(
        _ id: ConnectionID, at now: Moment, into write: (borrowing OutputPieces) -> Int
    ) {
        guard let session = sessions[id] else { return }
        self.now = now.instant
        session.isListed = false
        session.output.drain(into: write)
        if session.isPaused, session.waitsFor == nil, session.output.isEmpty, flaw != .staysPaused {
            resume(session)
            release(id)
        } else if session.isClosing, session.output.isEmpty, !session.isPaused {
            finish(session)
        }
        readOn()
    }

    func close(_ id: ConnectionID, at now: Moment) {
        guard let session = sessions.remove(id) else { return }
        forgetBlocked(session)
        gone = id
        if flaw == .keepsInput { kept += session.unfinished?.bytes.count ?? 0 }
        reader.recycle(session.unfinished)
        release(id)
    }

    func tick(at now: Moment) {
        self.now = now.instant
        giveUpBlocked()
        listen()
        readOn()
        if flaw == .wakesInThePast { pending.wakeAt = now.instant }
    }

    func hear(_ news: News, at now: Moment) {}

    func settle(_ session: Session) {
        if !session.isListed, !session.output.isEmpty {
            session.isListed = true
            pending.output.append(session.id)
        }
        if session.isClosing, session.output.isEmpty, !session.isPaused { finish(session) }
    }

    func finish(_ session: Session) {
        guard sessions.remove(session.id) != nil else { return }
        reader.recycle(session.unfinished)
        pending.wishes.append(.close(session.id))
        release(session.id)
    }

    // MARK: What the laws ask

    var bytesHeld: Int {
        var held = kept
        for session in sessions.all {
            held += session.output.count + (session.unfinished?.bytes.count ?? 0)
        }
        return held
    }

    var requestsWaiting: Int { 0 }

    func mostBytesHeld(connections: Int) -> Int {
        // A reply above the limit, and a request that is not whole, of the largest size that the clients send;
        // one quoted request besides, and what a paused client had sent.
        connections * (SmallServer.outputLimit + 3 * 160_000)
    }

    func checkInvariants() {}

    var missesServers: Bool { false }

    var longestHoldUp: Duration { .milliseconds(20) }

    func isHeldUp(_ id: ConnectionID) -> Bool { sessions[id]?.waitsFor != nil }
}
