// What a client wants done to servers: the first worker does it, whichever worker the client is at, and tells how it
// ended.
//
//     client ─▶ its worker ── a message ──▶ worker 0 ── steps ──▶ servers
//     client ◀─ its worker ◀── OperationEnded ── worker 0

import RESP

/// Who is told how it ended: the worker, and the errand there.
struct OperationAsker {
    let worker: Int
    let step: ErrandStep
}

enum OperationOutcome: Sendable {
    case done(Report)
    case accepted
    /// The text of an error.
    case failed(String)
}

struct OperationEnded: CoreMessage {
    let outcome: OperationOutcome
    let step: ErrandStep
}

extension ProxyCore {
    /// Has the first worker begin it: here, or by a message that names the errand of this worker.
    func operate(
        for client: ClientSession, _ begin: (OperationAsker) -> Void,
        _ message: (ErrandStep) -> any CoreMessage
    ) -> ClientSession.Pause? {
        let errand = beginErrand(.operation, for: client.id, parts: 1)
        let step = ErrandStep(errand: errand.number, part: 0)
        if worker == 0 {
            begin(OperationAsker(worker: worker, step: step))
        } else {
            pending.wishes.append(.send(message(step), to: 0))
        }
        if errand.left > 0 { pause(client, .answer) }
        return nil
    }

    func tell(_ outcome: OperationOutcome, to asker: OperationAsker) {
        let ended = OperationEnded(outcome: outcome, step: asker.step)
        if asker.worker == worker {
            hear(ended)
        } else {
            pending.wishes.append(.send(ended, to: asker.worker))
        }
    }

    func hear(_ ended: OperationEnded) {
        guard let errand = errands[ended.step.errand] else { return }
        errand.left = 0
        errands[errand.number] = nil
        // Who has left does not hear of it; events tell it to everybody.
        guard let client = clients[errand.client] else { return }
        let version = client.version
        reply(to: client) { output in
            switch ended.outcome {
            case .done(let report): output.append(report, for: version)
            case .accepted: output.append("+OK\r\n")
            case .failed(let text): output.appendError(text: text)
            }
        }
        guard client.pause == .answer else { return }
        if client.extras?.replies == .skipThis { client.extras?.replies = .on }
        answered(client)
    }
}
