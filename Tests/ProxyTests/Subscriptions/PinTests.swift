// Clients with a connection of their own: tracked, watching the server work, blocked, or waiting for replicas.

import RESP
import TestSupport
import Testing

@testable import Proxy

@Suite struct PinTests {
    private let link = LinkID.next(after: 0)
    private let invalidateAll = ">2\r\n$10\r\ninvalidate\r\n_\r\n"

    /// A RESP3 client that has asked for tracking, and the answer that it got.
    private func tracked(
        _ proxy: ProxyUnderTest, _ options: [String] = [], answer: String = "+OK\r\n"
    ) -> ConnectionID {
        let client = proxy.driver.connect()
        proxy.driver.command(["HELLO", "3"], to: client)
        _ = proxy.driver.output(of: client)
        proxy.driver.command(["CLIENT", "TRACKING", "ON"] + options, to: client)
        proxy.connectAll()
        proxy.says("%1\r\n+proto\r\n:3\r\n", on: link)
        _ = proxy.sent(to: link)
        proxy.says(answer, on: link)
        #expect(proxy.driver.output(of: client) == answer)
        return client
    }

    /// All that a tracked client asks goes out on its own connection, and invalidations come between its replies.
    @Test func trapE2_tracking() {
        let proxy = ProxyUnderTest()
        let client = tracked(proxy)
        proxy.driver.send(
            Wire.pipeline([["GET", "k"], ["SET", "k", "v"], ["CLIENT", "TRACKINGINFO"]]), to: client
        )
        #expect(
            proxy.sent(to: link) == Wire.text("GET", "k") + Wire.text("SET", "k", "v")
                + Wire.text("CLIENT", "TRACKINGINFO"))
        let push = ">2\r\n$10\r\ninvalidate\r\n*1\r\n$1\r\nk\r\n"
        let said = "$1\r\nv\r\n" + push + "+OK\r\n%0\r\n" + push
        for cut in stride(from: 0, to: said.utf8.count, by: 7) {
            proxy.says(Array(said.utf8.dropFirst(cut).prefix(7)), on: link)
        }
        #expect(proxy.driver.output(of: client) == said)
        proxy.core.checkInvariants()
    }

    /// A CLIENT TRACKING that the server refuses leaves the client without a connection of its own.
    @Test func refusedTracking() {
        let proxy = ProxyUnderTest()
        let client = tracked(proxy, ["OPTIN", "OPTOUT"], answer: "-ERR You can't specify both\r\n")
        #expect(proxy.core.clients[client]?.extras?.pin == nil)
        #expect(proxy.core.master.spares.count == 1)
        proxy.driver.command(["CLIENT", "CACHING", "YES"], to: client)
        #expect(proxy.driver.output(of: client).hasPrefix("-ERR CLIENT CACHING can be called only"))
        proxy.core.checkInvariants()
    }

    /// One that is refused while tracking is on leaves it on; OFF gives the connection back.
    @Test func trackingOff() {
        let proxy = ProxyUnderTest()
        let client = tracked(proxy)
        proxy.driver.command(["CLIENT", "TRACKING", "ON", "BCAST"], to: client)
        proxy.says("-ERR You can't switch BCAST mode on/off\r\n", on: link)
        #expect(proxy.core.clients[client]?.extras?.pin?.purpose == .tracking)
        proxy.driver.send(
            Wire.pipeline([["CLIENT", "TRACKING", "OFF"], ["SELECT", "0"]]), to: client)
        proxy.says("+OK\r\n", on: link)
        #expect(proxy.core.clients[client]?.extras?.pin == nil)
        #expect(proxy.core.master.spares.count == 1)
        #expect(proxy.driver.output(of: client).hasSuffix("+OK\r\n+OK\r\n"))
        proxy.core.checkInvariants()
    }

    /// Keys that are watched stay watched when tracking ends, and nobody else gets that connection.
    @Test func trackingOffWhileWatching() {
        let proxy = ProxyUnderTest()
        let client = tracked(proxy)
        proxy.driver.command(["WATCH", "k"], to: client)
        proxy.says("+OK\r\n", on: link)
        proxy.driver.command(["CLIENT", "TRACKING", "OFF"], to: client)
        proxy.says("+OK\r\n", on: link)
        #expect(proxy.core.clients[client]?.extras?.pin?.purpose == .watch)
        #expect(proxy.core.master.spares.isEmpty)
    }

    /// The connection is lost: all that the client caches is void, before anything else; then it is tracked anew.
    @Test func trapE2_lostTracking() {
        let proxy = ProxyUnderTest()
        let client = tracked(proxy, ["NOLOOP"])
        proxy.cut(link)
        #expect(proxy.driver.output(of: client) == invalidateAll)
        proxy.driver.command(["GET", "k"], to: client)
        proxy.connect(link)
        proxy.says("%1\r\n+proto\r\n:3\r\n", on: link)
        #expect(
            proxy.sent(to: link).hasSuffix(
                Wire.text("CLIENT", "TRACKING", "ON", "NOLOOP") + Wire.text("GET", "k")))
        proxy.says("+OK\r\n$1\r\nv\r\n", on: link)
        #expect(proxy.driver.output(of: client) == "$1\r\nv\r\n")
        proxy.core.checkInvariants()
    }

    /// It cannot be tracked anew: it is closed, and nobody tries for ever.
    @Test(arguments: [true, false]) func notTrackedAnew(isRefused: Bool) {
        let proxy = ProxyUnderTest()
        let client = tracked(proxy)
        proxy.cut(link)
        if isRefused {
            proxy.refuse(link)
        } else {
            proxy.connect(link)
            proxy.says("%1\r\n+proto\r\n:3\r\n-NOPERM no\r\n", on: link)
        }
        #expect(proxy.driver.closed.contains(client))
        #expect(proxy.takeConnectWish(link) == nil)
        proxy.core.checkInvariants()
    }

    /// CLIENT CACHING was about a request that would not be cached on the new connection.
    @Test func lostBehindCaching() {
        let proxy = ProxyUnderTest()
        let client = tracked(proxy, ["OPTIN"])
        proxy.driver.command(["CLIENT", "CACHING", "YES"], to: client)
        proxy.says("+OK\r\n", on: link)
        proxy.cut(link)
        #expect(proxy.driver.closed.contains(client))
    }

    /// What was watched on a lost connection is not watched on the next: EXEC fails.
    @Test func lostTrackingAndWatch() {
        let proxy = ProxyUnderTest()
        let client = tracked(proxy)
        proxy.driver.command(["WATCH", "k"], to: client)
        proxy.says("+OK\r\n", on: link)
        proxy.driver.send(Wire.pipeline([["MULTI"], ["SET", "k", "v"]]), to: client)
        _ = proxy.driver.output(of: client)
        proxy.cut(link)
        proxy.driver.command(["EXEC"], to: client)
        #expect(
            proxy.driver.output(of: client).hasPrefix(
                invalidateAll + "-EXECABORT Transaction discarded"))
        proxy.core.checkInvariants()
    }

    /// MONITOR: what the server says passes, and the connection goes with the client.
    @Test(arguments: ["QUIT", "RESET", "close"]) func monitor(end: String) {
        let proxy = ProxyUnderTest()
        let client = proxy.driver.connect()
        proxy.driver.send(Wire.pipeline([["GET", "k"], ["MONITOR"]]), to: client)
        proxy.says("$-1\r\n", on: .masterReads)
        proxy.connectAll()
        #expect(proxy.sent(to: link) == Wire.text("MONITOR"))
        proxy.says("+OK\r\n+1.2 [0 127.0.0.1:1] \"GET\" \"k\"\r\n", on: link)
        #expect(
            proxy.driver.output(of: client)
                == "$-1\r\n+OK\r\n+1.2 [0 127.0.0.1:1] \"GET\" \"k\"\r\n")
        // It may go on asking, as at redis-server.
        proxy.driver.command(["GET", "k"], to: client)
        proxy.says("$1\r\nv\r\n", on: .masterReads)
        #expect(proxy.driver.output(of: client) == "$1\r\nv\r\n")
        if end == "close" {
            proxy.driver.end(client)
        } else {
            proxy.driver.command([end], to: client)
        }
        #expect(proxy.isClosed(link))
        #expect(proxy.driver.closed.contains(client) == (end != "RESET"))
        proxy.core.checkInvariants()
    }

    // MARK: Blocking

    /// Requests behind a blocking one wait for it on its connection, however long that takes.
    @Test func blocking() {
        let proxy = ProxyUnderTest { $0.timeouts.request = .seconds(1) }
        let client = proxy.driver.connect()
        proxy.driver.send(
            Wire.pipeline([["SET", "a", "b"], ["BLPOP", "q", "0"], ["GET", "k"]]), to: client)
        #expect(proxy.wishedLinks.isEmpty)
        proxy.says("+OK\r\n", on: .masterWrites)
        proxy.connectAll()
        #expect(proxy.sent(to: link) == Wire.text("BLPOP", "q", "0") + Wire.text("GET", "k"))
        for _ in 0..<60 { proxy.driver.pass(.seconds(1)) }
        #expect(proxy.driver.output(of: client) == "+OK\r\n")
        proxy.says("*2\r\n$1\r\nq\r\n$1\r\nx\r\n$-1\r\n", on: link)
        #expect(proxy.driver.output(of: client) == "*2\r\n$1\r\nq\r\n$1\r\nx\r\n$-1\r\n")
        #expect(proxy.core.master.spares.count == 1)
        proxy.core.checkInvariants()
    }

    /// A client that hangs up is not waited for: what is pushed afterwards belongs to others.
    @Test func hangsUpWhileBlocked() {
        let proxy = ProxyUnderTest()
        let client = proxy.driver.connect()
        proxy.driver.command(["BLPOP", "q", "0"], to: client)
        proxy.connectAll()
        proxy.driver.end(client)
        #expect(proxy.isClosed(link))
        #expect(proxy.driver.closed.contains(client))
        proxy.core.checkInvariants()
    }

    /// One that has hung up before its turn to block came never blocks.
    @Test(arguments: [["BLPOP", "q", "0"], ["SUBSCRIBE", "a"], ["MONITOR"]])
    func hungUpBeforeBlocking(_ words: [String]) {
        let proxy = ProxyUnderTest()
        let client = proxy.driver.connect()
        proxy.driver.send(Wire.pipeline([["GET", "k"], words]), to: client)
        proxy.driver.end(client)
        proxy.says("$-1\r\n", on: .masterReads)
        #expect(proxy.driver.output(of: client) == "$-1\r\n")
        #expect(proxy.driver.closed.contains(client))
        #expect(proxy.wishedLinks.isEmpty)
        proxy.core.checkInvariants()
    }

    /// A client that asked for more behind a blocking command is not read from; that it has hung up is noticed all the
    /// same, whether it waits by then or is still to do so.
    @Test(arguments: [true, false]) func hangsUpUnread(isBlocked: Bool) {
        let proxy = ProxyUnderTest()
        let client = proxy.driver.connect()
        proxy.driver.send(
            Wire.pipeline([["GET", "k"], ["BLPOP", "q", "0"], ["SELECT", "1"]]), to: client)
        if isBlocked {
            proxy.says("$-1\r\n", on: .masterReads)
            proxy.connectAll()
            #expect(proxy.sent(to: link) == Wire.text("BLPOP", "q", "0"))
        }
        proxy.driver.command(["PING"], to: client)
        #expect(proxy.driver.paused.contains(client))
        proxy.driver.hangUp(client)
        if !isBlocked { proxy.says("$-1\r\n", on: .masterReads) }
        #expect(proxy.driver.output(of: client) == "$-1\r\n")
        #expect(proxy.driver.closed.contains(client))
        if isBlocked { #expect(proxy.isClosed(link)) }
        #expect(proxy.wishedLinks.isEmpty)
        proxy.core.checkInvariants()
    }

    /// What a client has sent before it hung up is carried out and answered, read or not.
    @Test func hangsUpForItsReplies() {
        let proxy = ProxyUnderTest()
        let client = proxy.driver.connect()
        proxy.driver.send(Wire.pipeline([["GET", "k"], ["SET", "k", "v"]]), to: client)
        proxy.driver.command(["GET", "k"], to: client)
        proxy.driver.hangUp(client)
        proxy.says("$-1\r\n", on: .masterReads)
        #expect(!proxy.driver.paused.contains(client))
        proxy.driver.command(["CLIENT", "ID"], to: client)
        proxy.driver.end(client)
        proxy.says("+OK\r\n$1\r\nv\r\n", on: .masterWrites)
        #expect(
            proxy.driver.output(of: client) == "$-1\r\n+OK\r\n$1\r\nv\r\n:1\r\n")
        #expect(proxy.driver.closed.contains(client))
        proxy.core.checkInvariants()
    }

    /// Whoever hangs up while its connection is being made leaves an attempt behind, which has its number until it has
    /// ended: the driver may have news of it already.
    @Test(arguments: [true, false]) func hungUpWhileConnecting(isConnected: Bool) {
        let proxy = ProxyUnderTest()
        let client = proxy.driver.connect()
        proxy.driver.command(["BLPOP", "q", "0"], to: client)
        proxy.driver.cut(client)
        let other = proxy.driver.connect()
        proxy.driver.command(["BLPOP", "q", "0"], to: other)
        #expect(Set(proxy.wishedLinks).count == 2)
        if isConnected {
            proxy.connect(link)
            #expect(proxy.isClosed(link))
        } else {
            proxy.refuse(link)
        }
        let next = proxy.driver.connect()
        proxy.driver.command(["BLPOP", "q", "0"], to: next)
        #expect(proxy.wishedLinks.contains(link), "the number is free again")
        proxy.core.checkInvariants()
    }

    /// The server dies while a client is blocked: nobody knows whether it popped, so the client is closed.
    @Test func lostWhileBlocked() {
        let proxy = ProxyUnderTest()
        let client = proxy.driver.connect()
        proxy.driver.command(["BLPOP", "q", "0"], to: client)
        proxy.connectAll()
        proxy.cut(link)
        #expect(proxy.driver.closed.contains(client))
        proxy.core.checkInvariants()
    }

    /// Inside MULTI nothing blocks, and nothing needs a connection of its own.
    @Test func blockingInsideMulti() {
        let proxy = ProxyUnderTest()
        let client = proxy.driver.connect()
        proxy.driver.send(Wire.pipeline([["MULTI"], ["BLPOP", "q", "0"], ["EXEC"]]), to: client)
        #expect(
            proxy.sent(to: .masterWrites)
                == Wire.text("MULTI") + Wire.text("BLPOP", "q", "0") + Wire.text("EXEC"))
        #expect(proxy.wishedLinks.isEmpty)
    }

    /// WAIT comes behind another command (traps C1, C2), whose answer the client does not see.
    @Test func trapC1_waitBehindACommand() {
        let proxy = ProxyUnderTest()
        let client = proxy.driver.connect()
        proxy.driver.send(Wire.pipeline([["SET", "a", "b"], ["WAIT", "1", "100"]]), to: client)
        #expect(proxy.sent(to: .masterWrites) == Wire.text("SET", "a", "b"))
        proxy.says("+OK\r\n", on: .masterWrites)
        proxy.connectAll()
        #expect(proxy.sent(to: link) == Wire.text("PING") + Wire.text("WAIT", "1", "100"))
        proxy.says("+PONG\r\n:1\r\n", on: link)
        #expect(proxy.driver.output(of: client) == "+OK\r\n:1\r\n")
        proxy.core.checkInvariants()
    }

    /// When that command is refused WAIT counts from an earlier one: what it says is not passed on, and its connection
    /// serves nobody else.
    @Test(arguments: [true, false]) func trapC1_refusedCommandBeforeWait(isFollowed: Bool) {
        let proxy = ProxyUnderTest()
        let client = proxy.driver.connect()
        let requests = [["SET", "a", "b"], ["WAIT", "1", "0"], ["GET", "a"]]
        proxy.driver.send(Wire.pipeline(isFollowed ? requests : requests.dropLast()), to: client)
        proxy.says("+OK\r\n", on: .masterWrites)
        proxy.connectAll()
        for piece in ["-NOPE", "RM no PING\r\n"] { proxy.says(piece, on: link) }
        #expect(
            proxy.driver.output(of: client)
                == "+OK\r\n-ERR WAIT is not answered: the master said 'NOPERM no PING' to the PING before it\r\n"
        )
        #expect(proxy.isClosed(link) == !isFollowed)
        if isFollowed { proxy.says(":1\r\n$1\r\nb\r\n", on: link) }
        #expect(proxy.driver.output(of: client) == (isFollowed ? "$1\r\nb\r\n" : ""))
        #expect(proxy.isClosed(link))
        proxy.core.checkInvariants()
    }

    /// What was written before the master was lost, or before another one took over, nobody can confirm: WAIT says so
    /// once, and counts again what is written later.
    @Test func waitBehindALoss() {
        let proxy = ProxyUnderTest()
        let client = proxy.driver.connect()
        let write = { (value: String) in
            proxy.driver.command(["SET", "a", value], to: client)
            proxy.says("+OK\r\n", on: .masterWrites)
            #expect(proxy.driver.output(of: client) == "+OK\r\n")
        }
        write("1")
        proxy.driver.pass(.seconds(2))
        proxy.cut(.masterWrites)
        proxy.connectAll()
        #expect(proxy.driver.ask("WAIT", "1", "100", on: client).hasPrefix("-NOTREPLICATED "))
        write("2")
        proxy.driver.command(["WAIT", "1", "100"], to: client)
        proxy.connectAll()
        proxy.says("+PONG\r\n:1\r\n", on: link)
        #expect(proxy.driver.output(of: client) == ":1\r\n")
        proxy.core.checkInvariants()
    }

    /// WAIT and large requests of a client that has a connection for good go out on that one.
    @Test func nothingTakesThePlaceOfAPin() {
        let proxy = ProxyUnderTest { $0.limits.privateAbove = 100 }
        let client = tracked(proxy)
        proxy.driver.command(["WAIT", "1", "0"], to: client)
        #expect(proxy.sent(to: link) == Wire.text("PING") + Wire.text("WAIT", "1", "0"))
        proxy.says("+PONG\r\n:0\r\n", on: link)
        let large = Wire.text("SET", "k", String(repeating: "v", count: 1_000))
        proxy.driver.send(large, to: client)
        #expect(proxy.sent(to: link) == large)
        proxy.says("+OK\r\n", on: link)
        #expect(proxy.driver.output(of: client) == ":0\r\n+OK\r\n")
        #expect(proxy.core.clients[client]?.extras?.pin?.purpose == .tracking)
        #expect(proxy.core.master.privateCount == 1)
        proxy.core.checkInvariants()
    }

    /// A large request between MULTI and EXEC is queued, and one of a stranger is refused.
    @Test func largeRequestsInUnusualStates() {
        let proxy = ProxyUnderTest { $0.limits.privateAbove = 100 }
        let client = proxy.driver.connect()
        let large = Wire.text("SET", "k", String(repeating: "v", count: 1_000))
        proxy.driver.send(Wire.request(["MULTI"]), to: client)
        proxy.driver.send(large, to: client)
        #expect(proxy.driver.output(of: client) == "+OK\r\n+QUEUED\r\n")
        #expect(proxy.wishedLinks.isEmpty)
        proxy.core.clients[client]?.extras = nil
        proxy.core.clients[client]?.isAuthenticated = false
        proxy.driver.send(large, to: client)
        #expect(proxy.driver.output(of: client) == "-NOAUTH Authentication required.\r\n")
        #expect(proxy.wishedLinks.isEmpty)
    }

    /// At the limit a spare connection of another kind makes room.
    @Test func spareMakesRoom() {
        let proxy = ProxyUnderTest { $0.limits.privateConnections = 1 }
        let (first, second) = (proxy.driver.connect(), proxy.driver.connect())
        proxy.driver.command(["BLPOP", "q", "0"], to: first)
        proxy.connectAll()
        proxy.says("*-1\r\n", on: link)
        proxy.driver.send(Wire.pipeline([["SELECT", "1"], ["BLPOP", "q", "0"]]), to: second)
        #expect(proxy.driver.output(of: second) == "+OK\r\n")
        #expect(proxy.isClosed(link))
        #expect(proxy.core.master.privateCount == 1)
        proxy.core.checkInvariants()
    }
}
