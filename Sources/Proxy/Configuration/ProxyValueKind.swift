// The types that a key can have: how each is read from a node, checked, and printed.

import RESP

/// A type of value, bound to its place in `ProxyConfiguration`.
struct ProxyValueKind: Sendable {
    typealias Place<Value> = WritableKeyPath<ProxyConfiguration, Value> & Sendable

    /// What a good value looks like, for error messages and documents.
    let expected: String
    /// Of values that are maps, or lists or maps of them: the keys.
    var inner: [InnerKey] = []
    /// Puts the node's value into the configuration.
    let read:
        @Sendable (YAMLNode, inout ValueReader, inout ProxyConfiguration)
            throws(ConfigurationError) -> Void
    /// The value as a file would have it.
    let render: @Sendable (ProxyConfiguration) -> String

    // One scalar, read by `parse` and put into its place.
    private static func scalar<Value: Sendable>(
        _ place: any Place<Value>, _ expected: String,
        parse: @escaping @Sendable (String) -> Value?,
        render: @escaping @Sendable (Value) -> String
    ) -> ProxyValueKind {
        ProxyValueKind(
            expected: expected,
            read: { (node, reader, configuration) throws(ConfigurationError) in
                configuration[keyPath: place] = try reader.value(of: node, expected, parse: parse)
            },
            render: { render($0[keyPath: place]) })
    }

    static func integer(_ place: any Place<Int>, _ range: ClosedRange<Int>) -> ProxyValueKind {
        scalar(place, "a number from \(range.lowerBound) to \(range.upperBound)") { text in
            ProxyValues.integer(text).flatMap { range.contains($0) ? $0 : nil }
        } render: {
            "\($0)"
        }
    }

    static func size(_ place: any Place<Int>, _ range: ClosedRange<Int>) -> ProxyValueKind {
        let lower = ProxyValues.render(size: range.lowerBound)
        let upper = ProxyValues.render(size: range.upperBound)
        return scalar(place, "a size such as 64KB or 10MB, from \(lower) to \(upper)") { text in
            ProxyValues.size(text).flatMap { range.contains($0) ? $0 : nil }
        } render: {
            ProxyValues.render(size: $0)
        }
    }

    static func duration(
        _ place: any Place<Duration>, _ range: ClosedRange<Duration>
    ) -> ProxyValueKind {
        let lower = ProxyValues.render(duration: range.lowerBound)
        let upper = ProxyValues.render(duration: range.upperBound)
        return scalar(place, "a duration such as 250ms, 10s, 1m or 1h, from \(lower) to \(upper)") {
            text in
            ProxyValues.duration(text).flatMap { range.contains($0) ? $0 : nil }
        } render: {
            ProxyValues.render(duration: $0)
        }
    }

    /// A duration that the system counts in seconds: less than one would silently become none.
    static func seconds(
        _ place: any Place<Duration>, _ range: ClosedRange<Duration>
    ) -> ProxyValueKind {
        let upper = ProxyValues.render(duration: range.upperBound)
        return scalar(place, "a duration of whole seconds such as 10s or 5m, up to \(upper)") {
            text in
            ProxyValues.duration(text).flatMap {
                range.contains($0) && $0.components.attoseconds == 0 ? $0 : nil
            }
        } render: {
            ProxyValues.render(duration: $0)
        }
    }

    static func boolean(_ place: any Place<Bool>) -> ProxyValueKind {
        scalar(place, "true or false") {
            ProxyValues.boolean($0)
        } render: {
            $0 ? "true" : "false"
        }
    }

    /// A text that may be left empty.
    static func text(_ place: any Place<String?>) -> ProxyValueKind {
        scalar(place, "a text") { text in
            .some(text.isEmpty ? nil : text)
        } render: {
            quoted(ConfigurationSources.escaped($0 ?? ""))
        }
    }

    /// One of a few words.
    static func choice<Value: Sendable & Equatable>(
        _ place: any Place<Value>, _ choices: [(name: String, value: Value)]
    ) -> ProxyValueKind {
        ProxyValueKind(
            expected: ValueReader.alternatives(choices.map(\.name)),
            read: { (node, reader, configuration) throws(ConfigurationError) in
                configuration[keyPath: place] = try reader.choice(of: node, choices)
            },
            render: { configuration in
                let value = configuration[keyPath: place]
                guard let choice = choices.first(where: { $0.value == value }) else {
                    preconditionFailure("a value of \(Value.self) has no word")
                }
                return choice.name
            })
    }

    static func choice<Value: Sendable & Equatable & CaseIterable & RawRepresentable<String>>(
        _ place: any Place<Value>
    ) -> ProxyValueKind {
        choice(place, Value.allCases.map { (name: $0.rawValue, value: $0) })
    }

    static func level(_ place: any Place<LogLevel>) -> ProxyValueKind {
        choice(
            place,
            [
                (name: "debug", value: .debug), (name: "verbose", value: .verbose),
                (name: "notice", value: .notice), (name: "warning", value: .warning),
            ])
    }

    /// A zone: a name that may be left empty.
    static func zone(_ place: any Place<String?>) -> ProxyValueKind {
        scalar(place, nameForm) { text in
            text.isEmpty ? .some(nil) : ProxyValues.name(text).map { .some($0) }
        } render: {
            quoted($0 ?? "")
        }
    }

    static let nameForm = "a name of letters, digits, '.', '-' and '_', at most 64"

    static func threads(
        _ place: any Place<ProxyConfiguration.Threads>, atMost most: Int
    ) -> ProxyValueKind {
        scalar(place, "auto, or a number from 1 to \(most)") { text in
            if text == "auto" { return .automatic }
            return ProxyValues.integer(text).flatMap { (1...most).contains($0) ? .count($0) : nil }
        } render: {
            switch $0 {
            case .automatic: "auto"
            case .count(let count): "\(count)"
            }
        }
    }

    /// An endpoint, or `off`.
    static func endpointOrOff(_ place: any Place<Endpoint?>) -> ProxyValueKind {
        scalar(place, ProxyValues.endpointForm + ", or off") { text in
            text == "off" ? .some(nil) : ProxyValues.endpoint(text).map { .some($0) }
        } render: {
            $0.map { rendered($0) } ?? "off"
        }
    }

    static func rendered(_ endpoint: Endpoint) -> String {
        quoted(ConfigurationSources.escaped(endpoint.description))
    }

    /// The text in a form that reads back as the same text.
    static func quoted(_ text: String) -> String {
        let isPlain =
            text.utf8.first.map { $0 != UInt8(ascii: "-") } ?? false
            && text != "~" && text != "null"
            && text.utf8.allSatisfy {
                switch $0 {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "/"),
                    UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: ":"):
                    true
                default: false
                }
            } && text.utf8.last != UInt8(ascii: ":")
        if isPlain { return text }
        var result = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": result += "\\\""
            case "\\": result += "\\\\"
            case "\n": result += "\\n"
            case "\r": result += "\\r"
            case "\t": result += "\\t"
            case _ where scalar.value < 0x20 || scalar.value == 0x7F:
                let digits = String(scalar.value, radix: 16)
                result += "\\x" + (digits.count < 2 ? "0" : "") + digits
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result + "\""
    }
}
