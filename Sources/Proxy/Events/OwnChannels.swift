// The channels that the proxy has for itself: one that it tells events on, and those of watermarks.

import RESP

/// What is published there is the proxy's word: clients may not publish on them, and their patterns do not hear them.
enum OwnChannels {
    private static let prefix: StaticString = "__sluice__:"
    /// Where clients hear of events. No server knows of it: the proxy itself serves those who listen.
    static let events: StaticString = "__sluice__:events"
    /// What the names of channels begin with that watermarks are published on, at the master.
    static let watermarks: StaticString = "__sluice__:watermarks:"

    static func isEvents(_ name: [UInt8]) -> Bool {
        name.count == events.utf8CodeUnitCount && name.span.begins(with: events)
    }

    static func has(_ name: Span<UInt8>) -> Bool {
        name.begins(with: prefix)
    }

    /// Whether a frame is a message that a pattern has heard there.
    static func isHeard(in frame: Span<UInt8>) -> Bool {
        guard let word = SubscriptionFrame.bulk(1, of: frame), word.equalsIgnoringCase("pmessage"),
            let name = SubscriptionFrame.bulk(3, of: frame)
        else { return false }
        return has(name)
    }
}
