// sluice-server [redis.conf] [--directive value …]: reads what it is told, and lets the event loop run a server.

import IO
import RESP
import Server

/// The configuration loader's view of the file system.
struct SystemFiles: ConfigurationFiles {
    func read(_ path: String) throws(FileFailure) -> [UInt8] {
        do throws(Errno) {
            guard path.contains(where: { "*?[".contains($0) }) else {
                return try WholeFile.read(path)
            }
            var contents: [UInt8] = []
            for match in WholeFile.matches(of: path) { contents += try WholeFile.read(match) }
            return contents
        } catch {
            throw FileFailure(error.reason)
        }
    }

    func changeDirectory(to path: String) throws(FileFailure) {
        do throws(Errno) {
            try CurrentProcess.changeDirectory(to: path)
        } catch {
            throw FileFailure(error.reason)
        }
    }

    func openLog(_ path: String) throws(FileFailure) {
        do throws(Errno) {
            try WholeFile.checkAppending(to: path)
        } catch {
            throw FileFailure(error.reason)
        }
    }
}

func arguments() -> ServerArguments {
    switch ServerArguments.parse(CurrentProcess.arguments) {
    case .run(let arguments):
        return arguments
    case .version:
        Console.write(
            "Sluice server v=\(SluiceVersion.text) (Redis 7.0.15 compatible) "
                + "bits=\(Int.bitWidth)\n")
        Console.exit(0)
    case .help:
        Console.complain(ServerArguments.usage)
        Console.exit(1)
    case .refused(let text):
        Console.complain(text)
        Console.exit(1)
    }
}

func load(_ arguments: ServerArguments) -> LoadedConfiguration {
    do throws(ConfigurationFailure) {
        let input = arguments.readsStandardInput ? try? WholeFile.readStandardInput() : nil
        return try ServerConfiguration.load(
            arguments, standardInput: input ?? [], files: SystemFiles())
    } catch {
        switch error {
        case .fatal(let text): Console.complain(text)
        case .logged(let line): Log().write(.warning, line, as: .starting)
        }
        Console.exit(1)
    }
}

func makeLog(_ configuration: ServerConfiguration) -> Log {
    let syslog =
        configuration.syslog.isEnabled
        ? Syslog(
            name: configuration.syslog.identity, facility: configuration.syslog.facility.rawValue)
        : nil
    return Log(
        to: configuration.logFile.map { .file(path: $0) } ?? .standardOutput,
        level: configuration.logLevel, syslog: syslog)
}

func listen(_ configuration: ServerConfiguration, _ log: Log) throws(ListenFailure) -> [Listener] {
    var options = ListenerOptions()
    options.backlog = Int32(configuration.tcpBacklog)
    options.keepAlive = Int32(configuration.tcpKeepalive.components.seconds)
    var listeners: [Listener] = []
    if configuration.port != 0 {
        listeners += try Listener.tcp(
            bind: configuration.bind.map(\.description), port: configuration.port,
            options: options, log: log, role: .master)
        if let warning = Backlog.warning(for: options.backlog) {
            log.write(.warning, warning, as: .master)
        }
    }
    if let path = configuration.unixSocket {
        listeners.append(
            try Listener.unix(
                path: path, permissions: UInt32(configuration.unixSocketPermissions),
                options: options))
    }
    return listeners
}

/// Runs the server until it exits, and returns its status.
func serve(
    _ configuration: ServerConfiguration, file: String?, on listeners: [Listener], _ log: Log
) throws(Errno) -> Int32 {
    let now = SystemClock.now()
    let seed = RandomSeed.make()
    var identity = ServerIdentity(seed: RandomSeed.make(), startedAt: now)
    identity.processID = CurrentProcess.id
    identity.operatingSystem = CurrentProcess.operatingSystem
    identity.executable = CurrentProcess.executable
    identity.configurationFile = file ?? ""
    let core = ServerCore(configuration: configuration, identity: identity, seed: seed, at: now)
    let loop = try EventLoop(driving: core, mailbox: try Mailbox(), log: log) { .master }
    try loop.hearSignals()
    for listener in listeners {
        try loop.listen(on: listener)
        log.write(.notice, listener.readiness, as: .master)
    }
    return loop.run()
}

let request = arguments()
let directory = CurrentProcess.directory
var (configuration, warnings) = { ($0.configuration, $0.warnings) }(load(request))
let file = request.file.map { ServerArguments.absolutePath(of: $0, in: directory) }
let log = makeLog(configuration)
var status: Int32 = 1

do {
    log.write(.warning, "Sluice is starting, as Redis 7.0.15 would", as: .starting)
    for warning in warnings { log.write(.warning, warning, as: .starting) }
    if configuration.daemonize { try Daemon.detach() }
    Signals.prepare()
    let limit = try DescriptorLimit.adjust(forClients: configuration.maximumClients)
    for line in limit.lines { log.write(limit.level, line, as: .master) }
    configuration.maximumClients = limit.maximumClients

    let listeners = try listen(configuration, log)
    guard !listeners.isEmpty else {
        throw StartFailure("Configured to not listen anywhere, exiting.")
    }
    let pidFile = (configuration.pidFile ?? (configuration.daemonize ? "/var/run/redis.pid" : nil))
        .flatMap { PidFile(path: $0) }
    log.write(
        .notice, "Running mode=standalone, port=\(configuration.port).", as: .master)
    log.write(.warning, "Server initialized", as: .master)
    defer { pidFile?.remove() }
    status = try serve(configuration, file: file, on: listeners, log)
} catch let failure as StartFailure {
    log.write(.warning, failure.message, as: .master)
} catch let failure as ListenFailure {
    log.write(.warning, failure.message, as: .master)
} catch {
    log.write(.warning, "Cannot start: \(error)", as: .master)
}
Console.exit(status)
