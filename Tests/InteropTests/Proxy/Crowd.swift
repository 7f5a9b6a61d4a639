// Many clients in one thread, each asking random pipelines and remembering what may be answered.

import Glibc
import RESP
import TestSupport
import Testing

/// What the whole crowd has seen.
struct CrowdRecord {
    var sent = 0
    var answered = 0
    /// Requests answered by an error, or not at all because the connection closed.
    var failed = 0
    var connectionsLost = 0
    /// Reads of an own key that gave something older than what had been acknowledged.
    var staleReads = 0
    /// Of each counter, the values that INCRs were answered with.
    var counted: [Set<Int>]
    /// Of each counter, the INCRs whose fate is unknown.
    var uncertain: [Int]
    /// What must not be. Only the first ones are kept.
    private(set) var violations: [String] = []
    private(set) var violationCount = 0
    /// Errors that were answered, with how often.
    var errors: [String: Int] = [:]

    init(counters: Int) {
        counted = Array(repeating: [], count: counters)
        uncertain = Array(repeating: 0, count: counters)
    }

    mutating func record(violation: String) {
        violationCount += 1
        if violations.count < 20 { violations.append(violation) }
    }
}

/// Keys that never change, counters that all share, and keys of each client's own.
enum CrowdKeys {
    static let staticCount = 50
    static let counters = 16
    static let ownCount = 4

    static func staticKey(_ index: Int) -> String { "static:\(index)" }
    static func staticValue(_ index: Int) -> String { "never-changes:\(index)" }
    static func counter(_ index: Int) -> String { "counter:\(index)" }
    static func own(_ client: Int, _ index: Int) -> String { "own:\(client):\(index)" }
    static func value(_ client: Int, _ index: Int, _ version: Int) -> String {
        "value:\(client):\(index):\(version):" + String(repeating: "x", count: version % 40)
    }

    /// Which version of an own key a value is; nil when it is no value of that key at all.
    static func version(_ text: String, of client: Int, _ index: Int) -> Int? {
        let parts = text.split(separator: ":")
        guard parts.count >= 4, let version = Int(parts[3]) else { return nil }
        return text == value(client, index, version) ? version : nil
    }
}

/// One client: it sends a pipeline, waits for all answers, rests, and connects again when it was closed.
final class CrowdMember {
    private enum Question {
        case echo(String)
        case set(key: Int, version: Int)
        case get(key: Int)
        case increment(counter: Int)
        case readStatic([Int])
    }

    let number: Int
    private let endpoint: sockaddr_in
    private var random: SeededRandom
    private(set) var descriptor: Int32 = -1
    private var input: [UInt8] = []
    private var output: [UInt8] = []
    private var questions: [Question] = []
    private var answered = 0
    private var restsUntil = ContinuousClock().now
    private var tokens = 0
    private let pause: Range<Int>
    /// Of each own key: the newest version sent, and the newest acknowledged.
    private(set) var sent = Array(repeating: 0, count: CrowdKeys.ownCount)
    private(set) var acknowledged = Array(repeating: 0, count: CrowdKeys.ownCount)

    init(number: Int, port: UInt16, seed: UInt64, pause: Range<Int>) {
        self.number = number
        self.pause = pause
        random = SeededRandom(seed: seed)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        endpoint = address
    }

    deinit { if descriptor >= 0 { close(descriptor) } }

    var isOwed: Bool { answered < questions.count }
    var wishes: Int16 { output.isEmpty ? Int16(POLLIN) : Int16(POLLIN | POLLOUT) }

    /// Connects, or asks the next pipeline, when it is time.
    func act(at now: ContinuousClock.Instant, _ record: inout CrowdRecord) {
        guard now >= restsUntil, !isOwed else { return }
        guard descriptor >= 0 else {
            connect()
            restsUntil = now.advanced(by: .milliseconds(descriptor >= 0 ? 0 : 50))
            return
        }
        ask(&record)
    }

