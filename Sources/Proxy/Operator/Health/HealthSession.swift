// One connection to the health endpoint.

import RESP

final class HealthSession {
    let id: ConnectionID
    var parser = HTTPRequestParser()
    var output: OutputQueue
    /// Requests that are not answered, in their order.
    var inputs: [HTTPInput] = []
    /// The workers have been asked for what the first of them wants.
    var isAsking = false
    /// Nothing more is taken; it is closed when it has its answers.
    var isEnded = false
    /// The driver was told not to read from it.
    var isStopped = false
    var isListed = false
    /// When it is closed, if it has not been answered something until then.
    var due: Instant

    init(id: ConnectionID, pool: BlockPool, due: Instant) {
        self.id = id
        self.due = due
        output = OutputQueue(pool: pool)
    }

    var isDone: Bool { isEnded && inputs.isEmpty && output.isEmpty }
}
