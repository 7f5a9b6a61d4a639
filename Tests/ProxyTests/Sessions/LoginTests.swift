// Who a client is: AUTH, HELLO … AUTH and RESET, by the proxy's users and by the backend's, and what strangers may do.

import RESP
import TestSupport
import Testing

@testable import Proxy

@Suite struct LoginTests {
    static let wrong = "-WRONGPASS invalid username-password pair or user is disabled.\r\n"
    static let noAuth = "-NOAUTH Authentication required.\r\n"

    private func proxy(
        _ configure: @escaping (inout ProxyConfiguration) -> Void = { _ in }
    ) -> ProxyUnderTest {
        ProxyUnderTest {
            $0.authentication = .users
            $0.users = [
                User(name: "default", passwords: [Secret("one"), Secret("two")]),
                User(
                    name: "ann", passwords: [Secret("a")], backendUser: "backend-ann",
                    backendPassword: Secret("s")),
            ]
            configure(&$0)
        }
    }

    private func asking(
        _ configure: @escaping (inout ProxyConfiguration) -> Void = { _ in }
    ) -> ProxyUnderTest {
        ProxyUnderTest {
            $0.authentication = .backend
            configure(&$0)
        }
    }

    /// What a stranger reads, as redis-server 7.0.15 with a password answers it.
    static let strangers: [(request: [String], reply: String)] = [
        (["GET", "a"], noAuth), (["MULTI"], noAuth), (["SUBSCRIBE", "c"], noAuth),
        (["SELECT", "1"], noAuth), (["CLIENT", "SETNAME", "x"], noAuth), (["MONITOR"], noAuth),
        (["PING"], noAuth), (["RESET"], "+RESET\r\n"), (["QUIT"], "+OK\r\n"),
        (
            ["HELLO", "3"],
            "-NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO AUTH "
                + "<user> <pass> option can be used to authenticate the client and select the RESP protocol version "
                + "at the same time\r\n"
        ),
        (["HELLO", "4"], "-NOPROTO unsupported protocol version\r\n"),
        (["AUTH"], "-ERR wrong number of arguments for 'auth' command\r\n"),
        (["AUTH", "a", "b", "c"], "-ERR syntax error\r\n"), (["AUTH", "one"], "+OK\r\n"),
        (["AUTH", "default", "two"], "+OK\r\n"), (["POST", "/"], ""), (["Host:", "x"], ""),
        (
            ["GET"] + Array(repeating: "x", count: 10),
            "-ERR Protocol error: unauthenticated multibulk length\r\n"
        ),
        (
            ["AUTH", String(repeating: "x", count: 16_385)],
            "-ERR Protocol error: unauthenticated bulk length\r\n"
        ),
    ]

    @Test(arguments: strangers)
    func stranger(request: [String], reply: String) {
        let proxy = proxy()
        let client = proxy.driver.connect()
        proxy.driver.command(request, to: client)
        #expect(proxy.driver.output(of: client) == reply)
        #expect(proxy.sent(to: .masterWrites) == "")
    }

