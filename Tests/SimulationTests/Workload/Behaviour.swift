// How a client behaves, drawn for each client of each run.

import RESP

/// The habits of one client.
struct Behaviour {
    /// How many requests it leaves unanswered at most.
    var depth = 16
    var thinks = Duration.microseconds(500)
    /// Requests on one connection before it leaves.
    var stays = 100
    /// Share of requests that are written as a person types them.
    var inlineShare = 0.1
    /// Values are up to this long, now and then.
    var largest = 2_000
    var largeShare = 0.02
    /// Reads small pieces, with long pauses between.
    var readsSlowly = false
    var pauses = Duration.milliseconds(20)

    init() {}

    init(from random: inout Random) {
        depth = random.pick([1, 4, 16, 64, 200])
        thinks = random.between(.microseconds(50), .milliseconds(3))
        stays = random.size(upTo: 300)
        inlineShare = random.pick([0, 0.1, 1])
        largest = random.pick([200, 2_000, 20_000, 150_000])
        largeShare = random.pick([0, 0.01, 0.05])
        readsSlowly = random.chance(0.15)
        // Asking for much and taking little is what limits on output are for.
        if readsSlowly, random.chance(0.5) {
            largeShare = 0.5
            depth = 200
        }
        pauses = random.between(.milliseconds(1), .milliseconds(300))
    }

    /// Asks for much, and then stands still for long.
    mutating func standStill(from random: inout Random) {
        readsSlowly = true
        depth = 64
        largest = random.pick([20_000, 150_000])
        largeShare = 0.5
        stays = 300
        pauses = random.between(.milliseconds(300), .seconds(1))
    }

    func size(from random: inout Random) -> Int {
        if random.chance(0.05) { return 0 }
        return random.size(upTo: random.chance(largeShare) ? largest : 64)
    }

    /// How a client leaves its connection.
    enum Leave {
        case halfClose
        case quit
        case garbage
        /// Closes without waiting for its replies.
        case abruptly
        /// Is gone without a word.
        case vanish
    }

    func leave(from random: inout Random) -> Leave {
        random.pick([.halfClose, .quit, .garbage, .abruptly, .vanish])
    }
}
