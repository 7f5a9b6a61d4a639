// The pages of the health endpoint, and how an answer is written.

import RESP

/// The pages that exist.
package enum HealthPage: String, CaseIterable, Sendable {
    case index = "/"
    case alive = "/healthz"
    case ready = "/readyz"
    case status = "/status"

    /// What the list at `/` says about it.
    var summary: String {
        switch self {
        case .index: "this list"
        case .alive: "200 while the process works"
        case .ready: "200 when reads and writes can be served; 503 and the reasons otherwise"
        case .status: "everything, as JSON"
        }
    }

    /// Whether the answer needs what the workers know. The others are answered even when no worker answers.
    package var needsStatus: Bool { self == .ready || self == .status }
}

/// Writes answers. It keeps nothing: an answer follows from what was asked and from the status.
package enum HealthResponder {
    /// The page that is asked for; nil when it does not exist, or when nothing was asked.
    package static func page(of input: HTTPInput) -> HealthPage? {
        guard case .request(let request) = input else { return nil }
        return HealthPage(rawValue: request.path)
    }

    /// Answers. The status may be nil when no worker has given it in time; what needs it is then 503.
    package static func answer(
        _ input: HTTPInput, with status: ProxyStatus?, to output: inout OutputQueue
    ) {
        let response = response(to: input, status)
        var isHead = false
        if case .request(let request) = input { isHead = request.method == .head }
        output.append(text: "HTTP/1.1 \(response.status.rawValue) \(response.status.reason)\r\n")
        output.append(text: "Content-Type: \(response.type)\r\n")
        output.append(text: "Content-Length: \(response.body.count)\r\n")
        if response.status == .methodNotAllowed { output.append("Allow: GET, HEAD\r\n") }
        output.append("Cache-Control: no-store\r\n")
        output.append("X-Content-Type-Options: nosniff\r\n")
        output.append(
            input.keepsAlive ? "Connection: keep-alive\r\n\r\n" : "Connection: close\r\n\r\n")
        if !isHead { output.append(response.body.span) }
    }

    private struct Response {
        var status = HTTPStatus.ok
        var type = "text/plain; charset=utf-8"
        var body: [UInt8]

        init(_ status: HTTPStatus, _ text: String) {
            self.status = status
            body = Array(text.utf8)
        }
    }

    private static func response(to input: HTTPInput, _ status: ProxyStatus?) -> Response {
        if case .refused(let refusal) = input { return Response(refusal, refusal.advice + "\n") }
        guard let page = page(of: input) else {
            return Response(.notFound, HTTPStatus.notFound.advice + "\n")
        }
        switch page {
        case .index:
            let lines = HealthPage.allCases.map { "\($0.rawValue)  \($0.summary)\n" }
            return Response(.ok, "sluice-proxy \(SluiceVersion.text)\n" + lines.joined())
        case .alive:
            return Response(.ok, "ok\n")
        case .ready:
            guard let status else { return silent }
            let readiness = Readiness(status)
            return Response(readiness.isReady ? .ok : .unavailable, readiness.text)
        case .status:
            guard let status else { return silent }
            var response = Response(.ok, "")
            response.type = "application/json"
            response.body = JSONWriter.document(status.report)
            return response
        }
    }

    private static var silent: Response {
        Response(.unavailable, "not ready\nworkers: no answer yet\n")
    }
}
