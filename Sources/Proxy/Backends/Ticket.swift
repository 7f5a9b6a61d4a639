// Whose the next replies of a backend connection are, and what becomes of them.

import RESP

/// A run of requests, sent one behind the other on one connection in one turn, that are not all answered.
struct Ticket {
    /// What was asked; it decides what happens when no answer comes.
    enum Kind: UInt8 {
        /// May be asked again, of anybody.
        case read
        /// May have changed data: never sent twice.
        case write
        /// Waits for as long as it takes: the server answers when something happens.
        case blocking
        /// A question of the proxy's own.
        case errand
    }

    /// What is done with the replies.
    enum Delivery: UInt8 {
        /// They are passed on as they come.
        case plain
        /// The same of one reply, which is compared with the master's besides.
        case audited
        /// The first entry of the connection's `specials` says what is done with the one reply.
        case special
        /// They are read and forgotten, by the client's own wish.
        case dropped
    }

    /// Who asked. Nobody for the proxy's own questions, and when the answer is not wanted any more: a time-out was
    /// answered in its place, or another server does what was asked.
    var client: ConnectionID
    var kind: Kind
    var delivery: Delivery
    /// How often these requests were sent before.
    let attempts: UInt8
    /// The replies that have been delivered, and those that are still owed.
    var done: Int32 = 0
    var replies: Int32
    /// Where the first request of the run begins in the connection's output.
    let start: Int
    var since: Instant
    /// Microseconds that the first request had waited here before it was sent.
    var waited: UInt32 = 0
    /// What the whole reply is for, when it is gathered.
    var errand: ErrandStep?
    /// Replicas are to confirm what was written before the client gets the reply.
    var isWithheld = false
    /// The client does not want this special reply.
    var isSilent = false

    /// Whether the client reads a reply.
    var isWanted: Bool { delivery != .dropped && !isSilent }

    /// Stands for nobody: no connection has generation 0.
    static let nobody = ConnectionID(slot: 0, generation: 0)
}

/// A reply that is not passed on as it comes.
enum SpecialReply {
    /// Answers to MULTI and to what it queued come first and are dropped; the last one is EXEC's.
    case block(BlockReply)
    /// A cursor that gets the tag of its server. One that begins an iteration may begin it elsewhere.
    case cursor(CursorRewriter, begins: Bool)
    /// Kept whole for an errand.
    case gathered
    /// The master's answer to WAIT, and to the command before it.
    case acknowledgement(isCount: Bool)
    /// The answer to the command before a client's WAIT.
    case beforeWait
    /// The master's answer to a watermark.
    case published
    /// A replica's answer to ROLE, by which the reads behind it are done there or not, and what was known when it was
    /// asked: it may have been further since then when it answered elsewhere.
    case veto(Proof.Seen)
    /// The master's reply to a read that a replica has answered: compared, and forgotten.
    case compared(Int)
}

/// The replies to a transaction that was sent as one block.
struct BlockReply {
    /// Answers to MULTI and to what it queued: all of them, and those still to come.
    let all: Int
    var dropped: Int
    /// The line of the first error among the answers that are dropped: why EXEC will be refused.
    private(set) var error: [UInt8] = []
    /// The error is MULTI's, so that there is no transaction.
    private(set) var isMultiRefused = false

    init(dropping count: Int) {
        all = count
        dropped = count
    }

    /// The same block, sent anew.
    var anew: BlockReply { BlockReply(dropping: all) }

    /// Part of the answer to one of the queued commands has come.
    mutating func drop(_ part: Span<UInt8>, isError: Bool, isWhole: Bool) {
        precondition(dropped > 0, "only EXEC's answer is left")
        let hasError = error.last == UInt8(ascii: "\n")
        if isError, !hasError, error.count + part.count <= RequestLimits.lineLength {
            for index in 0..<part.count { error.append(part[index]) }
            isMultiRefused = dropped == all
        }
        if isWhole { dropped -= 1 }
    }

    /// What the client reads in place of EXEC's answer, which says only that there was an error.
    func appendRefusal(to output: inout OutputQueue) {
        if isMultiRefused {
            output.append("-ERR the server refused MULTI, and what followed ran by itself: ")
        } else {
            output.append("-EXECABORT Transaction discarded because of: ")
        }
        output.append(error.span.extracting(1..<error.count))
        if error.last != UInt8(ascii: "\n") { output.append("\r\n") }
    }
}
