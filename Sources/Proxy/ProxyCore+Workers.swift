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
        default: preconditionFailure("worker \(sender) sent what nobody knows")
        }
    }
}
