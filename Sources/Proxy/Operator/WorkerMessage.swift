// What workers say to each other: questions of operators, the answers, and events.

import RESP

/// One worker's word to another.
enum WorkerMessage: CoreMessage {
    /// The step names the errand of whoever asks.
    case ask(WorkerQuestion, for: ErrandStep)
    case answer(WorkerAnswer, for: ErrandStep)
    /// For those who listen to events.
    case event(ProxyEvent)
    /// A server has answered what was out of date; told to the first worker, who keeps the events.
    case staleRead(of: Endpoint, String)
}

/// What every worker is asked, or told, on behalf of one client.
enum WorkerQuestion: Sendable {
    case status
    case clients
    case events
    case slowLog
    /// Close those that fit; the caller is the id of the client that asks.
    case kill(ClientKillFilter, caller: Int)
    case unblock(ClientUnblock)
    case pause(ClientPause)
    case unpause
    case resetCounters
    case resetSlowLog
}

/// What a worker answers.
enum WorkerAnswer: Sendable {
    case status(ProxyStatus)
    case clients([ProxyClient])
    /// Newest first.
    case events([ProxyEvent])
    case slowLog([SlowLog.Entry])
    /// So many clients were concerned.
    case count(Int)
}

/// What an operator wants, to be written when all workers have answered.
enum Inquiry {
    case summary
    case backends
    case audit
    case statistics
    case info(InfoSelection)
    case proxyClients
    case clientList(ClientListFilter)
    case events(count: Int)
    case slowLog(count: Int, isProxy: Bool)
    case slowLogLength
    case kill(ClientKillFilter, caller: Int)
    case unblock(ClientUnblock)
    case pause(ClientPause)
    case unpause
    case resetCounters
    case resetSlowLog
    /// Asked by a connection to the health endpoint.
    case health

    /// How long workers and the master may take to answer.
    static let patience = Duration.seconds(1)

    var question: WorkerQuestion {
        switch self {
        case .summary, .backends, .audit, .statistics, .info, .health: .status
        case .proxyClients, .clientList: .clients
        case .events: .events
        case .slowLog, .slowLogLength: .slowLog
        case .kill(let filter, let caller): .kill(filter, caller: caller)
        case .unblock(let unblock): .unblock(unblock)
        case .pause(let pause): .pause(pause)
        case .unpause: .unpause
        case .resetCounters: .resetCounters
        case .resetSlowLog: .resetSlowLog
        }
    }

    /// The master is asked too, for what only it knows.
    var needsKeyspace: Bool {
        if case .info(let selection) = self { selection.needsKeyspace } else { false }
    }
}
