// sluice-proxy FILE: reads the configuration, and lets one event loop per worker run the proxy.
// sluice-proxy check FILE: says what is wrong with a file, or what it means.

import IO
import Proxy
import RESP

let usage = """
    Usage: sluice-proxy FILE         run the proxy as the file says
           sluice-proxy check FILE   check a file and print what it means, with all defaults
           sluice-proxy --version

    The smallest file names where clients connect and where the master is:

        listen: 127.0.0.1:7379
        backends:
          master: 127.0.0.1:6379

    """

/// Where a configuration's `${NAME}` and `file:/path` come from.
func sources() -> ConfigurationSources {
    ConfigurationSources { name in
        CurrentProcess.environment(name)
    } file: { path in
        do throws(Errno) {
            return .contents(try WholeFile.read(path))
        } catch {
            return .unreadable(reason: error.reason)
        }
    }
}

func readConfiguration(_ path: String) -> (ProxyConfiguration, warnings: ConfigurationErrors) {
    do throws(Errno) {
        return parse(try WholeFile.read(path), path)
    } catch {
        Console.complain("Cannot read \(path): \(error.reason)\n")
        Console.exit(1)
    }
}

func parse(_ bytes: [UInt8], _ path: String) -> (ProxyConfiguration, ConfigurationErrors) {
    do throws(ConfigurationErrors) {
        return try ProxyConfiguration.load(bytes, name: path, sources: sources())
    } catch {
        Console.complain("\(error)\n")
        Console.exit(1)
    }
}

/// Prints what a file means, and on the other stream what in it does nothing.
func check(_ path: String) {
    let (configuration, warnings) = readConfiguration(path)
    for line in warnings.lines { Console.complain("Warning: \(line)\n") }
    Console.write(configuration.render())
}

/// What an earlier process wrote down of the master, if it is to be believed.
func readMemory(
    _ configuration: ProxyConfiguration, _ log: Log
) throws(StateFileError) -> MasterMemory? {
    guard let path = configuration.failover.stateFile else { return nil }
    let bytes: [UInt8]?
    do throws(Errno) {
        try WholeFile.checkReplacing(path)
        bytes = try WholeFile.readIfAny(path)
    } catch {
        throw StateFileError(unusable: path, error.reason)
    }
    guard let bytes else { return nil }
    let memory = try MasterMemory(bytes, name: path)
    switch try memory.worth(beside: configuration, name: path) {
    case .believed:
        log.write(.notice, "\(path) names \(memory.endpoint) as the master", as: .proxy)
        return memory
    case .outdated:
        log.write(
            .warning,
            "The configuration names another master than when \(path) was written: it is believed, and "
                + "\(memory.endpoint), which the file names, is not", as: .proxy)
        return nil
    }
}

/// A listener and the name that the core knows it by.
struct Entrance {
    let listener: Listener
    let id: ListenerID
}

/// The listeners of each worker: TCP ports are bound by each, the kernel deals the connections out; a Unix socket
/// is bound once and heard by all. The health listener is the first worker's alone.
func listen(
    _ configuration: ProxyConfiguration, workers: Int, _ log: Log
) throws(ListenFailure) -> [[Entrance]] {
    var options = ListenerOptions()
    options.backlog = Int32(configuration.tcp.backlog)
    options.keepAlive = Int32(configuration.tcp.keepalive.components.seconds)
    var entrances: [[Entrance]] = Array(repeating: [], count: workers)
    for (place, entry) in configuration.listen.enumerated() {
        let (endpoint, id) = (entry.endpoint, ListenerID.clients(at: place))
        // Another program that shares its port would share it with us: only who does not want to share is refused.
        if workers > 1, case .tcp = endpoint { _ = try listeners(at: endpoint, options, log) }
        var shared = options
        shared.sharesPort = workers > 1
        switch endpoint {
        case .tcp:
            for worker in 0..<workers {
                entrances[worker] += try listeners(at: endpoint, shared, log)
                    .map { Entrance(listener: $0, id: id) }
            }
        case .unix:
            let heard = try listeners(at: endpoint, shared, log)
                .map { Entrance(listener: $0, id: id) }
            for worker in 0..<workers { entrances[worker] += heard }
        }
    }
    if let health = configuration.health {
        entrances[0] += try listeners(at: health, options, log)
            .map { Entrance(listener: $0, id: .health) }
    }
    return entrances
}

