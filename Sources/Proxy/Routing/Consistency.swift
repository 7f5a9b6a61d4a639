// How old the answer to a read may be.

/// The levels, from the strictest to the one that asks for nothing.
package enum Consistency: String, Sendable, Equatable, CaseIterable {
    /// Every read goes to the master.
    case master
    /// A read sees every write that was acknowledged before it, by anybody.
    case fresh
    /// A client sees its own writes.
    case session
    /// No older than a given time.
    case bounded
    /// Any replica will do.
    case eventual

    /// Whether it must be known what was written.
    var needsFences: Bool { self == .fresh || self == .session }
}
