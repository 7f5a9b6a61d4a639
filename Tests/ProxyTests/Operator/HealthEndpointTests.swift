// The health endpoint within a worker: who asks is no client, and is bounded.

import RESP
import TestSupport
import Testing

@testable import Proxy

@Suite struct HealthEndpointTests {
    private static func get(_ path: String) -> String {
        "GET \(path) HTTP/1.1\r\nHost: x\r\n\r\n"
    }

    private func status(of answer: String) -> Substring {
        answer.prefix { $0 != "\r\n" }
    }

    /// The proxy is ready once its master is, and says what is wrong until then.
    @Test func readiness() {
        let proxy = ProxyUnderTest(isConnected: false)
        let probe = proxy.driver.connect(through: .health)
        proxy.driver.send(Self.get("/readyz"), to: probe)
        let before = proxy.driver.output(of: probe)
        #expect(status(of: before) == "HTTP/1.1 503 Service Unavailable")
        #expect(before.contains("writes: master 127.0.0.1:6379 is connecting"))
        proxy.connectAll()
        proxy.driver.send(Self.get("/readyz"), to: probe)
        #expect(status(of: proxy.driver.output(of: probe)) == "HTTP/1.1 200 OK")
    }

    /// Several requests are answered in their order, though the second needs all workers.
    @Test func answersInOrder() {
        let proxy = OperatedProxy()
        let probe = proxy.drivers[0].connect(through: .health)
        proxy.drivers[0].send(
            Self.get("/healthz") + Self.get("/status") + Self.get("/nosuch"), to: probe)
        let first = proxy.drivers[0].output(of: probe)
        #expect(first.hasPrefix("HTTP/1.1 200 OK") && first.hasSuffix("\r\n\r\nok\n"))
        proxy.relay()
        let rest = proxy.drivers[0].output(of: probe)
        #expect(rest.contains("\"workers\": 2,"))
        #expect(rest.contains("HTTP/1.1 404 Not Found"))
    }

    /// A worker that does not answer makes the proxy unready.
    @Test func aSilentWorkerIsNotReady() {
        let proxy = OperatedProxy()
        let probe = proxy.drivers[0].connect(through: .health)
        proxy.drivers[0].send(Self.get("/readyz"), to: probe)
        proxy.drivers[0].pass(Inquiry.patience)
        let answer = proxy.drivers[0].output(of: probe)
        #expect(status(of: answer) == "HTTP/1.1 503 Service Unavailable")
        #expect(answer.hasSuffix("workers: no answer yet\n"))
    }

    /// Who asks here is no client: neither counted nor listed.
    @Test func isNoClient() {
        let proxy = OperatedProxy(workers: 1)
        let client = proxy.drivers[0].connect()
        let probe = proxy.drivers[0].connect(through: .health)
        #expect(!proxy.ask("CLIENT LIST", on: client).contains("id=2"))
        proxy.drivers[0].send(Self.get("/status"), to: probe)
        #expect(proxy.drivers[0].output(of: probe).contains("\"connected\": 1,"))
    }

    /// One connection more than there may be is closed at once; when one has left there is room again.
    @Test func connectionsAreBounded() {
        let proxy = OperatedProxy(workers: 1)
        let driver = proxy.drivers[0]
        let probes = (0..<HealthLimits.connections).map { _ in driver.connect(through: .health) }
        let refused = driver.connect(through: .health)
        #expect(driver.closed.contains(refused))
        #expect(!driver.closed.contains(probes[0]))
        driver.cut(probes[0])
        let next = driver.connect(through: .health)
        #expect(!driver.closed.contains(next))
    }

    /// Whoever is silent is closed when the patience ends, counted from the last answer; half a request is silence.
    @Test func patienceEnds() {
        let proxy = OperatedProxy(workers: 1)
        let driver = proxy.drivers[0]
        let probe = driver.connect(through: .health)
        driver.pass(HealthLimits.patience - .milliseconds(1))
        driver.send(Self.get("/healthz"), to: probe)
        driver.pass(HealthLimits.patience - .milliseconds(1))
        driver.send("GET /healthz", to: probe)
        #expect(!driver.closed.contains(probe))
        driver.pass(.milliseconds(1))
        #expect(driver.closed.contains(probe))
    }

    /// A refused request is answered and closed; a client that ends is answered first.
    @Test func closing() {
        let proxy = OperatedProxy()
        let driver = proxy.drivers[0]
        let wrong = driver.connect(through: .health)
        driver.send("PING\r\n\r\n", to: wrong)
        #expect(status(of: driver.output(of: wrong)) == "HTTP/1.1 400 Bad Request")
        #expect(driver.closed.contains(wrong))
        let ended = driver.connect(through: .health)
        driver.send(Self.get("/status"), to: ended)
        driver.end(ended)
        #expect(!driver.closed.contains(ended))
        proxy.relay()
        #expect(status(of: driver.output(of: ended)) == "HTTP/1.1 200 OK")
        #expect(driver.closed.contains(ended))
    }

    /// Nothing more is read from a connection that does not take its answers.
    @Test func unreadAnswersAreBounded() {
        let proxy = OperatedProxy(workers: 1)
        let driver = proxy.drivers[0]
        let probe = driver.connect(through: .health)
        driver.room[probe] = 0
        var asked = 0
        while !driver.paused.contains(probe), asked < 10_000 {
            driver.send(Self.get("/status"), to: probe)
            asked += 1
        }
        #expect(driver.paused.contains(probe))
        driver.room[probe] = nil
        while driver.paused.contains(probe) { driver.drain(probe) }
        #expect(!driver.closed.contains(probe))
    }
}