    private func connect() {
        let new = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        guard new >= 0 else { return }
        var address = endpoint
        let status = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                Glibc.connect(new, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        var on: Int32 = 1
        setsockopt(new, Int32(IPPROTO_TCP), TCP_NODELAY, &on, socklen_t(MemoryLayout<Int32>.size))
        guard status == 0, fcntl(new, F_SETFL, O_NONBLOCK) == 0 else {
            close(new)
            return
        }
        descriptor = new
    }

    private func ask(_ record: inout CrowdRecord) {
        questions.removeAll(keepingCapacity: true)
        answered = 0
        for _ in 0..<Int.random(in: 1...16, using: &random) {
            let (question, words) = nextQuestion()
            questions.append(question)
            output += Wire.request(words)
        }
        record.sent += questions.count
        write(&record)
    }

    private func nextQuestion() -> (Question, [String]) {
        switch Int.random(in: 0..<10, using: &random) {
        case 0, 1:
            tokens += 1
            let token = "token:\(number):\(tokens)"
            return (.echo(token), ["ECHO", token])
        case 2, 3:
            let key = Int.random(in: 0..<CrowdKeys.ownCount, using: &random)
            sent[key] += 1
            let value = CrowdKeys.value(number, key, sent[key])
            return (
                .set(key: key, version: sent[key]), ["SET", CrowdKeys.own(number, key), value]
            )
        case 4, 5, 6:
            let key = Int.random(in: 0..<CrowdKeys.ownCount, using: &random)
            return (.get(key: key), ["GET", CrowdKeys.own(number, key)])
        case 7:
            let counter = Int.random(in: 0..<CrowdKeys.counters, using: &random)
            return (.increment(counter: counter), ["INCR", CrowdKeys.counter(counter)])
        default:
            let indices = (0..<Int.random(in: 1...5, using: &random)).map { _ in
                Int.random(in: 0..<CrowdKeys.staticCount, using: &random)
            }
            return (.readStatic(indices), ["MGET"] + indices.map(CrowdKeys.staticKey))
        }
    }

    func write(_ record: inout CrowdRecord) {
        let count = output.withUnsafeBytes {
            send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
        }
        if count > 0 { output.removeFirst(count) }
        if count < 0, errno != EAGAIN, errno != EINTR { lose(&record) }
    }

    func read(_ record: inout CrowdRecord, at now: ContinuousClock.Instant) {
        var piece = [UInt8](repeating: 0, count: 16_384)
        let count = recv(descriptor, &piece, piece.count, 0)
        if count < 0, errno == EAGAIN || errno == EINTR { return }
        if count > 0 {
            input += piece[..<count]
            judge(&record)
        }
        if count <= 0 { return lose(&record) }
        if !isOwed {
            restsUntil = now.advanced(
                by: .milliseconds(Int.random(in: pause, using: &random)))
        }
    }

    /// The connection is gone: what was asked on it may have run or not.
    func lose(_ record: inout CrowdRecord) {
        guard descriptor >= 0 else { return }
        close(descriptor)
        descriptor = -1
        if !input.isEmpty {
            // Half a reply: the server must not have gone on as if it were whole; nothing to judge.
            input = []
        }
        output = []
        record.connectionsLost += 1
        for question in questions[answered...] { giveUp(question, &record) }
        answered = questions.count
    }

    private func giveUp(_ question: Question, _ record: inout CrowdRecord) {
        record.failed += 1
        if case .increment(let counter) = question { record.uncertain[counter] += 1 }
    }

    private func judge(_ record: inout CrowdRecord) {
        var reader = WireReader(bytes: input)
        var end = 0
        do {
            while let reply = try reader.reply() {
                end = reader.position
                guard isOwed else {
                    record.record(violation: "client \(number) got what it had not asked: \(reply)")
                    break
                }
                let question = questions[answered]
                answered += 1
                record.answered += 1
                judge(question, reply, &record)
            }
        } catch {
            record.record(violation: "client \(number) got no reply: \(error)")
        }
        input.removeFirst(end)
    }

    private func judge(_ question: Question, _ reply: WireReply, _ record: inout CrowdRecord) {
        if case .error(let text) = reply {
            record.errors[String(text.prefix(60)), default: 0] += 1
            return giveUp(question, &record)
        }
        func violate(_ wanted: String) {
            record.record(violation: "client \(number) wanted \(wanted) and got \(reply)")
        }
        switch question {
        case .echo(let token):
            if reply != .bulk(token) { violate(token) }
        case .set(let key, let version):
            if reply != .simple("OK") { return violate("OK") }
            acknowledged[key] = max(acknowledged[key], version)
        case .get(let key):
            if reply == .nullBulk {
                if acknowledged[key] > 0 { record.staleReads += 1 }
                return
            }
            guard let version = CrowdKeys.version(reply.text ?? "", of: number, key),
                version <= sent[key]
            else { return violate(CrowdKeys.own(number, key)) }
            if version < acknowledged[key] { record.staleReads += 1 }
        case .increment(let counter):
            guard let number = reply.number else { return violate("a number") }
            if !record.counted[counter].insert(number).inserted {
                record.record(violation: "two INCRs of counter \(counter) gave \(number)")
            }
        case .readStatic(let indices):
            let wanted = indices.map { WireReply.bulk(CrowdKeys.staticValue($0)) }
            if reply != .array(wanted) { violate("\(indices)") }
        }
    }
}

/// Runs members until a moment has passed, and then until nobody is owed anything.
struct Crowd {
    let members: [CrowdMember]
    private(set) var record = CrowdRecord(counters: CrowdKeys.counters)

