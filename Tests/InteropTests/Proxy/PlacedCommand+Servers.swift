// Where the commands about connections, servers and messages run, and which are refused.

extension PlacedCommand {
    static let others: [PlacedCommand] =
        asked + everywhere + atAnyServer + answeredByTheProxy + refused

    private static let asked = rows(
        .master,
        """
        PUBLISH c m
        PUBSUB CHANNELS
        PUBSUB NUMPAT
        PUBSUB NUMSUB c
        PUBSUB SHARDCHANNELS
        PUBSUB SHARDNUMSUB c
        ACL CAT
        ACL CAT hash
        ?ACL LIST
        ACL USERS
        ?ACL GETUSER default
        ?ACL GENPASS
        ACL DRYRUN default GET s
        ?ACL LOG
        ?TIME
        ?LASTSAVE
        LATENCY LATEST
        LATENCY HISTORY command
        LATENCY RESET
        ?LATENCY DOCTOR
        ?LATENCY HISTOGRAM set
        LATENCY GRAPH command
        ?MEMORY DOCTOR
        ?MEMORY STATS
        ?MEMORY MALLOC-STATS
        ?MEMORY PURGE
        MODULE LIST
        COMMAND COUNT
        COMMAND INFO get nosuch
        COMMAND DOCS get
        ~COMMAND LIST
        COMMAND GETKEYS MSET a 1 b 2
        COMMAND GETKEYSANDFLAGS GET k
        CONFIG GET maxmemory-samples
        CONFIG SET maxmemory-samples 5
        CONFIG SET nosuch 5
        CONFIG REWRITE
        FUNCTION LIST
        FUNCTION DUMP
        FUNCTION LIST LIBRARYNAME none
        !BGSAVE
        !SAVE
        !BGREWRITEAOF
        """)

    private static let everywhere = rows(
        .masterAtLeast,
        """
        SCRIPT LOAD 'return 1'
        SCRIPT EXISTS 0123456789012345678901234567890123456789
        SCRIPT LOAD 'return 1'; SCRIPT EXISTS e0e1f9fabfc9d4800c877a703b823ac0578ff8db
        SCRIPT FLUSH
        SCRIPT KILL
        SCRIPT HELP
        FUNCTION STATS
        FUNCTION KILL
        FUNCTION HELP
        FUNCTION LOAD '#!lua name=other\\nredis.register_function(\"f\",function() return 1 end)'
        SCRIPT LOAD 'return 1'; EVALSHA e0e1f9fabfc9d4800c877a703b823ac0578ff8db 0
        SCRIPT LOAD 'return 1'; EVALSHA_RO e0e1f9fabfc9d4800c877a703b823ac0578ff8db 0
        MULTI; SCRIPT LOAD 'return 1'; EXEC
        COMMAND
        CONFIG RESETSTAT
        """)

    private static let atAnyServer = rows(
        .anywhere,
        """
        PING
        PING text
        ECHO text
        PING too many
        NOSUCH a b
        NOSUCH
        GET
        GET a b
        CONFIG NOSUCH
        OBJECT NOSUCH s
        ?WAIT 0 10
        SET s v; WAIT 2 10000
        SUBSCRIBE c; UNSUBSCRIBE c
        SUBSCRIBE c; PING; UNSUBSCRIBE
        PSUBSCRIBE c*; PUNSUBSCRIBE c*
        SSUBSCRIBE c; SUNSUBSCRIBE c
        UNSUBSCRIBE c
        PUNSUBSCRIBE
        MULTI; DISCARD
        MULTI; EXEC
        MULTI; NOSUCH; EXEC
        MULTI; GET; SET s v; EXEC
        MULTI; MULTI; SET s 1; EXEC
        MULTI; WATCH s; EXEC
        MULTI; SET s 1; DISCARD; GET s
        EXEC
        DISCARD
        UNWATCH
        WATCH s; UNWATCH; GET s
        WATCH s; GET s; DISCARD
        WATCH s; SET s other; MULTI; GET s; EXEC
        MULTI; BLPOP none 0; EXEC
        SELECT 3; SET k v; GET k; SELECT 0; GET k; MOVE s 3; SELECT 3; GET s
        SELECT 99
        SELECT x
        CLIENT REPLY OFF; GET s; CLIENT REPLY ON; GET n
        CLIENT REPLY SKIP; GET s; GET n
        CLIENT CACHING YES
        CLIENT TRACKING OFF
        ?MONITOR
        COMMAND NOSUCH
        ACL HELP
        COMMAND HELP
        CONFIG HELP
        LATENCY HELP
        MEMORY HELP
        MODULE HELP
        PUBSUB HELP
        XGROUP HELP
        XINFO HELP
        """)

    private static let answeredByTheProxy = rows(
        .proxy,
        """
        !INFO
        !INFO replication
        ?ROLE
        ?HELLO
        HELLO 9
        HELLO x
        ?AUTH nobody password
        ?AUTH password
        CLIENT GETNAME
        CLIENT SETNAME me; CLIENT GETNAME
        CLIENT SETNAME 'two words'
        ?CLIENT ID
        ?CLIENT INFO
        ?CLIENT LIST
        CLIENT KILL ID 999999
        CLIENT KILL 1.2.3.4:5
        CLIENT NO-EVICT ON
        CLIENT UNPAUSE
        CLIENT PAUSE 1
        CLIENT GETREDIR
        CLIENT TRACKINGINFO
        CLIENT UNBLOCK 999999
        ?CLIENT HELP
        !CLIENT SETINFO LIB-NAME test
        ACL WHOAMI
        CLIENT SETNAME me; SELECT 3; RESET; CLIENT GETNAME; GET s
        MULTI; SET s 1; RESET; GET s
        WATCH s; RESET; GET s
        !READONLY
        !READWRITE
        !ASKING
        !CLUSTER INFO
        !CLUSTER SLOTS
        !CLUSTER KEYSLOT k
        !CLUSTER MYID
        !SENTINEL GET-MASTER-ADDR-BY-NAME any
        !SLOWLOG LEN
        !SLOWLOG GET
        !SLOWLOG HELP
        !SLOWLOG RESET
        !PROXY HELP
        !PROXY STATUS
        !PROXY BACKENDS
        !PROXY CONSISTENCY
        !PROXY EXPLAIN GET k
        !PROXY CLIENTS
        !PROXY SLOWLOG
        !PROXY STATS
        !PROXY CONFIG
        """)

    private static let refused = rows(
        .refused,
        """
        !PSYNC ? -1
        !SYNC
        !REPLCONF listening-port 1
        !REPLICAOF NO ONE
        !SLAVEOF NO ONE
        !FAILOVER
        !SHUTDOWN NOSAVE
        !DEBUG SLEEP 0
        !MODULE LOAD nosuch.so
        !MODULE LOADEX nosuch.so
        !MODULE UNLOAD nosuch
        !ACL SETUSER somebody on
        !ACL DELUSER somebody
        !ACL LOAD
        !ACL SAVE
        !SCRIPT DEBUG YES
        """)

    /// Commands without a row, and why.
    static let withoutRow: [String: String] = [
        "pfselftest": "it takes the server for seconds, and nobody's program calls it",
        "quit": "it ends the connection: tested by itself",
    ]
}
