// From lines of redis.conf to `ServerConfiguration`. Files are somebody else's: they are asked for by path.

import RESP

/// What loading a configuration asks of the world outside.
package protocol ConfigurationFiles {
    /// The contents of a file; of all files that match, in order, when the path has `*`, `?` or `[` in it, and
    /// nothing when none does.
    func read(_ path: String) throws(FileFailure) -> [UInt8]
    /// Makes `path` the directory that relative paths start from, at once: `dir` works from its line on.
    func changeDirectory(to path: String) throws(FileFailure)
    /// Whether the log could be appended to this file, creating it.
    func openLog(_ path: String) throws(FileFailure)
}

/// The system's reason why a file cannot be had: `No such file or directory`.
package struct FileFailure: Error, Sendable {
    package let reason: String

    package init(_ reason: String) {
        self.reason = reason
    }
}

/// Why the server does not start.
package enum ConfigurationFailure: Error, Sendable, Equatable {
    /// The whole text for the standard error, line by line redis-server's.
    case fatal([UInt8])
    /// A line for the log, of level warning.
    case logged(String)
}

/// A configuration, and what must be said about it.
package struct LoadedConfiguration: Sendable {
    package var configuration = ServerConfiguration()
    /// Lines for the log: each directive that was accepted and does nothing yet, once.
    package var warnings: [String] = []
}

extension ServerConfiguration {
    /// Reads the file, the standard input and the options, in this order; the last word counts. Everything that
    /// redis-server 7.0 refuses is refused with its text.
    package static func load(
        _ arguments: ServerArguments, standardInput: [UInt8], files: any ConfigurationFiles
    ) throws(ConfigurationFailure) -> LoadedConfiguration {
        var loader = ServerConfigurationLoader(files: files)
        try loader.load(
            file: arguments.file,
            appending: [
                arguments.readsStandardInput ? standardInput : [],
                arguments.options.isEmpty ? [] : [UInt8(ascii: "\n")] + arguments.options,
            ])
        if loader.hasModuleParameters, !loader.hasModules {
            throw .logged(
                "Module Configuration detected without loadmodule directive"
                    + " or no ApplyConfig call: aborting")
        }
        return loader.loaded
    }
}

private struct ServerConfigurationLoader {
    /// Files that `include` may read in all: a file that includes itself ends here.
    static let maximumIncludes = 256

    var loaded = LoadedConfiguration()
    var hasModules = false
    var hasModuleParameters = false
    private let files: any ConfigurationFiles
    private var includes = 0
    private var unheeded: [String: Directive.Value] = [:]
    private var warned: Set<String> = []
    /// Whether a name is a command, where `rename-command` changed that.
    private var renamed: [String: Bool] = [:]

    init(files: any ConfigurationFiles) {
        self.files = files
    }

    mutating func load(file: String?, appending texts: [[UInt8]]) throws(ConfigurationFailure) {
        var text: [UInt8] = []
        if let file {
            do throws(FileFailure) {
                text = ServerConfigurationLoader.withoutZeros(try files.read(file))
            } catch {
                throw .logged("Fatal error, can't open config file '\(file)': \(error.reason)")
            }
        }
        for more in texts { text += ServerConfigurationLoader.withoutZeros(more) }
        try load(text)
    }

    // A zero byte hides what is left of its line and the line's end, as in C.
    private static func withoutZeros(_ bytes: [UInt8]) -> [UInt8] {
        guard bytes.contains(0) else { return bytes }
        var result: [UInt8] = []
        var isHidden = false
        for byte in bytes {
            if byte == 0 { isHidden = true }
            if !isHidden { result.append(byte) }
            if byte == UInt8(ascii: "\n") { isHidden = false }
        }
        return result
    }

    private mutating func load(_ text: [UInt8]) throws(ConfigurationFailure) {
        let lines = text.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
        for (index, whole) in lines.enumerated() {
            let line = ServerConfigurationLoader.trimmed(whole)
            if line.isEmpty || line.first == UInt8(ascii: "#") { continue }
            let included: String?
            do throws(DirectiveError) {
                included = try execute(line)
            } catch {
                throw .fatal(ServerConfigurationLoader.fatal(error, line: (index + 1, line)))
            }
            if let included { try load(file: included, appending: []) }
        }
        do throws(DirectiveError) {
            try check()
        } catch {
            throw .fatal(ServerConfigurationLoader.fatal(error, line: nil))
        }
    }

