// The file in which the proxy writes down its master: what stands in it, what is told of a damaged one, and when it is
// believed.

import RESP
import Testing

@testable import Proxy

@Suite struct MasterMemoryTests {
    private static let first = Endpoint.tcp(host: "10.0.0.1", port: 6379)
    private static let second = Endpoint.tcp(host: "10.0.0.2", port: 6379)
    private static let whole = """
        sluice-proxy state 1
        # A comment.
        origin master 10.0.0.1:6379
        master 10.0.0.2:6379
        run_id 0123
        replication_id abcd
        epoch 7
        end

        """

    @Test(arguments: [
        MasterMemory(origin: .master(first), endpoint: second),
        MasterMemory(
            origin: .master(first), endpoint: second, runID: "0123", history: "abcd", epoch: 7),
        MasterMemory(origin: .sentinel("mymaster"), endpoint: .tcp(host: "::1", port: 1), epoch: 0),
        MasterMemory(
            origin: .master(.unix(path: "/run/a b.sock")), endpoint: .unix(path: "/run/a b.sock")),
    ])
    func readsWhatItWrites(memory: MasterMemory) throws {
        #expect(try MasterMemory(Array(memory.text.utf8), name: "f") == memory)
    }

    @Test func reads() throws {
        #expect(
            try MasterMemory(Array(Self.whole.utf8), name: "f")
                == MasterMemory(
                    origin: .master(Self.first), endpoint: Self.second, runID: "0123",
                    history: "abcd", epoch: 7))
    }

    /// What a server calls itself may be anything; what would read back as something else is left out.
    @Test(arguments: ["a b", "", "a\nend", String(repeating: "x", count: 129)])
    func oddNames(name: String) throws {
        let memory = MasterMemory(
            origin: .master(Self.first), endpoint: Self.second, runID: name, history: name)
        let read = try MasterMemory(Array(memory.text.utf8), name: "f")
        #expect(read == MasterMemory(origin: .master(Self.first), endpoint: Self.second))
    }

    @Test(arguments: [
        (
            "",
            "f:1: is no state file of this sluice-proxy, which begins with 'sluice-proxy state 1'"
        ),
        (
            "sluice-proxy state 2\nend\n",
            "f:1: is no state file of this sluice-proxy, which begins with 'sluice-proxy state 1'"
        ),
        (
            whole.replacing("origin master 10.0.0.1:6379\n", with: ""),
            "f: is damaged: it names no origin or no master"
        ),
        (
            whole.replacing("master 10.0.0.2:6379\n", with: ""),
            "f: is damaged: it names no origin or no master"
        ),
        (whole.replacing("end\n", with: ""), "f:8: is damaged: its end is missing"),
        (whole.replacing("7\nend\n", with: ""), "f:7: is damaged, found 'epoch '"),
        (whole + "more\n", "f:9: goes on behind its end"),
        (whole.replacing("epoch 7", with: "epoch -7"), "f:7: is damaged: '-7' is no epoch"),
        (whole.replacing("run_id 0123", with: "run_id 0 1"), "f:5: is damaged: '0 1' is no run_id"),
        (
            whole.replacing("master 10.0.0.2:6379", with: "master 10.0.0.2"),
            "f:4: is damaged: '10.0.0.2' is no master"
        ),
        (
            whole.replacing("origin master", with: "origin witch"),
            "f:3: is damaged: 'witch 10.0.0.1:6379' is no origin"
        ),
        (whole.replacing("run_id", with: "epoch"), "f:7: is damaged, found 'epoch 7'"),
        (whole.replacing("run_id", with: "colour"), "f:5: is damaged, found 'colour 0123'"),
    ])
    func damage(text: String, told: String) {
        let error = #expect(throws: StateFileError.self) {
            _ = try MasterMemory(Array(text.utf8), name: "f")
        }
        #expect(
            error?.description == told
                + "; remove the file if the configuration names the right master")
    }

    /// Every piece that a torn file could have left is found out.
    @Test func anyPartIsDamaged() {
        let bytes = Array(Self.whole.utf8)
        for count in 0..<(bytes.count - 1) {
            #expect(throws: StateFileError.self) {
                _ = try MasterMemory(Array(bytes[..<count]), name: "f")
            }
        }
    }

    @Test func besideAConfiguration() throws {
        var configuration = ProxyConfiguration()
        configuration.backends.master = Self.first
        let memory = MasterMemory(origin: .master(Self.first), endpoint: Self.second)
        // Nobody may be followed whom the configuration does not name.
        let error = #expect(throws: StateFileError.self) {
            _ = try memory.worth(beside: configuration, name: "f")
        }
        #expect(error?.description.contains("add it there") == true)
        configuration.backends.replicas = [.init(Self.second)]
        #expect(try memory.worth(beside: configuration, name: "f") == .believed)
        configuration.backends.replicas = []
        configuration.backends.discover = true
        #expect(try memory.worth(beside: configuration, name: "f") == .believed)
        // Another master was written there since, or sentinels.
        var other = configuration
        other.backends.master = Self.second
        #expect(try memory.worth(beside: other, name: "f") == .outdated)
        other.backends.sentinel = .init(masterName: "m", addresses: [])
        #expect(try memory.worth(beside: other, name: "f") == .outdated)
        let named = MasterMemory(origin: .sentinel("m"), endpoint: Self.second, epoch: 3)
        #expect(try named.worth(beside: other, name: "f") == .believed)
        #expect(try named.worth(beside: configuration, name: "f") == .outdated)
    }
}
