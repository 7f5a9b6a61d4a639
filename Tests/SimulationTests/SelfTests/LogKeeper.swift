// A core that does nothing but append to a file: the virtual disk is tested with it.

import RESP
import TestSupport

/// Appends a numbered record of 16 bytes each virtual millisecond, and asks for a sync after each.
final class LogKeeper: SecludedCore {
    static let recordLength = 16
    static let file = FileID(number: 1)
    static let path = "records"

    var pending = PendingActions()
    private(set) var appended = 0
    private(set) var written = 0
    private(set) var synced = 0
    private(set) var failure: String?

    init(keeping size: Int = 0) {
        pending.wishes.append(.openFile(LogKeeper.file, path: LogKeeper.path, size: size))
    }

    static func record(_ number: Int) -> [UInt8] {
        let digits = [UInt8]("\(number)")
        return [UInt8](repeating: UInt8(ascii: "."), count: recordLength - digits.count) + digits
    }

    func tick(at now: Moment) {
        pending.wakeAt = now.instant + .milliseconds(1)
        guard failure == nil else { return }
        pending.wishes.append(.append(LogKeeper.file, LogKeeper.record(appended)))
        pending.wishes.append(.sync(LogKeeper.file))
        appended += 1
    }

    func hear(_ news: News, at now: Moment) {
        switch news {
        case .appended(_, let size):
            precondition(size > written, "a word about an append came twice")
            written = size
        case .synced(_, let size):
            precondition(size >= synced, "the synced size went back")
            precondition(size <= written, "more is synced than is written")
            synced = size
        case .failed(_, let reason):
            precondition(failure == nil, "a file fails once")
            failure = reason
        default: break
        }
    }
}
