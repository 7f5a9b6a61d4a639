// What the workers of one proxy tell each other.

import RESP

extension ProxyCore {
    func take(_ message: any CoreMessage, from sender: Int) {
        switch message {
        case is ScriptsForgotten: scripts.forgetAll()
        case is BoardChanged: noteBoard()
        case let found as FoundServer: take(found)
        case let report as SentinelReport: take(report)
        case let message as WorkerMessage: hear(message, from: sender)
        case let wanted as SwitchoverWanted:
            take(wanted.request, from: OperationAsker(worker: sender, step: wanted.step))
        case let ended as OperationEnded: hear(ended)
        case let writes as WritesToEnd: take(writes)
        case let writes as WritesEnded: hear(writes, from: sender)
        case let wanted as ResyncWanted:
            beginResync(of: wanted.replica, for: OperationAsker(worker: sender, step: wanted.step))
        case let reads as ReadsToEnd: take(reads)
        case let reads as ReadsEnded: hear(reads, from: sender)
        case let answer as SentinelAnswer: hear(answer)
        default: preconditionFailure("worker \(sender) sent what nobody knows")
        }
    }
}
