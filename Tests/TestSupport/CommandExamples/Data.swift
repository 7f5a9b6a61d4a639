// Examples of the commands on data.

extension CommandExamples {
    static let strings = """
        write: APPEND string tail
        write: DECR number
        write: DECRBY number 2
        write: DELEX string
        write: DELIFEQ string text
        read: DIGEST string
        read: GET string
        write: GETDEL string
        read as GET: GETEX string
        write: GETEX string PERSIST
        write: GETEX string EX 100
        write: GETEX
        write: GETEX string BOGUS
        read: GETRANGE string 0 1
        write: GETSET string other
        write: INCR number
        write: INCRBY number 5
        write: INCRBYFLOAT number 1.5
        read: LCS string number
        read: MGET string number none
        write: MSET a 1 b 2
        write: MSETEX 1 a 1 EX 100
        write: MSETNX a 1 b 2
        write: PSETEX string 100000 v
        write: SET string v
        write: SETEX string 100 v
        write: SETNX none v
        write: SETRANGE string 1 x
        read: STRLEN string
        read: SUBSTR string 0 1
        """

    static let lists = """
        blocking: BLMOVE list other LEFT RIGHT 0.01
        blocking: BLMPOP 0.01 1 list LEFT
        blocking: BLPOP list 0.01
        blocking: BRPOP none 0.01
        blocking: BRPOPLPUSH list other 0.01
        read: LINDEX list 0
        write: LINSERT list BEFORE 1 0
        read: LLEN list
        write: LMOVE list other LEFT RIGHT
        write: LMPOP 1 list LEFT
        write: LPOP list
        read: LPOS list 1
        write: LPUSH list 0
        write: LPUSHX list 0
        read: LRANGE list 0 -1
        write: LREM list 0 1
        write: LSET list 0 x
        write: LTRIM list 0 0
        write: RPOP list
        write: RPOPLPUSH list other
        write: RPUSH list 9
        write: RPUSHX list 9
        """

    static let sets = """
        write: SADD set x
        read: SCARD set
        read: SDIFF set set2
        write: SDIFFSTORE other set set2
        read: SINTER set set2
        read: SINTERCARD 2 set set2
        write: SINTERSTORE other set set2
        read: SISMEMBER set a
        read: SMEMBERS set
        read: SMISMEMBER set a z
        write: SMOVE set set2 a
        write: SPOP set
        read: SRANDMEMBER set
        write: SREM set a
        scan: SSCAN set 0
        scan: SSCAN set 17 COUNT 5
        read: SUNION set set2
        write: SUNIONSTORE other set set2
        """

    static let sortedSets = """
        blocking: BZMPOP 0.01 1 zset MIN
        blocking: BZPOPMAX zset 0.01
        blocking: BZPOPMIN zset 0.01
        write: ZADD zset 4 d
        read: ZCARD zset
        read: ZCOUNT zset 1 2
        read: ZDIFF 2 zset zset2
        write: ZDIFFSTORE other 2 zset zset2
        write: ZINCRBY zset 1 a
        read: ZINTER 2 zset zset2
        read: ZINTERCARD 2 zset zset2
        write: ZINTERSTORE other 2 zset zset2
        read: ZLEXCOUNT zset - +
        read: ZMSCORE zset a z
        write: ZMPOP 1 zset MIN
        write: ZPOPMAX zset
        write: ZPOPMIN zset
        read: ZRANDMEMBER zset
        read: ZRANGE zset 0 -1
        read: ZRANGEBYLEX zset - +
        read: ZRANGEBYSCORE zset 1 2
        write: ZRANGESTORE other zset 0 -1
        read: ZRANK zset a
        write: ZREM zset a
        write: ZREMRANGEBYLEX zset - [a
        write: ZREMRANGEBYRANK zset 0 0
        write: ZREMRANGEBYSCORE zset 1 1
        read: ZREVRANGE zset 0 -1
        read: ZREVRANGEBYLEX zset + -
        read: ZREVRANGEBYSCORE zset 2 1
        read: ZREVRANK zset a
        scan: ZSCAN zset 0
        read: ZSCORE zset a
        read: ZUNION 2 zset zset2
        write: ZUNIONSTORE other 2 zset zset2
        """

    static let hashes = """
        write: HDEL hash f
        read: HEXISTS hash f
        write: HEXPIRE hash 100 FIELDS 1 f
        write: HEXPIREAT hash 4000000000 FIELDS 1 f
        read: HEXPIRETIME hash FIELDS 1 f
        read: HGET hash f
        read: HGETALL hash
        write: HGETDEL hash FIELDS 1 f
        write: HGETEX hash FIELDS 1 f
        write: HINCRBY hash f 1
        write: HINCRBYFLOAT hash f 1.5
        read: HKEYS hash
        read: HLEN hash
        read: HMGET hash f g
        write: HMSET hash f 2
        write: HPERSIST hash FIELDS 1 f
        write: HPEXPIRE hash 100000 FIELDS 1 f
        write: HPEXPIREAT hash 4000000000000 FIELDS 1 f
        read: HPEXPIRETIME hash FIELDS 1 f
        read: HPTTL hash FIELDS 1 f
        read: HRANDFIELD hash
        scan: HSCAN hash 0
        write: HSET hash f 2
        write: HSETEX hash FIELDS 1 f 2
        write: HSETNX hash h 1
        read: HSTRLEN hash g
        read: HTTL hash FIELDS 1 f
        read: HVALS hash
        """

