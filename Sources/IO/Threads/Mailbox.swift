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
        case accepted(HandedOver)
        case stop(Int32)
    }

    /// Rung when the first message is left; the loop watches it.
    let bell: Bell
    private let messages = Guarded<[Message]>([])
    /// Looked at once per turn, so that mail comes before the bytes of the same turn.
    private let hasMail = Atomic<Bool>(false)
    /// Set by a loop that has ended; changed and read under the lock of the messages.
    private let isRetired = Atomic<Bool>(false)
    /// How many clients that loop has, those on their way to it among them.
    private let clients = Atomic<Int>(0)

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

    /// The loop has ended: what waits is dropped, and what comes later too, or connections that were handed over
    /// would stay open with nobody to serve them.
    func retire() {
        messages.withLock { messages in
            isRetired.store(true, ordering: .relaxed)
            messages = []
        }
    }

    var load: Int { clients.load(ordering: .relaxed) }

    func addLoad(_ change: Int) {
        clients.add(change, ordering: .relaxed)
    }

    func leave(_ message: Message) {
        let isFirst = messages.withLock { messages in
            guard !isRetired.load(ordering: .relaxed) else { return false }
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
