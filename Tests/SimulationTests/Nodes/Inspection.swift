// What the laws ask a core when they look into it: how much it holds, and whether it is sound.

import RESP

/// A core that lets the laws look inside.
protocol Inspectable: AnyObject {
    /// Bytes that wait to be sent, and bytes of requests that have not arrived whole.
    var bytesHeld: Int { get }
    /// Requests that somebody still waits for an answer to.
    var requestsWaiting: Int { get }
    /// True while a connection that the core wants does not stand.
    var missesServers: Bool { get }
    /// How long anybody may wait because somebody else does not take his replies.
    var longestHoldUp: Duration { get }
    /// Whether a connection is not read from because somebody does not take his replies, and others wait for it.
    func isHeldUp(_ id: ConnectionID) -> Bool
    /// What `bytesHeld` may never exceed with so many connections open.
    func mostBytesHeld(connections: Int) -> Int
    /// Writes that may be on their way, as far as reads are to know, and replicas that are not known to have all.
    var fencesRaised: Int { get }
    var doubtsLeft: Int { get }
    var replicasBehind: Int { get }
    /// Traps when something does not hold that always must.
    func checkInvariants()
}

extension Inspectable {
    var fencesRaised: Int { 0 }
    var doubtsLeft: Int { 0 }
    var replicasBehind: Int { 0 }
}
