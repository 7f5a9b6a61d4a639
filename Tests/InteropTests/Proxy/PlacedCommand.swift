// Rows of commands with the place where each must run: what they mean and how they are written.

import TestSupport

/// One line of requests on a connection of its own, and where the proxy must have them run.
struct PlacedCommand: CustomStringConvertible {
    enum Place: Equatable {
        /// On one of the replicas, and not on the master.
        case replica
        /// On a replica as its read-only form, by this name.
        case replicaAs(String)
        /// On the master, which alone may be asked; replicas get what it replicates.
        case write
        /// On the master, which replicates nothing of it.
        case master
        /// On the master, and on other servers as the proxy sees fit.
        case masterAtLeast
        /// On any server, or answered by the proxy.
        case anywhere
        /// Nowhere: the proxy answers.
        case proxy
        /// Nowhere: the proxy refuses, and says what to do.
        case refused
    }

    /// How the reply is compared with the one that the master gives directly.
    enum Comparison: Character {
        case exact = "="
        /// Sets and maps come in an order that is each server's own.
        case unordered = "~"
        /// Times, ids, memory and chance: only the type of each reply is compared.
        case sameType = "?"
        /// The proxy has an answer of its own.
        case own = "!"
    }

    let requests: [[String]]
    let place: Place
    let comparison: Comparison
    let description: String

    /// One row per line. The first character may say how replies are compared; without one, exactly.
    static func rows(_ place: Place, _ lines: String) -> [PlacedCommand] {
        lines.split(separator: "\n").map { line in
            let mark = line.first.flatMap(Comparison.init)
            return PlacedCommand(
                requests: Words.requests(String(mark == nil ? line : line.dropFirst())),
                place: place, comparison: mark ?? .exact, description: String(line))
        }
    }

    static let all = data + others

    /// The rows in which one of these commands is.
    static func rows(of commands: String) -> [PlacedCommand] {
        let wanted = Set(commands.split { " \n".contains($0) }.map { $0.lowercased() })
        return all.filter { row in row.requests.contains { wanted.contains($0[0].lowercased()) } }
    }

    /// How commandstats calls the requests, and how often each is in the row.
    var names: [String: Int] {
        var names: [String: Int] = [:]
        for words in requests { names[Self.name(of: words), default: 0] += 1 }
        return names
    }

    static func name(of words: [String]) -> String {
        let first = words[0].lowercased()
        guard containers.contains(first), words.count > 1 else { return first }
        return "\(first)|\(words[1].lowercased())"
    }

    static let containers: Set = [
        "acl", "client", "cluster", "command", "config", "function", "latency", "memory", "module",
        "object", "pubsub", "script", "slowlog", "xgroup", "xinfo",
    ]

    /// What the proxy asks servers by itself at any time, and what replicas tell their master (REPLCONF ACK, each
    /// second): that such a command was counted somewhere proves nothing.
    var isHousekeeping: Bool {
        let own: Set = [
            "auth", "command", "config", "config|get", "echo", "hello", "info", "ping", "publish",
            "replconf", "role", "select", "subscribe",
        ]
        return names.keys.contains { own.contains($0) || $0.hasPrefix("client") }
    }

    /// What the keys hold before each row: something of every type.
    static let world = """
        FLUSHALL;
        SELECT 0;
        SET s hello;
        SET n 10;
        SET f 1.5;
        SET bits abc;
        SET e v PXAT 9999999999000;
        HSET h a 1 b 2 c 3;
        RPUSH l c a b;
        RPUSH nums 3 1 2;
        SADD t 1 2 3;
        SADD u 2 3 4;
        SADD w x y z;
        ZADD z 1 a 2 b 3 c;
        ZADD y 2 b 4 d;
        ZADD same 0 a 0 b 0 c;
        GEOADD g 13.361389 38.115556 Palermo 15.087269 37.502669 Catania;
        PFADD p a b c;
        PFADD q c d;
        XADD x 1-1 f v;
        XADD x 2-1 f w;
        XGROUP CREATE x grp 0;
        XREADGROUP GROUP grp me COUNT 1 STREAMS x >;
        SCRIPT FLUSH;
        FUNCTION FLUSH;
        FUNCTION LOAD '#!lua name=lib\\nredis.register_function{function_name="reads",\
        callback=function(k,a) return redis.call("GET",k[1]) end,flags={"no-writes"}}\\n\
        redis.register_function("writes",function(k,a) return redis.call("SET",k[1],a[1]) end)'
        """
}
