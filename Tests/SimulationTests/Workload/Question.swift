// The requests of the workload, and how they are written.

import RESP

/// One request, by what it asks.
enum Question {
    case ping
    case pingWith(Payload)
    case echo(Payload)
    case set(key: Int, Payload)
    case get(key: Int)
    case delete(key: Int)
    case increment(counter: Int)
    case readCounter(Int)
    /// A command that does not exist; the error repeats the token.
    case nonsense(Payload)
    case tooFewArguments
    /// About the connection itself: the proxy answers these, in the order of the others.
    case setName(Payload)
    case getName
    case quit
    case multi
    /// Stands between MULTI and EXEC.
    indirect case queued(Question)
    /// EXEC, of what was queued.
    case execute([Question])
    case discard
    /// About the key that all clients raise: watched, read, and then one higher in a transaction.
    case watch
    case unwatch
    case readShared
    case raiseShared(to: Int)
    /// To the list that all clients push to and pop from.
    case push(Payload)
    case pop(patience: Duration)
    case publish(Edition)
    /// Of a key that all write and read.
    case setOpen(Int, Payload)
    case getOpen(Int)
    /// By a script that does not declare the key.
    case script(Int, Payload)
    case readByScript(Int)
    /// The first element of the list.
    case peek
    /// The key that all clients raise, as one who does not watch it sees it.
    case glance
    /// Bytes that are no request; answered by this error, and by closing.
    case garbage([UInt8], error: String)

    /// The arguments, with keys under the name of their client; none for garbage.
    func arguments(of client: Int) -> [[UInt8]] {
        let key = { (number: Int) in [UInt8]("key-\(client)-\(number)") }
        let counter = { (number: Int) in [UInt8]("counter-\(client)-\(number)") }
        switch self {
        case .ping: return [[UInt8]("PING")]
        case .pingWith(let payload): return [[UInt8]("PING"), payload.bytes]
        case .echo(let payload): return [[UInt8]("ECHO"), payload.bytes]
        case .set(let number, let payload): return [[UInt8]("SET"), key(number), payload.bytes]
        case .get(let number): return [[UInt8]("GET"), key(number)]
        case .delete(let number): return [[UInt8]("DEL"), key(number)]
        case .increment(let number): return [[UInt8]("INCR"), counter(number)]
        case .readCounter(let number): return [[UInt8]("GET"), counter(number)]
        case .nonsense(let payload): return [[UInt8]("NONSENSE"), [UInt8](payload.token)]
        case .tooFewArguments: return [[UInt8]("GET")]
        case .setName(let payload):
            return [[UInt8]("CLIENT"), [UInt8]("SETNAME"), [UInt8](payload.token)]
        case .getName: return [[UInt8]("CLIENT"), [UInt8]("GETNAME")]
        case .quit: return [[UInt8]("QUIT")]
        case .multi: return [[UInt8]("MULTI")]
        case .queued(let question): return question.arguments(of: client)
        case .execute: return [[UInt8]("EXEC")]
        case .discard: return [[UInt8]("DISCARD")]
        case .watch: return [[UInt8]("WATCH"), Commons.key]
        case .unwatch: return [[UInt8]("UNWATCH")]
        case .readShared: return [[UInt8]("GET"), Commons.key]
        case .raiseShared(let value): return [[UInt8]("SET"), Commons.key, [UInt8]("\(value)")]
        case .push(let payload): return [[UInt8]("RPUSH"), Commons.list, payload.bytes]
        case .pop(let patience):
            let seconds = "\(Double(patience.nanoseconds) / 1e9)"
            return [[UInt8]("BLPOP"), Commons.list, [UInt8](seconds)]
        case .publish(let edition): return [[UInt8]("PUBLISH"), Commons.channel, edition.bytes]
        case .setOpen(let key, let payload):
            return [[UInt8]("SET"), Commons.openKeys[key], payload.bytes]
        case .getOpen(let key): return [[UInt8]("GET"), Commons.openKeys[key]]
        case .script(let key, let payload):
            let declared = [[UInt8]("EVAL"), [UInt8]("set"), [UInt8]("1"), [UInt8]("decoy")]
            return declared + [Commons.openKeys[key], payload.bytes]
        case .readByScript(let key):
            let declared = [[UInt8]("EVAL_RO"), [UInt8]("get"), [UInt8]("1"), [UInt8]("decoy")]
            return declared + [Commons.openKeys[key]]
        case .peek: return [[UInt8]("LINDEX"), Commons.list, [UInt8]("0")]
        case .glance: return [[UInt8]("GET"), Commons.key]
        case .garbage: return []
        }
    }

