// Every descriptor that a loop watches, in slots that are reused: the index is what a core finds its session by.

import RESP

/// One watched descriptor and what it is to the loop.
package struct Watch: ~Copyable {
    package let descriptor: Descriptor
    package var role: Role
    /// What epoll was told last.
    package var interest: Readiness

    package init(descriptor: consuming Descriptor, role: Role, interest: Readiness) {
        self.descriptor = descriptor
        self.role = role
        self.interest = interest
    }
}

/// What a watched descriptor is to its loop.
package enum Role {
    case wakeUp
    case signals
    case listener(Int)
    /// A link's socket on its way; nothing is known of it to the core yet.
    case connecting(LinkID)
    case connection(Connection)
    /// The core has closed it; what the peer still sends is thrown away, so many bytes at most.
    case lingering(left: Int)
}

/// The two directions of a connection that a core knows, and the link that it was made for.
package struct Connection {
    enum Reading: Equatable {
        case open
        /// The core has asked for silence, and may have been told that the peer has hung up.
        case paused(isTold: Bool)
        /// The peer has sent its last byte.
        case ended
    }

    enum Writing {
        case ready
        /// The last write was short; the kernel tells when there is room.
        case blocked
    }

    var reading = Reading.open
    var writing = Writing.ready
    var link: LinkID?

    var interest: Readiness {
        var interest: Readiness = []
        switch reading {
        case .open: interest.insert(.input)
        case .paused(isTold: false): interest.insert(.hangUp)
        case .paused(isTold: true), .ended: break
        }
        if writing == .blocked { interest.insert(.output) }
        return interest
    }
}

/// The slots. A slot's generation is odd while it is taken and even while it is free, so that a token of the
/// past never fits.
@safe
package struct WatchTable: ~Copyable {
    private var watches: UnsafeMutablePointer<Watch>
    private var generations: [UInt32] = []
    private var free: [UInt32] = []
    private var capacity = 64

    package init() {
        unsafe watches = .allocate(capacity: capacity)
    }

    deinit {
        for slot in 0..<generations.count where generations[slot] & 1 == 1 {
            unsafe (watches + slot).deinitialize(count: 1)
        }
        unsafe watches.deallocate()
    }

    package func holds(_ token: Token) -> Bool {
        let slot = Int(token.slot)
        return slot < generations.count && generations[slot] == token.generation
            && token.generation & 1 == 1
    }

    package mutating func insert(_ watch: consuming Watch) -> Token {
        if free.isEmpty {
            if generations.count == capacity { grow() }
            free.append(UInt32(generations.count))
            generations.append(0)
        }
        let slot = free.removeLast()
        generations[Int(slot)] &+= 1
        unsafe (watches + Int(slot)).initialize(to: watch)
        return Token(slot: slot, generation: generations[Int(slot)])
    }

    /// Frees a slot; the descriptor closes when the caller lets go of what is returned.
    package mutating func remove(_ token: Token) -> Watch {
        precondition(holds(token), "nothing is watched as \(token)")
        generations[Int(token.slot)] &+= 1
        free.append(token.slot)
        return unsafe (watches + Int(token.slot)).move()
    }

    package subscript(_ token: Token) -> Watch {
        _read {
            precondition(holds(token), "nothing is watched as \(token)")
            yield unsafe watches[Int(token.slot)]
        }
        _modify {
            precondition(holds(token), "nothing is watched as \(token)")
            yield unsafe &watches[Int(token.slot)]
        }
    }

    private mutating func grow() {
        let larger = UnsafeMutablePointer<Watch>.allocate(capacity: capacity * 2)
        // Slots that are free hold nothing: move what is taken, one by one.
        for slot in 0..<generations.count where generations[slot] & 1 == 1 {
            unsafe (larger + slot).moveInitialize(from: watches + slot, count: 1)
        }
        unsafe watches.deallocate()
        unsafe watches = larger
        capacity *= 2
    }
}
