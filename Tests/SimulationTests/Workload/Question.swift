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
        case .garbage: return []
        }
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
