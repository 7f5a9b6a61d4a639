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

    private struct Room {
        let writer: FileWriter
        var incarnation: Incarnation?
    }

    private let mailbox: Mailbox
    private var rooms: [FileID: Room] = [:]
    private var openings = 0

    init(mailbox: Mailbox) {
        self.mailbox = mailbox
    }

    func isCurrent(_ incarnation: Incarnation) -> Bool {
        rooms[incarnation.file]?.incarnation == incarnation
    }

    mutating func open(_ file: FileID, path: String, size: Int) {
        openings += 1
        let incarnation = Incarnation(file: file, number: openings)
        if rooms[file] == nil {
            do {
                rooms[file] = Room(writer: try FileWriter(mailbox: mailbox))
            } catch {
                // There is no thread to say it; it comes the same way all the same.
                rooms[file] = nil
                mailbox.post(.failed(file, reason: error.reason))
                return
            }
        }
        rooms[file]?.incarnation = incarnation
        rooms[file]?.writer.leave(.open(incarnation, path: path, size: size))
    }

    func append(_ bytes: [UInt8], to file: FileID) {
        rooms[file]?.writer.leave(.append(bytes))
    }

    func sync(_ file: FileID) {
        rooms[file]?.writer.leave(.sync)
    }

    /// Closes when everything before is written; the core hears nothing more of it.
    mutating func close(_ file: FileID) {
        guard let room = rooms[file] else { return }
        room.writer.leave(.close)
        rooms[file]?.incarnation = nil
    }

    /// Waits until everything that was ordered is done, and ends the threads.
    mutating func finish() {
        for room in rooms.values { room.writer.leave(.end) }
        for room in rooms.values { room.writer.join() }
        rooms.removeAll()
    }
}