    /// What it asks for when it runs; of a transaction each part.
    var parts: [Question] {
        if case .execute(let parts) = self { parts } else { [self] }
    }

    /// The key that it is about, under the name of its client; nil when it is about none.
    func key(of client: Int) -> [UInt8]? {
        switch self {
        case .set, .get, .delete, .increment, .readCounter, .readShared, .raiseShared, .setOpen,
            .getOpen, .peek, .glance, .push:
            arguments(of: client)[1]
        case .script, .readByScript: arguments(of: client)[4]
        case .pop: Commons.list
        default: nil
        }
    }

    /// What its key holds once it has run, as far as that follows from it.
    var written: [UInt8]? {
        switch self {
        case .set(_, let payload), .setOpen(_, let payload), .script(_, let payload):
            payload.bytes
        case .raiseShared(let value): [UInt8]("\(value)")
        default: nil
        }
    }

    /// Whether a replica may answer it.
    var isRead: Bool {
        switch self {
        case .get, .readCounter, .readShared, .getOpen, .readByScript, .peek, .glance: true
        default: false
        }
    }

    /// Whether a replica that can answer nothing now is a reason for its failure.
    var mayFailAtReplicas: Bool {
        switch self {
        case .set, .delete, .increment, .setName, .getName, .quit, .multi, .queued, .discard,
            .watch, .unwatch, .push, .pop, .publish, .setOpen, .script:
            false
        case .execute(let parts): parts.allSatisfy(\.isRead)
        default: true
        }
    }

    /// Whether it waits for what others do.
    var mayBlock: Bool {
        if case .pop = self { true } else { false }
    }

    var raisesShared: Bool {
        if case .raiseShared = self { true } else { false }
    }

    /// What a server makes of bytes that are no request, and says before it closes.
    static let garbage: [(bytes: String, error: String)] = [
        ("*1\r\n:5\r\n", "ERR Protocol error: expected '$', got ':'"),
        ("*x\r\n", "ERR Protocol error: invalid multibulk length"),
        ("*2\r\n$4\r\nECHO\r\n$-1\r\n", "ERR Protocol error: invalid bulk length"),
        ("SET key \"open\r\n", "ERR Protocol error: unbalanced quotes in request"),
    ]
}

/// How requests are put into bytes.
enum RequestForm {
    case multibulk
    /// As a person types it.
    case inline
    /// As a person types it, with arguments in quotes.
    case quoted

    /// Appends the request; one that cannot be written in this form is written as multibulk.
    func write(_ arguments: [[UInt8]], to output: inout [UInt8]) -> RequestForm {
        let isShort = arguments.reduce(0) { $0 + $1.count } < 1_000
        switch self {
        case .inline where isShort && arguments.allSatisfy(RequestForm.isPlain):
            output.append(contentsOf: arguments.joined(separator: [UInt8(ascii: " ")]))
        case .quoted where isShort:
            let quoted = arguments.map(RequestForm.quote)
            output.append(contentsOf: quoted.joined(separator: [UInt8(ascii: " ")]))
        default:
            output.append(contentsOf: "*\(arguments.count)\r\n".utf8)
            for argument in arguments {
                output.append(contentsOf: "$\(argument.count)\r\n".utf8)
                output.append(contentsOf: argument)
                output.append(contentsOf: "\r\n".utf8)
            }
            return .multibulk
        }
        output.append(contentsOf: "\r\n".utf8)
        return self
    }

    private static func isPlain(_ argument: [UInt8]) -> Bool {
        !argument.isEmpty
            && argument.allSatisfy {
                (33..<127).contains($0) && $0 != UInt8(ascii: "\"") && $0 != UInt8(ascii: "'")
            }
    }

    private static func quote(_ argument: [UInt8]) -> [UInt8] {
        var quoted = [UInt8]("\"")
        for byte in argument {
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"):
                quoted.append(UInt8(ascii: "\\"))
                quoted.append(byte)
            case UInt8(ascii: "\r"): quoted.append(contentsOf: "\\r".utf8)
            case UInt8(ascii: "\n"): quoted.append(contentsOf: "\\n".utf8)
            case 32..<127: quoted.append(byte)
            default:
                let digits = String(byte, radix: 16)
                quoted.append(contentsOf: ("\\x" + (byte < 16 ? "0" : "") + digits).utf8)
            }
        }
        quoted.append(UInt8(ascii: "\""))
        return quoted
    }
}
