// The name of the listener at which the proxy tells how it is, beside that of its clients.

import RESP

extension ListenerID {
    /// Where /healthz, /readyz and /status are asked for.
    package static let health = ListenerID(number: 1)
}
