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

func readConfiguration(_ path: String) -> ProxyConfiguration {
    do throws(Errno) {
        return parse(try WholeFile.read(path), path)
    } catch {
        Console.complain("Cannot read \(path): \(error.reason)\n")
        Console.exit(1)
    }
}

func parse(_ bytes: [UInt8], _ path: String) -> ProxyConfiguration {
    do throws(ConfigurationErrors) {
        return try ProxyConfiguration.read(bytes, name: path)
    } catch {
        Console.complain("\(error)\n")
        Console.exit(1)
    }
}

/// The listeners of each worker: TCP ports are bound by each, the kernel deals the connections out; a Unix socket
/// is bound once and heard by all.
func listen(
    _ configuration: ProxyConfiguration, workers: Int, _ log: Log
) throws(ListenFailure) -> [[Listener]] {
    var options = ListenerOptions()
    options.backlog = Int32(configuration.tcp.backlog)
    options.keepAlive = Int32(configuration.tcp.keepalive.components.seconds)
    options.sharesPort = workers > 1
    var listeners: [[Listener]] = Array(repeating: [], count: workers)
    for endpoint in configuration.listen {
        switch endpoint {
        case .tcp(let host, let port):
            for worker in 0..<workers {
                listeners[worker] += try Listener.tcp(
                    bind: [host], port: port, options: options, log: log, role: .proxy)
            }
        case .unix(let path):
            let listener = try Listener.unix(path: path, permissions: 0, options: options)
            for worker in 0..<workers { listeners[worker].append(listener) }
        }
    }
    return listeners
}

func run(_ path: String) -> Never {
    var configuration = readConfiguration(path)
    let log = Log(
        to: configuration.log.file.map { .file(path: $0) } ?? .standardOutput,
        level: configuration.log.level,
        syslog: configuration.log.syslog ? Syslog(name: "sluice-proxy", facility: "local0") : nil)
    do {
        Signals.prepare()
        // Beside its clients each worker has its own poller, bell, listeners and connections to the master.
        let own =
            workerCount(configuration)
            * (3 + 2 * configuration.listen.count + configuration.backends.connections)
        let limit = try DescriptorLimit.adjust(
            forClients: configuration.maximumClients, reserved: DescriptorLimit.reserved + own)
        for line in limit.lines { log.write(limit.level, line, as: .proxy) }
        configuration.maximumClients = limit.maximumClients
        Console.exit(try serve(configuration, log))
    } catch let failure as StartFailure {
        log.write(.warning, failure.message, as: .proxy)
    } catch let failure as ListenFailure {
        log.write(.warning, failure.message, as: .proxy)
    } catch {
        log.write(.warning, "Cannot start: \(error)", as: .proxy)
    }
    Console.exit(1)
}

func workerCount(_ configuration: ProxyConfiguration) -> Int {
    switch configuration.threads {
    case .automatic: CurrentProcess.processorCount
    case .count(let count): count
    }
}

/// Runs the workers until they end, and returns the status.
func serve(_ configuration: ProxyConfiguration, _ log: Log) throws -> Int32 {
    let workers = workerCount(configuration)
    let clientCount = ClientCount()
    let listeners = try listen(configuration, workers: workers, log)
    for listener in listeners[0] { log.write(.notice, listener.readiness, as: .proxy) }
    var options = LoopOptions()
    options.connectTimeout = configuration.timeouts.connect
    options.keepAlive = Int32(configuration.tcp.keepalive.components.seconds)
    options.userTimeout = configuration.tcp.userTimeout
    let settings = options
    return try Workers.run(count: workers) { number, mailboxes throws(StartFailure) in
        let core = ProxyCore(
            configuration: configuration, worker: number, workers: workers,
            clientCount: clientCount)
        do throws(Errno) {
            let loop = try EventLoop(
                driving: core, mailbox: mailboxes[number], peers: mailboxes, log: log,
                options: settings
            ) { .proxy }
            for listener in listeners[number] { try loop.listen(on: listener) }
            return loop
        } catch {
            throw StartFailure("Cannot start a worker: \(error)")
        }
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
    Console.write(readConfiguration(words[1]).render())
default:
    Console.complain(usage)
    Console.exit(words.isEmpty || words == ["--help"] || words == ["-h"] ? 0 : 1)
}
