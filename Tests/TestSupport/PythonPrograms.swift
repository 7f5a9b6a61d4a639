// The Python with client libraries that `.ci/run tools` makes, and the scripts that talk through them.

import Foundation

public enum PythonPrograms {
    private static let root = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

    /// The interpreter that has redis-py and hiredis. Nil, with a line that says so, when there is none.
    public static func interpreter() -> String? {
        let made = root.appendingPathComponent(".build-ci/python/bin/python").path
        let path = ProcessInfo.processInfo.environment["SLUICE_PYTHON"] ?? made
        if FileManager.default.isExecutableFile(atPath: path) { return path }
        printSkipped("there is no Python with redis-py: `.ci/run tools` makes one")
        return nil
    }

    /// The path of a script of Tests/Interop.
    public static func script(_ name: String) -> String {
        root.appendingPathComponent("Tests/Interop/\(name)").path
    }
}
