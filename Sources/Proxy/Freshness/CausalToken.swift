// What PROXY TOKEN gives and PROXY AFTER takes: where the master was when it had all that a connection had seen and
// written.
//
//     s1 ─ digest of the replication id ─ offset ─ check
//
// It means the same to every proxy before the same master, whenever that began: nothing of a proxy's own is in it. The
// id itself is not in it either, since a token goes where clients send it, and the id is not for everybody.

import RESP

/// A position in one history of a master.
struct CausalToken: Equatable, Sendable {
    /// Of the replication id: 24 hexadecimal digits of its digest.
    let history: [UInt8]
    let offset: Int

    private static let prefix = "s1"
    private static let historyDigits = 24
    private static let checkDigits = 8
    private static let longest = 64

    private init(history: [UInt8], offset: Int) {
        self.history = history
        self.offset = offset
    }

    /// Where a master is by what it says of itself; nil when it is none, or does not say.
    init?(_ report: ServerReport) {
        guard report.role == .master, let id = report.replicationID, !id.isEmpty,
            let offset = report.offset, offset >= 0
        else { return nil }
        self.init(history: CausalToken.digest(of: id), offset: offset)
    }

    /// Only what `text` gives is taken: nothing is cut off, added or changed.
    init?(_ text: Span<UInt8>) {
        guard text.count <= CausalToken.longest else { return nil }
        let bytes = [UInt8](copying: text)
        let parts = bytes.split(separator: UInt8(ascii: "-"), omittingEmptySubsequences: false)
        guard parts.count == 4, parts[1].count == CausalToken.historyDigits,
            let offset = Decimal.integer(Array(parts[2]).span), offset >= 0
        else { return nil }
        self.init(history: Array(parts[1]), offset: offset)
        guard self.text == bytes else { return nil }
    }

    var text: [UInt8] {
        var text = Array("\(CausalToken.prefix)-".utf8) + history
        text += Array("-\(offset)".utf8)
        let check = SHA1.hexadecimal(text.span).prefix(CausalToken.checkDigits)
        return text + [UInt8(ascii: "-")] + check
    }

    /// Whether a master that says this of itself has what the token stands for: it is further in the same history, or
    /// its own went out from that one at a later place.
    func isReached(by report: ServerReport) -> Bool {
        guard report.role == .master, let reached = report.offset else { return false }
        if let id = report.replicationID, CausalToken.digest(of: id) == history {
            return offset <= reached
        }
        // What it names is the first byte that may differ, so the last one that does not has a number less.
        guard let id = report.formerReplicationID, let end = report.formerEnd,
            CausalToken.digest(of: id) == history
        else { return false }
        return offset < end
    }

    private static func digest(of replicationID: String) -> [UInt8] {
        Array(SHA1.hexadecimal(Array(replicationID.utf8).span).prefix(historyDigits))
    }
}
