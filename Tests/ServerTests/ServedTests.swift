// What COMMAND says is served is what is served.

import RESP
import TestSupport
import Testing

@testable import Server

@Suite struct ServedTests {
    /// Every row of the command table, asked with as many arguments as it wants.
    @Test(arguments: CommandID.allCases)
    func isBoundIfAndOnlyIfListed(id: CommandID) {
        let row = CommandTable.builtIn[id]
        var words = row.name.description.split(separator: "|").map(String.init)
        while words.count < abs(Int(row.arity)) { words.append("1") }
        let server = ServerUnderTest()
        let client = server.driver.connect()
        server.driver.command(words, to: client)
        let reply = server.driver.output(of: client)
        let isRefused = reply.hasPrefix("-ERR unknown ")
        // A container answers by its subcommands alone, and "1" is none.
        let isAnswered = ServerCore.served.contains(id) && !(row.isContainer && words.count > 1)
        #expect(isRefused != isAnswered, "\(words) gave \(reply.prefix(60))")
    }

    @Test func commandTellsThem() {
        let server = ServerUnderTest()
        let client = server.driver.connect()
        let names = ServerCore.served.filter { CommandTable.builtIn[$0].parent == nil }
        #expect(server.driver.ask("COMMAND", "COUNT", on: client) == ":\(names.count)\r\n")
        #expect(server.driver.ask("COMMAND", on: client).hasPrefix("*\(names.count)\r\n*10\r\n"))
        #expect(
            server.driver.ask("COMMAND", "INFO", on: client)
                == server.driver.ask("COMMAND", on: client))
        let docs = server.driver.ask("COMMAND", "DOCS", "get", "nosuch", on: client)
        #expect(docs.hasPrefix("*2\r\n$3\r\nget\r\n*8\r\n$7\r\nsummary\r\n"))
        #expect(
            server.driver.ask("COMMAND", "INFO", "client|id", on: client)
                .hasPrefix("*1\r\n*10\r\n$9\r\nclient|id\r\n"))
    }
}
