// Finding a command by its name, in any case, is on the path of every request.

import RESP
import Testing

@Suite struct CommandTableTests {
    @Test(arguments: ["get", "GET", "Set", "ZREVRANGEBYSCORE", "client", "nosuchcommand", ""])
    func findsNamesWithoutAllocating(_ name: String) {
        let table = CommandTable.builtIn
        let bytes = [UInt8](name.utf8)
        var found = 0
        let counted = allocationsInSteadyState {
            for _ in 0..<10 where table.find(bytes.span) != nil { found += 1 }
        }
        #expect(counted == 0)
        #expect(found == (["nosuchcommand", ""].contains(name) ? 0 : 2_000))
    }

    @Test(arguments: [["GET", "key"], ["CLIENT", "setname", "a"], ["CLIENT", "nothing"]])
    func findsRequestsWithoutAllocating(_ arguments: [String]) {
        let table = CommandTable.builtIn
        let reader = RequestReader()
        let input = multibulk(arguments)
        var found = 0
        let counted = allocationsInSteadyState {
            _ = try? reader.read(input.span, after: nil, limits: RequestLimits()) { request in
                if let command = table.find(request) {
                    found += Int(table[command].arity.magnitude)
                }
                return .goOn
            }
        }
        #expect(counted == 0)
        #expect(found > 0)
    }
}
