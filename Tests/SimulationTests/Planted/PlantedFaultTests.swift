// Plants each fault in a copy of the sources, and sees whether the simulation notices: with `SLUICE_PLANTED=all`, or
// with a word from the names of the faults to plant. Without, it is only seen whether each can still be planted.

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

    /// What the simulation imports is in the copy of the sources too.
    @Test func copyIsWhole() throws {
        let folder = Self.root.appending(path: "Tests/SimulationTests")
        let files = try #require(
            FileManager.default.enumerator(at: folder, includingPropertiesForKeys: nil))
        var modules: Set<String> = []
        for case let file as URL in files where file.pathExtension == "swift" {
            let source = try String(contentsOf: file, encoding: .utf8)
            for line in source.split(separator: "\n") where line.hasPrefix("import ") {
                modules.insert(String(line.dropFirst(7)))
            }
        }
        #expect(modules.isSuperset(of: ["RESP", "Proxy"]))
        for module in modules.subtracting(["Foundation", "Testing"]).sorted() {
            #expect(Nursery.manifest.contains("name: \"\(module)\""), "\(module)")
        }
    }

    /// Each fault breaks a law, or traps, within some seeds.
    @Test func eachFaultIsCaught() throws {
        // A matter of many minutes: not asked for, it is not skipped either, it has nothing to do.
        guard Nursery.isWanted else { return }
        let nursery = try Nursery(copying: Self.root)
        #expect(try nursery.simulate() == .nothing, "without a fault nothing is to be caught")
        for fault in PlantedFault.all where Nursery.wants(fault) {
            let finding = try nursery.withPlanted(fault) { try nursery.simulate() }
            // Each takes a minute: whoever waits wants to see them one by one.
            FileHandle.standardError.write(Data("\(fault.name): \(finding)\n".utf8))
            #expect(finding.isCatch, "\(fault.name): \(finding)")
        }
    }
}
