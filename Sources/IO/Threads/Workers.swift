// Several loops, each on a thread of its own with a core of its own, that start and stop together.

import RESP

/// Why a program could not start; the text is for the person who started it.
package struct StartFailure: Error {
    package let message: String

    package init(_ message: String) {
        self.message = message
    }
}

package enum Workers {
    /// Makes and runs `count` loops, and returns when all have ended, with the status of the first that did.
    ///
    /// `make` is called once on each thread, with its number and the mailboxes of all loops; the loop it returns
    /// has to use the mailbox of its number. The first loop runs on the calling thread and hears the signals,
    /// which it passes on to the others. If one cannot be made, all stop, and the failure is thrown.
    package static func run(
        count: Int, named name: String = "worker",
        make: @escaping @Sendable (Int, [Mailbox]) throws(StartFailure) -> EventLoop
    ) throws(StartFailure) -> Int32 {
        precondition(count > 0, "there is no program without a loop")
        let mailboxes = try makeMailboxes(count)
        let outcome = Outcome(mailboxes: mailboxes)
        var threads: [Thread] = []
        for number in 1..<max(count, 1) {
            do {
                threads.append(
                    try Thread.start("\(name)-\(number)") {
                        outcome.settle(Workers.run(number, mailboxes, make))
                    })
            } catch {
                outcome.settle(.failure(StartFailure("Cannot start a thread: \(error)")))
            }
        }
        outcome.settle(run(0, mailboxes, make))
        for thread in threads { thread.join() }
        return try outcome.first.get()
    }

    private static func makeMailboxes(_ count: Int) throws(StartFailure) -> [Mailbox] {
        var mailboxes: [Mailbox] = []
        do {
            for _ in 0..<count { mailboxes.append(try Mailbox()) }
        } catch {
            throw StartFailure("Cannot start a loop: \(error)")
        }
        return mailboxes
    }

    private static func run(
        _ number: Int, _ mailboxes: [Mailbox],
        _ make: @Sendable (Int, [Mailbox]) throws(StartFailure) -> EventLoop
    ) -> Result<Int32, StartFailure> {
        do throws(StartFailure) {
            let loop = try make(number, mailboxes)
            precondition(loop.mailbox === mailboxes[number], "a loop with another's mailbox")
            if number == 0 { try hearSignals(loop, mailboxes) }
            return .success(loop.run())
        } catch {
            return .failure(error)
        }
    }

    private static func hearSignals(_ loop: EventLoop, _ mailboxes: [Mailbox])
        throws(StartFailure)
    {
        do {
            try loop.hearSignals(forwardingTo: Array(mailboxes.dropFirst()))
        } catch {
            throw StartFailure("Cannot hear signals: \(error)")
        }
    }

    /// How the first loop ended; that ends the others.
    private final class Outcome: Sendable {
        private let result = Guarded<Result<Int32, StartFailure>?>(nil)
        private let mailboxes: [Mailbox]

        init(mailboxes: [Mailbox]) {
            self.mailboxes = mailboxes
        }

        var first: Result<Int32, StartFailure> {
            result.withLock { result in
                guard let result else { preconditionFailure("no loop has ended") }
                return result
            }
        }

        func settle(_ outcome: Result<Int32, StartFailure>) {
            let isFirst = result.withLock { result in
                defer { result = result ?? outcome }
                return result == nil
            }
            guard isFirst else { return }
            let status = (try? outcome.get()) ?? 1  // only the fact of a failure goes to the others
            for mailbox in mailboxes { mailbox.stop(status: status) }
        }
    }
}
