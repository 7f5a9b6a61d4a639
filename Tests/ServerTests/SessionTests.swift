// The life of a client's connection to the server: how it begins, what bounds it, how it ends.

import RESP
import TestSupport
import Testing

@testable import Server

@Suite struct SessionTests {
    /// A pipeline gives the same replies however its bytes are cut.
    @Test func anySplitOfRequests() {
        let requests = [UInt8](
            "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$5\r\na\r\nb\0\r\nget k\r\n*2\r\n$4\r\nECHO\r\n$2\r\nhi\r\n"
                .utf8)
        let replies = "+OK\r\n$5\r\na\r\nb\0\r\n$2\r\nhi\r\n"
        for cut in 0...requests.count {
            let server = ServerUnderTest()
            let client = server.driver.connect()
            server.driver.send(Array(requests[..<cut]), to: client)
            server.driver.send(Array(requests[cut...]), to: client)
            #expect(server.driver.output(of: client) == replies, "cut at \(cut)")
        }
        let server = ServerUnderTest()
        let client = server.driver.connect()
        for byte in requests { server.driver.send([byte], to: client) }
        #expect(server.driver.output(of: client) == replies)
    }

    @Test func clientsInAll() {
        var configuration = ServerConfiguration()
        configuration.maximumClients = 2
        let server = ServerUnderTest(configuration)
        let clients = (0..<3).map { _ in server.driver.connect() }
        #expect(server.driver.output(of: clients[2]) == "-ERR max number of clients reached\r\n")
        #expect(server.driver.closed == [clients[2]])
        server.driver.cut(clients[0])
        #expect(server.driver.ask("PING", on: server.driver.connect()) == "+PONG\r\n")
    }

    /// Without a password only this machine is served.
    @Test(
        arguments: [
            (PeerAddress.ipv4(10, 0, 0, 1, port: 1), nil, true),
            (.ipv4(127, 0, 0, 1, port: 1), nil, false),
            (.unix, nil, false),
            (.ipv4(10, 0, 0, 1, port: 1), "password", false),
        ] as [(PeerAddress, String?, Bool)])
    func protectedMode(peer: PeerAddress, password: String?, isRefused: Bool) {
        var configuration = ServerConfiguration()
        configuration.password = password.map { [UInt8]($0.utf8) }
        let server = ServerUnderTest(configuration)
        let client = server.driver.connect(from: peer)
        #expect(server.driver.output(of: client).hasPrefix("-DENIED") == isRefused)
        #expect(server.driver.closed.contains(client) == isRefused)
    }

    @Test func idleClientsAreClosed() {
        var configuration = ServerConfiguration()
        configuration.timeout = .seconds(10)
        let server = ServerUnderTest(configuration)
        let (idle, busy) = (server.driver.connect(), server.driver.connect())
        for _ in 0..<12 {
            server.driver.pass(.seconds(1))
            #expect(server.driver.ask("PING", on: busy) == "+PONG\r\n")
        }
        #expect(server.driver.closed == [idle])
    }

    /// Whoever reads what it asked for is not idle, however long that takes.
    @Test func slowReadersAreNotIdle() {
        var configuration = ServerConfiguration()
        configuration.timeout = .seconds(3)
        let server = ServerUnderTest(configuration)
        let client = server.driver.connect()
        _ = server.driver.ask("SET", "k", String(repeating: "x", count: 1000), on: client)
        server.driver.room[client] = 0
        server.driver.command(["GET", "k"], to: client)
        for _ in 0..<10 {
            server.driver.room[client] = 50
            server.driver.drain(client)
            server.driver.pass(.seconds(1))
        }
        #expect(!server.driver.closed.contains(client))
        server.driver.room[client] = nil
        server.driver.drain(client)
        for _ in 0..<5 { server.driver.pass(.seconds(1)) }
        #expect(server.driver.closed.contains(client))
    }

