// The little of HTTP that the health endpoint speaks, as values.

/// A request that can be answered.
package struct HTTPRequest: Sendable, Equatable {
    package enum Method: Sendable {
        case get
        case head
    }

    package var method: Method
    /// Without the query.
    package var path: String
    /// Whether another request may follow on this connection.
    package var keepsAlive: Bool

    package init(method: Method, path: String, keepsAlive: Bool) {
        self.method = method
        self.path = path
        self.keepsAlive = keepsAlive
    }
}

/// What a connection has sent: something to answer, or something to refuse and to close after.
package enum HTTPInput: Sendable, Equatable {
    case request(HTTPRequest)
    case refused(HTTPStatus)

    /// False when the connection is to be closed once this is answered.
    package var keepsAlive: Bool {
        switch self {
        case .request(let request): request.keepsAlive
        case .refused: false
        }
    }
}

/// The status codes that are given.
package enum HTTPStatus: Int, Sendable, CaseIterable {
    case ok = 200
    case badRequest = 400
    case notFound = 404
    case methodNotAllowed = 405
    case contentTooLarge = 413
    case targetTooLong = 414
    case expectationFailed = 417
    case headTooLarge = 431
    case unavailable = 503
    case versionNotSupported = 505

    package var reason: String {
        switch self {
        case .ok: "OK"
        case .badRequest: "Bad Request"
        case .notFound: "Not Found"
        case .methodNotAllowed: "Method Not Allowed"
        case .contentTooLarge: "Content Too Large"
        case .targetTooLong: "URI Too Long"
        case .expectationFailed: "Expectation Failed"
        case .headTooLarge: "Request Header Fields Too Large"
        case .unavailable: "Service Unavailable"
        case .versionNotSupported: "HTTP Version Not Supported"
        }
    }

    /// What a person reads who made the request by hand.
    var advice: String {
        switch self {
        case .ok: "ok"
        case .badRequest: "this is not an HTTP request that can be understood"
        case .notFound: "there is no such page; / lists those that are"
        case .methodNotAllowed: "only GET and HEAD are served here"
        case .contentTooLarge: "requests with a body are not taken here"
        case .targetTooLong:
            "the first line is longer than \(HealthLimits.requestLine) bytes"
        case .expectationFailed: "there is nothing to expect here"
        case .headTooLarge:
            "the head is longer than \(HealthLimits.head) bytes or has more than "
                + "\(HealthLimits.fields) fields"
        case .unavailable: "too many requests at once"
        case .versionNotSupported: "only HTTP/1.0 and HTTP/1.1 are spoken here"
        }
    }
}

/// What a client of the health endpoint may take. The parser keeps those of one connection; how many connections
/// there are, and how long one may stay idle, is kept by whoever owns them.
package enum HealthLimits {
    /// Bytes of a request up to and with the empty line.
    package static let head = 8192
    /// Bytes of its first line.
    package static let requestLine = 2048
    /// Header fields of one request.
    package static let fields = 64
    /// Requests that arrive together: a flood makes so many answers and no more.
    package static let together = 16
    /// Connections at a time; further ones are closed at once.
    package static let connections = 64
    /// A connection that is silent for so long, or that has not finished a request by then, is closed.
    package static let patience = Duration.seconds(10)
    /// Bytes of answers that may wait for one connection; above it nothing more is read from it.
    package static let output = 1 << 20
}
