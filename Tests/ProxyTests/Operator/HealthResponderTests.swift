// The pages of the health endpoint: what they say, and that what they say is HTTP and JSON.

import Foundation
import RESP
import TestSupport
import Testing

@testable import Proxy

@Suite struct HealthResponderTests {
    private struct Answer {
        let status: Int
        let fields: [String: String]
        let body: String

        /// One answer, its length as announced; for HEAD without a body.
        init(_ bytes: [UInt8], isHead: Bool = false) throws {
            let parts = text(bytes).components(separatedBy: "\r\n\r\n")
            let lines = parts[0].components(separatedBy: "\r\n")
            status = try #require(Int(lines[0].split(separator: " ")[1]))
            fields = Dictionary(
                uniqueKeysWithValues: lines.dropFirst().map { line in
                    let words = line.components(separatedBy: ": ")
                    return (words[0], words[1])
                })
            body = parts.dropFirst().joined(separator: "\r\n\r\n")
            let length = try #require(Int(fields["Content-Length"] ?? ""))
            #expect(isHead ? body.isEmpty : body.utf8.count == length)
            #expect(length > 0)
        }
    }

    private func answer(
        _ path: String, _ status: ProxyStatus?, method: HTTPRequest.Method = .get,
        keepsAlive: Bool = true
    ) throws -> Answer {
        let request = HTTPRequest(method: method, path: path, keepsAlive: keepsAlive)
        let bytes = output { HealthResponder.answer(.request(request), with: status, to: &$0) }
        return try Answer(bytes, isHead: method == .head)
    }

    /// Every page says what it is, and that nobody is to keep it.
    @Test(arguments: [
        ("/", 200, "text/plain; charset=utf-8"), ("/healthz", 200, "text/plain; charset=utf-8"),
        ("/readyz", 200, "text/plain; charset=utf-8"), ("/status", 200, "application/json"),
        ("/nosuch", 404, "text/plain; charset=utf-8"),
        ("/Status", 404, "text/plain; charset=utf-8"),
        ("/status/", 404, "text/plain; charset=utf-8"),
    ])
    func pages(path: String, status: Int, type: String) throws {
        for method in [HTTPRequest.Method.get, .head] {
            let answer = try answer(path, .sample(), method: method)
            #expect(answer.status == status)
            #expect(answer.fields["Content-Type"] == type)
            #expect(answer.fields["Cache-Control"] == "no-store")
            #expect(answer.fields["Connection"] == "keep-alive")
        }
        let last = try answer(path, .sample(), keepsAlive: false)
        #expect(last.fields["Connection"] == "close")
    }

    /// The list names every page.
    @Test func indexListsAll() throws {
        let body = try answer("/", nil).body
        for page in HealthPage.allCases { #expect(body.contains("\n" + page.rawValue + " ")) }
    }

    /// Whatever is refused is answered once, says why, and closes.
    @Test(arguments: HTTPStatus.allCases)
    func refusals(status: HTTPStatus) throws {
        let bytes = output { HealthResponder.answer(.refused(status), with: nil, to: &$0) }
        let answer = try Answer(bytes)
        #expect(answer.status == status.rawValue)
        #expect(answer.fields["Connection"] == "close")
        #expect((answer.fields["Allow"] != nil) == (status == .methodNotAllowed))
    }

    /// Without a word from the workers the process is alive, and nothing else is claimed.
    @Test(arguments: [("/healthz", 200), ("/readyz", 503), ("/status", 503), ("/", 200)])
    func withoutStatus(path: String, status: Int) throws {
        #expect(try answer(path, nil).status == status)
    }

    /// Ready means that reads and writes are served; what fails is named with its reason.
    @Test func readiness() throws {
        var status = ProxyStatus.sample()
        #expect(
            try answer("/readyz", status).body == "ready\naccepting: ok\nwrites: ok\nreads: ok\n")

        status.backends[0].state = .loading
        status.backends[0].reason = "12 seconds to go"
        var answer = try answer("/readyz", status)
        #expect(answer.status == 503)
        #expect(
            answer.body == """
                not ready
                accepting: ok
                writes: master 127.0.0.1:1 is loading since 2026-03-01T12:00:00Z: 12 seconds to go
                reads: ok

                """)

        status.backends[1].state = .down
        status.backends[2].state = .staleLink
        answer = try self.answer("/readyz", status)
        #expect(answer.body.contains("reads: no replica is healthy: 127.0.0.1:2 is down since"))
        #expect(answer.body.contains("127.0.0.1:3 is stale link since"))

        // Reads fall back to a healthy master, unless they may not.
        status.backends[0].state = .healthy
        #expect(try self.answer("/readyz", status).status == 200)
        status.readsNeedReplica = true
        #expect(try self.answer("/readyz", status).status == 503)
        // Then replicas that lag are read, as there is nobody else.
        status.backends[2].state = .lagging
        #expect(try self.answer("/readyz", status).status == 200)

        status = .sample()
        status.isDraining = true
        #expect(try self.answer("/readyz", status).body.contains("accepting: draining\n"))
        status.backends = []
        #expect(
            try self.answer("/readyz", status).body.contains("writes: no backend is a master\n"))
    }

    /// /status is JSON whatever names clients and backends have, with its fields always in one order.
    @Test func statusIsJSON() throws {
        var status = ProxyStatus.sample()
        status.backends[1].zone = "a\"b\\c\n\t\u{1}\u{7F}</script>é\u{2028}"
        status.backends[1].lag = 17
        var log = SlowLog(capacity: 4, threshold: .zero)
        withRequest([Array("GET".utf8), [0xFF, 0x00, 0x22]]) { request in
            log.record(
                request, .init(time: .noon(), total: .milliseconds(3), client: .unix))
        }
        status.slowLog = log.entries
        let body = try answer("/status", status).body
        let json = try #require(
            try JSONSerialization.jsonObject(with: Data(body.utf8)) as? [String: Any])
        let backends = try #require(json["backends"] as? [[String: Any]])
        #expect(backends.map { $0["address"] as? String ?? "" }.count == 3)
        #expect(backends[1]["zone"] as? String == status.backends[1].zone)
        #expect(backends[1]["lag_bytes"] as? Int == 17)
        #expect(backends[2]["lag_bytes"] is NSNull)
        let entry = try #require((json["slow_log"] as? [[String: Any]])?.first)
        #expect(entry["arguments"] as? [String] == ["GET", "\u{FFFD}\0\""])
        #expect(!body.contains("<"))
        #expect(
            body.hasPrefix("{\n  \"version\": \"\(SluiceVersion.text)\",\n  \"ready\": true,\n"))
        #expect(body.hasSuffix("\n}\n"))
        #expect(try answer("/status", status).body == body)
    }

    /// Numbers, empty lists and nesting are written as JSON has them.
    @Test(arguments: [
        (Report.none, "null"), (.flag(false), "false"), (.number(.min), "-9223372036854775808"),
        (.list([]), "[]"), (.fields([]), "{}"), (.text("\u{1F}"), "\"\\u001f\""),
        (.list([.number(1), .list([.flag(true)])]), "[\n  1,\n  [\n    true\n  ]\n]"),
        (
            .fields([.init("b", .number(1)), .init("a", .text(""))]),
            "{\n  \"b\": 1,\n  \"a\": \"\"\n}"
        ),
    ])
    func json(report: Report, expected: String) {
        #expect(text(JSONWriter.document(report)) == expected + "\n")
    }
}
