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
    var link: LinkID
    /// By the raw value of the kind; what the server has confirmed.
    var names: [Set<[UInt8]>] = [[], [], []]
    /// Confirmations that are still to come for the client.
    var awaited = 0
    /// Confirmations to come that the client has had before, from another connection.
    var repeated = 0
    /// While there is no connection: when the next one is tried.
    var retryAt: Instant?

    init(link: LinkID) {
        self.link = link
    }

    var isEmpty: Bool { names.allSatisfy(\.isEmpty) }

    /// As redis-server counts them in its confirmations: shard channels apart.
    var count: Int { names[0].count + names[1].count }

    /// The words of the requests that subscribe to everything again.
    var requests: [[[UInt8]]] {
        SubscriptionKind.allCases.compactMap { kind in
            let sorted = names[kind.rawValue].sorted { $0.lexicographicallyPrecedes($1) }
            guard !sorted.isEmpty else { return nil }
            return [Array(kind.subscribe.description.utf8)] + sorted
        }
    }
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
    private static func bulk(_ place: Int, of frame: Span<UInt8>) -> Span<UInt8>? {
        var index = 0
        for step in 0...place {
            let start = index
            while index < frame.count, frame[index] != UInt8(ascii: "\n") { index += 1 }
            index += 1
            guard index <= frame.count else { return nil }
            if step == 0 { continue }
            guard frame[start] == UInt8(ascii: "$"),
                let length = Decimal.integer(frame.extracting(start + 1..<index - 2)), length >= 0,
                index + length + 2 <= frame.count
            else { return nil }
            if step == place { return frame.extracting(index..<index + length) }
            index += length + 2
        }
        return nil
    }
}
