// Every bound of the event loop that no configuration sets, in one place. LimitTests reaches each, except for those
// of names (LinkTests), of resting (ListenerTests), and of lingering's bytes and time (ClosingTests).

import RESP

package enum Limits {
    /// What one read takes at most; also the memory that a loop reads into.
    package static let read = 64 * 1024
    /// Events that one turn takes from epoll. Ready descriptors go round in the kernel's list, so that those beyond
    /// this bound come first in the next turn: with one read each, nobody starves.
    package static let events = 256
    /// Connections accepted from one listener per turn, so that a storm of them does not hold up those that stand.
    package static let acceptsPerTurn = 256
    /// Writes to one connection per turn while it takes everything; the next turn goes on.
    package static let writesPerTurn = 16
    /// A write of at least this much asks the core for more at once; smaller ones were all there was.
    package static let largeWrite = 8 * 1024
    /// How often a turn asks the core whether carrying its wishes out led to new ones.
    package static let roundsPerTurn = 8

    /// Threads that look names up at a time; a name server that is silent must not stop every other name.
    package static let lookups = 8

    /// How long a listener rests when there are no descriptors left.
    package static let acceptRest = Duration.milliseconds(100)

    /// What is read and thrown away after a close by the core while the peer still sends, so that the peer gets
    /// to read the last reply: so many bytes, for so long, on so many connections at a time.
    package static let lingerBytes = 1024 * 1024
    package static let lingerTime = Duration.seconds(2)
    package static let lingering = 1024
}
