// What a client listens to, and the frames that tell of it.

import RESP

/// The three kinds of things that can be subscribed to.
enum SubscriptionKind: Int, CaseIterable {
    case channel
    case pattern
    case shardChannel

    var subscribe: StaticString {
        switch self {
        case .channel: "subscribe"
        case .pattern: "psubscribe"
        case .shardChannel: "ssubscribe"
        }
    }

    var unsubscribe: StaticString {
        switch self {
        case .channel: "unsubscribe"
        case .pattern: "punsubscribe"
        case .shardChannel: "sunsubscribe"
        }
    }

    init?(_ command: CommandID) {
        switch command {
        case .subscribe, .unsubscribe: self = .channel
        case .psubscribe, .punsubscribe: self = .pattern
        case .ssubscribe, .sunsubscribe: self = .shardChannel
        default: return nil
        }
    }
}

/// A client's subscriptions and the connection that they are on.
final class Subscription {
    /// A request that has not been confirmed whole.
    struct Unconfirmed {
        let kind: SubscriptionKind
        let isSubscribing: Bool
        /// What it names; none to unsubscribe from all of the kind.
        let names: [[UInt8]]
        /// Confirmations that the client has had, and those that are to come.
        var confirmed = 0
        var left: Int

        /// The name that is confirmed next; nil when only the server knows.
        var next: [UInt8]? { confirmed < names.count ? names[confirmed] : nil }

        /// Whether it is the proxy that confirms it, and not the server.
        func isOwn(_ name: [UInt8]) -> Bool {
            kind == .channel && OwnChannels.isEvents(name)
        }

        /// What a server is asked for what is not confirmed yet; nil when there is nothing to ask it.
        var words: [[UInt8]]? {
            let word = isSubscribing ? kind.subscribe : kind.unsubscribe
            let rest = names.dropFirst(confirmed).filter { !isOwn($0) }
            guard names.isEmpty || !rest.isEmpty else { return nil }
            return [Array(word.description.utf8)] + rest
        }
    }

    /// The connection to a server; nil while there is nothing that one is to be asked for.
    var link: LinkID?
    /// By the raw value of the kind; what the server has confirmed.
    var names: [Set<[UInt8]>] = [[], [], []]
    /// It is told the proxy's events.
    var hearsEvents = false
    /// What the client waits for.
    var unconfirmed: Unconfirmed?
    /// Confirmations to come that the client has had before, from another connection.
    var repeated = 0
    /// While there is no connection: when the next one is tried.
    var retryAt: Instant?
    /// Connections in a row that were of no use.
    var failures = 0

    var isEmpty: Bool { isEmptyAtServer && !hearsEvents }

    var isEmptyAtServer: Bool { names.allSatisfy(\.isEmpty) }

    /// What the proxy itself adds to the number of subscriptions of a kind, as confirmations count them.
    func own(_ kind: SubscriptionKind) -> Int {
        hearsEvents && kind != .shardChannel ? 1 : 0
    }

    /// How many subscriptions a confirmation of this kind tells of: channels and patterns are counted together.
    func count(_ kind: SubscriptionKind) -> Int {
        kind == .shardChannel
            ? names[kind.rawValue].count
            : names[SubscriptionKind.channel.rawValue].count
                + names[SubscriptionKind.pattern.rawValue].count + own(kind)
    }

    /// What UNSUBSCRIBE without names ends, the proxy's own first.
    var allChannels: [[UInt8]] {
        let others = names[SubscriptionKind.channel.rawValue]
        return [Array(OwnChannels.events.description.utf8)]
            + others.sorted { $0.lexicographicallyPrecedes($1) }
    }

    /// One more confirmation has come for the client.
    func noteConfirmed() {
        failures = 0
        guard unconfirmed != nil else { return }
        unconfirmed!.confirmed += 1
        unconfirmed!.left -= 1
        if unconfirmed!.left == 0 { unconfirmed = nil }
    }

    /// The words of the requests that subscribe to all that is confirmed again.
    var repetition: [[[UInt8]]] {
        SubscriptionKind.allCases.compactMap { kind in
            let sorted = names[kind.rawValue].sorted { $0.lexicographicallyPrecedes($1) }
            guard !sorted.isEmpty else { return nil }
            return [Array(kind.subscribe.description.utf8)] + sorted
        }
    }

    /// What is left of the request that is not confirmed, to be asked of a server that knows what is. The names that
    /// are confirmed of an UNSUBSCRIBE without names are gone from the list anyway.
    var rest: [[UInt8]]? { unconfirmed?.words }
}

/// What a frame on a subscribed connection is.
enum SubscriptionFrame: Equatable {
    case subscribed(SubscriptionKind, name: [UInt8])
    case unsubscribed(SubscriptionKind, name: [UInt8]?)
    /// A message, or the answer to PING.
    case other

    /// Reads a whole frame, of either version.
    init(_ frame: Span<UInt8>) {
        self = .other
        // Nothing is read of a message but its first word.
        guard let word = SubscriptionFrame.bulk(1, of: frame) else { return }
        for kind in SubscriptionKind.allCases {
            if word.equalsIgnoringCase(kind.subscribe) {
                guard let name = SubscriptionFrame.bulk(2, of: frame) else { return }
                self = .subscribed(kind, name: [UInt8](copying: name))
            } else if word.equalsIgnoringCase(kind.unsubscribe) {
                guard let name = SubscriptionFrame.bulk(2, of: frame) else {
                    self = .unsubscribed(kind, name: nil)
                    return
                }
                self = .unsubscribed(kind, name: [UInt8](copying: name))
            }
        }
    }

    /// One of the bulks of an array, counted from 1; nil when there is none there.
    @_lifetime(copy frame)
    static func bulk(_ place: Int, of frame: Span<UInt8>) -> Span<UInt8>? {
        // A server that sends anything else may send numbers that are none.
        guard frame[0] == ReplyKind.array.rawValue || frame[0] == ReplyKind.push.rawValue else {
            return nil
        }
        var index = 0
        for step in 0...place {
            let start = index
            while index < frame.count, frame[index] != UInt8(ascii: "\n") { index += 1 }
            index += 1
            guard index <= frame.count else { return nil }
            if step == 0 { continue }
            guard index - 2 > start, frame[start] == UInt8(ascii: "$"),
                let length = Decimal.integer(frame.extracting(start + 1..<index - 2)), length >= 0,
                length <= frame.count - index - 2
            else { return nil }
            if step == place { return frame.extracting(index..<index + length) }
            index += length + 2
        }
        return nil
    }
}
