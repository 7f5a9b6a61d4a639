// swift-tools-version: 6.2
// The package: two libraries that know no socket (Server, Proxy), the language they speak (RESP), the one
// target that touches the operating system (IO), and two thin programs. No outside packages.

import PackageDescription

let environment = Context.environment

/// What every target is compiled with: Swift 6 concurrency checking, every unsafe use spelled out, warnings fatal.
let strict: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .strictMemorySafety(),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableExperimentalFeature("Lifetimes"),
    .treatAllWarnings(as: .error),
]

/// Release builds drop the dynamic exclusivity checks: every core is owned by one thread, and the checks run in
/// every debug build and in the sanitizer runs. What that buys, in instructions per request of sluice-server (SET and
/// GET at a pipeline of 16, counted by callgrind): 1,973 without flags, 1,547 with this one. Left out, because they
/// buy less than they cost in plainness: `-cross-module-optimization` (1,528 beside it, 1,984 alone) and
/// `-Ounchecked`, which also drops the traps that a server must keep.
let settings: [SwiftSetting] =
    strict + [
        .unsafeFlags(
            ["-enforce-exclusivity=unchecked"], .when(configuration: .release))
    ]

/// Fuzz targets do not link without libFuzzer: they are here only when asked for, and then the library is built so
/// that the fuzzer sees which way each input takes.
let fuzzes = environment["SLUICE_FUZZ"] != nil
let fuzzed: [SwiftSetting] = fuzzes ? [.unsafeFlags(["-sanitize=fuzzer,address"])] : []

var targets: [Target] = [
    .target(name: "RESP", swiftSettings: settings + fuzzed),
    .systemLibrary(name: "CLinux", path: "Sources/IO/CLinux"),
    .target(
        name: "IO", dependencies: ["RESP", "CLinux"], exclude: ["CLinux"], swiftSettings: settings),
    .target(name: "Server", dependencies: ["RESP"], swiftSettings: settings),
    .target(name: "Proxy", dependencies: ["RESP"], swiftSettings: settings),
    .executableTarget(
        name: "sluice-server", dependencies: ["Server", "IO"], swiftSettings: settings),
    .executableTarget(
        name: "sluice-proxy", dependencies: ["Proxy", "IO"], swiftSettings: settings),
]

/// Tests may use Foundation and unsafe calls without spelling them; everything else is as strict as Sources.
let testSettings: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableExperimentalFeature("Lifetimes"),
    .treatAllWarnings(as: .error),
]

func testTarget(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
    .testTarget(name: name, dependencies: dependencies, swiftSettings: testSettings)
}

targets += [
    .target(
        name: "TestSupport", dependencies: ["RESP"], path: "Tests/TestSupport",
        swiftSettings: testSettings),
    .executableTarget(
        name: "sluice-load", dependencies: ["RESP", "CLinux"], path: "Tests/Benchmarks/Load",
        swiftSettings: testSettings),
    testTarget("RESPTests", ["RESP", "TestSupport"]),
    testTarget("IOTests", ["IO", "RESP", "TestSupport"]),
    testTarget("ServerTests", ["Server", "RESP", "TestSupport"]),
    testTarget("ProxyTests", ["Proxy", "RESP", "TestSupport"]),
    testTarget("SimulationTests", ["Server", "Proxy", "RESP", "TestSupport"]),
    testTarget(
        "InteropTests",
        ["Server", "Proxy", "IO", "RESP", "TestSupport", "sluice-server", "sluice-proxy"]),
    testTarget("TidyTests", ["RESP", "TestSupport"]),
]

/// The counter replaces malloc, and so do the sanitizers: only one of them can be in a test run. This package is for
/// optimised builds, whose modules cannot be looked into; of the other tests it has the one that does not.
if environment["SLUICE_ALLOCATIONS"] != nil {
    targets.removeAll { $0.type == .test && $0.name != "SimulationTests" }
    targets += [
        .target(name: "AllocationCounter", path: "Tests/AllocationTests/AllocationCounter"),
        .testTarget(
            name: "AllocationTests",
            dependencies: ["AllocationCounter", "Server", "Proxy", "RESP"],
            exclude: ["AllocationCounter"], swiftSettings: testSettings),
    ]
}

if fuzzes {
    for name in ["FuzzRequests", "FuzzReplies"] {
        targets.append(
            .executableTarget(
                name: name, dependencies: ["RESP", "TestSupport"], path: "Tests/Fuzz/\(name)",
                exclude: ["corpus"],
                swiftSettings: testSettings + fuzzed,
                linkerSettings: [.unsafeFlags(["-sanitize=fuzzer,address", "-use-ld=lld"])]))
    }
}

let package = Package(
    name: "sluice",
    products: [
        .library(name: "RESP", targets: ["RESP"]),
        .executable(name: "sluice-server", targets: ["sluice-server"]),
        .executable(name: "sluice-proxy", targets: ["sluice-proxy"]),
    ],
    targets: targets
)
