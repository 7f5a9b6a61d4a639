// What a client has queued since MULTI.

import RESP

/// Commands between MULTI and EXEC. They are kept here until EXEC, and then leave as one block; when they become too
/// many to keep, the client gets a connection of its own and they leave at once.
final class Transaction {
    /// `MULTI` and what was queued behind it, ready to be sent.
    var bytes = ByteBuffer()
    /// Commands queued.
    var count = 0
    /// A command was refused: EXEC will refuse the rest.
    var isRefused = false
    /// Any server that may be read can run it.
    var onlyReads = true
    /// What it was is on its way already, on the client's own connection.
    var isShipped = false
    /// That connection was lost: EXEC will say so.
    var isLost = false

    /// How many of its commands count as writes at the master; and whether one may write that counts as something else.
    var writes = 0
    var isOpaque = false

    /// What it writes and reads, for its fences.
    var written: [FenceTable.Slot] = []
    var writesEverything = false
    var read: [FenceTable.Slot] = []
    var readsEverything = false

    /// Of more keys it is not kept which they are.
    static let mostSlots = 4096

    static let begin: StaticString = "*1\r\n$5\r\nMULTI\r\n"
    static let end: StaticString = "*1\r\n$4\r\nEXEC\r\n"

    init() {
        bytes.append(Transaction.begin)
    }
}
