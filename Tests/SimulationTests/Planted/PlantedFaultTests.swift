// Plants each fault in a copy of the sources, and sees whether its judge notices: with `SLUICE_PLANTED=all`, or with a
// word from the names of the faults to plant. Without, it is only seen whether each can still be planted.

import Foundation
import Testing

@Suite struct PlantedFaultTests {
    private static let root = URL(filePath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent()

    /// The text to be replaced stands in its file exactly once.
    @Test(arguments: PlantedFault.all)
    func canBePlanted(fault: PlantedFault) throws {
        let source = try String(contentsOf: Self.root.appending(path: fault.file), encoding: .utf8)
        let places = source.components(separatedBy: fault.text).count - 1
        #expect(places == 1, "in \(fault.file): plant it anew, where its guard is now")
    }

    /// Each trap that tests are named for has a fault that walks into it, and each such fault a test.
    @Test func eachTrapHasAFault() throws {
        var named: Set<String> = []
        for source in try Self.sources(of: "Tests/ProxyTests") {
            for match in source.matches(of: /func trap((?:[A-E][0-9]+b?_)+)/) {
                named.formUnion(match.1.split(separator: "_").map(String.init))
            }
        }
        let planted = Set(
            PlantedFault.all.flatMap(\.judges).compactMap { judge in
                if case .trap(let number) = judge { number } else { nil }
            })
        #expect(named == planted)
        #expect(named.count > 30)
    }

    private static func sources(of folder: String) throws -> [String] {
        let folder = root.appending(path: folder)
        let files = try #require(
            FileManager.default.enumerator(at: folder, includingPropertiesForKeys: nil))
        return try files.compactMap { $0 as? URL }.filter { $0.pathExtension == "swift" }
            .map { try String(contentsOf: $0, encoding: .utf8) }
    }

    private static let ofTheToolchain: Set = ["Foundation", "Glibc", "Synchronization", "Testing"]

    /// What the judges import is in the copy of the sources too.
    @Test(arguments: ["SimulationTests", "ProxyTests"]) func copyIsWhole(_ tests: String) throws {
        var modules: Set<String> = []
        for source in try Self.sources(of: "Tests/\(tests)") {
            for line in source.split(separator: "\n") where line.hasPrefix("import ") {
                modules.insert(String(line.dropFirst(7)))
            }
        }
        #expect(modules.isSuperset(of: ["RESP", "Proxy"]))
        for module in modules.subtracting(Self.ofTheToolchain).sorted() {
            #expect(Nursery.manifest.contains("name: \"\(module)\""), "\(module)")
        }
    }

    /// Each fault breaks a law, or traps, within some seeds.
    @Test func eachFaultIsCaught() throws {
        // A matter of many minutes: not asked for, it is not skipped either, it has nothing to do.
        guard Nursery.isWanted else { return }
        let nursery = try Nursery(copying: Self.root)
        let faults = PlantedFault.all.filter(Nursery.wants)
        for judge in Set(faults.flatMap(\.judges)) {
            #expect(try nursery.ask(judge) == .nothing, "without a fault nothing is to be caught")
        }
        for fault in faults {
            let findings = try nursery.withPlanted(fault) {
                try fault.judges.map { try nursery.ask($0) }
            }
            for finding in findings {
                // Each takes a minute: whoever waits wants to see them one by one.
                FileHandle.standardError.write(Data("\(fault.name): \(finding)\n".utf8))
                #expect(finding.isCatch, "\(fault.name): \(finding)")
            }
        }
    }
}
