// Examples of the commands on connections, scripts and servers.

extension CommandExamples {
    static let pubSub = """
        subscription: PSUBSCRIBE news.*
        ask: PUBLISH news hello
        refused: PUBLISH __sluice__:events hello
        ask: PUBSUB NOSUCH
        ask: PUBSUB CHANNELS
        ask: PUBSUB HELP
        ask: PUBSUB NUMPAT
        ask: PUBSUB NUMSUB news
        ask: PUBSUB SHARDCHANNELS
        ask: PUBSUB SHARDNUMSUB news
        subscription: PUNSUBSCRIBE
        ask: SPUBLISH news hello
        refused: SPUBLISH __sluice__:watermarks:1 1
        subscription: SSUBSCRIBE news
        subscription: SUBSCRIBE news
        subscription: SUNSUBSCRIBE
        subscription: UNSUBSCRIBE
        """

    static let transactions = """
        transaction ends: DISCARD
        transaction ends: EXEC
        transaction mistaken: MULTI
        transaction queued: UNWATCH
        transaction mistaken: WATCH string
        """

    static let connections = """
        session: AUTH password
        session: CLIENT NOSUCH
        pinning: CLIENT CACHING YES
        session: CLIENT CAPA redirect
        session: CLIENT GETNAME
        session: CLIENT GETREDIR
        session: CLIENT HELP
        session: CLIENT ID
        session: CLIENT IMPORT-SOURCE ON
        session: CLIENT INFO
        session: CLIENT KILL 127.0.0.1:1
        session: CLIENT LIST
        session: CLIENT NO-EVICT ON
        session: CLIENT NO-TOUCH ON
        session: CLIENT PAUSE 1
        session: CLIENT REPLY ON
        session: CLIENT SETINFO LIB-NAME example
        session: CLIENT SETNAME example
        pinning: CLIENT TRACKING ON
        session: CLIENT TRACKINGINFO
        session: CLIENT UNBLOCK 1
        session: CLIENT UNPAUSE
        read: ECHO hello
        session: HELLO
        read: PING
        read: PING hello
        session ends: QUIT
        session ends: RESET
        session: SELECT 1
        """

    static let cluster = """
        session: ASKING
        local: CLUSTER NOSUCH
        local: CLUSTER ADDSLOTS 1
        local: CLUSTER ADDSLOTSRANGE 1 2
        local: CLUSTER BUMPEPOCH
        local: CLUSTER CANCELSLOTMIGRATIONS
        local: CLUSTER COUNT-FAILURE-REPORTS node
        local: CLUSTER COUNTKEYSINSLOT 1
        local: CLUSTER DELSLOTS 1
        local: CLUSTER DELSLOTSRANGE 1 2
        local: CLUSTER FAILOVER
        local: CLUSTER FLUSHSLOT 1
        local: CLUSTER FLUSHSLOTS
        local: CLUSTER FORGET node
        local: CLUSTER GETKEYSINSLOT 1 1
        local: CLUSTER GETSLOTMIGRATIONS
        local: CLUSTER HELP
        local: CLUSTER INFO
        local: CLUSTER KEYSLOT string
        local: CLUSTER LINKS
        local: CLUSTER MEET 127.0.0.1 1
        local: CLUSTER MIGRATESLOTS SLOTSRANGE 1 2 NODE node
        local: CLUSTER MIGRATION STATUS ALL
        local: CLUSTER MYID
        local: CLUSTER MYSHARDID
        local: CLUSTER NODES
        local: CLUSTER REPLICAS node
        local: CLUSTER REPLICATE node
        local: CLUSTER RESET
        local: CLUSTER SAVECONFIG
        local: CLUSTER SET-CONFIG-EPOCH 1
        local: CLUSTER SETSLOT 1 STABLE
        local: CLUSTER SHARDS
        local: CLUSTER SLAVES node
        local: CLUSTER SLOT-STATS SLOTSRANGE 0 1
        local: CLUSTER SLOTS
        local: CLUSTER SYNCSLOTS ACK
        ask: CLUSTERSCAN 0
        session: READONLY
        session: READWRITE
        """

