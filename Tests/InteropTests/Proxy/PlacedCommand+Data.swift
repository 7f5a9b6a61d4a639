// Where each command about keys runs: one row for each at least, several where arguments decide.

extension PlacedCommand {
    static let data: [PlacedCommand] = reads + readOnlyForms + writes + writesThatLookLikeReads

    private static let reads = rows(
        .replica,
        """
        GET s
        GET none
        GET h
        GETRANGE s 1 3
        SUBSTR s 0 1
        MGET s n none
        STRLEN s
        LCS s bits
        LCS s bits LEN
        EXISTS s none
        TYPE z
        TTL s
        PTTL s
        EXPIRETIME e
        PEXPIRETIME e
        DUMP s
        ~KEYS *
        GETBIT bits 3
        BITCOUNT bits
        BITPOS bits 1
        BITFIELD_RO bits GET u8 0
        HGET h a
        HMGET h a none
        ~HGETALL h
        ~HKEYS h
        ~HVALS h
        HLEN h
        HEXISTS h a
        HSTRLEN h a
        ?HRANDFIELD h
        HRANDFIELD none
        LLEN l
        LRANGE l 0 -1
        LINDEX l 1
        LPOS l a
        SMEMBERS t
        ~SMEMBERS w
        SISMEMBER t 1
        SMISMEMBER t 1 9
        SCARD t
        SINTER t u
        SINTERCARD 2 t u
        ~SUNION t u
        ~SDIFF t u
        ?SRANDMEMBER t
        ZCARD z
        ZCOUNT z 1 2
        ZLEXCOUNT same - +
        ZSCORE z b
        ZMSCORE z a none
        ZRANK z b
        ZREVRANK z b
        ZRANGE z 0 -1 WITHSCORES
        ZRANGEBYSCORE z 1 2
        ZRANGEBYLEX same [a [b
        ZREVRANGE z 0 1
        ZREVRANGEBYSCORE z 3 2
        ZREVRANGEBYLEX same [c [b
        ZDIFF 2 z y
        ZINTER 2 z y WITHSCORES
        ZINTERCARD 2 z y
        ZUNION 2 z y WITHSCORES
        ?ZRANDMEMBER z
        SORT_RO nums
        SORT_RO l ALPHA LIMIT 0 2
        GEODIST g Palermo Catania km
        GEOHASH g Palermo Catania
        GEOPOS g Palermo none
        GEOSEARCH g FROMLONLAT 15 37 BYRADIUS 200 km ASC
        GEORADIUS_RO g 15 37 200 km ASC
        GEORADIUSBYMEMBER_RO g Palermo 200 km ASC
        XLEN x
        XRANGE x - +
        XREVRANGE x + - COUNT 1
        XREAD COUNT 1 STREAMS x 0
        XREAD STREAMS x 9-9
        XPENDING x grp
        ?XPENDING x grp - + 10
        XINFO STREAM x
        ?XINFO GROUPS x
        ?XINFO CONSUMERS x grp
        ~SCAN 0 COUNT 1000
        ~HSCAN h 0
        ~SSCAN t 0
        ~ZSCAN z 0
        ?LOLWUT
        EVAL_RO 'return redis.call(\"GET\",KEYS[1])' 1 s
        EVAL_RO 'return redis.call(\"SET\",KEYS[1],1)' 1 s
        EVAL '#!lua flags=no-writes\\nreturn redis.call(\"GET\",KEYS[1])' 1 s
        FCALL_RO reads 1 s
        MULTI; GET s; HGET h a; EXEC
        """)

    /// What replicas refuse by its usual name, though it only reads.
    private static let readOnlyForms =
        rows(
            .replicaAs("sort_ro"),
            """
            SORT nums
            SORT l ALPHA DESC LIMIT 0 2
            SORT nums BY nosort GET #
            """)
        + rows(
            .replicaAs("georadius_ro"),
            """
            GEORADIUS g 15 37 200 km ASC
            GEORADIUS g 15 37 100 km WITHDIST WITHCOORD WITHHASH
            """)
        + rows(.replicaAs("georadiusbymember_ro"), "GEORADIUSBYMEMBER g Palermo 200 km ASC")
        + rows(
            .replicaAs("bitfield_ro"),
            """
            BITFIELD bits GET u8 0
            BITFIELD bits GET u8 0 GET i5 7
            """)
        + rows(.replicaAs("get"), "GETEX s")

