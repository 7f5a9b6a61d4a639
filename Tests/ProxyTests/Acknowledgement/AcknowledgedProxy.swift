// A proxy that answers writes when two replicas have them; the test plays the master.

import RESP
import TestSupport
import Testing

@testable import Proxy

final class AcknowledgedProxy {
    let proxy: ProxyUnderTest
    /// Which process the master's connections lead to from now on; nil: it does not say.
    var runID: String? = "run-master"

    init(configure: (inout ProxyConfiguration) -> Void = { _ in }) {
        proxy = ProxyUnderTest(isConnected: false) {
            $0.writes.ackReplicas = 2
            configure(&$0)
        }
        connect()
    }

    var core: ProxyCore { proxy.core }
    var driver: HandDriver { proxy.driver }
    var acknowledger: LinkID { core.master.acknowledger!.link }

    /// Makes all connections that are wanted, and says on each who the master is.
    func connect() {
        proxy.connectAll()
        for case let connection? in core.links {
            guard case .greeting = connection.state else { continue }
            #expect(proxy.sent(to: connection.link) == Wire.text("INFO", "server"))
            let fact = runID.map { "run_id:\($0)\r\n" } ?? "redis_version:7.0.15\r\n"
            proxy.says(Wire.bulk(fact), on: connection.link)
        }
    }

    static let question = Wire.text("PING") + Wire.text("WAIT", "2", "1000")

    /// Whether the question has been asked since the last look.
    var isAsked: Bool {
        let sent = proxy.sent(to: acknowledger)
        #expect(sent == "" || sent == Self.question)
        return sent != ""
    }

    /// So many replicas have confirmed.
    func confirm(_ count: Int = 2) {
        proxy.says("+PONG\r\n:\(count)\r\n", on: acknowledger)
    }

    /// What is answered in place of a write's reply.
    static func short(
        _ count: Int, _ reason: String = "writes.ack_timeout, 1 s, is over"
    ) -> String {
        "-NOTREPLICATED the write was applied, \(count) of 2 replicas confirmed: \(reason);"
            + " do not repeat it\r\n"
    }

    static let stranger = short(
        0, "another process than the one that did it answers for the master")
}
