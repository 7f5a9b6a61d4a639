// The names of all commands and subcommands, as the programs switch over them.

/// One command or subcommand; the raw value is its row in the command table.
///
/// A switch over it without a default does not compile when a case is missing: that is how a program finds out
/// about a new command.
public enum CommandID: UInt16, CaseIterable, Hashable, Sendable {
    // Strings.
    case append, decr, decrby, delex, delifeq, digest, get, getdel, getex, getrange, getset, incr
    case incrby, incrbyfloat, lcs, mget, mset, msetex, msetnx, psetex, set, setex, setnx, setrange
    case strlen, substr

    // Lists.
    case blmove, blmpop, blpop, brpop, brpoplpush, lindex, linsert, llen, lmove, lmpop, lpop, lpos
    case lpush, lpushx, lrange, lrem, lset, ltrim, rpop, rpoplpush, rpush, rpushx

    // Sets.
    case sadd, scard, sdiff, sdiffstore, sinter, sintercard, sinterstore, sismember, smembers
    case smismember, smove, spop, srandmember, srem, sscan, sunion, sunionstore

    // Sorted sets.
    case bzmpop, bzpopmax, bzpopmin, zadd, zcard, zcount, zdiff, zdiffstore, zincrby, zinter
    case zintercard, zinterstore, zlexcount, zmpop, zmscore, zpopmax, zpopmin, zrandmember, zrange
    case zrangebylex, zrangebyscore, zrangestore, zrank, zrem, zremrangebylex, zremrangebyrank
    case zremrangebyscore, zrevrange, zrevrangebylex, zrevrangebyscore, zrevrank, zscan, zscore
    case zunion, zunionstore

    // Hashes.
    case hdel, hexists, hexpire, hexpireat, hexpiretime, hget, hgetall, hgetdel, hgetex, hincrby
    case hincrbyfloat, hkeys, hlen, hmget, hmset, hpersist, hpexpire, hpexpireat, hpexpiretime
    case hpttl, hrandfield, hscan, hset, hsetex, hsetnx, hstrlen, httl, hvals

    // Strings as rows of bits.
    case bitcount, bitfield, bitfieldRO, bitop, bitpos, getbit, setbit

    // HyperLogLogs.
    case pfadd, pfcount, pfdebug, pfmerge, pfselftest

    // Places on the map.
    case geoadd, geodist, geohash, geopos, georadius, georadiusRO, georadiusbymember
    case georadiusbymemberRO, geosearch, geosearchstore

    // Streams.
    case xack, xackdel, xadd, xautoclaim, xcfgset, xclaim, xdel, xdelex, xgroup, xgroupCreate
    case xgroupCreateconsumer, xgroupDelconsumer, xgroupDestroy, xgroupHelp, xgroupSetID
    case xidmprecord, xinfo, xinfoConsumers, xinfoGroups, xinfoHelp, xinfoStream, xlen, xpending
    case xrange, xread, xreadgroup, xrevrange, xsetid, xtrim

    // Keys of any type.
    case copy, del, dump, exists, expire, expireat, expiretime, keys, migrate, move, object
    case objectEncoding, objectFreq, objectHelp, objectIdletime, objectRefcount, persist, pexpire
    case pexpireat, pexpiretime, pttl, randomkey, rename, renamenx, restore, scan, sort, sortRO
    case touch, ttl, type, unlink, wait, waitaof

    // Messages.
    case psubscribe, publish, pubsub, pubsubChannels, pubsubHelp, pubsubNumpat, pubsubNumsub
    case pubsubShardchannels, pubsubShardnumsub, punsubscribe, spublish, ssubscribe, subscribe
    case sunsubscribe, unsubscribe

    // Transactions.
    case discard, exec, multi, unwatch, watch

    // The connection itself.
    case auth, client, clientCaching, clientCapa, clientGetname, clientGetredir, clientHelp
    case clientID, clientImportSource, clientInfo, clientKill, clientList, clientNoEvict
    case clientNoTouch, clientPause, clientReply, clientSetinfo, clientSetname, clientTracking
    case clientTrackinginfo, clientUnblock, clientUnpause, echo, hello, ping, quit, reset, select

    // The cluster.
    case asking, cluster, clusterAddslots, clusterAddslotsrange, clusterBumpepoch
    case clusterCancelslotmigrations, clusterCountFailureReports, clusterCountkeysinslot
    case clusterDelslots, clusterDelslotsrange, clusterFailover, clusterFlushslot, clusterFlushslots
    case clusterForget, clusterGetkeysinslot, clusterGetslotmigrations, clusterHelp, clusterInfo
    case clusterKeyslot, clusterLinks, clusterMeet, clusterMigrateslots, clusterMigration
    case clusterMyID, clusterMyShardID, clusterNodes, clusterReplicas, clusterReplicate
    case clusterReset, clusterSaveconfig, clusterSetConfigEpoch, clusterSetslot, clusterShards
    case clusterSlaves, clusterSlotStats, clusterSlots, clusterSyncslots, clusterscan, readonly
    case readwrite

    // Scripts and functions.
    case eval, evalRO, evalsha, evalshaRO, fcall, fcallRO, function, functionDelete, functionDump
    case functionFlush, functionHelp, functionKill, functionList, functionLoad, functionRestore
    case functionStats, script, scriptDebug, scriptExists, scriptFlush, scriptHelp, scriptKill
    case scriptLoad, scriptShow

    // The server.
    case bgrewriteaof, bgsave, dbsize, debug, failover, flushall, flushdb, info, lastsave, lolwut
    case monitor, psync, replconf, replicaof, restoreAsking, role, save, sflush, shutdown, slaveof
    case swapdb, sync, time, trimslots

    // How the server is set up and watched.
    case acl, aclCat, aclDeluser, aclDryrun, aclGenpass, aclGetuser, aclHelp, aclList, aclLoad
    case aclLog, aclSave, aclSetuser, aclUsers, aclWhoami, command, commandCount, commandDocs
    case commandGetkeys, commandGetkeysandflags, commandHelp, commandInfo, commandList, commandlog
    case commandlogGet, commandlogHelp, commandlogLength, commandlogReset, config, configGet
    case configHelp, configResetstat, configRewrite, configSet, hotkeys, hotkeysGet, hotkeysHelp
    case hotkeysReset, hotkeysStart, hotkeysStop, latency, latencyDoctor, latencyGraph, latencyHelp
    case latencyHistogram, latencyHistory, latencyLatest, latencyReset, memory, memoryDoctor
    case memoryHelp, memoryMallocStats, memoryPurge, memoryStats, memoryUsage, module, moduleHelp
    case moduleList, moduleLoad, moduleLoadex, moduleUnload, slowlog, slowlogGet, slowlogHelp
    case slowlogLength, slowlogReset
}
