// What must hold in every run, whatever breaks; and how a run that broke a law says so.

/// The laws. Each is broken on purpose by a test in `LawTests.swift`.
enum Law: String, CaseIterable {
    /// Every reply answers the oldest unanswered request of its client, with that request's shape and token.
    case replyMatches
    /// No reply comes that no request waits for.
    case replyUnasked
    /// A counter of one client lies between the INCRs acknowledged and those sent, and never goes back.
    case counter
    /// A key holds what its only writer wrote last, or a write whose fate is unknown.
    case value
    /// A read shows nothing older than what was acknowledged, or shown, before it was asked: to anybody, or to its own
    /// connection, by the level of the run.
    case fresh
    /// A transaction is done whole or not at all, and not when what it watched was changed.
    case transaction
    /// What is pushed to a list is popped at most once, and nothing of it gets lost while nothing breaks.
    case element
    /// What is said on one connection of the server reaches the listener whole, once, and in its order.
    case message
    /// A request fails only when the backend was in trouble while it waited.
    case failsWithReason
    /// A client is closed only for a reason: it was cut off, asked for it, or the backend was in trouble.
    case closesWithReason
    /// Once nothing breaks any more, everything that was asked is answered, and new clients are served.
    case answers
    /// At rest a core holds no ticket, no output and no input.
    case rests
    /// What a core holds stays below the limits that it was given.
    case bounds
    /// Nobody waits behind somebody who does not read for longer than the limit on that.
    case stall
    /// No log line says that something happened which should not.
    case log
    /// A core keeps to the interface of `Core`: no word of a connection that is gone, no wake-up in the past.
    case contract
    /// A core that nobody uses any more leaves memory.
    case leaks
}

/// A law that was broken, by whom and when.
struct Violation: Error, CustomStringConvertible {
    let law: Law
    let text: String

    var description: String { "\(law): \(text)" }
}
