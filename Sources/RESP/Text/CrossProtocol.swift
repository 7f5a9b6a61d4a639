// HTTP that has lost its way, or was sent here on purpose by a page in somebody's browser.

public enum CrossProtocol {
    /// Whether a request begins as only HTTP does. redis-server closes such a connection without an answer, lest
    /// the lines behind be run as commands; so do we.
    public static func isHTTP(_ request: Request) -> Bool {
        request[0].equalsIgnoringCase("post") || request[0].equalsIgnoringCase("host:")
    }

    /// What the log says.
    public static func warning(about peer: PeerAddress) -> String {
        "Closing client \(peer): it speaks HTTP. If nobody meant to, somebody may be trying to reach this port "
            + "through a browser."
    }
}
