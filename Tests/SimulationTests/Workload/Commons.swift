// What clients do to the things that they share: a key that all raise, a list that all push to and pop from, and a
// channel that all publish on. The memory behind the laws on transactions, blocking and messages.

import RESP

/// Everything that is known of what is shared.
struct Commons {
    static let key = [UInt8]("shared")
    static let list = [UInt8]("list")
    static let channel = [UInt8]("news")
    /// Keys that all clients write and read. Few, so that somebody reads soon what somebody else has written.
    static let openKeys = (0..<6).map { [UInt8]("open-\($0)") }

    /// What is known of an element of the list.
    private enum Element {
        /// It was asked to be pushed, and may be there.
        case asked
        /// It was pushed, in this life of the server.
        case pushed(life: Int)
        case popped
    }

    private var elements: [[UInt8]: Element] = [:]
    /// Elements that certainly were pushed since the server last began with nothing, and that nobody has got.
    private(set) var unpopped = 0
    /// Pops whose answer nobody has read: each may have taken an element away.
    private(set) var lostPops = 0
    /// What the shared key was raised to since the server last began with nothing.
    private var raised: Set<Int> = []
    /// Editions whose publishing was answered.
    private var published: Set<Edition> = []

    mutating func serverRestarted() {
        unpopped = 0
        raised.removeAll()
    }

    // MARK: The list

    mutating func willPush(_ element: [UInt8]) {
        elements[element] = .asked
    }

    mutating func pushed(_ element: [UInt8], life: Int) {
        guard case .asked = elements[element] else { return }
        elements[element] = .pushed(life: life)
        unpopped += 1
    }

    /// False when nobody has pushed it, or somebody has had it before.
    mutating func popped(_ element: [UInt8], life: Int) -> Bool {
        switch elements[element] {
        case nil, .popped: return false
        case .asked: break
        case .pushed(let itsLife): if itsLife == life { unpopped -= 1 }
        }
        elements[element] = .popped
        return true
    }

    mutating func lostPop() {
        lostPops += 1
    }

    // MARK: The key

    /// A transaction that watched the key has raised it; false when another has raised it to the same before.
    mutating func raised(to value: Int) -> Bool {
        raised.insert(value).inserted
    }

    // MARK: The channel

    mutating func published(_ edition: Edition) {
        published.insert(edition)
    }

    /// False when it may have been published later than was asked.
    func wasPublished(_ edition: Edition) -> Bool {
        published.contains(edition)
    }
}

/// One message of one client.
struct Edition: Hashable {
    let client: Int
    /// The client's connection on which it was asked: those of another may overtake it.
    let connection: Int
    let number: Int
    /// Nothing comes behind it.
    let isLast: Bool

    var bytes: [UInt8] {
        let padding = String(repeating: "x", count: 1 + number % 5 * 1_000)
        return [UInt8]("\(client) \(connection) \(number) \(isLast ? "last" : "news") \(padding)")
    }

    init(client: Int, connection: Int, number: Int, isLast: Bool = false) {
        self.client = client
        self.connection = connection
        self.number = number
        self.isLast = isLast
    }

    init?(_ words: ArraySlice<Substring>) {
        let words = Array(words)
        guard words.count == 5, let client = Int(words[0]), let connection = Int(words[1]),
            let number = Int(words[2])
        else { return nil }
        self.init(
            client: client, connection: connection, number: number, isLast: words[3] == "last")
    }
}
