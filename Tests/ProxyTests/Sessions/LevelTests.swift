// How fresh a client's reads are: as it says itself, or its user, its listener, the configuration have it.

import RESP
import TestSupport
import Testing

@testable import Proxy

@Suite struct LevelTests {
    /// The first listener has no level of its own, the second has.
    private func proxy(
        _ configure: (inout ProxyConfiguration) -> Void = { _ in }
    ) -> ProxyUnderTest {
        ProxyUnderTest(replicas: 1) {
            $0.timeouts.probeInterval = .seconds(1_000_000)
            $0.reads.consistency = .fresh
            $0.listen.append(
                ClientListener(.unix(path: "/run/sluice.sock"), consistency: .bounded))
            configure(&$0)
        }
    }

    private func level(of client: ConnectionID, _ proxy: ProxyUnderTest) -> String {
        let answer = proxy.driver.ask("PROXY", "CONSISTENCY", on: client)
        return answer.trimmingPrefix("+").split(separator: "\r\n").joined()
    }

    /// Where the master is not read, nobody can ask for what only the master can answer.
    @Test(arguments: [["PROXY", "CONSISTENCY", "master"], ["READWRITE"]])
    func masterThatIsNotRead(words: [String]) {
        let proxy = proxy { $0.reads.includeMaster = .never }
        let client = proxy.driver.connect()
        proxy.driver.command(words, to: client)
        let said = proxy.driver.output(of: client)
        #expect(
            said == "-ERR consistency level 'master' is not served here; one of these is: fresh, "
                + "session, bounded, eventual\r\n")
        #expect(level(of: client, proxy) == "fresh")
    }

    /// What a client does, and the level that it has then, by the listener that it came in at.
    @Test(arguments: [
        ([], "fresh", "bounded"),
        (["AUTH app a"], "session", "session"),
        (["AUTH default d"], "fresh", "bounded"),
        (["HELLO 3 AUTH app a"], "session", "session"),
        (["PROXY CONSISTENCY eventual"], "eventual", "eventual"),
        (["AUTH app a", "PROXY CONSISTENCY eventual"], "eventual", "eventual"),
        (["PROXY CONSISTENCY eventual", "AUTH app a"], "session", "session"),
        (["AUTH app a", "PROXY CONSISTENCY eventual", "AUTH app a"], "session", "session"),
        (["AUTH app a", "AUTH default d"], "fresh", "bounded"),
        (["READONLY"], "eventual", "eventual"), (["READWRITE", "RESET"], "fresh", "bounded"),
        (["AUTH app a", "RESET"], "fresh", "bounded"),
        (["PROXY CONSISTENCY master", "HELLO 3"], "master", "master"),
    ])
    func precedence(_ words: [String], _ first: String, _ second: String) {
        let proxy = proxy {
            $0.authentication = .users
            $0.users = [
                User(name: "app", passwords: [Secret("a")], consistency: .session),
                User(name: "default", passwords: [Secret("d")]),
            ]
        }
        for (place, expected) in [first, second].enumerated() {
            let client = proxy.driver.connect(through: .clients(at: place))
            proxy.core.clients[client]!.isAuthenticated = true
            for line in words {
                _ = proxy.driver.say(line, on: client)
                proxy.core.clients[client]!.isAuthenticated = true
            }
            #expect(level(of: client, proxy) == expected)
        }
        proxy.core.checkInvariants()
    }

    /// A password that is wrong changes nothing.
    @Test func wrongPassword() {
        let proxy = proxy {
            $0.authentication = .users
            $0.limits.authDelay = .zero
            $0.users = [User(name: "app", passwords: [Secret("a")], consistency: .session)]
        }
        let client = proxy.driver.connect()
        _ = proxy.driver.say("AUTH app a", on: client)
        _ = proxy.driver.say("PROXY CONSISTENCY master", on: client)
        proxy.driver.command(["AUTH", "app", "b"], to: client)
        proxy.driver.pass(.milliseconds(1))
        #expect(proxy.driver.output(of: client).hasPrefix("-WRONGPASS"))
        #expect(level(of: client, proxy) == "master")
    }

    /// Where the servers know who is who, users have no levels here, and a new login ends what was asked for.
    @Test func usersOfTheServers() throws {
        let proxy = proxy {
            $0.authentication = .backend
            $0.reads.consistency = .eventual
        }
        let client = proxy.driver.connect(through: .clients(at: 1))
        proxy.core.clients[client]!.isAuthenticated = true
        _ = proxy.driver.say("PROXY CONSISTENCY master", on: client)
        proxy.driver.command(["AUTH", "app", "a"], to: client)
        proxy.connectAll()
        let asked = proxy.core.links.compactMap { $0 }.first { connection in
            connection.id != nil && proxy.sent(to: connection.link).contains("AUTH")
        }
        proxy.says("+OK\r\n", on: try #require(asked).link)
        #expect(proxy.driver.output(of: client) == "+OK\r\n")
        #expect(level(of: client, proxy) == "bounded")
    }

    /// Fences are raised as soon as one level that clients begin with asks for them.
    @Test(
        arguments: [
            (Consistency.fresh, nil, nil, true), (.eventual, nil, nil, false),
            (.eventual, .session, nil, true), (.eventual, nil, .fresh, true),
            (.fresh, .master, nil, false), (.fresh, .eventual, .session, true),
            (.bounded, .master, .eventual, false),
        ] as [(Consistency, Consistency?, Consistency?, Bool)])
    func whoNeedsFences(
        _ all: Consistency, _ listener: Consistency?, _ user: Consistency?, _ expected: Bool
    ) {
        var configuration = ProxyConfiguration()
        configuration.reads.consistency = all
        configuration.listen[0].consistency = listener
        configuration.users = [User(name: "a", passwords: [Secret("a")], consistency: user)]
        #expect(!configuration.needsFences, "there is no replica")
        configuration.backends.replicas = [.init(.tcp(host: "a", port: 1))]
        #expect(configuration.needsFences == expected)
    }

    /// Operators see who has which level.
    @Test func shown() {
        let proxy = proxy {
            $0.authentication = .users
            $0.users = [User(name: "app", passwords: [Secret("a")], consistency: .session)]
        }
        let client = proxy.driver.connect(through: .clients(at: 1))
        proxy.core.clients[client]!.isAuthenticated = true
        let clients = proxy.driver.ask("PROXY", "CLIENTS", on: client)
        #expect(clients.contains(Wire.bulk("consistency") + Wire.bulk("bounded")))
        let status = proxy.driver.ask("PROXY", "STATUS", on: client)
        for (kind, name, level) in [
            ("listener", "/run/sluice.sock", "bounded"), ("user", "app", "session"),
        ] {
            let words = [kind, name, "consistency", level].map(Wire.bulk).joined()
            #expect(status.contains(words))
        }
        #expect(status.contains(Wire.bulk("consistency") + Wire.bulk("fresh")))
    }
}

extension HandDriver {
    /// Sends a line of words as one command, and returns what came back at once.
    fileprivate func say(_ line: String, on id: ConnectionID) -> String {
        command(line.split(separator: " ").map(String.init), to: id)
        return output(of: id)
    }
}
