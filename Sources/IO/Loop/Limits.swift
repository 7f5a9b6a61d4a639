// Every bound of the event loop, in one place; a test reaches each.

import RESP

enum Limits {
    /// What one read takes at most; also the memory that a loop reads into.
    static let read = 64 * 1024
    /// Connections accepted from one listener per turn, so that a storm of them does not hold up those that stand.
    static let acceptsPerTurn = 256
    /// Writes to one connection per turn while it takes everything; the next turn goes on.
    static let writesPerTurn = 16
    /// A write of at least this much asks the core for more at once; smaller ones were all there was.
    static let largeWrite = 8 * 1024
    /// How often a turn asks the core whether carrying its wishes out led to new ones.
    static let roundsPerTurn = 8

    /// Threads that look names up at a time; a name server that is silent must not stop every other name.
    static let lookups = 8

    /// How long a listener rests when there are no descriptors left.
    static let acceptRest = Duration.milliseconds(100)

    /// What is read and thrown away after a close by the core while the peer still sends, so that the peer gets
    /// to read the last reply: so many bytes, for so long, on so many connections at a time.
    static let lingerBytes = 1024 * 1024
    static let lingerTime = Duration.seconds(2)
    static let lingering = 1024
}
