// What is said on a new connection before any request: who we are, which protocol, which database.

import RESP

/// The words of one lane's connections. Each is answered with `+OK`, or HELLO with a map.
struct Greeting: Equatable {
    /// What an answer tells, beside that all is well.
    enum Lesson {
        case nothing
        /// INFO: which process it is.
        case process
        /// CLIENT ID: what it calls the connection.
        case clientNumber
        /// ROLE: that it is the master. Its name may lead to one that came back as a replica, with whatever data.
        case mastery
    }

    struct Step: Equatable {
        let words: [[UInt8]]
        let lesson: Lesson
    }

    private(set) var steps: [Step] = []

    static let nothing = Greeting()

    private init() {}

    /// First as the proxy's own user what only that may ask for certain, then as whoever the lane is for.
    init(
        own: Identity?, lessons: [Lesson], identity: Identity?, version: ProtocolVersion,
        database: Int
    ) {
        if let own, identity == nil || !lessons.isEmpty { authenticate(own) }
        for lesson in lessons {
            switch lesson {
            case .nothing: break
            case .process: add(["INFO", "server"], .process)
            case .clientNumber: add(["CLIENT", "ID"], .clientNumber)
            case .mastery: add(["ROLE"], .mastery)
            }
        }
        if let identity { authenticate(identity) }
        if version == .resp3 { add(["HELLO", "3"]) }
        if database != 0 { add(["SELECT", String(database)]) }
    }

    private mutating func authenticate(_ identity: Identity) {
        var words = [Array("AUTH".utf8)]
        if let user = identity.user { words.append(user) }
        words.append(identity.password)
        steps.append(Step(words: words, lesson: .nothing))
    }

    private mutating func add(_ words: [String], _ lesson: Lesson = .nothing) {
        steps.append(Step(words: words.map { Array($0.utf8) }, lesson: lesson))
    }

    var isEmpty: Bool { steps.isEmpty }

    func write(to output: inout OutputQueue) {
        for step in steps {
            output.appendArrayHeader(step.words.count)
            for word in step.words { output.appendBulk(word.span) }
        }
    }
}
