// Imports point one way: the programs know the two cores and IO, the cores know RESP, and RESP knows nobody.

enum Imports {
    /// What the files of a module may import.
    static let allowed: [(folder: String, modules: Set<String>)] = [
        ("Sources/RESP/", []),
        ("Sources/IO/", ["RESP", "CLinux", "Glibc", "Synchronization"]),
        ("Sources/Server/", ["RESP"]),
        ("Sources/Proxy/", ["RESP", "Synchronization"]),
        ("Sources/sluice-server/", ["Server", "IO", "RESP"]),
        ("Sources/sluice-proxy/", ["Proxy", "Server", "IO", "RESP"]),
    ]

    /// Single files that may import Glibc, without I/O: pure mathematics and number text, whole pages of memory.
    static let mayImportGlibc: [Exemption] = [
        Exemption("Sources/Server/Keyspace/SystemPages.swift", "whole pages of memory")
    ]

    static let rule = Rule("imports point one way", in: ["Sources/"], except: mayImportGlibc) {
        file in
        guard let row = allowed.first(where: { file.path.hasPrefix($0.folder) }) else {
            return [(1, "a module that the table of imports does not know; add a row for it")]
        }
        return modules(in: file).filter { !row.modules.contains($0.text) }.map { module in
            (module.line, "`import \(module.text)`: \(advice(module.text, in: row.folder))")
        }
    }

    /// The module of each import; `import struct Module.Name` names its module behind the kind.
    static func modules(in file: SourceText) -> [Token] {
        let kinds: Set = ["struct", "class", "enum", "protocol", "typealias", "func", "let", "var"]
        let tokens = file.tokens
        return tokens.indices.dropLast().compactMap { index in
            guard tokens[index].text == "import" else { return nil }
            let next = tokens[index + 1]
            guard kinds.contains(next.text) else { return next }
            return index + 2 < tokens.count ? tokens[index + 2] : nil
        }
    }

    private static func advice(_ module: String, in folder: String) -> String {
        switch module {
        case "Foundation", "FoundationEssentials":
            "Foundation is for tests; write what is needed, or see what RESP has"
        case "Glibc", "CLinux":
            "the operating system is IO's; make it a wish, or name the file with a reason"
        default:
            "\(folder) may import \(describe(folder)); turn the dependency round"
        }
    }

    private static func describe(_ folder: String) -> String {
        let modules = allowed.first { $0.folder == folder }?.modules.sorted() ?? []
        return modules.isEmpty ? "nothing" : modules.joined(separator: ", ")
    }
}
