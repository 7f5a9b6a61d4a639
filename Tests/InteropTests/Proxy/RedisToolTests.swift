// redis-cli (which reads by hiredis) and redis-benchmark through the proxy, as people call them.

import Foundation
import RESP
import TestSupport
import Testing

@Suite(.serialized) struct RedisToolTests {
    /// Runs a tool against a server to its end, with text on its standard input.
    private func run(
        _ tool: String, _ arguments: [String], on server: LiveServer, input: String = "",
        file: (name: String, text: String)? = nil
    ) throws -> (status: Int32?, output: String)? {
        guard let process = try start(tool, arguments, on: server, input: input, file: file) else {
            return nil
        }
        let status = process.waitForExit(within: .seconds(240))
        return (status, process.output)
    }

    private func start(
        _ tool: String, _ arguments: [String], on server: LiveServer, input: String = "",
        file: (name: String, text: String)? = nil
    ) throws -> LiveProcess? {
        guard let path = LiveProcess.locate(tool) else {
            printSkipped("\(tool) is not installed")
            return nil
        }
        let folder = FileManager.default.temporaryDirectory
            .appendingPathComponent("sluice-tool-\(UUID().uuidString.prefix(8))")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        let inputFile = folder.appendingPathComponent("input").path
        try input.write(toFile: inputFile, atomically: true, encoding: .utf8)
        if let file {
            let path = folder.appendingPathComponent(file.name).path
            try file.text.write(toFile: path, atomically: true, encoding: .utf8)
        }
        // The shell opens the input and becomes the tool; lines are to be seen as they are printed.
        let words = ["stdbuf", "-oL", path, "-h", "127.0.0.1", "-p", "\(server.port)"] + arguments
        let quoted = words.map { "'" + $0.replacing("'", with: "'\\''") + "'" }
        return try LiveProcess(
            path: "/bin/sh",
            arguments: [
                "-c",
                "cd '\(folder.path)' && exec \(quoted.joined(separator: " ")) < '\(inputFile)'",
            ],
            environment: ProcessInfo.processInfo.environment.merging(["HOME": folder.path]) { $1 })
    }

    /// What is typed at the prompt is answered as the master answers it.
    @Test(arguments: [[], ["-3"], ["-n", "3"], ["--csv"], ["--no-raw"]])
    func prompt(options: [String]) throws {
        guard let front = try Front(replicas: 2), let direct = front.deployment.master.server else {
            return
        }
        let typed = """
            set k 'two words'
            hset h a 1
            lrange none 0 -1
            get none
            incr k
            nosuch a
            multi
            set a 1
            incr a
            exec
            multi
            discard
            select 2
            set k v
            zadd z 1.5 a
            eval "return {1,'a',{2}}" 0
            object encoding k
            client setname me
            client getname
            ping text
            flushall
            """
        guard let first = try run("redis-cli", options, on: direct, input: typed) else { return }
        let second = try #require(try run("redis-cli", options, on: front.server, input: typed))
        #expect(first.status == 0)
        #expect(second.status == 0)
        #expect(first.output == second.output)
    }

    /// 5,000 requests from a file: all are answered, none by an error.
    @Test func pipe() throws {
        guard let front = try Front(replicas: 2) else { return }
        let requests = (0..<5_000).map { Wire.request(["SET", "key:\($0)", "value of \($0)"]) }
        let text = String(decoding: requests.joined(), as: UTF8.self)
        guard let result = try run("redis-cli", ["--pipe"], on: front.server, input: text) else {
            return
        }
        #expect(result.status == 0)
        #expect(result.output.contains("errors: 0, replies: 5000"), "\(result.output)")
        let client = try front.deployment.master.client()
        #expect(try client.run("DBSIZE") == .integer(5_000))
        #expect(try client.run("GET", "key:4999") == .bulk("value of 4999"))
    }

    /// The tools that walk all keys find all of them, wherever their steps are answered.
    @Test(arguments: [[], ["-3"]]) func walks(options: [String]) throws {
        let reads = SluiceProxy.Reads(balance: "round_robin", includeMaster: "always")
        guard let front = try Front(replicas: 2, reads: reads) else { return }
        let client = try front.deployment.master.client()
        let names = (0..<2_000).map { "key:\($0)" }
        _ = try client.run(["MSET"] + names.flatMap { [$0, "v"] })
        _ = try client.run("RPUSH", "the-longest", "a", "b", "c")
        _ = try client.run("SET", "the-biggest", String(repeating: "x", count: 5_000))
        try #require(try front.deployment.waitUntilReplicated())
        let server = front.server

        guard let scan = try run("redis-cli", options + ["--scan"], on: server) else { return }
        #expect(scan.status == 0)
        let found = scan.output.split(separator: "\n").map(String.init)
        #expect(Set(found) == Set(names + ["the-longest", "the-biggest"]), "\(found.count)")

        let matching = options + ["--scan", "--pattern", "the-*"]
        let some = try #require(try run("redis-cli", matching, on: server))
        #expect(Set(some.output.split(separator: "\n")) == ["the-longest", "the-biggest"])

        let sizes = try #require(try run("redis-cli", options + ["--bigkeys"], on: server))
        #expect(sizes.status == 0)
        #expect(sampled(sizes.output) >= 2_002, "\(sizes.output)")
        #expect(sizes.output.contains("string found '\"the-biggest\"' has 5000 bytes"))
        #expect(sizes.output.contains("list found '\"the-longest\"' has 3 items"))

        let memory = try #require(try run("redis-cli", options + ["--memkeys"], on: server))
        #expect(memory.status == 0)
        #expect(sampled(memory.output) >= 2_002, "\(memory.output)")
        #expect(memory.output.contains("string found '\"the-biggest\"' has "))
    }

