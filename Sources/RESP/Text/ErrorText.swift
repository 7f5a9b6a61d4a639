// What a client sent, quoted back to it or to the log without breaking the line.

public enum ErrorText {
    /// The first `limit` bytes, up to a zero byte; line ends stand as spaces.
    public static func append(_ bytes: Span<UInt8>, upTo limit: Int, to output: inout OutputQueue) {
        for index in 0..<min(bytes.count, limit) {
            let byte = bytes[index]
            if byte == 0 { return }
            output.append(byte == UInt8(ascii: "\r") || byte == UInt8(ascii: "\n") ? 0x20 : byte)
        }
    }

    /// A command's name as messages write it.
    public static func appendLowercased(_ name: Span<UInt8>, to output: inout OutputQueue) {
        for index in 0..<min(name.count, 128) {
            let byte = name[index]
            output.append(byte >= 0x41 && byte <= 0x5A ? byte | 0x20 : byte < 0x20 ? 0x20 : byte)
        }
    }

    /// A command's name as HELP writes it.
    public static func appendUppercased(_ name: Span<UInt8>, to output: inout OutputQueue) {
        for index in 0..<min(name.count, 128) {
            let byte = name[index]
            output.append(byte >= 0x61 && byte <= 0x7A ? byte & 0xDF : byte < 0x20 ? 0x20 : byte)
        }
    }

    /// The first `limit` bytes for the log; what does not print stands as a dot.
    public static func string(_ bytes: Span<UInt8>, upTo limit: Int) -> String {
        var text = ""
        for index in 0..<min(bytes.count, limit) {
            let byte = bytes[index]
            text.unicodeScalars.append(
                byte >= 0x20 && byte < 0x7F ? Unicode.Scalar(byte) : Unicode.Scalar(0x2E))
        }
        return text
    }
}