    /// Behind AUTH in the same pipeline a client has the limits of one who has authenticated, and behind RESET again
    /// those of a stranger, however often.
    @Test func limitsFollowAuth() {
        let proxy = proxy()
        let client = proxy.driver.connect()
        let many = ["DEL"] + Array(repeating: "k", count: 20)
        let turn = [
            ["AUTH", "one"], ["CLIENT", "SETNAME", String(repeating: "n", count: 100)], ["RESET"],
        ]
        proxy.driver.send(
            Wire.pipeline(Array(repeating: turn, count: 300).flatMap { $0 }), to: client)
        #expect(
            proxy.driver.output(of: client)
                == String(repeating: "+OK\r\n+OK\r\n+RESET\r\n", count: 300))
        proxy.driver.send(Wire.pipeline([["AUTH", "one"], many]), to: client)
        proxy.says(":0\r\n", on: .masterWrites)
        #expect(proxy.driver.output(of: client) == "+OK\r\n:0\r\n")
        proxy.driver.send(Wire.pipeline([["RESET"], many]), to: client)
        #expect(
            proxy.driver.output(of: client)
                == "+RESET\r\n-ERR Protocol error: unauthenticated multibulk length\r\n")
    }

    /// A failed AUTH is answered late, what follows waits, and so many of them close the client, RESET or not.
    @Test func guessing() {
        let proxy = proxy { $0.limits.authFailures = 3 }
        let client = proxy.driver.connect()
        for attempt in 1...3 {
            proxy.driver.send(Wire.pipeline([["AUTH", "no"], ["RESET"]]), to: client)
            proxy.driver.pass(.milliseconds(499))
            #expect(proxy.driver.output(of: client) == "")
            proxy.driver.pass(.milliseconds(1))
            #expect(
                proxy.driver.output(of: client) == LoginTests.wrong
                    + (attempt < 3 ? "+RESET\r\n" : ""))
            #expect(proxy.driver.closed.contains(client) == (attempt == 3))
            proxy.core.checkInvariants()
        }
        #expect(!proxy.driver.log.contains { $0.contains("no\"") || $0.contains("'no'") })
    }

    /// A user's requests go over connections of that user's own name at the backend, in every state of the session.
    @Test func usersHaveTheirOwnConnections() {
        let proxy = proxy()
        let (ann, other) = (proxy.driver.connect(), proxy.driver.connect())
        #expect(proxy.driver.ask("AUTH", "one", on: other) == "+OK\r\n")
        proxy.driver.send(
            Wire.pipeline([["AUTH", "ann", "a"], ["SET", "k", "v"]]), to: ann)
        let (reads, writes) = (LinkID.next(after: 0), LinkID.next(after: 1))
        proxy.connect(reads)
        proxy.connect(writes)
        #expect(proxy.sent(to: writes) == Wire.text("AUTH", "backend-ann", "s"))
        proxy.says("+OK\r\n", on: writes)
        #expect(proxy.sent(to: writes) == Wire.text("SET", "k", "v"))
        proxy.driver.command(["SET", "k", "w"], to: other)
        #expect(proxy.sent(to: .masterWrites) == Wire.text("SET", "k", "w"))
        #expect(proxy.sent(to: writes) == "")
    }

    /// HELLO takes AUTH and SETNAME in both orders, and changes nothing when the password is wrong.
    @Test func helloWithOptions() {
        let proxy = proxy()
        let orders = [
            ["HELLO", "3", "AUTH", "default", "one", "SETNAME", "me"],
            ["HELLO", "3", "SETNAME", "me", "AUTH", "default", "one"],
        ]
        for words in orders {
            let client = proxy.driver.connect()
            proxy.driver.command(words, to: client)
            #expect(proxy.driver.output(of: client).hasPrefix("%7\r\n"))
            #expect(proxy.driver.ask("CLIENT", "GETNAME", on: client) == "$2\r\nme\r\n")
        }
        let client = proxy.driver.connect()
        proxy.driver.command(["HELLO", "3", "AUTH", "default", "no"], to: client)
        proxy.driver.pass(.seconds(1))
        #expect(proxy.driver.output(of: client) == LoginTests.wrong)
        #expect(proxy.driver.ask("GET", "a", on: client) == LoginTests.noAuth)
    }

    // MARK: Asking the server

    /// The server is asked on a connection that is thrown away, and its words are passed on. A wrong password leaves
    /// no lane and no connection.
    @Test func serverDecides() {
        let proxy = asking()
        let client = proxy.driver.connect()
        proxy.driver.send(Wire.pipeline([["AUTH", "ann", "no"], ["GET", "a"]]), to: client)
        let own = LinkID.next(after: 0)
        proxy.connect(own)
        #expect(proxy.sent(to: own) == Wire.text("AUTH", "ann", "no"))
        proxy.says(LoginTests.wrong, on: own)
        #expect(proxy.driver.output(of: client) == "")
        proxy.driver.pass(.milliseconds(500))
        #expect(proxy.driver.output(of: client) == LoginTests.wrong + LoginTests.noAuth)
        #expect(proxy.isClosed(own))
        #expect(proxy.core.lanes.count == 1)
        #expect(proxy.core.master.privateCount == 0)
        proxy.core.checkInvariants()
    }

    /// What is no wrong password is said at once and counts as none.
    @Test func serverCannotTell() {
        let proxy = asking { $0.limits.authFailures = 1 }
        let client = proxy.driver.connect()
        proxy.driver.command(["AUTH", "x"], to: client)
        proxy.connectAll()
        proxy.says("-ERR AUTH <password> called without any password\r\n", on: .next(after: 0))
        #expect(
            proxy.driver.output(of: client)
                == "-ERR AUTH <password> called without any password\r\n")
        proxy.driver.command(["AUTH", "x"], to: client)
        proxy.refuse(.next(after: 0))
        #expect(
            proxy.driver.output(of: client)
                == "-ERR the master cannot be asked about this password now\r\n")
        // And one that never answers.
        proxy.driver.command(["AUTH", "x"], to: client)
        proxy.connect(.next(after: 0))
        for _ in 0..<30 { proxy.driver.pass(.seconds(1)) }
        #expect(
            proxy.driver.output(of: client)
                == "-ERR the master cannot be asked about this password now\r\n")
        #expect(proxy.core.master.privateCount == 0)
        #expect(!proxy.driver.closed.contains(client))
        proxy.core.checkInvariants()
    }

    /// The connection on which the master is being asked about strangers.
    private func question(of proxy: ProxyUnderTest) -> LinkID? {
        proxy.core.links.compactMap { $0 }.first { $0.use == .alone }?.link
    }

    /// Whoever says nothing is the server's default user while a new connection is taken for it too. That a password is
    /// wanted since counts for clients to come, as at the server; so does an answer that has grown old.
    @Test func strangersWhereNoPasswordIsNeeded() throws {
        let proxy = asking { $0.timeouts.probeInterval = .seconds(1) }
        func answer(_ text: String) throws {
            proxy.connectAll()
            let asked = try #require(question(of: proxy))
            #expect(proxy.sent(to: asked) == Wire.text("PING"))
            proxy.says(text, on: asked)
            #expect(proxy.isClosed(asked))
            #expect(proxy.core.master.privateCount == 0)
            proxy.core.checkInvariants()
        }
        func isKnown(_ client: ConnectionID) -> Bool {
            proxy.driver.ask("CLIENT", "SETNAME", "x", on: client) == "+OK\r\n"
        }
        #expect(!isKnown(proxy.driver.connect()))
        try answer("+PONG\r\n")
        let first = proxy.driver.connect()
        #expect(isKnown(first))
        proxy.driver.pass(Anonymity.interval)
        #expect(isKnown(proxy.driver.connect()))
        try answer("-NOAUTH Authentication required.\r\n")
        #expect(isKnown(first))
        let second = proxy.driver.connect()
        #expect(!isKnown(second))
        #expect(proxy.driver.ask("RESET", on: first) == "+RESET\r\n")
        #expect(!isKnown(first))

        for said in ["-NOPERM no permissions to run 'ping'\r\n", "-LOADING it loads\r\n"] {
            proxy.driver.pass(Anonymity.interval)
            try answer(said)
            #expect(isKnown(proxy.driver.connect()))
        }
        // Now the master says nothing that tells.
        proxy.driver.pass(Anonymity.interval)
        try answer("-ERR max number of clients reached\r\n")
        #expect(isKnown(second))
        proxy.driver.pass(.milliseconds(3_999))
        #expect(isKnown(proxy.driver.connect()))
        proxy.driver.pass(.milliseconds(1))
        #expect(!isKnown(proxy.driver.connect()))
    }

    /// A question that is not answered, or cannot be asked, is asked anew, one at a time.
    @Test(arguments: [true, false]) func questionAboutStrangersIsLost(isRefused: Bool) throws {
        let proxy = asking { $0.timeouts.probeInterval = .seconds(1) }
        for round in 0..<3 {
            let asked = try #require(question(of: proxy))
            if round == 0 {
                proxy.cut(asked)
            } else if isRefused {
                proxy.refuse(asked)
            } else {
                proxy.connectAll()
                for _ in 0..<12 {
                    #expect(proxy.core.master.privateCount == 1)
                    proxy.driver.pass(.seconds(1))
                    if proxy.isClosed(asked) { break }
                }
                #expect(proxy.isClosed(asked))
            }
            proxy.driver.pass(Anonymity.interval)
            #expect(proxy.core.master.privateCount == 1)
            proxy.core.checkInvariants()
        }
    }

    /// With a password for the servers nobody needs to be asked.
    @Test func noQuestionAboutStrangers() {
        let proxy = asking {
            $0.timeouts.probeInterval = .seconds(1)
            $0.backends.password = Secret("p")
        }
        #expect(proxy.core.master.privateCount == 0)
    }

    /// Two users never share a connection, and a wrong attempt leaves the client who it was.
    @Test func clientsOfTwoUsers() {
        let proxy = asking()
        var seen: [LinkID] = []
        for (user, password) in [("ann", "a"), ("bob", "b")] {
            let client = proxy.driver.connect()
            proxy.driver.send(
                Wire.pipeline([["HELLO", "3", "AUTH", user, password], ["SET", "k", user]]),
                to: client)
            let asked = proxy.wishedLinks[0]
            proxy.connect(asked)
            #expect(proxy.sent(to: asked) == Wire.text("AUTH", user, password))
            proxy.says("+OK\r\n", on: asked)
            #expect(proxy.driver.output(of: client).hasPrefix("%7\r\n"))
            let links = proxy.wishedLinks
            proxy.connectAll()
            #expect(links.count == 2)
            for link in links {
                #expect(
                    proxy.sent(to: link) == Wire.text("AUTH", user, password)
                        + Wire.text("HELLO", "3"))
            }
            proxy.says("+OK\r\n%0\r\n", on: links[1])
            #expect(proxy.sent(to: links[1]) == Wire.text("SET", "k", user))
            #expect(!seen.contains(links[1]))
            seen += links
        }
    }

    /// What a client has for itself is its user's: it cannot become another with it.
    @Test func otherUserWhileWatching() {
        let proxy = proxy()
        let client = proxy.driver.connect()
        proxy.driver.send(Wire.pipeline([["AUTH", "one"], ["WATCH", "k"]]), to: client)
        let own = LinkID.next(after: 0)
        proxy.connect(own)
        proxy.says("+OK\r\n", on: own)
        _ = proxy.driver.output(of: client)
        #expect(proxy.driver.ask("AUTH", "two", on: client) == "+OK\r\n")
        #expect(
            proxy.driver.ask("AUTH", "ann", "a", on: client).hasPrefix(
                "-ERR the user cannot be changed"))
        _ = proxy.sent(to: own)
        proxy.driver.command(["UNWATCH"], to: client)
        proxy.says("+OK\r\n", on: own)
        _ = proxy.driver.output(of: client)
        #expect(proxy.driver.ask("AUTH", "ann", "a", on: client) == "+OK\r\n")
        proxy.core.checkInvariants()
    }

    /// Lanes that nobody uses any more make room for new ones.
    @Test func lanesAreUsedAgain() {
        let proxy = proxy { $0.limits.lanes = 3 }
        let client = proxy.driver.connect()
        _ = proxy.driver.ask("AUTH", "one", on: client)
        for database in (1..<16).map(String.init) {
            #expect(proxy.driver.ask("SELECT", database, on: client) == "+OK\r\n")
            proxy.driver.command(["SET", "k", "v"], to: client)
            let writes = proxy.wishedLinks[1]
            proxy.connectAll()
            proxy.says("+OK\r\n", on: writes)
            #expect(
                proxy.sent(to: writes) == Wire.text("SELECT", database) + Wire.text("SET", "k", "v")
            )
            proxy.says("+OK\r\n", on: writes)
            #expect(proxy.driver.output(of: client) == "+OK\r\n")
            proxy.core.checkInvariants()
        }
        // Three clients in three databases besides the first are one too many.
        let others = (0..<2).map { _ in proxy.driver.connect() }
        for other in others { _ = proxy.driver.ask("AUTH", "one", on: other) }
        #expect(proxy.driver.ask("SELECT", "3", on: others[0]) == "+OK\r\n")
        #expect(
            proxy.driver.ask("SELECT", "4", on: others[1]).hasPrefix("-ERR too many combinations"))
    }

    /// A comparison looks at all of the guess, whatever differs.
    @Test(arguments: [
        ("", "", true), ("a", "", false), ("", "a", false), ("ab", "ab", true),
        ("ab", "abab", false), ("abab", "ab", false), ("ab", "ac", false),
    ])
    func comparison(secret: String, guess: String, isEqual: Bool) {
        #expect(ProxyCore.areEqual(Array(secret.utf8), Array(guess.utf8)) == isEqual)
    }
}

extension Secret {
    init(_ text: String) {
        self.init(Array(text.utf8))
    }
}
