// The files that a core appends to: each has a thread of its own, so that a disk that is slow, or a sync that takes
// its time, holds up neither the loop nor another file.

import RESP

/// A loop's files. The loop leaves orders; what became of them comes through the mailbox.
struct FileStore {
    /// One opening of a file. News of an earlier opening under the same name is not passed on.
    struct Incarnation: Hashable, Sendable {
        let file: FileID
        let number: Int
    }

    /// A thread and what it works at.
    ///
    ///     open ──close──▶ closing ──closed──▶ (gone)
    ///      ▲                 │
    ///      └───────open──────┘
    ///
    /// The thread stays until it has said that it has closed the file: an opening before that goes to the same
    /// thread, behind everything that was appended before.
    private struct Room {
        enum State: Equatable {
            case open(Incarnation)
            case closing(Incarnation)
        }

        let writer: FileWriter
        var state: State
    }

    private let mailbox: Mailbox
    private var rooms: [FileID: Room] = [:]
    private var openings = 0

    init(mailbox: Mailbox) {
        self.mailbox = mailbox
    }

    func isCurrent(_ incarnation: Incarnation) -> Bool {
        rooms[incarnation.file]?.state == .open(incarnation)
    }

    mutating func open(_ file: FileID, path: String, size: Int) {
        start(file) { .open($0, path: path, size: size) }
    }

    /// Gives a file other contents. What is said of an earlier replacement is not passed on.
    mutating func replace(_ file: FileID, path: String, contents: [UInt8]) {
        start(file) { .replace($0, path: path, contents: contents) }
    }

    private mutating func start(
        _ file: FileID, _ order: (Incarnation) -> FileWriter.Order
    ) {
        openings += 1
        let incarnation = Incarnation(file: file, number: openings)
        do throws(Errno) {
            let writer =
                if let room = rooms[file] { room.writer } else { try FileWriter(mailbox: mailbox) }
            rooms[file] = Room(writer: writer, state: .open(incarnation))
            writer.leave(order(incarnation))
        } catch {
            // There is no thread to say it; it comes the same way all the same.
            mailbox.post(.failed(file, reason: error.reason))
        }
    }

    func append(_ bytes: [UInt8], to file: FileID) {
        rooms[file]?.writer.leave(.append(bytes))
    }

    func sync(_ file: FileID) {
        rooms[file]?.writer.leave(.sync)
    }

    /// Closes when everything before is written; the core hears nothing more of it.
    mutating func close(_ file: FileID) {
        guard let room = rooms[file], case .open(let incarnation) = room.state else { return }
        room.writer.leave(.close(incarnation))
        rooms[file]?.state = .closing(incarnation)
    }

    /// A thread has closed a file. It ends, unless it has been given another one meanwhile.
    mutating func closed(_ incarnation: Incarnation) {
        guard let room = rooms[incarnation.file], room.state == .closing(incarnation) else {
            return
        }
        room.writer.leave(.end)
        // It has nothing left to do; the loop does not wait for it to be scheduled.
        room.writer.detach()
        rooms[incarnation.file] = nil
    }

    /// Waits until everything that was ordered is done, and ends the threads.
    mutating func finish() {
        for room in rooms.values { room.writer.leave(.end) }
        for room in rooms.values { room.writer.join() }
        rooms.removeAll()
    }
}
