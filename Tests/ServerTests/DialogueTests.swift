// What is said to the server and what it answers, as rows. The same rows run against a redis-server in
// InteropTests: whatever stands here is what redis-server says.

import RESP
import TestSupport
import Testing

@testable import Server

@Suite struct DialogueTests {
    @Test(arguments: Dialogues.all)
    func core(dialogue: Dialogue) {
        let server = ServerUnderTest(dialogue.configuration)
        var client = server.driver.connect()
        for line in dialogue.lines {
            if server.driver.closed.contains(client) { client = server.driver.connect() }
            server.driver.send(line.bytes, to: client)
            #expect(
                line.matches(server.driver.output(of: client)), "after \(line.sent)")
            #expect(server.driver.closed.contains(client) == line.closes, "after \(line.sent)")
        }
    }
}