    static let bitmaps = """
        read: BITCOUNT bits
        read as BITFIELD_RO: BITFIELD bits GET u8 0
        read as BITFIELD_RO: BITFIELD bits get u8 0 overflow SAT GET i4 4
        read as BITFIELD_RO: BITFIELD bits
        write: BITFIELD bits SET u8 0 1
        write: BITFIELD bits GET u8 0 INCRBY u8 0 1
        write: BITFIELD bits GET u8
        write: BITFIELD
        read: BITFIELD_RO bits GET u8 0
        write: BITOP NOT other bits
        read: BITPOS bits 1
        read: GETBIT bits 7
        write: SETBIT bits 0 1
        """

    static let hyperLogLogs = """
        write: PFADD hll d
        write: PFCOUNT hll
        write: PFCOUNT hll hll
        write: PFDEBUG ENCODING hll
        write: PFMERGE other hll
        ask: PFSELFTEST
        """

    static let geo = """
        write: GEOADD geo 13 38 x
        read: GEODIST geo Palermo Catania
        read: GEOHASH geo Palermo
        read: GEOPOS geo Palermo
        read as GEORADIUS_RO: GEORADIUS geo 15 37 200 km
        read as GEORADIUS_RO: GEORADIUS geo 15 37 200 km WITHDIST COUNT 1 ASC
        write: GEORADIUS geo 15 37 200 km STORE other
        write: GEORADIUS geo 15 37 200 km ASC storedist other
        write: GEORADIUS geo 15 37 200
        read: GEORADIUS_RO geo 15 37 200 km
        read as GEORADIUSBYMEMBER_RO: GEORADIUSBYMEMBER geo Palermo 200 km
        write: GEORADIUSBYMEMBER geo Palermo 200 km STORE other
        write: GEORADIUSBYMEMBER geo Palermo 200 km STOREDIST other
        write: GEORADIUSBYMEMBER geo Palermo 200
        read: GEORADIUSBYMEMBER_RO geo Palermo 200 km
        read: GEOSEARCH geo FROMMEMBER Palermo BYRADIUS 200 km
        write: GEOSEARCHSTORE other geo FROMMEMBER Palermo BYRADIUS 200 km
        """

    static let streams = """
        write: XACK stream group 1-1
        write: XACKDEL stream group IDS 1 1-1
        write: XADD stream * f v
        write: XAUTOCLAIM stream group consumer 0 0
        write: XCFGSET stream
        write: XCLAIM stream group consumer 0 1-1
        write: XDEL stream 1-1
        write: XDELEX stream IDS 1 1-1
        ask: XGROUP NOSUCH
        write: XGROUP CREATE stream other 0
        write: XGROUP CREATECONSUMER stream group other
        write: XGROUP DELCONSUMER stream group consumer
        write: XGROUP DESTROY stream group
        ask: XGROUP HELP
        write: XGROUP SETID stream group 0
        write: XIDMPRECORD stream producer id 1-1
        ask: XINFO NOSUCH
        read: XINFO CONSUMERS stream group
        read: XINFO GROUPS stream
        ask: XINFO HELP
        read: XINFO STREAM stream
        read: XLEN stream
        read: XPENDING stream group
        read: XRANGE stream - +
        read: XREAD COUNT 1 STREAMS stream 0
        read: XREAD STREAMS BLOCK 0
        blocking: XREAD BLOCK 10 STREAMS stream $
        blocking: XREAD COUNT STREAMS block 10 STREAMS stream $
        write: XREADGROUP GROUP group consumer STREAMS stream >
        write: XREADGROUP GROUP block consumer STREAMS stream >
        blocking: XREADGROUP GROUP group consumer BLOCK 10 STREAMS stream >
        blocking: XREADGROUP GROUP STREAMS consumer NOACK BLOCK 10 STREAMS stream >
        read: XREVRANGE stream + -
        write: XSETID stream 9-9
        write: XTRIM stream MAXLEN 0
        """

    static let generic = """
        write: COPY string other
        write: DEL string
        read: DUMP string
        read: EXISTS string none
        write: EXPIRE string 100
        write: EXPIREAT string 4000000000
        read: EXPIRETIME string
        read: KEYS *
        write: MIGRATE 127.0.0.1 1 none 0 10
        write: MOVE string 1
        ask: OBJECT NOSUCH
        ask: OBJECT ENCODING string
        ask: OBJECT FREQ string
        ask: OBJECT HELP
        ask: OBJECT IDLETIME string
        ask: OBJECT REFCOUNT string
        write: PERSIST string
        write: PEXPIRE string 100000
        write: PEXPIREAT string 4000000000000
        read: PEXPIRETIME string
        read: PTTL string
        ask: RANDOMKEY
        write: RENAME string other
        write: RENAMENX string other
        write: RESTORE other 0 payload
        scan: SCAN 0
        scan: SCAN 288230376151711744 MATCH *
        scan: SCAN
        read as SORT_RO: SORT list
        read as SORT_RO: SORT list BY weight_* LIMIT 0 2 GET # DESC ALPHA
        write: SORT list STORE other
        write: SORT list desc store other
        write: SORT list BY store
        write: SORT
        read: SORT_RO list
        ask: TOUCH string
        read: TTL string
        read: TYPE string
        write: UNLINK string
        waiting: WAIT 0 10
        waiting: WAITAOF 0 0 10
        """
}
