// A core that has no connections.

import RESP

/// What it does not say happens to none: only its own news and time reach it.
public protocol SecludedCore: Core {}

extension SecludedCore {
    public func open(
        _ id: ConnectionID, through listener: ListenerID, from peer: PeerAddress,
        to local: PeerAddress, at now: Moment
    ) {}
    public func receive(_ bytes: Span<UInt8>, from id: ConnectionID, at now: Moment) {}
    public func end(_ id: ConnectionID, at now: Moment) {}
    public func drain(
        _ id: ConnectionID, at now: Moment, into write: (borrowing OutputPieces) -> Int
    ) {}
    public func close(_ id: ConnectionID, at now: Moment) {}
    public func tick(at now: Moment) {}
}
