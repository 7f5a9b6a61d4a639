// The first worker has whom it follows written down, whenever that has changed.

import RESP

/// What of the master is written down, and how that went.
struct KeptMemory {
    /// What the file has, or will have in a moment.
    var kept: MasterMemory?
    /// When what could not be written is tried again; nil when nothing is left to write.
    var retryAt: Instant?
    /// That it could not be written was told.
    var isFailing = false
}

extension ProxyCore {
    static let stateFile = FileID(number: 1)
    static let pauseBeforeRetry = Duration.seconds(5)

    /// Has written down who the master is, unless the file says it already.
    func remember() {
        guard worker == 0, let path = configuration.failover.stateFile, let memory = currentMemory,
            memory != keptMemory.kept, keptMemory.retryAt == nil
        else { return }
        keptMemory.kept = memory
        pending.wishes.append(
            .replaceFile(ProxyCore.stateFile, path: path, contents: Array(memory.text.utf8)))
    }

    /// Nil as long as the master has not said anything.
    private var currentMemory: MasterMemory? {
        guard !topology.isContested, !master.isGone, let runID = currentRunID else { return nil }
        return MasterMemory(
            origin: MasterMemory.Origin(of: configuration), endpoint: master.endpoint,
            runID: String(decoding: runID, as: UTF8.self), history: currentHistory,
            epoch: adoptedEpoch)
    }

    /// What was known of the master when it was one, as `Succession` follows it; sentinels say nothing of that.
    private var currentRunID: [UInt8]? {
        guard configuration.backends.sentinel != nil else {
            return succession.master == topology.master ? succession.runID : nil
        }
        return master.runID
    }

    private var currentHistory: String? {
        configuration.backends.sentinel == nil
            ? succession.history : master.lastReport?.replicationID
    }

    func noteWritten() {
        keptMemory.retryAt = nil
        guard keptMemory.isFailing else { return }
        keptMemory.isFailing = false
        pending.log(.notice, "failover.state_file can be written again")
    }

    func noteUnwritten(_ reason: String) {
        keptMemory.kept = nil
        keptMemory.retryAt = now.instant + ProxyCore.pauseBeforeRetry
        wake(at: now.instant + ProxyCore.pauseBeforeRetry)
        guard !keptMemory.isFailing else { return }
        keptMemory.isFailing = true
        pending.log(
            .warning,
            "Cannot write failover.state_file (\(reason)): started anew, this proxy would not know that "
                + "\(master.endpoint) is the master. It is tried again every "
                + "\(ProxyCore.pauseBeforeRetry.components.seconds) seconds")
    }

    func retryToRemember() {
        guard let due = keptMemory.retryAt, due <= now.instant else { return }
        keptMemory.retryAt = nil
        remember()
    }
}
