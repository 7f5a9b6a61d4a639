// What clients ask to find out whom they speak to: a cluster, a sentinel, or neither.

import RESP

package enum ProbeReplies {
    /// CLUSTER, and what only clusters have: in redis-server's words, which clients know.
    package static func cluster(to output: inout OutputQueue) {
        output.appendError("ERR This instance has cluster support disabled")
    }

    /// SENTINEL: whoever asks for the master of any name is led to the address by which it has reached the proxy.
    /// Everything else is refused: the proxy watches nobody's sentinels.
    package static func sentinel(
        _ request: Request, at local: PeerAddress, to output: inout OutputQueue
    ) throws(CommandRefusal) {
        guard request.count > 1 else { throw .wrongCount("sentinel") }
        guard request[1].equalsIgnoringCase("get-master-addr-by-name") else {
            throw CommandRefusal(
                "ERR 'sentinel|\(CommandRefusal.quoted(request[1]).lowercased())' is not served "
                    + "here: this is a proxy, which is the master to its clients")
        }
        guard request.count == 3 else { throw .wrongCount("sentinel|get-master-addr-by-name") }
        // Whoever came by a Unix socket has no address to be led to.
        guard local.family != .unix else {
            throw CommandRefusal("ERR No such master with that name")
        }
        output.appendArrayHeader(2)
        output.appendBulk(text: host(of: local))
        output.appendBulk(Int(local.port))
    }

    /// The address without its port, and without the brackets that keep the two apart.
    private static func host(of address: PeerAddress) -> String {
        let text = address.description.utf8.dropLast(1 + String(address.port).utf8.count)
        return String(decoding: text.filter { $0 != 0x5B && $0 != 0x5D }, as: UTF8.self)
    }
}