    /// How many keys a walk says that it saw; some come twice while a server's table grows.
    private func sampled(_ output: String) -> Int {
        let line = output.split(separator: "\n").first { $0.hasPrefix("Sampled ") }
        return line?.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0
    }

    @Test func statisticsAndLatency() throws {
        guard let front = try Front(replicas: 1) else { return }
        _ = try front.client().run("SET", "k", "v")
        let measure = ["--latency", "--raw", "-i", "1"]
        guard let latency = try run("redis-cli", measure, on: front.server) else { return }
        #expect(latency.status == 0)
        // Least, most, mean and number of samples.
        let numbers = latency.output.split { " \n".contains($0) }.compactMap { Double($0) }
        #expect(numbers.count == 4 && numbers[3] > 0, "\(latency.output)")

        let statistics = try #require(
            try start("redis-cli", ["--stat", "-i", "0.2"], on: front.server))
        let hasLines = wait {
            let lines = statistics.output.split(separator: "\n")
            // Two lines of headings; keys, memory, clients, blocked and requests in each other one.
            return lines.count >= 5 || !statistics.isRunning
        }
        #expect(hasLines && statistics.isRunning, "\(statistics.output)")
        let line = statistics.output.split(separator: "\n").last { $0.contains("(") } ?? ""
        let fields = line.split(separator: " ")
        #expect(fields.first.flatMap { Int($0) } == 1, "the number of keys: \(statistics.output)")
        statistics.kill()
    }

    @Test func scriptsAndRepetition() throws {
        guard let front = try Front(replicas: 1) else { return }
        let script = (name: "add.lua", text: "return redis.call('INCRBY', KEYS[1], ARGV[1])")
        guard
            let result = try run(
                "redis-cli", ["--eval", "add.lua", "n", ",", "5"], on: front.server, file: script)
        else { return }
        #expect(result.output == "5\n")
        let repeated = try run("redis-cli", ["-r", "20", "incr", "n"], on: front.server)
        #expect(repeated?.output.split(separator: "\n").last == "25")
        let read = try run(
            "redis-cli", ["-x", "set", "k"], on: front.server, input: "of the input")
        #expect(read?.output == "OK\n")
        #expect(
            try front.deployment.master.client().run("GET", "k") == .bulk("of the input"))
    }

    /// What makes redis-cli a replica is refused with what to do instead, and the proxy goes on.
    @Test(arguments: [["--rdb", "dump.rdb"], ["--functions-rdb", "functions.rdb"], ["--replica"]])
    func streams(options: [String]) throws {
        guard let front = try Front(replicas: 1), !Front.isDirect else { return }
        guard let result = try run("redis-cli", options, on: front.server) else { return }
        #expect(result.status != 0 && result.status != nil)
        #expect(result.output.contains("directly"), "\(result.output)")
        #expect(try front.client().run("SET", "k", "v") == .simple("OK"))
    }

    /// All tests of redis-benchmark run to their end, with every command's replies what it takes for right.
    @Test(arguments: [[], ["-P", "16"], ["-3"], ["-3", "-P", "16"], ["--threads", "2"]])
    func benchmark(options: [String]) throws {
        guard let front = try Front(replicas: 2) else { return }
        let arguments = ["-q", "-n", "1000", "-r", "100"] + options
        guard let result = try run("redis-benchmark", arguments, on: front.server) else { return }
        #expect(result.status == 0)
        let tests = [
            "PING_INLINE", "PING_MBULK", "SET", "GET", "INCR", "LPUSH", "RPUSH", "LPOP", "RPOP",
            "SADD", "HSET", "SPOP", "ZADD", "ZPOPMIN", "LRANGE_100", "LRANGE_300", "LRANGE_500",
            "LRANGE_600", "MSET",
        ]
        for test in tests {
            let line = result.output.split { $0 == "\n" || $0 == "\r" }
                .last { $0.hasPrefix("\(test):") || $0.hasPrefix("\(test) (") }
            #expect(line?.contains("requests per second") == true, "\(test): \(result.output)")
        }
        #expect(!result.output.lowercased().contains("error"), "\(result.output)")
    }
}
