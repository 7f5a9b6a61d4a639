// Requests made up from a seed: many commands over few keys, arguments right and wrong, sessions that change. Only
// what two fresh servers answer alike: no clock, no chance, no order that a server's own hash decides.

import TestSupport

struct RandomRequests {
    private var random: SeededRandom

    init(seed: UInt64) {
        random = SeededRandom(seed: seed)
    }

    mutating func next() -> [String] {
        let words = anything()
        switch words[0].uppercased() {
        case "MULTI" where words.count == 1: isInTransaction = true
        // With arguments EXEC ends the transaction too, and the others do not.
        case "EXEC": isInTransaction = false
        case "DISCARD" where words.count == 1, "RESET" where words.count == 1:
            isInTransaction = false
        default: break
        }
        return words
    }

    private var isInTransaction = false

    private mutating func anything() -> [String] {
        let lines =
            switch Int.random(in: 0..<100, using: &random) {
            case 0..<22: Self.strings
            case 22..<34: Self.hashes
            case 34..<48: Self.lists
            case 48..<58: Self.sets
            case 58..<70: Self.sortedSets
            case 70..<76: Self.streams
            case 76..<86: Self.keys
            case 86..<92: Self.transactions
            case 92..<96: Self.scripts
            // The proxy answers these itself and takes none of them into a transaction.
            default: isInTransaction ? Self.keys : Self.sessions
            }
        let template = Words.requests(lines.randomElement(using: &random)!)[0]
        var words: [String] = []
        for word in template { words.append(filled(word)) }
        if Int.random(in: 0..<10, using: &random) == 0 { spoil(&words) }
        if Int.random(in: 0..<8, using: &random) == 0 { words[0] = words[0].lowercased() }
        return words
    }

    /// Ends whatever the stream has begun, so that what follows is a plain request.
    static let ends = [
        ["RESET"], ["UNSUBSCRIBE"], ["PUNSUBSCRIBE"],
    ]

    // MARK: - Arguments

    /// A word of a template, `$` and a letter, as a value.
    private mutating func filled(_ word: String) -> String {
        guard word.hasPrefix("$"), word.utf8.count == 2 else { return word }
        switch word.last! {
        case "k": return "key:\(number(0...5))"
        case "n": return "\(number(-3...12))"
        case "o": return "\(number(0...20))"
        case "b": return "\(number(0...1))"
        case "f": return ["0.5", "-1.25", "3", "10", "1e2"].randomElement(using: &random)!
        case "e": return "field:\(number(0...4))"
        case "m": return "\(number(0...9))"
        case "i": return "\(number(1...6))-\(number(1...3))"
        case "d": return "\(number(0...2))"
        case "v":
            return ["", "v", "12", "-3", "2.5", "hello world", "ab\nc", "\u{FC}"]
                .randomElement(using: &random)!
        default: preconditionFailure("no placeholder: \(word)")
        }
    }

    private mutating func number(_ range: ClosedRange<Int>) -> Int {
        Int.random(in: range, using: &random)
    }

    /// Makes a request that is probably wrong.
    private mutating func spoil(_ words: inout [String]) {
        switch Int.random(in: 0..<(Self.onlyShortened.contains(words[0]) ? 1 : 3), using: &random) {
        case 0: if words.count > 1, words[0] != "COMMAND" { words.removeLast() }
        case 1: words.append(Self.garbage.randomElement(using: &random)!)
        default:
            let place = Int.random(in: 0..<words.count, using: &random)
            words[place] = Self.garbage.randomElement(using: &random)!
        }
    }

    /// Other words in these would make sets of more than numbers, which come in any order, as do many subscriptions
    /// and all commands; or wait for ever.
    private static let onlyShortened: Set = [
        "SADD", "SUBSCRIBE", "PSUBSCRIBE", "COMMAND", "BLPOP", "BRPOP", "BLMOVE", "BZPOPMIN",
    ]

    private static let garbage = [
        "", "x", "-1", "0", "1.5", "nan", "99999999999999999999", "WITHSCORES", "key:1", "NX",
        "COUNT", "two words",
    ]

    // MARK: - Templates

    private static func templates(_ text: String) -> [String] {
        text.split(separator: "\n").map(String.init)
    }

