// What becomes of a command between MULTI and EXEC.
//
// A command that is forwarded does there what it does in redis-server 7.0: nearly all are queued, and those that wait
// elsewhere do not wait when EXEC runs them. What is about the client's own connection cannot be queued, since the
// block runs on a connection that clients share.

import RESP

enum InTransaction: Equatable {
    /// Answered by QUEUED. What goes to replicas otherwise goes there only if all of the block does.
    case queued
    /// Answered by an error, and the transaction goes on: MULTI and WATCH.
    case mistaken
    /// Carried out at once; the transaction is over: EXEC, DISCARD, RESET, QUIT.
    case ends
    /// Answered by an error, and EXEC will fail.
    case refused(TransactionRefusal)

    static func of(_ row: CommandRow, _ disposition: Disposition) -> InTransaction {
        // Of containers only COMMAND does something by itself.
        if row.isContainer, row.arity < -1 { return .refused(.unknownSubcommand) }
        switch disposition {
        case .refuse(let refusal): return .refused(.notServed(refusal))
        case .subscription, .pinning: return .refused(.needsItsOwnConnection)
        case .own: return .refused(.answeredByProxy)
        case .session:
            return row.id == .quit || row.id == .reset ? .ends : .refused(.answeredByProxy)
        case .transaction:
            switch row.id {
            case .multi, .watch: return .mistaken
            case .unwatch: return .queued
            default: return .ends
            }
        case .close: return .ends
        case .scan: return .refused(.handsOutCursor)
        case .read, .write, .ask, .unknown, .tagged, .script, .scriptAdmin, .blocking, .waiting,
            .local:
            return row.flags.contains(.noMulti) ? .refused(.notAllowed) : .queued
        }
    }
}

/// Why a command may not stand between MULTI and EXEC.
enum TransactionRefusal: Equatable {
    /// As redis-server refuses it.
    case notAllowed
    case unknownCommand
    case unknownSubcommand
    case wrongArity
    /// It changes what a connection is, and the block runs on one that clients share.
    case needsItsOwnConnection
    /// It is about the client's own connection, which the server does not know.
    case answeredByProxy
    /// The cursor that EXEC would give means nothing outside of one server.
    case handsOutCursor
    case notServed(Refusal)

    /// The whole error reply. The words of redis-server where it would refuse the request too.
    func write(_ request: Request, to output: inout OutputQueue) {
        switch self {
        case .notAllowed: output.append("-ERR Command not allowed inside a transaction\r\n")
        case .unknownCommand: writeUnknownCommand(request, to: &output)
        case .unknownSubcommand:
            output.append("-ERR unknown subcommand '")
            ErrorText.append(request[1], upTo: 128, to: &output)
            output.append("'. Try ")
            appendInCase(request[0], Bytes.uppercased, to: &output)
            output.append(" HELP.\r\n")
        case .wrongArity:
            output.append("-ERR wrong number of arguments for '")
            appendInCase(request[0], Bytes.lowercased, to: &output)
            output.append("' command\r\n")
        case .needsItsOwnConnection:
            writeNotServed(
                request, because: "it needs a connection of its own; send it before MULTI",
                to: &output)
        case .answeredByProxy:
            writeNotServed(
                request, because: "the proxy answers it, not the master; send it before MULTI",
                to: &output)
        case .handsOutCursor:
            writeNotServed(
                request, because: "its cursor would be of one server alone; send it before MULTI",
                to: &output)
        case .notServed(let refusal):
            writeNotServed(request, because: refusal.reason, to: &output)
        }
    }

    private func writeUnknownCommand(_ request: Request, to output: inout OutputQueue) {
        output.append("-ERR unknown command '")
        ErrorText.append(request[0], upTo: 128, to: &output)
        output.append("', with args beginning with: ")
        // As redis-server counts: 128 bytes for all arguments, their quotes and blanks included.
        var room = 128
        var index = 1
        while index < request.count, room > 0 {
            output.append("'")
            let before = output.count
            ErrorText.append(request[index], upTo: room, to: &output)
            room -= output.count - before + 3
            output.append("' ")
            index += 1
        }
        output.append("\r\n")
    }

    private func writeNotServed(
        _ request: Request, because reason: StaticString, to output: inout OutputQueue
    ) {
        output.append("-ERR '")
        ErrorText.append(request[0], upTo: 128, to: &output)
        output.append("' is not served by this proxy inside MULTI: ")
        output.append(reason)
        output.append("\r\n")
    }

    private func appendInCase(
        _ name: Span<UInt8>, _ convert: (UInt8) -> UInt8, to output: inout OutputQueue
    ) {
        for index in 0..<min(name.count, 128) { output.append(convert(name[index])) }
    }
}
