// What one worker alone answers about itself: CLIENT, PROXY, INFO, SLOWLOG and what clients probe for.

import RESP
import TestSupport
import Testing

@testable import Proxy

@Suite struct LocalAnswerTests {
    /// Answers that depend on nothing but the request, as redis-server gives them.
    @Test(arguments: [
        ("ROLE", "*3\r\n$6\r\nmaster\r\n:0\r\n*0\r\n"),
        ("CLUSTER INFO", "-ERR This instance has cluster support disabled\r\n"),
        ("CLUSTER NOSUCH", "-ERR unknown subcommand 'NOSUCH'. Try CLUSTER HELP.\r\n"),
        ("CLUSTER", "-ERR wrong number of arguments for 'cluster' command\r\n"),
        ("ASKING", "-ERR This instance has cluster support disabled\r\n"),
        ("READONLY", "+OK\r\n"), ("READWRITE", "+OK\r\n"),
        ("SENTINEL get-master-addr-by-name x", "*2\r\n$9\r\n127.0.0.1\r\n$4\r\n6379\r\n"),
        ("SLOWLOG LEN", ":0\r\n"),
        ("SLOWLOG GET", "*0\r\n"),
        ("SLOWLOG GET -2", "-ERR count should be greater than or equal to -1\r\n"),
        ("SLOWLOG RESET", "+OK\r\n"),
        ("PROXY CONSISTENCY", "+fresh\r\n"),
        ("PROXY CONSISTENCY session", "+OK\r\n"),
        (
            "PROXY CONSISTENCY stale",
            "-ERR consistency level 'stale' is not served here; one of these is: master, fresh, "
                + "session, bounded, eventual\r\n"
        ),
        ("PROXY NOSUCH", "-ERR unknown subcommand 'NOSUCH'. Try PROXY HELP.\r\n"),
        ("PROXY", "-ERR wrong number of arguments for 'proxy' command\r\n"),
        ("PROXY CONFIG GET databases", "*2\r\n$9\r\ndatabases\r\n$2\r\n16\r\n"),
        ("CLIENT GETREDIR", ":-1\r\n"),
        ("CLIENT NO-EVICT on", "+OK\r\n"),
        ("CLIENT NO-EVICT maybe", "-ERR syntax error\r\n"),
        ("CLIENT NO-TOUCH on", "+OK\r\n"),
        ("CLIENT UNBLOCK 7", ":0\r\n"),
        ("CLIENT UNBLOCK x", "-ERR value is not an integer or out of range\r\n"),
        ("CLIENT KILL ID 0", "-ERR client-id should be greater than 0\r\n"),
        ("CLIENT KILL USER nobody", "-ERR No such user 'nobody'\r\n"),
        ("CLIENT PAUSE -1", "-ERR timeout is negative\r\n"),
        ("CLIENT UNPAUSE", "+OK\r\n"),
        (
            "CLIENT TRACKINGINFO",
            "*6\r\n$5\r\nflags\r\n*1\r\n$3\r\noff\r\n$8\r\nredirect\r\n:-1\r\n$8\r\nprefixes\r\n*0\r\n"
        ),
        ("ACL WHOAMI", "$7\r\ndefault\r\n"),
    ])
    func answers(_ request: String, _ answer: String) {
        let proxy = OperatedProxy(workers: 1)
        let client = proxy.drivers[0].connect()
        #expect(proxy.ask(request, on: client) == answer)
    }

    /// Every HELP is a list of status lines that begins with its command.
    @Test(arguments: ["PROXY", "CLIENT", "SLOWLOG"]) func helps(command: String) {
        let proxy = OperatedProxy(workers: 1)
        let help = proxy.ask("\(command) HELP", on: proxy.drivers[0].connect())
        #expect(help.contains("+\(command) <subcommand>"))
    }

