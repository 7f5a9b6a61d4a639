// A server core driven by hand.

import RESP
import TestSupport

@testable import Server

final class ServerUnderTest {
    let core: ServerCore
    let driver: HandDriver

    init(
        _ configuration: ServerConfiguration = ServerConfiguration(),
        limits: ServerLimits = ServerLimits()
    ) {
        let identity = ServerIdentity(
            runID: String(repeating: "a", count: 40), startedAt: HandDriver.start)
        core = ServerCore(
            configuration: configuration, identity: identity, seed: 1, at: HandDriver.start,
            limits: limits)
        driver = HandDriver(core)
    }

    /// With directives as on the command line; those that the rows use.
    convenience init(_ directives: [String: String]) {
        var configuration = ServerConfiguration()
        for (name, value) in directives {
            switch name {
            case "requirepass": configuration.password = [UInt8](value.utf8)
            case "databases": configuration.databases = Int(value)!
            case "proto-max-bulk-len": configuration.maximumBulkLength = Int(value)!
            default: preconditionFailure("the rows use no directive \(name)")
            }
        }
        self.init(configuration)
    }
}
