// What two replies to the same read say about the replica that gave the first: a pure decision.

import RESP

/// Which commands can be compared: those with one key whose reply follows from the data alone, in an order that the
/// data gives.
enum AuditedCommand {
    /// Nothing of the data goes by itself but the key as a whole.
    case ofKey
    /// A field of a hash, which may expire while its key stays.
    case ofField

    /// Nil for all others: what the clock, chance or the order of a table has a part in, what tells of the server, and
    /// what may be empty in ways that cannot be told apart from a key that is gone.
    init?(_ command: CommandID) {
        switch command {
        case .get, .strlen, .getrange, .substr, .getbit, .bitcount,
            .llen, .lindex, .lrange, .lpos,
            .scard, .sismember,
            .zcard, .zscore, .zrank, .zrevrank, .zcount, .zlexcount, .zrange, .zrevrange,
            .zrangebyscore, .zrevrangebyscore, .zrangebylex, .zrevrangebylex,
            .xlen, .xrange, .xrevrange, .geodist, .type:
            self = .ofKey
        case .hget, .hexists, .hstrlen: self = .ofField
        default: return nil
        }
    }
}

/// What is known when both servers have answered, and no write of the key was seen meanwhile.
enum AuditVerdict: Equatable {
    case same
    /// The replica's reply was older than the master's data.
    case stale
    /// One of the replies says that nothing is there: how long the master keeps the key decides.
    case dependsOnExpiry
    case undecided

    init(_ command: AuditedCommand, replica: ReplyDigest, master: ReplyDigest) {
        if replica == master, !master.isTooLong {
            self = .same
        } else if !replica.saysNothing, !master.saysNothing {
            // What expires leaves nothing behind, and what comes anew is a write.
            self = .stale
        } else {
            self = command == .ofKey ? .dependsOnExpiry : .undecided
        }
    }

    /// The same when the master has answered PTTL. Nil: it has not.
    init(expiry: Int?, master: ReplyDigest) {
        guard let expiry else {
            self = .undecided
            return
        }
        // A key that is there has not expired meanwhile. One that the replica did not show may have expired by its
        // clock, unless the clocks are further apart than any should be.
        let isStale = master.saysNothing ? expiry != -2 : expiry == -1 || expiry >= 60_000
        self = isStale ? .stale : .undecided
    }
}
