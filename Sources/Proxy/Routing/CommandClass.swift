// Which class every command of the table is in: the one place where that is decided.
//
// There is no default: a command that is added to the table does not compile until somebody has thought about it.
// Tests hold the classes against the table's flags and against a live replica; docs/commands.md is made from them.

import RESP

extension CommandID {
    /// Whether what it answers may be worded by a client.
    var runsScripts: Bool {
        switch self {
        case .eval, .evalRO, .evalsha, .evalshaRO, .fcall, .fcallRO: true
        default: false
        }
    }
}

/// What is known of a command's requests before one is looked at.
enum CommandClass: Equatable, Sendable {
    case always(Disposition)
    case depends(ArgumentRule)

    /// What the proxy does with a command unless its configuration says otherwise.
    static func of(_ id: CommandID) -> CommandClass {
        switch id {
        case .digest, .get, .getrange, .lcs, .mget, .strlen, .substr,
            .lindex, .llen, .lpos, .lrange,
            .scard, .sdiff, .sinter, .sintercard, .sismember, .smembers, .smismember, .srandmember,
            .sunion,
            .zcard, .zcount, .zdiff, .zinter, .zintercard, .zlexcount, .zmscore, .zrandmember,
            .zrange, .zrangebylex, .zrangebyscore, .zrank, .zrevrange, .zrevrangebylex,
            .zrevrangebyscore, .zrevrank, .zscore, .zunion,
            .hexists, .hexpiretime, .hget, .hgetall, .hkeys, .hlen, .hmget, .hpexpiretime, .hpttl,
            .hrandfield, .hstrlen, .httl, .hvals,
            .bitcount, .bitfieldRO, .bitpos, .getbit,
            .geodist, .geohash, .geopos, .georadiusRO, .georadiusbymemberRO, .geosearch,
            .xinfoConsumers, .xinfoGroups, .xinfoStream, .xlen, .xpending, .xrange, .xrevrange,
            .dump, .exists, .expiretime, .keys, .pexpiretime, .pttl, .sortRO, .ttl, .type,
            .lolwut:
            .always(.read(.asItIs))

        // Any server can say that it is there. Where reads go they do not part a pipeline of reads, and a pool
        // that tries its connections by PING keeps them while the master is being replaced.
        case .echo, .ping:
            .always(.read(.asItIs))

        case .append, .decr, .decrby, .delex, .delifeq, .getdel, .getset, .incr, .incrby,
            .incrbyfloat, .mset, .msetex, .msetnx, .psetex, .set, .setex, .setnx, .setrange,
            .linsert, .lmove, .lmpop, .lpop, .lpush, .lpushx, .lrem, .lset, .ltrim, .rpop,
            .rpoplpush, .rpush, .rpushx,
            .sadd, .sdiffstore, .sinterstore, .smove, .spop, .srem, .sunionstore,
            .zadd, .zdiffstore, .zincrby, .zinterstore, .zmpop, .zpopmax, .zpopmin, .zrangestore,
            .zrem, .zremrangebylex, .zremrangebyrank, .zremrangebyscore, .zunionstore,
            .hdel, .hexpire, .hexpireat, .hgetdel, .hgetex, .hincrby, .hincrbyfloat, .hmset,
            .hpersist, .hpexpire, .hpexpireat, .hset, .hsetex, .hsetnx,
            .bitop, .setbit,
            .pfadd, .pfdebug, .pfmerge,
            .geoadd, .geosearchstore,
            .xack, .xackdel, .xadd, .xautoclaim, .xcfgset, .xclaim, .xdel, .xdelex, .xgroupCreate,
            .xgroupCreateconsumer, .xgroupDelconsumer, .xgroupDestroy, .xgroupSetID, .xidmprecord,
            .xsetid, .xtrim,
            .copy, .del, .expire, .expireat, .migrate, .move, .persist, .pexpire, .pexpireat,
            .rename, .renamenx, .restore, .restoreAsking, .unlink,
            .functionDelete, .functionFlush, .functionLoad, .functionRestore,
            .flushall, .flushdb, .sflush, .swapdb, .trimslots:
            .always(.write)

        // Keeps what it has counted inside the value and replicates that.
        case .pfcount:
            .always(.write)

        // A replica counts and finds keys that have expired, which it does not delete by itself.
        case .dbsize, .randomkey:
            .always(.ask)

        // Its side effect is what it is for; and about values as they lie in one server's memory.
        case .touch, .objectEncoding, .objectFreq, .objectIdletime, .objectRefcount, .memoryUsage:
            .always(.ask)

        // On a replica it reaches the subscribers of that replica alone.
        case .publish, .spublish:
            .depends(.publish)

        // What one server says about itself, and what operators do to it: always the master.
        case .pubsubChannels, .pubsubNumpat, .pubsubNumsub, .pubsubShardchannels,
            .pubsubShardnumsub,
            .aclCat, .aclDryrun, .aclGenpass, .aclGetuser, .aclList, .aclLog, .aclUsers,
            .bgrewriteaof, .bgsave, .lastsave, .save, .time,
            .command, .commandCount, .commandDocs, .commandGetkeys, .commandGetkeysandflags,
            .commandInfo, .commandList,
            .commandlogGet, .commandlogLength, .commandlogReset,
            .configGet, .configResetstat, .configRewrite, .configSet,
            .functionDump, .functionList, .scriptShow,
            .hotkeysGet, .hotkeysReset, .hotkeysStart, .hotkeysStop,
            .latencyDoctor, .latencyGraph, .latencyHistogram, .latencyHistory, .latencyLatest,
            .latencyReset,
            .memoryDoctor, .memoryMallocStats, .memoryPurge, .memoryStats,
            .moduleList, .pfselftest:
            .always(.ask)

        // Its cursors are one server's, and it is no SCAN that the proxy could send back there.
        case .clusterscan:
            .always(.ask)

        // The same text everywhere.
        case .aclHelp, .commandHelp, .commandlogHelp, .configHelp, .functionHelp, .hotkeysHelp,
            .latencyHelp, .memoryHelp, .moduleHelp, .objectHelp, .pubsubHelp, .scriptHelp,
            .xgroupHelp, .xinfoHelp:
            .always(.ask)

        // Without a subcommand, or with one that the table does not have: the server says what is wrong.
        case .acl, .commandlog, .config, .function, .hotkeys, .latency, .memory, .module, .object,
            .pubsub, .script, .xgroup, .xinfo:
            .always(.ask)

        case .scan: .always(.scan(cursor: 1))
        case .hscan, .sscan, .zscan: .always(.scan(cursor: 2))

        case .getex: .depends(.getex)
        case .sort: .depends(.sort)
        case .georadius: .depends(.georadius)
        case .georadiusbymember: .depends(.georadiusbymember)
        case .bitfield: .depends(.bitfield)
        case .xread: .depends(.xread)
        case .xreadgroup: .depends(.xreadgroup)
        case .eval: .depends(.eval)

        case .evalsha: .always(.script(ScriptCall(source: .digest, readsOnly: false)))
        case .fcall: .always(.script(ScriptCall(source: .function, readsOnly: false)))
        case .evalRO: .always(.script(ScriptCall(source: .body, readsOnly: true)))
        case .evalshaRO: .always(.script(ScriptCall(source: .digest, readsOnly: true)))
        case .fcallRO: .always(.script(ScriptCall(source: .function, readsOnly: true)))
        case .functionKill, .functionStats, .scriptExists, .scriptFlush, .scriptKill, .scriptLoad:
            .always(.scriptAdmin)

        case .blmove, .blmpop, .blpop, .brpop, .brpoplpush, .bzmpop, .bzpopmax, .bzpopmin:
            .always(.blocking)
        case .wait, .waitaof:
            .always(.waiting)
        case .discard, .exec, .multi, .unwatch, .watch:
            .always(.transaction)
        case .psubscribe, .punsubscribe, .ssubscribe, .subscribe, .sunsubscribe, .unsubscribe:
            .always(.subscription)
        case .clientCaching, .clientTracking, .monitor:
            .always(.pinning)

        case .aclWhoami, .asking, .auth, .client, .clientCapa, .clientGetname, .clientGetredir,
            .clientHelp, .clientID, .clientImportSource, .clientInfo, .clientKill, .clientList,
            .clientNoEvict, .clientNoTouch, .clientPause, .clientReply, .clientSetinfo,
            .clientSetname, .clientTrackinginfo, .clientUnblock, .clientUnpause, .hello, .quit,
            .readonly, .readwrite, .reset, .select:
            .always(.session)

        // Behind the proxy stands something that is no cluster and looks like one master to clients.
        case .info, .role, .slowlog, .slowlogGet, .slowlogHelp, .slowlogLength, .slowlogReset,
            .cluster, .clusterAddslots, .clusterAddslotsrange, .clusterBumpepoch,
            .clusterCancelslotmigrations, .clusterCountFailureReports, .clusterCountkeysinslot,
            .clusterDelslots, .clusterDelslotsrange, .clusterFailover, .clusterFlushslot,
            .clusterFlushslots,
            .clusterForget, .clusterGetkeysinslot, .clusterGetslotmigrations, .clusterHelp,
            .clusterInfo, .clusterKeyslot, .clusterLinks, .clusterMeet, .clusterMigrateslots,
            .clusterMigration, .clusterMyID, .clusterMyShardID, .clusterNodes, .clusterReplicas,
            .clusterReplicate, .clusterReset, .clusterSaveconfig, .clusterSetConfigEpoch,
            .clusterSetslot, .clusterShards, .clusterSlaves, .clusterSlotStats, .clusterSlots,
            .clusterSyncslots:
            .always(.local)

        case .psync, .replconf, .sync: .always(.refuse(.replication))
        case .failover, .replicaof, .slaveof: .always(.refuse(.topology))
        case .shutdown: .always(.refuse(.shutdown))
        case .debug: .always(.refuse(.debugging))
        case .moduleLoad, .moduleLoadex, .moduleUnload: .always(.refuse(.modules))
        // Half of it would be a user who may write and not read.
        case .aclDeluser, .aclLoad, .aclSave, .aclSetuser: .always(.refuse(.accessLists))
        case .scriptDebug: .always(.refuse(.scriptDebugger))
        }
    }

    /// What requests of this class may become, for documents and tests.
    var dispositions: [Disposition] {
        switch self {
        case .always(let disposition): [disposition]
        case .depends(let rule): rule.dispositions
        }
    }
}