func listeners(
    at endpoint: Endpoint, _ options: ListenerOptions, _ log: Log
) throws(ListenFailure) -> [Listener] {
    switch endpoint {
    case .tcp(let host, let port):
        try Listener.tcp(bind: [host], port: port, options: options, log: log, role: .proxy)
    case .unix(let path):
        [try Listener.unix(path: path, permissions: 0, options: options)]
    }
}

/// What INFO and /status tell of the process.
func processFacts(_ path: String, port: Int) -> ProxyStatus.ProcessFacts {
    var facts = ProxyStatus.ProcessFacts()
    facts.processID = CurrentProcess.id
    facts.runID = runID()
    facts.operatingSystem = CurrentProcess.operatingSystem
    facts.executable = CurrentProcess.executable
    facts.configurationFile =
        path.hasPrefix("/") ? path : CurrentProcess.directory + "/" + path
    facts.port = port
    facts.systemMemory = ProcessMeasurement.systemMemory
    return facts
}

/// 40 hexadecimal digits that no other start has.
func runID() -> String {
    let digits = (0..<3).map { _ in
        let number = String(RandomSeed.make(), radix: 16)
        return String(repeating: "0", count: 16 - number.utf8.count) + number
    }
    return String(digits.joined().prefix(40))
}

/// Memory and processor time of the process, measured once a second for all workers.
func measureUsage() throws(Errno) -> ProcessUsage {
    let usage = ProcessUsage()
    try ProcessMeasurement.repeatEverySecond { measured in
        usage.note(
            residentMemory: measured.residentMemory, peakMemory: measured.peakMemory,
            userTime: measured.userTime, systemTime: measured.systemTime)
    }
    return usage
}

func run(_ path: String) -> Never {
    var (configuration, warnings) = readConfiguration(path)
    let log = Log(
        to: configuration.log.file.map { .file(path: $0) } ?? .standardOutput,
        level: configuration.log.level,
        syslog: configuration.log.syslog ? Syslog(name: "sluice-proxy", facility: "local0") : nil)
    for line in warnings.lines { log.write(.warning, line, as: .proxy) }
    do {
        Signals.prepare()
        let workers = workerCount(configuration)
        // Some more where servers are found.
        let backends = configuration.backends
        let mayFind = backends.discover || backends.sentinel != nil
        let servers = 1 + backends.replicas.count + (mayFind ? 8 : 0)
        let limit = try DescriptorLimit.adjust(
            forClients: configuration.maximumClients,
            reserved: DescriptorLimit.reserved + workers * descriptors(configuration, servers)
                + (configuration.health == nil ? 0 : 2 + HealthLimits.connections),
            welcome: workers * servers * configuration.limits.privateConnections)
        for line in limit.lines { log.write(limit.level, line, as: .proxy) }
        configuration.maximumClients = limit.maximumClients
        let memory = try readMemory(configuration, log)
        Console.exit(try serve(configuration, path, memory, log))
    } catch let failure as StateFileError {
        log.write(.warning, "Cannot start: failover.state_file: \(failure)", as: .proxy)
    } catch let failure as StartFailure {
        log.write(.warning, failure.message, as: .proxy)
    } catch let failure as ListenFailure {
        log.write(.warning, failure.message, as: .proxy)
    } catch {
        log.write(.warning, "Cannot start: \(error)", as: .proxy)
    }
    Console.exit(1)
}

