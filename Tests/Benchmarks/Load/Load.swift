// The loop: who has its replies asks again, until the time is over and everybody has been answered.

import CLinux
import Glibc

struct Load {
    /// Nothing at all for so many seconds, and the run has failed.
    static let patience = 60

    private let options: Options
    private let poller: Int32
    private var clients: [Client] = []
    private var requests: Requests
    private var latencies = Latencies()
    private var duration = 0
    private var scratch = [UInt8](repeating: 0, count: 65_536)
    private var bytes: [UInt8] = []
    /// How many clients wait for replies.
    private var waiting = 0
    /// When the run ended: what was due until then is still asked, however late, or a pause at the end would hide
    /// all that fell into it.
    private var ended: Int?

    private static let readable = EPOLLIN.rawValue
    private static let writable = EPOLLOUT.rawValue
    /// Stands for standard input among the numbers of clients.
    private static let input = UInt64.max

    init(_ options: Options) {
        self.options = options
        requests = Requests(options)
        poller = epoll_create1(0)
        for number in 0..<options.clients {
            clients.append(Client(port: options.port, first: requests.first))
            watch(clients[number].descriptor, EPOLL_CTL_ADD, Load.readable, UInt64(number))
        }
    }

    private func watch(
        _ descriptor: Int32, _ operation: Int32, _ interest: UInt32, _ number: UInt64
    ) {
        var event = epoll_event(events: interest, data: epoll_data_t(u64: number))
        if epoll_ctl(poller, operation, descriptor, &event) != 0 { Console.failed("epoll_ctl") }
    }

    private static func now() -> Int {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return time.tv_sec * 1_000_000_000 + time.tv_nsec
    }

    /// Between two requests of one client, when there is a rate.
    private var interval: Int { options.clients * 1_000_000_000 / options.rate }

    mutating func run() {
        let start = Load.now()
        let end = options.milliseconds > 0 ? start + options.milliseconds * 1_000_000 : Int.max
        if end == Int.max { watch(0, EPOLL_CTL_ADD, Load.readable, Load.input) }
        for number in clients.indices {
            if options.rate == 0 {
                ask(number, at: Load.now())
            } else {
                clients[number].due = start + interval * number / options.clients
            }
        }
        var events = [epoll_event](repeating: epoll_event(), count: 1_024)
        while true {
            var now = Load.now()
            if now >= end, ended == nil { ended = end }
            let due = options.rate > 0 ? askWhoIsDue(at: min(now, ended ?? now)) : Int.max
            if ended != nil, waiting == 0 { break }
            let wake = ended == nil ? min(due, end) : Int.max
            for index in 0..<wait(&events, until: wake, from: now) {
                let number = events[index].data.u64
                if number == Load.input {
                    ended = now
                    watch(0, EPOLL_CTL_DEL, Load.readable, Load.input)
                } else {
                    now = serve(Int(number), ready: events[index].events)
                }
                if now >= end { ended = end }
            }
        }
        duration = Load.now() - start
    }

    /// How many events there are; none when the moment came first.
    private func wait(_ events: inout [epoll_event], until wake: Int, from now: Int) -> Int {
        let most = Load.patience * 1_000_000_000
        let sleep = max(0, min(wake == Int.max ? most : wake - now, most))
        var time = timespec(tv_sec: sleep / 1_000_000_000, tv_nsec: sleep % 1_000_000_000)
        let room = Int32(events.count)
        let count = epoll_pwait2(poller, &events, room, &time, nil)
        if count == 0, sleep == most, waiting > 0 {
            Console.fail("\(waiting) clients have waited \(Load.patience) seconds for a reply")
        }
        if count < 0, errno != EINTR { Console.failed("epoll_pwait2") }
        return Int(max(count, 0))
    }

    /// Sends what is due, and returns when the next request will be.
    private mutating func askWhoIsDue(at now: Int) -> Int {
        var next = Int.max
        for number in clients.indices where clients[number].owed == 0 {
            let client = clients[number]
            if client.due <= now {
                ask(number, at: client.due)
                client.due += interval
            } else {
                next = min(next, client.due)
            }
        }
        return next
    }

    private mutating func ask(_ number: Int, at time: Int) {
        requests.fill(&bytes, count: options.pipeline)
        waiting += 1
        let client = clients[number]
        if !client.send(bytes, count: options.pipeline, at: time) {
            watch(client.descriptor, EPOLL_CTL_MOD, Load.readable | Load.writable, UInt64(number))
        }
    }

    /// Takes the replies of a client, and lets it ask again; returns what time it was.
    private mutating func serve(_ number: Int, ready: UInt32) -> Int {
        let client = clients[number]
        if ready & Load.writable != 0, client.sendRest() {
            watch(client.descriptor, EPOLL_CTL_MOD, Load.readable, UInt64(number))
        }
        if ready & ~Load.writable == 0 { return Load.now() }
        let replies = client.receive(&scratch)
        let now = Load.now()
        latencies.record(nanoseconds: now - client.asked, times: replies)
        if client.owed == 0 {
            waiting -= 1
            if ended == nil, options.rate == 0 { ask(number, at: now) }
        }
        return now
    }

    /// The figures: latencies in microseconds.
    var report: String {
        let errors = clients.reduce(0) { $0 + $1.errors }
        let figures = [
            ("requests", Double(latencies.total)),
            ("errors", Double(errors)),
            ("seconds", Double(duration) / 1e9),
            ("p50", Double(latencies.quantile(500)) / 1e3),
            ("p99", Double(latencies.quantile(990)) / 1e3),
            ("worst", Double(latencies.worst) / 1e3),
        ]
        return "{" + figures.map { "\"\($0.0)\": \($0.1)" }.joined(separator: ", ") + "}"
    }
}
