// What is to be put right at a server after a change of the master: a pause that is to end, a priority that was
// another. A server that cannot be told now is told when it can be asked again.

import RESP

/// Words that a server is still to be told.
struct Amends: Equatable {
    let server: Int
    let words: [String]
}

extension ProxyCore {
    /// Tells a server something, now or as soon as it can be reached.
    func makeGood(_ words: [String], at server: Int) {
        let amends = Amends(server: server, words: words)
        guard let control = servers[server].control, control.isReady else {
            return owed.append(amends)
        }
        let errand = beginErrand(.amends(amends), parts: 1)
        ask(words.map { Array($0.utf8) }, part: 0, of: errand, on: control)
    }

    /// A server can be asked again.
    func makeGood(at server: BackendServer) {
        let due = owed.filter { $0.server == server.index }
        owed.removeAll { $0.server == server.index }
        for amends in due { makeGood(amends.words, at: amends.server) }
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
