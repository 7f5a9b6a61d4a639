// The package's own files, read once.

import Foundation

enum Tree {
    static let root = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent().path

    /// All files, as paths from the root; what a build leaves behind is not looked at.
    static let paths: [String] = {
        var paths: [String] = []
        let files = FileManager.default.enumerator(atPath: root)
        while let path = files?.nextObject() as? String {
            if path.hasPrefix(".build") || path == ".git" || path == ".swiftpm"
                || path.hasSuffix("__pycache__")
            {
                files?.skipDescendants()
            } else if files?.fileAttributes?[.type] as? FileAttributeType == .typeRegular {
                paths.append(path)
            }
        }
        return paths.sorted()
    }()

    static let sources: [SourceText] = paths.filter { $0.hasSuffix(".swift") }.map {
        SourceText(path: $0, read($0))
    }

    static let documents: [Document] = paths.filter { $0.hasSuffix(".md") }.map {
        Document(path: $0, read($0))
    }

    /// Scripts, and the few lines of C.
    static let others: [String] = paths.filter { path in
        [".py", ".c", ".h", ".modulemap", "/run", ".yml", ".conf", ".json"].contains {
            path.hasSuffix($0)
        }
    }

    static func read(_ path: String) -> String {
        (try? String(contentsOfFile: root + "/" + path, encoding: .utf8)) ?? ""
    }

    static func exists(_ path: String) -> Bool {
        if FileManager.default.fileExists(atPath: root + "/" + path) { return true }
        return path.hasSuffix(".swift") && paths.contains { $0.hasSuffix("/" + path) }
    }
}
