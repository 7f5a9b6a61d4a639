// The thread of one file: takes orders, oldest first, and says what became of them.

import Glibc
import RESP

final class FileWriter: Sendable {
    enum Order: Sendable {
        case open(FileStore.Incarnation, path: String, size: Int)
        case append([UInt8])
        case sync
        case replace(FileStore.Incarnation, path: String, contents: [UInt8])
        case close(FileStore.Incarnation)
        /// The last order: the thread ends.
        case end
    }

    private let orders: OrderQueue
    private let thread: Thread

    init(mailbox: Mailbox) throws(Errno) {
        let orders = try OrderQueue()
        self.orders = orders
        thread = try Thread.start("file") {
            var desk = FileDesk(mailbox: mailbox)
            while desk.carryOut(orders.take()) {}
        }
    }

    func leave(_ order: Order) {
        orders.leave(order)
    }

    func join() {
        thread.join()
    }

    func detach() {
        thread.detach()
    }

    private final class OrderQueue: Sendable {
        private let waiting = Guarded<[Order]>([])
        private let bell: Bell

        init() throws(Errno) {
            bell = try Bell(for: .waitingThread)
        }

        func leave(_ order: Order) {
            let isFirst = waiting.withLock { waiting in
                waiting.append(order)
                return waiting.count == 1
            }
            if isFirst { bell.ring() }
        }

        /// Everything that waits; sleeps until there is something.
        func take() -> [Order] {
            bell.hush()
            return waiting.withLock { waiting in
                let all = waiting
                waiting = []
                return all
            }
        }
    }
}

/// What the thread of a file works at.
private struct FileDesk: ~Copyable {
    private let mailbox: Mailbox
    /// None between `close` and the next `open`, and after a failure; orders are dropped then.
    private var file: AppendedFile?

    init(mailbox: Mailbox) {
        self.mailbox = mailbox
    }

    /// False after the last order.
    mutating func carryOut(_ orders: [FileWriter.Order]) -> Bool {
        var index = 0
        while index < orders.count {
            switch orders[index] {
            case .open(let incarnation, let path, let size):
                open(incarnation, path: path, size: size)
            case .append:
                let run = orders[index...].prefix { $0.isAppend }
                append(run)
                index += run.count - 1
            case .sync:
                perform { file throws(Errno) in News.synced(file.id, size: try file.sync()) }
            case .replace(let incarnation, let path, let contents):
                replace(incarnation, path, contents)
            case .close(let incarnation):
                file = nil
                mailbox.leave(.fileClosed(incarnation))
            case .end:
                return false
            }
            index += 1
        }
        return true
    }

    private mutating func open(_ incarnation: FileStore.Incarnation, path: String, size: Int) {
        file = nil
        do {
            file = try AppendedFile(incarnation, path: path, size: size)
        } catch {
            fail(incarnation, error)
        }
    }

    private mutating func replace(
        _ incarnation: FileStore.Incarnation, _ path: String, _ contents: [UInt8]
    ) {
        file = nil
        do throws(Errno) {
            try WholeFile.replace(path, with: contents)
            mailbox.leave(
                .file(incarnation, .synced(incarnation.file, size: contents.count)))
        } catch {
            fail(incarnation, error)
        }
    }

    private mutating func append(_ run: ArraySlice<FileWriter.Order>) {
        perform { file throws(Errno) in
            for case .append(let bytes) in run { try file.append(bytes) }
            return News.appended(file.id, size: file.appended)
        }
    }

    /// Does something with the open file and passes on the news of it; a failure closes the file.
    private mutating func perform(_ action: (inout AppendedFile) throws(Errno) -> News) {
        guard var open = file.take() else { return }
        let incarnation = open.incarnation
        do {
            let news = try action(&open)
            file = consume open
            mailbox.leave(.file(incarnation, news))
        } catch {
            fail(incarnation, error)
        }
    }

    private func fail(_ incarnation: FileStore.Incarnation, _ error: Errno) {
        mailbox.leave(
            .file(incarnation, .failed(incarnation.file, reason: error.description)))
    }
}

extension FileWriter.Order {
    fileprivate var isAppend: Bool {
        if case .append = self { return true }
        return false
    }
}