/// What each worker holds beside its clients: poller, bell, listeners, and to each server the connections of a few
/// lanes, one for questions and one for watermarks; the master has two of each lane.
func descriptors(_ configuration: ProxyConfiguration, _ servers: Int) -> Int {
    let usualLanes = 4
    let shared = (servers + 1) * configuration.backends.connections * usualLanes
    return 4 + 2 * configuration.listen.count + shared + 2 * servers
}

func workerCount(_ configuration: ProxyConfiguration) -> Int {
    switch configuration.threads {
    case .automatic: CurrentProcess.processorCount
    case .count(let count): count
    }
}

/// Runs the workers until they end, and returns the status.
func serve(
    _ configuration: ProxyConfiguration, _ path: String, _ memory: MasterMemory?, _ log: Log
) throws -> Int32 {
    let workers = workerCount(configuration)
    let clientCount = ClientCount()
    let freshness = Freshness(workers: workers, secret: RandomSeed.make())
    let entrances = try listen(configuration, workers: workers, log)
    for entrance in entrances[0] {
        let purpose = entrance.id == .health ? "Health: " : ""
        log.write(.notice, purpose + entrance.listener.readiness, as: .proxy)
    }
    let board = TopologyBoard(master: configuration.backends.firstMaster(memory))
    let port = entrances[0].first { $0.id != .health }.map { Int($0.listener.address.port) } ?? 0
    let usage = try measureUsage()
    let process = processFacts(path, port: port)
    var options = LoopOptions()
    options.connectTimeout = configuration.timeouts.connect
    options.keepAlive = Int32(configuration.tcp.keepalive.components.seconds)
    options.userTimeout = configuration.tcp.userTimeout
    let settings = options
    // Sentinels are followed on a loop of its own, so that no worker ever waits for one.
    let sentinel = configuration.backends.sentinel
    let loops = workers + (sentinel == nil ? 0 : 1)
    return try Workers.run(count: loops) { number, mailboxes throws(StartFailure) in
        if let sentinel, number == workers {
            let core = SentinelCore(
                sentinel, addresses: configuration.backends.addresses,
                timeouts: configuration.timeouts, highestEpoch: memory?.epoch ?? 0,
                at: SystemClock.now())
            return try loop(driving: core, mailboxes, number, sharers: workers, log, settings)
        }
        let core = ProxyCore(
            configuration: configuration, worker: number, workers: workers,
            clientCount: clientCount, freshness: freshness, board: board, memory: memory,
            process: process, usage: usage, seed: RandomSeed.make(), at: SystemClock.now())
        let loop = try loop(driving: core, mailboxes, number, sharers: workers, log, settings)
        do throws(Errno) {
            for entrance in entrances[number] {
                try loop.listen(
                    on: entrance.listener, as: entrance.id, handsOver: entrance.id != .health)
            }
            return loop
        } catch {
            throw StartFailure("Cannot start a worker: \(error)")
        }
    }
}

/// The loop with this number.
func loop(
    driving core: any Core, _ mailboxes: [Mailbox], _ number: Int, sharers: Int, _ log: Log,
    _ options: LoopOptions
) throws(StartFailure) -> EventLoop {
    do throws(Errno) {
        return try EventLoop(
            driving: core, mailbox: mailboxes[number], peers: mailboxes, sharers: sharers,
            log: log, options: options
        ) { .proxy }
    } catch {
        throw StartFailure("Cannot start a worker: \(error)")
    }
}

extension Log.Role {
    static let proxy = Log.Role("P")
}

let words = CurrentProcess.arguments.map { String(decoding: $0, as: UTF8.self) }
switch words.count {
case 1 where words[0] == "--version":
    Console.write("Sluice proxy v=\(SluiceVersion.text)\n")
case 1 where !words[0].hasPrefix("-") && words[0] != "check":
    run(words[0])
case 2 where words[0] == "check":
    check(words[1])
default:
    Console.complain(usage)
    Console.exit(words.isEmpty || words == ["--help"] || words == ["-h"] ? 0 : 1)
}