    /// INFO asks the master for its keyspace, and holds what follows until it has answered.
    @Test func infoHasTheMastersKeyspace() throws {
        let proxy = ProxyUnderTest { $0.timeouts.probeInterval = .seconds(1) }
        let client = proxy.driver.connect()
        let control = try #require(proxy.core.master.control).link
        _ = proxy.sent(to: control)
        // The questions of the beginning: four of INFO and one of COMMAND.
        for section in ["run_id:a", "role:master", "loading:0", "# Keyspace"] {
            proxy.says(Wire.bulk("\(section)\r\n"), on: control)
        }
        proxy.says("*0\r\n", on: control)
        proxy.driver.command(["INFO", "keyspace"], to: client)
        #expect(proxy.driver.output(of: client) == "")
        #expect(proxy.sent(to: control) == Wire.text("INFO", "keyspace"))
        proxy.says(Wire.bulk("# Keyspace\r\ndb0:keys=1,expires=0,avg_ttl=0\r\n"), on: control)
        #expect(
            proxy.driver.output(of: client)
                == Wire.bulk("# Keyspace\r\ndb0:keys=1,expires=0,avg_ttl=0\r\n"))
        // Without an answer the section is empty.
        proxy.driver.command(["INFO", "keyspace"], to: client)
        proxy.driver.pass(Inquiry.patience)
        #expect(proxy.driver.output(of: client) == Wire.bulk("# Keyspace\r\n"))
    }

    /// PROXY EXPLAIN names the server that a request would go to, and sends nothing.
    @Test func explainsWithoutDoing() {
        let proxy = ProxyUnderTest(replicas: 1)
        let client = proxy.driver.connect()
        let read = proxy.driver.ask("PROXY", "EXPLAIN", "GET", "k", on: client)
        #expect(read.contains("class\r\n$4\r\nread\r\n$4\r\nkeys\r\n*1\r\n$1\r\nk\r\n"))
        #expect(read.contains("choice\r\n$13\r\nreplica0:6379\r\n"))
        let write = proxy.driver.ask("PROXY", "EXPLAIN", "SET", "k", "v", on: client)
        #expect(write.contains("choice\r\n$14\r\n127.0.0.1:6379\r\n"))
        let own = proxy.driver.ask("PROXY", "EXPLAIN", "CLIENT", "ID", on: client)
        #expect(own.contains("choice\r\n$5\r\nproxy\r\n"))
        let refused = proxy.driver.ask("PROXY", "EXPLAIN", "SHUTDOWN", on: client)
        #expect(refused.contains("choice\r\n$-1\r\n"))
        #expect(proxy.sent(to: .masterWrites) == "" && proxy.sent(to: .replica(0)) == "")
    }

    /// WRITE holds back what may write, and a transaction only when it ends with writes in it.
    @Test func pauseOfWrites() {
        let proxy = ProxyUnderTest()
        let (operatorClient, client) = (proxy.driver.connect(), proxy.driver.connect())
        #expect(
            proxy.driver.ask("CLIENT", "PAUSE", "1000", "WRITE", on: operatorClient) == "+OK\r\n")
        proxy.driver.command(["GET", "k"], to: client)
        #expect(proxy.sent(to: .masterReads) == Wire.text("GET", "k"))
        proxy.says("$-1\r\n", on: .masterReads)
        for command in [
            ["SET", "k", "v"], ["EVAL", "x", "0"], ["PUBLISH", "c", "m"], ["NOSUCH"],
        ] {
            let one = proxy.driver.connect()
            proxy.driver.command(command, to: one)
            #expect(proxy.isHeldBack(one), "\(command)")
        }
        #expect(proxy.sent(to: .masterWrites) == "")
        proxy.driver.pass(.seconds(1))
        #expect(proxy.sent(to: .masterWrites).contains("SET"))
    }

    /// A later pause never makes an earlier one shorter or narrower.
    @Test func pausesAddUp() {
        let proxy = OperatedProxy(workers: 1)
        let client = proxy.drivers[0].connect()
        #expect(proxy.ask("CLIENT PAUSE 1000 ALL", on: client) == "+OK\r\n")
        proxy.cores[0].begin(ClientPause.writesFor(.milliseconds(10)))
        proxy.drivers[0].pass(.milliseconds(999))
        #expect(proxy.ask("CLIENT ID", on: client) == "")
        proxy.drivers[0].pass(.milliseconds(1))
        #expect(proxy.drivers[0].output(of: client) == ":1\r\n")
    }

    /// CLIENT UNBLOCK answers in the server's place and closes the connection on which the client waits.
    @Test(arguments: [
        ("TIMEOUT", "*-1\r\n"),
        ("ERROR", "-UNBLOCKED client unblocked via CLIENT UNBLOCK\r\n"),
    ])
    func unblocks(_ reason: String, _ answer: String) {
        let proxy = ProxyUnderTest()
        let (waiting, other) = (proxy.driver.connect(), proxy.driver.connect())
        proxy.driver.command(["BLPOP", "l", "0"], to: waiting)
        proxy.connectAll()
        let link = LinkID.next(after: 0)
        #expect(proxy.sent(to: link) == Wire.text("BLPOP", "l", "0"))
        #expect(proxy.driver.ask("CLIENT", "LIST", "ID", "1", on: other).contains("flags=b"))
        #expect(proxy.driver.ask("CLIENT", "UNBLOCK", "1", reason, on: other) == ":1\r\n")
        #expect(proxy.driver.output(of: waiting) == answer)
        #expect(proxy.isClosed(link))
        #expect(proxy.driver.ask("CLIENT", "UNBLOCK", "1", on: other) == ":0\r\n")
        #expect(proxy.driver.ask("CLIENT", "ID", on: waiting) == ":1\r\n")
    }
}

extension ClientPause {
    fileprivate static func writesFor(_ duration: Duration) -> ClientPause {
        guard
            var pause = try? withRequest("CLIENT PAUSE 1 WRITE", { try ClientPause($0) })
        else { preconditionFailure("a pause that cannot be read") }
        pause.duration = duration
        return pause
    }
}