    private static func trimmed(_ line: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        let isBlank = { (byte: UInt8) in byte == 0x20 || byte == 0x09 || byte == 0x0D }
        var line = line.drop(while: isBlank)
        while let last = line.last, isBlank(last) { line = line.dropLast() }
        return line
    }

    private static func fatal(
        _ error: DirectiveError, line: (number: Int, text: ArraySlice<UInt8>)?
    ) -> [UInt8] {
        var text = Array("\n*** FATAL CONFIG FILE ERROR (Redis 7.0.15) ***\n".utf8)
        if let line {
            text += "Reading the configuration file, at line \(line.number)\n>>> '".utf8
            text += line.text
            text += "'\n".utf8
        }
        return text + "\(error.reason)\n".utf8
    }

    /// Carries out one line; the result is the path of a file to go on with.
    private mutating func execute(_ line: ArraySlice<UInt8>) throws(DirectiveError) -> String? {
        guard let words = ConfigurationWords.split(line, endsAtHash: true) else {
            throw DirectiveError("Unbalanced quotes in configuration line")
        }
        guard let first = words.first else { return nil }
        let name = String(decoding: first, as: UTF8.self).lowercased()
        if let directive = Directive.find(first) {
            try set(directive, to: Array(words.dropFirst()), name: name)
            return nil
        }
        if name == "include", words.count == 2 {
            includes += 1
            guard includes <= ServerConfigurationLoader.maximumIncludes else {
                throw DirectiveError(
                    "more than \(ServerConfigurationLoader.maximumIncludes) files are included")
            }
            return String(decoding: words[1], as: UTF8.self)
        }
        if name == "rename-command", words.count == 3 { try rename(words[1], to: words[2]) }
        try accept(name, words: words.count)
        return nil
    }

    private mutating func set(
        _ directive: Directive, to words: [[UInt8]], name: String
    ) throws(DirectiveError) {
        let value = try directive.parse(words)
        guard let place = directive.place else {
            unheeded[directive.name] = value
            warn(of: name)
            return
        }
        place.write(value, &loaded.configuration)
        if directive.name == "dir" {
            do throws(FileFailure) {
                try files.changeDirectory(to: loaded.configuration.directory ?? "")
            } catch {
                throw DirectiveError(error.reason)
            }
        }
    }

    // Nothing is renamed yet, but a name that is none is refused all the same.
    private mutating func rename(_ old: [UInt8], to new: [UInt8]) throws(DirectiveError) {
        guard isCommand(old) else { throw DirectiveError("No such command in rename-command") }
        renamed[String(decoding: old, as: UTF8.self).lowercased()] = false
        if new.isEmpty { return }
        guard !isCommand(new) else { throw DirectiveError("Target command name already exists") }
        renamed[String(decoding: new, as: UTF8.self).lowercased()] = true
    }

    private func isCommand(_ name: [UInt8]) -> Bool {
        renamed[String(decoding: name, as: UTF8.self).lowercased()]
            ?? (CommandTable.builtIn.find(name.span) != nil)
    }

    // What redis-server knows besides its directives; nothing here heeds any of it yet.
    private mutating func accept(_ name: String, words: Int) throws(DirectiveError) {
        switch (name, words) {
        case ("rename-command", 3), ("user", 2...): break
        case ("loadmodule", 2...): hasModules = true
        case ("list-max-ziplist-entries", 2), ("list-max-ziplist-value", 2): break
        case ("lua-replicate-commands", 2): break
        case (let name, _) where name.contains("."):
            guard words >= 2 else { throw DirectiveError("Module config specified without value") }
            hasModuleParameters = true
        case ("sentinel", 1): break
        case ("sentinel", _): throw DirectiveError("sentinel directive while not in sentinel mode")
        default: throw DirectiveError("Bad directive or wrong number of arguments")
        }
        warn(of: name)
    }

    private mutating func warn(of name: String) {
        guard warned.insert(name).inserted else { return }
        loaded.warnings.append("'\(name)' has no effect: sluice-server does not support it yet")
    }

    // What can only be judged at the end of a text.
    private func check() throws(DirectiveError) {
        if let logFile = loaded.configuration.logFile {
            do throws(FileFailure) {
                try files.openLog(logFile)
            } catch {
                throw DirectiveError("Can't open the log file: \(error.reason)")
            }
        }
        if unheeded["cluster-enabled"] == .boolean(true),
            case .words(let words) = unheeded["replicaof"],
            words.map({ String(decoding: $0, as: UTF8.self).lowercased() }) != ["no", "one"]
        {
            throw DirectiveError("replicaof directive not allowed in cluster mode")
        }
    }
}
