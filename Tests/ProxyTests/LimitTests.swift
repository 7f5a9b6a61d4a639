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
        #expect(proxy.driver.paused.contains(client))
        #expect(proxy.sentToMaster().utf8.count == 4 * one.count)
        proxy.masterSays("+1\r\n")
        #expect(proxy.driver.paused.contains(client))
        proxy.masterSays("+2\r\n")
        #expect(proxy.sentToMaster().utf8.count == 2 * one.count)
        for number in 3...10 { proxy.masterSays("+\(number)\r\n") }
        #expect(!proxy.driver.paused.contains(client))
        #expect(
            proxy.driver.output(of: client) == (1...10).map { "+\($0)\r\n" }.joined())
    }

    /// A client that does not read its replies is not read from.
    @Test func unreadReplies() throws {
        let proxy = ProxyUnderTest { $0.limits.clientOutput = 100 }
        let client = proxy.driver.connect()
        proxy.driver.room[client] = 0
        proxy.driver.command(["GET", "a"], to: client)
        proxy.masterSays("$100\r\n" + String(repeating: "x", count: 100) + "\r\n")
        proxy.driver.command(["GET", "b"], to: client)
        #expect(proxy.driver.paused.contains(client))
        proxy.masterSays("$1\r\nb\r\n")
        proxy.driver.room[client] = nil
        proxy.driver.drain(client)
        #expect(!proxy.driver.paused.contains(client))
        #expect(proxy.driver.output(of: client).hasSuffix("$1\r\nb\r\n"))
    }

    /// While a backend takes too slowly, its clients are not read from; nobody is forgotten.
    @Test func slowBackend() throws {
        let proxy = ProxyUnderTest { $0.limits.backendOutput = 100 }
        proxy.driver.room[proxy.master] = 0
        let clients = (0..<5).map { _ in proxy.driver.connect() }
        for client in clients {
            proxy.driver.command(["SET", "key", String(repeating: "v", count: 100)], to: client)
        }
        #expect(Set(clients) == proxy.driver.paused)
        proxy.driver.room[proxy.master] = nil
        proxy.driver.drain(proxy.master)
        #expect(proxy.driver.paused.isEmpty)
    }

    /// Whoever waits for a backend goes on when that begins anew with nothing queued.
    @Test func slowBackendThatDies() throws {
        let proxy = ProxyUnderTest { $0.limits.backendOutput = 100 }
        proxy.driver.room[proxy.master] = 0
        let (filling, waiting) = (proxy.driver.connect(), proxy.driver.connect())
        proxy.driver.command(["SET", "key", String(repeating: "v", count: 200)], to: filling)
        proxy.driver.send(
            Wire.request(["CLIENT", "SETNAME", "x"]) + Wire.request(["GET", "y"]), to: waiting)
        #expect(proxy.driver.paused.contains(waiting))
        proxy.driver.pass(.seconds(2))
        proxy.driver.cut(proxy.master)
        #expect(!proxy.driver.paused.contains(waiting))
        proxy.connectMaster()
        #expect(proxy.sentToMaster() == "*2\r\n$3\r\nGET\r\n$1\r\ny\r\n")
    }

    /// A reply that nobody reads stops the backend's reading; after `stall` its client is closed for the others.
    @Test func stall() throws {
        let proxy = ProxyUnderTest { $0.limits.clientOutput = 100 }
        let (slow, other) = (proxy.driver.connect(), proxy.driver.connect())
        proxy.driver.room[slow] = 0
        proxy.driver.command(["GET", "big"], to: slow)
        proxy.driver.command(["GET", "small"], to: other)
        proxy.masterSays("$1000\r\n" + String(repeating: "x", count: 500))
        #expect(proxy.driver.paused.contains(proxy.master))
        proxy.driver.pass(.milliseconds(999))
        #expect(!proxy.driver.closed.contains(slow))
        proxy.driver.pass(.milliseconds(1))
        #expect(proxy.driver.closed.contains(slow))
        #expect(!proxy.driver.paused.contains(proxy.master))
        proxy.masterSays(String(repeating: "x", count: 500) + "\r\n$1\r\n1\r\n")
        #expect(proxy.driver.output(of: other) == "$1\r\n1\r\n")
    }

    /// Alone, a slow reader may take its time: the reply passes in pieces.
    @Test func slowReaderAlone() throws {
        let proxy = ProxyUnderTest { $0.limits.clientOutput = 100 }
        let slow = proxy.driver.connect()
        proxy.driver.room[slow] = 0
        proxy.driver.command(["GET", "big"], to: slow)
        proxy.masterSays("$1000\r\n" + String(repeating: "x", count: 500))
        proxy.driver.pass(.seconds(10))
        #expect(!proxy.driver.closed.contains(slow))
        proxy.driver.room[slow] = nil
        proxy.driver.drain(slow)
        #expect(!proxy.driver.paused.contains(proxy.master))
        proxy.masterSays(String(repeating: "x", count: 500) + "\r\n")
        #expect(proxy.driver.output(of: slow).utf8.count == 7 + 1000 + 2)
    }

    /// Clients that wait because the master moves are others too: they have no tickets, and wait all the same.
    @Test func stallOfAMasterThatMoves() throws {
        let proxy = ProxyUnderTest { $0.limits.clientOutput = 100 }
        let (slow, waiting) = (proxy.driver.connect(), proxy.driver.connect())
        proxy.driver.room[slow] = 0
        proxy.driver.command(["GET", "big"], to: slow)
        proxy.masterSays("$1000\r\n" + String(repeating: "x", count: 500))
        proxy.driver.tell(.moved(LinkID(number: 0)))
        proxy.driver.command(["GET", "small"], to: waiting)
        proxy.driver.pass(.seconds(1))
        #expect(proxy.driver.closed.contains(slow))
        proxy.masterSays(String(repeating: "x", count: 500) + "\r\n")
        proxy.connectMaster()
        #expect(proxy.sentToMaster() == "*2\r\n$3\r\nGET\r\n$5\r\nsmall\r\n")
    }

    /// A full backend takes nothing from clients that come and go, and remembers none of them.
    @Test func clientsThatGiveUp() throws {
        let proxy = ProxyUnderTest { $0.limits.backendOutput = 100 }
        proxy.driver.room[proxy.master] = 0
        let first = proxy.driver.connect()
        proxy.driver.command(["SET", "key", String(repeating: "v", count: 200)], to: first)
        for _ in 0..<10 {
            let client = proxy.driver.connect()
            proxy.driver.command(["SET", "other", "value"], to: client)
            #expect(proxy.driver.paused.contains(client))
            proxy.driver.cut(client)
        }
        #expect(proxy.core.backends[0].waiting.count <= 1)
        proxy.driver.room[proxy.master] = nil
        proxy.driver.drain(proxy.master)
        #expect(!proxy.sentToMaster().contains("other"))
    }

    /// With a backend that has room for one at a time, everybody has a turn.
    @Test func everybodyHasATurn() throws {
        let proxy = ProxyUnderTest { $0.limits.backendOutput = 100 }
        proxy.driver.room[proxy.master] = 0
        let clients = (0..<4).map { _ in proxy.driver.connect() }
        let value = String(repeating: "v", count: 200)
        for (number, client) in clients.enumerated() {
            let request = Wire.request(["SET", "client\(number)", value])
            proxy.driver.send(Array(repeatElement(request, count: 6).joined()), to: client)
        }
        var seen: [Int] = []
        for _ in 0..<8 {
            proxy.driver.room[proxy.master] = 260
            proxy.driver.drain(proxy.master)
            let sent = proxy.sentToMaster()
            seen += clients.indices.filter { sent.contains("client\($0)") }
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
        proxy.masterSays("$1000\r\n" + String(repeating: "x", count: 500))
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
                    configuration: configuration, worker: worker, workers: 2, clientCount: count))
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
        #expect(proxy.driver.paused.contains(client))
        proxy.masterSays("$-1\r\n")
        #expect(!proxy.driver.paused.contains(client))
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
}
