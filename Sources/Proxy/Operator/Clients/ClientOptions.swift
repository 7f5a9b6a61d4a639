// The smaller CLIENT subcommands: their options as values, with redis-server 7.0's error texts. That there are enough
// arguments is checked before, against the command table.

import RESP

/// CLIENT PAUSE: nobody's requests, or nobody's writes, go on for a while.
package struct ClientPause: Sendable, Equatable {
    package enum Mode: Sendable {
        case all
        case writes
    }

    package var duration: Duration
    package var mode: Mode

    /// A pause that nobody lives to see the end of: longer ones are this long, so that adding it to a time is safe.
    static let longest = Duration.seconds(100 * 365 * 86_400)

    package init(_ request: Request) throws(CommandRefusal) {
        guard request.count <= 4 else { throw .unknownOrWrongCount(request[1], of: "client") }
        mode = .all
        if request.count == 4 {
            if request[3].equalsIgnoringCase("WRITE") {
                mode = .writes
            } else if !request[3].equalsIgnoringCase("ALL") {
                throw CommandRefusal("ERR CLIENT PAUSE mode must be WRITE or ALL")
            }
        }
        guard let timeout = Decimal.integer(request[2]) else {
            throw CommandRefusal("ERR timeout is not an integer or out of range")
        }
        guard timeout >= 0 else { throw CommandRefusal("ERR timeout is negative") }
        duration = min(.milliseconds(timeout), ClientPause.longest)
    }
}

/// CLIENT REPLY.
package enum ClientReplyMode: Sendable, Equatable {
    /// Answered with OK; the other two with nothing.
    case on
    case off
    /// The next request is not answered either.
    case skip

    package init(_ request: Request) throws(CommandRefusal) {
        let word = request[2]
        if word.equalsIgnoringCase("ON") {
            self = .on
        } else if word.equalsIgnoringCase("OFF") {
            self = .off
        } else if word.equalsIgnoringCase("SKIP") {
            self = .skip
        } else {
            throw .syntax
        }
    }
}

/// CLIENT NO-EVICT and its kind: `ON` or `OFF`.
package struct ClientSwitch: Sendable, Equatable {
    package let isOn: Bool

    package init(_ request: Request) throws(CommandRefusal) {
        if request[2].equalsIgnoringCase("ON") {
            isOn = true
        } else if request[2].equalsIgnoringCase("OFF") {
            isOn = false
        } else {
            throw .syntax
        }
    }
}

/// CLIENT UNBLOCK: ends the wait of one client. Answered with 1, or with 0 when it does not wait.
package struct ClientUnblock: Sendable, Equatable {
    package enum Reason: Sendable {
        /// As if its time were up.
        case timeout
        case error
    }

    package let id: Int
    package let reason: Reason

    /// What the client that is unblocked with an error reads.
    package static let error: StaticString =
        "UNBLOCKED client unblocked via CLIENT UNBLOCK"

    package init(_ request: Request) throws(CommandRefusal) {
        guard request.count <= 4 else { throw .unknownOrWrongCount(request[1], of: "client") }
        if request.count == 3 || request[3].equalsIgnoringCase("TIMEOUT") {
            reason = .timeout
        } else if request[3].equalsIgnoringCase("ERROR") {
            reason = .error
        } else {
            throw CommandRefusal("ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR")
        }
        guard let number = Decimal.integer(request[2]) else { throw .notAnInteger }
        id = number
    }
}
