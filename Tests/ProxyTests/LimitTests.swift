// Every limit of the proxy, reached.

import RESP
import TestSupport
import Testing

@testable import Proxy

@Suite struct LimitTests {
    /// At the limit of unanswered requests a client is not read from, until half of them are answered.
    @Test func requestsInFlight() throws {
        let proxy = ProxyUnderTest { $0.limits.clientRequests = 4 }
        let client = proxy.driver.connect()
        let one = Wire.request(["GET", "a"])
        proxy.driver.send(Array(repeatElement(one, count: 10).joined()), to: client)
        #expect(proxy.isHeldBack(client))
        #expect(proxy.sent(to: .masterReads).utf8.count == 4 * one.count)
        proxy.says("+1\r\n", on: .masterReads)
        #expect(proxy.isHeldBack(client))
        proxy.says("+2\r\n", on: .masterReads)
        #expect(proxy.sent(to: .masterReads).utf8.count == 2 * one.count)
        for number in 3...10 { proxy.says("+\(number)\r\n", on: .masterReads) }
        #expect(!proxy.isHeldBack(client))
        #expect(
            proxy.driver.output(of: client) == (1...10).map { "+\($0)\r\n" }.joined())
    }

    /// A client that does not read its replies is not read from.
    @Test func unreadReplies() throws {
        let proxy = ProxyUnderTest { $0.limits.clientOutput = 100 }
        let client = proxy.driver.connect()
        proxy.driver.room[client] = 0
        proxy.driver.command(["GET", "a"], to: client)
        proxy.says("$100\r\n" + String(repeating: "x", count: 100) + "\r\n", on: .masterReads)
        proxy.driver.command(["GET", "b"], to: client)
        #expect(proxy.isHeldBack(client))
        proxy.says("$1\r\nb\r\n", on: .masterReads)
        proxy.driver.room[client] = nil
        proxy.driver.drain(client)
        #expect(!proxy.isHeldBack(client))
        #expect(proxy.driver.output(of: client).hasSuffix("$1\r\nb\r\n"))
    }

    /// While a server takes too slowly, or has much to answer, its clients are held back; nobody is forgotten.
    @Test func slowBackend() throws {
        let proxy = ProxyUnderTest { $0.limits.backendOutput = 100 }
        proxy.setRoom(0, of: .masterWrites)
        let clients = (0..<5).map { _ in proxy.driver.connect() }
        for client in clients {
            proxy.driver.command(["SET", "key", String(repeating: "v", count: 250)], to: client)
        }
        #expect(clients.dropFirst().allSatisfy { proxy.isHeldBack($0) })
        // What has left is kept until it is answered: a read behind a write may have to be sent again.
        proxy.setRoom(nil, of: .masterWrites)
        #expect(clients.dropFirst().allSatisfy { proxy.isHeldBack($0) })
        for _ in clients { proxy.says("+OK\r\n", on: .masterWrites) }
        for client in clients {
            #expect(!proxy.isHeldBack(client))
            #expect(proxy.driver.output(of: client) == "+OK\r\n")
        }
    }

    /// At the limit of unanswered requests on one connection its clients are held back, until half are answered.
    @Test func unansweredOnOneConnection() throws {
        let proxy = ProxyUnderTest { $0.limits.backendRequests = 4 }
        let clients = (0..<6).map { _ in proxy.driver.connect() }
        for client in clients { proxy.driver.command(["GET", "a"], to: client) }
        #expect(clients.map { proxy.isHeldBack($0) } == [false, false, false, false, true, true])
        proxy.says("+1\r\n", on: .masterReads)
        #expect(proxy.isHeldBack(clients[4]))
        proxy.says("+2\r\n", on: .masterReads)
        #expect(!proxy.isHeldBack(clients[4]))
        #expect(proxy.isHeldBack(clients[5]))
        proxy.says("+3\r\n", on: .masterReads)
        #expect(!proxy.isHeldBack(clients[5]))
        for number in 4...6 { proxy.says("+\(number)\r\n", on: .masterReads) }
        #expect(clients.map { proxy.driver.output(of: $0) } == (1...6).map { "+\($0)\r\n" })
    }

    /// The driver stops reading from a client that is held back only when more arrives, and goes on afterwards.
    @Test func heldBackClientIsStopped() throws {
        let proxy = ProxyUnderTest { $0.limits.clientRequests = 1 }
        let client = proxy.driver.connect()
        proxy.driver.command(["GET", "a"], to: client)
        #expect(proxy.isHeldBack(client))
        #expect(!proxy.driver.paused.contains(client))
        proxy.driver.command(["GET", "b"], to: client)
        #expect(proxy.driver.paused.contains(client))
        proxy.says("+1\r\n", on: .masterReads)
        // What it had sent meanwhile is in flight now, and is all that may be.
        #expect(proxy.driver.paused.contains(client))
        proxy.says("+2\r\n", on: .masterReads)
        #expect(!proxy.driver.paused.contains(client))
        #expect(proxy.driver.output(of: client) == "+1\r\n+2\r\n")
    }

    /// Whoever waits for a backend goes on when that begins anew with nothing queued.
    @Test func slowBackendThatDies() throws {
        let proxy = ProxyUnderTest { $0.limits.backendOutput = 100 }
        proxy.setRoom(0, of: .masterWrites)
        let (filling, waiting) = (proxy.driver.connect(), proxy.driver.connect())
        proxy.driver.command(["SET", "key", String(repeating: "v", count: 200)], to: filling)
        proxy.driver.send(
            Wire.request(["CLIENT", "SETNAME", "x"]) + Wire.request(["DEL", "y"]), to: waiting)
        #expect(proxy.isHeldBack(waiting))
        proxy.driver.pass(.seconds(2))
        proxy.cut(.masterWrites)
        #expect(!proxy.isHeldBack(waiting))
        proxy.connect(.masterWrites)
        #expect(proxy.sent(to: .masterWrites) == "*2\r\n$3\r\nDEL\r\n$1\r\ny\r\n")
    }

    /// A reply that nobody reads stops the backend's reading; after `stall` its client is closed for the others.
    @Test func stall() throws {
        let proxy = ProxyUnderTest { $0.limits.clientOutput = 100 }
        let (slow, other) = (proxy.driver.connect(), proxy.driver.connect())
        proxy.driver.room[slow] = 0
        proxy.driver.command(["GET", "big"], to: slow)
        proxy.driver.command(["GET", "small"], to: other)
        proxy.says("$1000\r\n" + String(repeating: "x", count: 500), on: .masterReads)
        #expect(proxy.isPaused(.masterReads))
        proxy.driver.pass(.milliseconds(999))
        #expect(!proxy.driver.closed.contains(slow))
        proxy.driver.pass(.milliseconds(1))
        #expect(proxy.driver.closed.contains(slow))
        #expect(!proxy.isPaused(.masterReads))
        proxy.says(String(repeating: "x", count: 500) + "\r\n$1\r\n1\r\n", on: .masterReads)
        #expect(proxy.driver.output(of: other) == "$1\r\n1\r\n")
    }

    /// Alone, a slow reader may take its time: the reply passes in pieces.
    @Test func slowReaderAlone() throws {
        let proxy = ProxyUnderTest { $0.limits.clientOutput = 100 }
        let slow = proxy.driver.connect()
        proxy.driver.room[slow] = 0
        proxy.driver.command(["GET", "big"], to: slow)
        proxy.says("$1000\r\n" + String(repeating: "x", count: 500), on: .masterReads)
        proxy.driver.pass(.seconds(10))
        #expect(!proxy.driver.closed.contains(slow))
        proxy.driver.room[slow] = nil
        proxy.driver.drain(slow)
        #expect(!proxy.isPaused(.masterReads))
        proxy.says(String(repeating: "x", count: 500) + "\r\n", on: .masterReads)
        #expect(proxy.driver.output(of: slow).utf8.count == 7 + 1000 + 2)
    }

    /// Who has gone does not wait any more: a slow reader is not closed for the reply that nobody will read.
    @Test func stallBeforeOneThatIsGone() throws {
        let proxy = ProxyUnderTest { $0.limits.clientOutput = 100 }
        let (slow, other) = (proxy.driver.connect(), proxy.driver.connect())
        proxy.driver.room[slow] = 0
        proxy.driver.command(["GET", "big"], to: slow)
        proxy.driver.command(["GET", "small"], to: other)
        proxy.says("$1000\r\n" + String(repeating: "x", count: 500), on: .masterReads)
        proxy.driver.cut(other)
        proxy.driver.pass(.seconds(10))
        #expect(!proxy.driver.closed.contains(slow))
        proxy.driver.room[slow] = nil
        proxy.driver.drain(slow)
        proxy.says(String(repeating: "x", count: 500) + "\r\n$1\r\n1\r\n", on: .masterReads)
        #expect(proxy.driver.output(of: slow).utf8.count == 7 + 1000 + 2)
    }

    /// Clients that wait because the master moves are others too: they have no tickets, and wait all the same.
    @Test func stallOfAMasterThatMoves() throws {
        let proxy = ProxyUnderTest { $0.limits.clientOutput = 100 }
        let (slow, waiting) = (proxy.driver.connect(), proxy.driver.connect())
        proxy.driver.room[slow] = 0
        proxy.driver.command(["GET", "big"], to: slow)
        proxy.says("$1000\r\n" + String(repeating: "x", count: 500), on: .masterReads)
        proxy.driver.tell(.moved(.masterReads))
        proxy.driver.command(["GET", "small"], to: waiting)
        proxy.driver.pass(.seconds(1))
        #expect(proxy.driver.closed.contains(slow))
        proxy.says(String(repeating: "x", count: 500) + "\r\n", on: .masterReads)
        proxy.connect(.masterReads)
        #expect(proxy.sent(to: .masterReads) == "*2\r\n$3\r\nGET\r\n$5\r\nsmall\r\n")
    }

    /// A full backend takes nothing from clients that come and go, and remembers none of them.
    @Test func clientsThatGiveUp() throws {
        let proxy = ProxyUnderTest { $0.limits.backendOutput = 100 }
        proxy.setRoom(0, of: .masterWrites)
        let first = proxy.driver.connect()
        proxy.driver.command(["SET", "key", String(repeating: "v", count: 200)], to: first)
        for _ in 0..<10 {
            let client = proxy.driver.connect()
            proxy.driver.command(["SET", "other", "value"], to: client)
            #expect(proxy.isHeldBack(client))
            proxy.driver.cut(client)
        }
        #expect(proxy.core.links[1]!.waiting.count <= 1)
        proxy.setRoom(nil, of: .masterWrites)
        #expect(!proxy.sent(to: .masterWrites).contains("other"))
    }

    /// With a server that takes and answers one request at a time, everybody has a turn.
    @Test func everybodyHasATurn() throws {
        let proxy = ProxyUnderTest { $0.limits.backendOutput = 100 }
        proxy.setRoom(0, of: .masterWrites)
        let clients = (0..<4).map { _ in proxy.driver.connect() }
        let value = String(repeating: "v", count: 200)
        for (number, client) in clients.enumerated() {
            let request = Wire.request(["SET", "client\(number)", value])
            proxy.driver.send(Array(repeatElement(request, count: 6).joined()), to: client)
        }
        var seen: [Int] = []
        for _ in 0..<8 {
            proxy.setRoom(260, of: .masterWrites)
            let sent = proxy.sent(to: .masterWrites)
            seen += clients.indices.filter { sent.contains("client\($0)") }
            proxy.says("+OK\r\n", on: .masterWrites)
        }
        #expect(Set(seen) == Set(clients.indices))
    }

    /// A slow reader's own further requests are nobody else's.
    @Test func slowReaderWithMoreToCome() throws {
        let proxy = ProxyUnderTest { $0.limits.clientOutput = 100 }
        let slow = proxy.driver.connect()
        proxy.driver.room[slow] = 0
        for words in [["GET", "big"], ["SELECT", "0"], ["GET", "small"]] {
            proxy.driver.command(words, to: slow)
        }
        proxy.says("$1000\r\n" + String(repeating: "x", count: 500), on: .masterReads)
        proxy.driver.pass(.seconds(10))
        #expect(!proxy.driver.closed.contains(slow))
    }

    @Test func clientsInAll() throws {
        let proxy = ProxyUnderTest { $0.maximumClients = 2 }
        let clients = (0..<3).map { _ in proxy.driver.connect() }
        #expect(proxy.driver.output(of: clients[2]) == "-ERR max number of clients reached\r\n")
        #expect(proxy.driver.closed == [clients[2]])
    }

    /// The limit holds over all workers together, however the clients fall to them.
    @Test func clientsOfAllWorkers() throws {
        var configuration = ProxyConfiguration()
        configuration.maximumClients = 3
        let count = ClientCount()
        let workers = (0..<2).map { worker in
            HandDriver(
                ProxyCore(
                    configuration: configuration, worker: worker, workers: 2, clientCount: count,
                    at: HandDriver.start))
        }
        let first = (0..<2).map { _ in workers[0].connect() }
        let second = (0..<2).map { _ in workers[1].connect() }
        #expect(workers[0].closed.isEmpty)
        #expect(workers[1].closed == [second[1]])
        #expect(workers[1].ask("CLIENT", "ID", on: second[0]) == ":2\r\n")
        workers[0].cut(first[0])
        let third = workers[1].connect()
        #expect(!workers[1].closed.contains(third))
    }

    /// Replies that wait for their turn count as unread ones do.
    @Test func heldReplies() throws {
        let proxy = ProxyUnderTest { $0.limits.clientOutput = 1000 }
        let client = proxy.driver.connect()
        let name = String(repeating: "n", count: 400)
        proxy.driver.command(["CLIENT", "SETNAME", name], to: client)
        #expect(proxy.driver.output(of: client) == "+OK\r\n")
        proxy.driver.command(["GET", "slow"], to: client)
        for _ in 0..<10 { proxy.driver.command(["CLIENT", "GETNAME"], to: client) }
        #expect(proxy.isHeldBack(client))
        proxy.says("$-1\r\n", on: .masterReads)
        #expect(!proxy.isHeldBack(client))
        let held = "$400\r\n\(name)\r\n"
        #expect(
            proxy.driver.output(of: client)
                == "$-1\r\n" + String(repeating: held, count: 10))
    }

    @Test func longNames() throws {
        let proxy = ProxyUnderTest()
        let client = proxy.driver.connect()
        let name = String(repeating: "n", count: ClientSession.longestName + 1)
        #expect(
            proxy.driver.ask("CLIENT", "SETNAME", name, on: client)
                == "-ERR Client names cannot be longer than 4096 bytes here\r\n")
    }

    /// A request above `request_bytes` is refused when it is announced, and ends its client.
    @Test func requestBytes() throws {
        let proxy = ProxyUnderTest { $0.limits.requestBytes = 1000 }
        let error = "-ERR Protocol error: too big request\r\n"
        let one = proxy.driver.connect()
        proxy.driver.send("*2\r\n$3\r\nGET\r\n$1001\r\n", to: one)
        #expect(proxy.driver.output(of: one) == error)
        let two = proxy.driver.connect()
        let value = String(repeating: "x", count: 900)
        proxy.driver.send("*3\r\n$3\r\nSET\r\n$900\r\n\(value)", to: two)
        #expect(!proxy.driver.closed.contains(two))
        proxy.driver.send("\r\n$900\r\n", to: two)
        #expect(proxy.driver.output(of: two) == error)
        #expect(proxy.driver.closed == [one, two])
    }

    /// A client that has all that it asked for on a connection holds up nobody there, however slowly it reads.
    @Test func noStallBehindAWholeReply() throws {
        let proxy = ProxyUnderTest { $0.limits.clientOutput = 100 }
        let (slow, other) = (proxy.driver.connect(), proxy.driver.connect())
        proxy.driver.room[slow] = 0
        proxy.driver.command(["GET", "big"], to: slow)
        proxy.driver.command(["GET", "small"], to: other)
        proxy.says("$500\r\n" + String(repeating: "x", count: 500) + "\r\n", on: .masterReads)
        #expect(!proxy.isPaused(.masterReads))
        proxy.says("$1\r\n1\r\n", on: .masterReads)
        #expect(proxy.driver.output(of: other) == "$1\r\n1\r\n")
        proxy.driver.pass(.seconds(2))
        #expect(!proxy.driver.closed.contains(slow))
    }

    /// The same on a connection of its own, which goes to the next client at once.
    @Test func noStallOfASpare() throws {
        let proxy = ProxyUnderTest { $0.limits.clientOutput = 100 }
        let (slow, other) = (proxy.driver.connect(), proxy.driver.connect())
        let own = LinkID.next(after: 0)
        proxy.driver.room[slow] = 0
        proxy.driver.command(["BLPOP", "q", "0"], to: slow)
        proxy.connect(own)
        proxy.says("*2\r\n$1\r\nq\r\n$500\r\n", on: own)
        proxy.says(String(repeating: "x", count: 500) + "\r\n", on: own)
        proxy.driver.command(["BLPOP", "q", "0"], to: other)
        #expect(!proxy.isPaused(own))
        proxy.says("*-1\r\n", on: own)
        #expect(proxy.driver.output(of: other) == "*-1\r\n")
        proxy.driver.pass(.seconds(2))
        #expect(!proxy.driver.closed.contains(slow))
    }

    /// Who waits for room on a connection to a server that has stopped answering goes elsewhere.
    @Test func noWaitingForAServerThatIsLeft() throws {
        let proxy = ProxyUnderTest(replicas: 2) { $0.limits.backendRequests = 1 }
        let clients = (0..<6).map { _ in proxy.driver.connect() }
        for client in clients { proxy.ask("GET", "a", by: client) }
        let waiting = clients.filter { proxy.isHeldBack($0) }
        #expect(waiting.count == 4)
        let silent = proxy.core.servers[1]
        silent.health.isSilent = true
        proxy.core.changed(silent)
        proxy.driver.pass(.zero)
        _ = (proxy.sent(to: .replica(0)), proxy.sent(to: .replica(1)))
        for _ in 0..<6 { proxy.says("+a\r\n", on: .replica(1)) }
        #expect(clients.allSatisfy { proxy.driver.output(of: $0) == "+a\r\n" })
        proxy.core.checkInvariants()
    }

    /// A request that grew on its way, since replicas have another name for it, is read again whatever its client's
    /// limit was.
    @Test func grownRequestIsReadAgain() throws {
        let words = ["SORT", String(repeating: "k", count: 40)]
        let proxy = ProxyUnderTest(replicas: 2) {
            $0.limits.requestBytes = Wire.request(words).count
        }
        let client = proxy.driver.connect()
        proxy.driver.command(words, to: client)
        let first = proxy.sent(to: .replica(0)).isEmpty ? 1 : 0
        proxy.says("-LOADING Redis is loading\r\n", on: .replica(first))
        #expect(proxy.sent(to: .replica(1 - first)).contains("SORT_RO"))
    }

    /// A client that goes on by itself is on the list of the connection that it waits for now, and on no other.
    @Test func waitsOnOneList() throws {
        let proxy = ProxyUnderTest(replicas: 2) {
            $0.limits.backendRequests = 4
            $0.reads.includeMaster = .never
        }
        let clients = (0..<4).map { _ in proxy.driver.connect() }
        let waiting = proxy.driver.connect()
        let silence = { (number: Int, isSilent: Bool) in
            let server = proxy.core.servers[1 + number]
            server.health.isSilent = isSilent
            proxy.core.changed(server)
            proxy.driver.pass(.zero)
        }
        silence(1, true)
        proxy.ask("KEYS", "*", by: waiting)
        for client in clients.prefix(3) { proxy.ask("KEYS", "*", by: client) }
        proxy.ask("GET", "x", by: waiting)
        silence(0, true)
        silence(1, false)
        for client in clients.suffix(1) {
            for _ in 0..<4 { proxy.ask("GET", "y", by: client) }
        }
        proxy.says("*0\r\n", on: .replica(0))
        proxy.core.checkInvariants()
        let before = proxy.sent(to: .replica(1))
        #expect(before.split(separator: Wire.text("GET", "y")).isEmpty, "\(before)")
        #expect(proxy.isHeldBack(waiting), "\(proxy.driver.output(of: waiting))")
        for _ in 0..<4 { proxy.says("+y\r\n", on: .replica(1)) }
        #expect(proxy.sent(to: .replica(1)) == Wire.text("GET", "x"))
    }
}