    /// The small limits of a client that has not authenticated end with AUTH, in the middle of what was read too.
    @Test func limitsEndWithAuthentication() {
        let server = ServerUnderTest(["requirepass": "secret"])
        let client = server.driver.connect()
        let many = ["DEL"] + (0..<20).map { "k\($0)" }
        server.driver.send(
            Wire.request(["AUTH", "secret"]) + Wire.request(many) + Wire.request(["PING"]),
            to: client)
        #expect(server.driver.output(of: client) == "+OK\r\n:0\r\n+PONG\r\n")
        let other = server.driver.connect()
        server.driver.command(many, to: other)
        #expect(
            server.driver.output(of: other)
                == "-ERR Protocol error: unauthenticated multibulk length\r\n")
    }

    /// Above the limit of waiting output requests wait, and go on where they stopped once it is taken.
    @Test func unreadReplies() {
        var limits = ServerLimits()
        limits.clientOutput = 1000
        let server = ServerUnderTest(limits: limits)
        let client = server.driver.connect()
        _ = server.driver.ask("SET", "k", String(repeating: "x", count: 300), on: client)
        server.driver.room[client] = 0
        server.driver.send(
            [UInt8](String(repeating: "GET k\r\n", count: 100).utf8), to: client)
        #expect(server.driver.paused.contains(client))
        server.driver.room[client] = nil
        server.driver.drain(client)
        #expect(!server.driver.paused.contains(client))
        #expect(server.driver.output(of: client).utf8.count == 100 * 308)
    }

    /// What a client asked before it closed its side is answered before the connection ends.
    @Test func halfClose() {
        let server = ServerUnderTest()
        let client = server.driver.connect()
        server.driver.room[client] = 0
        server.driver.send("PING\r\nPIN", to: client)
        server.driver.end(client)
        #expect(!server.driver.closed.contains(client))
        server.driver.room[client] = nil
        server.driver.drain(client)
        #expect(server.driver.output(of: client) == "+PONG\r\n")
        #expect(server.driver.closed.contains(client))
    }

    /// A request above `client-query-buffer-limit` is refused when it is announced; nothing of it is kept.
    @Test func requestsAreBounded() {
        var configuration = ServerConfiguration()
        configuration.clientQueryBufferLimit = 1000
        let server = ServerUnderTest(configuration)
        let client = server.driver.connect()
        server.driver.send("*2\r\n$3\r\nGET\r\n$2000\r\nxxx", to: client)
        #expect(
            server.driver.output(of: client) == "-ERR Protocol error: too big request\r\n")
        #expect(server.driver.closed.contains(client))
    }

    @Test(arguments: ["SHUTDOWN", "SHUTDOWN NOSAVE", "SHUTDOWN NOW FORCE SAVE"])
    func shutdown(request: String) {
        let server = ServerUnderTest()
        server.driver.send(request + "\r\n", to: server.driver.connect())
        #expect(server.driver.exitStatus == 0)
    }

    /// There is nothing yet that could save, so a shutdown that insists on it is refused.
    @Test func shutdownSave() {
        let server = ServerUnderTest()
        let client = server.driver.connect()
        #expect(
            server.driver.ask("SHUTDOWN", "SAVE", on: client)
                == "-ERR Errors trying to SHUTDOWN. Check logs.\r\n")
        #expect(server.driver.exitStatus == nil)
    }

    @Test(arguments: [Signal.terminate, .interrupt])
    func signalsEndTheServer(signal: Signal) {
        let server = ServerUnderTest()
        server.driver.tell(.signal(signal))
        #expect(server.driver.exitStatus == 0)
    }

    @Test func info() {
        let server = ServerUnderTest()
        let client = server.driver.connect()
        let all = server.driver.ask("INFO", on: client)
        #expect(all.contains("# Server\r\nredis_version:7.0.15\r\n"))
        #expect(all.contains("\r\n\r\n# Clients\r\nconnected_clients:1\r\n"))
        #expect(!server.driver.ask("INFO", "clients", on: client).contains("# Server"))
        #expect(server.driver.ask("INFO", "nosuch", on: client) == "$0\r\n\r\n")
        let both = server.driver.ask("INFO", "clients", "SERVER", on: client)
        #expect(both.contains("# Server") && both.contains("# Clients"))
        #expect(server.driver.ask("HELLO", "3", on: client).hasPrefix("%7"))
        #expect(server.driver.ask("INFO", "server", on: client).hasPrefix("="))
    }
}
