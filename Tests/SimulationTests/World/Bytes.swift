// Small helpers for bytes in tests.

import RESP

extension [UInt8] {
    init(_ text: String) {
        self = Array(text.utf8)
    }

    /// For people: the text, shortened, with what is not printable as `\xHH`.
    var shown: String {
        var text = ""
        for byte in prefix(80) {
            switch byte {
            case UInt8(ascii: "\r"): text += "\\r"
            case UInt8(ascii: "\n"): text += "\\n"
            case 32..<127: text.unicodeScalars.append(Unicode.Scalar(byte))
            default: text += "\\x" + (byte < 16 ? "0" : "") + String(byte, radix: 16)
            }
        }
        return count > 80 ? "\(text)... (\(count) bytes)" : text
    }
}

extension ByteBuffer {
    /// Appends the first `count` bytes to `output`; they stay here too.
    func copy(_ count: Int, to output: inout [UInt8]) {
        output.append(bytes.extracting(0..<count))
    }
}
