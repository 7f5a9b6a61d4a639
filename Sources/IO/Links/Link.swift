// One connection that a core has wished for, from the wish to the end of the connection.
//
//     lookingUp ──addresses──▶ connecting ──writable──▶ standing ──closed──▶ (gone)
//         │                    │   ▲  │
//         │ no such name,      └───┘  │ none left
//         ▼ or no answer in time      ▼
//       refused                    refused

import RESP

struct Link {
    let endpoint: Endpoint
    /// Changes with each address that is tried, so that what was started for an earlier one is known as late.
    var attempt: Int
    var phase: Phase

    enum Phase {
        case lookingUp
        case connecting(Token, to: SocketAddress, rest: ArraySlice<SocketAddress>)
        case standing(Token, peer: PeerAddress, isMoved: Bool)
    }

    /// The name to look up again while the link stands; nil for an address or a path, which cannot move.
    var name: HostName? {
        guard case .tcp(let host, let port) = endpoint,
            SocketAddress(literal: host, port: port) == nil
        else { return nil }
        return HostName(host: host, port: port)
    }
}
