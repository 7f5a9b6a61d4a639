// One directive of redis.conf: its names, what it holds, when it may change, and which part of
// `ServerConfiguration` it sets.

/// A row of the table of directives, which the configuration file, the command line and CONFIG read.
package struct Directive: Sendable {
    package let name: String
    /// An older name for the same directive.
    package let alias: String?
    package let kind: Kind
    /// The default, as CONFIG GET prints it.
    package let defaultText: String
    package let change: Change
    /// Where the value goes; nil while nothing heeds the directive.
    package let place: Place?

    package init(
        _ name: String, _ kind: Kind, _ defaultText: String, _ change: Change,
        _ place: Place? = nil,
        alias: String? = nil
    ) {
        self.name = name
        self.alias = alias
        self.kind = kind
        self.defaultText = defaultText
        self.change = change
        self.place = place
    }

    /// What a directive's words must be.
    package enum Kind: Sendable {
        /// `yes` or `no`.
        case boolean
        case integer(ClosedRange<Int>)
        /// Bytes, with a unit or without.
        case memory(ClosedRange<UInt64>)
        /// Bytes, or a share of `maxmemory`: kept as a negative number, as redis-server does.
        case memoryOrPercent
        case octal(ClosedRange<Int>)
        case choice([String])
        /// One word; the check returns the reason for a refusal.
        case text((@Sendable ([UInt8]) -> String?)? = nil)
        /// Any number of words; one word with spaces in it is split once more.
        case words(@Sendable ([[UInt8]]) -> String?)
    }

    /// When CONFIG SET may change it.
    package enum Change: Sendable {
        case anyTime
        case atStart
        /// Only with `enable-protected-configs`.
        case protected
    }

    package enum Value: Sendable, Equatable {
        case boolean(Bool)
        case number(Int)
        case choice(String)
        case text([UInt8])
        case words([[UInt8]])
    }

    /// Every directive that redis-server 7.0 has, heeded or not.
    package static let all = heeded + unheeded

    /// The directive with this name or alias, in any case; O(n), for starts and CONFIG.
    package static func find(_ name: [UInt8]) -> Directive? {
        let wanted = String(decoding: name, as: UTF8.self).lowercased()
        let matches = { (directive: Directive) in
            directive.name == wanted || directive.alias == wanted
        }
        return all.first(where: matches)
    }
}

/// Why a directive's words are refused: redis-server's own text.
package struct DirectiveError: Error, Sendable, Equatable {
    package let reason: String

    package init(_ reason: String) {
        self.reason = reason
    }
}
