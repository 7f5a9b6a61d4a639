// Reads the requests of one connection to the health endpoint, cut anywhere, a line at a time. It is strict: what
// could be read in two ways is refused, and whoever is refused is closed.
//
//     requestLine ──▶ fields ──empty line──▶ requestLine      a request
//          │             │                        │
//          └─────────────┴──▶ closed ◀────────────┘           refused, or the last request

import RESP

/// Bytes in, requests out. Holds one unfinished line at most, and no memory between requests.
package struct HTTPRequestParser: Sendable {
    private enum State {
        case requestLine
        case fields
        case closed
    }

    private var state = State.requestLine
    private var line: [UInt8] = []
    /// Bytes of this request so far.
    private var head = 0
    private var fields = 0
    private var request = HTTPRequest(method: .get, path: "", keepsAlive: true)
    private var hosts = 0
    private var speaksHTTP11 = true
    /// Stands against any `keep-alive` beside it.
    private var wantsToClose = false

    package init() {}

    /// True between the first byte of a request and its end: the time that this may take is bounded.
    package var isInsideRequest: Bool { state != .closed && head > 0 }

    /// True when nothing more will be taken.
    package var isClosed: Bool { state == .closed }

    /// Takes all bytes. Behind a refusal, and behind a request that closes, they are ignored.
    package mutating func receive(_ bytes: Span<UInt8>) -> [HTTPInput] {
        var inputs: [HTTPInput] = []
        for index in bytes.indices where state != .closed {
            guard let input = take(bytes[index]) else { continue }
            // Counted within one call: who waits for answers before asking on never comes here.
            let isFlood = inputs.count == HealthLimits.together
            inputs.append(isFlood ? .refused(.unavailable) : input)
            if isFlood || !input.keepsAlive { close() }
        }
        return inputs
    }

    private mutating func close() {
        state = .closed
        line = []
    }

    private mutating func take(_ byte: UInt8) -> HTTPInput? {
        head += 1
        guard byte == UInt8(ascii: "\n") else {
            line.append(byte)
            return refusalInside(byte).map { .refused($0) }
        }
        if line.last == UInt8(ascii: "\r") { line.removeLast() }
        defer { line.removeAll(keepingCapacity: true) }
        if head > HealthLimits.head { return .refused(.headTooLarge) }
        switch state {
        case .requestLine:
            // An empty line in front of a request is a habit of old clients.
            if line.isEmpty { return nil }
            if let refusal = readRequestLine() { return .refused(refusal) }
            state = .fields
            return nil
        case .fields:
            guard line.isEmpty else { return readField().map { .refused($0) } }
            if speaksHTTP11, hosts != 1 { return .refused(.badRequest) }
            defer { beginNext() }
            if wantsToClose { request.keepsAlive = false }
            return .request(request)
        case .closed:
            preconditionFailure("a closed connection is read")
        }
    }

    private mutating func beginNext() {
        state = .requestLine
        line = []
        head = 0
        fields = 0
        hosts = 0
        wantsToClose = false
        request = HTTPRequest(method: .get, path: "", keepsAlive: true)
    }

    /// What can be refused before the line has ended, so that nobody waits for the end of what is no HTTP.
    private func refusalInside(_ byte: UInt8) -> HTTPStatus? {
        if state == .requestLine {
            if line.count == 1, !HTTPRequestParser.isToken(byte), byte != UInt8(ascii: "\r") {
                return .badRequest
            }
            if line.count > HealthLimits.requestLine { return .targetTooLong }
        }
        return head >= HealthLimits.head ? .headTooLarge : nil
    }

    private mutating func readRequestLine() -> HTTPStatus? {
        let words = line.split(separator: 0x20, omittingEmptySubsequences: false)
        guard words.count == 3, !words[0].isEmpty,
            words[0].allSatisfy(HTTPRequestParser.isToken)
        else { return .badRequest }

        let version = Array(words[2])
        guard version.count == 8, version.starts(with: "HTTP/".utf8),
            HTTPRequestParser.isDigit(version[5]), version[6] == UInt8(ascii: "."),
            HTTPRequestParser.isDigit(version[7])
        else { return .badRequest }
        guard version[5] == UInt8(ascii: "1") else { return .versionNotSupported }
        speaksHTTP11 = version[7] != UInt8(ascii: "0")

        guard let path = HTTPRequestParser.path(of: words[1]) else { return .badRequest }
        switch String(decoding: words[0], as: UTF8.self) {
        case "GET": request.method = .get
        case "HEAD": request.method = .head
        default: return .methodNotAllowed
        }
        request.path = path
        request.keepsAlive = speaksHTTP11
        return nil
    }

    /// The path of `/path?query` or of `http://host/path?query`.
    private static func path(of target: ArraySlice<UInt8>) -> String? {
        guard target.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else { return nil }
        var rest = target
        let scheme = Array("http://".utf8)
        if rest.count > scheme.count,
            zip(rest, scheme).allSatisfy({ Bytes.lowercased($0) == $1 })
        {
            rest = rest.dropFirst(scheme.count)
            rest = rest[(rest.firstIndex(of: UInt8(ascii: "/")) ?? rest.endIndex)...]
            if rest.isEmpty { return "/" }
        }
        guard rest.first == UInt8(ascii: "/") else { return nil }
        return String(decoding: rest.prefix { $0 != UInt8(ascii: "?") }, as: UTF8.self)
    }

    private mutating func readField() -> HTTPStatus? {
        fields += 1
        if fields > HealthLimits.fields { return .headTooLarge }
        // A line that begins with a blank would go on the one before (obsolete folding): its name is no token.
        guard let colon = line.firstIndex(of: UInt8(ascii: ":")), colon > 0,
            line[..<colon].allSatisfy(HTTPRequestParser.isToken)
        else { return .badRequest }
        let value = HTTPRequestParser.trimmed(line[(colon + 1)...])
        guard value.allSatisfy({ $0 >= 0x20 && $0 != 0x7F || $0 == 0x09 }) else {
            return .badRequest
        }
        switch String(decoding: line[..<colon].map(Bytes.lowercased), as: UTF8.self) {
        case "host": hosts += 1
        case "content-length":
            guard !value.isEmpty, value.allSatisfy(HTTPRequestParser.isDigit) else {
                return .badRequest
            }
            if value.contains(where: { $0 != UInt8(ascii: "0") }) { return .contentTooLarge }
        case "transfer-encoding": return .contentTooLarge
        case "expect": return .expectationFailed
        case "connection": readConnection(value)
        default: break
        }
        return nil
    }

    private mutating func readConnection(_ value: ArraySlice<UInt8>) {
        for option in value.split(separator: UInt8(ascii: ",")) {
            switch String(
                decoding: HTTPRequestParser.trimmed(option).map(Bytes.lowercased), as: UTF8.self)
            {
            case "close": wantsToClose = true
            case "keep-alive": request.keepsAlive = true
            default: break
            }
        }
    }

    private static func trimmed(_ bytes: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        var bytes = bytes
        while let first = bytes.first, first == 0x20 || first == 0x09 { bytes.removeFirst() }
        while let last = bytes.last, last == 0x20 || last == 0x09 { bytes.removeLast() }
        return bytes
    }

    private static func isDigit(_ byte: UInt8) -> Bool {
        byte >= UInt8(ascii: "0") && byte <= UInt8(ascii: "9")
    }

    /// The letters of methods and names of fields (RFC 9110, 5.6.2).
    private static func isToken(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"):
            true
        default: "!#$%&'*+-.^_`|~".utf8.contains(byte)
        }
    }
}
