// A client library as applications use it, through the proxy: redis-py in RESP2 and RESP3, with the parser of its own
// and with hiredis. What is checked is in Tests/Interop.

import Foundation
import RESP
import TestSupport
import Testing

@Suite(.serialized) struct ClientLibraryTests {
    @Test(arguments: [2, 3], ["python", "hiredis"])
    func redisPy(protocolVersion: Int, parser: String) throws {
        // As applications have it: with replicas at `eventual` a client may read what it has written before.
        guard let interpreter = PythonPrograms.interpreter(),
            let front = try Front(replicas: 2, reads: .init(consistency: "fresh"))
        else { return }
        let script = try LiveProcess(
            path: interpreter,
            arguments: [
                PythonPrograms.script("redis_py.py"), "\(front.server.port)", "\(protocolVersion)",
                parser,
            ])
        let status = script.waitForExit(within: .seconds(300))
        let failures = script.output.split(separator: "\n").filter { !$0.hasSuffix(": ok") }
        #expect(status == 0, "\(failures.joined(separator: "\n"))")
    }

    /// Users with rights of their own at the backends, whom the proxy passes on.
    @Test(arguments: [2, 3]) func trap28_usersKeepTheirRights(protocolVersion: Int) throws {
        guard let interpreter = PythonPrograms.interpreter(),
            let deployment = try RedisDeployment.start(replicas: 2)
        else { return }
        // Each server has users of its own.
        for node in deployment.nodes {
            let replies = try node.client().say(
                """
                ACL SETUSER app on >secret ~app:* +@read +@write +acl|whoami +@connection +@keyspace \
                -@dangerous
                """)
            try #require(replies == [.simple("OK")])
        }
        let front = try Front(before: deployment, as: ["app", "secret"], ["auth: backend"])
        let script = try LiveProcess(
            path: interpreter,
            arguments: [
                PythonPrograms.script("redis_py_users.py"), "\(front.server.port)",
                "\(protocolVersion)",
            ])
        let status = script.waitForExit(within: .seconds(300))
        #expect(status == 0, "\(script.output)")
    }
}
