// Following real sentinels: three of them, a master and a replica.

import Foundation
import Proxy
import RESP
import TestSupport
import Testing

@Suite(.serialized) struct SentinelTests {
    private static func settings(_ sentinels: [RedisSentinel], password: String? = nil)
        -> ProxyConfiguration.Sentinel
    {
        ProxyConfiguration.Sentinel(
            masterName: RedisSentinel.masterName, addresses: sentinels.map(\.endpoint),
            password: password.map { Secret(Array($0.utf8)) })
    }

    /// At the start the master and its replica are told; after a failover the other way round, with a higher epoch.
    /// Only one sentinel is named: the others are learnt.
    @Test func followsAFailover() throws {
        guard let deployment = try RedisDeployment.start(replicas: 1) else { return }
        let sentinels = try deployment.watched(by: 3)
        let followed = try FollowedSentinels(Self.settings([sentinels[0]]))
        let (first, second) = (deployment.master, deployment.replicas[0])
        let isToldFirst = followed.waitFor {
            $0.verdict?.master == first.endpoint && $0.answering == 3 && $0.known == 3
                && $0.verdict?.replicas.map(\.endpoint) == [second.endpoint]
                && $0.verdict?.replicas.first?.isLinked == true
        }
        #expect(isToldFirst, "\(followed.reports)")
        let before = try #require(followed.reports.last?.verdict)
        #expect(try first.information("server", "run_id") == before.runID)
        #expect(!before.isMasterDown)

        let leader = try sentinels[1].client()
        // It may want to hear more of the replica first.
        let isBegun = try wait {
            try leader.run("SENTINEL", "FAILOVER", RedisSentinel.masterName) == .simple("OK")
        }
        #expect(isBegun)
        let isToldSecond = followed.waitFor {
            $0.verdict?.master == second.endpoint
                && $0.verdict?.replicas.map(\.endpoint) == [first.endpoint]
                && $0.verdict?.runID != nil
        }
        #expect(isToldSecond, "\(followed.reports)")
        let after = try #require(followed.reports.last?.verdict)
        #expect(after.epoch > before.epoch)
        #expect(try second.information("server", "run_id") == after.runID)
        // It was told of once, and never of a way back.
        let masters = followed.reports.compactMap(\.verdict?.master)
        let turns = zip(masters, masters.dropFirst()).filter { $0 != $1 }
        #expect(turns.count == 1, "\(masters)")
    }

    /// One sentinel that is stopped, and one that is killed and comes back, change only how many answer.
    @Test func oneAway() throws {
        guard let deployment = try RedisDeployment.start(replicas: 1) else { return }
        let sentinels = try deployment.watched(by: 3)
        let followed = try FollowedSentinels(Self.settings(sentinels))
        let master = deployment.master.endpoint
        func isLike(_ answering: Int) -> Bool {
            followed.waitFor { $0.verdict?.master == master && $0.answering == answering }
        }
        #expect(isLike(3))
        sentinels[0].freeze()
        #expect(isLike(2), "\(followed.reports)")
        #expect(followed.log.contains("\(sentinels[0].endpoint) does not answer"))
        sentinels[0].thaw()
        #expect(isLike(3), "\(followed.reports)")
        sentinels[1].kill()
        #expect(isLike(2), "\(followed.reports)")
        try sentinels[1].restart()
        #expect(isLike(3), "\(followed.reports)")
        #expect(Set(followed.reports.compactMap(\.verdict?.master)) == [master])
        #expect(followed.reports.allSatisfy { $0.withoutMajoritySince == nil })
    }

    /// One of three is no majority, whatever it says: that is told, and no master.
    @Test func minority() throws {
        guard let deployment = try RedisDeployment.start(replicas: 1) else { return }
        let sentinels = try deployment.watched(by: 3)
        sentinels[1].freeze()
        sentinels[2].kill()
        let followed = try FollowedSentinels(Self.settings([sentinels[0]]))
        let isToldOfNone = followed.waitFor { $0.withoutMajoritySince != nil && $0.answering == 1 }
        #expect(isToldOfNone, "\(followed.reports)")
        #expect(followed.reports.allSatisfy { $0.verdict == nil && $0.answering <= 1 })
        #expect(followed.log.contains("1 of 3 answer"))
        sentinels[1].thaw()
        #expect(followed.waitFor { $0.verdict?.master == deployment.master.endpoint })
        #expect(followed.waitFor { $0.withoutMajoritySince == nil && $0.answering == 2 })
    }

    /// With the right password the sentinels are followed; what is wrong with another is told, and nothing else is.
    @Test func passwords() throws {
        guard let deployment = try RedisDeployment.start(replicas: 1) else { return }
        let sentinels = try deployment.watched(
            by: 3, lines: ["requirepass pears"], password: "pears")
        let right = try FollowedSentinels(Self.settings(sentinels, password: "pears"))
        #expect(right.waitFor { $0.verdict?.master == deployment.master.endpoint })
        #expect(right.waitFor { $0.answering == 3 })
        for (password, complaint) in [
            ("apples", "refuses the password"), (nil, "wants a password"),
        ] {
            let wrong = try FollowedSentinels(Self.settings(sentinels, password: password))
            #expect(wrong.waitFor { $0.withoutMajoritySince != nil })
            #expect(wrong.reports.allSatisfy { $0.verdict == nil && $0.answering == 0 })
            for sentinel in sentinels {
                let lines = wrong.log.split(separator: "\n").filter {
                    $0.contains("\(sentinel.endpoint) \(complaint)")
                }
                #expect(lines.count == 1, "\(wrong.log)")
            }
            #expect(!wrong.log.contains("apples"))
        }
    }

    /// Servers that are no sentinels, and sentinels that watch another master, are told for what they are.
    @Test func strangers() throws {
        guard let deployment = try RedisDeployment.start(replicas: 0) else { return }
        let sentinels = try deployment.watched(by: 1)
        var settings = Self.settings(sentinels)
        settings.masterName = "other"
        settings.addresses.append(deployment.master.endpoint)
        let followed = try FollowedSentinels(settings)
        #expect(followed.waitFor { $0.withoutMajoritySince != nil })
        #expect(followed.log.contains("\(sentinels[0].endpoint) does not know 'other'"))
        #expect(followed.log.contains("\(deployment.master.endpoint) is no sentinel"))
        #expect(followed.reports.allSatisfy { $0.verdict == nil && $0.answering == 0 })
    }
}
