// Levels by listener and by user, at the listeners of a running proxy.

import Foundation
import RESP
import TestSupport
import Testing

@Suite struct LevelTests {
    /// Clients of a Unix socket have its level, those of the port the one of all, and a user its own at both.
    @Test func levelsByListenerAndUser() throws {
        guard let deployment = try RedisDeployment.start(replicas: 1), !Front.isDirect else {
            return
        }
        let path = FileManager.default.temporaryDirectory
            .appendingPathComponent("sluice-\(UUID().uuidString.prefix(8)).sock").path
        let proxy = try SluiceProxy.start(
            before: deployment, reads: .init(consistency: "fresh"),
            listeners: ["{address: \(path), consistency: bounded}"],
            [
                "auth: users", "users:", "  app: {password: a, consistency: session}",
                "  default: {password: d}",
            ])
        let local = try RESPClient(connectTo: .unix(path: path))
        #expect(try local.run("AUTH", "d") == .simple("OK"))
        #expect(try local.run("PROXY", "CONSISTENCY") == .simple("bounded"))
        #expect(try local.run("AUTH", "app", "a") == .simple("OK"))
        #expect(try local.run("PROXY", "CONSISTENCY") == .simple("session"))
        #expect(try local.run("RESET") == .simple("RESET"))
        #expect(try local.run("AUTH", "d") == .simple("OK"))
        #expect(try local.run("PROXY", "CONSISTENCY") == .simple("bounded"))
        let client = try proxy.client()
        #expect(try client.run("AUTH", "d") == .simple("OK"))
        #expect(try client.run("PROXY", "CONSISTENCY") == .simple("fresh"))
        #expect(try client.run("AUTH", "app", "a") == .simple("OK"))
        #expect(try client.run("PROXY", "CONSISTENCY") == .simple("session"))
    }
}
