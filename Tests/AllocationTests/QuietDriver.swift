// Drives a core as the event loop does, and allocates nothing itself.

import RESP

final class QuietDriver<Driven: Core> {
    let core: Driven
    let now = Moment(
        instant: Instant(nanoseconds: 1_000_000_000),
        wall: WallTime(microseconds: 1_700_000_000_000_000))
    /// Bytes that all connections together have taken.
    private(set) var taken = 0

    init(_ make: (Moment) -> Driven) {
        core = make(now)
    }

    /// A client connects; slots are the caller's to give out.
    func connect(slot: UInt32) -> ConnectionID {
        let id = ConnectionID(slot: slot, generation: 1)
        let peer = PeerAddress.ipv4(127, 0, 0, 1, port: 50_000)
        core.open(
            id, through: .clients, from: peer, to: .ipv4(127, 0, 0, 1, port: 6379), at: now)
        return id
    }

    func send(_ bytes: Span<UInt8>, to id: ConnectionID) {
        core.receive(bytes, from: id, at: now)
    }

    /// What the event loop does at the end of a turn: every connection with output is written to, once.
    func finishTurn() {
        var index = 0
        while index < core.pending.output.count {
            core.drain(core.pending.output[index], at: now) { pieces in
                taken += pieces.total
                return pieces.total
            }
            index += 1
        }
        core.pending.output.removeAll(keepingCapacity: true)
        precondition(core.pending.wishes.isEmpty, "a wish on the path of a request")
    }
}
