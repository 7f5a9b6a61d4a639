// A proxy with one connection to a master that the test plays.

import RESP
import TestSupport
import Testing

@testable import Proxy

final class ProxyUnderTest {
    let core: ProxyCore
    let driver: HandDriver
    private(set) var master: ConnectionID

    init(
        isConnected: Bool = true, configure: (inout ProxyConfiguration) -> Void = { _ in }
    ) {
        var configuration = ProxyConfiguration()
        configure(&configuration)
        core = ProxyCore(configuration: configuration)
        driver = HandDriver(core)
        master = ConnectionID(slot: 1000, generation: 1)
        if isConnected { connectMaster() }
    }

    /// Answers the wish to connect.
    func connectMaster(sourceLocation: SourceLocation = #_sourceLocation) {
        #expect(takeConnectWish() != nil, "nothing was asked for", sourceLocation: sourceLocation)
        master = ConnectionID(slot: 1000, generation: master.generation + 1)
        driver.tell(.connected(LinkID(number: 0), master))
    }

    func refuseMaster(_ reason: String) {
        #expect(takeConnectWish() != nil, "nothing was asked for")
        driver.tell(.refused(LinkID(number: 0), reason: reason))
    }

    /// The wish to connect that waits, taken.
    func takeConnectWish() -> Endpoint? {
        for (index, wish) in driver.wishes.enumerated() {
            if case .connect(_, let endpoint) = wish {
                driver.wishes.remove(at: index)
                return endpoint
            }
        }
        return nil
    }

    func masterSays(_ text: String) {
        masterSays([UInt8](text.utf8))
    }

    func masterSays(_ bytes: [UInt8]) {
        driver.send(bytes, to: master)
    }

    /// What has arrived at the master since the last look.
    func sentToMaster() -> String {
        driver.output(of: master)
    }
}
