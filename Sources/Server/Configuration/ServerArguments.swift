// The command line of sluice-server, which is redis-server's: a file, then directives with dashes, which are read
// as if they stood behind the file's last line.

/// What the command line asks for.
package enum ServerInvocation: Sendable, Equatable {
    case run(ServerArguments)
    case version
    case help
    /// Nothing can be started; the text goes to the standard error, and the exit status is 1.
    case refused(String)
}

/// Where the configuration comes from: a file, then the standard input, then the command line.
package struct ServerArguments: Sendable, Equatable {
    package var file: String?
    package var readsStandardInput = false
    /// Lines as redis.conf would have them.
    package var options: [UInt8] = []

    package init() {}

    /// Reads the arguments behind the program's name.
    package static func parse(_ arguments: [[UInt8]]) -> ServerInvocation {
        guard let first = arguments.first else { return .run(ServerArguments()) }
        switch String(decoding: first, as: UTF8.self) {
        case "-v", "--version": return .version
        case "-h", "--help": return .help
        case "--test-memory" where arguments.count == 2:
            return .refused("there is no memory test here\n")
        case "--test-memory":
            return .refused(
                "Please specify the amount of memory to test in megabytes.\n"
                    + "Example: ./sluice-server --test-memory 4096\n\n")
        case "--check-system": return .refused("there is no check of the system here\n")
        default: break
        }
        if arguments.contains(Array("--sentinel".utf8)) {
            return .refused("sluice-server has no Sentinel mode; run redis-sentinel for that\n")
        }
        var result = ServerArguments()
        var rest = arguments[...]
        if first.first != UInt8(ascii: "-") {
            result.file = String(decoding: first, as: UTF8.self)
            rest = rest.dropFirst()
        }
        result.readOptions(rest, last: arguments.endIndex - 1)
        return .run(result)
    }

    private mutating func readOptions(_ arguments: ArraySlice<[UInt8]>, last: Int) {
        // A directive takes at least one argument before another one may begin, so that values may have dashes.
        var mayBegin = true
        for (index, argument) in zip(arguments.indices, arguments) {
            if argument == [UInt8(ascii: "-")], index == 0 || index == last {
                readsStandardInput = true
            } else if mayBegin, argument.starts(with: "--".utf8) {
                if !options.isEmpty { options.append(UInt8(ascii: "\n")) }
                options += argument.dropFirst(2)
                options.append(UInt8(ascii: " "))
                // `--port 7000` in one argument is whole.
                mayBegin = ConfigurationWords.split(argument[...], endsAtHash: false)?.count != 1
                if !mayBegin,
                    isEmptySave(argument, before: index < last ? arguments[index + 1] : nil)
                {
                    options += "\"\"".utf8
                    mayBegin = true
                }
            } else {
                options += ConfigurationWords.quoted(argument)
                options.append(UInt8(ascii: " "))
                mayBegin = true
            }
        }
    }

    // `--save` without a value means none; scripts that build command lines rely on it.
    private func isEmptySave(_ argument: [UInt8], before next: [UInt8]?) -> Bool {
        String(decoding: argument, as: UTF8.self).lowercased() == "--save"
            && next?.starts(with: "--".utf8) ?? true
    }

    /// What `--help` prints.
    package static let usage = """
        Usage: ./sluice-server [/path/to/redis.conf] [options] [-]
               ./sluice-server - (read config from stdin)
               ./sluice-server -v or --version
               ./sluice-server -h or --help

        Examples:
               ./sluice-server (run the server with default conf)
               echo 'port 7777' | ./sluice-server -
               ./sluice-server /etc/redis/6379.conf
               ./sluice-server --port 7777
               ./sluice-server /etc/myredis.conf --loglevel verbose -
               ./sluice-server /etc/myredis.conf --loglevel verbose

        """

    /// A path as redis-server makes it absolute: `../` only where it begins the path.
    package static func absolutePath(of path: String, in directory: String) -> String {
        let isTrimmed = { (byte: UInt8) in
            byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09
        }
        var rest = Array(path.utf8)[...].drop(while: isTrimmed)
        while let last = rest.last, isTrimmed(last) { rest = rest.dropLast() }
        if rest.first == UInt8(ascii: "/") { return String(decoding: rest, as: UTF8.self) }
        var base = Array(directory.utf8)
        if !base.isEmpty, base.last != UInt8(ascii: "/") { base.append(UInt8(ascii: "/")) }
        while rest.starts(with: "../".utf8) {
            rest = rest.dropFirst(3)
            guard base.count > 1 else { continue }
            base.removeLast()
            while let last = base.last, last != UInt8(ascii: "/") { base.removeLast() }
        }
        return String(decoding: base + rest, as: UTF8.self)
    }
}
