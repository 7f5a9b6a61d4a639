// Talking to whoever started us: whole lines, at once.

import Glibc

enum Console {
    static func say(_ line: String) {
        write(line + "\n", to: 1)
    }

    /// Ends the program with a complaint: a load that was not what it should have been has no figures.
    static func fail(_ complaint: String) -> Never {
        write("sluice-load: \(complaint)\n", to: 2)
        exit(1)
    }

    /// The same for a system call, with the kernel's reason.
    static func failed(_ call: String) -> Never {
        fail("\(call): \(String(cString: strerror(errno)))")
    }

    /// Waits for one line of input, or for its end.
    static func waitForLine() {
        var byte = UInt8(0)
        while read(0, &byte, 1) == 1, byte != 0x0A {}
    }

    private static func write(_ text: String, to descriptor: Int32) {
        let bytes = Array(text.utf8)
        var sent = 0
        while sent < bytes.count {
            let count = bytes.withUnsafeBytes {
                Glibc.write(descriptor, $0.baseAddress! + sent, $0.count - sent)
            }
            guard count > 0 else { exit(1) }
            sent += count
        }
    }
}
