// Marks that say which faults and which rare paths a run has been through. Over many seeds all must be reached: a
// fault that never strikes guards nothing.

/// The places worth reaching.
enum Mark: Int, CaseIterable {
    // Faults of the network.
    case cutClientLink, cutBackendLink, halfOpen, resetAfterClose, refusedConnect, hangingConnect
    case cloggedLink, cloggedNode, swizzleClog, stalledNode
    case singleByte, manyPiecesAtOnce, shortWrite, fullSocket
    case lostBytes, unreadDropped
    // Faults of machines, clocks and disks.
    case serverRestart, replicaRestart, proxyRestart, wallClockForward, wallClockBack, earlyTick
    // What clients do.
    case inlineRequest, quotedRequest, largeValue, emptyValue, slowReader, halfClose, vanish, quit
    case garbage, abruptClose, askedAfterQuit
    // What programs did about it.
    case pausedReading, resumedReading, closedByProgram, reconnectedBackend, refusedBackend
    case answeredByProxy, neverSentReply, closedForUnknownFate, protocolError, unknownCommand,
        wrongArity
    case othersHeldUp, slowClientClosed, unknownWriteSeen
    // What comes of transactions, blocking and listening.
    case executed, discarded, watchedKeyChanged, watchLost, transactionLost, transactionUnknown
    case popped, poppedNothing, lostPop, heard, heardElsewhere, slowListenerClosed
    // What comes of having replicas.
    case staleRead, timedOut, timedOutUnsent, replicaComplaint, nobodyToRead
    case chainedReplica, rolledBack, lostWrites, lateBytes, notFresh
    // What comes of another master.
    case steppedDown, promoted, promotedWithLoss, promotedAgain, refusedByReplica, toldOfRole

    /// Hundreds of runs may pass without these, as they take several things at once that are rare: one 500 of
    /// 10,000 had none, another hundreds.
    static let seldom: Set<Mark> = [.replicaComplaint]
}

/// How often each mark was reached.
struct Coverage {
    private var counts = [Int](repeating: 0, count: Mark.allCases.count)

    subscript(_ mark: Mark) -> Int { counts[mark.rawValue] }

    mutating func reach(_ mark: Mark) {
        counts[mark.rawValue] += 1
    }

    mutating func add(_ other: Coverage) {
        for index in counts.indices { counts[index] += other.counts[index] }
    }

    /// What so many runs should have reached, and did not.
    func missing(in runs: Int) -> [Mark] {
        Mark.allCases.filter { self[$0] == 0 && (runs >= 5_000 || !Mark.seldom.contains($0)) }
    }

    /// All marks with their counts, three to a line.
    var table: String {
        var text = ""
        for mark in Mark.allCases {
            let cell = "\(mark) \(self[mark])"
            let isLast = mark.rawValue % 4 == 3
            text += cell + (isLast ? "\n" : String(repeating: " ", count: max(1, 28 - cell.count)))
        }
        return text
    }
}
