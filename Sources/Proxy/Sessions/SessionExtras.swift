// The rare state of a session, apart from it so that an idle client stays small.

import RESP

/// What only few clients have.
final class SessionExtras {
    /// Which replies the client wants.
    enum Replies: Equatable {
        case on
        case off
        /// Not the one to the next request.
        case skipNext
        /// Not the one to the request at hand.
        case skipThis
    }

    var name: [UInt8] = []
    /// As whom it has authenticated, when it has.
    var user: [UInt8]?
    var failedLogins = 0
    /// CLIENT NO-EVICT, which is shown and means nothing here.
    var isNeverEvicted = false
    var replies = Replies.on
    var libraryName: [UInt8] = []
    var libraryVersion: [UInt8] = []
    /// The connection that is this client's alone, and why.
    var pin: Pin?
    /// What MULTI began.
    var transaction: Transaction?
    var subscription: Subscription?
    /// Where the server shows what it is asked: until RESET. The client asks on elsewhere, and what it asks for comes
    /// between what is shown.
    var monitor: LinkID?
    /// The words of the request that began to track keys.
    var tracking: [[UInt8]]?
    /// What came while the client had half of a reply.
    var deferred = ByteBuffer()
    /// The connection is gone that watched keys: the next EXEC must fail.
    var watchIsLost = false
    /// Where a request goes that is passed on in pieces, for as long as it lasts.
    var upload: Upload?

    /// True while requests may not go the common way.
    var isUnusual: Bool {
        pin != nil || transaction != nil || subscription != nil || replies != .on
    }

    // MARK: CLIENT REPLY SKIP

    /// A request is taken up. One that was skipped before has had its answer by now, even a late one.
    func beginRequest() {
        switch replies {
        case .skipNext: replies = .skipThis
        case .skipThis: replies = .on
        case .on, .off: break
        }
    }

    /// The request at hand cannot be dealt with yet, and will be taken up again.
    func putOffRequest() {
        if replies == .skipThis { replies = .skipNext }
    }

    func endRequest() {
        if replies == .skipThis { replies = .on }
    }
}

/// A request that comes in pieces.
enum Upload: Equatable {
    case to(LinkID)
    /// It is part of a transaction, and answered by QUEUED at its end. Nil: the transaction has failed already, and the
    /// rest is read and forgotten.
    case queued(LinkID?)
    /// It was answered with an error before it was all there; the rest is read and forgotten.
    case swallowed
}

/// A backend connection that belongs to one client.
struct Pin {
    enum Purpose: Equatable {
        /// Until all that was asked on it is answered.
        case oneAnswer
        /// The server watches keys for it, and it does nothing else there: until EXEC, DISCARD or UNWATCH.
        case watch
        /// A transaction is on it that was too large to be kept: until EXEC or DISCARD.
        case transaction
        /// The server tells which keys change that it has read: until CLIENT TRACKING OFF.
        case tracking
    }

    let link: LinkID
    var purpose: Purpose
    /// Keys are watched on it, whatever else it is for.
    var isWatching = false
    /// What is asked on it came in pieces; it may take its time, but is answered as soon as it has run.
    var isUploading = false
    /// It was taken for a command that nobody knows, which may change it.
    var isForUnknown = false
    /// CLIENT CACHING was said of the next request.
    var isCachingSet = false
}