    private static let strings = templates(
        """
        SET $k $v
        SET $k $v
        SET $k $v NX
        SET $k $v XX GET
        SET $k $v EX 1000000
        SET $k $v KEEPTTL
        SETNX $k $v
        SETEX $k 1000000 $v
        GET $k
        GET $k
        GET $k
        GETDEL $k
        GETEX $k
        GETEX $k PERSIST
        GETSET $k $v
        GETRANGE $k $n $n
        SUBSTR $k $n $n
        SETRANGE $k $o $v
        APPEND $k $v
        STRLEN $k
        INCR $k
        DECR $k
        INCRBY $k $n
        DECRBY $k $n
        INCRBYFLOAT $k $f
        MGET $k $k $k
        MSET $k $v $k $v
        MSETNX $k $v $k $v
        LCS $k $k
        LCS $k $k IDX
        SETBIT $k $o $b
        GETBIT $k $o
        BITCOUNT $k
        BITCOUNT $k $n $n
        BITPOS $k $b
        BITOP AND $k $k $k
        BITOP NOT $k $k
        BITFIELD $k GET u4 0
        BITFIELD $k SET u4 0 $n
        BITFIELD $k OVERFLOW FAIL INCRBY i5 2 $n GET u8 0
        BITFIELD_RO $k GET u4 0
        PFADD $k $v $v
        PFCOUNT $k $k
        PFMERGE $k $k
        """)

    private static let hashes = templates(
        """
        HSET $k $e $v
        HSET $k $e $v $e $v
        HMSET $k $e $v
        HSETNX $k $e $v
        HGET $k $e
        HMGET $k $e $e
        HGETALL $k
        HKEYS $k
        HVALS $k
        HLEN $k
        HEXISTS $k $e
        HSTRLEN $k $e
        HDEL $k $e $e
        HINCRBY $k $e $n
        HINCRBYFLOAT $k $e $f
        """)

    private static let lists = templates(
        """
        LPUSH $k $v
        RPUSH $k $v $v
        LPUSHX $k $v
        RPUSHX $k $v
        LPOP $k
        RPOP $k
        LPOP $k $o
        LLEN $k
        LRANGE $k $n $n
        LRANGE $k 0 -1
        LINDEX $k $n
        LSET $k $n $v
        LINSERT $k BEFORE $v $v
        LREM $k $n $v
        LTRIM $k $n $n
        LPOS $k $v
        LPOS $k $v COUNT 0
        LMOVE $k $k LEFT RIGHT
        RPOPLPUSH $k $k
        LMPOP 2 $k $k LEFT
        BLPOP $k $k 0.01
        BRPOP $k 0.01
        BLMOVE $k $k LEFT LEFT 0.01
        SORT $k
        SORT $k ALPHA DESC
        SORT $k BY nosort GET # LIMIT 0 2
        SORT $k ALPHA STORE $k
        SORT_RO $k ALPHA
        """)

    private static let sets = templates(
        """
        SADD $k $m
        SADD $k $m $m $m
        SREM $k $m
        SMEMBERS $k
        SCARD $k
        SISMEMBER $k $m
        SMISMEMBER $k $m $m
        SMOVE $k $k $m
        SINTER $k $k
        SUNION $k $k
        SDIFF $k $k
        SINTERCARD 2 $k $k
        SINTERSTORE $k $k $k
        SUNIONSTORE $k $k $k
        SDIFFSTORE $k $k $k
        """)

    private static let sortedSets = templates(
        """
        ZADD $k $f $e
        ZADD $k $n $e $n $e
        ZADD $k GT CH $n $e
        ZADD $k INCR $n $e
        ZINCRBY $k $f $e
        ZREM $k $e
        ZSCORE $k $e
        ZMSCORE $k $e $e
        ZCARD $k
        ZCOUNT $k $n $n
        ZRANK $k $e
        ZREVRANK $k $e
        ZRANGE $k $n $n
        ZRANGE $k 0 -1 WITHSCORES
        ZRANGE $k ($n +inf BYSCORE LIMIT 0 2
        ZREVRANGE $k $n $n WITHSCORES
        ZRANGEBYSCORE $k -inf $n
        ZRANGEBYLEX $k - +
        ZPOPMIN $k
        ZPOPMAX $k 2
        ZMPOP 1 $k MIN
        BZPOPMIN $k 0.01
        ZRANGESTORE $k $k 0 1
        ZUNION 2 $k $k WITHSCORES
        ZINTER 2 $k $k
        ZDIFF 2 $k $k
        ZUNIONSTORE $k 2 $k $k
        ZINTERSTORE $k 2 $k $k WEIGHTS 1 2
        ZREMRANGEBYRANK $k 0 0
        ZREMRANGEBYSCORE $k $n $n
        GEOADD $k $f $f $e
        GEOPOS $k $e
        GEODIST $k $e $e
        GEOHASH $k $e
        GEORADIUS $k 1 1 1000 km ASC
        GEORADIUS $k 1 1 1000 km STORE $k
        GEOSEARCH $k FROMLONLAT 1 1 BYRADIUS 1000 km ASC
        """)