    static let scripting = """
        script: EVAL {plain} 1 string
        script: EVAL {allow-stale} 0
        readingScript: EVAL {no-writes} 1 string
        readingScript: eval {several} 0
        script: EVAL
        readingScript: EVAL_RO {plain} 1 string
        script: EVALSHA {digest} 0
        readingScript: EVALSHA_RO {digest} 0
        script: FCALL one 0
        readingScript: FCALL_RO two 0
        ask: FUNCTION NOSUCH
        write: FUNCTION DELETE examples
        ask: FUNCTION DUMP
        write: FUNCTION FLUSH
        ask: FUNCTION HELP
        everywhere: FUNCTION KILL
        ask: FUNCTION LIST
        write: FUNCTION LOAD {library}
        write: FUNCTION RESTORE payload
        everywhere: FUNCTION STATS
        ask: SCRIPT NOSUCH
        refused: SCRIPT DEBUG NO
        everywhere: SCRIPT EXISTS {digest}
        everywhere: SCRIPT FLUSH
        ask: SCRIPT HELP
        everywhere: SCRIPT KILL
        everywhere: SCRIPT LOAD {plain}
        ask: SCRIPT SHOW {digest}
        """

    static let server = """
        ask: BGREWRITEAOF
        ask: BGSAVE
        ask: DBSIZE
        refused: DEBUG OBJECT string
        refused: FAILOVER
        write: FLUSHALL
        write: FLUSHDB
        local: INFO
        ask: LASTSAVE
        read: LOLWUT
        pinning: MONITOR
        refused: PSYNC ? -1
        refused: REPLCONF ACK 1
        refused: REPLICAOF NO ONE
        write: RESTORE-ASKING other 0 payload
        local: ROLE
        ask refused: SAVE
        write: SFLUSH 0 1
        refused: SHUTDOWN
        refused: SLAVEOF NO ONE
        write: SWAPDB 0 1
        refused: SYNC
        ask: TIME
        write: TRIMSLOTS RANGES 1 0 1
        """

    static let serverTools = """
        ask: ACL NOSUCH
        ask: ACL CAT
        refused: ACL DELUSER nobody
        ask: ACL DRYRUN default GET string
        ask: ACL GENPASS
        ask: ACL GETUSER default
        ask: ACL HELP
        ask: ACL LIST
        refused: ACL LOAD
        ask: ACL LOG
        refused: ACL SAVE
        refused: ACL SETUSER nobody
        ask: ACL USERS
        session: ACL WHOAMI
        ask: COMMAND
        ask: COMMAND COUNT
        ask: COMMAND DOCS GET
        ask: COMMAND GETKEYS GET string
        ask: COMMAND GETKEYSANDFLAGS GET string
        ask: COMMAND HELP
        ask: COMMAND INFO GET
        ask: COMMAND LIST
        ask: COMMANDLOG NOSUCH
        ask: COMMANDLOG GET 1 slow
        ask: COMMANDLOG HELP
        ask: COMMANDLOG LEN slow
        ask: COMMANDLOG RESET slow
        ask: CONFIG NOSUCH
        ask: CONFIG GET maxmemory
        ask: CONFIG HELP
        ask: CONFIG RESETSTAT
        ask: CONFIG REWRITE
        ask: CONFIG SET maxmemory 0
        ask: HOTKEYS NOSUCH
        ask: HOTKEYS GET
        ask: HOTKEYS HELP
        ask: HOTKEYS RESET
        ask: HOTKEYS START
        ask: HOTKEYS STOP
        ask: LATENCY NOSUCH
        ask: LATENCY DOCTOR
        ask: LATENCY GRAPH event
        ask: LATENCY HELP
        ask: LATENCY HISTOGRAM
        ask: LATENCY HISTORY event
        ask: LATENCY LATEST
        ask: LATENCY RESET
        ask: MEMORY NOSUCH
        ask: MEMORY DOCTOR
        ask: MEMORY HELP
        ask: MEMORY MALLOC-STATS
        ask: MEMORY PURGE
        ask: MEMORY STATS
        ask: MEMORY USAGE string
        ask: MODULE NOSUCH
        ask: MODULE HELP
        ask: MODULE LIST
        refused: MODULE LOAD nothing.so
        refused: MODULE LOADEX nothing.so
        refused: MODULE UNLOAD nothing
        local: SLOWLOG NOSUCH
        local: SLOWLOG GET
        local: SLOWLOG HELP
        local: SLOWLOG LEN
        local: SLOWLOG RESET
        """
}
