// What the proxy tells about itself, before anybody has decided how it is written: as JSON for /status, as a map for
// PROXY commands, as lines for INFO. One value, so that the three cannot disagree.

import RESP

/// A tree of named values. Fields keep the order in which they are given: it is part of what is documented.
package indirect enum Report: Sendable, Equatable {
    case none
    case flag(Bool)
    case number(Int)
    case text(String)
    /// Bytes that somebody else chose: names of clients, arguments, reasons.
    case bytes([UInt8])
    case list([Report])
    case fields([Field])

    package struct Field: Sendable, Equatable {
        package let name: String
        package let value: Report

        package init(_ name: String, _ value: Report) {
            self.name = name
            self.value = value
        }
    }

    /// The value of this field, for tests and for those who want one part.
    package subscript(_ name: String) -> Report? {
        guard case .fields(let fields) = self else { return nil }
        return fields.first { $0.name == name }?.value
    }

    static func number(_ number: Int?) -> Report {
        number.map { .number($0) } ?? .none
    }

    static func text(_ text: String?) -> Report {
        text.map { .text($0) } ?? .none
    }
}

// MARK: - RESP

extension OutputQueue {
    /// A report as a reply: fields are a map in RESP3, names and values by turns in RESP2.
    mutating func append(_ report: Report, for version: ProtocolVersion) {
        switch report {
        case .none: appendNull(for: version)
        case .flag(let value): appendBoolean(value, for: version)
        case .number(let number): appendInteger(number)
        case .text(let text): appendBulk(text: text)
        case .bytes(let bytes): appendBulk(bytes.span)
        case .list(let values):
            appendArrayHeader(values.count)
            for value in values { append(value, for: version) }
        case .fields(let fields):
            appendMapHeader(fields.count, for: version)
            for field in fields {
                appendBulk(text: field.name)
                append(field.value, for: version)
            }
        }
    }
}

// MARK: - JSON

/// Writes a report as JSON (RFC 8259), fields in their own order: two blanks a level and one field a line, or all in
/// one line.
package struct JSONWriter {
    private var output: [UInt8] = []
    private var depth = 0
    private var isOneLine = false

    /// The document, with a line end behind it.
    package static func document(_ report: Report) -> [UInt8] {
        var writer = JSONWriter()
        writer.write(report)
        writer.output.append(UInt8(ascii: "\n"))
        return writer.output
    }

    /// The same in one line without an end.
    package static func line(_ report: Report) -> [UInt8] {
        var writer = JSONWriter()
        writer.isOneLine = true
        writer.write(report)
        return writer.output
    }

    private mutating func write(_ report: Report) {
        switch report {
        case .none: write("null")
        case .flag(let value): write(value ? "true" : "false")
        case .number(let number): write(String(number))
        case .text(let text): writeText(text.utf8)
        // What is no UTF-8 cannot stand in JSON: it is shown with U+FFFD in its place.
        case .bytes(let bytes): writeText(String(decoding: bytes, as: UTF8.self).utf8)
        case .list(let values):
            guard !values.isEmpty else { return write("[]") }
            open("[")
            for (index, value) in values.enumerated() {
                startLine(isFirst: index == 0)
                write(value)
            }
            close("]")
        case .fields(let fields):
            guard !fields.isEmpty else { return write("{}") }
            open("{")
            for (index, field) in fields.enumerated() {
                startLine(isFirst: index == 0)
                writeText(field.name.utf8)
                write(isOneLine ? ":" : ": ")
                write(field.value)
            }
            close("}")
        }
    }

    private mutating func open(_ bracket: String) {
        write(bracket)
        depth += 1
    }

    private mutating func close(_ bracket: String) {
        depth -= 1
        indent()
        write(bracket)
    }

    private mutating func startLine(isFirst: Bool) {
        if !isFirst { write(",") }
        indent()
    }

    private mutating func indent() {
        if isOneLine { return }
        output.append(UInt8(ascii: "\n"))
        output += [UInt8](repeating: 0x20, count: depth * 2)
    }

    private mutating func write(_ text: String) {
        output += text.utf8
    }

    /// Quotes, backslashes and control characters are escaped. So are `<`, `>` and `&`, lest a browser that takes
    /// the document for a page find a tag in a client's name.
    private mutating func writeText(_ text: String.UTF8View) {
        output.append(UInt8(ascii: "\""))
        for byte in text {
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"):
                output.append(UInt8(ascii: "\\"))
                output.append(byte)
            case 0x0A: write("\\n")
            case 0x0D: write("\\r")
            case 0x09: write("\\t")
            case 0..<0x20, 0x7F, UInt8(ascii: "<"), UInt8(ascii: ">"), UInt8(ascii: "&"):
                let digits = String(byte, radix: 16)
                write("\\u00" + (digits.utf8.count == 1 ? "0" : "") + digits)
            default: output.append(byte)
            }
        }
        output.append(UInt8(ascii: "\""))
    }
}
