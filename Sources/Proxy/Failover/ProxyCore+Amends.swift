// What is to be put right at a server after a change of the master: a pause that is to end, a priority that was
// another, whom to follow. A server that cannot be told now is told when it can be asked again.

import RESP

/// Words that a server is still to be told.
struct Amends: Equatable {
    let server: Int
    let words: [String]
    /// Until when they are right; nil: whenever it is.
    let due: Instant?
}

extension ProxyCore {
    /// Tells a server something, now or as soon as it can be reached, within that time if there is one.
    func makeGood(_ words: [String], at server: Int, within patience: Duration? = nil) {
        tell(Amends(server: server, words: words, due: patience.map { now.instant + $0 }))
    }

    private func tell(_ amends: Amends) {
        guard let control = servers[amends.server].control, control.isReady else {
            return owed.append(amends)
        }
        let errand = beginErrand(.amends(amends), parts: 1)
        ask(amends.words.map { Array($0.utf8) }, part: 0, of: errand, on: control)
    }

    /// A server can be asked again.
    func makeGood(at server: BackendServer) {
        let own = owed.filter { $0.server == server.index }
        owed.removeAll { $0.server == server.index }
        for amends in own where amends.due.map({ $0 > now.instant }) ?? true { tell(amends) }
    }

    func hear(_ answer: [UInt8]?, to amends: Amends) {
        // The connection was lost: whether it was heard nobody knows, and to say it again does no harm.
        guard let answer else { return owed.append(amends) }
        guard let refusal = ProxyCore.refusal(in: answer) else { return }
        pending.log(
            .warning,
            "\(servers[amends.server].name) refuses \(amends.words.joined(separator: " ")), which is to be done there "
                + "by hand: \(refusal)")
    }
}
