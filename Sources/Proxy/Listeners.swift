// The names of the proxy's listeners: where the proxy tells how it is, and where its clients come in.

import RESP

extension ListenerID {
    /// Where /healthz, /readyz and /status are asked for.
    package static let health = ListenerID(number: 1)

    /// Where clients come in, by the place in the configuration's `listen`.
    package static func clients(at place: Int) -> ListenerID {
        place == 0 ? .clients : ListenerID(number: UInt32(place) + 1)
    }

    /// The place in the configuration's `listen`.
    var place: Int {
        precondition(self != .health, "no clients come in at the health listener")
        return self == .clients ? 0 : Int(number) - 1
    }
}
