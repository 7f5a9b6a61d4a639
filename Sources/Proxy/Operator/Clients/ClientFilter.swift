// Which clients CLIENT LIST shows and CLIENT KILL closes. Options are read with redis-server 7.0's error texts.

import RESP

/// The kinds that CLIENT LIST TYPE and CLIENT KILL TYPE know. The proxy's clients are of two of them.
package enum ClientType: Sendable, Equatable {
    case normal
    case master
    case replica
    case subscriber

    init(_ word: Span<UInt8>) throws(CommandRefusal) {
        if word.equalsIgnoringCase("normal") {
            self = .normal
        } else if word.equalsIgnoringCase("slave") || word.equalsIgnoringCase("replica") {
            self = .replica
        } else if word.equalsIgnoringCase("pubsub") {
            self = .subscriber
        } else if word.equalsIgnoringCase("master") {
            self = .master
        } else {
            throw CommandRefusal("ERR Unknown client type '\(CommandRefusal.quoted(word))'")
        }
    }
}

/// The options of CLIENT LIST.
package enum ClientListFilter: Sendable, Equatable {
    case all
    case type(ClientType)
    case ids([Int])

    package init(_ request: Request) throws(CommandRefusal) {
        let count = request.count
        if count == 2 {
            self = .all
        } else if count == 4, request[2].equalsIgnoringCase("TYPE") {
            self = .type(try ClientType(request[3]))
        } else if count > 3, request[2].equalsIgnoringCase("ID") {
            var ids: [Int] = []
            for index in 3..<count {
                guard let id = Decimal.integer(request[index]) else {
                    throw CommandRefusal("ERR Invalid client ID")
                }
                ids.append(id)
            }
            self = .ids(ids)
        } else {
            throw .syntax
        }
    }

    package func matches(_ line: ClientLine) -> Bool {
        switch self {
        case .all: true
        case .type(let type): line.type == type
        case .ids(let ids): ids.contains(line.id)
        }
    }
}

/// The options of CLIENT KILL: a client must fit all that are given.
package struct ClientKillFilter: Sendable, Equatable {
    package var id: Int?
    package var address: String?
    package var localAddress: String?
    package var type: ClientType?
    package var user: [UInt8]?
    /// Whether whoever asks is spared.
    package var skipsCaller = true
    /// The form with an address alone: answered with OK, or with an error when there is no such client.
    package var isOldForm = false

    /// Reads the options. `isKnownUser` tells whether there is a user of this name.
    package init(
        _ request: Request, isKnownUser: (Span<UInt8>) -> Bool
    ) throws(CommandRefusal) {
        if request.count == 3 {
            address = CommandRefusal.quoted(request[2])
            skipsCaller = false
            isOldForm = true
            return
        }
        var index = 2
        while index < request.count {
            guard index + 1 < request.count else { throw .syntax }
            let word = request[index]
            let value = request[index + 1]
            if word.equalsIgnoringCase("ID") {
                guard let number = Decimal.integer(value), number > 0 else {
                    throw CommandRefusal("ERR client-id should be greater than 0")
                }
                id = number
            } else if word.equalsIgnoringCase("TYPE") {
                type = try ClientType(value)
            } else if word.equalsIgnoringCase("ADDR") {
                address = CommandRefusal.quoted(value)
            } else if word.equalsIgnoringCase("LADDR") {
                localAddress = CommandRefusal.quoted(value)
            } else if word.equalsIgnoringCase("USER") {
                guard isKnownUser(value) else {
                    throw CommandRefusal("ERR No such user '\(CommandRefusal.quoted(value))'")
                }
                user = [UInt8](copying: value)
            } else if word.equalsIgnoringCase("SKIPME") {
                if value.equalsIgnoringCase("yes") {
                    skipsCaller = true
                } else if value.equalsIgnoringCase("no") {
                    skipsCaller = false
                } else {
                    throw .syntax
                }
            } else {
                throw .syntax
            }
            index += 2
        }
    }

    /// Whether a client is to be closed; `caller` is the id of the client that asks.
    package func matches(_ line: ClientLine, caller: Int) -> Bool {
        if let id, line.id != id { return false }
        if let address, line.address != address { return false }
        if let localAddress, line.localAddress != localAddress { return false }
        if let type, line.type != type { return false }
        if let user, line.user != user { return false }
        return !(skipsCaller && line.id == caller)
    }

    /// The reply when so many clients have been closed.
    package func reply(closed: Int, to output: inout OutputQueue) {
        if !isOldForm {
            output.appendInteger(closed)
        } else if closed > 0 {
            output.appendSimple("OK")
        } else {
            output.appendError("ERR No such client")
        }
    }
}
