// What is said on a new connection before any request: who we are, which protocol, which database.

import RESP

/// The words of one lane's connections. Each is answered with `+OK`, or HELLO with a map.
struct Greeting: Equatable {
    private(set) var requests: [[[UInt8]]] = []

    static let nothing = Greeting()

    private init() {}

    init(
        user: [UInt8]?, password: [UInt8]?, version: ProtocolVersion, database: Int
    ) {
        if let password {
            var words = [Array("AUTH".utf8)]
            if let user { words.append(user) }
            words.append(password)
            requests.append(words)
        }
        if version == .resp3 { requests.append([Array("HELLO".utf8), Array("3".utf8)]) }
        if database != 0 {
            requests.append([Array("SELECT".utf8), Array(String(database).utf8)])
        }
    }

    var isEmpty: Bool { requests.isEmpty }

    func write(to output: inout OutputQueue) {
        for words in requests {
            output.appendArrayHeader(words.count)
            for word in words { output.appendBulk(word.span) }
        }
    }
}