    init(count: Int, port: UInt16, seed: UInt64, pause: Range<Int>) {
        members = (0..<count).map {
            CrowdMember(number: $0, port: port, seed: seed &+ UInt64($0) << 32, pause: pause)
        }
    }

    /// False when somebody is owed an answer still, long after.
    mutating func run(for duration: Duration, grace: Duration = .seconds(60)) -> Bool {
        let clock = ContinuousClock()
        let end = clock.now.advanced(by: duration)
        while clock.now < end { turn(acting: true) }
        let last = clock.now.advanced(by: grace)
        while clock.now < last {
            if !members.contains(where: \.isOwed) { return true }
            turn(acting: false)
        }
        return false
    }

    private mutating func turn(acting: Bool) {
        let now = ContinuousClock().now
        if acting { for member in members { member.act(at: now, &record) } }
        let open = members.filter { $0.descriptor >= 0 }
        var requests = open.map { pollfd(fd: $0.descriptor, events: $0.wishes, revents: 0) }
        guard poll(&requests, nfds_t(requests.count), 10) > 0 else { return }
        for (member, request) in zip(open, requests) where request.revents != 0 {
            if request.revents & Int16(POLLOUT) != 0 { member.write(&record) }
            if request.revents & ~Int16(POLLOUT) != 0, member.descriptor >= 0 {
                member.read(&record, at: now)
            }
        }
    }

    /// Sets the keys that never change.
    static func prepare(_ deployment: RedisDeployment) throws {
        let client = try deployment.master.client()
        for index in 0..<CrowdKeys.staticCount {
            let words = ["SET", CrowdKeys.staticKey(index), CrowdKeys.staticValue(index)]
            try #require(try client.run(words) == .simple("OK"))
        }
        try #require(try deployment.waitUntilReplicated())
    }

    /// Lets this process have as many descriptors as a crowd needs.
    static func raiseDescriptorLimit() throws {
        var limit = rlimit()
        try #require(getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0)
        guard limit.rlim_cur < 4_096 else { return }
        limit.rlim_cur = min(4_096, limit.rlim_max)
        try #require(setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0)
    }
}
