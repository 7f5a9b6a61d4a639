// Who stands behind a connection: found by slot, told from earlier ones in that slot by generation.

/// The sessions of one core by connection. Looking one up is an index and a comparison.
///
/// Inlinable because both cores ask it for every read, and a generic that is not specialised is slow.
@frozen
public struct ConnectionTable<Session: AnyObject> {
    @usableFromInline var sessions: [Session?] = []
    @usableFromInline var generations: [UInt32] = []
    public private(set) var count = 0

    public init() {}

    @inlinable
    public subscript(_ id: ConnectionID) -> Session? {
        let slot = Int(id.slot)
        guard slot < sessions.count, generations[slot] == id.generation else { return nil }
        return sessions[slot]
    }

    public mutating func insert(_ session: Session, for id: ConnectionID) {
        let slot = Int(id.slot)
        while sessions.count <= slot {
            sessions.append(nil)
            generations.append(0)
        }
        precondition(sessions[slot] == nil, "slot \(slot) is taken")
        sessions[slot] = session
        generations[slot] = id.generation
        count += 1
    }

    @discardableResult
    public mutating func remove(_ id: ConnectionID) -> Session? {
        guard let session = self[id] else { return nil }
        sessions[Int(id.slot)] = nil
        count -= 1
        return session
    }

    /// All sessions, by rising slot.
    public var all: some Sequence<Session> {
        sessions.lazy.compactMap { $0 }
    }
}
