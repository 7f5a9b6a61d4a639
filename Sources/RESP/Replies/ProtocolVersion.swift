// Which dialect a connection speaks: what HELLO switches.

/// RESP2 until a client asks for RESP3 with `HELLO 3`.
public enum ProtocolVersion: UInt8, Sendable {
    case resp2 = 2
    case resp3 = 3
}
