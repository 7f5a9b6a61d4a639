// A copy of the sources to plant faults in, with a package around it that holds no more than the judges need.

import Foundation

/// The copy, and how to build and run it.
struct Nursery {
    /// What a run in the nursery found.
    enum Finding: Equatable, CustomStringConvertible {
        case nothing
        case doesNotCompile(String)
        /// Seeds that broke a law, of how many, and the first law broken.
        case broken(seeds: Int, of: Int, first: String)
        /// The process died: a precondition did not hold.
        case trapped(String)
        /// So many tests failed, and the first of them.
        case failed(Int, first: String)

        var isCatch: Bool {
            switch self {
            case .nothing, .doesNotCompile: false
            case .broken, .trapped, .failed: true
            }
        }

        var description: String {
            switch self {
            case .nothing: "NOT CAUGHT"
            case .doesNotCompile(let error): "DOES NOT COMPILE: \(error)"
            case .broken(let seeds, let count, let first):
                "caught in \(seeds) of \(count) seeds, first by \(first)"
            case .trapped(let reason): "caught by an assertion: \(reason)"
            case .failed(let count, let first): "caught by \(count) tests, first by \(first)"
            }
        }
    }

    static let seeds = 60

    /// `SLUICE_PLANTED=all`, or a word from the names of the faults to plant.
    private static var wanted: String? { ProcessInfo.processInfo.environment["SLUICE_PLANTED"] }

    static var isWanted: Bool { wanted != nil }

    static func wants(_ fault: PlantedFault) -> Bool {
        wanted == "all" || fault.name.contains(wanted ?? "")
    }

    private let place: URL

    /// Copies what the judges need; what was built there before is built upon.
    init(copying root: URL) throws {
        place = root.appending(path: ".build/planted")
        let files = FileManager.default
        for folder in ["Sources", "Tests"] {
            let url = place.appending(path: folder)
            if files.fileExists(atPath: url.path()) { try files.removeItem(at: url) }
            try files.createDirectory(at: url, withIntermediateDirectories: true)
        }
        for folder in [
            "Sources/RESP", "Sources/Server", "Sources/Proxy", "Tests/TestSupport",
            "Tests/SimulationTests", "Tests/ProxyTests",
        ] {
            try files.copyItem(at: root.appending(path: folder), to: place.appending(path: folder))
        }
        try Self.manifest.write(
            to: place.appending(path: "Package.swift"), atomically: true, encoding: .utf8)
    }

    static let manifest = """
        // swift-tools-version: 6.2
        import PackageDescription

        let settings: [SwiftSetting] = [
            .swiftLanguageMode(.v6),
            .enableUpcomingFeature("ExistentialAny"),
            .enableUpcomingFeature("MemberImportVisibility"),
            .enableExperimentalFeature("Lifetimes"),
        ]

        let package = Package(
            name: "planted",
            targets: [
                .target(name: "RESP", swiftSettings: settings),
                .target(name: "Server", dependencies: ["RESP"], swiftSettings: settings),
                .target(name: "Proxy", dependencies: ["RESP"], swiftSettings: settings),
                .target(
                    name: "TestSupport", dependencies: ["RESP"], path: "Tests/TestSupport",
                    swiftSettings: settings),
                .testTarget(
                    name: "ProxyTests", dependencies: ["RESP", "Proxy", "TestSupport"],
                    swiftSettings: settings),
                .testTarget(
                    name: "SimulationTests",
                    dependencies: ["RESP", "Server", "Proxy", "TestSupport"],
                    swiftSettings: settings),
            ]
        )

        """

    /// Plants a fault for as long as `body` takes.
    func withPlanted<Result>(_ fault: PlantedFault, _ body: () throws -> Result) throws -> Result {
        let file = place.appending(path: fault.file)
        let source = try String(contentsOf: file, encoding: .utf8)
        defer { try? source.write(to: file, atomically: true, encoding: .utf8) }
        try source.replacingOccurrences(of: fault.text, with: fault.replacement)
            .write(to: file, atomically: true, encoding: .utf8)
        return try body()
    }

    /// Builds what stands there now, and has it judged.
    func ask(_ judge: PlantedFault.Judge) throws -> Finding {
        let build = try run(["build", "--build-tests"])
        if build.status != 0 {
            let errors = build.output.split(separator: "\n").filter { $0.contains("error:") }
            return .doesNotCompile(errors.first.map(String.init) ?? build.output)
        }
        switch judge {
        case .simulation:
            let test = try run(["test", "--skip-build", "--filter", "SimulationTests.survives"])
            return test.status == 0 ? .nothing : Self.finding(in: Self.lines(of: test.output))
        case .trap(let number):
            // One test may be about several: `trapA10_A11_…`.
            let filter = "ProxyTests.*trap([A-Z0-9b]+_)*\(number)_"
            let test = try run(["test", "--skip-build", "--filter", filter])
            return test.status == 0 ? .nothing : Self.failures(in: Self.lines(of: test.output))
        }
    }

    private static func lines(of output: String) -> [String] {
        output.split(separator: "\n").map(String.init)
    }

    private static func death(in lines: [String]) -> Finding? {
        lines.first { $0.contains(/(Fatal error|Precondition failed):/) }.map { .trapped($0) }
    }

    private static func failures(in lines: [String]) -> Finding {
        if let death = death(in: lines) { return death }
        let failed = lines.compactMap { $0.firstMatch(of: /Test (trap\w+)\(.*failed after/)?.1 }
        guard let first = failed.first else {
            return .trapped(lines.suffix(3).joined(separator: " "))
        }
        return .failed(failed.count, first: String(first))
    }

    private static func finding(in lines: [String]) -> Finding {
        if let death = death(in: lines) { return death }
        let failures = lines.compactMap { $0.firstMatch(of: /failures\.count → (\d+)/)?.1 }.first
        let runs = lines.compactMap { $0.firstMatch(of: /↳ of (\d+) seeds/)?.1 }.first
        let first = lines.first { $0.contains(/^↳ [a-zA-Z]+:/) } ?? ""
        guard let failures = failures.flatMap({ Int($0) }), let runs = runs.flatMap({ Int($0) })
        else { return .trapped(lines.suffix(3).joined(separator: " ")) }
        return .broken(seeds: failures, of: runs, first: String(first.dropFirst(2).prefix(100)))
    }

    private func run(_ arguments: [String]) throws -> (status: Int32, output: String) {
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = ["swift"] + arguments + ["--package-path", place.path()]
        var environment = ProcessInfo.processInfo.environment
        environment["SLUICE_SEEDS"] = "\(Self.seeds)"
        environment["SLUICE_BASE"] = "1"
        environment["SLUICE_PLANTED"] = nil
        environment["SLUICE_SEED"] = nil
        process.environment = environment
        let pipe = Foundation.Pipe()
        process.standardOutput = pipe
        process.standardError = pipe
        try process.run()
        let output = pipe.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        return (process.terminationStatus, String(decoding: output, as: UTF8.self))
    }
}