    private static let writes = rows(
        .write,
        """
        SET s v
        SET s v GET
        SET s v NX
        SET s v EX 100
        SETNX s v
        SETNX new v
        SETEX s 100 v
        PSETEX s 100000 v
        GETSET s v
        APPEND s x
        SETRANGE s 2 x
        INCR n
        INCR s
        INCRBY n 5
        DECR n
        DECRBY n 5
        INCRBYFLOAT f 0.25
        MSET a 1 b 2
        MSETNX s 1 c 2
        SETBIT bits 7 1
        BITOP NOT d bits
        DEL s n none
        UNLINK s
        COPY s d
        RENAME s d
        RENAMENX s n
        MOVE s 5
        EXPIRE s 100
        EXPIREAT s 9999999999
        PEXPIRE s 100000
        PEXPIREAT s 9999999999000
        PERSIST e
        RESTORE r 0 junk
        RESTORE-ASKING r 0 junk
        ?MIGRATE 127.0.0.1 1 s 0 100
        FLUSHDB
        FLUSHALL
        SWAPDB 0 1
        HSET h d 4
        HMSET h d 4
        HSETNX h a 9
        HDEL h a
        HINCRBY h a 5
        HINCRBYFLOAT h a 0.5
        LPUSH l x
        RPUSH l x
        LPUSHX none x
        RPUSHX l x
        LPOP l
        RPOP l 2
        LSET l 0 x
        LREM l 1 a
        LTRIM l 0 1
        LINSERT l BEFORE a x
        LMOVE l m LEFT RIGHT
        RPOPLPUSH l m
        LMPOP 2 none l LEFT COUNT 2
        SADD t 9
        SREM t 1
        SMOVE t u 1
        SINTERSTORE d t u
        SUNIONSTORE d t u
        SDIFFSTORE d t u
        ZADD z 5 e
        ZADD z GT CH 9 a
        ZADD z INCR 1 a
        ZINCRBY z 1.5 a
        ZREM z a
        ZPOPMIN z
        ZPOPMAX z 2
        ZMPOP 1 z MIN
        ZRANGESTORE d z 0 1
        ZDIFFSTORE d 2 z y
        ZINTERSTORE d 2 z y
        ZUNIONSTORE d 2 z y
        ZREMRANGEBYRANK z 0 0
        ZREMRANGEBYSCORE z 1 2
        ZREMRANGEBYLEX same [a [b
        GEOADD g 1 2 m
        GEOSEARCHSTORE d g FROMLONLAT 15 37 BYRADIUS 200 km
        PFADD p new
        PFMERGE d p q
        PFDEBUG ENCODING p
        XADD x 5-1 f v
        ?XADD x * f v
        XADD x 1-1 f v
        XDEL x 1-1
        XTRIM x MAXLEN 1
        XSETID x 9-1
        XACK x grp 1-1
        XCLAIM x grp you 0 1-1 JUSTID
        XAUTOCLAIM x grp you 0 0 JUSTID
        XGROUP CREATE x new $
        XGROUP CREATECONSUMER x grp you
        XGROUP DELCONSUMER x grp me
        XGROUP SETID x grp 0
        XGROUP DESTROY x grp
        EVAL 'return redis.call(\"SET\",KEYS[1],ARGV[1])' 1 s v
        EVAL 'return redis.call(\"GET\",KEYS[1])' 1 s
        EVAL '#!lua\\nreturn redis.call(\"GET\",KEYS[1])' 1 s
        EVAL 'return redis.call(\"NOSUCH\")' 0
        EVALSHA 0123456789012345678901234567890123456789 0
        FCALL writes 1 s v
        FCALL none 0
        FUNCTION DELETE lib
        FUNCTION FLUSH
        FUNCTION RESTORE junk
        MULTI; SET s 1; INCR s; GET s; EXEC
        MULTI; LPUSH s x; SET s 2; EXEC
        WATCH s; MULTI; SET s 1; EXEC
        """)

    /// What a table made by hand takes for a read.
    private static let writesThatLookLikeReads =
        rows(
            .write,
            """
            GETEX s EX 100
            GETEX e PERSIST
            GETDEL s
            SORT nums STORE d
            GEORADIUS g 15 37 200 km STORE d
            GEORADIUS g 15 37 200 km STOREDIST d
            GEORADIUSBYMEMBER g Palermo 200 km STORE d
            BITFIELD bits SET u8 0 255
            BITFIELD bits GET u8 0 INCRBY u8 0 1
            PFCOUNT p
            PFCOUNT p q
            ?XREADGROUP GROUP grp me STREAMS x >
            ?SPOP t
            SPOP t 9
            BLPOP l 0
            BLPOP none l 0
            BLPOP none 0.01
            BRPOP l 0
            BRPOPLPUSH l m 0
            BLMOVE l m LEFT RIGHT 0
            BLMPOP 0 1 l LEFT
            BZPOPMIN z 0
            BZPOPMAX z 0
            BZMPOP 0 1 z MAX
            ?XREADGROUP GROUP grp me BLOCK 10 STREAMS x >
            SPUBLISH c m
            """)
        + rows(
            .master,
            """
            XREAD BLOCK 10 STREAMS x 0
            XREAD BLOCK 10 STREAMS x $
            TOUCH s none
            DBSIZE
            ?RANDOMKEY
            OBJECT ENCODING s
            OBJECT FREQ s
            ?OBJECT IDLETIME s
            OBJECT REFCOUNT s
            OBJECT HELP
            ?MEMORY USAGE s
            """)
}
