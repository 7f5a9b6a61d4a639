// The rows of dialogue through the proxy, in front of a redis-server: what the server answers is what the client
// reads, byte by byte.

import TestSupport
import Testing

@Suite(.serialized) struct ProxyDialogueTests {
    @Test(arguments: Dialogues.throughProxy)
    func redisServer(dialogue: Dialogue) throws {
        guard let master = try RedisServer.start() else { return }
        let proxy = try SluiceProxy.start(master: master)
        try dialogue.run(on: proxy)
    }

    /// The master dies and comes back: clients are told, and those that come later are served.
    @Test func masterComesBack() throws {
        let master = try SluiceServer.start()
        let proxy = try SluiceProxy.start(master: master)
        let client = try proxy.client()
        #expect(try client.run("SET", "k", "v") == .simple("OK"))
        master.process.kill()
        #expect(
            wait {
                guard let client = try? proxy.client(), let reply = try? client.run("GET", "k")
                else { return false }
                return reply.text?.hasPrefix("ERR cannot reach the master") == true
            })
        let second = try SluiceServer.start(onPort: master.port)
        #expect(
            wait {
                guard let client = try? proxy.client(), let reply = try? client.run("SET", "k", "w")
                else { return false }
                return reply == .simple("OK")
            })
        withExtendedLifetime(second) {}
    }
}