    private static let streams = templates(
        """
        XADD $k $i $e $v
        XADD $k $i $e $v
        XLEN $k
        XRANGE $k - +
        XREVRANGE $k + - COUNT 2
        XREAD COUNT 2 STREAMS $k 0
        XREAD STREAMS $k $k 0 $
        XDEL $k $i
        XTRIM $k MAXLEN 2
        XGROUP CREATE $k group 0
        XGROUP CREATE $k group 0 MKSTREAM
        XREADGROUP GROUP group me COUNT 1 STREAMS $k >
        XACK $k group $i
        XPENDING $k group
        XCLAIM $k group you 0 $i JUSTID
        XINFO GROUPS $k
        """)

    private static let keys = templates(
        """
        DEL $k
        DEL $k $k
        UNLINK $k
        EXISTS $k $k
        TYPE $k
        RENAME $k $k
        RENAMENX $k $k
        COPY $k $k
        COPY $k $k REPLACE
        MOVE $k $d
        EXPIRE $k 1000000
        EXPIREAT $k 99999999999
        EXPIREAT $k 1
        EXPIRETIME nosuch
        PERSIST $k
        TTL nosuch
        TOUCH $k $k
        OBJECT ENCODING $k
        OBJECT REFCOUNT nosuch
        DUMP $k
        DBSIZE
        RESTORE $k 0 junk
        """)

    private static let transactions = templates(
        """
        MULTI
        MULTI
        EXEC
        EXEC
        EXEC
        DISCARD
        WATCH $k
        UNWATCH
        """)

    private static let scripts = templates(
        """
        EVAL 'return redis.call("INCR",KEYS[1])' 1 $k
        EVAL 'return redis.call("GET",KEYS[1])' 1 $k
        EVAL 'return {1,2,{3,"x"},false}' 0
        EVAL 'return redis.error_reply("MY error")' 0
        EVAL 'return' 1
        EVAL 'syntax error' 0
        EVAL '#!lua flags=no-writes\\nreturn redis.call("SET",KEYS[1],1)' 1 $k
        EVAL '#!lua flags=no-writes\\nreturn redis.call("EXISTS",KEYS[1])' 1 $k
        EVAL_RO 'return redis.call("STRLEN",KEYS[1])' 1 $k
        EVAL_RO 'return redis.call("DEL",KEYS[1])' 1 $k
        SCRIPT LOAD 'return 7'
        EVALSHA 0123456789012345678901234567890123456789 0
        EVALSHA 3b19b3a2c8a7e0bb1e5ae1f9ac0ea9ea0b8d4b1e 1 $k
        SCRIPT EXISTS 0123456789012345678901234567890123456789
        FCALL nosuch 0
        FCALL_RO nosuch 1 $k
        """)

    private static let sessions = templates(
        """
        SELECT $d
        SELECT $d
        SELECT 99
        SELECT x
        PING
        PING $v
        ECHO $v
        ECHO $v
        NOSUCH $v
        GET
        COMMAND COUNT
        COMMAND GETKEYS SET $k $v
        CLIENT GETNAME
        CLIENT SETNAME me
        CLIENT SETNAME 'two words'
        SUBSCRIBE channel
        UNSUBSCRIBE channel
        UNSUBSCRIBE channel
        UNSUBSCRIBE
        PSUBSCRIBE pattern*
        PUNSUBSCRIBE pattern*
        PUNSUBSCRIBE pattern*
        PUBLISH other $v
        RESET
        OBJECT NOSUCH $k
        CONFIG NOSUCH
        """)
}
