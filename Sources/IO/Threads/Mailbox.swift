// How other threads reach a loop: they leave a message and ring its bell.

import RESP
import Synchronization

/// The way into a loop from any thread.
package final class Mailbox: Sendable {
    enum Message: Sendable {
        case news(News)
        case task(@Sendable (any Core, Moment) -> Void)
        case lookedUp(HostName, Result<[SocketAddress], LookupFailure>)
        case file(FileStore.Incarnation, News)
        case fileClosed(FileStore.Incarnation)
        case stop(Int32)
    }

    /// Rung when the first message is left; the loop watches it.
    let bell: Bell
    private let messages = Guarded<[Message]>([])
    /// Looked at once per turn, so that mail comes before the bytes of the same turn.
    private let hasMail = Atomic<Bool>(false)

    package init() throws(Errno) {
        bell = try Bell(for: .loop)
    }

    /// Tells the core of that loop something, at the start of its next turn.
    package func post(_ news: News) {
        leave(.news(news))
    }

    /// Runs something on that loop's thread, at the start of its next turn.
    package func post(_ task: @escaping @Sendable (any Core, Moment) -> Void) {
        leave(.task(task))
    }

    /// Ends that loop after the turn's output is written.
    package func stop(status: Int32) {
        leave(.stop(status))
    }

    func leave(_ message: Message) {
        let isFirst = messages.withLock { messages in
            messages.append(message)
            hasMail.store(true, ordering: .releasing)
            return messages.count == 1
        }
        if isFirst { bell.ring() }
    }

    /// All messages left so far; free of any lock when there are none.
    func take() -> [Message] {
        guard hasMail.load(ordering: .acquiring) else { return [] }
        return messages.withLock { messages in
            hasMail.store(false, ordering: .relaxed)
            let all = messages
            messages = []
            return all
        }
    }
}
